package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// guessed makes the gate of somebody stay shut: wrong second factors were counted.
func guessed(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	for range bridge.MaxWrongCodes {
		c.KC.AddEvent(fakekc.Event{
			Type: "LOGIN_ERROR", UserID: c.KC.PersonID(name), ClientID: fakekc.ClientPortal, Error: "invalid_user_credentials",
			Time: c.Clock.Now().Add(-time.Minute).UnixMilli(), Details: map[string]string{"selected_credential_id": "x"},
		})
	}
	p := at(t, c, name)
	p.signInDenied(name)
}

// signInDenied types the name and the password, and is not let in.
func (p *person) signInDenied(name string) {
	p.t.Helper()
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", name)
	p.must(p.Password(p.t.Context(), name, name+"-password"))
	if strings.HasPrefix(p.URL, p.c.URL) {
		p.t.Fatalf("%s is let in", name)
	}
}

func (p *person) looksForPermit(name string, want int) {
	p.t.Helper()
	p.open("/desk/permit", http.StatusOK)
	p.send("/desk/permit", want, "do", "look", "name", name)
}

func (p *person) givesPermit(name, check, ticket string, want int) {
	p.t.Helper()
	p.send("/desk/permit", want, "do", "give", "name", name, "check", check, "ticket", ticket)
}

// OIDC-21: two operators let somebody in whose gate stays shut, each after a call-back or with the person at the counter, for ten minutes.
// They see the name and the number, and nothing else.
func TestTwoOperatorsOpenAGateThatStaysShut(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	guessed(t, c, "somebody")
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	carol.looksForPermit("somebody", http.StatusOK)
	carol.says("somebody Example")
	for _, hidden := range []string{"somebody@", "753-1234", "oldPhone", c.KC.PersonID("somebody")} {
		if strings.Contains(carol.Body, hidden) {
			t.Errorf("the page shows %s", hidden)
		}
	}
	carol.givesPermit("somebody", "video", "T-1", http.StatusUnprocessableEntity)
	carol.givesPermit("somebody", "", "T-1", http.StatusUnprocessableEntity)
	carol.givesPermit("somebody", bridge.CheckCallBack, "", http.StatusUnprocessableEntity)
	carol.givesPermit("somebody", bridge.CheckCallBack, "T-1", http.StatusOK)
	carol.givesPermit("somebody", bridge.CheckCallBack, "T-1", http.StatusOK) // the same person again: no second part
	carol.says("Your part is recorded")
	at(t, c, "somebody").signInDenied("somebody")
	dave.looksForPermit("somebody", http.StatusOK)
	dave.says("Carol")
	dave.givesPermit("somebody", bridge.CheckInPerson, "T-2", http.StatusOK)
	p := caller(t, c, "somebody")
	carol.looksUp("somebody", p.reads())
	carol.approves()
	p.open("/recovery", http.StatusOK)
	p.finish()
	for name, want := range map[string]int{"permit.asked": 1, "permit.given": 1} {
		if n := countEvents(c, name); n != want {
			t.Errorf("%d events %s", n, name)
		}
	}
	if countEvents(c, "permit.looked") < 6 {
		t.Error("looks are missing on record")
	}
}

// A second press or a reload by either operator, or a third one's part, leaves the ten minutes as they are and tells nobody again.
func TestARepeatLeavesAPermitOpen(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	guessed(t, c, "somebody")
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	carol.looksForPermit("somebody", http.StatusOK)
	dave.looksForPermit("somebody", http.StatusOK)
	for _, o := range []*person{carol, carol, dave, dave, carol} {
		o.givesPermit("somebody", bridge.CheckInPerson, "T-1", http.StatusOK)
	}
	dave.says("The person can sign in until")
	carol.says("The person can sign in until")
	if asked, given, told := countEvents(c, "permit.asked"), countEvents(c, "permit.given"), len(c.Mails(bridge.NoticePermit)); asked != 1 || given != 1 || told != 1 {
		t.Errorf("asked %d, given %d, told %d", asked, given, told)
	}
	at(t, c, "somebody").signIn("somebody")
}

// A permit ends after ten minutes; the second operator has an hour; nobody gives their own.
func TestAPermitEnds(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	guessed(t, c, "somebody")
	give := func(name string) {
		o := operator(t, c, name)
		o.looksForPermit("somebody", http.StatusOK)
		o.givesPermit("somebody", bridge.CheckInPerson, "T-1", http.StatusOK)
	}
	give("carol")
	c.Clock.Add(time.Hour)
	give("dave") // the first one is forgotten
	at(t, c, "somebody").signInDenied("somebody")
	give("carol")
	c.Clock.Add(10 * time.Minute)
	at(t, c, "somebody").signInDenied("somebody")
	give("carol")
	give("dave")
	at(t, c, "somebody").signIn("somebody")
	self := operator(t, c, "carol")
	self.looksForPermit("carol", http.StatusOK)
	self.givesPermit("carol", bridge.CheckCallBack, "T-1", http.StatusForbidden)
}

