package web_test

import (
	"bytes"
	"encoding/base32"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// SES-02: an id that the server did not give out is never adopted.
func TestAPlantedSessionIDIsNeverAdopted(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, adoptsNoPlantedID)
}

func adoptsNoPlantedID(t *testing.T, c *campus.Campus) {
	t.Helper()
	for _, planted := range []string{
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x", strings.Repeat("a", 129), strings.Repeat("a", 3000), "../../etc", "null", "0",
		bridge.NewToken().Hash(),
	} {
		neverAdopted(t, c, planted)
	}
	// An attacker plants an id of his own session before the victim signs in.
	thief, alice := newPerson(t, c), newPerson(t, c)
	thief.open("/start", http.StatusOK)
	thief.send("/start", http.StatusOK, "name", "nobody") // a session with an id
	planted := thief.session()
	alice.Plant(c.URL, web.SessionCookie, planted)
	alice.ask("alice")
	if alice.session() == planted {
		t.Error("the planted id lives on after the sign-in")
	}
	if a := get("/recovery", planted).to(t, c); strings.Contains(a.body, "alice") || a.status != http.StatusForbidden {
		t.Errorf("the planted id shows %d %s", a.status, text(a.body))
	}
}

// SES-02, TOK-03, STO-14: whoever copies the store's files finds no live id, no token, no key and no readable record.
func TestTheStoreHoldsNothingThatOpensAnything(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, storesNothingThatOpensAnything)
}

func storesNothingThatOpensAnything(t *testing.T, c *campus.Campus) {
	t.Helper()
	alice := newPerson(t, c)
	alice.open("/start", http.StatusOK)
	secrets := map[string]string{"a guest's session": alice.session(), "a guest's form token": alice.token()}
	alice.send("/start", http.StatusOK, "name", "alice")
	secrets["session before the sign-in"] = alice.session()
	alice.ask("alice")
	link := lastLink(t, c)
	alice.redeem("alice")
	key := alice.scan()
	for what, value := range map[string]string{
		"session": alice.session(), "form token": alice.token(), "link": link.Link.Reveal(), "veto link": link.Veto.Reveal(),
		"key": base32.StdEncoding.EncodeToString(key.Secret), "key's bytes": string(key.Secret), "password": "alice-password", "address": "alice@example.net", "name": "Alice Example",
	} {
		secrets[what] = value
	}
	data := c.StateBytes(t)
	if !bytes.Contains(data, []byte("recovery/")) {
		t.Error("these are not the store's files")
	}
	for what, value := range secrets {
		for form, spelled := range spellings(value) {
			if bytes.Contains(data, spelled) {
				t.Errorf("%s is in the store, %s", what, form)
			}
		}
	}
	if bytes.Contains(data, []byte(`"csrf"`)) || bytes.Contains(data, []byte(`"Snapshot"`)) || bytes.Contains(data, []byte(`"Person"`)) {
		t.Error("a record can be read")
	}
	raw, _, err := c.Store.Raw().Get(t.Context(), "session/"+bridge.Secret(alice.session()).Hash())
	if err != nil || bytes.Contains(raw, []byte("alice")) {
		t.Errorf("the session's record: %q %v", raw, err)
	}
}

// SES-03: the id changes at every sign-in and at the end; the earlier one is dead.
func TestTheSessionIDChangesAtEverySignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	seen := map[string]string{}
	dead := func(when string) {
		t.Helper()
		for id, since := range seen {
			if a := get("/recovery", id).to(t, c); a.status != http.StatusForbidden {
				t.Errorf("%s: the id of %s answers %d", when, since, a.status)
			}
		}
		if seen[p.session()] != "" {
			t.Errorf("%s: the id of %s again", when, seen[p.session()])
		}
		seen[p.session()] = when
	}
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	dead("the press at the ID page")
	p.ask("alice")
	dead("the sign-in")
	p.redeem("alice")
	dead("the second sign-in")
	p.finish()
	dead("success")
	p.signIn("erin")
	dead("another person's sign-in")
	last := p.session()
	p.send("/signout", http.StatusOK)
	if a := get("/recovery", last).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("after signing out: %d", a.status)
	}
}

// SES-03: a request that began before the sign-in and saves after it does not revive the old id.
func TestALateSaveDoesNotReviveASession(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, savesTooLate)
}

func savesTooLate(t *testing.T, c *campus.Campus) {
	t.Helper()
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	token := p.token()
	p.send("/start", http.StatusOK, "name", "alice")
	old := p.session()
	held := c.KC.Hold(http.MethodPost, "/realms/campus/protocol/openid-connect/ext/par/request", false)
	late := make(chan answer, 1)
	go func() {
		a, _ := post("/start", old, token, "name", "alice").try(t.Context(), c)
		late <- a
	}()
	if _, err := held.Arrived(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.at("/recovery")
	held.Release()
	if a := <-late; a.status != http.StatusForbidden && a.status != http.StatusServiceUnavailable { // a busy machine lets a call that is held run out of time
		t.Errorf("the late request answered %d %s", a.status, a.header.Get("Location"))
	}
	if a := get("/recovery", old).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("the old id lives: %d", a.status)
	}
	p.open("/recovery", http.StatusOK)
	c.Wait(t, "the gate to shut", func() bool { return len(c.KC.Members("otp-recovery-open")) == 0 })
}

