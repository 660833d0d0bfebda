package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
)

// oneFault wants exactly the fault that each change of the example makes.
func oneFault(t *testing.T, cases map[string][]change) {
	t.Helper()
	s := newSite(t)
	for want, changes := range cases {
		text := s.text
		for _, c := range changes {
			if strings.Count(text, c.old) != 1 {
				t.Fatalf("%s: the example holds %q %d times", want, c.old, strings.Count(text, c.old))
			}
			text = strings.Replace(text, c.old, c.fresh, 1)
		}
		_, faults := s.load(text)
		if len(faults) != 1 || !strings.Contains(faults[0], ": "+want) {
			t.Errorf("want one fault %q, got\n%s", want, strings.Join(faults, "\n"))
		}
	}
}

// HD-01, HD-15, CFG-07: the desk works only with everything that it rests on.
func TestDeskNeedsWhatItRestsOn(t *testing.T) {
	t.Parallel()
	const risk = `  risk_analysis: {document: RA-2026-11, version: "1.2", approved: 2026-11-01}`
	oneFault(t, map[string][]change{
		"help_desk.risk_analysis.document: is missing":                  {{"document: RA-2026-11, ", ""}},
		"help_desk.risk_analysis.version: is missing":                   {{`version: "1.2", `, ""}},
		"help_desk.risk_analysis.version: is a bare number":             {{`version: "1.2"`, "version: 1.2"}},
		"help_desk.risk_analysis.approved: is missing":                  {{", approved: 2026-11-01", ""}},
		"help_desk.risk_analysis.approved: is no date":                  {{"2026-11-01", "2026-11-31"}},
		"help_desk.risk_analysis: is a text":                            {{risk, "  risk_analysis: done"}, {"  enabled: true", "  enabled: false"}, {"ways: [desk], approvals: 2, checks: 2", "ways: [mail]"}, {"[mail, desk], approvals: 1, checks: 1", "[mail]"}},
		"help_desk.phone: is missing":                                   {{"  phone: 075-000-0000", ""}},
		"help_desk.contacts: is missing":                                {{"  contacts:  ", "  contacts: [] # "}, {"    - {label: {ja: お問い合わせフォーム, en: Contact form}, url: https://www.example.ac.jp/helpdesk}", ""}},
		"help_desk.supervisor_mailbox: is missing":                      {{"  supervisor_mailbox: it-security@example.ac.jp", ""}},
		"help_desk.supervisor_mailbox: is help_desk.mailbox":            {{"it-security@", "Helpdesk@"}},
		"help_desk.mailbox: is missing":                                 {{"  mailbox: helpdesk@example.ac.jp", ""}, {"announce_calls: false", "announce_calls: true"}},
		"help_desk.number_on_record.attribute: is missing":              {{"  number_on_record: {attribute: phone}", ""}},
		"help_desk.number_on_record.whole: is a text":                   {{"{attribute: phone}", "{attribute: phone, whole: all}"}},
		"help_desk.person_attributes[1].attribute: is the one of line ": {{"attribute: room", "attribute: department"}},
		"help_desk.person_attributes[0].attribute: is missing":          {{"attribute: department, ", ""}},
		"help_desk.person_attributes[0].label.en: is missing":           {{", en: Affiliation", ""}},
		"help_desk.checks[1].id: is the one of line ":                   {{"id: photo_id", "id: callback"}},
		"help_desk.checks[1].id: is missing":                            {{"id: photo_id, ", ""}},
		"help_desk.checks[1].id: is not written that way":               {{"id: photo_id", "id: Photo ID"}},
		"help_desk.checks[1].label.ja: is missing":                      {{"ja: 窓口で写真付き身分証を確認した, ", ""}},
		"help_desk.enabled: is a text":                                  {{"  enabled: true", `  enabled: "yes"`}},
	})
}

// HD-01: off is the default, and nothing else turns the desk on.
func TestDeskIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text := strings.Replace(s.with("  enabled: true\n", ""), "ways: [desk], approvals: 2, checks: 2", "ways: [mail]", 1)
	c, faults := s.load(strings.Replace(text, "ways: [mail, desk], approvals: 1, checks: 1", "ways: [mail]", 1))
	if faults != nil || c.HelpDesk.Enabled || c.Rules().Desk {
		t.Errorf("the desk is on: %q", faults)
	}
	_, faults = s.load(s.with(`  risk_analysis: {document: RA-2026-11, version: "1.2", approved: 2026-11-01}   # without it the desk stays off`, ""))
	if len(faults) != 3 || !strings.Contains(faults[0], "help_desk.risk_analysis.approved: is missing") {
		t.Errorf("without a risk analysis: %q", faults)
	}
	_, faults = s.load(s.with("  enabled: true", "  enabled: false"))
	if len(faults) != 2 || !strings.Contains(faults[0], "policies[0].ways: names the desk while help_desk.enabled is not true") {
		t.Errorf("policies name a desk that is off: %q", faults)
	}
}

