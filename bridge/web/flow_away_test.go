package web_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/phone"
)

// stage is one press of a button on the way, from a page that the person has open.
type stage struct {
	name string
	page string // where the button is
	path string
	form url.Values
	then bridge.State
}

// stages are all presses of the mail way after the sign-in. The code and the objection number are filled in when they are sent.
func stages() []stage {
	return []stage{
		{"start", "/recovery", "/recovery", url.Values{"do": {"start"}, "reason": {"lost"}, "way": {"mail"}}, bridge.Waiting},
		{"resend", "/recovery", "/recovery", url.Values{"do": {"resend"}}, bridge.Waiting},
		{"redeem", "/link", "/link", url.Values{"do": {"redeem"}}, bridge.Proven},
		{"new key", "/enrol", "/enrol", url.Values{"do": {"new"}}, bridge.Proven},
		{"extend", "/enrol", "/enrol", url.Values{"do": {"extend"}}, bridge.Proven},
		{"confirm", "/enrol", "/enrol", url.Values{"do": {"confirm"}}, bridge.Done},
		{"cancel", "/recovery", "/recovery", url.Values{"do": {"cancel"}}, bridge.Ended},
		{"restart", "/recovery", "/recovery", url.Values{"do": {"restart"}}, bridge.Ended},
		{"notme", "/link", "/link", url.Values{"do": {"notme"}}, bridge.Ended},
		{"veto", "/veto", "/veto", url.Values{"choice": {"stop"}}, bridge.Ended},
	}
}

// waits reports that the button is on the page of somebody who waits for the link.
func (s stage) waits() bool { return s.name == "resend" || s.name == "cancel" || s.name == "restart" }

// onTheWay leads a new person to the page from which the stage goes on.
func onTheWay(t *testing.T, c *campus.Campus, s stage, name string) *person {
	t.Helper()
	p := newPerson(t, c)
	p.signIn(member(c, name))
	if s.name == "start" {
		return p
	}
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	c.Clock.Add(61 * time.Second)
	if s.waits() {
		return p
	}
	if s.name == "veto" {
		p = newPerson(t, c) // whoever reads the mail
		p.open("/veto/"+lastLink(t, c).Veto.Reveal(), http.StatusOK)
		return p
	}
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	if s.page != "/link" {
		p.send("/link", http.StatusOK, "do", "redeem")
	}
	return p
}

// press sends the stage's form with a form token; key is what the person's phone knows.
func (p *person) press(s stage, token string, key *phone.Key) {
	p.t.Helper()
	form := url.Values{"csrf": {token}}
	for k, v := range s.form {
		form[k] = v
	}
	if key != nil {
		form.Set("code", key.Code(p.c.Clock.Now()))
	}
	if s.name == "veto" {
		form.Set("number", lastLink(p.t, p.c).Objection)
	}
	p.must(p.Post(p.t.Context(), p.c.URL+s.path, form))
}

// phoneOf scans the page at hand if the stage needs it.
func (p *person) phoneOf(s stage) *phone.Key {
	p.t.Helper()
	if s.name != "confirm" {
		return nil
	}
	k := p.scan()
	return &k
}

// goesOn presses again after a fault, if the first press did not do its work, and wants the work done and the way open to its end.
func (p *person) goesOn(s stage, name string, key *phone.Key) {
	p.t.Helper()
	if s.name == "start" || s.name == "resend" {
		p.c.Clock.Add(61 * time.Second) // a mail may have been counted
	}
	r, err := p.c.Flow.Recoveries.Get(p.t.Context(), p.c.KC.PersonID(name))
	if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
		p.t.Fatal(err)
	}
	if r.State != s.then && r.State != bridge.Writing {
		p.open(s.page, http.StatusOK)
		p.press(s, p.token(), key)
		p.want(http.StatusOK)
	}
	p.c.Wait(p.t, "the work of "+s.name, func() bool { return recovery(p.t, p.c, name).State == s.then })
	if s.then == bridge.Ended {
		p.stopped(s, name)
	}
	if s.then == bridge.Waiting {
		if recovery(p.t, p.c, name).Link.Unsent {
			p.open("/recovery", http.StatusOK)
			p.says("The mail was not sent")
			p.send("/recovery", http.StatusOK, "do", "resend")
		}
		p.redeem(name)
	}
	if s.then != bridge.Done {
		p.finish()
	}
	if n := len(otps(p.c, name)); n != 1 {
		p.t.Errorf("%d authenticators", n)
	}
}