// SES-04: the server counts idle and absolute time; nothing that a browser says prolongs either.
func TestASessionEndsByTheServersClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		steps []time.Duration // between looks
		alive bool            // at the last one
	}{
		{"idle, a second early", []time.Duration{15*time.Minute - time.Second}, true},
		{"idle", []time.Duration{15*time.Minute + time.Second}, false},
		{"looked at now and then", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute}, true},
		{"absolute, a second early", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 4*time.Minute - 2*time.Second}, true},
		{"absolute", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 4*time.Minute + time.Second}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p := newPerson(t, c)
			c.Clock.Stop()
			p.ask("alice") // SES-12: the page that waits, with its button to look again
			var a answer
			for _, step := range test.steps {
				c.Clock.Add(step)
				a = get("/recovery", p.session()).to(t, c)
			}
			if (a.status == http.StatusOK) != test.alive {
				t.Errorf("the last look answered %d %s", a.status, text(a.body))
			}
			if a.status != http.StatusOK && a.status != http.StatusForbidden {
				t.Errorf("the last look answered %d", a.status)
			}
		})
	}
}

// SES-12: what runs by itself keeps no session alive: static files, key set, logouts at the campus.
func TestNothingInTheBackgroundKeepsASessionAlive(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	for range 4 {
		c.Clock.Add(4 * time.Minute)
		for _, path := range []string{c.Web.View.Static("style.css"), c.Web.View.Static("app.js"), "/.well-known/jwks.json"} {
			get(path, p.session()).to(t, c)
		}
		byHand{method: http.MethodPost, path: "/oidc/backchannel-logout", session: p.session()}.to(t, c)
	}
	if a := get("/recovery", p.session()).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("after 16 minutes: %d", a.status)
	}
}

// SES-05: every page of a signed-in person offers to sign out; doing so ends the session on the server and here, and nothing else.
func TestEverySignedInPageSignsOut(t *testing.T) {
	t.Parallel()
	for _, stage := range momentsOfAJourney[1:6] {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p := newPerson(t, c)
			stage.reach(p)
			for _, path := range []string{"/", "/start", "/recovery", "/nothing-here"} {
				must := p.Get(t.Context(), c.URL+path)
				if must != nil || !strings.Contains(p.Body, `action="/signout"`) {
					t.Errorf("%s: no way to sign out\n%s", path, text(p.Body))
				}
			}
			id := p.session()
			p.open("/recovery", http.StatusOK)
			p.send("/signout", http.StatusOK)
			if p.session() != "" {
				t.Error("the cookie is still there")
			}
			if a := get("/recovery", id).to(t, c); a.status != http.StatusForbidden {
				t.Errorf("the session lives: %d", a.status)
			}
			for _, a := range c.Answers() {
				if a.Header.Get("Clear-Site-Data") != "" {
					t.Error("Clear-Site-Data")
				}
			}
		})
	}
}

// SES-09: after success the session knows nobody: it opens nothing, starts nothing, and a reload still says what happened.
func TestTheSessionEndsAtSuccess(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	p.redeem("alice")
	before := p.session()
	p.finish()
	after := facts(t, c, "alice")
	if a := get("/enrol", before).to(t, c); a.status == http.StatusOK || strings.Contains(a.body, "otpauth") {
		t.Errorf("the session that enrolled answers %d", a.status)
	}
	token := formToken(t, c, p.session())
	for _, q := range []byHand{
		post("/recovery", p.session(), token, "do", "start", "reason", "lost", "way", "mail"), post("/recovery", p.session(), token, "do", "cancel"),
		post("/enrol", p.session(), token, "do", "new"), post("/enrol", p.session(), token, "do", "confirm", "code", "123456"),
		post("/enrol", p.session(), token, "do", "extend"), post("/link", p.session(), token, "do", "redeem"),
	} {
		if a := q.to(t, c); a.status == http.StatusOK || a.status >= http.StatusInternalServerError {
			t.Errorf("%s %v: %d", q.path, q.form, a.status)
		}
	}
	if facts(t, c, "alice") != after {
		t.Error("something changed after success")
	}
	for range 3 {
		p.open("/done", http.StatusOK)
		if strings.Contains(p.Body, "Alice Example") {
			t.Error("the page still knows the person")
		}
	}
}

// SES-11, TestPeer Authelia#12779: neither address nor browser name is part of a session.
func TestPeer_Authelia12779_AddressChange(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Web.TrustedProxies = loopback // read by requests only; none has come yet
	p := newPerson(t, c)
	p.ask("alice")
	for i, agent := range []string{"Mozilla/5.0 (iPhone)", "curl/8", "", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"} {
		q := get("/recovery", p.session())
		q.header = map[string]string{"User-Agent": agent, "X-Forwarded-For": []string{"192.0.2.1", "2001:db8::1", "198.51.100.9", "10.0.0.1"}[i]}
		if a := q.to(t, c); a.status != http.StatusOK || !strings.Contains(a.body, "alice") {
			t.Errorf("as %q: %d %s", agent, a.status, text(a.body))
		}
	}
	p.redeem("alice")
	q := post("/enrol", p.session(), p.token(), "do", "confirm", "code", p.code(p.scan()))
	q.header = map[string]string{"User-Agent": "another", "X-Forwarded-For": "203.0.113.77"}
	if a := q.to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("the code from another address: %d %s", a.status, text(a.body))
	}
	p.open("/done", http.StatusOK)
}
