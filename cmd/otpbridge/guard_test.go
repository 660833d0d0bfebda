package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/control"
)

// guarded is a service whose realm is the good one, and the way to make its guard look at once.
func guarded(t *testing.T) (s *served, pages, admin string, seen func(doctor.Report)) {
	t.Helper()
	return guardedBeside(t, nil)
}

// guardedBeside is guarded beside a Keycloak that was prepared.
func guardedBeside(t *testing.T, prepare func(*explained)) (s *served, pages, admin string, seen func(doctor.Report)) {
	t.Helper()
	s = serveProcess(t, "", prepare)
	pages, admin = s.serving()
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	_, store, _ := strings.Cut(string(text), "store: {bolt: ")
	store, _, _ = strings.Cut(store, "}")
	client := control.NewClient(filepath.Clean(store) + ".sock")
	return s, pages, admin, func(r doctor.Report) {
		t.Helper()
		if err := client.Remember(t.Context(), s.kc.URL+"/realms/campus", r); err != nil {
			t.Fatal(err)
		}
	}
}

// OIDC-18, INV-6: an unsafe realm stops new recoveries with true words, an event and a figure; mending it lets them go on, and so does nothing else.
func TestRealmGuardStopsNewRecoveriesUntilTheRealmIsMended(t *testing.T) {
	t.Parallel()
	s, pages, admin, seen := guarded(t)
	start := func(want int, words string) {
		t.Helper()
		if status, body := look(t, "http://"+pages+"/start", "otp.example.ac.jp"); status != want || !strings.Contains(body, words) {
			t.Errorf("/start says %d, want %d and %q", status, want, words)
		}
	}
	start(http.StatusOK, "")
	s.kc.SetRealm(map[string]any{"browserFlow": fakekc.FlowPasswordAlone})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, "no new recovery begins: flow.")
	start(http.StatusServiceUnavailable, "Re-registration is not available now")
	s.said("realm guard: no new recovery begins", "flow.")
	_, metrics := look(t, "http://"+admin+"/metrics", "")
	for _, line := range []string{"otpbridge_guard_stopped 1", `otpbridge_findings\{severity="deadly"\} 1`, `otpbridge_alarms_total\{event="guard.stopped"\} 1`, `otpbridge_audit_bytes [1-9]\d*`} {
		if !regexp.MustCompile("(?m)^" + line + "$").MatchString(metrics) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	s.kc.Down() // no answer is no all-clear
	seen(doctor.Report{})
	start(http.StatusServiceUnavailable, "Re-registration is not available now")
	if err := s.kc.Up(); err != nil {
		t.Fatal(err)
	}
	s.kc.SetRealm(map[string]any{"browserFlow": "otpbridge-browser"})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
	start(http.StatusOK, "")
}

// OIDC-18: every run of the doctor beside the service makes the guard look, one with the service account's rights alone, too.
func TestRealmGuardLooksAfterAPlainRunOfTheDoctor(t *testing.T) {
	t.Parallel()
	s, _, admin, _ := guarded(t)
	s.kc.SetRealm(map[string]any{"browserFlow": fakekc.FlowPasswordAlone})
	if code, results, messages := s.run("doctor", "-c", s.config, "--timeout", "10s"); code != exitFailed || strings.Contains(messages, "could not be kept") {
		t.Fatalf("exit %d: %s%s", code, results, messages)
	}
	readiness(t, admin, http.StatusOK, "no new recovery begins: flow.")
}

// OIDC-18: where no service and no store learns what an administrator's client saw, that is a finding, in the result and in the exit code; beside the service it is
// none, nor for a run that saw nothing to keep. A run that only looks says so, wherever it runs, and that is worth knowing and no more.
func TestDoctorSaysThatNobodyLearnsWhatItSaw(t *testing.T) {
	t.Parallel()
	alone := newExplained(t, "help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}\nstore: {bolt: state.db}\naudit: {file: audit.jsonl}\n")
	beside, _, _, _ := guarded(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("broad-secret-for-tests"), 0o600); err != nil {
		t.Fatal(err)
	}
	client := []string{"--admin-client", fakekc.ClientBroad, "--admin-secret-file", secret}
	for name, x := range map[string]struct {
		at    *explained
		args  []string
		found bridge.FindingID // of what becomes of what was seen
	}{
		"alone":                         {alone, client, bridge.FindDoctorUnkept},
		"alone, without a client":       {alone, nil, ""},
		"alone, a look":                 {alone, append(client, "--look-only"), bridge.FindDoctorLooked},
		"beside the service":            {beside.explained, client, ""},
		"beside the service, to look":   {beside.explained, append(client, "--look-only"), bridge.FindDoctorLooked},
		"beside it, without the client": {beside.explained, nil, ""},
	} {
		code, results, messages := x.at.run(append([]string{"doctor", "-c", x.at.config, "--json", "--timeout", "10s"}, x.args...)...)
		var out doctorResult
		if err := json.Unmarshal([]byte(results), &out); err != nil {
			t.Fatal(err, messages)
		}
		var found bridge.FindingID
		for _, f := range out.Findings {
			if strings.HasPrefix(string(f.ID), "doctor.") {
				found += f.ID
			}
		}
		if found != x.found || found == bridge.FindDoctorUnkept && code != exitFailed || strings.Contains(messages, "could not be kept") != (found == bridge.FindDoctorUnkept) {
			t.Errorf("%s: exit %d: %+v\n%s", name, code, out.Findings, messages)
		}
		if passed := slices.Contains(out.Passed, "doctor"); passed != (x.args != nil && found == "") {
			t.Errorf("%s: passed: %v", name, out.Passed)
		}
	}
}

