package e2e_test

import (
	"encoding/base32"
	"slices"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// push is what somebody who has the login client's own key and a person's password does behind an open gate.
type push struct {
	victim, action string
	page           string // that the action leads to
	event          string // that Keycloak saves
	does           func(t *testing.T, b *rig.Browser)
}

// Authenticators and recovery codes Keycloak removes for nobody who has shown none, so the passkey has to do.
var pushes = []push{
	{"victor", "UPDATE_PASSWORD", "login-login-update-password", "UPDATE_PASSWORD", func(_ *testing.T, b *rig.Browser) {
		b.Submit("password-new", "the thief's password", "password-confirm", "the thief's password")
	}},
	{"valerie", "UPDATE_PROFILE", "login-login-update-profile", "UPDATE_PROFILE", func(_ *testing.T, b *rig.Browser) {
		b.Submit("username", "valerie", "email", "thief@example.net", "firstName", "a", "lastName", "thief")
	}},
	{"vincent", "delete_credential", "login-delete-credential", "REMOVE_CREDENTIAL", func(_ *testing.T, b *rig.Browser) {
		b.Submit("accept", "Yes")
	}},
	{"vera", "CONFIGURE_TOTP", "login-login-config-totp", "UPDATE_CREDENTIAL", func(t *testing.T, b *rig.Browser) {
		b.SubmitTo("", "totp", thiefsPhone(t, b).Code(), "userLabel", "thief")
	}},
}

// thiefsPhone is the authenticator that Keycloak's page shows.
func thiefsPhone(t *testing.T, b *rig.Browser) *rig.Phone {
	t.Helper()
	return rig.NewPhone(t, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(b.Value("totpSecret"))))
}

// OIDC-24: with the login client's own key pages that change an account can be pushed. Within five seconds the authenticator that was made is
// gone, the person's sessions have ended, the gate is shut for everybody, and there is an alarm.
func TestRealmAttackProductStolenLoginKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, p := range pushes {
		t.Run(p.action, func(t *testing.T) { s.in(t).pushed(p) })
	}
	s.bridge.MustHaveLogged(t, "ALARM")
}

// pushed does what the thief does and wants it answered.
func (s *site) pushed(p push) {
	t := s.t
	t.Helper()
	s.add(realm.Person{Name: p.victim, Passkeys: []realm.Passkey{rig.NewPasskey(t).Passkey}})
	before := s.factors(p.victim)
	for _, name := range []string{p.victim, "erin"} { // anybody may open the gate
		s.hand(name).typeID().awaitGate()
	}
	action := p.action
	if action == "delete_credential" {
		action += ":" + before[1].ID
		before = before[:1]
	}
	client := s.login()
	b := client.Open(rig.NewBrowser(t), "scope", recoveryScope, "kc_action", action)
	b.Submit("username", p.victim, "password", realm.Password(p.victim)).Follow(client.Redirect)
	if b.Page() != p.page {
		t.Fatalf("%s, want %s: the attack does not work", b.Describe(), p.page)
	}
	p.does(t, b)
	changed := s.lastEvent(p.victim, p.event)
	look := s.paced("an alarm, the authenticators of before, and both gates shut", func() bool {
		return s.trailHas(func(e auditEvent) bool {
			return e.Event == "gate.alarm" && e.Target == s.campus.Users[p.victim] && e.Detail["event"] == p.event
		}) && slices.Equal(s.factors(p.victim), before) && !s.gateOpen(p.victim) && !s.gateOpen("erin")
	})
	s.mustBeSoon("what was changed is answered", changed, s.lastWrite(p.victim), look)
	s.mustBeSoon("somebody else's gate is shut", changed, s.lastWrite("erin"), look)
	var user struct{ NotBefore int64 }
	s.keycloak("GET "+s.path(p.victim), nil, &user)
	if user.NotBefore < changed.Unix() {
		t.Errorf("sessions of before %d have ended, want those of before the change at %s", user.NotBefore, changed)
	}
	s.mustOpenNothing(b, "stolen login key")
}