// stopped wants the end that the press stands for on record, once, nothing left of the link, and the way open to another request.
func (p *person) stopped(s stage, name string) {
	p.t.Helper()
	end, event := bridge.EndCancelled, "recovery.cancelled"
	if s.name == "notme" || s.name == "veto" {
		end, event = bridge.EndVetoed, "recovery.vetoed"
	}
	if r := recovery(p.t, p.c, name); r.End != end || r.Key != nil {
		p.t.Errorf("%s ended it as %s, with a key: %t", s.name, r.End, r.Key != nil)
	}
	on := 0
	for _, e := range p.c.Events(event) {
		if e.Target == p.c.KC.PersonID(name) && e.Actor != "system" { // which tells once more where it was not noted that others heard
			on++
		}
	}
	if on != 1 {
		p.t.Errorf("%d events %s", on, event)
	}
	p.c.Clock.Add(61 * time.Second)
	next := newPerson(p.t, p.c)
	next.ask(name)
	next.redeem(name)
	*p = *next
}

func nameOf(n int) string { return fmt.Sprintf("person-%d", n) }

// STO-03, INV-6: the store fails from its n-th call on, at every press: the page says so and never that there is nothing; nothing is lost,
// and after it is back the same press leads on. FULL=1 has every n.
func TestAStoreThatIsAwayLosesNothingAtAnyPress(t *testing.T) {
	t.Parallel()
	for _, s := range stages() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			failed := true
			each := 2 // every second one, others today than yesterday
			switch {
			case os.Getenv("FULL") == "1":
				each = 1
			case testing.Short():
				each = 8
			case s.name == "resend" || s.name == "new key" || s.name == "extend" || s.then == bridge.Ended:
				each = 4 // little hangs on them
			}
			first := rand.N(min(each, 4))
			t.Logf("from call %d, every %d", first, each)
			for n := first; failed; n += each {
				if n > 60 {
					t.Fatal("a press with more than 60 calls of the store")
				}
				p := onTheWay(t, c, s, nameOf(n))
				token, key := p.token(), p.phoneOf(s)
				c.BreakStore(n)
				p.press(s, token, key)
				status, page := p.Status, text(p.Body)
				failed = c.MendStore()
				switch {
				case failed && status != http.StatusServiceUnavailable && status != http.StatusOK:
					t.Fatalf("call %d of the store failed: %d %s", n, status, page)
				case status == http.StatusServiceUnavailable && !strings.Contains(page, "Please try again"):
					t.Fatalf("call %d of the store failed, and the page says: %s", n, page)
				}
				if status == http.StatusOK {
					p.worked(s, nameOf(n))
				}
				p.goesOn(s, nameOf(n), key)
			}
		})
	}
}

// worked wants what a page said to be so.
func (p *person) worked(s stage, name string) {
	p.t.Helper()
	if r := recovery(p.t, p.c, name); r.State != s.then && r.State != bridge.Writing {
		p.t.Fatalf("%s is said to have worked, and the recovery is %s: %s", s.name, r.State, text(p.Body))
	}
}

// WB-05, INV-6: Keycloak's Admin API fails from its n-th call on, at every press: 503, nothing was changed; after it is back the same press
// leads on.
func TestAKeycloakThatIsAwayLosesNothingAtAnyPress(t *testing.T) {
	t.Parallel()
	for _, s := range stages() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			today := rand.N(3) // of three parts, the one that the quick loop tries
			t.Logf("part %d", today)
			for n, call := range []string{
				adminUser, adminUser + "/credentials", adminUser + "/groups", "/admin/realms/*/attack-detection/brute-force/users/*",
				adminUser + "/role-mappings/realm/composite", "/admin/realms/*/events",
			} {
				if testing.Short() && n%3 != today {
					continue
				}
				p := onTheWay(t, c, s, nameOf(n))
				token, key := p.token(), p.phoneOf(s)
				had := otps(c, nameOf(n))
				mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: call, Status: http.StatusBadGateway})
				p.press(s, token, key)
				if p.Status != http.StatusOK {
					p.want(http.StatusServiceUnavailable)
					p.says("Nothing was changed")
				}
				if s.name != "confirm" || p.Status != http.StatusOK {
					if strings.Join(otps(c, nameOf(n)), "") != strings.Join(had, "") {
						t.Error("credentials changed")
					}
				}
				mend()
				p.goesOn(s, nameOf(n), key)
			}
		})
	}
}

