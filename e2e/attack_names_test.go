package e2e_test

import (
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// INV-1: a condition on a client scope, or on a role, that does not exist is not met, negated or not. Without the scope nobody is asked for a second factor;
// without the role of the gate everybody passes it. The doctor says so, and the plan mends it.
func TestRealmAttackNamesThatAreGone(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	login := rig.NewClient(t, p.Realm, realm.LoginClient, rig.AppRedirect)
	legacy := rig.NewClient(t, p.Realm, "legacy-app", rig.LegacyRedirect)
	signsIn := func(c *rig.Client, params ...string) *rig.Browser {
		t.Helper()
		b := rig.NewBrowser(t)
		if got := c.SignIn(b, "alice", nil, params...); !got.Signed {
			t.Fatalf("%+v on %s: the hole is not there", got, b.Describe())
		}
		return b
	}
	mended := func() {
		t.Helper()
		p.apply(t, p.plan(t).Changes())
		p.found(t)
		if got := outcome(t, legacy, "alice"); got == "in" {
			t.Error("after apply the password alone opens an application")
		}
		if got := outcome(t, login, "alice", "scope", recoveryScope); got != "refused" {
			t.Errorf("after apply, gate shut: %s", got)
		}
	}
	p.must(t, "PUT /client-scopes/"+p.scope(t, realm.Scope), object{"name": "renamed", "protocol": "openid-connect"}, nil)
	if holes := strings.Join(openHoles(t, p.Realm, signsIn(legacy)), "; "); !strings.Contains(holes, "portal;") || !strings.Contains(holes, "saml-app") {
		t.Errorf("without the scope open: %s", holes)
	}
	p.found(t, bridge.FindScopeMissing)
	mended()

	p.must(t, "DELETE /roles/"+realm.Gate, nil, nil)
	signsIn(login, "scope", recoveryScope)
	p.found(t, bridge.FindFlowGate)
	mended()
}
