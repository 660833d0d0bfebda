package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// second gives somebody another address on record.
func second(name string) func(*fakekc.Person) {
	return func(p *fakekc.Person) {
		p.Attributes["notificationEmail"] = []string{name + "@mail.example.org", name + "@other.example.net"}
	}
}

// forgot goes from the start page to the page that offers a temporary code.
func (p *person) forgot(name string) {
	p.t.Helper()
	p.open("/", http.StatusOK)
	p.says("I do not have it with me today")
	p.open("/start?to=temporary", http.StatusOK)
	p.send("/start", http.StatusOK, "name", name, "to", "temporary")
	p.must(p.Password(p.t.Context(), name, name+"-password"))
	p.at("/temporary")
}

// hasCode is somebody who asked for a temporary code, with the mail that brought it.
func hasCode(t *testing.T, c *campus.Campus, name string) (p *person, code string) {
	t.Helper()
	p = newPerson(t, c)
	p.forgot(name)
	p.want(http.StatusOK)
	p.send("/temporary", http.StatusOK, "do", "send")
	p.says("The temporary code is in the mail")
	mails := c.Mails(bridge.NoticeTemporary)
	return p, mails[len(mails)-1].Code.Reveal()
}

// typed returns the code once, for portal.
func typed(code string) func() string { return func() string { return code } }