// Keycloak goes away altogether at each point of the sign-in: the page says so, and afterwards the person signs in.
func TestAKeycloakThatIsAwayAtTheSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for what, fault := range map[string]fakekc.Fault{
		"find":  {Path: "/admin/realms/*/users", Status: http.StatusBadGateway},
		"read":  {Path: adminUser, Status: http.StatusBadGateway},
		"join":  {Method: http.MethodPut, Path: adminUser + "/groups/*", Status: http.StatusBadGateway},
		"push":  {Path: "/realms/*/protocol/openid-connect/ext/par/request", Status: http.StatusBadGateway},
		"token": {Path: "/realms/*/protocol/openid-connect/token", Status: http.StatusBadGateway},
		"end":   {Method: http.MethodPost, Path: "/realms/*/protocol/openid-connect/logout", Status: http.StatusBadGateway},
	} {
		name := member(c, what)
		p := newPerson(t, c)
		p.open("/start", http.StatusOK)
		answered := what == "token" || what == "end" // the service account needs a token before
		mend := func() {}
		if !answered {
			mend = c.KC.Inject(fault)
		}
		p.must(p.Post(t.Context(), c.URL+"/start", url.Values{"csrf": {p.token()}, "name": {name}}))
		if answered {
			mend = c.KC.Inject(fault)
			p.must(p.Password(t.Context(), name, name+"-password"))
		}
		p.want(http.StatusServiceUnavailable)
		p.says("Nothing was changed")
		mend()
		if got := gate(c); len(got) != 0 {
			t.Errorf("%s: the gate is open for %v", what, got)
		}
		c.Clock.Add(2 * time.Minute)
		p.signIn(name)
		p.at("/recovery")
		p.says("What will happen")
	}
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	c.KC.Down()
	p.send("/start", http.StatusServiceUnavailable, "name", "alice")
	p.says("The sign-in service cannot be reached")
	if err := c.KC.Up(); err != nil {
		t.Fatal(err)
	}
	p.signIn("alice")
	p.at("/recovery")
}

// A Keycloak that hangs for longer than the pause: the person was sent on to a gate that stays shut, and reads why when they come back; the next
// press forgets it.
func TestALookThatFailsLateIsSaid(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Web.StartPause = time.Millisecond
	hold := c.KC.Hold(http.MethodGet, adminUser+"/credentials", false)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", member(c, "mia"))
	held(t, hold)
	c.KC.Down()
	hold.Release()
	const said = "The sign-in service did not answer in time"
	c.Wait(t, "the page to say it", func() bool {
		p.open("/start", http.StatusOK)
		return strings.Contains(p.Body, said)
	})
	if err := c.KC.Up(); err != nil {
		t.Fatal(err)
	}
	c.Web.StartPause = 0
	p.signIn("mia")
	p.at("/recovery")
	p.open("/start", http.StatusOK)
	if strings.Contains(p.Body, said) {
		t.Error("said again")
	}
}

// The trail cannot be written: nobody is let in, and nothing is changed.
func TestATrailThatCannotBeWrittenAtTheSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	c.Break("audit", bridge.Fault(bridge.CodeAuditFull, "audit", nil))
	p.send("/start", http.StatusServiceUnavailable, "name", "alice")
	p.says("nothing was changed")
	if len(gate(c)) != 0 {
		t.Error("the gate is open without a record")
	}
	c.Break("audit", nil)
	p.signIn("alice")
	p.at("/recovery")
}

// STO-03: whether Keycloak ended the sign-in or the swap itself did, the store knows: as long as that is away nobody reads that the sign-in is over.
func TestAStoreThatIsAwayEndsNoSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for n, failed := 0, true; failed; n++ {
		name := member(c, nameOf(n))
		p := proven(t, c, name)
		press := post("/enrol", p.session(), p.token(), "do", "confirm", "code", p.code(p.scan()))
		if err := c.Flow.Target.Do(t.Context(), c.KC.PersonID(name), bridge.Action{Kind: bridge.ActionEndSessions}); err != nil {
			t.Fatal(err)
		}
		c.BreakStore(n)
		a := press.to(t, c)
		failed = c.MendStore()
		if over := recovery(t, c, name).State == bridge.Ended; a.status == http.StatusForbidden && !over || !failed && !over {
			t.Errorf("call %d, failed %t: answered %d, and over %t", n, failed, a.status, over)
		}
	}
}
