package realm_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/realm"
)

// read is a flow as it is read from Keycloak.
func read(t *testing.T, tree *realm.Tree) realm.Flow {
	t.Helper()
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return readText(t, tree.Alias, text)
}

func readText(t *testing.T, alias string, text []byte) realm.Flow {
	t.Helper()
	f := realm.Flow{}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	f.ID, f.Provider = "id of "+alias, "basic-flow"
	return f
}

// plannable is the good realm, as a plan can be made for it.
func plannable(t *testing.T) (*realm.State, realm.Asked) {
	t.Helper()
	s, a := campus(t)
	s.Authenticators = []string{"conditional-client-scope"} // of the server that it was recorded on
	a.LoginSecret, a.AdminSecret, a.Codes = "kept elsewhere", "kept elsewhere", false
	return s, a
}

// shaped is the good realm, with a flow of a shape bound.
func shaped(t *testing.T, shape flows.Shape) (*realm.State, realm.Asked) {
	t.Helper()
	s, a := plannable(t)
	s.Flows = slices.DeleteFunc(s.Flows, func(f realm.Flow) bool { return f.Alias == "otpbridge-browser" })
	s.Flows = append(s.Flows, read(t, shape.Tree("campus-browser")))
	s.Settings["browserFlow"] = "campus-browser"
	return s, a
}

// INV-1: a flow in which the password alone lets somebody in, or has them set up a second factor, has its finding, by name.
func TestEachShapeOfAFlowIsJudged(t *testing.T) {
	t.Parallel()
	for _, shape := range flows.Shapes() {
		s, a := shaped(t, shape)
		found := ids(realm.Find(s, a))
		slices.Sort(found)
		if want := slices.Sorted(slices.Values(shape.Found)); !slices.Equal(found, want) {
			t.Errorf("%s: found %v, want %v", shape.Name, found, want)
		}
		if shape.Unsafe() && len(shape.Found) == 0 {
			t.Errorf("%s: Keycloak has %s and %s, and nothing is found", shape.Name, shape.Application, shape.Recovery)
		}
	}
}

// INV-1: what the doctor finds in a flow, the plan mends, or says that somebody has to decide.
func TestPlanMendsEachShapeOfAFlow(t *testing.T) {
	t.Parallel()
	mended := 0
	for _, shape := range flows.Shapes() {
		s, a := shaped(t, shape)
		p := s.Plan(a.Wanted)
		i := at(p, "flow otpbridge-browser")
		planned := slices.DeleteFunc(slices.Clone(shape.Found), func(id bridge.FindingID) bool { return id == bridge.FindFlowCertificate }) // people decide that
		switch {
		case len(p.Obstacles) > 0:
			if len(planned) == 0 {
				t.Errorf("%s: obstacles %v", shape.Name, p.Obstacles)
			}
		case i < 0:
			if len(planned) > 0 {
				t.Errorf("%s: nothing is planned against %v", shape.Name, planned)
			}
		case len(planned) == 0:
			t.Errorf("%s: would be changed:\n%s", shape.Name, strings.Join(p.Steps[i].Lines(), "\n"))
		default:
			mended++
			s.Flows = append(s.Flows, readText(t, "otpbridge-browser", p.Steps[i].Will))
			s.Settings["browserFlow"] = "otpbridge-browser"
			if found := realm.Find(s, a); len(found) > 0 {
				t.Errorf("%s: mended, and found %+v in:\n%s", shape.Name, found, strings.Join(p.Steps[i].Lines(), "\n"))
			}
		}
	}
	if mended < 15 {
		t.Errorf("%d shapes were mended", mended)
	}
}

// A certificate that stands for the password at a recovery, too, is named by the flow that is bound; a flow that takes one and that nobody is led to is not.
func TestACertificateForThePasswordIsNamed(t *testing.T) {
	t.Parallel()
	const card = "auth-x509-client-username-form ALTERNATIVE"
	s, a := shaped(t, flows.Shape{Lines: strings.Replace(flows.Shapes()[0].Lines, "auth-cookie ALTERNATIVE", "auth-cookie ALTERNATIVE\n  "+card, 1)})
	if found := realm.Find(s, a); !slices.EqualFunc(found, []string{"campus-browser"}, func(f bridge.Finding, flow string) bool {
		return f.ID == bridge.FindFlowCertificate && f.Object == flow && f.Severity == bridge.Warning
	}) {
		t.Errorf("found %+v", found)
	}
	s, a = shaped(t, flows.Shapes()[0])
	s.Flows = append(s.Flows, read(t, flows.Shape{Lines: card}.Tree("of nobody")))
	if found := realm.Find(s, a); len(found) > 0 {
		t.Errorf("in a flow of nobody: found %+v", found)
	}
}

