package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// I18N-01: every page leads back to itself after a change of language: none is forgotten.
func TestEveryPageKeepsItsPlaceInAnotherLanguage(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p := newPerson(t, c)
	p.open("/", http.StatusOK)
	none := []string{"/signin", "/oidc/callback", "/recovery/events", "/.well-known/jwks.json"} // no page
	for _, r := range web.Routes(c.Web) {
		if !slices.Contains(r.Methods, http.MethodGet) || strings.ContainsAny(r.Path, "{") || strings.HasSuffix(r.Path, ".txt") || slices.Contains(none, r.Path) {
			continue
		}
		a := post("/language", p.session(), p.token(), "lang", "ja", "return", r.Path).to(t, c)
		if got := a.header.Get("Location"); got != r.Path {
			t.Errorf("from %s to %s", r.Path, got)
		}
	}
}

// A press in the settings that came too late leads to a sign-in, and that back to the same page, which says that nothing was done.
func TestAPressThatCameTooLateComesBackToItsPage(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "xaver")
	p := owner(t, c, name)
	p.wantsMailAt("xaver@example.org", http.StatusOK)
	c.Clock.Add(bridge.SettingsLife + time.Second)
	a := post("/settings/address", p.session(), p.token(), "do", "confirm", "code", number(t, c, "xaver@example.org")).to(t, c)
	if a.header.Get("Location") != "/signin?to=settings" {
		t.Fatalf("%d %s", a.status, a.header.Get("Location"))
	}
	p.enters(name, oldKey(t))
	if !strings.HasPrefix(p.URL, c.URL+"/settings/address") {
		t.Fatalf("back at %s", p.URL)
	}
	p.says("please do it once more")
	p.confirmsAddress("xaver@example.org")
	p.enters(name, oldKey(t))
	p.at("/settings") // once
	if strings.Contains(p.Body, "please do it once more") {
		t.Error("it is said again")
	}
}

// RL-07: a second press of the same address leads to the page of the first; what is over the limit is 429, and says when.
func TestASecondPressForAnAddressIsNoFault(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "yannis")
	p := owner(t, c, name)
	p.wantsMailAt("Yannis@example.org", http.StatusOK)
	session, token := p.session(), p.token()
	again := post("/settings/address", session, token, "do", "ask", "address", "yannis@example.org").to(t, c)
	if again.status != http.StatusSeeOther || again.header.Get("Location") != "/settings/address" || len(c.Mails(bridge.NoticeAddressCode)) != 1 {
		t.Errorf("a second press: %d %s", again.status, again.header.Get("Location"))
	}
	p.open("/settings/address", http.StatusOK)
	p.send("/settings/address", http.StatusOK, "do", "resend")
	p.says("You can send it again from")
	other := post("/settings/address", session, token, "do", "ask", "address", "other@example.org").to(t, c)
	if other.status != http.StatusTooManyRequests || other.header.Get("Retry-After") == "" || !strings.Contains(other.body, "other@example.org") {
		t.Errorf("another address: %d, Retry-After %q", other.status, other.header.Get("Retry-After"))
	}
	wantsLimit(t, c, name, bridge.LimitAddressMinute)
}

// wantsLimit wants it on record that somebody came to a limit.
func wantsLimit(t *testing.T, c *campus.Campus, name string, l bridge.Limit) {
	t.Helper()
	all := c.Events("limit.reached")
	if len(all) == 0 || all[len(all)-1].Detail["limit"] != l.Name || all[len(all)-1].Target != c.KC.PersonID(name) {
		t.Errorf("on record: %+v, want %s", all, l.Name)
	}
}

// An error in the settings leads back to the settings, never to a page that replaces authenticators; and no page of theirs speaks of a request.
func TestErrorsOfTheSettingsLeadBackToThem(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "zita")
	p := owner(t, c, name)
	if strings.Contains(p.Body, "you come back to the same request") {
		t.Error("the settings speak of a request")
	}
	session, token := p.session(), p.token()
	leads := func(what string, a answer, status int) {
		t.Helper()
		if a.status != status || strings.Contains(a.body, `href="/start"`) || strings.Contains(a.body, `href="/recovery"`) || !strings.Contains(a.body, `href="/settings"`) {
			t.Errorf("%s: %d\n%s", what, a.status, text(a.body))
		}
	}
	c.Clock.Add(time.Second)
	c.KC.SetPassword(c.KC.PersonID(name), "other-password", c.Clock.Now())
	leads("another password", post("/settings/address", session, token, "do", "ask", "address", "zita@example.org").to(t, c), http.StatusForbidden)
	leads("a session that is over", post("/settings/address", session, token, "do", "ask", "address", "zita@example.org").to(t, c), http.StatusForbidden)
}

// Whoever only left the phone at home is led back to the temporary code after a fault, not to the page that replaces authenticators.
func TestAFaultOfATemporaryCodeLeadsBackToIt(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.forgot(member(c, "ada"))
	c.Break("mail", bridge.Fault(bridge.CodeStoreAway, "test", nil))
	a := post("/temporary", p.session(), p.token(), "do", "send").to(t, c)
	if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, `href="/temporary"`) || strings.Contains(a.body, `href="/recovery"`) {
		t.Errorf("%d\n%s", a.status, text(a.body))
	}
}
