package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// Keycloak's pages that ask for a recovery code, and that make new ones.
const (
	codePage  = "login-login-recovery-authn-code-input"
	codesPage = "login-login-recovery-authn-code-config"
)

// typesCode signs in with a recovery code where that alone is asked for after the password.
func (s *site) typesCode(c *rig.Client, name, code string) *rig.Browser {
	s.t.Helper()
	b := c.Open(rig.NewBrowser(s.t))
	b.Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
	if b.Page() != codePage {
		s.t.Fatalf("%s: no form for a recovery code: %s", name, b.Describe())
	}
	return b.Submit("recoveryCodeInput", code).Follow(c.Redirect)
}

// codeForm brings a browser to the form that asks for a recovery code: after the password the one-time password is asked for first, and the form
// is another way. It reports whether there is one.
func (s *site) codeForm(c *rig.Client, name string) (*rig.Browser, bool) {
	s.t.Helper()
	if err := s.campus.Unlock(s.t.Context(), name); err != nil {
		s.t.Fatal(err)
	}
	b := c.Open(rig.NewBrowser(s.t))
	b.Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
	if b.Page() != "login-login-otp" {
		s.t.Fatalf("%s: the one-time password is not asked for first: %s", name, b.Describe())
	}
	if !strings.Contains(b.Text(), "Try Another Way") {
		return b, false
	}
	b.Submit("tryAnotherWay", "on").Follow(c.Redirect)
	way := b.Choice("Recovery Authentication Code")
	if way == "" {
		return b, false
	}
	b.Submit("authenticationExecution", way).Follow(c.Redirect)
	if b.Page() != codePage {
		s.t.Fatalf("%s: no form for a recovery code: %s", name, b.Describe())
	}
	return b, true
}

// opensPortalByCode reports whether a person gets into the sample application with a recovery code.
func (s *site) opensPortalByCode(name, code string) bool {
	s.t.Helper()
	c := s.portal()
	b, asked := s.codeForm(c, name)
	if !asked {
		return false
	}
	b.Submit("recoveryCodeInput", code).Follow(c.Redirect)
	got := c.Finish(b)
	return got.Signed && got.Acr() == "mfa"
}

// recoveryCodes are those that the page shows.
func recoveryCodes(p *rig.Page) (codes []string) {
	p.Eval(`[...document.querySelectorAll("#codes b")].map(e => e.innerText)`, &codes)
	return codes
}

// The person asks for recovery codes on the last page, sees them until they are saved, can keep them in three ways, and signs in with them at the
// sample application, in order; the form for the one-time password stays first (SWAP-10, kc#44115).
func TestJourneyRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.rest("alice")
	h := s.hand("alice")
	phone := h.recovers()
	if got := s.kinds("alice"); !slices.Equal(got, []string{"otp"}) {
		t.Errorf("before anybody asked: %v", got)
	}
	p := h.inChromium("/done")
	p.Click("Make recovery codes")
	rig.Eventually(t, "the codes are made", func() bool { // the answer waits for three seconds
		text := p.Text()
		if strings.Contains(text, "are being made") {
			p.Click("Check now")
		}
		return strings.Contains(text, "Use them in order")
	})
	p.MustBeAccessible().MustFit().Screenshot("codes")
	codes := recoveryCodes(p)
	if len(codes) != 12 {
		t.Fatalf("%d codes on the page", len(codes))
	}
	p.Reload().See("Use them in order")
	if again := recoveryCodes(p); !slices.Equal(again, codes) {
		t.Error("other codes after a reload")
	}
	mustKeep(t, p, codes)
	p.Click("Finish").See("Save your recovery codes, then tick the box.")
	p.Click("I have saved my recovery codes").Click("Finish")
	rig.Eventually(t, "the codes go", func() bool { return p.Text() != "" && len(recoveryCodes(p)) == 0 })
	p.Reload().See("Your one-time password is set up.")
	if len(recoveryCodes(p)) != 0 {
		t.Error("saved codes are shown again")
	}
	rig.Eventually(t, "a notice", func() bool { return s.wasTold("alice@example.net", "Recovery codes were made for your account") })
	s.unchanged("alice", before)
	s.mustHaveOnly("alice", phone)
	if err := s.campus.Unlock(t.Context(), "alice"); err != nil { // the old codes that were tried count
		t.Fatal(err)
	}
	s.mustSignInInOrder("alice", codes)
	for _, code := range codes {
		if log := s.bridge.Replicas[0].LogText(); strings.Contains(log, code) || strings.Contains(log, strings.ReplaceAll(code, "-", "")) {
			t.Error("a code stands in the log")
		}
	}
}

// mustKeep fails the test unless the codes can be copied, downloaded and printed.
func mustKeep(t *testing.T, p *rig.Page, codes []string) {
	t.Helper()
	p.Click("Copy").See("Copied.")
	copied := p.Clipboard()
	kind, file := p.Fetch("/done/recovery-codes.txt")
	for i, code := range codes {
		if line := fmt.Sprintf("%2d  %s", i+1, code); !strings.Contains(copied, code) || !strings.Contains(file, line) {
			t.Errorf("code %d is not in the clipboard or not in the file", i+1)
		}
	}
	if !strings.HasPrefix(kind, "attachment") {
		t.Errorf("the file is no download: %q", kind)
	}
	var printed bool
	p.Eval(`window.print = () => { window.printed = true }`, nil)
	p.Click("Print").Eval(`window.printed === true`, &printed)
	if !printed {
		t.Error("Print prints nothing")
	}
}

// mustSignInInOrder signs in with the codes, and with none out of order. After the last one Keycloak has the person make new ones.
func (s *site) mustSignInInOrder(name string, codes []string) {
	s.t.Helper()
	for i, try := range []struct {
		code string
		in   bool
	}{{codes[1], false}, {codes[0], true}, {codes[0], false}, {strings.ReplaceAll(codes[1], "-", ""), true}} {
		if got := s.opensPortalByCode(name, try.code); got != try.in {
			s.t.Errorf("try %d: the recovery code opens the portal: %v", i+1, got)
		}
	}
	for i, code := range codes[2:] {
		if i+3 < len(codes) && !s.opensPortalByCode(name, code) {
			s.t.Errorf("code %d of %d does not open the portal", i+3, len(codes))
		}
	}
	c := s.portal()
	b, _ := s.codeForm(c, name)
	b.Submit("recoveryCodeInput", codes[len(codes)-1]).Follow(c.Redirect)
	if b.Page() != codesPage {
		s.t.Errorf("after the last code: %s, want Keycloak to ask for new ones", b.Describe())
	}
}

// Recovery codes that stand survive a recovery and go when the person asks for new ones.
func TestJourneyOldRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old := []string{"ABCDEFGHJKMN", "PQRSTUVWXYZ2", "23456789ABCD"}
	s.add(realm.Person{Name: "frank", Codes: old})
	h := s.hand("frank")
	h.recovers()
	h.see("Your old recovery codes stop working at once.")
	if !s.opensPortalByCode("frank", old[0]) {
		t.Error("an old code does not work although nobody asked for new ones")
	}
	h.SubmitTo("/done", "do", "codes").Follow("")
	h.see("Use them in order")
	if s.opensPortalByCode("frank", old[1]) {
		t.Error("an old code works beside the new ones")
	}
	if got := s.kinds("frank"); !slices.Equal(got, []string{"otp", "recovery-authn-codes"}) {
		t.Errorf("beside the password stand %v", got)
	}
}