func temporaryOf(t *testing.T, c *campus.Campus, name string) bridge.TemporaryCode {
	t.Helper()
	got, _, err := c.Flow.Temporary(t.Context(), c.KC.PersonID(name))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// awaitsEnd waits until nothing is left of somebody's temporary code.
func awaitsEnd(t *testing.T, c *campus.Campus, name string) bridge.TemporaryCode {
	t.Helper()
	looks := 0
	c.Wait(t, "the end of the temporary code", func() bool {
		looks++
		if looks%100 == 0 { // the job may have been put off by a little
			c.Clock.Add(10 * time.Second)
		}
		return !temporaryOf(t, c, name).Open()
	})
	return temporaryOf(t, c, name)
}

// TMP-01, TMP-05: from the start page to the mail; the code opens the application once, beside the authenticator, and is gone within a minute;
// what it opened is closed after a day. No secret of it stands anywhere but in its mail.
func TestATemporaryCodeOpensTheApplicationOnce(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner", second("owner"))
	id := c.KC.PersonID(name)
	p := newPerson(t, c)
	p.forgot(name)
	p.says("o•••@mail.example.org")
	if strings.Contains(p.Body, "owner@mail") || len(otps(c, name)) != 1 {
		t.Error("the address is whole, or looking made a code")
	}
	p, code := hasCode(t, c, name)
	tells(t, c, bridge.NoticeTemporary, "owner@mail.example.org")
	tells(t, c, bridge.NoticeTemporaryAsked, "owner@other.example.net")
	if len(code) != 8 || len(c.Mails("")) != 2 || c.Mails(bridge.NoticeTemporaryAsked)[0].Code != "" {
		t.Errorf("code of %d digits, %d mails", len(code), len(c.Mails("")))
	}
	if !newPerson(t, c).portal(name, typed(code)) {
		t.Fatal("the code does not open the portal")
	}
	c.Clock.Add(31 * time.Second)
	c.Wait(t, "the removal", func() bool { return len(otps(c, name)) == 1 })
	p.open("/temporary", http.StatusOK)
	p.says("Your temporary code was used")
	if newPerson(t, c).portal(name, typed(code)) {
		t.Error("the code opens the portal twice")
	}
	oldStill(t, c, name)
	sessions := c.KC.Sessions(id)
	c.Clock.Add(23*time.Hour + 50*time.Minute)
	c.Clock.Add(11 * time.Minute)
	if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryExpired || c.KC.Sessions(id) != 0 || sessions == 0 {
		t.Errorf("%s: %d sessions, before %d", got.End, c.KC.Sessions(id), sessions)
	}
	if e := c.Events("temporary.done"); len(e) != 1 || e[0].Detail["why"] != "expired" || len(c.Events("temporary.used")) != 1 {
		t.Errorf("on record %+v", e)
	}
	for what, text := range map[string][]byte{"store": c.StateBytes(t), "log": []byte(c.Log.String())} {
		if bytes.Contains(text, []byte(code)) {
			t.Errorf("the code stands in the %s", what)
		}
	}
	for _, a := range c.Answers() {
		if strings.Contains(a.Body, code) {
			t.Errorf("the code stands on %s", a.Path)
		}
	}
}

// TMP-05: a code that nobody used works no more after its day, by the clock; nobody is signed out for it.
func TestAnUnusedTemporaryCodeExpires(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	_, code := hasCode(t, c, name)
	if !newPerson(t, c).portal(name, nil) {
		opensPortalByPhone(t, c, name)
	}
	c.Clock.Add(bridge.TemporaryLife + time.Second)
	if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryExpired || len(otps(c, name)) != 1 {
		t.Errorf("%s, %d OTPs", got.End, len(otps(c, name)))
	}
	if len(c.Mails(bridge.NoticeTemporaryBack)) != 0 {
		t.Error("somebody is told of an ordinary end")
	}
	if newPerson(t, c).portal(name, typed(code)) {
		t.Error("the code opens the portal after its time")
	}
}

// opensPortalByPhone chooses the phone on Keycloak's page, where the temporary code is preselected.
func opensPortalByPhone(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	p := newPerson(t, c)
	p.portal(name, nil)
	p.must(p.CodeFor(t.Context(), otps(c, name)[1], oldKey(t).Code(c.Clock.Now())))
	if p.Answer().Get("code") == "" {
		t.Error("the authenticator does not work beside the temporary code")
	}
}

// TMP-01: who gets none, and what the page says then.
func TestWhoGetsNoTemporaryCode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		person func(*fakekc.Person)
		change func(c *campus.Campus, id string)
		says   string
	}{
		"address":  {person: func(p *fakekc.Person) { p.Attributes = nil }, says: "You have no notification address"},
		"operator": {person: func(p *fakekc.Person) { p.Roles = append(p.Roles, "otp-helpdesk") }, says: "For your account no temporary code is sent by mail."},
		"password": {change: func(c *campus.Campus, id string) {
			c.KC.SetPassword(id, "password-password", c.Clock.Now().Add(-71*time.Hour))
		}, says: "changed a short time ago"},
		"changed": {change: func(c *campus.Campus, id string) {
			c.KC.Change(id, func(a *fakekc.Account) {
				a.Attributes[campus.MarksAttribute] = []string{c.Clock.Now().Add(-71 * time.Hour).UTC().Format(time.RFC3339)}
			})
		}, says: "changed a short time ago"},
		"authenticator": {person: func(p *fakekc.Person) { p.OTP = "" }, says: "You have none that works"},
		"delay": {change: func(c *campus.Campus, _ string) {
			c.Rules(func(r *bridge.Rules) {
				r.Policies = []bridge.Policy{{Name: "slow", Ways: []bridge.Way{bridge.WayMail}, Delay: time.Hour}}
			})
		}, says: "For your account no temporary code is sent by mail."},
		"desk": {change: func(c *campus.Campus, _ string) {
			c.Rules(func(r *bridge.Rules) {
				r.Policies = []bridge.Policy{{Name: "desk", Ways: []bridge.Way{bridge.WayDesk}}}
			})
		}, says: "For your account no temporary code is sent by mail."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			change := tc.person
			if change == nil {
				change = func(*fakekc.Person) {}
			}
			member(c, name, change)
			if tc.change != nil {
				tc.change(c, c.KC.PersonID(name))
			}
			before := len(otps(c, name))
			p := newPerson(t, c)
			p.forgot(name)
			p.want(http.StatusForbidden)
			p.says(tc.says)
			p.send("/temporary", http.StatusForbidden, "do", "send")
			if len(otps(c, name)) != before || len(c.Mails("")) != 0 || len(c.Events("temporary.intended")) != 0 {
				t.Error("a code was made all the same")
			}
		})
	}
}

