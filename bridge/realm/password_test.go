package realm_test

import (
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/realm"
)

// known is the good realm in which people are known by other lines.
func known(t *testing.T, lines string) (*realm.State, realm.Asked) {
	t.Helper()
	closed := flows.Shapes()[0].Lines
	_, rest, _ := strings.Cut(closed, "+gate")
	return shaped(t, flows.Shape{Lines: "+who REQUIRED\n  " + strings.ReplaceAll(lines, "\n", "\n  ") + "\n+gate" + rest})
}

const typing = "+forms ALTERNATIVE\n  auth-username-password-form REQUIRED"

// INV-1: a line by which somebody gets through a recovery without the password is named, wherever it stands, and so is one that nobody knows; what only stands beside
// the password is not.
func TestWaysInWithoutThePasswordAreNamed(t *testing.T) {
	t.Parallel()
	const name, word = "+forms ALTERNATIVE\n  auth-username-form REQUIRED\n", "\n    auth-password-form REQUIRED"
	const more, scope = name + "  +more CONDITIONAL\n    ", "conditional-client-scope REQUIRED client_scope=otp-recovery negate="
	for lines, line := range map[string]string{
		typing:                           "",
		name + "  +more REQUIRED" + word: "",
		name + "  auth-password-form REQUIRED\n  user-session-limits REQUIRED":                                                   "",
		"identity-provider-redirector ALTERNATIVE\n" + typing:                                                                    "",
		"+org ALTERNATIVE\n  +if CONDITIONAL\n    conditional-user-configured REQUIRED\n    organization ALTERNATIVE\n" + typing: "",
		"+session ALTERNATIVE\n  auth-cookie REQUIRED\n  user-session-limits REQUIRED\n" + typing:                                "",
		typing + "\n  +robots REQUIRED\n    captcha-one ALTERNATIVE\n    captcha-two ALTERNATIVE":                                "",
		typing + "\n  my-device CONDITIONAL":                                                                                     "",
		"webauthn-authenticator-passwordless ALTERNATIVE\n" + typing:                                                             "",
		"+none ALTERNATIVE\n  deny-access-authenticator REQUIRED\n  my-name REQUIRED\n" + typing:                                 "",
		"my-trusted-header DISABLED\n" + typing:                                                                                  "",
		more + scope + "false" + word:                                                                                            "",
		more + scope + "false\n    my-condition REQUIRED" + word:                                                                 "auth-username-form",
		more + scope + "false\n    conditional-user-configured REQUIRED" + word:                                                  "auth-username-form",
		more + "conditional-credential REQUIRED credentials=password included=false" + word:                                      "auth-username-form",
		more + "my-condition REQUIRED" + word:                                                                                    "auth-username-form",
		more + "conditional-user-configured DISABLED" + word:                                                                     "auth-username-form",
		name + "  +more DISABLED" + word:                                                                                         "auth-username-form",
		name + "  auth-password-form ALTERNATIVE":                                                                                "auth-username-form",
		name + "  ext-email-otp REQUIRED":                                                                                        "auth-username-form",
		"my-trusted-header ALTERNATIVE\n" + typing:                                                                               "my-trusted-header",
		"conditional-trust ALTERNATIVE\n" + typing:                                                                               "conditional-trust",
		"+trust ALTERNATIVE\n  conditional-trust REQUIRED\n" + typing:                                                            "conditional-trust",
		"+magic ALTERNATIVE\n  ext-magic-form REQUIRED\n" + typing:                                                               "ext-magic-form",
		"user-session-limits ALTERNATIVE\n" + typing:                                                                             "user-session-limits",
	} {
		s, a := known(t, "auth-cookie ALTERNATIVE\n"+lines)
		found := realm.Find(s, a)
		switch {
		case line == "" && len(found) > 0:
			t.Errorf("found %+v in\n%s", found, lines)
		case line != "" && (len(found) != 1 || found[0].ID != bridge.FindFlowPassword || found[0].Object != "campus-browser" || found[0].Values["line"] != line):
			t.Errorf("found %+v, want %s in\n%s", found, line, lines)
		}
	}
}

