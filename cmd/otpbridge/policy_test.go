package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/bridgetest/fakekc"
)

// explained is a Keycloak-shaped server and a configuration for it.
type explained struct {
	t      *testing.T
	kc     *fakekc.Server
	config string
}

const desk = `
help_desk:
  enabled: true
  risk_analysis: {document: RA-1, version: "1", approved: 2026-11-01}
  phone: 075-000-0000
  contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]
  supervisor_mailbox: it-security@example.ac.jp
  checks: [{id: photo_id, label: {en: Photo ID shown in person}}, {id: video, label: {en: Photo ID shown by video}}]
`

const policies = `
policies:
  - {name: guests, match: {roles: [guest]}, refuse: true}
  - {name: law, match: {attributes: [{attribute: department, values: [law, tax]}], groups: [/students]}, ways: [mail], delay: 24h}
  - {name: staff, match: {groups: [/staff, /it]}, ways: [desk], approvals: 2, checks: 2}
  - {name: everyone, ways: [mail, desk]}
`

func newExplained(t *testing.T, more string) *explained {
	t.Helper()
	e := &explained{t: t, kc: fakekc.Start(fakekc.Options{App: "https://otp.example.ac.jp"})}
	t.Cleanup(e.kc.Close)
	for _, group := range []string{"staff", "it", "students"} {
		e.kc.AddPerson(fakekc.Person{Username: "first of " + group, Groups: []string{group}})
	}
	folder := t.TempDir()
	e.config = filepath.Join(folder, "otpbridge.yaml")
	if code, _, messages := e.run("keys", "new", "sealing", filepath.Join(folder, "keys")); code != exitDone {
		t.Fatal(messages)
	}
	for name, text := range map[string]string{
		"login": "login-secret-for-tests", "admin": "broad-secret-for-tests", "otpbridge.yaml": `
base_url: https://otp.example.ac.jp
languages: [en]
organisation: {short_issuer: Example, name: {en: Example}}
keys_file: keys
sign_in: {issuer: "` + e.kc.Issuer + `", client_secret_file: login, gate_group: ` + e.kc.GroupID("otp-recovery-open") + `}
keycloak:
  client_id: otpbridge-broad
  url: ` + e.kc.URL + `
  realm: campus
  client_secret_file: admin
  password_reset: desk
  addresses: [{attribute: notificationEmail}]
mail: {smtp: smtps://smtp.example.ac.jp, from: noreply@example.ac.jp}
` + more,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func (e *explained) run(args ...string) (code int, results, messages string) {
	e.t.Helper()
	var out, err bytes.Buffer
	code = run(e.t.Context(), process{args: args, env: []string{"LANG=C"}, out: &out, err: &err})
	return code, out.String(), err.String()
}

// person puts somebody into the realm.
func (e *explained) person(name string, change func(*fakekc.Account)) {
	id := e.kc.AddPerson(fakekc.Person{
		Username: name, First: "A", Last: "B", Email: name + "@example.org", Password: "p", Groups: []string{"otp-recoverable"},
		Roles: []string{"default-roles-campus"}, Attributes: map[string][]string{"notificationEmail": {name + "@example.org"}},
	})
	e.kc.Change(id, change)
}

// explain returns what --json says about a user name.
func (e *explained) explain(name string) explanation {
	e.t.Helper()
	code, results, messages := e.run("policy", "explain", "-c", e.config, "--json", name)
	var out explanation
	if err := json.Unmarshal([]byte(results), &out); err != nil || code != exitDone || messages != "" {
		e.t.Fatalf("%s: exit %d, %v, %s%s", name, code, err, results, messages)
	}
	out.ID = ""
	return out
}

// POL-01: person × policy, read from Keycloak as the service does.
func TestPolicyExplainSaysWhichRulesAndWhy(t *testing.T) {
	t.Parallel()
	e := newExplained(t, desk+policies)
	e.person("guest", func(a *fakekc.Account) { a.Roles = append(a.Roles, "guest") })
	e.person("lawyer", func(a *fakekc.Account) {
		a.Groups, a.Attributes["department"] = append(a.Groups, "students"), []string{"tax", "history"}
	})
	e.person("clerk", func(a *fakekc.Account) { a.Groups = append(a.Groups, "it"); delete(a.Attributes, "notificationEmail") })
	open, notNamed := wayState{Open: true}, wayState{Why: "not_named"}
	guests, law := passed{"guests", []string{"roles"}}, passed{"law", []string{"groups", "attributes.department"}}
	staff := passed{"staff", []string{"groups"}}
	for name, want := range map[string]explanation{
		"alice": {
			Policy: "everyone", Entry: 4, Everybody: true, PassedOver: []passed{guests, law, staff}, Mail: open, Desk: open, DeskCode: wayState{Why: "no_desk_codes"}, Approvals: 1,
			ApprovalsWhy: []string{"policy"}, Checks: 1, Delay: "0s",
		},
		"carol": {
			Policy: "everyone", Entry: 4, Everybody: true, PassedOver: []passed{guests, law, staff}, Mail: wayState{Why: "desk_only"}, Desk: open, DeskCode: wayState{Why: "no_desk_codes"},
			Approvals: 2, ApprovalsWhy: []string{"desk_only", "no_address"}, Checks: 1, Delay: "0s",
		},
		"clerk": {
			Policy: "staff", Entry: 3, Matched: []matched{{"groups", "/it", "/it"}}, PassedOver: []passed{guests, law}, Mail: notNamed, Desk: open, DeskCode: wayState{Why: "no_desk_codes"},
			Approvals: 2, ApprovalsWhy: []string{"policy", "no_address"}, Checks: 2, Delay: "0s",
		},
		"lawyer": {
			Policy: "law", Entry: 2, Matched: []matched{{"groups", "/students", "/students"}, {"attributes.department", "tax", "tax"}},
			PassedOver: []passed{guests}, Mail: open, Desk: notNamed, DeskCode: notNamed, Approvals: 1, ApprovalsWhy: []string{"policy"}, Checks: 1, Delay: "24h",
		},
		"guest": {
			Refusal: "administrator", Policy: "guests", Entry: 1, Matched: []matched{{"roles", "guest", "guest"}}, PassedOver: []passed{},
			Mail: wayState{Why: "administrator"}, Desk: wayState{Why: "administrator"}, DeskCode: wayState{Why: "administrator"}, Approvals: 1, ApprovalsWhy: []string{"policy"}, Checks: 1, Delay: "0s",
		},
	} {
		want.User = name
		want.HiddenGroups = []string{}
		if want.Matched == nil {
			want.Matched = []matched{}
		}
		if d := cmp.Diff(want, e.explain(name)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// CLI-02: for people, in both languages; nothing but the account's own words leaves Keycloak.
func TestPolicyExplainForPeople(t *testing.T) {
	t.Parallel()
	e := newExplained(t, desk+policies)
	e.person("clerk", func(a *fakekc.Account) {
		a.Groups = append(a.Groups, "staff")
		delete(a.Attributes, "notificationEmail")
	})
	code, results, messages := e.run("policy", "explain", "-c", e.config, "clerk")
	want := `person       clerk (` + e.kc.PersonID("clerk") + `)
policy       staff, entry 3
matches      groups: /staff
passed over  guests: roles
passed over  law: groups, attributes.department
mail         closed: the policy does not name this way
desk         open
approvals    2: the policy says so; has no address that a link may go to
desk code    closed: desk_temporary_codes of the policy is not true
checks       2 for each approval
delay        none
`
	if d := cmp.Diff(want, results); d != "" || code != exitDone || messages != "" {
		t.Errorf("exit %d, %s, %s", code, messages, d)
	}
	if _, results, _ = e.run("--lang", "ja", "policy", "explain", "-c", e.config, "clerk"); !strings.Contains(results, "使えない: ポリシーにこの方法がない") {
		t.Errorf("in Japanese: %s", results)
	}
	mustLineUp(t, results)
}

// Without policies, and with the desk off, the mail way alone is open.
func TestPolicyExplainWithoutPolicies(t *testing.T) {
	t.Parallel()
	e := newExplained(t, "help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}")
	if got := e.explain("alice"); got.Entry != 0 || got.Policy != "default" || !got.Mail.Open || got.Desk.Why != "desk_off" {
		t.Errorf("got %+v", got)
	}
	if _, results, _ := e.run("policy", "explain", "-c", e.config, "alice"); !strings.Contains(results, "default: no policies are configured") {
		t.Errorf("got %s", results)
	}
}

// INV-6: a group that the service account does not see matches nobody. That is a finding, not another policy.
func TestPolicyExplainFindsGroupsThatAreNotSeen(t *testing.T) {
	t.Parallel()
	e := newExplained(t, desk+policies)
	narrow := strings.NewReplacer("otpbridge-broad", "otpbridge-admin", "client_secret_file: admin", "client_secret_file: narrow", "[/staff, /it]", "[/staff, /otp-recoverable]")
	text, err := os.ReadFile(e.config)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(e.config)
	for name, text := range map[string]string{"narrow": "admin-secret-for-tests", "otpbridge.yaml": narrow.Replace(string(text))} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, results, messages := e.run("policy", "explain", "-c", e.config, "alice")
	if code != exitFailed || !strings.Contains(messages, "may not view: /students, /staff\n") || !strings.Contains(results, "staff, entry 3") {
		t.Errorf("exit %d, %s, %s", code, messages, results)
	}
	_, results, _ = e.run("policy", "explain", "-c", e.config, "--json", "alice")
	var out explanation
	if err := json.Unmarshal([]byte(results), &out); err != nil || len(out.HiddenGroups) != 2 {
		t.Errorf("%v, %s", err, results)
	}
}

// CLI-02, CLI-08: exit codes; a failure says which part did not answer.
func TestPolicyExplainSaysWhatDidNotAnswer(t *testing.T) {
	t.Parallel()
	e := newExplained(t, desk+policies)
	person := e.kc.PersonID("alice")
	for _, c := range []struct {
		name  string
		fault *fakekc.Fault
		args  []string
		code  int
		want  string
	}{
		{"nobody", nil, []string{"nobody"}, exitFailed, "whom the service account sees has this user name: not in keycloak.allowed_group (/otp-recoverable), or no such person\n"},
		{"token", &fakekc.Fault{Path: "/realms/campus/protocol/openid-connect/token", Kind: fakekc.Hang}, []string{"--timeout", "200ms", "alice"}, exitFailed, "Keycloak did not answer about the realm: "},
		{"refused", &fakekc.Fault{Path: "/realms/campus/protocol/openid-connect/token", Kind: fakekc.Status, Status: http.StatusUnauthorized, Body: `{"error":"invalid_client"}`}, []string{"alice"}, exitFailed, "Keycloak gives the service account otpbridge-broad no token (invalid_client): "},
		{"account", &fakekc.Fault{Path: "/admin/realms/campus/users/" + person, Kind: fakekc.Status, Status: http.StatusInternalServerError}, []string{"alice"}, exitFailed, "Keycloak did not answer about the account: "},
		{"account hangs", &fakekc.Fault{Path: "/admin/realms/campus/users", Kind: fakekc.Hang}, []string{"--timeout", "3s", "alice"}, exitFailed, "Keycloak did not answer about the account: "},
		{"events", &fakekc.Fault{Path: "/admin/realms/campus/events", Kind: fakekc.Hang}, []string{"--timeout", "3s", "alice"}, exitFailed, "Keycloak did not answer about the saved events: "},
		{"no time", nil, []string{"--timeout", "0s", "alice"}, exitUsage, "--timeout: is no time above zero"},
		{"no name", nil, nil, exitUsage, `expected "<user>"`},
		{"absent file", nil, []string{"-c", "absent.yaml", "alice"}, exitUsage, "no such file"},
	} {
		remove := func() {}
		if c.fault != nil {
			remove = e.kc.Inject(*c.fault)
		}
		args := append([]string{"policy", "explain", "--json", "-c", e.config}, c.args...)
		code, results, messages := e.run(args...)
		remove()
		if code != c.code || results != "" || !strings.Contains(messages, c.want) || strings.Contains(messages, "secret-for-tests") {
			t.Errorf("%s: exit %d, %q, want %d, %q; results %q", c.name, code, messages, c.code, c.want, results)
		}
	}
}
