package kcsuite

import (
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/phone"
)

// single is the one code of a temporary credential, computed by a phone and not by the product.
func single(t *testing.T, secret bridge.Secret) string {
	t.Helper()
	k, err := phone.FromBase32(secret.Reveal())
	must(t, err)
	k.Digits, k.HOTP = bridge.TemporaryDigits, true
	return k.At(0)
}

// A temporary code stands before the authenticator, outlives a wrong code, signs in at the application once, and shows in its counter that it
// did; it is told from an authenticator, and removing it leaves that as it was. A swap takes it away. TMP-05
func temporaryCode(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	old := w.account(t, id).OTPs()[0]
	secret := freshSecret()
	n := bridge.NewTemporary("一時コード "+bridge.NewReference(), secret, w.facts.Now())
	for range 2 { // a repeat changes nothing
		must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n}))
	}
	before, _ := w.account(t, id).Password()
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionMove, Credential: n.ID, After: before.ID}))
	if c, ok := w.account(t, id).TemporaryCode(); !ok || c.ID != n.ID || c.Uses != 0 || !c.HOTP || c.Label != n.Label {
		t.Fatalf("%+v %v, want the temporary code, unused", c, ok)
	}
	if got := w.account(t, id).Authenticators(); len(got) != 1 || got[0].ID != old.ID {
		t.Errorf("authenticators %+v, want the old phone alone", got)
	}

	code, tries := single(t, secret), 0
	in, at := w.portal(t, name, Password(name), func() string { tries++; return "00000000" })
	if in || tries != 1 {
		t.Fatalf("a wrong code: signed in %v after %d tries", in, tries)
	}
	must(t, at.Code(t.Context(), code)) // on the same page, whose first choice it is
	if at.Answer().Get("code") == "" {
		t.Fatalf("the code does not sign in after a wrong one: %s %q", at.Page(), at.Message())
	}
	if c, _ := w.account(t, id).TemporaryCode(); c.Uses != 1 {
		t.Errorf("used %d times, want 1", c.Uses)
	}
	if in, _ := w.portal(t, name, Password(name), func() string { return code }); in {
		t.Error("the code signs in twice")
	}

	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: n.ID}))
	if got := w.account(t, id).OTPs(); len(got) != 1 || got[0].ID != old.ID {
		t.Errorf("%+v, want the old phone alone", got)
	}
	n = bridge.NewTemporary("later than the swap", secret, w.facts.Now().Add(time.Hour))
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n}))
	s := bridge.Swap{New: w.newCredential(plainPolicy(), freshSecret()), Remove: []string{old.ID}}
	w.swap(t, id, s)
	if got := w.account(t, id).OTPs(); len(got) != 1 || got[0].ID != s.New.ID {
		t.Errorf("%+v, want the new phone alone", got)
	}
}
