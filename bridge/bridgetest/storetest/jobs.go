package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/store"
)

const lease = 8 * time.Second

func add(t testing.TB, s *store.Store, j store.Job) {
	t.Helper()
	wantErr(t, "add "+j.ID, s.Jobs.Add(t.Context(), j), nil)
}

func claim(t testing.TB, s *store.Store, now time.Time, kinds ...string) store.Claimed {
	t.Helper()
	c, err := s.Jobs.Claim(t.Context(), kinds, now, lease)
	wantErr(t, "claim", err, nil)
	return c
}

func noneDue(t testing.TB, s *store.Store, now time.Time, kinds ...string) {
	t.Helper()
	_, err := s.Jobs.Claim(t.Context(), kinds, now, lease)
	wantErr(t, "claim of nothing", err, store.ErrAbsent)
}

func counts(t testing.TB, s *store.Store, kind string, want store.Counts) {
	t.Helper()
	got, err := s.Jobs.Count(t.Context(), kind)
	if err != nil || got != want {
		t.Fatalf("counts of %s: %+v (%v), want %+v", kind, got, err, want)
	}
}

// testJobOrder: due by time, kinds by rank, listed in order, replaced by id, forgotten on demand (STO-13).
func testJobOrder(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	now := clock.Now()
	noneDue(t, b, now, "mail", "swap")
	add(t, a, store.Job{Kind: "mail", ID: "late", At: now.Add(time.Minute), Payload: []byte("3")})
	add(t, a, store.Job{Kind: "mail", ID: "early", At: now.Add(-time.Hour), Payload: []byte("1")})
	add(t, a, store.Job{Kind: "mail", ID: "mid", At: now, Payload: []byte("?")})
	add(t, b, store.Job{Kind: "mail", ID: "mid", At: now.Add(-time.Minute), Payload: []byte("2")})
	add(t, b, store.Job{Kind: "swap", ID: "mid", At: now})
	list, err := b.Jobs.List(t.Context(), "mail", 2)
	wantErr(t, "list", err, nil)
	if len(list) != 2 || list[0].ID != "early" || list[1].ID != "mid" || string(list[1].Payload) != "2" || list[0].Leased {
		t.Fatalf("list: %+v", list)
	}
	if c := claim(t, b, now, "swap", "mail"); c.Kind != "swap" || !c.At.Equal(now) || c.Tries != 1 {
		t.Fatalf("first by kind: %+v", c)
	}
	for _, want := range []string{"early", "mid"} {
		if c := claim(t, a, now, "swap", "mail"); c.ID != want {
			t.Fatalf("claimed %q, want %q", c.ID, want)
		}
	}
	noneDue(t, a, now, "swap", "mail")
	counts(t, a, "mail", store.Counts{Waiting: 3})
	wantErr(t, "remove", a.Jobs.Remove(t.Context(), "mail", "late"), nil)
	wantErr(t, "remove again", a.Jobs.Remove(t.Context(), "mail", "late"), nil)
	wantErr(t, "remove of an unknown kind", a.Jobs.Remove(t.Context(), "no", "late"), nil)
	counts(t, b, "mail", store.Counts{Waiting: 2})
}

// testFencing: a worker that slept past its lease can neither finish nor keep nor return the job (SWAP-03).
func testFencing(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	add(t, a, store.Job{Kind: "swap", ID: "alice", At: clock.Now(), Payload: []byte("p")})
	sleeper := claim(t, a, clock.Now(), "swap")
	clock.Advance(lease - time.Second)
	noneDue(t, b, clock.Now(), "swap")
	wantErr(t, "renew", a.Jobs.Renew(t.Context(), sleeper, lease), nil)
	clock.Advance(lease - time.Second)
	noneDue(t, b, clock.Now(), "swap")
	clock.Advance(time.Second)
	next := claim(t, b, clock.Now(), "swap")
	if next.Fence <= sleeper.Fence || next.Tries != 2 || string(next.Payload) != "p" {
		t.Fatalf("second claim %+v after %+v", next, sleeper)
	}
	wantErr(t, "late renew", a.Jobs.Renew(t.Context(), sleeper, lease), store.ErrConflict)
	wantErr(t, "late done", a.Jobs.Done(t.Context(), sleeper), store.ErrConflict)
	wantErr(t, "late retry", a.Jobs.Retry(t.Context(), sleeper, clock.Now(), "x"), store.ErrConflict)
	wantErr(t, "late defer", a.Jobs.Defer(t.Context(), sleeper, clock.Now()), store.ErrConflict)
	noneDue(t, a, clock.Now(), "swap")
	wantErr(t, "done", b.Jobs.Done(t.Context(), next), nil)
	wantErr(t, "done twice", b.Jobs.Done(t.Context(), next), store.ErrConflict)
	counts(t, a, "swap", store.Counts{})
}

