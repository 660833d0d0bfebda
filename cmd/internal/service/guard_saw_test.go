package service

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/control"
)

// OIDC-18: a store that has lost what the doctor saw mends nothing in the realm: the process knows it, and after a start the trail does; it is put back.
func TestALostStoreMendsNothing(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	open := bridge.Found(bridge.FindFlowOverride, "portal")
	if err := remember(t.Context(), s.store, seenIn(s.cfg), doctor.Report{At: time.Now(), Results: []doctor.Result{{Check: "flow-overrides", Findings: []bridge.Finding{open}}}}); err != nil {
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
	if last, err := seen(s.store).Get(t.Context(), seenIn(s.cfg)); err != nil || len(last.Findings()) != 1 {
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

// OIDC-18: what stopped recoveries is found however much was put on record since, and wherever the trail was rotated to.
func TestALostStoreMendsNothingBehindALongTrail(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	record := func(event, findings string) {
		t.Helper()
		e := bridge.AuditEvent{Event: event, Outcome: "ok", Actor: "system", Detail: map[string]string{"findings": findings}}
		if err := s.audit.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	record("guard.stopped", "flow.override elsewhere")
	record("guard.resumed", "")
	record("guard.stopped", "flow.override portal")
	var text strings.Builder
	for n := range 40_000 { // 40 MB: presses that were refused meanwhile
		fmt.Fprintf(&text, `{"time":"2026-11-29T07:30:00.000Z","seq":%d,"event":"recovery.refused","outcome":"refused","code":"realm_unsafe","target":"%0900d","version":""}`+"\n", 10+n, n)
	}
	file, err := os.OpenFile(s.cfg.Audit.File, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(text.String())
		err = errors.Join(err, file.Close(), os.Rename(s.cfg.Audit.File, s.cfg.Audit.File+".1"), s.audit.Reopen())
	}
	if err != nil {
		t.Fatal(err)
	}
	if found := s.doctorSaw(t.Context()).Findings(); len(found) != 1 || found[0].Object != "portal" {
		t.Errorf("%+v", found)
	}
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

// INV-6: a check of which half a look alone is known, however often, is not known: nobody is let in on a guess.
func TestHalfALookIsNoAnswer(t *testing.T) {
	t.Parallel()
	g := &guard{now: time.Now, lasts: time.Hour}
	watched := []bridge.Check{{Name: "gate-role"}}
	half := doctor.Result{Check: "gate-role", Findings: []bridge.Finding{bridge.Found(bridge.FindGateRole, "")}, Unchecked: &bridge.Unchecked{Why: bridge.UncheckedTime}}
	if half.Findings[0].Severity == bridge.Deadly {
		t.Fatal("closes it by itself")
	}
	for range 3 {
		g.take(doctor.Report{At: time.Now(), Results: []doctor.Result{half}}, doctor.Report{}, watched)
		if err := g.closed(); bridge.CodeOf(err) != bridge.CodeKeycloakAway || g.known() {
			t.Errorf("%v, known: %t", err, g.known())
		}
	}
	half.Unchecked = nil
	g.take(doctor.Report{At: time.Now(), Results: []doctor.Result{half}}, doctor.Report{}, watched)
	if err := g.closed(); err != nil || !g.known() {
		t.Errorf("answered: %v", err)
	}
}

// OIDC-18: what only an administrator's client sees was never looked at, or not for a week, check by check: a run that did not get to look at one of them makes it no
// younger.
func TestALongTimeWithoutTheDoctorIsAFinding(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	now := s.opts.Now()
	want := func(when, since string) {
		t.Helper()
		found, err := s.checkSeen(t.Context())
		switch {
		case err != nil || len(found) > 1 || len(found) > 0 != (since != ""):
			t.Errorf("%s: %+v, %v", when, found, err)
		case since != "" && (found[0].ID != bridge.FindDoctorOld || found[0].Values["when"] != since):
			t.Errorf("%s: %+v, want since %s", when, found, since)
		}
	}
	sees := func(at time.Time, results ...doctor.Result) {
		t.Helper()
		if err := remember(t.Context(), s.store, seenIn(s.cfg), doctor.Report{At: at, Results: results}); err != nil {
			t.Fatal(err)
		}
	}
	want("never", "-")
	week := now.Add(-7 * 24 * time.Hour)
	scope, overrides := doctor.Result{Check: "recovery-scope"}, doctor.Result{Check: "flow-overrides"}
	sees(week.Add(-time.Hour), scope, overrides)
	want("more than a week ago", week.Add(-time.Hour).Format(time.RFC3339))
	sees(week, scope, overrides)
	want("a week ago", "")
	sees(now, scope)
	want("one of them now", "")
	s.opts.Now = func() time.Time { return now.Add(time.Hour) }
	want("the other one too long ago", week.Format(time.RFC3339))
	sees(now.Add(time.Hour), doctor.Result{Check: "flow-overrides", Unchecked: &bridge.Unchecked{Why: bridge.UncheckedTime}})
	want("no answer to the other one", week.Format(time.RFC3339))
	sees(now.Add(time.Hour), overrides)
	want("both", "")
}

// OIDC-18: whoever may manage clients makes thousands of findings, and no line of the trail that nobody can read back: the verdict names each finding with the
// first of its objects and counts the others, and after a loss of the store it is known from the trail.
func TestAVerdictOfThousandsIsShort(t *testing.T) {
	t.Parallel()
	const clients = 5000
	s, _ := afterLoss(t)
	s.guard.now, s.guard.lasts = s.opts.Now, time.Hour
	r := doctor.Result{Check: "recovery-scope", Findings: []bridge.Finding{bridge.Found(bridge.FindScopeMissing, "otp-recovery")}}
	for i := range clients {
		r.Findings = append(r.Findings, bridge.Found(bridge.FindFlowOverride, fmt.Sprintf("an-application-of-some-department-%05d", i)))
	}
	s.guard.take(doctor.Report{At: s.opts.Now(), Results: []doctor.Result{r}}, doctor.Report{}, nil)
	said := s.tell(t.Context(), "")
	if len(said) > 1000 || !strings.Contains(said, fmt.Sprintf("-00009, and %d more of flow.override, scope.missing otp-recovery", clients-objectsSaid)) {
		t.Errorf("%d bytes: %.1000s", len(said), said)
	}
	s.store, s.guard = storetest.Bolt(t).Open(t, storetest.NewRing(t, "k1"), s.opts.Now), guard{}
	found := s.doctorSaw(t.Context()).Findings()
	if len(found) != objectsSaid+1 || found[0].Object != "an-application-of-some-department-00000" || found[objectsSaid].ID != bridge.FindScopeMissing {
		t.Errorf("%d: %+v", len(found), found)
	}
}

// OIDC-18, INV-6: what the doctor saw in one realm says nothing of another that the configuration leads to later, and is still there when it leads back.
func TestWhatTheDoctorSawIsOfOneRealm(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	const test = "https://sso-test.example.ac.jp/realms/campus"
	s.cfg.SignIn.Issuer = test
	stopped := bridge.AuditEvent{Event: "guard.stopped", Outcome: "failed", Actor: "system", Detail: map[string]string{"findings": "flow.override portal", "issuer": test}}
	if err := s.audit.Record(t.Context(), stopped); err != nil {
		t.Fatal(err)
	}
	seenThere := doctor.Report{At: s.opts.Now(), Results: []doctor.Result{{Check: "flow-overrides", Findings: []bridge.Finding{bridge.Found(bridge.FindFlowOverride, "portal")}}}}
	if err := remember(t.Context(), s.store, seenIn(s.cfg), seenThere); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		issuer string
		seen   bool
	}{{test, true}, {"https://sso.example.ac.jp/realms/campus", false}, {"https://sso-test.example.ac.jp/realms/other", false}, {test, true}} {
		s.cfg.SignIn.Issuer, s.guard = x.issuer, guard{}
		never, err := s.checkSeen(t.Context())
		if err != nil || (len(never) == 0) != x.seen {
			t.Errorf("%+v: %+v, %v", x.issuer, never, err)
		}
		if found := s.doctorSaw(t.Context()).Findings(); (len(found) == 1) != x.seen {
			t.Errorf("%+v: %+v", x.issuer, found)
		}
	}
	for of, want := range map[string]int{seenIn(s.cfg): http.StatusOK, "https://sso.example.ac.jp/realms/campus": http.StatusNotFound} {
		answer := httptest.NewRecorder()
		s.controlHandler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/checks?"+url.Values{control.Of: {of}}.Encode(), strings.NewReader(`{}`)))
		if answer.Code != want {
			t.Errorf("handed over of %s: %d", of, answer.Code)
		}
	}
}