// override is the good realm in which the portal has a flow of a shape.
func override(t *testing.T, lines string) (*realm.State, realm.Asked) {
	t.Helper()
	s, a := plannable(t)
	f := read(t, flows.Shape{Lines: lines}.Tree("of-portal"))
	s.Flows = append(s.Flows, f)
	s.Client("portal").Overrides = map[string]string{"browser": f.ID}
	return s, a
}

// INV-1: a client's own flow that a password gets through, or the cookie of a password-only sign-in, has its finding, and the plan takes it off.
func TestClientsOwnFlows(t *testing.T) {
	t.Parallel()
	closed := flows.Shapes()[0].Lines
	for name, tc := range map[string]struct {
		lines string
		want  []bridge.FindingID
	}{
		"password":                          {"auth-username-password-form REQUIRED", []bridge.FindingID{bridge.FindFlowOverride}},
		"cookie, or password and code":      {"auth-cookie ALTERNATIVE\n+forms ALTERNATIVE\n  auth-username-password-form REQUIRED\n  +ways REQUIRED\n    auth-otp-form ALTERNATIVE", []bridge.FindingID{bridge.FindFlowOverride}},
		"Keycloak's own":                    {"auth-cookie ALTERNATIVE\n+forms ALTERNATIVE\n  auth-username-password-form REQUIRED\n  +stock CONDITIONAL\n    conditional-user-configured REQUIRED\n    auth-otp-form REQUIRED", []bridge.FindingID{bridge.FindFlowOverride}},
		"cookie, or an identity provider":   {"auth-cookie ALTERNATIVE\nidentity-provider-redirector ALTERNATIVE", []bridge.FindingID{bridge.FindFlowOverride}},
		"password and lone form":            {"auth-username-password-form REQUIRED\nauth-otp-form REQUIRED", []bridge.FindingID{bridge.FindFlowEnrol}},
		"password and code each time":       {"auth-username-password-form REQUIRED\n+ways REQUIRED\n  auth-otp-form ALTERNATIVE", nil},
		"identity provider each time":       {"identity-provider-redirector REQUIRED", nil},
		"certificate each time":             {"auth-x509-client-username-form REQUIRED", nil},
		"fail-closed":                       {closed, nil},
		"fail-closed without the exception": {strings.Replace(closed, "  conditional-client-scope REQUIRED client_scope=otp-recovery negate=true\n", "", 1), nil},
	} {
		s, a := override(t, tc.lines)
		if found := ids(realm.Find(s, a)); !slices.Equal(found, tc.want) {
			t.Errorf("%s: found %v, want %v", name, found, tc.want)
		}
		if planned := at(s.Plan(a.Wanted), "settings of client portal") >= 0; planned != (tc.want != nil) {
			t.Errorf("%s: planned %v", name, planned)
		}
	}
}

