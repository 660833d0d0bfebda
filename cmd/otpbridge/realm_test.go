package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
	"otpbridge/bridge/view"
	"otpbridge/cmd/internal/adminapi"
	"otpbridge/templates"
)

// hereCampus is a realm as an undo file names it.
func hereCampus() journalHead {
	return journalHead{"campus", "6f1c2f0e-4a39-4a36-8c2b-3d0f9a8e7b51", "https://sso.example.ac.jp"}
}

// Issue 6: the undo file is for its owner only, grows, and survives a line that was cut off.
func TestUndoFileGrowsAndIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "undo.jsonl")
	change := func(name string) realm.Change {
		return realm.Change{Kind: realm.KindSetting, Name: name, Was: []byte("false"), Will: []byte("true")}
	}
	for _, name := range []string{"one", "two"} {
		j, _, err := openJournal(file, hereCampus())
		if err != nil {
			t.Fatal(err)
		}
		if err := j.note(change(name)); err != nil {
			t.Fatal(err)
		}
		if _, err := j.WriteString(`{"kind":"realm setting","name":"cut`); err != nil { // killed here
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, noted, err := readJournal(file, hereCampus())
	if err != nil || len(noted) != 2 || noted[0].Name != "one" || noted[1].Name != "two" || string(noted[1].Was) != "false" {
		t.Errorf("%v: %+v", err, noted)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: mode %v", err, info.Mode())
	}
}

// Issue 6: an undo file is about one realm, by Keycloak's id: what the realm of that name at another server was, or one that was made anew, is neither
// put into this one nor mixed with what this one was. Another address of the same server is another word for it.
func TestUndoFileOfAnotherServerIsRefused(t *testing.T) {
	t.Parallel()
	here, line := hereCampus(), `{"kind":"role","name":"otp-helpdesk","will":true}`
	const id = `,"realm_id":"6f1c2f0e-4a39-4a36-8c2b-3d0f9a8e7b51"`
	for head, says := range map[string]string{
		`{"undo_of_realm":"campus"` + id + `,"server":"https://sso.example.ac.jp"}`:              "",
		`{"undo_of_realm":"campus"` + id + `,"server":"http://keycloak.internal"}`:               "",
		`{"undo_of_realm":"other"` + id + `,"server":"https://sso.example.ac.jp"}`:               "is about the realm other, the configuration about campus",
		`{"undo_of_realm":"campus","realm_id":"0c1d","server":"https://sso-test.example.ac.jp"}`: "about another realm campus: it began at https://sso-test.example.ac.jp, and the one at https://sso.example.ac.jp",
		`{"undo_of_realm":"campus","realm_id":"0c1d","server":"https://sso.example.ac.jp"}`:      "was made anew",
		`{"undo_of_realm":"campus"}`: "first line; if not, use that server's file, or name another with --undo-file:\n" + `{"undo_of_realm":"campus"` + id + `,"server":"https://sso.example.ac.jp"}`,
	} {
		file, text := filepath.Join(t.TempDir(), "undo.jsonl"), head+"\n"+line+"\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, noted, err := readJournal(file, here)
		j, _, opened := openJournal(file, here)
		for _, err := range []error{err, opened} {
			if (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %q", head, err, says)
			}
		}
		if says == "" {
			if err := j.Close(); err != nil || len(noted) != 1 {
				t.Errorf("%s: %v, %+v", head, err, noted)
			}
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != text {
			t.Errorf("%s: %v, now %s", head, err, now)
		}
		here.ID = ""
		if _, _, err := readJournal(file, here); err == nil || !strings.Contains(err.Error(), "cannot be seen") && !strings.Contains(says, "other") {
			t.Errorf("%s: for a realm that nobody saw: %v", head, err)
		}
		here = hereCampus()
	}
}

// Issue 6: where an undo file began at another address people read so before anything is changed.
func TestUndoFileFromAnotherAddress(t *testing.T) {
	t.Parallel()
	here := hereCampus()
	for server, says := range map[string]string{here.Server: "", "http://keycloak.internal": "undo.jsonl began at http://keycloak.internal, this is " + here.Server} {
		var said bytes.Buffer
		s := session{process: process{err: &said, lang: "en"}, client: &adminapi.Client{URL: here.Server}}
		s.sayElsewhere("undo.jsonl", journalHead{here.Realm, here.ID, server})
		if !strings.Contains(said.String(), says) || says == "" && said.Len() > 0 {
			t.Errorf("from %s: %q", server, &said)
		}
	}
}

// Issue 6: what this version does not know in an undo file would not be taken back: it is refused, by its line, and nothing is added to it.
func TestUndoFileOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	const known = `{"undo_of_realm":"campus","realm_id":"6f1c2f0e-4a39-4a36-8c2b-3d0f9a8e7b51"}` + "\n" + `{"kind":"role","name":"otp-helpdesk","will":true}` + "\n"
	for line, refused := range map[string]bool{
		`{"kind":"role","name":"otp-auditor","will":true}`:            false,
		`{"kind":"password policy","name":"length","will":8}`:         true,
		`{"kind":"role","name":"otp-auditor","will":true,"inside":1}`: true,
		`"role"`:                                true,
		`{"kind":"password policy","name":"len`: false, // cut off
	} {
		file := filepath.Join(t.TempDir(), "undo.jsonl")
		if err := os.WriteFile(file, []byte(known+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readJournal(file, hereCampus())
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "line 3: ") {
			t.Errorf("%s: %v", line, err)
		}
		j, _, err := openJournal(file, hereCampus())
		if (err != nil) != refused {
			t.Errorf("%s: opened: %v", line, err)
		}
		if err == nil {
			err = j.Close()
		}
		if text, read := os.ReadFile(file); read != nil || string(text) != known+line+"\n" {
			t.Errorf("%s: %v, %v, now %s", line, err, read, text)
		}
	}
}

// newPlanned is a configuration for the realm commands at this Keycloak, and the file with the secret of their client.
func newPlanned(t *testing.T, keycloak string) (e *explained, secret string) {
	t.Helper()
	e = newExplained(t, "help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}\n")
	text, err := os.ReadFile(e.config)
	if err != nil {
		t.Fatal(err)
	}
	secret = filepath.Join(filepath.Dir(e.config), "secret")
	for file, content := range map[string]string{e.config: strings.ReplaceAll(string(text), e.kc.URL, keycloak), secret: "a-secret"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return e, secret
}

// Issue 6: a Keycloak that is too old is refused by plan and apply in so many words, in both languages, and nothing is changed there.
func TestRealmRefusesAnOldKeycloak(t *testing.T) {
	t.Parallel()
	var version atomic.Value
	var changed atomic.Int64
	kc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.HasSuffix(r.URL.Path, "/token")
		switch {
		case token:
			_, _ = io.WriteString(w, `{"access_token":"a","expires_in":300}`) // it went away
		case r.URL.Path == "/admin/serverinfo":
			fmt.Fprintf(w, `{"systemInfo":{"version":%q}}`, version.Load())
		default: // whatever of the realm
			w.WriteHeader(http.StatusForbidden)
		}
		if r.Method != http.MethodGet && !token {
			changed.Add(1)
		}
	}))
	t.Cleanup(kc.Close)
	e, secret := newPlanned(t, kc.URL)
	const en, ja = "This Keycloak is too old; 26.4 or later is needed:\n  Keycloak ", "この Keycloak は古すぎます。26.4 以降が必要です:\n  Keycloak "
	for given, old := range map[string]bool{"25.0.6": true, "26.3.5": true, "26.4.0": false, "26.7.4": false} {
		version.Store(given)
		for _, command := range []string{"plan", "apply"} {
			for lang, words := range map[string]string{"en": en, "ja": ja} {
				code, out, messages := e.run("realm", command, "-c", e.config, "--admin-client", "preparer", "--admin-secret-file", secret, "--lang", lang)
				if code != exitFailed || strings.Contains(out, words+given+"\n") != old || old && strings.Count(out, "\n") != 3 { // whose realm, and that
					t.Errorf("%s of %s in %s: exit %d\n%s%s", command, given, lang, code, out, messages)
				}
			}
		}
	}
	if n := changed.Load(); n > 0 {
		t.Errorf("%d calls that change something", n)
	}
}

