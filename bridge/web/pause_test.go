package web_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// pauseTexts are the administrator's own words.
var pauseTexts = map[string]string{"en": "No new requests until <noon>.", "ja": "正午まで<新規>の受付を停止しています。"}

// switches gives a campus another process in which the pause is on, as a changed configuration does. The one before works no more: what is under way goes
// on in this one only.
func switches(t *testing.T, c *campus.Campus) (other *campus.Replica, pause func(on bool)) {
	t.Helper()
	other = c.Second(t)
	other.Flow.Rules.Paused, other.Web.PauseText = true, pauseTexts
	c.StopWork()
	c.Front(c.First())
	return other, func(on bool) {
		if on {
			c.Front(other)
			return
		}
		c.Front(c.First())
	}
}

// in asks for the answer in a language.
func (q byHand) in(lang string) byHand {
	q.header = map[string]string{"Cookie": web.LanguageCookie + "=" + lang + "; " + web.SessionCookie + "=" + q.session}
	q.session = ""
	return q
}

// Issue 6: while paused, where people type their ID and each press that begins something answers 503 with the administrator's own words in the language of the
// page; no gate is opened, nothing is begun, mailed or on record. Settings, console and start page stay open. Afterwards everything works again.
func TestThePauseStopsWhatBegins(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	other, pause := switches(t, c)
	policies(c, bridge.Policy{Name: "everyone", Ways: []bridge.Way{bridge.WayMail, bridge.WayDesk}, Approvals: 1, Checks: 1, Temporary: true})
	name, own := member(c, "mia"), member(c, "olaf")
	asks, forgetful, door := newPerson(t, c), newPerson(t, c), newPerson(t, c)
	asks.signIn(name)
	asks.at("/recovery")
	forgetful.forgot(name)
	door.open("/start", http.StatusOK)
	a, f, d := asks.session(), forgetful.session(), door.session()
	before, events := facts(t, c, name), len(c.Events(""))
	pause(true)
	for what, q := range map[string]byHand{
		"the ID page":                 get("/start", d),
		"for today":                   get("/start?to=temporary", d),
		"an ID":                       post("/start", d, door.token(), "name", name),
		"an ID for today":             post("/start", d, door.token(), "name", name, "to", "temporary"),
		"nobody's ID":                 post("/start", d, door.token(), "name", "nobody-at-all"),
		"the ID of who has signed in": post("/start", a, asks.token(), "name", name),
		"a link":                      post("/recovery", a, asks.token(), "do", "start", "reason", "lost", "way", "mail"),
		"a call":                      post("/recovery", a, asks.token(), "do", "start", "reason", "stolen", "way", "desk"),
		"a temporary code":            post("/temporary", f, forgetful.token(), "do", "send"),
		"a temporary code by desk":    post("/temporary", f, forgetful.token(), "do", "phone"),
	} {
		for lang, words := range pauseTexts {
			got := q.in(lang).to(t, c)
			if got.status != http.StatusServiceUnavailable || served(got.body) != lang || !strings.Contains(got.body, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(words)) {
				t.Errorf("%s in %s: %d\n%s", what, lang, got.status, text(got.body))
			}
		}
	}
	if after := facts(t, c, name); after != before || len(c.Events("")) != events || len(gate(c)) > 0 {
		t.Errorf("something was begun: %v, gate %v\nbefore %s\nafter %s", c.Events("")[events:], gate(c), before, after)
	}
	for lang, words := range pauseTexts { // the start page says so before anybody goes on from it
		if got := get("/", "").in(lang).to(t, c); got.status != http.StatusOK || !strings.Contains(got.body, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(words)) {
			t.Errorf("the start page in %s: %d\n%s", lang, got.status, text(got.body))
		}
	}
	door.open("/", http.StatusOK)
	operator(t, c, "carol")
	owner(t, c, own).adds("Other phone")
	if n := len(otps(c, own)); n != 2 {
		t.Errorf("the settings left %d authenticators", n)
	}
	other.Web.PauseText = nil
	door.open("/start", http.StatusServiceUnavailable)
	door.says("New re-registrations cannot be started at the moment")
	door.open("/", http.StatusOK)
	door.says("No new re-registration can be started at the moment")
	pause(false)
	if got := get("/", "").in("en").to(t, c); strings.Contains(got.body, "This service is paused") {
		t.Errorf("after the pause the start page says\n%s", text(got.body))
	}
	asks.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	forgetful.send("/temporary", http.StatusOK, "do", "send")
	door.signIn(own)
	door.at("/recovery")
	lastLink(t, c)
}

// Issue 6, docs/configuration.md: a link that was mailed before the pause works in any browser, to the end: a fresh sign-in, the key, the swap. What was opened
// otherwise, or has ended, opens no door, and whoever goes on opens no gate but of those who do.
func TestWhoHasALinkGoesOnThroughThePause(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	_, pause := switches(t, c)
	name := member(c, "mia")
	asked := newPerson(t, c)
	asked.ask(name)
	pause(true)
	asked.open("/start", http.StatusOK)                            // has it under way
	asked.send("/start", http.StatusOK, "name", member(c, "olaf")) // who has none: the gate stays shut, and the page shows no difference
	if open := gate(c); len(open) > 0 {
		t.Errorf("the gate is open for %v", open)
	}
	stranger := newPerson(t, c)
	for _, path := range []string{"/", "/link/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/veto/" + lastLink(t, c).Veto.Reveal(), "/link/" + lastLink(t, c).Veto.Reveal()} {
		stranger.open(path, http.StatusOK)
		stranger.open("/start", http.StatusServiceUnavailable)
	}
	p := newPerson(t, c)
	p.redeem(name)
	key := p.scan()
	p.finish()
	newOnly(t, c, name, key)
	for _, q := range []*person{p, asked} {
		q.open("/start", http.StatusServiceUnavailable)
	}
	late := newPerson(t, c)
	late.open("/link/"+lastLink(t, c).Link.Reveal(), http.StatusOK)
	late.send("/link", http.StatusServiceUnavailable, "do", "continue")
}

// Issue 6: whoever waited for the help desk is approved in the pause, also after their session ended by time and they signed in again in that browser.
func TestWhoWaitsForTheDeskGoesOnThroughThePause(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	_, pause := switches(t, c)
	name := member(c, "mia")
	p := caller(t, c, name)
	pause(true)
	waited(p)
	at(t, c, name).open("/start", http.StatusServiceUnavailable) // another browser
	p.signIn(name)
	p.at("/recovery")
	p.send("/recovery", http.StatusOK, "do", "renew")
	carol := operator(t, c, "carol")
	carol.looksUp(name, p.reads())
	carol.approves()
	p.open("/recovery", http.StatusOK)
	p.at("/enrol")
	key := p.scan()
	p.finish()
	newOnly(t, c, name, key)
}
