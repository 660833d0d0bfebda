package web_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

const tokenCall = "/realms/*/protocol/openid-connect/token"

// SES-02: a sign-out in another tab while the callback runs is not undone by it.
func TestASignOutDuringTheCallbackStays(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	token := p.token()
	p.send("/start", http.StatusOK, "name", member(c, "mia"))
	session := p.session()
	hold := c.KC.Hold(http.MethodPost, tokenCall, false)
	back := p.back("mia")
	held(t, hold)
	if a := post("/signout", session, token).to(t, c); a.status != http.StatusSeeOther && a.status != http.StatusOK {
		t.Fatalf("sign-out: %d", a.status)
	}
	hold.Release()
	p.must(<-back)
	for _, id := range []string{session, p.session()} {
		if a := get("/recovery", id).to(t, c); a.status == http.StatusOK || strings.Contains(a.body, "mia Example") {
			t.Errorf("signed in again: %d", a.status)
		}
	}
	if n := c.KC.Sessions(c.KC.PersonID("mia")); n != 0 {
		t.Errorf("%d sessions are left at the campus", n)
	}
}

// OIDC-21: the lease of a press in another tab is given back when the callback of the first one ends that session.
func TestAPressDuringTheCallbackLeavesNoLease(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	token := p.token()
	p.send("/start", http.StatusOK, "name", member(c, "mia"))
	hold := c.KC.Hold(http.MethodPost, tokenCall, false)
	back := p.back("mia")
	held(t, hold)
	if a := post("/start", p.session(), token, "name", member(c, "noa")).to(t, c); a.status != http.StatusSeeOther {
		t.Fatalf("the other press: %d", a.status)
	}
	if got := gate(c); len(got) == 0 {
		t.Fatal("the other press opened no gate")
	}
	hold.Release()
	p.must(<-back)
	p.at("/recovery")
	if got := gate(c); len(got) != 0 {
		t.Errorf("the gate is open for %v", got)
	}
}

// WB-09: the campus session of a password-only sign-in is ended also when we cannot remember that it was we who did.
func TestACampusSessionEndsWithoutAStore(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Web.OwnSIDs = brokenTimes{c.Web.OwnSIDs}
	p := newPerson(t, c)
	p.signIn(member(c, "mia"))
	p.want(http.StatusServiceUnavailable)
	if n := c.KC.Sessions(c.KC.PersonID("mia")); n != 0 {
		t.Errorf("%d sessions are left at the campus", n)
	}
}

// Tabs that all look at the end at once all get there.
func TestManyTabsSeeTheEnd(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := proven(t, c, member(c, "mia"))
	session, token, key := p.session(), p.token(), p.scan()
	post("/enrol", session, token, "do", "confirm", "code", p.code(key)).to(t, c)
	c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, "mia").State == bridge.Done })
	for said, n := range together(t, c, times(8, get("/done", session))...) {
		if said != "200" && said != "303 /done" && said != "303 /recovery" {
			t.Errorf("%d tabs: %s", n, said)
		}
	}
}
