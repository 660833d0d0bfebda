package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realkc"
	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
	"otpbridge/e2e/rig"
)

// realmCommand runs `otpbridge realm` with a client of the realm's own that may change it.
func (s *site) realmCommand(args ...string) said {
	s.t.Helper()
	return s.runs(s.realmProcess(args...))
}

func (s *site) runs(cmd *exec.Cmd) said {
	s.t.Helper()
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return said{out.String(), messages.String(), cmd.ProcessState.ExitCode()}
}

// realmProcess is the process of such a command, not yet begun.
func (s *site) realmProcess(args ...string) *exec.Cmd {
	s.t.Helper()
	return s.realmProcessOf(realm.PreparerSecret, append(args, "--admin-client", realm.Preparer, "--admin-realm", s.campus.Name)...)
}

func (s *site) realmProcessOf(secret string, args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), rig.Binary(s.t), append([]string{"--lang=en", "realm"}, append(args, "-c", s.bridge.Config)...)...)
	cmd.Env, cmd.Dir = s.bridge.Replicas[0].Env(), filepath.Dir(s.bridge.Config)
	cmd.Stdin = strings.NewReader(secret + "\n")
	return cmd
}

// mustOfMaster is must with the client of master that `kc.sh bootstrap-admin service` makes.
func (s *site) mustOfMaster(code int, args ...string) said {
	s.t.Helper()
	got := s.runs(s.realmProcessOf(realkc.BootstrapSecret, append(args, "--admin-client", realkc.BootstrapClient)...))
	if got.code != code {
		s.t.Fatalf("realm %s with a client of master: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got.code, code, got.out, got.err)
	}
	return got
}

// must wants a command to end with a code.
func (s *site) must(code int, args ...string) said {
	s.t.Helper()
	got := s.realmCommand(args...)
	if got.code != code {
		s.t.Fatalf("realm %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got.code, code, got.out, got.err)
	}
	return got
}

// doctorSays waits until the doctor says something, with the client that changes the realm: on a busy machine Keycloak does not always answer in time. Without
// the version, which 26.4 shows an administrator of master only, it makes no plan and says so.
func (s *site) doctorSays(what string, says func(examination) bool) {
	s.t.Helper()
	secret := filepath.Join(s.t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(realm.PreparerSecret+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	rig.EventuallyWithin(s.t, 4*rig.Patience, "the doctor says that the realm "+what, func() bool {
		e, _ := runDoctor(s.t, s.bridge, nil, "--admin-client", realm.Preparer, "--admin-secret-file", secret)
		s.t.Logf("%+v", e)
		return says(e) || slices.ContainsFunc(e.Unchecked, func(u struct{ Check, Why, Needs string }) bool {
			return u.Check == "realm-plan" && u.Needs == "version_hidden"
		})
	})
}

// writeGate writes the id of the gate group into the configuration, as apply says.
func (s *site) writeGate(text string) {
	s.t.Helper()
	_, rest, found := strings.Cut(text, "gate_group: ")
	if !found {
		s.t.Fatalf("apply does not say the gate group: %s", text)
	}
	var settings map[string]any
	file, err := os.ReadFile(s.bridge.Config)
	if err == nil {
		err = json.Unmarshal(file, &settings)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	signIn, _ := settings["sign_in"].(map[string]any)
	signIn["gate_group"] = strings.Fields(rest)[0]
	if file, err = json.Marshal(settings); err == nil {
		err = os.WriteFile(s.bridge.Config, file, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.campus.ReadGroups(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if s.campus.GateGroup != signIn["gate_group"] {
		s.t.Errorf("apply says the gate group is %v, it is %s", signIn["gate_group"], s.campus.GateGroup)
	}
}

// clientsByHand makes clients of our names, as somebody in a hurry would.
func (s *site) clientsByHand() {
	s.t.Helper()
	for _, c := range []map[string]any{
		{
			"clientId": realm.LoginClient, "publicClient": true, "directAccessGrantsEnabled": true, "redirectUris": []string{"*"}, "webOrigins": []string{"*"},
			"consentRequired": true, "attributes": map[string]string{"oauth2.device.authorization.grant.enabled": "true", "access.token.lifespan": "99"},
			"protocolMappers": []map[string]any{{
				"name": "realm roles", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper", // not what that name says
				"config": map[string]string{"claim.name": "roles", "claim.value": "student", "jsonType.label": "String", "id.token.claim": "true"},
			}},
		},
		{"clientId": s.campus.AdminClient, "secret": "by-hand-secret-for-tests", "redirectUris": []string{s.campus.AppURL + "/*"}},
	} {
		s.keycloak("POST /clients", c, nil)
	}
}

// Issue 6, OPS-12 on each line of Keycloak: a realm made by hand, with people of its own and of a directory, Kerberos, an identity provider, three
// applications and careless clients of our names, is made ready by plan and apply, a recovery works in it, every attack on a sign-in with the password alone
// is closed there, and undo makes it what it was.
func TestJourneyRealmPreparedAndLeft(t *testing.T) {
	t.Parallel()
	s := unprepared(t, settings("keycloak", "password_reset", "desk"))
	s.mailsFromKeycloak()
	s.codesByHand()
	s.directoryByHand()
	partners := rig.NewPartner(t, s.campus.Realm, "alice", "paula", "grace")
	s.clientsByHand()
	before := export(t, s.campus.Realm)
	s.mustOfferKerberos()

	planned := s.must(1, "plan", "--theme", "otp-recovery")
	for _, want := range []string{"+ otpbridge-browser-2fa CONDITIONAL", "auth-spnego ALTERNATIVE", "identity provider partner", "+ scopes = view-members, manage-members", "text ja otpRecoveryUrl"} {
		if !strings.Contains(planned.out, want) {
			t.Errorf("the plan lacks %q:\n%s", want, planned.out)
		}
	}
	if d := cmp.Diff(before, export(t, s.campus.Realm)); d != "" {
		t.Errorf("plan changed the realm:\n%s", d)
	}
	if plan := s.planJSON(1, "--theme", "otp-recovry"); plan.Safe || !slices.Equal(plan.Obstacles, []safe.Obstacle{{Kind: safe.ObstacleTheme, What: "otp-recovry"}}) ||
		!slices.ContainsFunc(plan.Steps, func(step planStep) bool {
			return step.Kind == safe.KindSetting && step.Name == "browserFlow" && step.Reason == safe.ReasonFlow && slices.Contains(step.Diff, "+ otpbridge-browser")
		}) {
		t.Errorf("a mistyped theme: %+v", plan)
	}
	s.administratorEnabled(false)
	if refused := s.must(1, "apply"); !strings.Contains(refused.out, "could sign in afterwards") || !strings.Contains(refused.out, realm.Administrator) {
		t.Errorf("apply without an administrator who gets in: %s", refused.out)
	}
	s.administratorEnabled(true)
	applied := s.mustOfMaster(0, "apply", "--theme", "otp-recovery", "--undo-file", "undo.jsonl") // the plan was another client's
	if applied.out != planned.out {
		t.Errorf("apply shows another plan: %s", cmp.Diff(planned.out, applied.out))
	}
	s.writeGate(applied.err)
	if plan := s.planJSON(0); !plan.Safe || len(plan.Obstacles)+len(plan.Steps) > 0 || plan.Gate != s.campus.GateGroup {
		t.Errorf("of the prepared realm: %+v", plan)
	}
	s.doctorSays("does not differ", func(e examination) bool { return slices.Contains(e.Passed, "realm-plan") })

	s.bridge.Replicas[0].Start()
	s.bridge.Replicas[0].WaitReady()
	s.mustHoldBrokers(partners)
	s.mustHoldAttacks(partners)
	h := s.hand("alice").typeID()
	if h.Kerberos {
		t.Error("a ticket would do in place of the password at a recovery")
	}
	h.typePassword().see("What will happen")
	s.mustOpenNothing(h.Browser, "password-only sign-in in the prepared realm")
	held := s.counted("alice")
	s.hand("alice").recovers()
	if now := s.counted("alice"); now != held {
		t.Errorf("Keycloak counts against alice: %+v, before the recovery %+v", now, held)
	}
	s.bridge.Replicas[0].Stop()

	s.undoes(before)
	s.mustOfferKerberos()
	s.doctorSays("differs", func(e examination) bool {
		return slices.ContainsFunc(e.Findings, func(f bridge.Finding) bool {
			return f.ID == bridge.FindRealmDiffers && strings.Contains(f.Object, "eventsEnabled")
		})
	})
}

// codesByHand takes recovery codes for a second factor, in Keycloak's own flow.
func (s *site) codesByHand() {
	s.t.Helper()
	var lines []map[string]any
	s.keycloak("GET /authentication/flows/browser/executions", nil, &lines)
	i := slices.IndexFunc(lines, func(line map[string]any) bool { return line["providerId"] == "auth-recovery-authn-code-form" })
	if i < 0 {
		s.t.Fatalf("Keycloak's own flow has no line for recovery codes: %v", lines)
	}
	lines[i]["requirement"] = "ALTERNATIVE"
	s.keycloak("PUT /authentication/flows/browser/executions", lines[i], nil)
}

// directoryByHand lets lena in, who stands in a directory, has an authenticator in Keycloak, and may sign in by Kerberos.
func (s *site) directoryByHand() {
	s.t.Helper()
	directory := rig.NewDirectory(s.t, "lena")
	directory.Federate(s.campus.Realm, false, "lena")
	directory.Kerberos(s.campus.Realm)
	s.keycloak("PUT "+s.path("lena"), map[string]any{"credentials": []any{credential("otp", "phone", map[string]any{"value": realm.Secret("lena")}, map[string]any{
		"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1", "secretEncoding": "BASE32",
	})}}, nil)
}

// mustOfferKerberos wants an application's sign-in to begin with the question for a ticket, and to go on with the password.
func (s *site) mustOfferKerberos() {
	s.t.Helper()
	if b := s.portal().Open(rig.NewBrowser(s.t)); !b.Kerberos || b.Page() != "login-login" {
		s.t.Errorf("asked for a ticket: %v, then %s", b.Kerberos, b.Describe())
	}
}

// mustServeTheDirectory: somebody of the directory is asked for the code at an application, which opens the others too, recovers, and signs in with the new
// authenticator alone.
func (s *site) mustServeTheDirectory() {
	t := s.t
	t.Helper()
	s.mustOfferKerberos()
	old, b := rig.NewPhone(t, realm.Secret("lena")), rig.NewBrowser(t)
	if got := s.portal().SignIn(b, "lena", old); !got.Typed || got.Acr() != "mfa" {
		t.Errorf("lena at the portal: %+v", got)
	}
	first := rig.NewBrowser(t)
	rig.OpenSAML(t, s.campus.Realm, first)
	first.Submit("username", "lena", "password", realm.Password("lena")).Follow(rig.SAMLRedirect)
	if first.Page() != "login-login-otp" {
		t.Errorf("lena, with the password, at the SAML application: %s", first.Describe())
	}
	if !rig.OpenSAML(t, s.campus.Realm, b) {
		t.Errorf("lena, signed in with a code, at the SAML application: %s", b.Describe())
	}
	phone := s.hand("lena").recovers()
	s.mustHaveOnly("lena", phone)
	if got := s.portal().SignIn(rig.NewBrowser(t), "lena", old); got.Signed {
		t.Errorf("lena's old authenticator opens the portal: %+v", got)
	}
}

// planJSON is a plan as those read it who keep realms as code.
func (s *site) planJSON(code int, args ...string) (plan struct {
	Safe      bool
	Obstacles []safe.Obstacle
	Steps     []planStep
	Gate      string `json:"gate_group"`
}) {
	s.t.Helper()
	if said := s.must(code, append([]string{"plan", "--format", "json"}, args...)...); json.Unmarshal([]byte(said.out), &plan) != nil {
		s.t.Fatalf("no JSON: %s", said.out)
	}
	return plan
}

type planStep struct {
	safe.Step
	Diff []string
}

// administratorEnabled switches the one administrator of the realm on or off.
func (s *site) administratorEnabled(on bool) {
	s.t.Helper()
	where := "/users/" + s.campus.Users[realm.Administrator]
	var user map[string]any
	err := s.campus.Do(s.t.Context(), "GET "+where, nil, &user)
	if err == nil {
		user["enabled"] = on
		err = s.campus.Do(s.t.Context(), "PUT "+where, user, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// undoes takes everything back and compares the realm with what it was; only alice's authenticator is another one.
func (s *site) undoes(before map[string]any) {
	s.t.Helper()
	file := filepath.Join(filepath.Dir(s.bridge.Config), "undo.jsonl")
	info, err := os.Stat(file)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || strings.Contains(string(text), "secret-for-tests") {
		s.t.Errorf("undo file: mode %o, or a secret in it", info.Mode().Perm())
	}
	s.must(1, "undo", file) // shows it
	s.must(0, "undo", file, "--yes")
	mustBeAsBefore(s.t, before, s.campus.Realm)
	if again := s.must(0, "undo", file, "--yes"); !strings.Contains(again.out, "nothing to undo") {
		s.t.Errorf("the second undo: %s", again.out)
	}
}
