package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// TOK-14: where passwords are reset by mail, whoever reads the mailbox has a password. It signs in nowhere by itself, and no link of ours goes to
// that mailbox. OIDC-24: whoever resets it on the page that our client leads to keeps nobody else out, and hides nothing that the client's own key pushes; with
// that key and the mailbox nobody makes an authenticator that stays, whether a gate is open or not.
func TestRealmAttackResetByMail(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings("keycloak", "password_reset", "desk"))
	s.resetsByMail(true)
	s.mustMakeNothingBehindTheLink("vera") // first: no gate is open, nor was lately
	s.mustKeepNobodyOut("gina")
	s.mustKeepNobodyOutByCodes("sam")
	s.mustGainNothingByReset("frank")
	s.mustHideNothing("victor")
}

// mustKeepNobodyOut resets a password at our client, and opens the mailed link elsewhere, as on a telephone: the person's own gate is shut, and nothing else.
func (s *site) mustKeepNobodyOut(name string) {
	t := s.t
	t.Helper()
	s.add(realm.Person{Name: name, Email: name + "@example.net"})
	s.hand("erin").typeID().awaitGate()
	h := s.hand(name).typeID()
	h.awaitGate()
	b := s.setAnew(rig.NewBrowser(t), s.forget(h.Browser, name), name).Follow("")
	if b.Page() != "login-info" {
		t.Fatalf("%s, want the password set", b.Describe())
	}
	rig.Eventually(t, "the person's own gate is shut", func() bool {
		return s.trailHas(func(e auditEvent) bool {
			return e.Event == "gate.shut" && e.Target == s.campus.Users[name] && e.Detail["reason"] == "password"
		})
	})
	if s.trailHas(func(e auditEvent) bool { return e.Event == "gate.alarm" }) || !s.gateOpen("erin") || s.gateOpen(name) {
		t.Errorf("erin's gate is open: %t, want no alarm, and only that of %s shut", s.gateOpen("erin"), name)
	}
}

// mustMakeNothingBehindTheLink pushes the page for an authenticator with the login client's own key and reaches it behind a mailed link: neither the gate nor a
// password of before is asked for. What was made is gone soon all the same.
func (s *site) mustMakeNothingBehindTheLink(name string) {
	t := s.t
	t.Helper()
	s.add(realm.Person{Name: name, Email: name + "@example.net"})
	rig.Rest(t, time.Now().Add(3*time.Second)) // what is as young as the thief's authenticator goes with it, since Keycloak's event names none
	before := s.factors(name)
	b := s.login().Open(rig.NewBrowser(t), "scope", recoveryScope, "kc_action", "CONFIGURE_TOTP")
	s.setAnew(b, s.forget(b, name), name).Follow("")
	if b.Page() != "login-login-config-totp" {
		t.Fatalf("%s, want the page for an authenticator: the attack does not work", b.Describe())
	}
	theirs := thiefsPhone(t, b)
	b.SubmitTo("", "totp", theirs.Code(), "userLabel", "thief").Follow("")
	made := s.lastEvent(name, "UPDATE_TOTP")
	look := s.paced("the authenticator is gone again, on record", func() bool {
		return s.undone(name, "same") && slices.Equal(s.factors(name), before)
	})
	s.mustBeWithin(always+soon+4*look, "what was made behind a mailed link is undone", made, s.lastWrite(name))
	var user struct{ NotBefore int64 }
	s.keycloak("GET "+s.path(name), nil, &user)
	if user.NotBefore < made.Unix() || s.opensPortal(name, theirs) {
		t.Errorf("sessions of before %d have ended, want those of before %s, and no portal opened", user.NotBefore, made)
	}
}

// always is how often the product looks at Keycloak's events while no gate is open.
const always = 10 * time.Second

// undone reports whether a change of somebody's account behind a mailed link, or elsewhere, is on record as undone.
func (s *site) undone(name, link string) bool {
	s.t.Helper()
	return s.trailHas(func(e auditEvent) bool {
		return e.Event == "gate.undone" && e.Target == s.campus.Users[name] && e.Detail["link"] == link && len(e.Removed) == 1
	})
}

// mustKeepNobodyOutByCodes spends the last recovery code after the own gate was opened, so that Keycloak demands new ones behind a mailed link at our client: for
// that nobody needs its key, and every account can do it. The codes go again, and nobody else hears of it.
func (s *site) mustKeepNobodyOutByCodes(name string) {
	t := s.t
	t.Helper()
	s.add(realm.Person{Name: name, Email: name + "@example.net", OTPs: []string{}, Codes: []string{"ABCDEFGHJKMN"}})
	s.hand("erin").typeID().awaitGate()
	h := s.hand(name).typeID()
	h.awaitGate()
	if b := s.typesCode(s.portal(), name, "ABCDEFGHJKMN"); b.Page() != codesPage {
		t.Fatalf("after the last code: %s", b.Describe())
	}
	b := s.setAnew(h.Browser, s.forget(h.Browser, name), name).Follow("")
	if b.Page() != codesPage {
		t.Fatalf("%s, want the page for new codes", b.Describe())
	}
	b.SubmitTo("", "userLabel", "my own").Follow("")
	rig.Eventually(t, "the codes are gone again, on record, and the own gate is shut", func() bool {
		return s.undone(name, "same") && len(s.factors(name)) == 0 && !s.gateOpen(name)
	})
	if s.trailHas(func(e auditEvent) bool { return e.Event == "gate.alarm" }) || !s.gateOpen("erin") {
		t.Errorf("erin's gate is open: %t, want no alarm that shuts it", s.gateOpen("erin"))
	}
}