// HD-08: what a person knows, or data about them, is no check, whatever it is called.
func TestKnowledgeIsNoCheck(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, id := range []string{"kba", "secret_question", "mothers_maiden_name", "date_of_birth", "dateofbirth", "dob", "student_number", "pin"} {
		_, faults := s.load(s.with("id: video", "id: "+id))
		if len(faults) != 1 || !strings.Contains(faults[0], "help_desk.checks[2].id: is a question about what a person knows") {
			t.Errorf("%s: %q", id, faults)
		}
	}
	for _, label := range []string{
		"Secret question answered", "Mother's maiden name", "Date of Birth compared", "KBA", "Ｄａｔｅ ｏｆ ｂｉｒｔｈ", "Knows the student number", "PIN told",
		"Name of the first pet", "生年月日を確認した", "秘密の質問", "学籍番号を聞いた", "母親の旧姓",
	} {
		_, faults := s.load(s.with("en: Photo ID shown by video", `en: "`+label+`"`))
		if len(faults) != 1 || !strings.Contains(faults[0], "help_desk.checks[2].label.en: is a question about what a person knows") {
			t.Errorf("%s: %q", label, faults)
		}
	}
	for _, label := range []string{"Student card shown in person", "Confirmed by the secretary of the faculty", "The tutor brought them along", "Called back by video; petition signed"} {
		if _, faults := s.load(s.with("en: Photo ID shown by video", `en: "`+label+`"`)); faults != nil {
			t.Errorf("%s: %q", label, faults)
		}
	}
}

// POL-01: policies that contradict themselves, cannot be reached or leave somebody out are refused.
func TestBadPoliciesAreRefused(t *testing.T) {
	t.Parallel()
	const staff, everyone = "match: {groups: [/staff]}, ways: [desk], approvals: 2, checks: 2}", "  - {name: everyone, ways: [mail, desk], approvals: 1, checks: 1, delay: 0h}"
	oneFault(t, map[string][]change{
		"policies[0].name: is missing":                                                                  {{"name: staff, ", ""}},
		"policies[1].name: is the one of line ":                                                         {{"name: everyone", "name: staff"}},
		"policies[0].ways: is missing":                                                                  {{staff, "match: {groups: [/staff]}}"}},
		"policies[0].ways: is none of the words allowed":                                                {{"ways: [desk]", "ways: [sms]"}},
		"policies[0].ways: stands here twice":                                                           {{"ways: [desk]", "ways: [desk, desk]"}},
		"policies[0].ways: lets nobody recover: ":                                                       {{staff, "match: {roles: [otp-helpdesk]}, ways: [mail]}"}},
		"policies[0].approvals: is given, but the desk is none of the ways":                             {{staff, "match: {groups: [/staff]}, ways: [mail], approvals: 1}"}},
		"policies[0].checks: is given, but the desk is none of the ways":                                {{staff, "match: {groups: [/staff]}, ways: [mail], checks: 1}"}},
		"policies[0].ways: stands beside refuse: true":                                                  {{staff, "match: {groups: [/staff]}, ways: [mail], refuse: true}"}},
		"policies[0].approvals: stands beside refuse: true":                                             {{staff, "match: {groups: [/staff]}, approvals: 1, refuse: true}"}},
		"policies[0].delay: stands beside refuse: true":                                                 {{staff, "match: {groups: [/staff]}, delay: 1h, refuse: true}"}},
		"policies[0].desk_temporary_codes: stands beside refuse: true":                                  {{staff, "match: {groups: [/staff]}, desk_temporary_codes: true, refuse: true}"}},
		"policies[0].desk_temporary_codes: is true, but the desk is none of the ways":                   {{staff, "match: {groups: [/staff]}, ways: [mail], desk_temporary_codes: true}"}},
		"policies[0].desk_temporary_codes: is true beside a delay, after which no code for today helps": {{staff, "match: {groups: [/staff]}, ways: [desk], delay: 1h, desk_temporary_codes: true}"}},
		"policies[0].desk_temporary_codes: is true while recovery.temporary_codes is not":               {{staff, "match: {groups: [/staff]}, ways: [desk], desk_temporary_codes: true}"}, {"10m, temporary_codes: true", "10m, temporary_codes: false"}},
		"policies[0].refuse: is a text":                                                                 {{staff, "match: {groups: [/staff]}, ways: [mail], refuse: yes}"}},
		"policies[0].match.groups: is not written that way":                                             {{"[/staff]", "[staff]"}},
		"policies[0].match.groups: is an empty list, which would":                                       {{"[/staff]", "[]"}},
		"policies[0].match.roles: is an empty list, which would":                                        {{"[/staff]", "[/staff], roles: []"}},
		"policies[0].match.attributes: is an empty list, which would":                                   {{"[/staff]", "[/staff], attributes: []"}},
		"policies[0].match.attributes[0].values: is an empty list":                                      {{"[/staff]", "[/staff], attributes: [{attribute: a, values: []}]"}},
		"policies[0].match.attributes[0].values: is missing":                                            {{"[/staff]", "[/staff], attributes: [{attribute: a}]"}},
		"policies[0].match.attributes[0].attribute: is missing":                                         {{"[/staff]", "[/staff], attributes: [{values: [a]}]"}},
		"policies[0].match.attributes[1].attribute: is the one of line ":                                {{"[/staff]", "[/staff], attributes: [{attribute: a, values: [a]}, {attribute: a, values: [b]}]"}},
		"policies[0].match.attributes[0].vlaues: is no key; the nearest is ":                            {{"[/staff]", "[/staff], attributes: [{attribute: a, values: [a], vlaues: [a]}]"}},
		"policies[0].match.group: is no key; the nearest is ":                                           {{"{groups: [/staff]}", "{group: [/staff], roles: [offline_access]}"}},
		"policies[0].match.roles: names a role that is none of keycloak.h":                              {{"{groups: [/staff]}", "{roles: [offline_access, otp-helpdesk, teacher]}"}},
		"policies: has no last entry that matches everybody":                                            {{everyone, ""}},
		"policies[1]: rules nobody: the entry of line ":                                                 {{everyone, "  - {name: library, match: {groups: [/staff/library]}, ways: [mail]}\n" + everyone}},
		"policies[2]: rules nobody: the entry of line ":                                                 {{everyone, everyone + "\n  - {name: again, ways: [mail]}"}},
		"policies: is a text":                                                                           {{everyone, ""}, {"  - {name: staff, " + staff, ""}, {"policies:  ", "policies: mail # "}},
		"policies[0]: is a text":                                                                        {{"  - {name: staff, " + staff, "  - staff"}},
		"keycloak.addresses: is missing":                                                                {{"[{attribute: notificationEmail}]", "[]"}, {"delay: 0h", "delay: 24h"}},
	})
}

