package web_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// TOK-04, rubygems#6769: a mail scanner opens the link twenty times, with GET and HEAD, without and with cookies of its own; the person's
// click works all the same. So does the veto link's.
func TestPeer_Rubygems6769_ScannerGet(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	mail := lastLink(t, c)
	before := facts(t, c, "alice")
	for range rounds(20) {
		for _, path := range []string{"/link/" + mail.Link.Reveal(), "/veto/" + mail.Veto.Reveal()} {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				a := byHand{method: method, path: path}.to(t, c)
				if a.status != http.StatusSeeOther {
					t.Fatalf("%s: %d", method, a.status)
				}
				if k, err := http.ParseSetCookie(a.header.Get("Set-Cookie")); err == nil {
					get(a.header.Get("Location"), k.Value).to(t, c)
				}
			}
		}
	}
	if facts(t, c, "alice") != before {
		t.Fatal("a look changed something")
	}
	p.redeem("alice")
	p.finish()
}

// TOK-05, MAIL-11, emdash#3298, nextauth#1840: a scanner that keeps cookies, reads pages and sends every form with every button and every
// value on the page gains and burns nothing.
func TestPeer_Emdash3298_ScannerClicks(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	mail := lastLink(t, c)
	before := facts(t, c, "alice")
	for _, path := range []string{"/link/" + mail.Link.Reveal(), "/veto/" + mail.Veto.Reveal()} {
		scanner := newPerson(t, c)
		scanner.open(path, http.StatusOK)
		session, token := scanner.session(), scanner.token()
		for _, form := range []string{"/link", "/veto", "/recovery", "/enrol", "/language"} {
			for _, do := range []string{"continue", "redeem", "notme", "cancel", "resend", "start", "restart", "check", "confirm", "new", "extend"} {
				for _, choice := range []string{"", "stop", "keep", "on"} {
					a := post(form, session, token, "do", do, "choice", choice, "number", "", "reason", "lost", "way", "mail", "code", "", "lang", "ja").to(t, c)
					if strings.Contains(a.body, "otpauth") || strings.Contains(a.body, "alice") {
						t.Fatalf("%s %s shows something", form, do)
					}
				}
			}
		}
	}
	if after := facts(t, c, "alice"); after != before {
		t.Fatalf("the scanner changed\n%s\nto\n%s", before, after)
	}
	if n := len(c.Events("link.wrong_person")) + len(c.Events("recovery.vetoed")) + len(c.Events("veto.wrong_number")); n != 0 {
		t.Errorf("%d events about somebody who is not signed in", n)
	}
	p.redeem("alice")
}

// TOK-13, authelia#3013: the link is opened on another device than the one that asked; enrolment goes on there, and the asking page says so.
func TestPeer_Authelia3013_OtherDevice(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	desk, phone := newPerson(t, c), newPerson(t, c)
	desk.ask("alice")
	phone.redeem("alice")
	desk.open("/recovery", http.StatusOK)
	if strings.Contains(desk.Body, "otpauth") || !strings.Contains(text(desk.Body), "another") {
		t.Errorf("the asking page: %s", text(desk.Body))
	}
	phone.finish()
	desk.open("/recovery", http.StatusOK)
	desk.at("/done")
}

// TOK-06, SES-10, kc#37231: one link in two browsers, both signed in as its owner: one of them redeems it, the other sees no key and cannot
// finish.
func TestPeer_KC37231_TwoBrowsers(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	newPerson(t, c).ask("alice")
	mail := lastLink(t, c)
	var sessions [2]byHand
	for i := range sessions {
		p := newPerson(t, c)
		p.redeemable("alice", mail, true)
		sessions[i] = post("/link", p.session(), p.token(), "do", "redeem")
	}
	const racers = 25 // of each browser
	answers := make([]answer, 2*racers)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i], _ = sessions[i%2].try(t.Context(), c) })
	}
	all.Wait()
	if n := len(c.Events("recovery.proven")); n != 1 {
		t.Fatalf("redeemed %d times", n)
	}
	won := map[int]int{}
	for i, a := range answers {
		switch {
		case a.status == http.StatusSeeOther && a.header.Get("Location") == "/enrol":
			won[i%2]++
		case a.status != http.StatusNotFound && a.status != http.StatusForbidden && a.status != http.StatusServiceUnavailable: // a busy machine may say that it is one
			t.Errorf("a racer got %d %s", a.status, text(a.body))
		}
	}
	if len(won) != 1 {
		t.Fatalf("both browsers won: %v", won)
	}
	shown := 0
	for _, q := range sessions {
		if strings.Contains(get("/enrol", q.session).to(t, c).body, "otpauth:") {
			shown++
			continue
		}
		a := post("/enrol", q.session, formToken(t, c, q.session), "do", "confirm", "code", "123456").to(t, c)
		if a.status != http.StatusForbidden {
			t.Errorf("the other browser confirms: %d", a.status)
		}
	}
	if shown != 1 {
		t.Errorf("the key is shown in %d browsers", shown)
	}
}