// I18N-01: what a Keycloak that is away, does not know the realm or has a fault of its own does to a plan is said in both languages, with what to look at.
func TestRealmSaysWhyItCannotRead(t *testing.T) {
	t.Parallel()
	for status, words := range map[int]map[string]string{
		0:                              {"en": "nothing answers at ", "ja": " から応答がありません。keycloak.url"},
		http.StatusNotFound:            {"en": " does not know realm campus, ", "ja": " にレルム campus、"},
		http.StatusInternalServerError: {"en": " fails to answer: ", "ja": " が正しく応答しません。"},
	} {
		kc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/token") {
				_, _ = io.WriteString(w, `{"access_token":"a","expires_in":300}`)
				return
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":"as Keycloak says"}`)
		}))
		if status == 0 {
			kc.Close()
		}
		t.Cleanup(kc.Close)
		e, secret := newPlanned(t, kc.URL)
		for lang, says := range words {
			code, out, messages := e.run("realm", "plan", "-c", e.config, "--admin-client", "preparer", "--admin-secret-file", secret, "--lang", lang)
			if code != exitFailed || out != "" || !strings.Contains(messages, says) || !strings.Contains(messages, kc.URL) || strings.Contains(messages, "as Keycloak says") != (status > 0) {
				t.Errorf("%d in %s: exit %d\n%s%s", status, lang, code, out, messages)
			}
		}
	}
}

