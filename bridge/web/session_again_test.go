package web_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// waited keeps somebody's call open until the session has ended by itself; the page is looked at now and then.
func waited(p *person) {
	p.t.Helper()
	p.send("/recovery", http.StatusOK, "do", "extendcall")
	for range 4 {
		p.c.Clock.Add(14 * time.Minute)
		p.open("/recovery", http.StatusOK)
	}
	p.send("/recovery", http.StatusOK, "do", "extendcall")
	p.c.Clock.Add(5 * time.Minute)
	p.open("/recovery", http.StatusForbidden)
	p.says("no longer signed in")
}

// A11Y-04: after the session's end the same person in the same browser comes back to the same recovery, as the one that asked, and enrols.
func TestASignInAfterTheSessionsEndComesBackToTheSameRecovery(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p := caller(t, c, "somebody")
	first := recovery(t, c, "somebody")
	waited(p)
	p.signIn("somebody")
	p.at("/recovery")
	again := recovery(t, c, "somebody")
	if again.ID != first.ID || again.Asker != first.Asker || again.State != bridge.Waiting {
		t.Fatalf("%+v\nwas\n%+v", again, first)
	}
	p.send("/recovery", http.StatusOK, "do", "renew")
	code := p.reads()
	carol := operator(t, c, "carol")
	carol.looksUp("somebody", code)
	carol.approves()
	p.open("/recovery", http.StatusOK)
	p.at("/enrol")
	p.finish()
}

// after makes somebody's session end while the call stays open, and returns the cookie that it had.
func after(t *testing.T) (c *campus.Campus, p *person, cookie string) {
	t.Helper()
	c = campus.OpenDesk(t)
	member(c, "somebody")
	p = caller(t, c, "somebody")
	waited(p)
	return c, p, p.session()
}

// asks reports whether this browser is the one that asked, after a sign-in.
func (p *person) asks() bool {
	p.open("/recovery", http.StatusOK)
	return strings.Contains(p.Body, `value="renew"`)
}

// What a session leaves is for one person in one browser, once: whoever has the cookie and signs in as somebody else, whoever signs in as the
// same person without it, and whoever comes with a cookie that another sign-in has replaced, is another browser.
func TestWhatAnEndedSessionLeavesIsForItsPersonAndBrowserOnce(t *testing.T) {
	t.Parallel()
	t.Run("another person with the cookie", func(t *testing.T) {
		t.Parallel()
		c, p, cookie := after(t)
		thief := newPerson(t, c)
		thief.Plant(c.URL, web.SessionCookie, cookie)
		thief.signIn("alice")
		if recovery(t, c, "somebody").Asker == "" || strings.Contains(text(thief.Body), "somebody") {
			t.Errorf("the page tells of the other person\n%s", text(thief.Body))
		}
		thief.signIn("somebody") // knows that password too, and has used the cookie up
		if thief.asks() {
			t.Error("somebody else's sign-in left the recovery in the browser")
		}
		p.signIn("somebody")
		if p.asks() {
			t.Error("the cookie was used up, and works again")
		}
	})
	t.Run("the same person in another browser", func(t *testing.T) {
		t.Parallel()
		c, p, _ := after(t)
		other := newPerson(t, c)
		other.signIn("somebody")
		if other.asks() {
			t.Error("another browser goes on")
		}
		p.signIn("somebody")
		if !p.asks() {
			t.Error("another browser's sign-in took the recovery away")
		}
	})
	t.Run("the cookie of before the sign-in", func(t *testing.T) {
		t.Parallel()
		c, p, cookie := after(t)
		p.signIn("somebody")
		if !p.asks() || p.session() == cookie {
			t.Fatal("not the same browser, or the same cookie")
		}
		thief := newPerson(t, c)
		thief.Plant(c.URL, web.SessionCookie, cookie)
		thief.signIn("somebody")
		if thief.asks() {
			t.Error("an old cookie goes on")
		}
	})
	t.Run("planted before the victim's sign-in", func(t *testing.T) {
		t.Parallel()
		c, thief, cookie := after(t) // has only the password
		victim := newPerson(t, c)
		victim.Plant(c.URL, web.SessionCookie, cookie)
		victim.signIn("somebody")
		if victim.session() == cookie {
			t.Error("the planted id lives on")
		}
		thief.signIn("somebody")
		if thief.asks() {
			t.Error("two browsers ask")
		}
	})
}