// INV-1: what stands for the password is passed over at a recovery, in the flow that is planned, and nothing else of it changes; a plan for that flow is empty, and
// one that has to build it anew keeps the line. Lines that count together are passed over together. Where no way in is left for a recovery, or one that was made by hand
// would be gone, people decide.
func TestPlanPassesOverWhatStandsForThePassword(t *testing.T) {
	t.Parallel()
	const name = "+forms ALTERNATIVE\n  auth-username-form REQUIRED\n"
	const hand = "+hand ALTERNATIVE\n  +if CONDITIONAL\n    conditional-client-scope REQUIRED client_scope=otp-recovery negate=true\n"
	for lines, want := range map[string]string{
		"ext-magic-form ALTERNATIVE life=5\n" + typing: `
+   otpbridge-browser-ext-magic-form ALTERNATIVE
+     otpbridge-browser-ext-magic-form-unless CONDITIONAL
+       conditional-client-scope REQUIRED client_scope=otp-recovery negate=true
+       otpbridge-browser-ext-magic-form-way REQUIRED
+         ext-magic-form ALTERNATIVE life=5`,
		"+magic ALTERNATIVE\n  ext-magic-form REQUIRED\n  auth-otp-form REQUIRED\n" + typing: `
+       conditional-client-scope REQUIRED client_scope=otp-recovery negate=true`,
		name + "  +either REQUIRED\n    ext-email-otp ALTERNATIVE\n    auth-password-form ALTERNATIVE": `
+             ext-email-otp ALTERNATIVE`,
		typing + "\n  +robots REQUIRED\n    captcha-one ALTERNATIVE\n    captcha-two ALTERNATIVE\nmy-header ALTERNATIVE": `
+       captcha-one ALTERNATIVE`,
		hand + "    +way REQUIRED\n      auth-username-form REQUIRED\n      ext-email-otp REQUIRED\n" + typing: `
+       conditional-client-scope REQUIRED client_scope=otp-recovery negate=true
+       otpbridge-browser-browser-way-way REQUIRED
+         otpbridge-browser-browser-way ALTERNATIVE
+           auth-username-form REQUIRED
+           ext-email-otp REQUIRED
+   otpbridge-browser-`,
		hand + "    +way REQUIRED\n      +some CONDITIONAL\n        conditional-user-role REQUIRED condUserRole=staff\n        ext-magic REQUIRED\n" + typing: `
+         otpbridge-browser-browser-way ALTERNATIVE
+           otpbridge-browser-browser-some CONDITIONAL
+             conditional-user-role REQUIRED condUserRole=staff
+             ext-magic REQUIRED
+   otpbridge-browser-`,
		hand + "    ext-magic ALTERNATIVE\n" + typing:                               "flow_scoped ext-magic",
		hand + "    auth-username-form REQUIRED\n    ext-magic REQUIRED\n" + typing: "flow_scoped auth-username-form",
		hand + "    +way ALTERNATIVE\n      my-condition REQUIRED\n" + typing:       "flow_scoped my-condition",
		name + "  auth-otp-form REQUIRED":                                           "flow_typed",
		name + "  +second REQUIRED\n    auth-otp-form ALTERNATIVE":                  "flow_typed",
		name + "  ext-email-otp REQUIRED\nauth-spnego ALTERNATIVE":                  "flow_typed",
		"my-header REQUIRED":                       "flow_untyped",
		"identity-provider-redirector ALTERNATIVE": "identity-provider-redirector ALTERNATIVE",
		name + "  auth-otp-form REQUIRED\nidentity-provider-redirector ALTERNATIVE": "identity-provider-redirector ALTERNATIVE",
		"auth-x509-client-username-form ALTERNATIVE\nmy-header ALTERNATIVE":         "auth-x509-client-username-form ALTERNATIVE",
	} {
		s, w := plain(t)
		i := slices.IndexFunc(s.Flows, func(f realm.Flow) bool { return f.Alias == "browser" })
		s.Flows[i] = read(t, flows.Shape{Lines: "auth-cookie ALTERNATIVE\n" + lines}.Tree("browser"))
		p := s.Plan(w)
		if strings.HasPrefix(want, "flow_") {
			if !slices.ContainsFunc(p.Obstacles, func(o realm.Obstacle) bool {
				return o.Kind == realm.ObstacleFlow && (o.Say.Name == want || o.Say.Name+" "+o.Say.About[2] == want)
			}) {
				t.Errorf("obstacles %+v, want %s:\n%s", p.Obstacles, want, lines)
			}
			continue
		}
		got := flowOf(t, p, "otpbridge-browser")
		if !strings.Contains(got, want) {
			t.Errorf("%s\nbecomes\n%s", lines, got)
		}
		again(t, s, w, p, strings.Count(got, "negate=true"))
	}
}

