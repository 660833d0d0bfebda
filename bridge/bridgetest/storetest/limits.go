package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
)

// testLimits: uses are counted once for all clients; whoever is refused learns in whole seconds when to come again (RL-03).
func testLimits(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	limit := bridge.Limit{Name: "codes", Count: 10, Per: time.Hour}
	var ok, refused atomic.Int32
	race(50, func(i int) error {
		yes, retry, err := []*store.Store{a, b}[i%2].Limiter.Allow(t.Context(), limit, "alice")
		switch {
		case err != nil:
			t.Error(err)
		case yes:
			ok.Add(1)
		case retry != retry.Truncate(time.Second) || retry < time.Second || retry > 6*time.Minute:
			t.Errorf("retry after %v", retry)
		default:
			refused.Add(1)
		}
		return nil
	})
	if ok.Load() != 10 || refused.Load() != 40 {
		t.Fatalf("%d taken and %d refused, want 10 and 40", ok.Load(), refused.Load())
	}
	if yes, _, err := b.Limiter.Allow(t.Context(), limit, "bob"); !yes || err != nil {
		t.Errorf("somebody else's first use: %v, %v", yes, err)
	}
	wantErr(t, "forget", a.Limiter.Forget(t.Context(), limit, "alice"), nil)
	if yes, _, err := b.Limiter.Allow(t.Context(), limit, "alice"); !yes || err != nil {
		t.Errorf("after forgetting: %v, %v", yes, err)
	}
	for _, bad := range []bridge.Limit{
		{Name: "l", Per: time.Second}, {Name: "l", Count: -1, Per: time.Second}, {Name: "l", Count: 1}, {Count: 1, Per: time.Hour},
	} {
		if yes, _, err := a.Limiter.Allow(t.Context(), bad, "x"); yes || err == nil {
			t.Errorf("%+v was taken for a limit", bad)
		}
	}
}

// testUsesTogether: uses that are taken together count as they would one after the other: up to the first that is refused, and nothing behind it.
func testUsesTogether(t *testing.T, w World) {
	s := w.Open(t, NewRing(t, "k1"), NewClock().Now)
	wide, narrow := bridge.Limit{Name: "wide", Count: 3, Per: time.Hour}, bridge.Limit{Name: "narrow", Count: 2, Per: time.Hour}
	uses := []bridge.Use{{Limit: wide, Key: "before"}, {Limit: narrow, Key: "alice", AtMost: true}, {Limit: wide, Key: "behind"}}
	each := func(want int, wantRetry time.Duration) {
		t.Helper()
		if taken, retry, err := s.Limiter.AllowEach(t.Context(), uses); err != nil || taken != want || retry != wantRetry {
			t.Errorf("%d taken, again in %v, %v; want %d, %v", taken, retry, err, want, wantRetry)
		}
	}
	each(3, 0)
	each(3, 0)
	each(1, time.Hour)
	if ok, _, err := s.Limiter.Allow(t.Context(), wide, "before"); ok || err != nil {
		t.Errorf("what was taken before the refusal counts: %v, %v", ok, err)
	}
	if ok, _, err := s.Limiter.Allow(t.Context(), wide, "behind"); !ok || err != nil {
		t.Errorf("what stands behind the refusal was taken: %v, %v", ok, err)
	}
	uses[1].Limit.Count = 0
	if taken, _, err := s.Limiter.AllowEach(t.Context(), uses[1:]); taken != 0 || err == nil {
		t.Errorf("no limit: %d taken, %v", taken, err)
	}
}

// testCounter: failures at the same moment are all counted, and a success begins again (RL-01).
func testCounter(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	race(20, func(i int) error {
		_, _, err := []*store.Store{a, b}[i%2].Counter("codes", time.Hour).Add(t.Context(), "alice")
		if err != nil {
			t.Error(err)
		}
		return err
	})
	before, now, err := a.Counter("codes", time.Hour).Add(t.Context(), "alice")
	if err != nil || before.N != 20 || now.N != 21 || !now.Last.Equal(clock.Now()) {
		t.Fatalf("%+v then %+v, %v", before, now, err)
	}
	wantErr(t, "reset", b.Counter("codes", time.Hour).Reset(t.Context(), "alice"), nil)
	if n, err := a.Counter("codes", time.Hour).Get(t.Context(), "alice"); err != nil || n.N != 0 {
		t.Fatalf("after reset: %+v, %v", n, err)
	}
	if _, _, err = a.Counter("codes", time.Hour).Add(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	if n, err := b.Counter("codes", time.Hour).Get(t.Context(), "alice"); err != nil || n.N != 0 {
		t.Fatalf("after its time: %+v, %v", n, err)
	}
}