// Each operator may look at twenty people in any hour; an unknown name is told, and counts. What is refused is on record too.
func TestLooksForAPermitAreLimited(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	carol := operator(t, c, "carol")
	looks := func(n int) {
		for i := range n {
			if i%2 == 0 {
				carol.looksForPermit("alice", http.StatusOK)
			} else {
				carol.looksForPermit("nobody", http.StatusUnprocessableEntity)
			}
		}
	}
	refused := func(times int) {
		t.Helper()
		a := post("/desk/permit", carol.session(), carol.token(), "do", "look", "name", "alice").to(t, c)
		if wait, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 3600 {
			t.Errorf("%d, come again after %q", a.status, a.header.Get("Retry-After"))
		}
		if strings.Contains(a.body, "Alice") || !strings.Contains(text(a.body), "You can try again from") {
			t.Error("the twenty-first look shows somebody")
		}
		n := 0
		for _, e := range c.Events("permit.limited") {
			if e.Code == bridge.CodeTooMany && e.Outcome == "refused" && e.Actor == c.KC.PersonID("carol") && e.Target == "" {
				n++
			}
		}
		if n != times {
			t.Errorf("%d refusals on record, want %d", n, times)
		}
	}
	looks(10)
	c.Clock.Add(50 * time.Minute)
	carol = operator(t, c, "carol")
	looks(10)
	refused(1)
	operator(t, c, "dave").looksForPermit("alice", http.StatusOK)
	c.Clock.Add(10 * time.Minute)
	carol.open("/desk", http.StatusOK)
	looks(10) // those of an hour ago count no more
	refused(2)
	if n := countEvents(c, "permit.looked"); n != 31 {
		t.Errorf("%d looks on record", n)
	}
}

// OIDC-21: whoever was let in by a permit and waits for longer than that signs in again for the key: in the browser that holds the proof, and in
// no other one.
func TestAPermittedPersonWhoWaitedLongSeesTheKey(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	guessed(t, c, "somebody")
	for _, name := range []string{"carol", "dave"} {
		o := operator(t, c, name)
		o.looksForPermit("somebody", http.StatusOK)
		o.givesPermit("somebody", bridge.CheckInPerson, "T-1", http.StatusOK)
	}
	p := caller(t, c, "somebody")
	for range 2 {
		c.Clock.Add(10 * time.Minute)
		p.open("/recovery", http.StatusOK)
	}
	p.send("/recovery", http.StatusOK, "do", "renew")
	at(t, c, "somebody").signInDenied("somebody")
	carol := operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	at(t, c, "somebody").signInDenied("somebody")
	carol.approves()
	at(t, c, "somebody").signInDenied("somebody")
	p.open("/recovery", http.StatusOK)
	p.at("/start")
	p.signIn("somebody")
	p.at("/enrol")
	p.finish()
	at(t, c, "somebody").signInDenied("somebody")
}

// The strip with figures counts who waits, and this operator's approvals of today.
func TestTheFiguresOfTheConsole(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Clock.Stop()
	c.Clock.Add(36*time.Hour - time.Duration(c.Clock.Now().Unix()%86400)*time.Second) // far from midnight in the zone of the pages
	member(c, "somebody")
	p := caller(t, c, "somebody")
	caller(t, c, "bob")
	carol := operator(t, c, "carol")
	carol.says("Waiting 2")
	c.Clock.Add(3 * time.Minute)
	carol.looksUp("somebody", p.reads())
	carol.open("/desk", http.StatusOK)
	carol.says("Waiting longest 3 min")
	carol.open("/desk/case", http.StatusOK)
	carol.approves()
	carol.open("/desk", http.StatusOK)
	carol.says("Waiting 1")
	carol.says("My approvals today 1")
	carol.says("T-1")
	if strings.Contains(carol.Body, "somebody") {
		t.Error("a case that ended shows the person")
	}
	operator(t, c, "dave").says("My approvals today 0")
	c.Clock.Add(bridge.DeskLife)
	c.Wait(t, "the end of bob's call", func() bool {
		calls, err := c.Store.Jobs.List(t.Context(), bridge.JobCall, 1)
		return err == nil && len(calls) == 0
	})
	operator(t, c, "carol").says("Waiting 0")
	c.Clock.Add(24 * time.Hour)
	operator(t, c, "carol").says("My approvals today 0")
}

// A call-back needs a number on record.
func TestAPermitByCallBackNeedsANumberOnRecord(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	guessed(t, c, "somebody")
	o := operator(t, c, "carol")
	o.looksForPermit("somebody", http.StatusOK)
	o.givesPermit("somebody", bridge.CheckCallBack, "T-1", http.StatusUnprocessableEntity)
	if n := countEvents(c, "permit.asked"); n != 0 {
		t.Errorf("%d permits asked for", n)
	}
}
