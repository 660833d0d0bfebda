package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// strict is the group whose members need two approvals with two checks each; everybody else needs one of each.
const strict = "/strict"

// waits is the group whose members wait for twelve seconds after the first approval, and call once more.
const waits = "/waits"

// desk is a help desk of two replicas on Redis; the front gives each request to the next one.
type desk struct {
	*site
	carol, dave, grace, wendy *hand // operators at the console
	lost                      loser
}

// in is the desk for a part of a test, whose faults are its own.
func (d *desk) in(t *testing.T) *desk {
	s := d.site.in(t)
	bind := func(h *hand) *hand {
		return &hand{Browser: h.Twin(t), s: s, name: h.name, csrf: h.csrf, opened: h.opened}
	}
	return &desk{s, bind(d.carol), bind(d.dave), bind(d.grace), bind(d.wendy), loser{bind(d.lost.hand), d.lost.since}}
}

// newDesk starts a help desk and makes people who need it. carol, dave, grace and wendy work there; heidi did until a moment ago.
func newDesk(t *testing.T, callers ...string) *desk {
	t.Helper()
	campus := rig.NewCampus(t)
	for _, group := range []string{strict, waits} {
		if err := campus.Do(t.Context(), "POST /groups", map[string]any{"name": group[1:]}, nil); err != nil {
			t.Fatal(err)
		}
	}
	type section = map[string]any
	s := newSite(t, twoOnRedis(t), func(s *rig.Setup) {
		s.Campus = campus
		s.Change = func(all map[string]any) {
			rig.HelpDesk(all)
			all["policies"] = []section{
				{"name": "strict", "match": section{"groups": []string{strict}}, "ways": []string{"desk"}, "approvals": 2, "checks": 2},
				{"name": "waits", "match": section{"groups": []string{waits}}, "ways": []string{"desk"}, "delay": "12s"},
				{"name": "everyone", "ways": []string{"mail", "desk"}},
			}
		}
	})
	for _, name := range []string{"grace", "heidi", "wendy"} {
		s.add(realm.Person{Name: name, Roles: []string{realm.OperatorRole}})
	}
	for _, name := range append(callers, "mallory") {
		s.add(realm.Person{Name: name})
	}
	lost := s.loseRole("heidi", "mallory") // first: Keycloak's answer may be a minute old
	return &desk{s, s.console("carol"), s.console("dave"), s.console("grace"), s.console("wendy"), lost}
}

// at is somebody's browser, at an address that is theirs alone (by the first letter of the name).
func (s *site) at(name string) *hand {
	s.t.Helper()
	h := s.hand(name)
	h.Address = fmt.Sprintf("192.0.2.%d", name[0])
	return h
}

// console is an operator at the console, signed in with password and code.
func (s *site) console(name string) *hand {
	s.t.Helper()
	h := s.at(name)
	h.Get(s.bridge.URL + "/desk").Follow("")
	h.typesAnyway()
	h.Submit("otp", rig.NewPhone(s.t, realm.Secret(name)).Code()).Follow("")
	h.see("Call code that the caller reads out")
	h.csrf = h.Value("csrf")
	return h
}

// calls is somebody who waits for the help desk.
func (s *site) calls(name string) *hand {
	s.t.Helper()
	return s.callsFor(name, "lost")
}

// callsFor is calls for a reason.
func (s *site) callsFor(name, reason string) *hand {
	s.t.Helper()
	h := s.at(name)
	h.typeID().typePassword().see("What will happen")
	h.SubmitTo("/recovery", "do", "start", "reason", reason, "way", "desk").Follow("")
	return h.see("Call the help desk")
}

var callCode = regexp.MustCompile(`<dd class="big"><span aria-hidden="true">(\d{4}) (\d{4})</span>`)

// reads is the call code on the caller's page as it is now.
func (h *hand) reads() string {
	h.s.t.Helper()
	code := callCode.FindStringSubmatch(h.due().Body)
	if code == nil {
		h.s.t.Fatalf("no call code: %s", h.Describe())
	}
	return code[1] + code[2]
}

// due is the page that is due in a person's browser.
func (h *hand) due() *hand {
	h.Get(h.s.bridge.URL + "/recovery").Follow("")
	return h
}

// pair types a user name and a call code at the console.
func (h *hand) pair(name, code string) *hand {
	h.s.t.Helper()
	h.Get(h.s.bridge.URL+"/desk").SubmitTo("/desk", "name", name, "code", code).Follow("")
	return h
}

// opens types a pair that is right.
func (h *hand) opens(name, code string) *hand {
	h.s.t.Helper()
	h.pair(name, code).see("What is required")
	h.opened = h.Value("case")
	return h
}

// approves presses the button of the case that is open, with checks of the list.
func (h *hand) approves(checks ...string) *hand {
	h.s.t.Helper()
	h.Post(h.s.bridge.URL+"/desk/case", h.approval(checks...)).Follow("")
	return h
}

func (h *hand) approval(checks ...string) url.Values {
	return url.Values{"csrf": {h.csrf}, "case": {h.opened}, "do": {"approve"}, "ticket": {"T-2026-1"}, "checks": checks}
}

// mustBe fails the test unless the answer has a status and says something.
func (h *hand) mustBe(status int, text string) *hand {
	h.s.t.Helper()
	if h.Status != status || !h.sees(text) {
		h.s.t.Fatalf("%s: %s, want %d and %q", h.name, h.Describe(), status, text)
	}
	return h
}

// mustBeWrong types a pair that opens nothing.
func (h *hand) mustBeWrong(name, code string) {
	h.s.t.Helper()
	h.pair(name, code).mustBe(http.StatusUnprocessableEntity, "No request matches this")
}

// mustShowNoKey fails the test when the page that is due shows a key, or the page for keys does.
func (h *hand) mustShowNoKey() {
	h.s.t.Helper()
	for _, path := range []string{"/recovery", "/enrol"} {
		h.Get(h.s.bridge.URL + path).Follow("")
		if h.Href("otpauth://") != "" {
			h.s.t.Errorf("%s shows a key in the browser of %s", path, h.name)
		}
	}
}

// finishes takes the key into a new phone and goes on to the end.
func (h *hand) finishes() {
	h.s.t.Helper()
	phone := h.enrol()
	h.seeDone()
	h.s.mustHaveOnly(h.name, phone)
}

// record is what a line of the audit trail says.
type record struct{ Event, Outcome, Code, Actor, Target string }

// trail is what the replicas put on record.
func (s *site) trail() (all []record) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.bridge.Audit), "audit-*.jsonl"))
	if err != nil || len(files) != len(s.bridge.Replicas) {
		s.t.Fatalf("%d audit files: %v", len(files), err)
	}
	for _, file := range files {
		trail, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		for line := range strings.Lines(string(trail)) {
			var r record
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				s.t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	return all
}

// events counts what the replicas put on record about a person.
func (s *site) events(event, name string) (n int) {
	s.t.Helper()
	for _, r := range s.trail() {
		if r.Event == event && r.Target == s.campus.Users[name] {
			n++
		}
	}
	return n
}

// member puts somebody into a group or takes them out of it.
func (s *site) member(method, name, group string) {
	s.t.Helper()
	var found struct{ ID string }
	if err := s.campus.Do(s.t.Context(), "GET /group-by-path"+group, nil, &found); err != nil {
		s.t.Fatal(err)
	}
	if err := s.campus.Do(s.t.Context(), method+" /users/"+s.campus.Users[name]+"/groups/"+found.ID, nil, nil); err != nil {
		s.t.Fatal(err)
	}
}
