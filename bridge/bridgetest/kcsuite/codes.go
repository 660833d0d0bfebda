package kcsuite

import (
	"net/url"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/loginform"
)

// recoverWith signs in at the application with a recovery code, for somebody who has nothing else.
func (w *world) recoverWith(t *testing.T, name, code string) (in bool) {
	t.Helper()
	_, b := w.portal(t, name, Password(name), nil)
	if b.Page() != loginform.PageRecovery {
		t.Fatalf("page %q instead of the one for recovery codes", b.Page())
	}
	must(t, b.Submit(t.Context(), url.Values{"recoveryCodeInput": {code}}))
	return b.Answer().Get("code") != ""
}

// Recovery codes in Keycloak's own format sign in, in order and once each; a second set replaces the first; the same set again changes
// nothing; beside an authenticator the one-time password is asked for first. kc#44115
func recoveryCodes(t *testing.T, w *world) {
	if takes, err := w.client.TakesCodes(t.Context()); err != nil || !takes {
		t.Fatal(takes, err)
	}
	set := func(codes ...bridge.Secret) bridge.Action {
		n := bridge.NewCodes{ID: bridge.NewUUID(), Codes: codes, CreatedMillis: w.facts.Now().UnixMilli()}
		return bridge.Action{Kind: bridge.ActionAddCodes, Credential: n.ID, Codes: &n}
	}
	id, name := w.person(t, Person{})
	must(t, w.client.Do(t.Context(), id, set("OLDOLDOLDOLD")))
	second := set("ABCDEFGHJKMN", "PQRSTUVWXYZ2", "23456789ABCD")
	for range 2 {
		must(t, w.client.Do(t.Context(), id, second))
	}
	if c := w.account(t, id).Credentials; len(c) != 2 || c[1].ID != second.Credential || c[1].Type != bridge.TypeRecoveryCodes {
		t.Fatalf("credentials %+v, want the password and the second set", c)
	}
	if !w.recoverWith(t, name, "ABCD-EFGH-JKMN") || !w.recoverWith(t, name, "PQRSTUVWXYZ2") {
		t.Fatal("a code does not sign in")
	}
	if w.recoverWith(t, name, "ABCDEFGHJKMN") {
		t.Error("a code signs in twice")
	}

	id, name = w.person(t, Person{OTPs: oldPhone()})
	must(t, w.client.Do(t.Context(), id, set("ABCDEFGHJKMN")))
	if c := w.account(t, id).Credentials; len(c) != 3 || c[2].Type != bridge.TypeRecoveryCodes {
		t.Fatalf("credentials %+v, want the codes last", c)
	}
	if in, at := w.portal(t, name, Password(name), w.codes(t, key(t, oldPhone()[0].Secret))); !in {
		t.Errorf("the one-time password is not asked for first: %s", at.Page())
	}
}

// SWAP-10, kc#44115: a new authenticator is written behind everything else, and the form for recovery codes would come first; moved behind
// the password, its code is what is asked for.
func behindThePassword(t *testing.T, w *world) {
	id, name := w.person(t, Person{})
	set := bridge.NewCodes{ID: bridge.NewUUID(), Codes: []bridge.Secret{"ABCDEFGHJKMN"}, CreatedMillis: w.facts.Now().UnixMilli()}
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAddCodes, Credential: set.ID, Codes: &set}))
	secret := freshSecret()
	n := w.newCredential(plainPolicy(), secret)
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n}))
	before := w.account(t, id).Credentials
	if len(before) != 3 || before[2].ID != n.ID {
		t.Fatalf("credentials %+v, want the new one last", before)
	}
	if _, at := w.portal(t, name, Password(name), nil); at.Page() != loginform.PageRecovery {
		t.Fatalf("page %q before the move; is there no trap any more?", at.Page())
	}
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionMove, Credential: n.ID, After: before[0].ID}))
	if in, at := w.portal(t, name, Password(name), w.codes(t, key(t, string(secret)))); !in {
		t.Errorf("the one-time password is not asked for first: %s", at.Page())
	}
}
