package service

import (
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/doctor"
)

// OIDC-18: a store that has lost what the doctor saw mends nothing in the realm: the process knows it, and after a start the trail does; it is put back.
func TestALostStoreMendsNothing(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	open := bridge.Found(bridge.FindFlowOverride, "portal")
	if err := remember(t.Context(), s.store, doctor.Report{At: time.Now(), Results: []doctor.Result{{Check: "flow-overrides", Findings: []bridge.Finding{open}}}}); err != nil {
		t.Fatal(err)
	}
	holds := func(when string, want int) {
		t.Helper()
		for range 2 {
			if found := s.doctorSaw(t.Context()).Findings(); len(found) != want || want > 0 && (found[0].ID != open.ID || found[0].Object != open.Object) {
				t.Errorf("%s: %+v", when, found)
			}
		}
	}
	holds("stored", 1)
	empty := func() {
		s.store = storetest.Bolt(t).Open(t, storetest.NewRing(t, "k1"), s.opts.Now)
	}
	empty()
	holds("lost", 1)
	if last, err := seen(s.store).Get(t.Context(), seenKey); err != nil || len(last.Findings()) != 1 {
		t.Errorf("not put back: %+v, %v", last, err)
	}
	restart := func(event, findings string) {
		t.Helper()
		empty()
		s.guard = guard{}
		e := bridge.AuditEvent{Event: event, Outcome: "ok", Actor: "system", Detail: map[string]string{"findings": findings}}
		if err := s.audit.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	restart("guard.stopped", "events.off, flow.override portal, not checked: clock")
	holds("lost, and started again", 1)
	restart("guard.resumed", "")
	holds("mended before", 0)
}

// OIDC-18, INV-6: what a check found before its answers stopped counts, beside what it found before.
func TestWhatHalfALookFoundCounts(t *testing.T) {
	t.Parallel()
	g := &guard{now: time.Now, lasts: time.Hour}
	watched := []bridge.Check{{Name: "gate-role"}}
	take := func(unchecked *bridge.Unchecked, found ...bridge.Finding) {
		g.take(doctor.Report{At: time.Now(), Results: []doctor.Result{{Check: "gate-role", Findings: found, Unchecked: unchecked}}}, doctor.Report{}, watched)
	}
	take(nil)
	if err := g.closed(); err != nil {
		t.Fatal(err)
	}
	take(&bridge.Unchecked{Why: bridge.UncheckedTime}, bridge.Found(bridge.FindGateSpread, "/staff"))
	take(&bridge.Unchecked{Why: bridge.UncheckedTime})
	if deadly, _ := g.unsafe(); len(deadly) != 1 {
		t.Errorf("%+v", deadly)
	}
	take(nil)
	if err := g.closed(); err != nil {
		t.Error(err)
	}
}
