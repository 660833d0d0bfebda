package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

// TOK-02: the link lives 30 minutes; afterwards one press sends another.
func TestALinkLivesThirtyMinutesAndIsRenewedByOnePress(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	asked := c.Clock.Now()
	newPerson(t, c).ask("alice")
	first := lastLink(t, c)
	if life := first.Expires.Sub(asked); life < 30*time.Minute || life > 31*time.Minute {
		t.Errorf("the mail says that the link lives %v", life)
	}
	c.Clock.Add(first.Expires.Sub(c.Clock.Now()) + time.Second)
	late := newPerson(t, c)
	late.comesBack("alice", first.Link.Reveal())
	late.want(http.StatusNotFound)
	late.says("This link can no longer be used")
	late.send("/recovery", http.StatusOK, "do", "resend")
	late.says("Mail sent again")
	late.redeem("alice")

	member(c, "in-time")
	newPerson(t, c).ask("in-time")
	second := lastLink(t, c)
	c.Clock.Stop()
	c.Clock.Add(second.Expires.Sub(c.Clock.Now()) - 20*time.Second)
	newPerson(t, c).redeem("in-time")
}

// TOK-04: looking at a link uses nothing up.
func TestTwentyLooksAtALinkUseNothingUp(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	alice := newPerson(t, c)
	alice.ask("alice")
	before := facts(t, c, "alice")
	path := "/link/" + lastLink(t, c).Link.Reveal()
	for range rounds(20) {
		byHand{method: http.MethodHead, path: path}.to(t, c)
		get(path, "").to(t, c)
		newPerson(t, c).open(path, http.StatusOK) // follows, keeps cookies
	}
	if now := facts(t, c, "alice"); now != before {
		t.Errorf("changed from %s to %s", before, now)
	}
	alice.redeem("alice")
}

// TOK-06, and kc#37231: of 50 redemptions at once, in two browsers and on two replicas, one succeeds: every press of its browser leads to the key, and
// no one of the other's does.
func TestFiftyRedemptionsAtOnceSucceedOnce(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, fiftyRedeem)
}

func fiftyRedeem(t *testing.T, c *campus.Campus) {
	t.Helper()
	c.Second(t)
	for round := range rounds(20) {
		name := member(c, fmt.Sprintf("round-%d", round))
		a, b := newPerson(t, c), newPerson(t, c)
		a.ask(name)
		token := lastLink(t, c).Link.Reveal()
		a.comesBack(name, token)
		b.comesBack(name, token)
		a.says("This request was made with your account")
		got := together(t, c, append(times(25, post("/link", a.session(), a.token(), "do", "redeem")),
			times(25, post("/link", b.session(), b.token(), "do", "redeem"))...)...)
		on, refused, busy := got["303 /enrol"], got["404"], got["503"] // a busy machine may say that it is one
		if on == 0 || on > 25 || refused > 25 || on+refused+busy != 50 {
			t.Fatalf("round %d: %v", round, got)
		}
		if r := recovery(t, c, name); r.State != bridge.Proven || len(c.Events("recovery.proven")) != round+1 {
			t.Fatalf("round %d: %s, proofs on record: %d", round, r.State, len(c.Events("recovery.proven")))
		}
	}
}

// TOK-07, kc#26815: a newer link ends the older ones, and so does success.
func TestOnlyTheNewestLinkWorksAndNoneAfterSuccess(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "three")
	p := newPerson(t, c)
	p.ask(name)
	c.Clock.Add(61 * time.Second)
	p.send("/recovery", http.StatusOK, "do", "resend")
	c.Clock.Add(61 * time.Second)
	newPerson(t, c).signIn(name) // a mere sign-in ends nothing
	other := newPerson(t, c)
	other.signIn(name)
	other.says("You already have a request in progress")
	other.send("/recovery", http.StatusOK, "do", "restart")
	other.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	mails := c.Mails(bridge.NoticeLink)
	if len(mails) != 3 {
		t.Fatalf("%d mails", len(mails))
	}
	for _, m := range mails[:2] {
		stale := newPerson(t, c)
		stale.comesBack(name, m.Link.Reveal())
		stale.want(http.StatusNotFound)
		stale.says("This link can no longer be used")
	}
	p.redeem(name)
	key := p.scan()
	p.finish()
	for _, m := range mails {
		stale := newPerson(t, c)
		stale.comesBack(name, m.Link.Reveal())
		stale.want(http.StatusNotFound)
	}
	newOnly(t, c, name, key)
}

