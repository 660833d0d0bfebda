package service

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
)

// OPS-09: a check that did not answer never counts as passed, whatever it said before; what it found before stays.
func TestHealthReportNeverCallsSilenceFine(t *testing.T) {
	t.Parallel()
	s := &service{opts: Options{Now: time.Now}}
	s.guard.now, s.guard.lasts = time.Now, time.Minute
	found := []bridge.Finding{bridge.Found(bridge.FindClockOff, "")}
	look := func(results ...doctor.Result) {
		s.guard.take(doctor.Report{At: time.Now(), Results: results}, doctor.Report{}, []bridge.Check{{Name: "flow"}})
	}
	page := healthPage{s}
	if r := page.Report(); !r.At.IsZero() || !r.Stopped || len(r.Passed) > 0 {
		t.Errorf("before the first look: %+v", r)
	}
	look(doctor.Result{Check: "flow"}, doctor.Result{Check: "clock", Findings: found})
	if r := page.Report(); r.Stopped || !slices.Equal(r.Passed, []string{"flow"}) || len(r.Findings) != 1 || len(r.Unchecked) != 0 {
		t.Errorf("after a look: %+v", r)
	}
	silent := &bridge.Unchecked{Why: bridge.UncheckedTime}
	look(doctor.Result{Check: "flow", Unchecked: silent}, doctor.Result{Check: "clock", Unchecked: silent})
	r := page.Report()
	if len(r.Passed) != 0 || len(r.Findings) != 1 || len(r.Unchecked) != 2 || r.Unchecked[0].Check != "clock" {
		t.Errorf("after silence: %+v", r)
	}
	since := time.Now().Add(time.Minute)
	s.guard.now = func() time.Time { return since.Add(time.Second) }
	if r := page.Report(); !r.Stopped || time.Until(r.Silent) > 0 || r.Silent.IsZero() {
		t.Errorf("after long silence: %+v", r)
	}
}

// A press looks again and waits for that look, not for ever; presses within ten seconds of a look do not look again.
func TestCheckAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{opts: Options{Now: time.Now}}
		s.guard.hurry = make(chan struct{}, 1)
		takes := func() { s.guard.take(doctor.Report{At: time.Now()}, doctor.Report{}, nil) }
		press := func() time.Duration {
			began := time.Now()
			healthPage{s}.Again(t.Context())
			return time.Since(began)
		}
		go func() {
			<-s.guard.hurry
			time.Sleep(3 * time.Second)
			takes()
		}()
		if took := press(); took != 3*time.Second {
			t.Errorf("waited %s", took)
		}
		if took := press(); took != 0 || len(s.guard.hurry) != 0 {
			t.Errorf("at once again: waited %s", took)
		}
		time.Sleep(guardPause)
		if took := press(); took != firstLook || len(s.guard.hurry) != 1 {
			t.Errorf("nobody looked: waited %s", took)
		}
	})
}