// OIDC-18: what only an administrator's client may see counts as the doctor saw it last, until it sees that it was mended.
func TestRealmGuardBelievesTheDoctor(t *testing.T) {
	t.Parallel()
	_, _, admin, seen := guarded(t)
	result := doctor.Result{Check: "recovery-scope", Findings: []bridge.Finding{bridge.Found(bridge.FindScopeShared, "portal", "scope", "otp-recovery")}}
	seen(doctor.Report{Results: []doctor.Result{result}})
	readiness(t, admin, http.StatusOK, "no new recovery begins: scope.shared portal")
	// A run that did not get to look says nothing of it.
	seen(doctor.Report{Results: []doctor.Result{{Check: "recovery-scope", Unchecked: &bridge.Unchecked{Why: bridge.UncheckedTime}}, {Check: "clock"}}})
	for range 20 { // looks at once
		readiness(t, admin, http.StatusOK, "no new recovery begins: scope.shared portal")
	}
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, "no new recovery begins: scope.shared portal")
	result.Findings = nil
	seen(doctor.Report{Results: []doctor.Result{result}})
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
}

// OIDC-18, OIDC-22: an identity provider that somebody adds is seen without a run of the doctor.
func TestRealmGuardSeesIdentityProviders(t *testing.T) {
	t.Parallel()
	s, _, admin, seen := guarded(t)
	s.kc.SetRealm(map[string]any{"identityProviders": []map[string]any{{"alias": "partner", "enabled": true}}})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, "no new recovery begins: provider.flow partner")
	s.kc.SetRealm(map[string]any{"identityProviders": nil})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
}

// OIDC-22, OIDC-18: an identity provider is seen however many stand before it, of which Keycloak shows a hundred at a time.
func TestRealmGuardSeesTheLastIdentityProvider(t *testing.T) {
	t.Parallel()
	s, _, admin, seen := guarded(t)
	all := make([]map[string]any, 100, 101)
	for i := range all {
		all[i] = map[string]any{"alias": fmt.Sprintf("member-%03d", i), "enabled": false}
	}
	s.kc.SetRealm(map[string]any{"identityProviders": append(all, map[string]any{"alias": "partner", "enabled": true})})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, "no new recovery begins: provider.flow partner")
}

// OIDC-18, INV-1: without the recovery scope Keycloak asks nobody for a second factor. The service account sees no scopes: the guard takes it from its own
// request, which is refused, and says that, not that Keycloak does not answer; a request that is refused for another reason says nothing.
func TestRealmGuardSeesThatTheRecoveryScopeIsGone(t *testing.T) {
	t.Parallel()
	s, pages, admin, seen := guarded(t)
	s.kc.SetRealm(map[string]any{"recoveryScope": false})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, "no new recovery begins: scope.missing otp-recovery")
	if status, _ := look(t, "http://"+pages+"/start", "otp.example.ac.jp"); status != http.StatusServiceUnavailable {
		t.Errorf("/start says %d", status)
	}
	s.said("realm guard: no new recovery begins", "scope.missing")
	s.kc.SetRealm(map[string]any{"recoveryScope": true})
	seen(doctor.Report{})
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
	s.kc.SetClient(fakekc.Client{ID: fakekc.ClientLogin, Secret: "login-secret-for-tests", Redirects: []string{"https://elsewhere.example.org/"}})
	seen(doctor.Report{})
	for range 20 { // looks at once
		readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
	}
}

// The figures start and idle-memory, and every start beside a busy Keycloak, rest on few calls: those about people, which cost it more than all the
// others, come after the first look and are not repeated with each. That look waits for what tells where people sign in, which comes late here.
func TestRealmGuardCostsKeycloakLittle(t *testing.T) {
	t.Parallel()
	s, _, admin, seen := guardedBeside(t, func(e *explained) {
		e.kc.Inject(fakekc.Fault{Kind: fakekc.Delay, Method: http.MethodGet, Path: "/realms/*/.well-known/openid-configuration", Delay: time.Second})
	})
	about := func(calls []fakekc.Call, what string) (n int) {
		for _, c := range calls {
			if strings.Contains(c.Path, what) {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(time.Minute); about(s.kc.Calls(), "/members") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after the first look nobody sweeps the gate: %v", s.kc.Calls())
		}
	}
	const start, look = 40, 28
	begun := s.kc.Calls()
	if n := len(begun) - about(begun, "/events"); n > start { // events are asked for again and again
		t.Errorf("a start makes %d calls, want at most %d: %v", n, start, begun)
	}
	s.kc.ForgetCalls()
	seen(doctor.Report{Results: []doctor.Result{{
		Check: "recovery-scope", Findings: []bridge.Finding{bridge.Found(bridge.FindScopeShared, "portal", "scope", "otp-recovery")},
	}}})
	readiness(t, admin, http.StatusOK, "no new recovery begins: scope.shared portal")
	calls := s.kc.Calls()
	if n := len(calls) - about(calls, "/events"); n == 0 || n > look {
		t.Errorf("a look makes %d calls, want at most %d: %v", n, look, calls)
	}
	for _, dear := range []string{"/members", "/users/count", "/serverinfo"} {
		if n := about(calls, dear); n > 0 {
			t.Errorf("a look asks for %s", dear)
		}
	}
}