// A second recovery replaces the first until there is a proof; then it is refused until that one ends.
func TestTheNewestRequestWinsUntilThereIsAProof(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "twice")
	first := newPerson(t, c)
	first.ask(name)
	c.Clock.Add(61 * time.Second)
	second := newPerson(t, c)
	second.signIn(name)
	second.send("/recovery", http.StatusOK, "do", "start", "reason", "changed", "way", "mail") // from an old tab: there is no such form now
	if n := len(c.Events("recovery.superseded")); n != 1 {
		t.Fatalf("%d superseded", n)
	}
	first.open("/recovery", http.StatusOK)
	first.says("You already have a request in progress")
	second.redeem(name)
	third := newPerson(t, c)
	third.signIn(name)
	third.says("It ends by itself at")
	third.send("/recovery", http.StatusConflict, "do", "start", "reason", "changed", "way", "mail")
	third.says("It has already been confirmed")
	second.finish()
	third.signIn(name)
	third.says("What will happen")
}

// change is something that happens to an account, and what the person is told.
type change struct {
	what   string
	do     func(c *campus.Campus, id string)
	says   string
	passes func(c *campus.Campus, id string) // ends it again; nil: the recovery is over
}

func account(f func(*fakekc.Account)) func(*campus.Campus, string) {
	return func(c *campus.Campus, id string) { c.KC.Change(id, f) }
}

var changes = []change{
	{"disabled", account(func(a *fakekc.Account) { a.Enabled = false }), "Your account is switched off", nil},
	{"outside", account(func(a *fakekc.Account) { a.Groups = nil }), "", nil},
	{"administrator", account(func(a *fakekc.Account) { a.Roles = append(a.Roles, "campus-admins") }), "done by the help desk", nil},
	{"operator", account(func(a *fakekc.Account) { a.Roles = append(a.Roles, "otp-helpdesk") }), "done by the help desk", nil},
	{"password", func(c *campus.Campus, id string) { c.KC.SetPassword(id, "another", c.Clock.Now()) }, "Your password was changed meanwhile", nil},
	{"gone", func(c *campus.Campus, id string) { c.KC.RemovePerson(id) }, "Your account was not found", nil},
	{
		"action", account(func(a *fakekc.Account) { a.RequiredActions = []string{"UPDATE_PASSWORD"} }), "finish that first",
		account(func(a *fakekc.Account) { a.RequiredActions = nil }),
	},
	{"locked", lock, "Your account is locked for now", func(c *campus.Campus, _ string) { c.Clock.Add(2 * time.Minute) }},
}

// lock types wrong passwords for "somebody", as anybody can who knows the name.
func lock(c *campus.Campus, _ string) {
	app := &loginform.App{Issuer: c.KC.Issuer, ID: fakekc.ClientPortal, Redirect: portalAddress + "/callback"}
	for range 5 {
		b := loginform.New(portalAddress)
		address, err := app.Start(context.Background(), nil)
		if err == nil {
			err = b.SignIn(context.Background(), address, "somebody", "wrong", nil)
		}
		if err != nil {
			panic(err)
		}
	}
}

