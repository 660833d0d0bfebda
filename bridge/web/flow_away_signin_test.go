package web_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// eachCall calls test with every number of store calls that still work, until none fails: every n with FULL=1, every fourth one otherwise, others
// today than yesterday. test presses something and reports whether a call failed.
func eachCall(t *testing.T, test func(n int) (failed bool)) {
	t.Helper()
	each := 4
	switch {
	case os.Getenv("FULL") == "1":
		each = 1
	case testing.Short():
		each = 8
	}
	n := rand.N(each)
	t.Logf("from call %d, every %d", n, each)
	for ; test(n); n += each {
		if n > 80 {
			t.Fatal("a press with more than 80 calls of the store")
		}
	}
}

// isIn reports whether a session is one of somebody signed in, and fails if it shows anybody else.
func isIn(t *testing.T, c *campus.Campus, session, name string) bool {
	t.Helper()
	a := get("/recovery", session).to(t, c)
	if a.status == http.StatusOK && !strings.Contains(a.body, name) {
		t.Errorf("signed in as somebody else than %s: %s", name, text(a.body))
	}
	if a.header.Get("Location") == "/link" {
		return strings.Contains(get("/link", session).to(t, c).body, `value="redeem"`)
	}
	return a.status == http.StatusOK
}

// saysAway wants an answer of a service whose store is away: nothing but that, and that it can be tried again.
func (p *person) saysAway(n int) {
	p.t.Helper()
	if p.Status != http.StatusServiceUnavailable || !strings.Contains(text(p.Body), "Please try again") {
		p.t.Fatalf("call %d of the store failed, %s answers %d: %s", n, p.URL, p.Status, text(p.Body))
	}
}

// shutSoon wants the gate shut as soon as the leases that nobody could give back are over.
func shutSoon(t *testing.T, c *campus.Campus) {
	t.Helper()
	c.Clock.Add(4 * time.Minute)
	c.Wait(t, "the gate to shut", func() bool { return len(gate(c)) == 0 })
}

// STO-03, OIDC-19: the store fails from its n-th call on while somebody types their ID: nobody is signed in, no gate stays open longer than a lease, the
// page says so, and the next press signs in.
func TestAStoreThatIsAwayWhileTheIDIsTyped(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	eachCall(t, func(n int) bool {
		name := member(c, nameOf(n))
		p := newPerson(t, c)
		p.open("/start", http.StatusOK)
		token := p.token()
		c.BreakStore(n)
		p.must(p.Post(t.Context(), c.URL+"/start", post("", "", token, "name", name).form))
		failed := c.MendStore()
		switch there := !strings.HasPrefix(p.URL, c.URL); {
		case there && p.Status != http.StatusOK, !failed && !there:
			t.Fatalf("call %d: %s answers %d: %s", n, p.URL, p.Status, text(p.Body))
		case !there:
			p.saysAway(n)
			shutSoon(t, c)
		}
		if isIn(t, c, p.session(), name) || c.KC.Sessions(c.KC.PersonID(name)) != 0 {
			t.Fatalf("call %d: signed in without a password", n)
		}
		p.signIn(name)
		p.at("/recovery")
		p.says("What will happen")
		if got := gate(c); len(got) != 0 {
			t.Errorf("call %d: the gate is open for %v", n, got)
		}
		return failed
	})
}

// STO-03, WB-09, SES-02: the store fails from its n-th call on while the campus sends somebody back who has opened their link: whoever is told that
// it failed is not signed in, in no session, the same callback again changes nothing about that, and the next press leads to the link and to
// the end.
func TestAStoreThatIsAwayAtTheCallback(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	eachCall(t, func(n int) bool {
		name := member(c, nameOf(n))
		newPerson(t, c).ask(name)
		p := newPerson(t, c)
		p.open("/link/"+lastLink(t, c).Link.Reveal(), http.StatusOK)
		back := p.caught(name)
		before := p.session()
		c.BreakStore(n)
		p.must(p.Get(t.Context(), c.URL+back))
		failed := c.MendStore()
		if p.Status != http.StatusOK {
			p.saysAway(n)
		}
		if isIn(t, c, before, name) {
			t.Fatalf("call %d: the session from before the sign-in is signed in", n)
		}
		p.must(p.Get(t.Context(), c.URL+back))
		if isIn(t, c, before, name) {
			t.Fatalf("call %d: the callback again signed the old session in", n)
		}
		p.goesOnAfterCallback(n, name)
		shutSoon(t, c)
		return failed
	})
}

