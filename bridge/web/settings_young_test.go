package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// returns opens a page of the settings whose sign-in is too old, signs in anew, and is back there, told why.
func (p *person) returns(name, page string) {
	p.t.Helper()
	p.c.Clock.Add(30 * time.Second)
	key := oldKey(p.t)
	p.must(p.SignIn(p.t.Context(), p.c.URL+page, name, name+"-password", func() string { return key.Code(p.c.Clock.Now()) }))
	p.want(http.StatusOK)
	if !strings.HasPrefix(p.URL, p.c.URL+page+"?") {
		p.t.Fatalf("%s comes back to %s", page, p.URL)
	}
	p.says("Yours was older, so you have signed in again.")
}

// everySettingsPage are the pages that have something to show once something was begun and chosen.
var everySettingsPage = []string{"/settings", history, "/settings/address", "/settings/authenticator", "/settings/remove", "/settings/add", ownCodes}

// SES-04, SES-05: every page of the settings, and every press, needs a sign-in of ten minutes at most. A page says until when it is open and stays in no
// cache.
func TestSettingsWantAYoungSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "wim")
	c.Clock.Stop() // the ten minutes are the test's
	p := owner(t, c, name)
	p.wantsMailAt("wim@example.org", http.StatusOK)
	p.send("/settings", http.StatusNotFound, "do", "nothing")
	if strings.Contains(p.Body, "The settings are open until ") || strings.Contains(p.Body, `id="session"`) {
		t.Error("an error page says that the settings are open")
	}
	p.open("/settings", http.StatusOK)
	p.says("The settings are open until ")
	p.send("/settings", http.StatusOK, "do", "add")
	p.chooses("authenticator", p.listed("authenticator")[0])
	c.Clock.Add(bridge.SettingsLife - time.Minute)
	for _, path := range append(everySettingsPage, ownCodesFile) {
		if a := get(path, p.session()).to(t, c); a.header.Get("Location") == "/signin?to=settings" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s within ten minutes: %d %s", path, a.status, a.header.Get("Cache-Control"))
		}
	}
	c.Clock.Add(2 * time.Minute)
	before := text2(accountOf(t, c, name))
	for _, path := range append(everySettingsPage, ownCodesFile) {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			q := get(path, p.session())
			q.method = method
			a, to, status := q.to(t, c), "/signin?to=settings", http.StatusSeeOther
			if path == ownCodesFile { // a browser may keep whatever page a file leads to as the file
				to, status = "", http.StatusForbidden
			}
			if a.status != status || a.header.Get("Location") != to || a.header.Get("Content-Disposition") != "" || strings.Contains(a.body, "otpauth") {
				t.Errorf("%s %s opens to an old sign-in: %d %s", method, path, a.status, a.header.Get("Location"))
			}
		}
	}
	presses := append(settingsForms(p.session(), p.token()),
		post("/settings/address", p.session(), p.token(), "do", "confirm", "code", number(t, c, "wim@example.org")),
		post("/settings/address", p.session(), p.token(), "do", "forget"),
		post("/settings/add", p.session(), p.token(), "do", "extend"),
		post("/settings/add", p.session(), p.token(), "do", "cancel"),
	)
	for _, q := range presses {
		if a := q.to(t, c); a.header.Get("Location") != "/signin?to=settings" {
			t.Errorf("%v: %d %s", q.form, a.status, a.header.Get("Location"))
		}
	}
	if after := text2(accountOf(t, c, name)); after != before || len(c.Mails("")) != 1 {
		t.Errorf("%d mails, before %s\nafter %s", len(c.Mails("")), before, after)
	}
}

// A sign-in that was too old for a page leads back to it, with a word why that is said once.
func TestAnOldSignInComesBackToThePageItWanted(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "wout")
	p := owner(t, c, name)
	p.wantsMailAt("other@example.org", http.StatusOK)
	p.chooses("address", p.listed("address")[0])
	for _, page := range []string{"/settings", history, "/settings/address", "/settings/remove", ownCodes} {
		c.Clock.Add(bridge.SettingsLife + time.Second)
		p.returns(name, page)
		p.enters(name, oldKey(t))
		if strings.Contains(p.Body, "Yours was older") {
			t.Errorf("%s: it is said again", page)
		}
	}
	if got := addressesOf(t, c, name); !slices.Equal(got, []string{"wout@mail.example.org"}) {
		t.Errorf("addresses %v", got)
	}
}

// What was begun outlives the sign-in: an address that waits, a key that was scanned, codes that are not saved yet.
func TestWhatWasBegunInTheSettingsOutlivesTheSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "wanda")
	p := owner(t, c, name)
	c.Clock.Add(bridge.SettingsLife - time.Minute)
	p.wantsMailAt("wanda@example.org", http.StatusOK)
	p.renews(http.StatusOK)
	codes := codesOn(p.Body)
	p.open("/settings", http.StatusOK)
	p.send("/settings", http.StatusOK, "do", "add")
	key := p.scan()
	c.Clock.Add(2 * time.Minute)
	p.returns(name, "/settings")
	p.says("You have begun to add an authenticator app in this browser.")
	p.open(ownCodes, http.StatusOK)
	if again := codesOn(p.Body); len(codes) != bridge.CodeCount || !slices.Equal(again, codes) {
		t.Errorf("%d codes, then %d", len(codes), len(again))
	}
	p.send(ownCodes, http.StatusOK, "do", "saved", "saved", "1")
	p.open("/settings/address", http.StatusOK)
	p.confirmsAddress("wanda@example.org")
	p.open("/settings/add", http.StatusOK)
	if p.scan().Code(c.Clock.Now()) != key.Code(c.Clock.Now()) {
		t.Error("another key")
	}
	p.send("/settings/add", http.StatusOK, "do", "confirm", "code", p.code(key), "label", "kept")
	p.awaitsChange()
	if n := len(otps(c, name)); n != 2 || !slices.Equal(addressesOf(t, c, name), []string{"wanda@mail.example.org", "wanda@example.org"}) {
		t.Errorf("%d authenticators, addresses %v", n, addressesOf(t, c, name))
	}
}