// TMP-01, RL-07: one at a time, however often and wherever the button is pressed; three in a week.
func TestOneTemporaryCodeAtATimeAndThreeAWeek(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Second(t)
	name := member(c, "owner")
	p := newPerson(t, c)
	p.forgot(name)
	got := together(t, c, times(8, post("/temporary", p.session(), p.token(), "do", "send"))...)
	if got["303 /temporary"] != 8 || len(otps(c, name)) != 2 || len(c.Mails(bridge.NoticeTemporary)) != 1 {
		t.Errorf("answers %v, %d OTPs, %d codes mailed", got, len(otps(c, name)), len(c.Mails(bridge.NoticeTemporary)))
	}
	for n := 2; n <= 3; n++ {
		p.open("/temporary", http.StatusOK)
		p.send("/temporary", http.StatusOK, "do", "end")
		p.says("The temporary code has ended")
		awaitsEnd(t, c, name)
		p.open("/temporary", http.StatusOK)
		p.send("/temporary", http.StatusOK, "do", "send")
		if len(c.Mails(bridge.NoticeTemporary)) != n {
			t.Fatalf("%d codes mailed, want %d", len(c.Mails(bridge.NoticeTemporary)), n)
		}
	}
	p.send("/temporary", http.StatusOK, "do", "end")
	awaitsEnd(t, c, name)
	p.open("/temporary", http.StatusOK)
	p.send("/temporary", http.StatusTooManyRequests, "do", "send")
	p.says("You have asked for temporary codes 3 times within a week")
	wantsLimit(t, c, name, bridge.LimitTemporary)
	if len(otps(c, name)) != 1 || temporaryOf(t, c, name).Open() {
		t.Error("a fourth code")
	}
	oldStill(t, c, name)
}

// INV-2, TMP-05: whatever fails while a code is made, the person's own authenticator stands at every moment, and nothing of the code is
// left a minute later.
func TestATemporaryCodeThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	away := bridge.Fault(bridge.CodeStoreAway, "test", nil)
	for _, tc := range []struct {
		name string
		cut  cutTarget
		part string
	}{
		{name: "before the write", cut: cutTarget{left: 1}},
		{name: "after the write", cut: cutTarget{left: 1, after: true}},
		{name: "before the move", cut: cutTarget{left: 2}},
		{name: "after the move", cut: cutTarget{left: 2, after: true}},
		{name: "mail", part: "mail"},
		{name: "audit", part: "audit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner")
			p := newPerson(t, c)
			p.forgot(name)
			if tc.part != "" {
				c.Break(tc.part, away)
			}
			f := c.Flow
			if tc.cut.left > 0 {
				f = flowOn(c, &tc.cut)
			}
			if _, err := f.AskTemporary(t.Context(), asksTemporary(t, c, name)); !errors.Is(err, errKilled) && !errors.Is(err, away) && bridge.CodeOf(err) != bridge.CodeAuditFull {
				t.Fatal(err)
			}
			c.Break(tc.part, nil)
			c.Clock.Add(time.Minute)
			awaitsEnd(t, c, name)
			if n := len(otps(c, name)); n != 1 {
				t.Errorf("%d OTPs", n)
			}
			oldStill(t, c, name)
		})
	}
}

// asksTemporary is a request as the page makes it.
func asksTemporary(t *testing.T, c *campus.Campus, name string) bridge.TemporaryAsked {
	t.Helper()
	a, err := c.Flow.Accounts.ByID(t.Context(), c.KC.PersonID(name))
	if err != nil {
		t.Fatal(err)
	}
	realm, err := c.Flow.Accounts.Realm(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := c.Clock.Now()
	return bridge.TemporaryAsked{
		Viewer: bridge.Viewer{Person: a.ID, SignedInAt: now, Holder: "browser"}, Label: "Temporary code", Language: "en",
		Snapshot: c.Flow.Rules.Snapshot(a, bridge.History{}, realm, now),
	}
}

// TMP-05: the store breaks after any number of its calls: no code outlives the minute after it works again.
func TestATemporaryCodeOutlivesNoBrokenStore(t *testing.T) {
	t.Parallel()
	for n := range rounds(14) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner")
			ask := asksTemporary(t, c, name)
			c.BreakStore(n)
			_, err := c.Flow.AskTemporary(t.Context(), ask)
			c.MendStore()
			if err == nil {
				if n < 8 {
					t.Errorf("a store that breaks after %d calls breaks nothing", n)
				}
				return // it needs fewer calls, or none of the rest
			}
			c.Clock.Add(time.Minute)
			c.Wait(t, "nothing left", func() bool {
				return temporaryOf(t, c, name).State != bridge.TemporaryWriting && len(otps(c, name)) == 1
			})
			c.Wait(t, "the last look", func() bool { // a minute after the first one, whenever that was
				c.Clock.Add(10 * time.Second)
				return !temporaryOf(t, c, name).Open()
			})
			oldStill(t, c, name)
		})
	}
}
