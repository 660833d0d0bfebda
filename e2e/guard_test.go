package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/e2e/rig"
	"otpbridge/templates"
)

// examination is what `otpbridge doctor --json` says.
type examination struct {
	Findings  []bridge.Finding
	Unchecked []struct{ Check, Why, Needs string }
	Passed    []string
}

func (e examination) unchecked(check, why string) bool {
	return slices.ContainsFunc(e.Unchecked, func(u struct{ Check, Why, Needs string }) bool { return u.Check == check && u.Why == why })
}

// knowsVersion reports whether the server's version was looked up in the table of holes.
func (e examination) knowsVersion() bool {
	return slices.Contains(e.Passed, "version") || slices.ContainsFunc(e.Findings, func(f bridge.Finding) bool { return f.ID == bridge.FindKeycloakHole })
}

// mustBeNamed wants a name for people for whatever was looked at.
func (e examination) mustBeNamed(t *testing.T) {
	t.Helper()
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	checks := slices.Clone(e.Passed)
	for _, u := range e.Unchecked {
		checks = append(checks, u.Check)
	}
	for _, check := range checks {
		if !slices.Contains(texts.Checks(), check) {
			t.Errorf("the check %s has no name", check)
		}
	}
}

// runDoctor runs the command beside a running product, which is told env.
func runDoctor(t *testing.T, b *rig.Bridge, env []string, args ...string) (e examination, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), rig.Binary(t), append([]string{"doctor", "-c", b.Config, "--json", "--timeout", "25s"}, args...)...)
	cmd.Env = append(b.Replicas[0].Env(), env...)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	if jsonErr := json.Unmarshal(out.Bytes(), &e); jsonErr != nil {
		t.Fatal(jsonErr, err, messages.String())
	}
	return e, cmd.ProcessState.ExitCode()
}

// examined runs the doctor until Keycloak answers everything in time: on a busy machine it does not always. Of what is slow not all may in one run;
// each has to come to its end in some run, and find nothing.
func examined(t *testing.T, b *rig.Bridge, env []string, args ...string) (e examination, code int) {
	t.Helper()
	left := slowChecks()
	rig.EventuallyWithin(t, 4*rig.Patience, "Keycloak answers everything in time", func() bool { // a look alone takes up to 25 s
		e, code = runDoctor(t, b, env, args...)
		late := []string{}
		over := slices.Clone(e.Passed)
		for _, u := range e.Unchecked {
			switch {
			case u.Why != bridge.UncheckedTime && u.Why != bridge.UncheckedAnswer:
				over = append(over, u.Check)
			case !slow(u.Check):
				late = append(late, u.Check+" "+u.Why+" "+u.Needs)
			}
		}
		left = slices.DeleteFunc(left, func(check string) bool { return slices.Contains(over, check) })
		if len(late)+len(left) > 0 {
			t.Logf("not answered in time: %v, and of the slow ones %v: %+v", late, left, e.Unchecked)
		}
		return len(late)+len(left) == 0
	})
	return e, code
}

func slow(check string) bool { return slices.Contains(slowChecks(), check) }

// slowChecks list people with fine-grained permissions, which a busy Keycloak does not always do in five seconds.
func slowChecks() []string { return []string{"gate-members", "rights", "reach", "groups"} }

// administrator makes a client that may do everything in the realm, and the file with its secret.
func administrator(t *testing.T, c *rig.Campus) []string {
	t.Helper()
	must := func(call string, body, out any) {
		t.Helper()
		if err := c.Do(t.Context(), call, body, out); err != nil {
			t.Fatal(err)
		}
	}
	var client, management []object
	var account, role object
	must("POST /clients", object{"clientId": "doctor", "secret": "doctor-secret", "serviceAccountsEnabled": true, "standardFlowEnabled": false}, nil)
	must("GET /clients?clientId=doctor", nil, &client)
	must("GET /clients?clientId=realm-management", nil, &management)
	must("GET /clients/"+idOf(client[0])+"/service-account-user", nil, &account)
	must("GET /clients/"+idOf(management[0])+"/roles/realm-admin", nil, &role)
	must("POST /users/"+idOf(account)+"/role-mappings/clients/"+idOf(management[0]), []object{role}, nil)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("doctor-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--admin-client", "doctor", "--admin-secret-file", file}
}

// ofTheTests reports whether a finding is true of the tests' realm, which apply did not make and nobody audits, and of their server; what DNS says is not ours.
func ofTheTests(f bridge.Finding) bool {
	always := []bridge.FindingID{bridge.FindEventsDetails, bridge.FindKeycloakHole, bridge.FindRealmBlocked, bridge.FindRealmDiffers}
	return slices.Contains(always, f.ID) || strings.HasPrefix(string(f.ID), "mail.") || f.ID == bridge.FindLoginRoles && f.Object == "otp-auditor"
}