// goesOnAfterCallback signs in unless this browser is signed in, and wants the link, the end, and no session at the campus.
func (p *person) goesOnAfterCallback(n int, name string) {
	p.t.Helper()
	if !isIn(p.t, p.c, p.session(), name) {
		if p.Status == http.StatusForbidden { // the old session was over, and the new one was never stored: the link in the mail is as it was
			p.says("Your session has ended")
			p.open("/link/"+lastLink(p.t, p.c).Link.Reveal(), http.StatusOK)
		}
		p.signIn(name)
	}
	p.open("/link", http.StatusOK)
	p.send("/link", http.StatusOK, "do", "redeem")
	p.at("/enrol")
	p.finish()
	if left := p.c.KC.Sessions(p.c.KC.PersonID(name)); left != 0 || len(otps(p.c, name)) != 1 {
		p.t.Errorf("call %d: %d sessions at the campus, %d authenticators", n, left, len(otps(p.c, name)))
	}
}

// STO-03, SES-03: the store fails from its n-th call on while somebody signs out: whoever is told so is signed out, everybody else presses again or has
// lost the cookie, and the request goes on. Keycloak has no part in it.
func TestASignOutWithPartsThatAreAway(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	mend := func() {}
	eachCall(t, func(n int) bool {
		name := member(c, nameOf(n))
		p := newPerson(t, c)
		p.ask(name)
		session, form := p.session(), post("", "", p.token()).form
		if n%2 == 0 {
			mend = c.KC.Inject(fakekc.Fault{Status: http.StatusBadGateway})
		}
		c.BreakStore(n)
		p.must(p.Post(t.Context(), c.URL+"/signout", form))
		failed := c.MendStore()
		mend()
		switch {
		case p.Status == http.StatusOK:
			p.says("You have signed out")
		case p.session() == session:
			p.saysAway(n)
			p.must(p.Post(t.Context(), c.URL+"/signout", form))
			p.want(http.StatusOK)
			p.says("You have signed out")
		default: // the cookie went before the record
			p.saysAway(n)
			p.open("/recovery", http.StatusOK)
			p.at("/start")
			c.Clock.Add(16 * time.Minute)
		}
		if isIn(t, c, session, name) {
			t.Fatalf("call %d: told to be signed out, and is not", n)
		}
		p.redeem(name)
		p.finish()
		return failed
	})
}

// MAIL-01, SWAP-02: the notices of the end cannot be queued: the page does not say that it is done, the job that carries the swap out sends them later,
// as the same mail to whoever was told already, also when the worker died meanwhile.
func TestNoticesOfTheEndAreSentLater(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia", twoAddresses)
	p := newPerson(t, c)
	p.ask("mia")
	p.redeem("mia")
	const second = "mia@second.example.org"
	c.Break("mail to "+second, bridge.Fault(bridge.CodeMailAway, "queue", nil))
	key := p.scan()
	p.must(p.Post(t.Context(), c.URL+"/enrol", post("", "", p.token(), "do", "confirm", "code", p.code(key)).form))
	c.Wait(t, "the first notice", func() bool { return len(c.Mails(bridge.NoticeCompleted)) > 0 })
	if r := recovery(t, c, "mia"); r.State != bridge.Writing {
		t.Fatalf("%s before everybody was told", r.State)
	}
	p.open("/recovery", http.StatusOK)
	p.says("This takes a few seconds")
	c.StopWork() // another process takes the job up
	c.Second(t)
	c.Break("mail to "+second, nil)
	c.Clock.Add(time.Minute)
	c.Wait(t, "the end", func() bool { return recovery(t, c, "mia").State == bridge.Done })
	if noticeTo(t, c, bridge.NoticeCompleted, second).Label == "" {
		t.Error("the notice does not name the authenticator")
	}
	for _, n := range c.Mails(bridge.NoticeCompleted) {
		if n.ID != recovery(t, c, "mia").ID { // by which the queue knows a repeat
			t.Errorf("a repeat of the notice to %s is another mail: %q", n.To, n.ID)
		}
	}
	newOnly(t, c, "mia", key)
}
