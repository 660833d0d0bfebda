package web_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// A11Y-04: each press keeps a call open for an hour from then on, ten times and more, through ends of the session, until eight hours after its
// start; then the page offers it no more, and the call ends.
func TestACallIsKeptOpenForEightHours(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p := caller(t, c, "somebody")
	c.Clock.Stop()
	began := recovery(t, c, "somebody").StartedAt
	presses, ends := 0, 0
	for c.Clock.Now().Sub(began) < 7*time.Hour {
		c.Clock.Add(14 * time.Minute)
		p.must(p.Get(t.Context(), c.URL+"/recovery"))
		if p.Status == http.StatusForbidden {
			p.signIn("somebody")
			ends++
		}
		p.open("/recovery", http.StatusOK)
		p.send("/recovery", http.StatusOK, "do", "extendcall")
		presses++
		if left := recovery(t, c, "somebody").Expires.Sub(c.Clock.Now()); left != time.Hour && c.Clock.Now().Sub(began) <= 7*time.Hour {
			t.Fatalf("%s are left after a press", left)
		}
	}
	end := began.Add(8 * time.Hour)
	if r := recovery(t, c, "somebody"); !r.Expires.Equal(end) || presses < 10 || ends < 5 {
		t.Fatalf("after %d presses in %d sessions it ends at %s, want %s", presses, ends+1, r.Expires, end)
	}
	p.open("/recovery", http.StatusOK)
	token := p.token()
	if strings.Contains(p.Body, `value="extendcall"`) {
		t.Error("the page offers more time than there is")
	}
	if a := post("/recovery", p.session(), token, "do", "extendcall").to(t, c); a.status != http.StatusSeeOther || !recovery(t, c, "somebody").Expires.Equal(end) {
		t.Errorf("a press too many: %d, ends at %s", a.status, recovery(t, c, "somebody").Expires)
	}
	jobs, err := c.Store.Jobs.List(t.Context(), bridge.JobCall, 10)
	if err != nil || len(jobs) != 1 || end.Sub(jobs[0].At).Abs() > time.Millisecond {
		t.Errorf("the job that ends the call: %+v %v", jobs, err)
	}
	c.Clock.Add(end.Sub(c.Clock.Now()))
	p.signIn("somebody")
	p.at("/recovery")
	p.says("The time for this request is up")
}

// Who has no part in the call does not keep it open, and a request by mail is not kept open at all.
func TestWhoMayNotKeepACallOpen(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	caller(t, c, "somebody")
	other, mailed, nothing, stranger := at(t, c, "somebody"), newPerson(t, c), at(t, c, "bob"), newPerson(t, c)
	other.signIn("somebody")
	mailed.ask("alice")
	nothing.signIn("bob")
	stranger.open("/start", http.StatusOK)
	c.Clock.Add(10 * time.Minute)
	somebody, alice := facts(t, c, "somebody"), facts(t, c, "alice")
	for name, try := range map[string]struct {
		p    *person
		want int
	}{
		"another browser of the person": {other, http.StatusForbidden}, "by mail": {mailed, http.StatusConflict},
		"nothing is open": {nothing, http.StatusConflict}, "not signed in": {stranger, http.StatusSeeOther},
	} {
		session := try.p.session()
		if a := post("/recovery", session, formToken(t, c, session), "do", "extendcall").to(t, c); a.status != try.want {
			t.Errorf("%s: %d, want %d", name, a.status, try.want)
		}
	}
	if facts(t, c, "somebody") != somebody || facts(t, c, "alice") != alice {
		t.Error("something changed")
	}
}

// A11Y-04: the caller can keep the call open also while an operator checks or calls back; that changes nothing at the operator's case.
func TestACallIsKeptOpenWhileAnOperatorChecks(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	for _, words := range []string{"The operator is checking", "Read out the match words"} {
		c.Clock.Add(10 * time.Minute)
		p.open("/recovery", http.StatusOK)
		p.says(words)
		before := recovery(t, c, "somebody")
		p.send("/recovery", http.StatusOK, "do", "extendcall")
		p.says(words)
		r := recovery(t, c, "somebody")
		if r.Expires.Sub(before.Expires) < 9*time.Minute {
			t.Errorf("%s: it ends at %s as before", words, r.Expires)
		}
		if before.Expires = r.Expires; !reflect.DeepEqual(before, r) {
			t.Errorf("%s: more has changed than the end", words)
		}
		carol.send("/desk/case", http.StatusOK, "do", "callback")
	}
}
