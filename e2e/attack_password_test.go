package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
	"otpbridge/e2e/rig"
)

// named shows a flow's form for the name alone, and whether the name was enough.
func named(t *testing.T, c *rig.Client, params ...string) (b *rig.Browser, got rig.Result) {
	t.Helper()
	b = rig.NewBrowser(t)
	c.Open(b, params...)
	if b.Page() != "login-login-username" {
		t.Fatalf("%s: no form for the name", b.Describe())
	}
	b.Submit("username", "alice").Follow(c.Redirect)
	return b, c.Finish(b)
}

// INV-1: where a flow asks for no password a name is enough for the sign-in of a recovery, and then its mailbox for an authenticator. The doctor finds it, the plan refuses
// to build on such a flow, and leaves a way in beside the password to applications, whatever somebody chooses on Keycloak's page.
func TestRealmAttackNoPasswordIsAsked(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	open(t, p.Realm, "alice")
	login := rig.NewClient(t, p.Realm, realm.LoginClient, rig.AppRedirect)
	closed := flows.Shapes()[0].Lines
	p.bind(t, flows.Shape{Lines: strings.Replace(closed, "auth-username-password-form", "auth-username-form", 1)}, "name-alone")
	if b, got := named(t, login, "scope", recoveryScope); !got.Signed {
		t.Fatalf("%+v on %s: the hole is not there", got, b.Describe())
	}
	p.found(t, bridge.FindFlowPassword)
	if plan := p.plan(t); !slices.ContainsFunc(plan.Obstacles, func(o safe.Obstacle) bool { return o.Say.Name == "flow_untyped" }) {
		t.Errorf("obstacles %+v", plan.Obstacles)
	}

	p.bind(t, flows.Shape{Lines: strings.Replace(closed, "  +forms", "  +name ALTERNATIVE\n    auth-username-form REQUIRED\n  +forms", 1)}, "name-or-password")
	if b, got := named(t, login, "scope", recoveryScope); !got.Signed {
		t.Fatalf("%+v on %s: the hole is not there", got, b.Describe())
	}
	p.found(t, bridge.FindFlowPassword)
	p.apply(t, p.plan(t).Changes())
	p.found(t)
	if left := p.plan(t); !left.Empty() {
		t.Errorf("left:%s", show(left))
	}
	b := rig.NewBrowser(t)
	login.Open(b, "scope", recoveryScope)
	if b.Page() != "login-login" {
		t.Fatalf("after apply: %s", b.Describe())
	}
	b.Submit("authenticationExecution", idOf(p.step(t, "auth-username-form"))).Follow(login.Redirect)
	if b.Page() == "login-login-username" || b.Location != "" {
		t.Errorf("chosen by its id: %s", b.Describe())
	}
	if got := outcome(t, login, "alice", "scope", recoveryScope); got != flows.In {
		t.Errorf("with the password: %s", got)
	}
	if b, got := named(t, rig.NewClient(t, p.Realm, "portal", rig.PortalRedirect)); got.Signed || b.Page() != "login-login-otp" {
		t.Errorf("at an application: %+v on %s", got, b.Describe())
	}
}
