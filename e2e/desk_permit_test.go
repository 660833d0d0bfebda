package e2e_test

import (
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// guesses types wrong codes at the sample application until a person's gate stays shut.
func (s *site) guesses(name string) {
	s.t.Helper()
	portal := s.portal()
	for s.wrongCodesOf(name) < bridge.MaxWrongCodes {
		b := rig.NewBrowser(s.t)
		portal.SignIn(b, name, nil)
		if b.Page() != "login-login-otp" {
			s.t.Fatalf("guessing: %s, want the OTP page", b.Describe())
		}
		b.Submit("otp", "000000").Follow(portal.Redirect)
		if err := s.campus.Unlock(s.t.Context(), name); err != nil { // failures within a second lock a person, which is not what is tried here
			s.t.Fatal(err)
		}
	}
}

// wrongCodesOf counts a person's wrong codes in Keycloak's events.
func (s *site) wrongCodesOf(name string) (n int) {
	s.t.Helper()
	var events []struct{ Details map[string]string }
	if err := s.campus.Do(s.t.Context(), "GET /events?type=LOGIN_ERROR&max=100&user="+s.campus.Users[name], nil, &events); err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		if e.Details["selected_credential_id"] != "" {
			n++
		}
	}
	return n
}

// typesAnyway types ID and password on the campus page, whether or not the gate is open.
func (h *hand) typesAnyway() *hand {
	h.s.t.Helper()
	if h.Page() != "login-login" {
		h.s.t.Fatalf("%s, want the password page", h.Describe())
	}
	h.Submit("username", h.name, "password", realm.Password(h.name)).Follow("")
	return h
}

// mustBeShut fails the test unless the password alone leads nowhere.
func (s *site) mustBeShut(name string) {
	s.t.Helper()
	h := s.hand(name).typeID().typesAnyway()
	if strings.HasPrefix(h.URL, s.bridge.URL) {
		s.t.Fatalf("the gate of %s is open: %s", name, h.Describe())
	}
	if err := s.campus.Unlock(s.t.Context(), name); err != nil { // Keycloak counts the denial
		s.t.Fatal(err)
	}
}

// permits does an operator's part for somebody whose gate stays shut: looks, checks the ID at the counter, confirms.
func (c *call) permits(operator *rig.Page, name, before, after string) {
	c.t.Helper()
	operator.Click(c.say["console.nav.permit"]).See(c.say["permit.lede"]).MustBeAccessible().Fill("name", name).Click(c.say["permit.look"])
	operator.See(before).MustBeAccessible().Screenshot("16-permit")
	for _, hidden := range []string{name + "@", c.campus.Users[name]} {
		if strings.Contains(operator.Text(), hidden) {
			c.t.Errorf("the page shows %s", hidden)
		}
	}
	operator.Click(c.say["case.check.photo"]).Fill("ticket", "T-2026-2").Click(c.say["permit.give"])
	operator.See(after).MustBeAccessible().Screenshot("17-permitted")
}

// OIDC-21: wrong codes keep alice's gate shut, so that she cannot even sign in. Two operators let her in, and one of them approves her call
// afterwards, all without a script.
func TestJourneyByPhonePastAShutGate(t *testing.T) {
	t.Parallel()
	look := rig.Look{Language: "en", NoScript: true}
	c := newCall(t, look)
	s := &site{t: t, campus: c.campus, mailbox: c.mailbox, bridge: c.bridge}
	s.guesses("alice")
	s.mustBeShut("alice")
	carol, dave := c.operator("carol", "198.51.100.3", look), c.operator("dave", "198.51.100.4", look)
	c.permits(carol, "alice", c.say["permit.check.legend"], c.say["permit.first.title"])
	s.mustBeShut("alice")
	c.permits(dave, "alice", c.say["permit.second.title"], c.say["permit.open.text"])
	c.phones("alice")
	c.opens(carol, "alice", c.code())
	c.moves(look, c.say["call.checking.title"])
	c.approves(carol, c.say["case.check.photo"], c.say["case.approved.title"])
	c.moves(look, c.w.enrol)
	c.page.Click(c.say["enrol.key.title"]).See(c.say["enrol.key.text"][:20])
	if strings.Contains(c.page.Text(), c.say["enrol.key.copy"]) {
		t.Error("a button that needs a script is shown")
	}
	c.enrol()
	c.mustOpenPortalWithNewCodeOnly("alice")
}
