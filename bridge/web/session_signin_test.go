package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

// tokenCalls counts calls of the token endpoint for codes; the service account's own calls are made before or told apart by the caller.
func tokenCalls(c *campus.Campus) int {
	n := 0
	for _, call := range c.KC.Calls() {
		if strings.HasSuffix(call.Path, "/protocol/openid-connect/token") {
			n++
		}
	}
	return n
}

// caught signs in and stops at the campus's way back: the callback's address is not opened.
func (p *person) caught(name string) string {
	p.t.Helper()
	p.Stop = []string{p.c.URL + "/oidc/callback"}
	p.signIn(name)
	p.Stop = nil
	if p.Left == "" {
		p.t.Fatalf("the campus did not send the browser back: %s", text(p.Body))
	}
	return strings.TrimPrefix(p.Left, p.c.URL)
}

// OIDC-02: a callback counts once, in its own browser, within ten minutes, with its own state; everything else is refused before the token
// endpoint hears of it.
func TestACallbackIsForOneBrowserOnceAndSoon(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	refused := func(name, session, path string) {
		t.Helper()
		before := tokenCalls(c)
		a := get(path, session).to(t, c)
		if a.status != http.StatusBadRequest || tokenCalls(c) != before {
			t.Errorf("%s: %d, token endpoint called %d times", name, a.status, tokenCalls(c)-before)
		}
	}
	p, other := newPerson(t, c), newPerson(t, c)
	back := p.caught("alice")
	other.open("/start", http.StatusOK)
	refused("a browser that began nothing", other.session(), back)
	other.caught("erin")
	refused("a browser that began another sign-in", other.session(), back)
	query, err := url.ParseQuery(strings.TrimPrefix(back, "/oidc/callback?"))
	p.must(err)
	for name, change := range map[string]func(url.Values){
		"no state":       func(q url.Values) { q.Del("state") },
		"empty state":    func(q url.Values) { q.Set("state", "") },
		"another state":  func(q url.Values) { q.Set("state", strings.ToUpper(q.Get("state"))+"x") },
		"a longer state": func(q url.Values) { q.Set("state", q.Get("state")+"x") },
	} {
		q := url.Values{}
		for k, v := range query {
			q[k] = slices.Clone(v)
		}
		change(q)
		refused(name, p.session(), "/oidc/callback?"+q.Encode())
	}
	if a := (byHand{method: http.MethodHead, path: back, session: p.session()}).to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("HEAD: %d", a.status)
	}
	before := p.session()
	p.open(back, http.StatusOK) // none of these cost anything
	p.at("/recovery")
	refused("the same again", p.session(), back)
	if a := get(back, before).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("the same again with the old id: %d", a.status)
	}
	late := newPerson(t, c)
	back = late.caught("erin")
	c.Clock.Add(10*time.Minute + time.Second)
	if _, err := c.Flow.Accounts.ByName(t.Context(), "erin"); err != nil { // the service account has a token again
		t.Fatal(err)
	}
	refused("ten minutes and a second later", late.session(), back)
}

// OIDC-03, OIDC-02: what is odd about a callback uses the sign-in up and asks the token endpoint nothing.
func TestAnOddCallbackIsRefusedBeforeTheTokenRequest(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for i, change := range []func(url.Values){
		func(q url.Values) { q.Set("iss", q.Get("iss")+"/") },
		func(q url.Values) { q.Set("iss", "https://evil.example") },
		func(q url.Values) { q.Add("iss", q.Get("iss")) },
		func(q url.Values) { q.Del("iss") },
		func(q url.Values) { q.Add("state", q.Get("state")) },
		func(q url.Values) { q.Add("code", "another") },
		func(q url.Values) { q.Del("code") },
		func(q url.Values) {
			q.Set("error", "access_denied")
			q.Set("error_description", "<script>alert(1)</script>evil")
		},
		func(q url.Values) { q.Del("code"); q.Set("error", "server_error"); q.Set("error_description", "evil") },
	} {
		p := newPerson(t, c)
		back := p.caught("alice")
		query, err := url.ParseQuery(strings.TrimPrefix(back, "/oidc/callback?"))
		p.must(err)
		change(query)
		before := tokenCalls(c)
		a := get("/oidc/callback?"+query.Encode(), p.session()).to(t, c)
		if a.status != http.StatusBadRequest || tokenCalls(c) != before || strings.Contains(a.body, "evil") {
			t.Errorf("callback %d: %d %s", i, a.status, text(a.body))
		}
		if a := get(back, p.session()).to(t, c); a.status != http.StatusBadRequest {
			t.Errorf("callback %d: the sign-in can be used after it: %d", i, a.status)
		}
	}
	c.Wait(t, "every gate to shut", func() bool { return len(c.KC.Members("otp-recovery-open")) == 0 })
}

// OIDC-20: who comes back must be the person whose gate this browser opened.
func TestAnotherPersonThanTheGateWasOpenedForIsRefusedAndSignedOut(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"erin", "nobody-of-this-name", "bob"} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			alice, thief := newPerson(t, c), newPerson(t, c)
			alice.open("/start", http.StatusOK)
			alice.send("/start", http.StatusOK, "name", "alice") // her gate is open now
			thief.open("/start", http.StatusOK)
			thief.send("/start", http.StatusOK, "name", typed)
			thief.must(thief.Password(t.Context(), "alice", "alice-password")) // overtypes the name
			if thief.Status != http.StatusForbidden || !strings.Contains(thief.Body, "Please start again with the same ID") {
				t.Fatalf("%d %s", thief.Status, text(thief.Body))
			}
			if c.KC.Sessions(c.KC.PersonID("alice")) != 0 || len(c.Events("gate.mismatch")) != 1 {
				t.Error("the session lives, or nothing was noted")
			}
			if a := get("/recovery", thief.session()).to(t, c); a.status != http.StatusSeeOther || a.header.Get("Location") != "/start" {
				t.Errorf("afterwards: %d %s", a.status, a.header.Get("Location"))
			}
			if len(c.Mails("")) != 0 {
				t.Error("a mail was sent")
			}
			if a := post("/recovery", thief.session(), formToken(t, c, thief.session()), "do", "start", "reason", "lost", "way", "mail").to(t, c); a.status != http.StatusSeeOther {
				t.Errorf("start: %d", a.status)
			}
		})
	}
}