func TestPoliciesReachTheRules(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text := strings.Replace(s.text, "match: {groups: [/staff]}", "match: {groups: [/staff, /it], roles: [offline_access], attributes: [{attribute: a, values: [b, c]}, {attribute: d, values: [e]}]}", 1)
	text = strings.Replace(text, "announce_calls: false", "announce_calls: true", 1)
	text = strings.Replace(text, "  - {name: everyone", "  - {name: guests, match: {roles: [guest]}, refuse: true}\n  - {name: everyone", 1)
	c, faults := s.load(strings.Replace(text, "delay: 0h", "delay: 24h", 1))
	if faults != nil {
		t.Fatal(strings.Join(faults, "\n"))
	}
	rules := c.Rules()
	if !rules.Desk || rules.DeskMailbox != "helpdesk@example.ac.jp" || !rules.AnnounceCalls || rules.Supervisor != "it-security@example.ac.jp" || rules.KeyLife != 10*time.Minute {
		t.Errorf("got %+v", rules)
	}
	if d := cmp.Diff([]string{bridge.CheckCallBack, bridge.CheckInPerson, "video"}, rules.DeskChecks); d != "" {
		t.Error(d)
	}
	want := []bridge.Policy{
		{
			Name: "staff", Ways: []bridge.Way{bridge.WayDesk}, Approvals: 2, Checks: 2,
			Match: bridge.Match{Groups: []string{"/staff", "/it"}, Roles: []string{"offline_access"}, Attributes: map[string][]string{"a": {"b", "c"}, "d": {"e"}}},
		},
		{Name: "guests", Match: bridge.Match{Roles: []string{"guest"}}, Approvals: 1, Checks: 1, Refuse: true},
		{Name: "everyone", Ways: []bridge.Way{bridge.WayMail, bridge.WayDesk}, Approvals: 1, Checks: 1, Delay: 24 * time.Hour},
	}
	if d := cmp.Diff(want, rules.Policies); d != "" {
		t.Error(d)
	}
}

// Whoever gives a mailbox and says nothing of announcements gets none.
func TestCallsAreNotAnnouncedByDefault(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, faults := s.load(strings.Replace(s.text, "announce_calls: false", "", 1))
	if faults != nil {
		t.Fatal(strings.Join(faults, "\n"))
	}
	if rules := c.Rules(); rules.DeskMailbox == "" || rules.AnnounceCalls {
		t.Errorf("mailbox %q, announced %t", rules.DeskMailbox, rules.AnnounceCalls)
	}
}

// CFG-06: equal configurations have equal hashes, lists in lists included.
func TestHashIsStable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text := s.with("{groups: [/staff]}", "{attributes: [{attribute: a, values: [b]}, {attribute: c, values: [d]}, {attribute: e, values: [f]}]}")
	first, faults := s.load(text)
	if faults != nil {
		t.Fatal(faults)
	}
	for range 20 {
		if again, _ := s.load(text); again.Hash != first.Hash {
			t.Fatal("the same file has two hashes")
		}
	}
}
