package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
)

// flakyJobs fails chosen calls of a backend.
type flakyJobs struct {
	jobBackend
	mu    sync.Mutex
	fault func(verb string) error
}

func (f *flakyJobs) Fail(fault func(verb string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *flakyJobs) says(verb string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil {
		return nil
	}
	return f.fault(verb)
}

func (f *flakyJobs) settleJob(ctx context.Context, c Claimed, v verdict) error {
	if err := f.says(v.verb); err != nil {
		return err
	}
	return f.jobBackend.settleJob(ctx, c, v)
}

func (f *flakyJobs) claimJob(ctx context.Context, kind string, now, leaseEnd time.Time) (Claimed, error) {
	if err := f.says("claim"); err != nil {
		return Claimed{}, err
	}
	return f.jobBackend.claimJob(ctx, kind, now, leaseEnd)
}

func failing(verbs ...string) func(string) error {
	return func(verb string) error {
		if slices.Contains(verbs, verb) {
			return broken(verb, errors.New("away"))
		}
		return nil
	}
}

// workplace is a store in a bubble of time with a worker of one kind of job.
type workplace struct {
	t     *testing.T
	store *Store
	flaky *flakyJobs
	*Worker
	stop func() // ends the worker and waits for it
}

func startWorker(t *testing.T, parallel int, h Handle) *workplace {
	t.Helper()
	s := openFileStore(t, Config{})
	flaky := &flakyJobs{jobBackend: s.Jobs.raw}
	s.Jobs.raw = flaky
	p := &workplace{t: t, store: s, flaky: flaky, Worker: &Worker{
		Jobs: s.Jobs, KV: s.KV, Now: time.Now, Log: slog.New(slog.DiscardHandler), Works: []Work{{"work", parallel, h}},
	}}
	p.stop = p.run()
	t.Cleanup(func() { p.stop() })
	return p
}

// run starts the worker again.
func (p *workplace) run() func() {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { p.Run(ctx, 5*time.Second) })
	return func() { cancel(); done.Wait() }
}

func (p *workplace) add(id string) {
	p.t.Helper()
	if err := p.store.Jobs.Add(p.t.Context(), Job{Kind: "work", ID: id, At: p.Now()}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *workplace) counts() Counts {
	p.t.Helper()
	n, err := p.store.Jobs.Count(p.t.Context(), "work")
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// pass lets time go by and everybody come to rest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// until returns how long a handler's context lived.
func until(ctx context.Context, lived chan<- time.Duration) (time.Time, error) {
	began := time.Now()
	<-ctx.Done()
	lived <- time.Since(began)
	return time.Time{}, ctx.Err()
}

// SWAP-03: a handler that sleeps keeps its job as long as the claim is renewed: nobody else gets it, and it is done once.
func TestAClaimIsKeptForAsLongAsTheHandlerWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := 0
		p := startWorker(t, 4, func(context.Context, Claimed) (time.Time, error) {
			began++
			<-time.After(10 * WorkLease)
			return time.Time{}, nil
		})
		p.add("a")
		pass(11 * WorkLease)
		if n := p.counts(); began != 1 || n != (Counts{}) {
			t.Errorf("begun %d times, left %+v", began, n)
		}
	})
}

// As many jobs of a kind are done at once as there are hands, and one hand looks for all: looking in vain costs the store the same for one as for sixteen.
func TestOneLooksForAllHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hands, jobs = 16, 50
		var mu sync.Mutex
		running, most, looks := 0, 0, 0
		begins := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			running += n
			most = max(most, running)
		}
		p := startWorker(t, hands, func(context.Context, Claimed) (time.Time, error) {
			begins(1)
			defer begins(-1)
			<-time.After(time.Second)
			return time.Time{}, nil
		})
		began := p.Now()
		for i := range jobs {
			p.add(strconv.Itoa(i))
		}
		for p.counts() != (Counts{}) && p.Now().Sub(began) < time.Minute {
			pass(100 * time.Millisecond)
		}
		if took := p.Now().Sub(began); most != hands || took > 5*time.Second {
			t.Errorf("%d at once, all done after %v", most, took)
		}
		p.flaky.Fail(func(string) error { looks++; return nil })
		pass(time.Minute)
		if looks > int(time.Minute/pollEvery)+1 {
			t.Errorf("%d looks in a minute", looks)
		}
	})
}