// again wants a plan for the planned flow to leave it alone, and one for that flow without its second factor to pass over as much of it.
func again(t *testing.T, s *realm.State, w realm.Wanted, p realm.Plan, passed int) {
	t.Helper()
	made := readText(t, "otpbridge-browser", p.Steps[at(p, "flow otpbridge-browser")].Will)
	s.Flows = append(s.Flows, made)
	s.Settings["browserFlow"] = "otpbridge-browser"
	if p := s.Plan(w); at(p, "flow otpbridge-browser-2") >= 0 {
		t.Errorf("the plan is not empty:\n%s", flowOf(t, p, "otpbridge-browser-2"))
	}
	s.Flow("otpbridge-browser").Walk(true, func(e *realm.Execution) {
		if e.Sub != nil && strings.HasSuffix(e.Sub.Alias, "-2fa") {
			e.Requirement = "DISABLED"
		}
	})
	if got := flowOf(t, s.Plan(w), "otpbridge-browser-2"); strings.Count(got, "negate=true") != passed || strings.Contains(got, "-2-otpbridge") {
		t.Errorf("built anew:\n%s", got)
	}
}

// INV-1: so is what an earlier plan kept in a flow of ours: another one is built out of that, in which the rest is as it was and nobody is locked out.
func TestPlanPassesOverWhatAnEarlierOneKept(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"auth-username-form", "ext-magic-form"} {
		s, a := plannable(t)
		s.Flow("otpbridge-browser").Walk(true, func(e *realm.Execution) {
			if e.Sub != nil && e.Sub.Alias == "otpbridge-browser-who" {
				e.Sub.Steps = append(slices.Clone(e.Sub.Steps), realm.Execution{Requirement: "ALTERNATIVE", Provider: provider})
			}
		})
		before := s.Plan(a.Wanted)
		want := strings.ReplaceAll(`
+   otpbridge-browser-2-WAY ALTERNATIVE
+     otpbridge-browser-2-WAY-unless CONDITIONAL
+       conditional-client-scope REQUIRED client_scope=otp-recovery negate=true
+       otpbridge-browser-2-WAY-way REQUIRED
+         WAY ALTERNATIVE
+ otpbridge-browser-2-gate CONDITIONAL`, "WAY", provider)
		if got := flowOf(t, before, "otpbridge-browser-2"); !strings.Contains(got, want) || before.LocksOut || len(before.Obstacles) > 0 {
			t.Errorf("locks out %v, obstacles %+v:\n%s", before.LocksOut, before.Obstacles, got)
		}
		s.Flows = append(s.Flows, readText(t, "otpbridge-browser-2", before.Steps[at(before, "flow otpbridge-browser-2")].Will))
		s.Settings["browserFlow"] = "otpbridge-browser-2"
		if found := realm.Find(s, a); len(found) > 0 || at(s.Plan(a.Wanted), "realm setting browserFlow") >= 0 {
			t.Errorf("found %+v, or more is planned", found)
		}
	}
}

// A flow that asks for no password is no safe one that only has to be bound.
func TestAFlowWithoutThePasswordIsNotOfferedForBinding(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	line(s, "otpbridge-browser-forms", "auth-username-password-form").Provider = "auth-username-form"
	s.Settings["browserFlow"] = "browser"
	if found := ids(realm.Find(s, a)); !slices.Equal(found, []bridge.FindingID{bridge.FindFlowOpen}) {
		t.Errorf("found %v", found)
	}
}