// OIDC-20: what decides later is what stood in the account before the sign-in.
func TestAnAddressThatTheSignInSetReceivesNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	c.KC.Change(c.KC.PersonID("alice"), func(a *fakekc.Account) { a.Attributes["notificationEmail"] = []string{"thief@evil.example"} })
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.at("/recovery")
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	for _, m := range c.Mails("") {
		if m.To != "alice@example.net" {
			t.Errorf("%s goes to %s", m.Kind, m.To)
		}
	}
	if lastLink(t, c).To != "alice@example.net" {
		t.Error("the link went elsewhere")
	}
}

// OIDC-23: somebody else's session in a shared computer's browser: the page says what to do, offers to sign out there, and counts nothing.
func TestSomebodyElsesSessionOnASharedComputer(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	portal := &loginform.App{Issuer: c.KC.Issuer, ID: fakekc.ClientPortal, Redirect: "http://localhost:8089/"}
	address, err := portal.Start(t.Context(), nil)
	p.must(err)
	p.Stop = []string{"http://localhost:8089/"}
	p.must(p.SignIn(t.Context(), address, "carol", "carol-password", func() string {
		return codeOf(t, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXC", c.Clock.Now())
	}))
	p.Stop = nil
	if c.KC.Sessions(c.KC.PersonID("carol")) != 1 {
		t.Fatal("carol is not signed in at the portal")
	}
	p.open("/start", http.StatusOK)
	p.must(p.Post(t.Context(), c.URL+"/start", url.Values{"csrf": {p.token()}, "name": {"alice"}}))
	if strings.HasPrefix(p.URL, c.URL) || p.Page() != loginform.PageError {
		t.Fatalf("the campus let carol's session pass: %s %s", p.URL, text(p.Body))
	}
	c.Clock.Add(3 * time.Second)
	p.open("/start", http.StatusOK)
	if !strings.Contains(p.Body, "Access denied") || !strings.Contains(p.Body, "Is somebody else signed in on this computer?") {
		t.Fatalf("the page does not say so: %s", text(p.Body))
	}
	p.must(p.Post(t.Context(), c.URL+"/signout", url.Values{"csrf": {p.token()}}))
	if p.Page() != loginform.PageLogout {
		t.Fatalf("no question at the campus: %s %s", p.URL, text(p.Body))
	}
	p.must(p.Submit(t.Context(), nil))
	if c.KC.Sessions(c.KC.PersonID("carol")) != 0 {
		t.Error("carol is still signed in")
	}
	p.at("/")
	p.signIn("alice")
	p.at("/recovery")
	for _, id := range []string{c.KC.PersonID("alice"), c.KC.PersonID("carol")} {
		if bad, err := c.Flow.Failures.Get(t.Context(), id); err == nil && bad.Count != 0 {
			t.Errorf("counted against %s: %+v", id, bad)
		}
	}
}

var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}`)

// OIDC-14: no token of the campus ever reaches a browser through us, in a header or a page.
func TestNoTokenReachesABrowser(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	p.redeem("alice")
	p.finish()
	p.signIn("erin")
	p.send("/signout", http.StatusOK)
	p.open("/start", http.StatusOK)
	p.must(p.Post(t.Context(), c.URL+"/signout", url.Values{"csrf": {p.token()}}))
	for _, a := range c.Answers() {
		if a.Path == "/oidc/backchannel-logout" {
			continue
		}
		for name, values := range a.Header {
			if jwt.MatchString(strings.Join(values, "\n")) || strings.Contains(strings.Join(values, ""), "id_token") {
				t.Errorf("%s %s: a token in %s", a.Method, a.Path, name)
			}
		}
		if jwt.MatchString(a.Body) || strings.Contains(a.Body, "id_token") {
			t.Errorf("%s %s: a token in the page", a.Method, a.Path)
		}
	}
}

// OIDC-19, RL-04: anybody may open anybody's gate, and keep opening it: that stands in the way of no step of the person's own recovery.
func TestAGateThatAStrangerHoldsOpenStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	thief := newPerson(t, c)
	thief.open("/start", http.StatusOK)
	session, token := thief.session(), thief.token()
	opened := func() {
		t.Helper()
		if a := post("/start", session, token, "name", "alice").to(t, c); a.status != http.StatusSeeOther {
			t.Fatalf("%d", a.status)
		}
		if !slices.Contains(c.KC.Members("otp-recovery-open"), "alice") {
			t.Fatal("the gate is not open")
		}
	}
	p := newPerson(t, c)
	opened()
	p.signIn("alice")
	opened()
	p.open("/recovery", http.StatusOK)
	opened()
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	opened()
	p.open("/link/"+lastLink(t, c).Link.Reveal(), http.StatusOK)
	p.send("/link", http.StatusOK, "do", "continue")
	p.send("/start", http.StatusOK, "name", "alice")
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	opened()
	p.send("/link", http.StatusOK, "do", "redeem")
	opened()
	p.open("/enrol", http.StatusOK)
	opened()
	p.finish()
}
