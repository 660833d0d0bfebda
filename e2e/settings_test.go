package e2e_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// owner is somebody who looks after their own account, in a browser.
type owner struct {
	*journey
	s   *site
	say map[string]string
}

// newSettings is a site with settings, whose realm has what they need.
func newSettings(t *testing.T, more ...func(*rig.Setup)) *site {
	t.Helper()
	return newSettingsOn(t, rig.NewCampus(t), more...)
}

func newSettingsOn(t *testing.T, campus *rig.Campus, more ...func(*rig.Setup)) *site {
	t.Helper()
	prepared := &site{t: t, campus: campus}
	prepared.attribute(map[string]any{"name": "notificationEmailConfirmed", "multivalued": true})
	prepared.attribute(map[string]any{"name": "notificationEmail", "multivalued": true, "validations": map[string]any{"email": map[string]any{}}})
	return newSite(t, func(s *rig.Setup) {
		s.Campus, s.Change = campus, func(all map[string]any) { all["settings"] = map[string]any{"enabled": true} }
		for _, f := range more {
			f(s)
		}
	})
}

func (s *site) owner(look rig.Look) *owner {
	s.t.Helper()
	return &owner{s.visit(look), s, texts(s.t, look.Language)}
}

// enters signs somebody in for the settings with password and code.
func (o *owner) enters(name string, phone *rig.Phone) {
	o.t.Helper()
	o.page.Go(o.bridge.URL+"/settings").See(o.w.signIn).Fill("username", name).Fill("password", realm.Password(name)).Click(o.w.signIn)
	o.page.Fill("otp", phone.Code()).Click(o.w.signIn)
	o.page.SeeURL(o.bridge.URL + "/settings").See(o.say["settings.apps.title"]).MustBeAccessible()
}

// confirmation is the number in the n-th mail to an address.
func (s *site) confirmation(address string, n int) string {
	s.t.Helper()
	m := eightDigits.FindStringSubmatch(s.mailbox.Wait(address, n).Text)
	if m == nil {
		s.t.Fatalf("no number in the mail to %s", address)
	}
	return m[1] + m[2]
}

// attributes are those of a person as Keycloak has them.
func (s *site) attributes(name string) map[string][]string {
	s.t.Helper()
	var user struct{ Attributes map[string][]string }
	s.keycloak("GET "+s.path(name), nil, &user)
	return user.Attributes
}

// sets adds a notification address: a campus one is refused with the reason, the number is read elsewhere and typed back here.
func (o *owner) sets(address string) {
	o.t.Helper()
	o.page.Click(o.say["settings.address.add"]).See(o.say["address.add.title"]).MustBeAccessible()
	o.page.Fill("address", "me@ST.example.ac.jp").Click(o.say["address.add.submit"]).See(o.say["address.error.campus"]).MustBeAccessible().Screenshot("settings-refused")
	o.page.Fill("address", address).Click(o.say["address.add.submit"]).See(o.say["address.sent.title"]).MustBeAccessible().Screenshot("settings-code")
	o.page.Fill("code", o.s.confirmation(address, 1)).Click(o.say["address.confirm"])
	o.page.SeeURL(o.bridge.URL + "/settings").See(o.say["settings.address.title"]).MustBeAccessible().Screenshot("settings-set")
	if got := o.s.attributes("alice")["notificationEmail"]; !slices.Contains(got, address) {
		o.t.Errorf("addresses %q", got)
	}
}

// adds registers a second authenticator and returns its phone.
func (o *owner) adds() *rig.Phone {
	o.t.Helper()
	o.page.Click(o.say["settings.apps.add"]).See(o.say["settings.add.lede"]).MustBeAccessible()
	var uri string
	o.page.Eval(`document.querySelector("[href^=otpauth]").href`, &uri)
	phone := rig.ScanPhone(o.t, uri)
	o.page.Fill("code", phone.Code()).Fill("label", "laptop").Click(o.say["enrol.submit"])
	o.page.SeeURL(o.bridge.URL + "/settings").See("laptop").Screenshot("settings-two")
	return phone
}

// changes uses the second authenticator at the sample application, gives it another name, which changes nothing else of it, and removes it.
func (o *owner) changes(second *rig.Phone, id string) {
	o.t.Helper()
	o.page.Click(o.say["settings.back"]).Click("laptop").See(o.say["settings.app.rename"]).MustBeAccessible().Screenshot("settings-app")
	o.page.Fill("label", "tablet").Click(o.say["settings.app.rename_submit"]).SeeURL(o.bridge.URL + "/settings").See("tablet")
	if !o.s.opensPortalTyping("alice", second.Code(), id) {
		o.t.Error("the second authenticator does not open the portal")
	}
	o.page.Click("tablet").Click(o.say["settings.remove.submit"]).See(o.say["settings.done.app_removed"])
	if n := len(o.s.otps("alice")); n != 1 || o.s.opensPortalTyping("alice", second.Code(), "") {
		o.t.Errorf("%d authenticators, and a code of the one that was removed", n)
	}
}