// What is no undo file is left as it is.
func TestUndoFileIsNothingElse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte("my notes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readJournal(empty, hereCampus()); err == nil || !strings.HasSuffix(err.Error(), "empty.jsonl is empty") {
		t.Errorf("an empty one: %v", err)
	}
	if _, _, err := readJournal(filepath.Dir(file), hereCampus()); err == nil || !strings.Contains(err.Error(), "was not written by otpbridge realm apply; name the file") {
		t.Errorf("a directory: %v", err)
	}
	if _, _, err := openJournal(file, hereCampus()); err == nil || !strings.Contains(err.Error(), "was not written by otpbridge realm apply") {
		t.Errorf("opened: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "my notes\n" {
		t.Errorf("%v: now %q", err, text)
	}
	if _, _, err := readJournal(file+".absent", hereCampus()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

// I18N-01: the parts of a realm have names in both languages, with what Keycloak answered about one; a right keeps its own.
func TestRealmPartsHaveNames(t *testing.T) {
	t.Parallel()
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range realm.Parts() {
		name, ok := strings.CutSuffix(texts.Part("ja", string(part)+": HTTP 500"), ": HTTP 500")
		if !ok || name == string(part) || name != texts.Part("ja", string(part)) || texts.Part("en", string(part)) == "" {
			t.Errorf("%s is called %q", part, name)
		}
	}
	silent := &bridge.Unchecked{Why: bridge.UncheckedAnswer, Needs: string(realm.PartScopes) + ": HTTP 500"}
	if got := texts.Unchecked("ja", silent); got != "正しい応答がありません: クライアントスコープ: HTTP 500" {
		t.Errorf("the doctor says %q", got)
	}
	if got := texts.Part("ja", "view-clients"); got != "view-clients" {
		t.Errorf("a right is called %q", got)
	}
}

// I18N-01: what is looked at in a realm has a name in both languages.
func TestRealmChecksHaveNames(t *testing.T) {
	t.Parallel()
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range slices.Concat(realm.Checks(nil, realm.Asked{}), realm.PeopleChecks(nil, nil, realm.Asked{}), []bridge.Check{realm.PlanCheck(nil, nil, realm.Asked{})}) {
		if ja, en := texts.Check("ja", check.Name), texts.Check("en", check.Name); ja == check.Name || en == check.Name {
			t.Errorf("%s is called %q, %q", check.Name, ja, en)
		}
	}
}

// I18N-01: every reason, every obstacle and every kind of thing has words in both languages.
func TestRealmWordsAreComplete(t *testing.T) {
	t.Parallel()
	for _, reason := range realm.Reasons() {
		if w := reasonWords()[reason]; w.In("en") == "" || w.In("ja") == "" {
			t.Errorf("reason %s has no words", reason)
		}
	}
	for _, kind := range realm.Obstacles() {
		if w := obstacleWords()[kind]; w.In("en") == "" || w.In("ja") == "" {
			t.Errorf("obstacle %s has no words", kind)
		}
	}
	for _, kind := range realm.Kinds() {
		if w := kindWords()[kind]; w.In("en") != string(kind) || w.In("ja") == "" || w.In("ja") == string(kind) {
			t.Errorf("%s reads %q, %q", kind, w.In("en"), w.In("ja"))
		}
	}
	verbs := regexp.MustCompile(`%\[[1-3]\]s`)
	for name, format := range realm.Details() {
		got := detailsInJapanese()[name]
		if same := slices.Sorted(slices.Values(verbs.FindAllString(got, -1))); !slices.Equal(same, slices.Sorted(slices.Values(verbs.FindAllString(format, -1)))) {
			t.Errorf("%s: %q, in English %q", name, got, format)
		}
	}
	if len(detailsInJapanese()) != len(realm.Details()) {
		t.Error("a sentence is in Japanese only")
	}
}

// I18N-01: what stands in the way of a plan is said in the reader's language, sentences about flows too; --format json stays English.
func TestPlanSaysWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	in := realm.Obstacle{Kind: realm.ObstacleFlow, What: "campus: asks nobody who they are", Say: realm.Detail{Name: "flow_nobody", About: [3]string{"campus"}}}
	for lang, words := range map[string]string{"en": "  campus: asks nobody who they are\n", "ja": "  campus: 本人が誰かを尋ねる手順がありません\n"} {
		for _, format := range []string{"text", "json"} {
			if format == "json" {
				words = `"what": "campus: asks nobody who they are"`
			}
			var text bytes.Buffer
			s := session{process: process{out: &text, lang: lang}, flags: realmFlags{Format: format}, client: &adminapi.Client{}, state: &realm.State{}}
			if err := s.show(realm.Plan{Obstacles: []realm.Obstacle{in}}); err != nil || !strings.Contains(text.String(), words) {
				t.Errorf("%s, %s: %v\n%s", lang, format, err, &text)
			}
		}
	}
}

// Issue 6: what Keycloak does not remove is not said to be used by its answer.
func TestUndoSaysWhyItLeavesSomething(t *testing.T) {
	t.Parallel()
	flow := realm.Change{Kind: realm.KindFlow, Name: "copy"}
	for want, by := range map[string]realm.Change{
		"left as it is: flow copy is used by: client portal\n":                      {Kind: realm.KindClient, Name: "portal"},
		"left as it is, since Keycloak does not remove it: flow copy: answer 400\n": {Kind: realm.KindRefusal, Name: "answer 400"},
	} {
		var said bytes.Buffer
		s := session{process: process{err: &said, lang: "en"}}
		s.sayKept(flow, by)
		if said.String() != want {
			t.Errorf("said %q, want %q", &said, want)
		}
	}
}

// Issue 6: a plan begins with the server and the realm that it is for, and says with the rights of --manage-users what they mean.
func TestPlanSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	const wide, narrow = "whoever has the service account's key can change every user", "Its account may do what it needs, and nothing else."
	for manageUsers, says := range map[bool]string{true: wide, false: narrow} {
		var text bytes.Buffer
		s := session{
			process: process{out: &text, lang: "en"}, client: &adminapi.Client{URL: "https://sso.example.ac.jp"}, state: &realm.State{},
			wanted: realm.Wanted{Realm: "campus", ManageUsers: manageUsers},
		}
		right := realm.Change{Kind: realm.KindAccountRole, Name: "view-events", Will: []byte("true")}
		if err := s.show(realm.Plan{Steps: []realm.Step{{Reason: realm.ReasonRights, Change: right}}}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text.String(), "realm campus at https://sso.example.ac.jp:\n") || !strings.Contains(text.String(), says) {
			t.Errorf("manage-users %v: %s", manageUsers, &text)
		}
	}
}