// Each look wakes a process that has nothing else to do: all kinds are looked at in the same moments, however they came out of step.
func TestAllKindsAreLookedAtTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openFileStore(t, Config{})
		w := &Worker{Jobs: s.Jobs, KV: s.KV, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		moments := map[time.Time]int{}
		flaky := &flakyJobs{jobBackend: s.Jobs.raw, fault: func(string) error { moments[time.Now()]++; return nil }}
		s.Jobs.raw = flaky
		for _, kind := range []string{"a", "b", "c"} {
			w.Works = append(w.Works, Work{kind, 1, func(context.Context, Claimed) (time.Time, error) { return time.Time{}, nil }})
		}
		p := &workplace{t: t, store: s, Worker: w}
		defer p.run()()
		for i, kind := range []string{"a", "b", "c"} {
			pass(time.Duration(i+1) * 100 * time.Millisecond)
			if err := s.Jobs.Add(t.Context(), Job{Kind: kind, ID: "x", At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		flaky.Fail(nil)
		clear(moments)
		flaky.Fail(func(string) error { moments[time.Now()]++; return nil })
		pass(10 * pollEvery)
		if len(moments) != 10 {
			t.Errorf("looks in %d moments of ten seconds: %v", len(moments), moments)
		}
		for at, looks := range moments {
			if looks != 3 {
				t.Errorf("%d looks at %v", looks, at)
			}
		}
	})
}

// SWAP-03: a handler ends when another worker has its job.
func TestLosingTheClaimEndsTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lived := make(chan time.Duration, 1)
		p := startWorker(t, 1, func(ctx context.Context, _ Claimed) (time.Time, error) { return until(ctx, lived) })
		p.add("a")
		synctest.Wait()
		if err := p.store.Jobs.Remove(t.Context(), "work", "a"); err != nil {
			t.Fatal(err)
		}
		if got := <-lived; got > renewEvery+time.Second {
			t.Errorf("the handler went on for %v", got)
		}
		pass(time.Minute)
		if n := p.counts(); n != (Counts{}) {
			t.Errorf("left %+v", n)
		}
	})
}

// SWAP-03: a handler ends with its lease when no renewal gets through, since another worker may have the job from then on. The job is
// not at fault: it comes again, however often that happens.
func TestAHandlerEndsWithItsLeaseWhenTheStoreCannotRenewIt(t *testing.T) {
	for name, fault := range map[string]func(string) error{
		"from the start": failing("renew", "retry", "defer"),
		"later":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lived := make(chan time.Duration, 1)
				p := startWorker(t, 1, func(ctx context.Context, _ Claimed) (time.Time, error) { return until(ctx, lived) })
				p.flaky.Fail(fault)
				p.add("a")
				least, most := time.Duration(0), WorkLease
				if fault == nil {
					pass(5 * renewEvery)
					p.flaky.Fail(failing("renew"))
					least, most = 5*renewEvery, 5*renewEvery+WorkLease
				}
				for range 2 * MaxTries {
					if got := <-lived; got <= least || got > most {
						t.Fatalf("the handler lived for %v, want at most %v", got, most)
					}
					p.flaky.Fail(failing("renew"))
					least, most = 0, WorkLease
				}
				if n := p.counts(); n != (Counts{Waiting: 1}) {
					t.Errorf("left %+v", n)
				}
			})
		})
	}
}

