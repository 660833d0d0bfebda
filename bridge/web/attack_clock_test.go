package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/web"
)

const adminCredentials = adminUser + "/credentials"

// back signs in at the campus without waiting for what the callback answers.
func (p *person) back(name string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Password(p.t.Context(), name, name+"-password") }()
	return done
}

// signedIn waits until the campus has let somebody in.
func signedIn(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	c.Wait(t, "the sign-in of "+name, func() bool { return c.KC.Sessions(c.KC.PersonID(name)) > 0 })
}

// opened is a gate that another browser holds open.
func opened(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	if e, err := c.Flow.Prepare(t.Context(), name, ""); err != nil || e.Lease == "" {
		t.Fatalf("the gate stays shut: %v", err)
	}
}

// OIDC-20: whoever signs in while the account is still being looked at, at a gate that another browser opened, changes something and lets the look
// end, is not taken in: the sign-in counts as one that is too old. What they changed then stands in the snapshot of the next one like in that of any other
// press, and opens nothing either: the events tell of it.
func TestASignInBeforeTheLookDecidesNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	opened(t, c, "mia")
	c.Web.StartPause = time.Millisecond
	hold := c.KC.Hold(http.MethodGet, adminCredentials, false)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "mia")
	held(t, hold)
	back := p.back("mia")
	signedIn(t, c, "mia")
	c.Clock.Add(10 * time.Second)
	c.KC.Change(c.KC.PersonID("mia"), func(a *fakekc.Account) { a.Attributes["notificationEmail"] = []string{"thief@mail.example.org"} })
	c.KC.AddEvent(fakekc.Event{Type: "UPDATE_EMAIL", UserID: c.KC.PersonID("mia"), ClientID: fakekc.ClientPortal})
	hold.Release()
	p.must(<-back)
	if strings.HasPrefix(p.URL, c.URL) {
		t.Fatalf("taken in at %s\n%s", p.URL, text(p.Body))
	}
	if a := get("/recovery", p.session()).to(t, c); !strings.HasPrefix(a.header.Get("Location"), "/start") {
		t.Errorf("the session is signed in: %d %v", a.status, a.header)
	}
	if n := c.KC.Sessions(c.KC.PersonID("mia")); n != 0 {
		t.Errorf("%d sessions are left at the campus", n)
	}
	p.must(p.Password(t.Context(), "mia", "mia-password"))
	p.at("/recovery")
	a := post("/recovery", p.session(), formToken(t, c, p.session()), "do", "start", "reason", "lost", "way", "mail").to(t, c)
	if n := len(c.Mails(bridge.NoticeLink)); n != 0 || a.status < 400 || !strings.Contains(text(a.body), "was changed a short time ago") {
		t.Errorf("%d links were mailed; %d %s", n, a.status, text(a.body))
	}
}

// The process that looked at an account died: the callback does not wait for what never comes.
func TestALookThatDiedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	opened(t, c, "mia")
	c.Web.StartPause = time.Millisecond
	hold := c.KC.Hold(http.MethodGet, adminCredentials, false)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "mia")
	held(t, hold)
	web.Forsake(t, c.Web, p.session())
	hold.Release()
	c.Clock.Add(21 * time.Second)
	p.must(p.Password(t.Context(), "mia", "mia-password"))
	p.want(http.StatusServiceUnavailable)
	p.says("Nothing was changed")
	if n := c.KC.Sessions(c.KC.PersonID("mia")); n != 0 {
		t.Errorf("%d sessions are left at the campus", n)
	}
	p.open("/start", http.StatusOK)
	p.says("did not answer in time")
}

// OIDC-20: what a second press found out is no snapshot for the sign-in that the first one led to.
func TestAnotherPressLendsNoSnapshot(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	opened(t, c, "mia")
	c.Web.StartPause = time.Millisecond
	hold := c.KC.Hold(http.MethodGet, adminCredentials, false)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	token, session := p.token(), p.session()
	first := post("/start", session, token, "name", "mia").to(t, c)
	session = first.session(t)
	held(t, hold)
	browser := &person{loginform.New(c.URL), t, c}
	browser.must(browser.SignIn(t.Context(), first.header.Get("Location"), "mia", "mia-password", nil))
	code := strings.TrimPrefix(browser.Left, c.URL)
	answered := make(chan answer, 1)
	go func() {
		a, _ := get(code, session).try(t.Context(), c)
		answered <- a
	}()
	c.Wait(t, "the callback to take its sign-in", func() bool {
		return get(code, session).to(t, c).status == http.StatusBadRequest
	})
	second := post("/start", session, token, "name", "mia").to(t, c)
	if second.status != http.StatusSeeOther {
		t.Fatalf("the second press: %d", second.status)
	}
	hold.Release()
	if a := <-answered; a.status != http.StatusBadRequest {
		t.Errorf("the first sign-in went on with the second press's look: %d %v", a.status, a.header)
	}
	if a := get("/recovery", session).to(t, c); !strings.HasPrefix(a.header.Get("Location"), "/start") {
		t.Errorf("signed in: %d %v", a.status, a.header)
	}
}

// TOK-07: an administrator's sign-out ends a recovery, however the two clocks differ, and in the second of the sign-in too.
func TestNoClockHidesASignOut(t *testing.T) {
	t.Parallel()
	for what, skew := range map[string]time.Duration{"alike": 0, "ours ahead": -50 * time.Second, "ours behind": 50 * time.Second} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.Clock.Stop() // all of it within one second
			c.Clock.Skew(skew)
			p := newPerson(t, c)
			p.signIn(member(c, "mia"))
			p.at("/recovery")
			p.open("/recovery", http.StatusOK)
			p.must(c.Flow.Target.Do(t.Context(), c.KC.PersonID("mia"), bridge.Action{Kind: bridge.ActionEndSessions}))
			p.send("/recovery", http.StatusForbidden, "do", "start", "reason", "lost", "way", "mail")
			p.says("Your sign-in was ended in the campus sign-in service")
		})
	}
}

// OIDC-16: a logout at the campus ends an operator's session at once, however the two clocks differ, and an earlier one ends none.
func TestNoClockHidesALogout(t *testing.T) {
	t.Parallel()
	for what, skew := range map[string]time.Duration{"alike": 0, "ours ahead": -20 * time.Second, "ours behind": 20 * time.Second} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			c.Clock.Stop()
			c.Clock.Skew(skew)
			logout := func(at time.Time) {
				t.Helper()
				claims := logoutClaims(c, c.KC.PersonID("carol"))
				claims["iat"] = at.Add(skew).Unix()
				if a := sendLogout(t, c, c.KC.Sign("logout+jwt", claims)); a.status != http.StatusOK {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			logout(c.Clock.Now().Add(-time.Second))
			carol := operator(t, c, "carol")
			carol.open("/desk", http.StatusOK)
			logout(c.Clock.Now())
			if a := get("/desk", carol.session()).to(t, c); a.status == http.StatusOK {
				t.Error("the session goes on")
			}
		})
	}
}