// The cookie alone shows nothing and does nothing, however often it comes.
func TestWhatAnEndedSessionLeavesOpensNothing(t *testing.T) {
	t.Parallel()
	c, _, cookie := after(t)
	before := facts(t, c, "somebody")
	for _, path := range []string{"/recovery", "/", "/enrol", "/recovery/events", "/link", "/done", "/desk", "/recovery"} {
		a := get(path, cookie).to(t, c)
		if strings.Contains(a.body, "somebody") || a.status == http.StatusOK && path == "/recovery" {
			t.Errorf("%s: %d %s", path, a.status, text(a.body))
		}
	}
	token := formToken(t, c, cookie)
	for _, do := range []string{"cancel", "renew", "extendcall", "start", "check", "mailinstead"} {
		if a := post("/recovery", cookie, token, "do", do, "reason", "lost", "way", "desk").to(t, c); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", do, a.status)
		}
	}
	if facts(t, c, "somebody") != before {
		t.Error("something changed")
	}
}

// What ends a session in another way than time leaves nothing: signing out, a logout at the campus, also one that comes after its end.
func TestASessionThatWasEndedLeavesNothing(t *testing.T) {
	t.Parallel()
	logout := func(p *person) {
		if a := sendLogout(p.t, p.c, p.c.KC.Sign("logout+jwt", logoutClaims(p.c, p.c.KC.PersonID("somebody")))); a.status != http.StatusOK {
			p.t.Fatalf("%d", a.status)
		}
		p.c.Clock.Add(2 * time.Second)
	}
	for name, end := range map[string]func(*person){
		"signed out":                       func(p *person) { p.send("/signout", http.StatusOK) },
		"logged out at the campus":         logout,
		"logged out after the session":     func(p *person) { waited(p); logout(p) },
		"an hour after the session's end":  func(p *person) { waited(p); p.c.Clock.Add(time.Hour) },
		"full sign-in at the desk instead": func(p *person) { waited(p); p.wasDesk("carol") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			p := caller(t, c, "somebody")
			asker := recovery(t, c, "somebody").Asker
			end(p)
			p.signIn("somebody")
			if r := recovery(t, c, "somebody"); r.Asker != asker {
				t.Fatal("another request")
			}
			if p.asks() {
				t.Error("this browser goes on")
			}
		})
	}
}

var waits = regexp.MustCompile(`<template data-into="session" data-in="(\d+)"( data-idle)?>`)

// warns is after how many seconds the page at hand asks whether anybody is there, and says that the sign-in ends; -1: never.
func (p *person) warns() (idle, end int) {
	p.t.Helper()
	idle, end = -1, -1
	for _, m := range waits.FindAllStringSubmatch(p.Body, -1) {
		seconds, err := strconv.Atoi(m[1])
		p.must(err)
		if m[2] != "" {
			idle = seconds
		} else {
			end = seconds
		}
	}
	return idle, end
}

// A11Y-04: a page knows when to warn: two minutes before the session ends because nothing is done, four more where a live page keeps it, and
// two minutes before it ends for good. In a case, the case's own end counts.
func TestAPageKnowsWhenItsSessionEnds(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Clock.Stop()
	member(c, "somebody")
	p := at(t, c, "somebody")
	want := func(p *person, idle, end time.Duration) {
		t.Helper()
		gotIdle, gotEnd := p.warns()
		for got, want := range map[int]time.Duration{gotIdle: idle, gotEnd: end} {
			if d := time.Duration(got)*time.Second - want; d > 0 || d < -time.Second {
				t.Errorf("%s warns after %d and %d seconds, want %s and %s", p.URL, gotIdle, gotEnd, idle, end)
			}
		}
	}
	p.open("/start", http.StatusOK)
	if idle, end := p.warns(); idle != -1 || end != -1 {
		t.Error("nobody is warned")
	}
	p.signIn("somebody")
	want(p, 13*time.Minute, 58*time.Minute)
	p.calls("somebody")
	want(p, 9*time.Minute, 58*time.Minute)
	for range 4 {
		c.Clock.Add(13 * time.Minute)
		p.open("/recovery", http.StatusOK)
	}
	if idle, end := p.warns(); idle != -1 || end != 6*60 && end != 6*60-1 {
		t.Errorf("eight minutes before the end: %d %d", idle, end)
	}
	c.Clock.Add(6*time.Minute + time.Second)
	p.open("/recovery", http.StatusOK)
	p.says("You will be signed out soon")
	p.send("/recovery", http.StatusOK, "do", "extendcall")
	p.send("/recovery", http.StatusOK, "do", "renew")
	code := p.reads()
	carol := operator(t, c, "carol")
	carol.looksUp("somebody", code)
	c.Clock.Add(3 * time.Minute)
	carol.open("/desk", http.StatusOK)
	want(carol, 13*time.Minute, 8*time.Hour-5*time.Minute)
	carol.open("/desk/case", http.StatusOK)
	want(carol, 10*time.Minute, 8*time.Hour-5*time.Minute)
}