// SWAP-09: at the end, what is under way may finish within the drain; what does not is given back, and nothing new is begun.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := map[string]time.Duration{"short": 3 * time.Second, "long": time.Hour}
		var cut []string
		p := startWorker(t, 2, func(ctx context.Context, c Claimed) (time.Time, error) {
			select {
			case <-time.After(took[c.ID]):
				return time.Time{}, nil
			case <-ctx.Done():
				cut = append(cut, c.ID)
				return time.Time{}, ctx.Err()
			}
		})
		p.add("short")
		p.add("long")
		pass(sideBySide) // both are claimed
		began := p.Now()
		p.stop()
		if drained := p.Now().Sub(began).Truncate(time.Second); drained != 5*time.Second || !slices.Equal(cut, []string{"long"}) {
			t.Errorf("drained for %v, cut off: %v", drained, cut)
		}
		p.add("late")
		if n := p.counts(); n != (Counts{Waiting: 2}) {
			t.Errorf("left %+v", n)
		}
		took["long"] = 0 // another process takes over, soon
		p.stop = p.run()
		pass(awayPause + pollEvery)
		if n := p.counts(); n != (Counts{}) {
			t.Errorf("left after the next start: %+v", n)
		}
	})
}

// STO-13: what a handler says decides when its job comes again, and whether it is given up.
func TestJobsComeAgainAsTheirHandlerSays(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		next  time.Duration
		again time.Duration
		after int // claims after which it is parked; 0 = never
	}{
		"keycloak away": {err: bridge.Fault(bridge.CodeKeycloakAway, "", nil), again: awayPause},
		"keycloak busy": {err: &bridge.Error{Code: bridge.CodeKeycloakAway, After: 30 * time.Second}, again: 30 * time.Second},
		"for too long":  {err: errors.Join(&bridge.Error{Code: bridge.CodeKeycloakAway, After: time.Hour}), again: time.Minute},
		"store away":    {err: bridge.ErrStoreAway, again: awayPause},
		"audit full":    {err: bridge.Fault(bridge.CodeAuditFull, "", nil), again: awayPause},
		"later":         {next: 7 * time.Second, again: 7 * time.Second},
		"own fault":     {err: errors.New("no idea"), again: faultPause, after: MaxTries},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				var parked []string
				p := startWorker(t, 1, func(context.Context, Claimed) (time.Time, error) {
					at = append(at, time.Now())
					if c.next > 0 {
						return at[len(at)-1].Add(c.next), nil
					}
					return time.Time{}, c.err
				})
				p.Parked = func(kind, id string) { parked = append(parked, kind+"/"+id) }
				p.add("a")
				pass(20 * (c.again + pollEvery))
				for i := range at[1:] {
					if gap := at[i+1].Sub(at[i]); gap < c.again || gap > c.again+pollEvery {
						t.Errorf("came again after %v, want %v", gap, c.again)
					}
				}
				want := Counts{Waiting: 1}
				if c.after > 0 {
					want = Counts{Parked: 1}
				}
				if n := p.counts(); n != want || (c.after == 0 && len(at) < 15) || (c.after > 0 && len(at) != c.after) || len(parked) != want.Parked {
					t.Errorf("done %d times, parked %v, left %+v", len(at), parked, n)
				}
			})
		})
	}
}

// STO-13: whatever the store forgets to take, no job is lost and no two workers have the same one.
func TestNoJobIsLostOnABadStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const jobs = 200
		var mu sync.Mutex
		done, running := map[string]int{}, map[string]bool{}
		h := func(ctx context.Context, c Claimed) (time.Time, error) {
			mu.Lock()
			if running[c.ID] {
				t.Errorf("two workers have job %s", c.ID)
			}
			running[c.ID] = true
			mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			mu.Lock()
			running[c.ID] = false
			done[c.ID]++
			mu.Unlock()
			return time.Time{}, ctx.Err()
		}
		p := startWorker(t, 4, h)
		other := p.run()
		calls := 0
		p.flaky.Fail(func(verb string) error {
			calls++
			if calls%3 == 0 {
				return broken(verb, errors.New("away"))
			}
			return nil
		})
		for i := range jobs {
			p.add(strconv.Itoa(i))
		}
		pass(5 * time.Minute)
		other()
		if n := p.counts(); len(done) != jobs || n.Waiting != 0 {
			t.Errorf("%d of %d done, left %+v", len(done), jobs, n)
		}
	})
}
