package e2e_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// inSettings signs somebody in for the settings with password and code, in a browser without a screen.
func (s *site) inSettings(name string, phone *rig.Phone) *hand {
	s.t.Helper()
	h := s.hand(name)
	h.Get(s.bridge.URL + "/settings").Follow("")
	h.typesAnyway()
	h.Submit("otp", phone.Code()).Follow("")
	h.see("Notification addresses")
	h.csrf = h.Value("csrf")
	return h
}

// sends a form of the settings.
func (h *hand) sends(path string, namesAndValues ...string) *hand {
	h.s.t.Helper()
	form := url.Values{"csrf": {h.csrf}}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		form.Set(namesAndValues[i], namesAndValues[i+1])
	}
	h.Post(h.s.bridge.URL+path, form).Follow("")
	return h
}

// settingsPresses are the forms that change something.
var settingsPresses = map[string][]string{
	"/settings":               {"do", "add"},
	"/settings/add":           {"do", "confirm", "code", "123456"},
	"/settings/address":       {"do", "ask", "address", "thief@example.org"},
	"/settings/remove":        {"do", "remove"},
	"/settings/authenticator": {"do", "remove"},
}

// mustBeOutside fails the test when a browser sees the settings, or a press of its changes something.
func (h *hand) mustBeOutside() {
	h.s.t.Helper()
	h.Get(h.s.bridge.URL + "/settings/history")
	if !strings.HasPrefix(h.Location, h.s.bridge.URL+"/signin?to=settings") {
		h.s.t.Errorf("%s sees the history: %s", h.name, h.Describe())
	}
	for path, form := range settingsPresses {
		h.Get(h.s.bridge.URL + path)
		if !strings.HasPrefix(h.Location, h.s.bridge.URL+"/signin?to=settings") {
			h.s.t.Errorf("%s sees %s: %s", h.name, path, h.Describe())
		}
		h.sends(path, form...)
		if h.Status != http.StatusForbidden {
			h.s.t.Errorf("%s presses at %s: %s", h.name, path, h.Describe())
		}
	}
}

// OIDC-12, SES-02, INV-1: the password alone reaches no settings, Keycloak asks it for the code, and a session that somebody planted before the sign-in
// is worth nothing after it.
func TestRealmAttackSettings(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	before, has := s.rest("alice"), s.factors("alice")
	alone := s.hand("alice").typeID().typePassword().see("What will happen")
	alone.csrf = alone.Value("csrf")
	alone.mustBeOutside()
	alone.Get(s.bridge.URL + "/settings").Follow("")
	alone.typesAnyway()
	if alone.Page() != "login-login-otp" {
		t.Errorf("after the password: %s, want Keycloak's question for the code", alone.Describe())
	}
	const cookie = "__Host-otpbridge"
	thief := s.hand("alice")
	thief.csrf = thief.Get(s.bridge.URL + "/start").Value("csrf")
	o := s.owner(rig.Look{Language: "en"})
	planted := thief.Cookie(s.bridge.URL, cookie)
	o.page.SetCookie(s.bridge.URL, cookie, planted)
	o.page.Go(s.bridge.URL + "/start")
	var token string
	o.page.Eval(`document.querySelector("input[name=csrf]").value`, &token)
	if planted == "" || token != thief.csrf {
		t.Fatal("nothing was planted")
	}
	o.enters("alice", rig.NewPhone(t, realm.Secret("alice")))
	thief.mustBeOutside()
	s.unchanged("alice", before)
	s.stillHas("alice", has)
	if n := len(s.mailbox.Messages("")); n != 0 {
		t.Errorf("%d mails", n)
	}
}

var ownAddress = regexp.MustCompile(`value="address"><button class="btn little" name="id" value="([^"]+)"`)

// WB-12: an address is asked for on one device and confirmed on another, and at the same moment a third press removes one, while an administrator
// wrote in between. Both come to stand, and everything else is as it was. Somebody who writes between our read and our write is noticed.
func TestJourneySettingsTwoAtOnce(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := newSettingsOn(t, rig.NewCampusAt(t, proxy.URL))
	s.furnish()
	s.endow(realm.Person{Name: "grace", Notification: []string{"grace@example.net", "old@example.net"}})
	phone := rig.NewPhone(t, realm.Secret("grace"))
	one, two := s.inSettings("grace", phone), s.inSettings("grace", phone)
	one.sends("/settings/address", "do", "ask", "address", "new@example.org").see("Type the confirmation number")
	code := s.confirmation("new@example.org", 1)
	ids := ownAddress.FindAllStringSubmatch(two.Body, -1)
	if len(ids) != 2 {
		t.Fatalf("%d addresses on %s", len(ids), two.Describe())
	}
	one.sends("/settings", "do", "address", "id", ids[1][1]).see("Remove this notification address?")
	user := map[string]any{}
	s.keycloak("GET "+s.path("grace"), nil, &user)
	attributes, _ := user["attributes"].(map[string]any)
	user["lastName"], attributes["staffNumber"] = "Hopper", []string{"0043"}
	s.keycloak("PUT "+s.path("grace"), user, nil)
	before := s.rest("grace", "notificationEmail", "notificationEmailConfirmed")
	rig.Eventually(t, "both changes", func() bool {
		var both sync.WaitGroup
		both.Go(func() { two.sends("/settings/address", "do", "confirm", "code", code) })
		both.Go(func() { one.sends("/settings/remove", "do", "remove", "id", ids[1][1]) })
		both.Wait()
		rig.Eventually(t, "the change is over", func() bool {
			two.Get(s.bridge.URL + "/settings").Follow("")
			return !two.sees("The change is being made")
		})
		return slices.Equal(s.attributes("grace")["notificationEmail"], []string{"grace@example.net", "new@example.org"})
	})
	if after := s.rest("grace", "notificationEmail", "notificationEmailConfirmed"); after != before {
		t.Errorf("grace changed from\n%s\nto\n%s", before, after)
	}
	if n := s.events("alarm.account_moved", "grace"); n != 0 {
		t.Errorf("%d alarms", n)
	}
	two.writtenInBetween(proxy)
}

// writtenInBetween removes an address, while an administrator writes the same person between the product's read and its write: that is an alarm, since
// theirs is lost.
func (h *hand) writtenInBetween(proxy *rig.Proxy) {
	s := h.s
	s.t.Helper()
	h.Get(s.bridge.URL + "/settings").Follow("")
	id := ownAddress.FindStringSubmatch(h.Body)
	if id == nil {
		s.t.Fatalf("no address on %s", h.Describe())
	}
	h.sends("/settings", "do", "address", "id", id[1]).see("Remove this notification address?")
	hold := proxy.Hold(false, func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, s.path(h.name))
	})
	var press sync.WaitGroup
	press.Go(func() { h.sends("/settings/remove", "do", "remove", "id", id[1]) })
	hold.Wait(s.t)
	user := map[string]any{}
	s.keycloak("GET "+s.path(h.name), nil, &user)
	user["lastName"] = "Murray"
	s.keycloak("PUT "+s.path(h.name), user, nil)
	proxy.Pass()
	press.Wait()
	rig.Eventually(s.t, "the alarm", func() bool { return s.events("alarm.account_moved", h.name) == 1 })
}
