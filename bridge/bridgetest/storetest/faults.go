package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
)

// everyOperation is all that can be asked of a store, with names.
func everyOperation(s *store.Store, held store.Claimed) map[string]func(ctx context.Context) error {
	records := store.NewTyped[int](s.KV, store.Kind{Name: "n", Version: 1})
	limit := bridge.Limit{Name: "l", Count: 3, Per: time.Minute}
	add := func(n int, _ bool) (int, error) { return n + 1, nil }
	count := s.Counter("c", time.Hour)
	return map[string]func(ctx context.Context) error{
		"get":     func(ctx context.Context) error { _, _, err := s.KV.Get(ctx, "b/1"); return err },
		"delete":  func(ctx context.Context) error { return s.KV.Delete(ctx, "b/1", store.Any) },
		"ping":    s.Ping,
		"typed":   func(ctx context.Context) error { _, err := records.Get(ctx, "x"); return err },
		"create":  func(ctx context.Context) error { return records.Create(ctx, "x", time.Minute, 1) },
		"update":  func(ctx context.Context) error { _, err := records.Update(ctx, "x", time.Minute, add); return err },
		"take":    func(ctx context.Context) error { _, err := records.Take(ctx, "x", nil); return err },
		"limit":   func(ctx context.Context) error { _, _, err := s.Limiter.Allow(ctx, limit, "x"); return err },
		"at most": func(ctx context.Context) error { _, _, err := s.Limiter.AllowAtMost(ctx, limit, "x"); return err },
		"each": func(ctx context.Context) error {
			_, _, err := s.Limiter.AllowEach(ctx, []bridge.Use{{Limit: limit, Key: "x"}, {Limit: limit, Key: "x", AtMost: true}})
			return err
		},
		"forget": func(ctx context.Context) error { return s.Limiter.Forget(ctx, limit, "x") },
		"count":  func(ctx context.Context) error { _, _, err := count.Add(ctx, "x"); return err },
		"tally":  func(ctx context.Context) error { _, err := count.Get(ctx, "x"); return err },
		"add":    func(ctx context.Context) error { return s.Jobs.Add(ctx, store.Job{Kind: "k", ID: "1"}) },
		"claim": func(ctx context.Context) error {
			_, err := s.Jobs.Claim(ctx, []string{"k"}, time.Now(), time.Second)
			return err
		},
		"renew":  func(ctx context.Context) error { return s.Jobs.Renew(ctx, held, time.Second) },
		"done":   func(ctx context.Context) error { return s.Jobs.Done(ctx, held) },
		"retry":  func(ctx context.Context) error { return s.Jobs.Retry(ctx, held, time.Now(), "r") },
		"defer":  func(ctx context.Context) error { return s.Jobs.Defer(ctx, held, time.Now()) },
		"remove": func(ctx context.Context) error { return s.Jobs.Remove(ctx, "k", "1") },
		"list":   func(ctx context.Context) error { _, err := s.Jobs.List(ctx, "k", 9); return err },
		"parked": func(ctx context.Context) error { _, err := s.Jobs.Parked(ctx, "k", 9); return err },
		"counts": func(ctx context.Context) error { _, err := s.Jobs.Count(ctx, "k"); return err },
	}
}

// testBroken: with the store away nothing reads as absent, every refusal comes soon, and nothing is lost (STO-03, STO-08).
func testBroken(t *testing.T, w World) {
	s := w.Open(t, NewRing(t, "k1"), time.Now)
	put(t, s.KV, "b/1", "kept", store.PutOptions{If: store.Absent, TTL: time.Hour})
	wantErr(t, "add", s.Jobs.Add(t.Context(), store.Job{Kind: "k", ID: "1", At: time.Now()}), nil)
	held, err := s.Jobs.Claim(t.Context(), []string{"k"}, time.Now(), time.Hour)
	wantErr(t, "claim", err, nil)
	w.Break(t, s)
	for name, op := range everyOperation(s, held) {
		refusedSoon(t, name, op)
	}
	s = w.Mend(t, s)
	get(t, s.KV, "b/1", "kept")
}

// refusedSoon wants ErrBroken within 400 ms. A busy machine gets ten chances for the time, none for the error.
func refusedSoon(t *testing.T, name string, op func(context.Context) error) {
	t.Helper()
	var took time.Duration
	for range 10 {
		begun := time.Now()
		wantErr(t, name, op(t.Context()), store.ErrBroken)
		if took = time.Since(begun); took <= 400*time.Millisecond {
			return
		}
	}
	t.Errorf("%s: refused after %v", name, took)
}

