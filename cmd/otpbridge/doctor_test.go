package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/doctor"
)

// OPS-09, INV-6: the doctor is content when it looked and found nothing, and with what nobody shows it; never when it got no answer.
func TestDoctorIsNotContentWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	unchecked := func(why string) doctor.Result {
		return doctor.Result{Check: "rights", Unchecked: &bridge.Unchecked{Why: why}}
	}
	found := func(id bridge.FindingID) doctor.Result {
		return doctor.Result{Check: "clock", Findings: []bridge.Finding{bridge.Found(id, "")}}
	}
	for name, x := range map[string]struct {
		result doctor.Result
		says   string
	}{
		"passed":           {doctor.Result{Check: "flow"}, ""},
		"worth knowing":    {found(bridge.FindCodesUnused), ""},
		"only a look":      {found(bridge.FindDoctorLooked), ""},
		"nobody learns it": {found(bridge.FindDoctorUnkept), "1 findings"},
		"a pause":          {found(bridge.FindRecoveriesPaused), ""},
		"a right missing":  {unchecked(bridge.UncheckedRights), ""},
		"nobody can read":  {unchecked(bridge.UncheckedUnknown), ""},
		"a finding":        {found(bridge.FindClockOff), "1 findings"},
		"no usable answer": {unchecked(bridge.UncheckedAnswer), "0 findings, 1 checks got no answer"},
		"not in time":      {unchecked(bridge.UncheckedTime), "0 findings, 1 checks got no answer"},
	} {
		said := ""
		if err := verdict(doctor.Report{Results: []doctor.Result{{Check: "store"}, x.result}}, "en"); err != nil {
			said = err.Error()
		}
		if said != x.says {
			t.Errorf("%s: says %q, want %q", name, said, x.says)
		}
	}
}

// OPS-09: an administrator's client that sees too little is one finding, which blames neither the realm nor the service account.
func TestDoctorNamesAnAdministratorWhoSeesTooLittle(t *testing.T) {
	t.Parallel()
	e := newExplained(t, "help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}\nstore: {bolt: state.db}\naudit: {file: audit.jsonl}\n")
	e.kc.SetClient(fakekc.Client{ID: "narrow", Secret: "narrow-secret", Service: fakekc.Rights{QueryUsers: true}})
	text, err := os.ReadFile(e.config)
	if err != nil {
		t.Fatal(err)
	}
	near := strings.NewReplacer("base_url: https://otp.example.ac.jp", "base_url: http://localhost:9", "smtps://smtp.example.ac.jp", "smtp://127.0.0.1:9")
	secret := filepath.Join(filepath.Dir(e.config), "narrow")
	for file, text := range map[string]string{e.config: near.Replace(string(text)), secret: "narrow-secret"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, results, messages := e.run("doctor", "-c", e.config, "--admin-client=narrow", "--admin-secret-file="+secret)
	if code != exitFailed || messages == "" {
		t.Errorf("exit %d: %s", code, messages)
	}
	for says, times := range map[string]int{
		"[warning] administrator.rights: The administrator's client narrow sees too little of the realm: not checked\n": 1,
		"realm.unreadable":                 0,
		"or use an administrator's client": 0,
		"cannot be read: the version is not shown to this administrator's client: set keycloak.version, or give it realm-admin (before 26.5 only a client of the realm master sees it)\n": 2,
	} {
		if strings.Count(results, says) != times {
			t.Errorf("%q does not stand %d times in\n%s", says, times, results)
		}
	}
}

// Issue 6: a key or an id that Keycloak does not know is one finding for the client that it is about, and one line for all that could not be looked at.
func TestDoctorNamesAClientThatGetsNoToken(t *testing.T) {
	t.Parallel()
	e := newExplained(t, "help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}\npaused: true\nstore: {bolt: state.db}\naudit: {file: audit.jsonl}\n")
	text, err := os.ReadFile(e.config)
	if err != nil {
		t.Fatal(err)
	}
	near := strings.NewReplacer("base_url: https://otp.example.ac.jp", "base_url: http://localhost:9", "smtps://smtp.example.ac.jp", "smtp://127.0.0.1:9")
	secret := filepath.Join(filepath.Dir(e.config), "admin")
	for file, text := range map[string]string{e.config: near.Replace(string(text)), secret: "mistyped-secret"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"doctor", "-c", e.config, "--admin-client=preparer", "--admin-secret-file=" + secret}
	code, results, messages := e.run(args...)
	if code != exitFailed || strings.Contains(results+messages, "mistyped-secret") || strings.Contains(results, "credentials") {
		t.Errorf("exit %d: %s%s", code, results, messages)
	}
	for says, times := range map[string]int{
		"[critical] admin.refused: Keycloak gives the service account's client otpbridge-broad no token (unauthorized_client)":               1,
		"[critical] administrator.refused: Keycloak gives the administrator's client preparer of the realm campus no token (invalid_client)": 1,
		": Keycloak gives no token to otpbridge-broad: unauthorized_client\n":                                                                1,
		": Keycloak gives no token to preparer: invalid_client\n":                                                                            1,
		"\n[not checked] account-group, admin-client, ":                                                                                      1,
		"[info] recoveries.paused: No new recovery begins: the configuration says":                                                           1,
		"HTTP 401": 0,
	} {
		if strings.Count(results, says) != times {
			t.Errorf("%q does not stand %d times in\n%s", says, times, results)
		}
	}
	_, results, _ = e.run(append(args, "--json", "--admin-realm=elsewhere")...)
	var out doctorResult
	if err := json.Unmarshal([]byte(results), &out); err != nil {
		t.Fatal(err)
	}
	for _, f := range out.Findings {
		if f.ID == bridge.FindAdministratorRefused && (f.Values["realm"] != "elsewhere" || f.Values["code"] != "HTTP 404") {
			t.Errorf("a realm that is not there: %+v", f)
		}
	}
}

// CLI-04: whoever has to type the secret is told so, and what was empty is named.
func TestTheSecretFromStandardInputIsAskedFor(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]struct {
		asks bool
		says string
	}{
		"/dev/zero": {true, ""}, // a device, as a terminal is one, that has something to say
		os.DevNull:  {false, "the secret of the administrator's client is read from standard input, which is empty; --admin-secret-file names a file"},
	} {
		in, err := os.Open(from)
		if err != nil {
			t.Fatal(err)
		}
		var messages strings.Builder
		said := ""
		if _, err := adminSecret(process{in: in, err: &messages, lang: "en"}, "-"); err != nil {
			said = err.Error()
		}
		asked := strings.Contains(messages.String(), "the secret of the administrator's client, then Enter and Ctrl-D; what is typed is shown")
		if said != want.says || asked != want.asks || asked != (messages.Len() > 0) {
			t.Errorf("%s: says %q, asks %q", from, said, messages.String())
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// CLI-04: a realm for a client that is not given is refused, not passed over.
func TestDoctorRefusesARealmWithoutItsClient(t *testing.T) {
	t.Parallel()
	var out, messages strings.Builder
	code := run(t.Context(), process{args: []string{"doctor", "--admin-realm=master"}, out: &out, err: &messages})
	if code != exitUsage || messages.String() != "otpbridge: --admin-realm needs --admin-client\n" {
		t.Errorf("exit %d: %s", code, messages.String())
	}
}