// removes takes an address away again; for three days after that no link goes to the one that stays either.
func (o *owner) removes(address string) {
	o.t.Helper()
	_, domain, _ := strings.Cut(address, "@")
	o.page.Click(address[:1] + "•••@" + domain).See(o.say["settings.address.remove_title"]).MustBeAccessible().Screenshot("settings-remove")
	o.page.Click(o.say["settings.remove.submit"]).SeeURL(o.bridge.URL + "/settings")
	rig.Eventually(o.t, "the address is gone", func() bool { return !slices.Contains(o.s.attributes("alice")["notificationEmail"], address) })
	if h := o.s.hand("alice").typeID().typePassword(); h.Status != http.StatusForbidden || !h.sees("Your notification address was changed a short time ago") {
		o.t.Errorf("a link may go out within three days: %s", h.Describe())
	}
}

// renews makes recovery codes where there are none, or new ones, and keeps them.
func (o *owner) renews(button string) (codes []string) {
	o.t.Helper()
	o.page.Click(o.say[button]).SeeURL(o.bridge.URL + "/settings/codes").Click(o.say["done.codes.make"]).See(o.say["done.codes.order"]).MustBeAccessible()
	codes = recoveryCodes(o.page)
	o.page.Click(o.say["done.codes.saved"]).Click(o.say["done.codes.finish"]).See(o.say["settings.done.codes"])
	if kinds := o.s.kinds("alice"); len(codes) != 12 || kinds[len(kinds)-1] != "recovery-authn-codes" {
		o.t.Errorf("%d codes, beside the password stand %v", len(codes), kinds)
	}
	return codes
}

// reads looks at the history: what was done here, with the number that the mail about it shows.
func (o *owner) reads() {
	o.t.Helper()
	o.page.Click(o.say["history.show"]).SeeURL(o.bridge.URL + "/settings/history").MustBeAccessible().MustFit().Screenshot("settings-history")
	shown, at := o.page.Text(), 0
	for _, what := range []string{"history.codes", "history.codes", "history.app_added", "history.address_added"} {
		i := strings.Index(shown[at:], o.say[what])
		if i < 0 {
			o.t.Fatalf("no %s, or in another order:\n%s", what, shown)
		}
		at += i + 1
	}
	mail := o.s.mailbox.Wait("second@example.org", 2).Text // the notice; the first one is the number
	if number := mailedReference.FindString(mail); number == "" || !strings.Contains(shown, number) {
		o.t.Errorf("the number of the mail is %q, the history is\n%s", number, shown)
	}
	if strings.Contains(shown, "second@") || !strings.Contains(shown, "s•••@example.org") || !strings.Contains(shown, "laptop") {
		o.t.Errorf("the address is whole, or something is not named:\n%s", shown)
	}
}

var mailedReference = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{8}\b`)

// MAIL-01, TOK-12, WB-14, ENR-06: an address is set by a number that is read on another device, old addresses hear of it, nothing else of the account changes;
// a second authenticator is added beside the first, and both open the sample application until it is removed; so do recovery codes, the latest alone. The
// history has it all. An address that is removed shuts the way by mail for three days.
func TestJourneySettings(t *testing.T) {
	t.Parallel()
	looks := []rig.Look{{Language: "ja", Width: 320}, {Language: "en", NoScript: true}}
	for _, look := range looks {
		t.Run(look.Language, func(t *testing.T) {
			s := newSettings(t)
			before := s.attributes("alice")
			o, first := s.owner(look), rig.NewPhone(t, realm.Secret("alice"))
			o.enters("alice", first)
			o.sets("second@example.org")
			s.mailbox.Wait("alice@example.net", 1) // the notice
			after := s.attributes("alice")
			for _, name := range []string{"notificationEmail", "notificationEmailConfirmed"} {
				delete(before, name)
				delete(after, name)
			}
			if !maps.EqualFunc(before, after, slices.Equal) {
				t.Errorf("attributes were %v and are %v", before, after)
			}
			one := s.otps("alice")
			second := o.adds()
			two := slices.DeleteFunc(s.otps("alice"), func(id string) bool { return slices.Contains(one, id) })
			if len(one) != 1 || len(two) != 1 {
				t.Fatalf("authenticators %q, then also %q", one, two)
			}
			old, fresh := o.renews("done.codes.make"), o.renews("settings.codes.make")
			if s.opensPortalByCode("alice", old[0]) || !s.opensPortalByCode("alice", fresh[0]) {
				t.Error("an old recovery code opens the portal, or a new one does not")
			}
			o.reads()
			o.changes(second, two[0])
			o.removes("second@example.org")
			if !s.opensPortal("alice", first) {
				t.Error("the first authenticator does not open the portal")
			}
			o.page.Click(o.say["common.signout"]).See(o.say["signedout.title"]).Back() // nothing is kept to be seen again
			rig.Eventually(t, "a sign-in is asked for", func() bool { return strings.HasPrefix(o.page.URL(), s.campus.Issuer) })
		})
	}
}