// testReplaced: work added while its forerunner is under way is neither lost nor done at the same time.
func testReplaced(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	for _, end := range []string{"done", "retry", "lease"} {
		add(t, a, store.Job{Kind: end, ID: "1", At: clock.Now(), Payload: []byte("old")})
		c := claim(t, a, clock.Now(), end)
		add(t, b, store.Job{Kind: end, ID: "1", At: clock.Now(), Payload: []byte("new")})
		noneDue(t, b, clock.Now(), end)
		switch end {
		case "done":
			wantErr(t, end, a.Jobs.Done(t.Context(), c), nil)
		case "retry":
			wantErr(t, end, a.Jobs.Retry(t.Context(), c, clock.Now().Add(time.Hour), "x"), nil)
		case "lease":
			clock.Advance(lease)
		}
		if c = claim(t, b, clock.Now(), end); string(c.Payload) != "new" || c.Tries != 1 {
			t.Errorf("after %s: %+v", end, c)
		}
		wantErr(t, "done", b.Jobs.Done(t.Context(), c), nil)
		counts(t, a, end, store.Counts{})
	}
}

// testParked: after ten tries a job is given up with its reason and without its payload; deferring does not count (STO-13, STO-14).
func testParked(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	add(t, a, store.Job{Kind: "mail", ID: "poison", At: clock.Now(), Payload: []byte("body")})
	for range 20 {
		wantErr(t, "defer", a.Jobs.Defer(t.Context(), claim(t, a, clock.Now(), "mail"), clock.Now()), nil)
	}
	for i := range store.MaxTries {
		c := claim(t, b, clock.Now(), "mail")
		if c.Tries != i+1 {
			t.Fatalf("try %d says %d", i+1, c.Tries)
		}
		wantErr(t, "retry", b.Jobs.Retry(t.Context(), c, clock.Now().Add(time.Minute), fmt.Sprint("refused ", i+1)), nil)
		noneDue(t, a, clock.Now(), "mail")
		clock.Advance(time.Minute)
	}
	noneDue(t, a, clock.Now(), "mail")
	counts(t, a, "mail", store.Counts{Parked: 1})
	parked, err := b.Jobs.Parked(t.Context(), "mail", 5)
	if err != nil || len(parked) != 1 || parked[0].ID != "poison" || parked[0].Reason != "refused 10" || parked[0].Tries != 10 {
		t.Fatalf("parked: %+v, %v", parked, err)
	}
	add(t, a, store.Job{Kind: "mail", ID: "poison", At: clock.Now()})
	if c := claim(t, b, clock.Now(), "mail"); c.Tries != 1 || len(c.Payload) != 0 {
		t.Fatalf("added again: %+v", c)
	}
	counts(t, a, "mail", store.Counts{Waiting: 1})
	for range store.MaxTries - 1 { // workers that die tell nothing
		clock.Advance(lease)
		claim(t, a, clock.Now(), "mail")
	}
	clock.Advance(lease)
	noneDue(t, a, clock.Now(), "mail")
	parked, err = b.Jobs.Parked(t.Context(), "mail", 5)
	if err != nil || len(parked) != 1 || parked[0].Reason != "" {
		t.Fatalf("parked without a word: %+v, %v", parked, err)
	}
	wantErr(t, "remove", a.Jobs.Remove(t.Context(), "mail", "poison"), nil)
	counts(t, b, "mail", store.Counts{})
}

// testThousandJobs: workers of two clients, some of which die half-way; no job is lost, none has two workers at once (STO-13).
func testThousandJobs(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	var adders sync.WaitGroup
	for part := range 20 {
		adders.Go(func() {
			for i := range 50 {
				add(t, a, store.Job{Kind: "k", ID: fmt.Sprint(part*50 + i), At: clock.Now(), Payload: fmt.Append(nil, part*50+i)})
			}
		})
	}
	adders.Wait()
	c := &crew{done: map[string]int{}, busy: map[string]bool{}}
	for round := range store.MaxTries {
		var wg sync.WaitGroup
		for i := range 16 {
			s := []*store.Store{a, b}[i%2]
			wg.Go(func() { c.work(t, s, clock.Now(), round) })
		}
		wg.Wait()
		clear(c.busy) // the dead ones hold nothing once their leases are over
		clock.Advance(lease)
	}
	for i := range 1000 {
		if c.done[fmt.Sprint(i)] != 1 {
			t.Fatalf("job %d was done %d times", i, c.done[fmt.Sprint(i)])
		}
	}
	counts(t, b, "k", store.Counts{})
}

// crew is what the workers of testThousandJobs have done.
type crew struct {
	mu   sync.Mutex
	n    int
	done map[string]int
	busy map[string]bool
}

// work claims until nothing is due. In early rounds every seventh worker dies with the job in hand.
func (c *crew) work(t *testing.T, s *store.Store, now time.Time, round int) {
	for {
		got, err := s.Jobs.Claim(t.Context(), []string{"k"}, now, lease)
		if errors.Is(err, store.ErrAbsent) {
			return
		}
		if err != nil || string(got.Payload) != got.ID {
			t.Errorf("claim: %+v, %v", got, err)
			return
		}
		if c.begin(t, got.ID) && round < 3 {
			continue
		}
		c.mu.Lock()
		c.busy[got.ID] = false
		c.done[got.ID]++
		c.mu.Unlock()
		if err := s.Jobs.Done(t.Context(), got); err != nil {
			t.Error(err)
		}
	}
}

func (c *crew) begin(t *testing.T, id string) (dies bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[id] {
		t.Errorf("job %s has two workers", id)
	}
	c.busy[id] = true
	c.n++
	return c.n%7 == 0
}