// TOK-07, kc#26815: a new link kills the older ones; success kills the last.
func TestPeer_KC26815_OldLinks(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	c.Clock.Add(61 * time.Second)
	p.send("/recovery", http.StatusOK, "do", "resend")
	c.Clock.Add(61 * time.Second)
	p.open("/recovery", http.StatusOK)
	p.send("/recovery", http.StatusOK, "do", "resend")
	mails := c.Mails(bridge.NoticeLink)
	if len(mails) != 3 {
		t.Fatalf("%d links", len(mails))
	}
	for i, mail := range mails {
		newPerson(t, c).redeemable("alice", mail, i == 2)
	}
	p.redeem("alice")
	p.finish()
	for _, mail := range mails {
		newPerson(t, c).redeemable("alice", mail, false)
	}
	if n := len(c.Events("recovery.proven")); n != 1 {
		t.Errorf("proven %d times", n)
	}
}

// INV-1, SES-08, kratos#2450, pwm#454: with the password alone nothing is removed or replaced, in whatever order the forms are sent.
func TestPeer_Kratos2450_NoProof(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	before := c.KC.Credentials(c.KC.PersonID("alice"))
	session, token := p.session(), p.token()
	for _, path := range []string{"/link", "/enrol", "/recovery", "/veto"} {
		for _, do := range []string{"redeem", "confirm", "new", "extend", "resend", "check", "start", "restart"} {
			a := post(path, session, token, "do", do, "code", "123456", "reason", "stolen", "way", "mail", "label", "x").to(t, c)
			if strings.Contains(a.body, "otpauth:") || a.status >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d", path, do, a.status)
			}
			for _, look := range []string{"/enrol", "/recovery", "/done"} {
				if strings.Contains(get(look, session).to(t, c).body, "otpauth:") {
					t.Fatalf("%s shows a key after %s %s", look, path, do)
				}
			}
		}
	}
	after := c.KC.Credentials(c.KC.PersonID("alice"))
	if len(after) != len(before) || after[1].ID != before[1].ID {
		t.Errorf("credentials %+v", after)
	}
}

// Kanidm#873: a second session is not refused because clock or zone differ: the service moves between zones, over midnight and new year,
// between every two steps.
func TestPeer_Kanidm873_ClockZone(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.FixedZone("JST", 9*3600), time.UTC, time.FixedZone("far west", -11*3600), time.FixedZone("far east", 14*3600)}
	c := campus.Open(t)
	now := c.Clock.Now().UTC()
	c.Clock.Add(time.Date(now.Year(), 12, 31, 23, 58, 0, 0, time.UTC).Sub(now))
	for i, zone := range zones {
		c.Clock.Zone(zone)
		name := enrolled(c, "student"+string(rune('a'+i)))
		p, second := newPerson(t, c), newPerson(t, c)
		p.ask(name)
		c.Clock.Zone(zones[(i+1)%len(zones)])
		second.signIn(name)
		second.at("/recovery")
		c.Clock.Add(45 * time.Second)
		p.open("/recovery", http.StatusOK)
		second.redeem(name)
		c.Clock.Zone(zones[(i+2)%len(zones)])
		second.finish()
	}
}

// RL-04, eduMFA GHSA-74r7-3mjm-jc5v: what an anonymous attacker does to every name counts against nobody's codes, links or account.
func TestPeer_EduMFA_AllCounters(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Web.TrustedProxies = loopback
	thief := newPerson(t, c)
	thief.open("/start", http.StatusOK)
	session, token := thief.session(), thief.token()
	for i := range 12 {
		for _, name := range []string{"alice", "erin"} {
			q := post("/start", session, token, "name", name)
			q.header = map[string]string{"X-Forwarded-For": "192.0.2." + string(rune('0'+i%10))}
			if a := q.to(t, c); a.status != http.StatusSeeOther {
				t.Fatalf("%d %s", a.status, text(a.body))
			}
		}
		for _, path := range []string{"/enrol", "/link", "/recovery", "/veto"} {
			post(path, session, token, "do", "confirm", "code", "000000", "choice", "stop", "number", "000000").to(t, c)
		}
	}
	for _, name := range []string{"alice", "erin"} {
		if bad, err := c.Flow.Failures.Get(t.Context(), c.KC.PersonID(name)); err == nil {
			t.Errorf("%s has %+v", name, bad)
		}
		p := newPerson(t, c)
		p.ask(name)
		p.redeem(name)
		p.finish()
	}
}

// PrivacyIDEA#5628: starting is no failure: a hundred sign-ins and starts leave the count of wrong codes at nothing.
func TestPeer_PrivacyIDEA5628_StartCounts(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for range 12 {
		p := newPerson(t, c)
		p.signIn("alice")
		p.must(p.Post(t.Context(), c.URL+"/recovery", map[string][]string{"csrf": {p.token()}, "do": {"start"}, "reason": {"lost"}, "way": {"mail"}}))
		c.Clock.Add(20 * time.Minute)
	}
	if bad, err := c.Flow.Failures.Get(t.Context(), c.KC.PersonID("alice")); err == nil {
		t.Errorf("counted: %+v", bad)
	}
}
