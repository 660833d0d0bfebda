package web_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

const tooLate = "Your sign-in was too old for this, so nothing was done."

// tooOld wants an answer to somebody whose sign-in is too old.
func (p *person) tooOld(q byHand) {
	p.t.Helper()
	if a := q.to(p.t, p.c); a.header.Get("Location") != "/signin?to=settings" {
		p.t.Fatalf("%s: %d %s", q.path, a.status, a.header.Get("Location"))
	}
}

// A press that came too late did nothing, and its page says so after the sign-in, whatever other tabs opened before or after it. It is said once.
func TestAPressThatCameTooLateIsSaidWhateverOtherTabsOpen(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "wanja")
	p := owner(t, c, name)
	look := func(path string) byHand { return get(path, p.session()) }
	press := func() byHand {
		return post("/settings/address", p.session(), p.token(), "do", "ask", "address", "wanja@example.org")
	}
	for what, asked := range map[string]func() []byHand{
		"press alone":     func() []byHand { return []byHand{press()} },
		"look after it":   func() []byHand { return []byHand{press(), look(history), look(ownCodes)} },
		"look before it":  func() []byHand { return []byHand{look(history), press()} },
		"another press":   func() []byHand { return []byHand{post("/settings", p.session(), p.token(), "do", "add"), press()} },
		"its page itself": func() []byHand { return []byHand{press(), look("/settings/address")} },
	} {
		p.open("/settings", http.StatusOK)
		c.Clock.Add(bridge.SettingsLife + time.Second)
		for _, q := range asked() {
			p.tooOld(q)
		}
		p.enters(name, oldKey(t))
		if p.URL != c.URL+"/settings/address?late=1" {
			t.Fatalf("%s: back at %s", what, p.URL)
		}
		p.says(tooLate)
		p.enters(name, oldKey(t))
		if p.URL != c.URL+"/settings" {
			t.Errorf("%s: then at %s", what, p.URL)
		}
	}
	if n := len(c.Mails("")); n != 0 {
		t.Errorf("%d mails", n)
	}
}

// Whoever else signs in there comes to their own settings, and reads nothing of a press that was not theirs.
func TestAnotherPersonHearsNothingOfAPressThatCameTooLate(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	one, two := member(c, "wera"), member(c, "wolf")
	p := owner(t, c, one)
	c.Clock.Add(bridge.SettingsLife + time.Second)
	p.tooOld(post("/settings/address", p.session(), p.token(), "do", "ask", "address", "wera@example.org"))
	q := newPerson(t, c) // signed in to nothing else
	q.Plant(c.URL, web.SessionCookie, p.session())
	q.enters(two, oldKey(t))
	if q.URL != c.URL+"/settings" {
		t.Errorf("%s comes to %s", two, q.URL)
	}
	q.enters(two, oldKey(t))
	if q.URL != c.URL+"/settings" {
		t.Errorf("%s then comes to %s", two, q.URL)
	}
}

// A sign-in that becomes too old while a press is looked at is led to the next one like any other.
func TestASignInThatBecomesTooOldMeanwhile(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	var ago atomic.Int64
	c.Web.Now = func() time.Time { return c.Clock.Now().Add(-time.Duration(ago.Load())) } // when the request came
	name := member(c, "wiebke")
	p := owner(t, c, name)
	c.Clock.Stop()
	p.enters(name, oldKey(t))
	session, token := p.session(), p.token()
	c.Clock.Add(bridge.SettingsLife + 2*time.Second)
	ago.Store(int64(5 * time.Second))
	p.tooOld(post("/settings/address", session, token, "do", "ask", "address", "wiebke@example.org"))
	p.tooOld(get(history, session))
	ago.Store(0)
	p.enters(name, oldKey(t))
	if p.URL != c.URL+"/settings/address?late=1" {
		t.Errorf("back at %s", p.URL)
	}
	p.says(tooLate)
	if n := len(c.Mails("")); n != 0 {
		t.Errorf("%d mails", n)
	}
}