// mustHideNothing has a link mailed before it changes the password with the login client's own key, in the same browser.
func (s *site) mustHideNothing(name string) {
	s.t.Helper()
	s.add(realm.Person{Name: name, Email: name + "@example.net"})
	s.hand(name).typeID().awaitGate()
	client := s.login()
	b := client.Open(rig.NewBrowser(s.t), "scope", recoveryScope)
	s.forget(b, name)
	client.Open(b, "scope", recoveryScope, "kc_action", "UPDATE_PASSWORD")
	b.Submit("username", name, "password", realm.Password(name)).Follow(client.Redirect)
	if b.Page() != "login-login-update-password" {
		s.t.Fatalf("%s, want the page for a new password: the attack does not work", b.Describe())
	}
	b.Submit("password-new", "the thief's password", "password-confirm", "the thief's password").Follow(client.Redirect)
	rig.Eventually(s.t, "the alarm", func() bool {
		return s.trailHas(func(e auditEvent) bool { return e.Event == "gate.alarm" && e.Target == s.campus.Users[name] })
	})
}

// mustGainNothingByReset resets a password by mail, in a realm made safe, and gains nothing by it.
func (s *site) mustGainNothingByReset(name string) {
	t := s.t
	t.Helper()
	if b := s.resetPassword(name); strings.HasPrefix(b.Location, s.portal().Redirect) {
		t.Error("the mail of the reset signs in")
	} else {
		s.mustOpenNothing(b, "a new password by mail")
	}
	if h := s.hand(name).typeID().typePassword(); h.Status != http.StatusForbidden || !h.sees("Your password was set a short time ago") {
		t.Errorf("%s, want 403", h.Describe())
	}
	if mails := s.mailbox.Messages(name + "@example.net"); len(mails) != 1 {
		t.Errorf("%d mails, want that of the reset alone", len(mails))
	}
}

// TOK-14: the test above finds both holes where the realm signs in by the mailed link, and where our configuration does not say that it resets
// by mail: the mailbox alone leads to an authenticator.
func TestRealmAttackResetByMailFindsTheHoles(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings("keycloak", "password_reset", "none"))
	s.resetsByMail(false)
	if b := s.resetPassword("frank"); !strings.HasPrefix(b.Location, s.portal().Redirect) {
		t.Errorf("%s, want the portal opened by the mailed link", b.Describe())
	}
	h := s.hand("frank").ask()
	h.prove(h.link(2))
	if phone := h.enrol(); !s.opensPortal("frank", phone) {
		t.Error("the mailbox alone does not lead to an authenticator")
	}
}

// resetsByMail lets the realm reset passwords by mail, without a new authenticator, to frank among others; strict ends that without a sign-in.
func (s *site) resetsByMail(strict bool) {
	s.t.Helper()
	s.add(realm.Person{Name: "frank", Email: "frank@example.net"})
	const flow = "reset credentials"
	s.require(flow, "Reset - Conditional OTP", "DISABLED")
	if strict {
		mailed := s.step(flow, "Send Reset Email")
		id, _ := mailed["id"].(string)
		s.keycloak("POST /authentication/executions/"+id+"/config", map[string]any{"alias": "strict", "config": map[string]any{"force-login": "true"}}, nil)
	}
	s.mailsFromKeycloak()
}

// mailsFromKeycloak lets the realm mail whoever forgot a password.
func (s *site) mailsFromKeycloak() {
	s.t.Helper()
	host, port, _ := strings.Cut(s.mailbox.Addr, ":")
	s.keycloak("PUT ", map[string]any{
		"resetPasswordAllowed": true, "smtpServer": map[string]any{"host": host, "port": port, "from": "keycloak@example.ac.jp"},
	}, nil)
}

// resetPassword does what somebody who reads a person's mail can do, and returns the browser.
func (s *site) resetPassword(name string) *rig.Browser {
	s.t.Helper()
	b := s.portal().Open(rig.NewBrowser(s.t))
	return s.setAnew(b, s.forget(b, name), name).Follow(s.portal().Redirect)
}

// forget asks for a mail on Keycloak's page for the password, and returns its link.
func (s *site) forget(b *rig.Browser, name string) (link string) {
	s.t.Helper()
	b.Get(s.campus.Keycloak+b.Href("/realms/"+s.campus.Name+"/login-actions/reset-credentials")).Submit("username", name).Follow("")
	return s.mailbox.Wait(name+"@example.net", 1).Link(s.t, s.campus.Issuer+"/login-actions/action-token")
}

// setAnew sets the password of before anew behind a mailed link.
func (s *site) setAnew(b *rig.Browser, link, name string) *rig.Browser {
	s.t.Helper()
	b.Get(link).Follow("")
	if b.Page() != "login-login-update-password" {
		s.t.Fatalf("%s, want the page for a new password", b.Describe())
	}
	return b.Submit("password-new", realm.Password(name), "password-confirm", realm.Password(name))
}
