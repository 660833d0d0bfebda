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
