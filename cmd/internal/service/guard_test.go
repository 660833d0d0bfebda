package service

import (
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
)

// INV-6: before the guard has looked nobody is let in. A press in the first seconds waits for that look, and not for ever.
func TestPressWaitsForTheFirstLook(t *testing.T) {
	t.Parallel()
	watched := []bridge.Check{{Name: "flow"}}
	answer := func(unchecked *bridge.Unchecked) doctor.Report {
		return doctor.Report{Results: []doctor.Result{{Check: "flow", Unchecked: unchecked}}}
	}
	for name, x := range map[string]struct {
		look func(*guard)
		open bool
		took time.Duration
	}{
		"answered": {func(g *guard) { g.take(answer(nil), doctor.Report{}, watched) }, true, time.Second},
		"no answer": {func(g *guard) {
			g.take(answer(&bridge.Unchecked{Why: bridge.UncheckedAnswer}), doctor.Report{}, watched)
		}, false, firstLook},
		"never looked": {func(*guard) {}, false, firstLook},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &guard{first: make(chan struct{})}
			time.AfterFunc(time.Second, func() { x.look(g) })
			begun := time.Now()
			g.await(t.Context())
			err := g.closed()
			if (err == nil) != x.open || !x.open && bridge.CodeOf(err) != bridge.CodeKeycloakAway || time.Since(begun) != x.took {
				t.Errorf("%s: %v after %s", name, err, time.Since(begun))
			}
		})
	}
}

// A check that never gets an answer is not asked for, with all the others, every two seconds for ever.
func TestGuardLosesHurry(t *testing.T) {
	t.Parallel()
	p := pauses{every: 5 * time.Minute}
	flow, both := []string{"flow"}, []string{"flow", "profile"}
	for i, x := range []struct {
		unknown []string
		want    time.Duration
	}{
		{both, 2 * time.Second}, {both, 4 * time.Second}, {flow, 2 * time.Second}, {flow, 4 * time.Second}, {flow, 8 * time.Second},
		{flow, 16 * time.Second}, {flow, 32 * time.Second}, {flow, 32 * time.Second}, {nil, 5 * time.Minute}, {nil, 5 * time.Minute}, {flow, 2 * time.Second},
	} {
		if got := p.next(x.unknown); got != x.want {
			t.Errorf("look %d: %s, want %s", i, got, x.want)
		}
	}
	if often := (&pauses{every: time.Second}); often.next(flow) != time.Second {
		t.Error("slower than configured")
	}
}