// TOK-07, WB-08: the account is read afresh at the proof, before the key is shown, and at the swap. What is for good ends the recovery at a POST;
// what passes by itself, and what anybody can cause, refuses while it lasts.
func TestTheAccountIsReadAfreshAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, ch := range changes {
		for _, step := range []string{"proof", "key", "swap"} {
			t.Run(ch.what+" before the "+step, func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				name := member(c, "somebody")
				p := newPerson(t, c)
				p.ask(name)
				p.comesBack(name, lastLink(t, c).Link.Reveal())
				act := func(want int) { p.send("/link", want, "do", "redeem") }
				if step != "proof" {
					act(http.StatusOK)
					act = func(want int) { p.open("/enrol", want) }
				}
				if step == "swap" {
					key := p.scan()
					token := p.Body
					act = func(want int) { p.Body = token; p.send("/enrol", want, "do", "confirm", "code", p.code(key)) }
				}
				id := c.KC.PersonID(name)
				had := otps(c, name)
				ch.do(c, id)
				if ch.what == "operator" && step == "key" {
					act(http.StatusOK) // the way was open at the proof; the swap looks again
					return
				}
				act(http.StatusForbidden)
				p.says(ch.says)
				r, err := c.Flow.Recoveries.Get(t.Context(), id)
				unseen := ch.what == "gone" || ch.what == "outside" // something before Keycloak may say so for a moment: no proof ends at once
				ends := ch.passes == nil && step != "key" && (!unseen || step != "swap")
				if over := r.State == bridge.Ended && r.End == bridge.EndRefused; err != nil || over != ends { // INV-4: a look ends nothing
					t.Fatalf("%s %s %s %v", r.State, r.End, r.EndCode, err)
				}
				if ch.what != "gone" && strings.Join(otps(c, name), " ") != strings.Join(had, " ") {
					t.Error("credentials changed")
				}
				if ch.passes != nil {
					ch.passes(c, id)
					act(http.StatusOK)
				}
			})
		}
	}
}

// The recovery that is proven ends with the address that got the link, and with nothing else that happens to addresses.
func TestAddressesAtTheSwapCountAsTheyWereBeforeTheSignIn(t *testing.T) {
	t.Parallel()
	set := func(addresses ...string) func(*campus.Campus, string) {
		return account(func(a *fakekc.Account) { a.Attributes["notificationEmail"] = addresses })
	}
	for what, is := range map[string]struct {
		do     func(*campus.Campus, string)
		status int
		state  bridge.State
	}{
		"added":   {set("new@example.org", "somebody@mail.example.org"), http.StatusOK, bridge.Done},
		"removed": {set(), http.StatusForbidden, bridge.Ended},
		"other":   {set("new@example.org"), http.StatusForbidden, bridge.Ended},
		"event": {func(c *campus.Campus, id string) {
			c.KC.AddEvent(fakekc.Event{Type: "UPDATE_EMAIL", UserID: id, ClientID: fakekc.ClientPortal})
		}, http.StatusOK, bridge.Done},
		"reset": {func(c *campus.Campus, id string) {
			c.KC.AddEvent(fakekc.Event{Type: "UPDATE_PASSWORD", UserID: id, ClientID: fakekc.ClientPortal})
		}, http.StatusForbidden, bridge.Ended},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p := proven(t, c, member(c, "somebody"))
			key := p.scan()
			is.do(c, c.KC.PersonID("somebody"))
			p.send("/enrol", is.status, "do", "confirm", "code", p.code(key))
			p.awaitsWork()
			if r := recovery(t, c, "somebody"); r.State != is.state {
				t.Fatalf("%s %s %s", r.State, r.End, r.EndCode)
			}
		})
	}
}

// Events that cannot be read end nothing, and the code that was right is no wrong one when it is typed again.
func TestUnreadableEventsAtTheSwapEndNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := proven(t, c, member(c, "somebody"))
	key := p.scan()
	mend := c.KC.Inject(fakekc.Fault{Path: "/admin/realms/*/events", Status: http.StatusInternalServerError})
	for range 2 {
		p.open("/enrol", http.StatusOK)
		p.send("/enrol", http.StatusServiceUnavailable, "do", "confirm", "code", p.code(key))
		p.says("Nothing was changed")
	}
	oldStill(t, c, "somebody")
	mend()
	p.open("/enrol", http.StatusOK)
	p.finish()
	newOnly(t, c, "somebody", key)
}
