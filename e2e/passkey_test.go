package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// orPasskey is a browser flow in which a passkey stands for password and second factor, as an alternative.
const orPasskey = `auth-cookie ALTERNATIVE
+forms ALTERNATIVE
  auth-username-form REQUIRED
  +which REQUIRED
    webauthn-authenticator-passwordless ALTERNATIVE
    +password ALTERNATIVE
      auth-password-form REQUIRED
      +code CONDITIONAL
        conditional-user-configured REQUIRED
        auth-otp-form ALTERNATIVE`

// Issue 6: a realm in which people sign in with a passkey alone stays one: apply makes it safe, a passkey opens an application in full, and the
// password beside it asks for the second factor.
func TestRealmKeepsPasskeysAsAnAlternative(t *testing.T) {
	t.Parallel()
	campus := rig.NewCampus(t)
	p := &patient{Realm: campus.Realm, known: map[string]json.RawMessage{}}
	key := rig.NewPasskey(t)
	key.Alone = true
	if _, err := p.Add(t.Context(), realm.Person{Name: "pat", Passkeys: []realm.Passkey{key.Passkey}, OTPs: []string{realm.Secret("pat")}}); err != nil {
		t.Fatal(err)
	}
	p.bind(t, flows.Shape{Lines: orPasskey}, "campus-browser")
	plan := p.plan(t)
	if !strings.Contains(show(plan), "webauthn-authenticator-passwordless ALTERNATIVE") {
		t.Fatalf("the plan takes passkeys away:%s", show(plan))
	}
	p.apply(t, plan.Changes())
	if found := p.examine(t); slices.ContainsFunc(found, func(id bridge.FindingID) bool { return bridge.SeverityOf(id) == bridge.Deadly }) {
		t.Errorf("found %v", found)
	}

	rig.NewPage(t, rig.Look{}).Holds(key).Go(campus.Portal.URL).See("Sign In").Fill("username", "pat").Click("Sign In").
		See("Try Another Way").Click("Try Another Way").See("Select login method").Click("Passkey").
		See("Sign in with Passkey").Click("Sign in with Passkey").See("Signed in as pat").See("mfa")
	portal := rig.NewClient(t, p.Realm, "portal", campus.Portal.URL+"/cb")
	b := portal.Open(rig.NewBrowser(t)).Submit("username", "alice").Follow(portal.Redirect)
	b.Submit("password", realm.Password("alice")).Follow(portal.Redirect)
	if b.Page() != "login-login-otp" {
		t.Errorf("the password: %s, want the second factor", b.Describe())
	}
}