// testCancelled: a caller that gives up gets no decision either.
func testCancelled(t *testing.T, w World) {
	s := w.Open(t, NewRing(t, "k1"), time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, op := range everyOperation(s, store.Claimed{Job: store.Job{Kind: "k", ID: "1"}, Fence: 1}) {
		wantErr(t, name, op(ctx), store.ErrBroken)
	}
}

// testRestart: what was acknowledged is there after a restart of everything (STO-06, RL-03).
func testRestart(t *testing.T, w World) {
	ring := NewRing(t, "k1")
	s := w.Open(t, ring, time.Now)
	id := s.ID()
	limit := bridge.Limit{Name: "l", Count: 2, Per: time.Hour}
	for i := range 100 {
		put(t, s.KV, fmt.Sprintf("r/%d", i), fmt.Sprint(i), store.PutOptions{If: store.Absent, TTL: time.Hour})
	}
	wantErr(t, "add", s.Jobs.Add(t.Context(), store.Job{Kind: "k", ID: "j", At: time.Now(), Payload: []byte("p")}), nil)
	for range 2 {
		_, _, err := s.Limiter.Allow(t.Context(), limit, "x")
		wantErr(t, "limit", err, nil)
	}
	if _, _, err := s.Counter("c", store.Forever).Add(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "close", s.Close(), nil)
	w.Restart(t)
	s = w.Open(t, ring, time.Now)
	if s.Fresh() || s.ID() != id {
		t.Error("the store takes itself for a new one")
	}
	for i := range 100 {
		get(t, s.KV, fmt.Sprintf("r/%d", i), fmt.Sprint(i))
	}
	jobs, err := s.Jobs.List(t.Context(), "k", 9)
	if err != nil || len(jobs) != 1 || string(jobs[0].Payload) != "p" {
		t.Errorf("jobs: %v, %v", jobs, err)
	}
	if ok, retry, err := s.Limiter.Allow(t.Context(), limit, "x"); ok || err != nil || retry <= 29*time.Minute {
		t.Errorf("the third use: %v, retry %v, %v", ok, retry, err)
	}
	if n, err := s.Counter("c", store.Forever).Get(t.Context(), "x"); n.N != 1 || err != nil {
		t.Errorf("failures: %v, %v", n, err)
	}
}

// testSealed: a value belongs to one record and one ring of keys (STO-10).
func testSealed(t *testing.T, w World) {
	oldest, middle, newest := NewKey(t, "old"), NewKey(t, "mid"), NewKey(t, "new")
	s := w.Open(t, Ring(t, oldest), time.Now)
	hour := store.PutOptions{If: store.Any, TTL: time.Hour}
	put(t, s.KV, "s/alice", "level=mfa", hour)
	put(t, s.KV, "s/mallory", "level=1", hour)
	stolen, _, err := s.Raw().Get(t.Context(), "s/alice")
	wantErr(t, "raw get", err, nil)
	put(t, s.Raw(), "s/mallory", string(stolen), hour)
	_, _, err = s.KV.Get(t.Context(), "s/mallory")
	wantErr(t, "get of a swapped value", err, store.ErrBroken)
	for i := range stolen {
		bad := append([]byte(nil), stolen...)
		bad[i] ^= 1
		put(t, s.Raw(), "s/bad", string(bad), hour)
		_, _, err = s.KV.Get(t.Context(), "s/bad")
		wantErr(t, fmt.Sprint("get with byte ", i, " altered"), err, store.ErrBroken)
	}
	wantErr(t, "close", s.Close(), nil)

	s = w.Open(t, Ring(t, middle, oldest), time.Now) // rotation: new first, old still readable
	get(t, s.KV, "s/alice", "level=mfa")
	put(t, s.KV, "s/bob", "sealed with mid", hour)
	wantErr(t, "close", s.Close(), nil)

	s = w.Open(t, Ring(t, newest, middle), time.Now) // the oldest is gone
	get(t, s.KV, "s/bob", "sealed with mid")
	_, _, err = s.KV.Get(t.Context(), "s/alice")
	wantErr(t, "get with its key gone", err, store.ErrBroken)
	if !errors.Is(err, store.ErrUnknownKey) || !strings.Contains(err.Error(), `"old"`) {
		t.Errorf("the fault does not name the key: %v", err)
	}
	wantErr(t, "close", s.Close(), nil)
	c := w.Config
	c.Keys, c.Now = Ring(t, NewKey(t, "foreign")), time.Now
	if _, err = store.Open(t.Context(), c); !errors.Is(err, store.ErrUnknownKey) {
		t.Errorf("opened with a foreign key: %v", err)
	}
}

// testDump: nothing that was stored can be read from the file or the server's files (STO-14).
func testDump(t *testing.T, w World) {
	const canary = "canary-4f1c"
	s := w.Open(t, NewRing(t, "k1"), time.Now)
	put(t, s.KV, "d/1", canary, store.PutOptions{If: store.Absent, TTL: time.Hour})
	records := store.NewTyped[map[string]string](s.KV, store.Kind{Name: "d", Version: 1})
	wantErr(t, "create", records.Create(t.Context(), s.Keys().Index("code", canary), time.Hour, map[string]string{canary: canary}), nil)
	for _, id := range []string{"a", "b"} {
		wantErr(t, "add", s.Jobs.Add(t.Context(), store.Job{Kind: "k", ID: id, At: time.Now(), Payload: []byte(canary)}), nil)
	}
	c, err := s.Jobs.Claim(t.Context(), []string{"k"}, time.Now().Add(time.Second), time.Hour)
	wantErr(t, "claim", err, nil)
	wantErr(t, "retry", s.Jobs.Retry(t.Context(), c, time.Now(), canary), nil)
	_, _, err = s.Limiter.Allow(t.Context(), bridge.Limit{Name: "l", Count: 3, Per: time.Minute}, canary)
	wantErr(t, "limit", err, nil)
	dump := w.Dump(t)
	if !strings.Contains(dump, "d/1") {
		t.Error("the dump is not one: the name of a record is not in it")
	}
	for _, word := range []string{canary, `"v":1`} {
		if strings.Contains(dump, word) {
			t.Errorf("%q stands in the store", word)
		}
	}
}