// INV-1: flows that stand for the browser flow elsewhere have nobody set up a second factor either, and the plan mends them.
func TestLoneFormsInOtherFlowsAreMended(t *testing.T) {
	t.Parallel()
	const lone = "auth-otp-form REQUIRED"
	for name, do := range map[string]func(*realm.State, *realm.Asked, string){
		"first sign-in from an identity provider": func(s *realm.State, _ *realm.Asked, alias string) {
			s.Providers = append(s.Providers, asking(realm.Provider{Alias: "idp", Enabled: true, FirstFlow: alias, PostFlow: "otpbridge-browser"}))
		},
		"forgotten passwords": func(s *realm.State, a *realm.Asked, alias string) {
			s.Settings["resetPasswordAllowed"], s.Settings["resetCredentialsFlow"], a.Reset = true, alias, bridge.ResetDesk
		},
	} {
		s, a := plannable(t)
		s.Flows = append(s.Flows, read(t, flows.Shape{Lines: lone}.Tree("theirs")))
		do(s, &a, "theirs")
		if found := realm.Find(s, a); len(found) != 1 || found[0].ID != bridge.FindFlowEnrol || found[0].Object != "theirs" {
			t.Errorf("%s: found %+v", name, found)
		}
		p := s.Plan(a.Wanted)
		i := at(p, "flow otpbridge-theirs")
		if i < 0 {
			t.Errorf("%s: nothing is planned: %+v", name, p)
			continue
		}
		mended := readText(t, "otpbridge-theirs", p.Steps[i].Will)
		s, a = campus(t)
		s.Flows = append(s.Flows, mended)
		do(s, &a, "otpbridge-theirs")
		if found := realm.Find(s, a); len(found) > 0 {
			t.Errorf("%s: mended, and found %+v", name, found)
		}
	}
}

// INV-1: so has a provider's flow after the sign-in; it is the administrators' own, so that they have to take it out.
func TestLoneFormAfterAProviderIsNamed(t *testing.T) {
	t.Parallel()
	s, a := plannable(t)
	lone := flows.Shapes()[1]
	s.Flows = append(s.Flows, read(t, lone.Tree("theirs")))
	s.Providers = append(s.Providers, asking(realm.Provider{Alias: "idp", Enabled: true, FirstFlow: "direct grant", PostFlow: "theirs"}))
	if found := ids(realm.Find(s, a)); !slices.Equal(found, []bridge.FindingID{bridge.FindFlowEnrol}) {
		t.Errorf("found %v", found)
	}
	if p := s.Plan(a.Wanted); !slices.Contains(p.Obstacles, realm.Obstacle{Kind: realm.ObstaclePostFlow, What: "idp: theirs"}) {
		t.Errorf("obstacles %v", p.Obstacles)
	}
}

// Direct grants: Keycloak's own flow asks whoever has an authenticator; what hangs on another condition asks only some.
func TestDirectGrantsWantACodeOfEverybodyWhoHasOne(t *testing.T) {
	t.Parallel()
	const typed = "direct-grant-validate-username REQUIRED\ndirect-grant-validate-password REQUIRED\n"
	for lines, open := range map[string]bool{
		"":                                   true,
		"direct-grant-validate-otp REQUIRED": false,
		"deny-access-authenticator REQUIRED": false,
		"+more CONDITIONAL\n  conditional-user-configured REQUIRED\n  direct-grant-validate-otp REQUIRED":                                                      false,
		"+all REQUIRED\n  +more CONDITIONAL\n    conditional-user-configured REQUIRED\n    direct-grant-validate-otp REQUIRED":                                 false,
		"+more CONDITIONAL\n  conditional-user-configured REQUIRED\n  direct-grant-validate-otp DISABLED":                                                      true,
		"+more CONDITIONAL\n  direct-grant-validate-otp REQUIRED":                                                                                              true,
		"+more CONDITIONAL\n  conditional-user-configured DISABLED\n  direct-grant-validate-otp REQUIRED":                                                      true,
		"+more CONDITIONAL\n  conditional-user-role REQUIRED condUserRole=staff\n  direct-grant-validate-otp REQUIRED":                                         true,
		"+more CONDITIONAL\n  conditional-user-configured REQUIRED\n  conditional-user-role REQUIRED condUserRole=staff\n  direct-grant-validate-otp REQUIRED": true,
		"+none CONDITIONAL\n  conditional-user-role REQUIRED condUserRole=guest\n  deny-access-authenticator REQUIRED":                                         true,
		"+off DISABLED\n  deny-access-authenticator REQUIRED":                                                                                                  true,
	} {
		s, a := plannable(t)
		s.Flows = append(s.Flows, read(t, flows.Shape{Lines: strings.TrimSpace(typed + lines)}.Tree("grants")))
		s.Settings["directGrantFlow"] = "grants"
		if found := slices.Contains(ids(realm.Find(s, a)), bridge.FindGrantOpen); found != open {
			t.Errorf("found %v, want %v:\n%s", found, open, lines)
		}
	}
}
