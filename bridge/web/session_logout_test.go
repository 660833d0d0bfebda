package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are those of a right logout token for a person.
func logoutClaims(c *campus.Campus, person string) map[string]any {
	now := c.Clock.Now()
	return map[string]any{
		"iss": c.KC.Issuer, "aud": fakekc.ClientLogin, "sub": person, "jti": bridge.NewUUID(), "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"typ": "Logout", "events": map[string]any{logoutEvent: map[string]any{}},
	}
}

func sendLogout(t *testing.T, c *campus.Campus, token string) answer {
	t.Helper()
	return byHand{method: http.MethodPost, path: "/oidc/backchannel-logout", form: url.Values{"logout_token": {token}}}.to(t, c)
}

// OIDC-16: a right logout token of the campus ends the person's sessions here, and nobody else's; the recovery itself stays.
func TestALogoutAtTheCampusEndsTheSession(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"sub", "sid"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			alice, erin := newPerson(t, c), newPerson(t, c)
			alice.ask("alice")
			erin.ask("erin")
			claims := logoutClaims(c, c.KC.PersonID("alice"))
			if by == "sid" {
				claims["sid"] = "a-session-of-another-browser"
			}
			a := sendLogout(t, c, c.KC.Sign("logout+jwt", claims))
			if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" || len(a.header.Values("Set-Cookie")) > 0 {
				t.Fatalf("%d %v", a.status, a.header)
			}
			want := map[string]int{"sub": http.StatusForbidden, "sid": http.StatusOK}[by]
			if a := get("/recovery", alice.session()).to(t, c); a.status != want {
				t.Errorf("alice: %d, want %d", a.status, want)
			}
			if a := get("/recovery", erin.session()).to(t, c); a.status != http.StatusOK {
				t.Errorf("erin: %d", a.status)
			}
			if recovery(t, c, "alice").State != bridge.Waiting {
				t.Error("the recovery ended")
			}
			c.Clock.Add(2 * time.Second)
			again := newPerson(t, c)
			again.signIn("alice")
			again.at("/recovery")
		})
	}
}

// OIDC-16: the logout that our own ending of the campus session causes does not end the browser session.
func TestOurOwnLogoutIsIgnored(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.signIn("alice")
	p.at("/recovery")
	heard := 0
	for _, a := range c.Answers() {
		if a.Path == "/oidc/backchannel-logout" {
			heard++
			if a.Status != http.StatusOK {
				t.Errorf("our own logout was answered %d", a.Status)
			}
		}
	}
	if heard != 1 || c.KC.Sessions(c.KC.PersonID("alice")) != 0 {
		t.Errorf("heard of %d logouts; sessions %d", heard, c.KC.Sessions(c.KC.PersonID("alice")))
	}
	if len(c.Events("logout.received")) != 0 {
		t.Error("taken for somebody else's")
	}
	p.open("/recovery", http.StatusOK)
}

// OIDC-16: everything else is 400, and ends nothing.
func TestAWrongLogoutTokenEndsNothing(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, takesNoWrongLogout)
}

func takesNoWrongLogout(t *testing.T, c *campus.Campus) {
	t.Helper()
	p := newPerson(t, c)
	p.ask("alice")
	person := c.KC.PersonID("alice")
	right := c.KC.Sign("logout+jwt", logoutClaims(c, c.KC.PersonID("bob")))
	if a := sendLogout(t, c, right); a.status != http.StatusOK {
		t.Fatalf("the right one: %d", a.status)
	}
	tokens := map[string]string{"replayed": right, "empty": "", "junk": "a.b.c", "not a token": strings.Repeat("x", 5000)}
	for name, change := range map[string]func(map[string]any){
		"other issuer":   func(m map[string]any) { m["iss"] = "https://evil.example" },
		"other audience": func(m map[string]any) { m["aud"] = "portal" },
		"no event":       func(m map[string]any) { delete(m, "events") },
		"other event":    func(m map[string]any) { m["events"] = map[string]any{"evil": map[string]any{}} },
		"a nonce":        func(m map[string]any) { m["nonce"] = "n" },
		"nobody":         func(m map[string]any) { delete(m, "sub") },
		"old":            func(m map[string]any) { m["iat"] = c.Clock.Now().Add(-4 * time.Minute).Unix() },
		"future":         func(m map[string]any) { m["iat"] = c.Clock.Now().Add(4 * time.Minute).Unix() },
		"no id":          func(m map[string]any) { delete(m, "jti") },
		"no time":        func(m map[string]any) { delete(m, "iat") },
		"an ID token":    func(m map[string]any) { m["typ"] = "ID" },
	} {
		claims := logoutClaims(c, person)
		change(claims)
		tokens[name] = c.KC.Sign("logout+jwt", claims)
	}
	tokens["another type"] = c.KC.Sign("JWT", func() map[string]any { m := logoutClaims(c, person); m["typ"] = "Bearer"; return m }())
	tokens["unsigned"] = "eyJhbGciOiJub25lIn0" + right[strings.IndexByte(right, '.'):strings.LastIndexByte(right, '.')+1]
	tokens["cut signature"] = right[:len(right)-8]
	for name, token := range tokens {
		a := sendLogout(t, c, token)
		if a.status != http.StatusBadRequest || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d", name, a.status)
		}
		if strings.Contains(a.body, "eyJ") || len(a.body) > 100 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if a := get("/recovery", p.session()).to(t, c); a.status != http.StatusOK {
		t.Errorf("alice's session: %d", a.status)
	}
	for _, path := range []string{"?logout_token=" + right, ""} {
		if a := (byHand{path: "/oidc/backchannel-logout" + path}).to(t, c); a.status != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", a.status)
		}
	}
}

// OIDC-16: when the keys cannot be had the answer is 503, not a verdict.
func TestALogoutThatCannotBeJudgedIsAnswered503(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.KC.RotateKeys(false)
	token := c.KC.Sign("logout+jwt", logoutClaims(c, c.KC.PersonID("alice")))
	c.KC.Down()
	if a := sendLogout(t, c, token); a.status != http.StatusServiceUnavailable {
		t.Errorf("without keys: %d", a.status)
	}
	closed := campus.Open(t)
	token = closed.KC.Sign("logout+jwt", logoutClaims(closed, closed.KC.PersonID("alice")))
	if err := closed.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if a := sendLogout(t, closed, token); a.status != http.StatusServiceUnavailable {
		t.Errorf("without a store: %d", a.status)
	}
}

// A logout that could not be stored is not used up: the campus may send it again.
func TestALogoutThatWasNotStoredMayComeAgain(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	works := c.Web.Logouts
	c.Web.Logouts = brokenTimes{works}
	token := c.KC.Sign("logout+jwt", logoutClaims(c, c.KC.PersonID("alice")))
	if a := sendLogout(t, c, token); a.status != http.StatusServiceUnavailable {
		t.Errorf("not stored: %d", a.status)
	}
	c.Web.Logouts = works
	if a := sendLogout(t, c, token); a.status != http.StatusOK {
		t.Errorf("again: %d", a.status)
	}
	if a := get("/recovery", p.session()).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("alice's session: %d", a.status)
	}
}