// OPS-09, OIDC-18: beside a running product on a real Keycloak the doctor sees all with an administrator's client, says what it may not see
// without one, and never "ok"; the guard stops new recoveries when the flow is unbound, an identity provider leads past it, a client policy puts another in its
// place, people edit the address that counts (WB-14), the PAR lock is gone or events are off, and lets them go on when that is mended.
func TestRealmDoctorAndGuardOfARunningProduct(t *testing.T) {
	t.Parallel()
	c := rig.NewCampus(t)
	b := rig.StartBridge(t, rig.Setup{Campus: c, Mailbox: rig.NewMailbox(t), Change: func(s map[string]any) { s["guard_every"] = "5s" }})
	version := rig.Version(t)
	e, _ := examined(t, b, []string{"OTPBRIDGE_KEYCLOAK_VERSION=" + version})
	for _, check := range []string{"login-client", "flow-overrides", "recovery-scope"} {
		if slices.Contains(e.Passed, check) || !slices.ContainsFunc(e.Unchecked, func(u struct{ Check, Why, Needs string }) bool {
			return u.Check == check && u.Why == bridge.UncheckedRights && strings.HasPrefix(u.Needs, "view-")
		}) {
			t.Errorf("the service account does not see %s: %+v", check, e)
		}
	}
	if !slices.Contains(e.Passed, "directories") {
		t.Errorf("the service account does not see the user federations: %+v", e)
	}
	if !e.knowsVersion() {
		t.Errorf("the version that the configuration tells was not looked up: %+v", e)
	}
	e, code := examined(t, b, nil, administrator(t, c)...)
	hidden := bridge.ParseRelease(version).Before(bridge.Release{26, 5}) // then only those who manage the whole server see it
	if hidden != e.unchecked("version", bridge.UncheckedUnknown) || hidden == e.knowsVersion() {
		t.Errorf("version %s for an administrator of the realm: %+v", version, e)
	}
	e.mustBeNamed(t)
	for _, f := range e.Findings {
		if !ofTheTests(f) {
			t.Errorf("found in the good realm: %+v", f)
		}
	}
	for _, u := range e.Unchecked {
		if !strings.HasPrefix(u.Check, "mail-d") && u.Check != "applications" && u.Needs != "version_hidden" && !slow(u.Check) {
			t.Errorf("not checked: %+v", u)
		}
	}
	for _, passed := range []string{"base-url", "store", "par-extra", "par-plain", "par-scope", "administrators", "flow-overrides", "mail-server", "replicas"} {
		if !slices.Contains(e.Passed, passed) {
			t.Errorf("%s did not pass: exit %d, %+v", passed, code, e)
		}
	}
	s := &site{t: t, campus: c, bridge: b}
	s.guardStops()
}

// guardStops breaks the realm beside a running product in one way after the other, each at the moment when the one before is mended, and wants new recoveries
// to stop for each, by its name in the trail, and to go on when all is well.
func (s *site) guardStops() {
	t := s.t
	t.Helper()
	var policies any
	var profile, own object
	s.keycloak("GET /client-policies/policies", nil, &policies)
	s.keycloak("GET /users/profile", nil, &profile)
	s.keycloak("GET /users/profile", nil, &own)
	ownAddresses(own)
	last := func() (e auditEvent) {
		s.trailHas(func(one auditEvent) bool {
			if strings.HasPrefix(one.Event, "guard.") {
				e = one
			}
			return false
		})
		return e
	}
	ways := []bridge.FindingID{
		bridge.FindFlowUnbound, bridge.FindProviderFlow, bridge.FindFlowEnforced, bridge.FindProfileAddress, bridge.FindParPolicy, bridge.FindEventsOff,
	}
	stops := func(why bridge.FindingID) {
		t.Helper()
		var e auditEvent
		rig.Eventually(t, "the guard stops new recoveries for "+string(why), func() bool {
			e = last()
			named := slices.DeleteFunc(slices.Clone(ways), func(id bridge.FindingID) bool { return !strings.Contains(e.Detail["findings"], string(id)) })
			return e.Event == "guard.stopped" && slices.Equal(named, []bridge.FindingID{why}) && startStatus(t, s.bridge.URL) == http.StatusServiceUnavailable
		})
		t.Logf("the guard says %s", e.Detail["findings"])
	}
	goesOn := func() {
		t.Helper()
		rig.Eventually(t, "recoveries go on", func() bool { return last().Event == "guard.resumed" && startStatus(t, s.bridge.URL) == http.StatusOK })
	}
	s.keycloak("PUT ", object{"browserFlow": "browser"}, nil)
	stops(bridge.FindFlowUnbound)
	s.keycloak("PUT ", object{"browserFlow": "otpbridge-browser"}, nil)
	goesOn()
	s.keycloak("POST /partialImport", object{"ifResourceExists": "FAIL", "identityProviders": members()}, nil)
	s.keycloak("POST /identity-provider/instances", unguarded(), nil) // behind a page of others
	stops(bridge.FindProviderFlow)
	mend := enforced(s.keycloak)
	s.keycloak("DELETE /identity-provider/instances/idp", nil, nil)
	stops(bridge.FindFlowEnforced)
	s.keycloak("PUT /users/profile", own, nil)
	mend()
	stops(bridge.FindProfileAddress)
	s.keycloak("PUT /client-policies/policies", object{"policies": []any{}}, nil)
	s.keycloak("PUT /users/profile", profile, nil)
	stops(bridge.FindParPolicy)
	s.keycloak("PUT ", object{"eventsEnabled": false}, nil)
	s.keycloak("PUT /client-policies/policies", policies, nil)
	stops(bridge.FindEventsOff)
	s.keycloak("PUT ", object{"eventsEnabled": true}, nil)
	goesOn()
}

// unguarded is an identity provider as somebody adds it who does not know of the flow after it.
func unguarded() object {
	return object{"alias": "idp", "providerId": "keycloak-oidc", "enabled": true, "config": object{
		"clientId": "x", "clientSecret": "x", "authorizationUrl": "https://idp.example.org/a", "tokenUrl": "https://idp.example.org/t", "prompt": "login",
	}}
}

// members are as many identity providers, switched off, as Keycloak lists to who names no number, and stand before the unguarded one.
func members() []object {
	all := make([]object, 100)
	for i := range all {
		all[i] = unguarded()
		all[i]["alias"], all[i]["enabled"] = fmt.Sprintf("a%02d", i), false
	}
	return all
}

func startStatus(t *testing.T, base string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/start", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}
