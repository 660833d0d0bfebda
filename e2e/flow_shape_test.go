package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
	"otpbridge/e2e/rig"
)

// bind makes a browser flow of a shape the realm's.
func (p *patient) bind(t *testing.T, shape flows.Shape, alias string) {
	t.Helper()
	p.make(t, shape, alias)
	p.must(t, "PUT ", object{"browserFlow": alias}, nil)
}

// make makes a flow of a shape.
func (p *patient) make(t *testing.T, shape flows.Shape, alias string) {
	t.Helper()
	text, err := json.Marshal(shape.Tree(alias))
	if err != nil {
		t.Fatal(err)
	}
	p.apply(t, []safe.Change{{Kind: safe.KindFlow, Name: alias, Will: text}})
}

// apply makes changes as `realm apply` does.
func (p *patient) apply(t *testing.T, changes []safe.Change) {
	t.Helper()
	run := safe.Run{Caller: p, Wanted: wanted(p.Realm), Note: func(safe.Change) error { return nil }, Made: func(safe.Change) {}}
	if err := run.Do(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// outcome is where somebody who has no second factor ends who types the password at a client.
func outcome(t *testing.T, c *rig.Client, name string, params ...string) flows.Outcome {
	t.Helper()
	b := rig.NewBrowser(t)
	got := c.SignIn(b, name, nil, params...)
	if got.Page == "login-login-username" { // a form for the name alone
		b.Submit("username", name).Follow(c.Redirect)
		got = c.Finish(b)
	}
	if got.Page == "login-login-password" { // and the password after it
		b.Submit("password", realm.Password(name)).Follow(c.Redirect)
		got = c.Finish(b)
	}
	switch {
	case got.Signed:
		return flows.In
	case strings.Contains(got.Page, "config") || strings.Contains(got.Page, "register"):
		return flows.Enrols
	case got.Page == "login-error":
		return flows.Refused
	}
	return flows.Outcome(b.Describe())
}

// INV-1: Keycloak does with each flow what the judgement of flows rests on.
func TestRealmAttackShapesOfFlows(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	open(t, p.Realm, "erin")
	portal := rig.NewClient(t, p.Realm, "portal", rig.PortalRedirect)
	login := rig.NewClient(t, p.Realm, realm.LoginClient, rig.AppRedirect)
	for i, shape := range flows.Shapes() {
		if !full() && i%8 != 1 {
			continue // a sample
		}
		p.bind(t, shape, fmt.Sprint("shape-", i))
		if got := outcome(t, portal, "erin"); got != shape.Application {
			t.Errorf("%s: at an application %s, want %s", shape.Name, got, shape.Application)
		}
		if got := outcome(t, login, "erin", "scope", recoveryScope); got != shape.Recovery {
			t.Errorf("%s: with the recovery scope %s, want %s", shape.Name, got, shape.Recovery)
		}
	}
}

// stock is Keycloak's own browser flow as a client's: a cookie is enough, and the second factor is for those who have one.
const stock = "auth-cookie ALTERNATIVE\n+forms ALTERNATIVE\n  auth-username-password-form REQUIRED\n" +
	"  +stock CONDITIONAL\n    conditional-user-configured REQUIRED\n    auth-otp-form REQUIRED"

// INV-1: where the second factor is one form and nothing beside it, somebody who knows a password enrols an authenticator of their own; and so they
// do, whatever the person has, with the session of a password-only sign-in at a client that has a flow of its own. The doctor finds both, the plan
// closes them, and the same attacks are refused.
func TestRealmAttackFlowsThatEnrol(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	if _, err := p.Add(t.Context(), realm.Person{Name: "frank"}); err != nil {
		t.Fatal(err)
	}
	open(t, p.Realm, "alice")
	p.make(t, flows.Shape{Lines: stock}, "of-portal")
	p.bind(t, flows.Shapes()[1], "campus-browser")
	legacy := rig.NewClient(t, p.Realm, "legacy-app", rig.LegacyRedirect)
	b := rig.NewBrowser(t)
	if got := legacy.SignIn(b, "erin", nil); got.Page != "login-login-config-totp" {
		t.Fatalf("%+v on %s: the hole is not there", got, b.Describe())
	}
	b.SubmitTo("", "totp", thiefsPhone(t, b).Code(), "userLabel", "thief").Follow(legacy.Redirect)
	if got := legacy.Finish(b); got.Acr() != "mfa" {
		t.Fatalf("%+v on %s: the hole is not there", got, b.Describe())
	}
	p.override(t, "portal", p.flow(t, "of-portal"))
	portal := rig.NewClient(t, p.Realm, "portal", rig.PortalRedirect)
	if b := portal.Open(passwordOnly(t, p.Realm), "kc_action", "CONFIGURE_TOTP"); b.Page() != "login-login-config-totp" {
		t.Fatalf("%s: the hole is not there", b.Describe())
	}
	p.found(t, bridge.FindFlowEnrol, bridge.FindFlowOverride, bridge.FindCodesUnused)

	p.apply(t, p.plan(t).Changes())
	if got := outcome(t, legacy, "frank"); got != flows.Refused {
		t.Errorf("after apply: %s", got)
	}
	if holes := openHoles(t, p.Realm, passwordOnly(t, p.Realm)); len(holes) > 0 {
		t.Errorf("after apply, opened with the password only: %s", strings.Join(holes, "; "))
	}
	p.found(t, bridge.FindCodesUnused)
	if left := p.plan(t); !left.Empty() {
		t.Errorf("left:%s", show(left))
	}
}

// found wants the doctor to find this and nothing else.
func (p *patient) found(t *testing.T, want ...bridge.FindingID) {
	t.Helper()
	if found := p.examine(t); !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// plan compares the realm with a safe one.
func (p *patient) plan(t *testing.T) safe.Plan {
	t.Helper()
	s, err := safe.Read(t.Context(), p, wanted(p.Realm))
	if err != nil {
		t.Fatal(err)
	}
	return s.Plan(wanted(p.Realm))
}
