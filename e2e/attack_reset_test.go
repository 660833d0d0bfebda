package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// TOK-14: where passwords are reset by mail, whoever reads the mailbox has a password. It signs in nowhere by itself, and no link of ours goes to
// that mailbox.
func TestRealmAttackResetByMail(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings("keycloak", "password_reset", "desk"))
	s.resetsByMail(true)
	s.mustGainNothingByReset("frank")
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
	b.Get(s.campus.Keycloak+b.Href("/realms/"+s.campus.Name+"/login-actions/reset-credentials")).Submit("username", name).Follow("")
	link := s.mailbox.Wait(name+"@example.net", 1).Link(s.t, s.campus.Issuer+"/login-actions/action-token")
	b.Get(link).Follow("")
	if b.Page() != "login-login-update-password" {
		s.t.Fatalf("%s, want the page for a new password", b.Describe())
	}
	return b.Submit("password-new", realm.Password(name), "password-confirm", realm.Password(name)).Follow(s.portal().Redirect)
}
