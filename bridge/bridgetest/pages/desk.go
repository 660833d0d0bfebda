package pages

import (
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// callSamples are the caller's pages of the help desk's way; word stands in every string that comes from outside.
func callSamples(f view.Frame, word string) []Sample {
	live := f
	live.Live = bridge.StepCall
	shut := f
	shut.Desk = view.Desk{Known: true, Opens: At(33, 0)}
	unknown := f
	unknown.Desk = view.Desk{Known: true}
	call := view.Call{Frame: f, ID: "a0123456" + word, Code: "48291735", CodeUntil: At(14, 15), Until: At(15, 5), Extend: true, Mail: true}
	moving, renewed, expired, soon, last, second, closed, odd := call, call, call, call, call, call, call, call
	live.Session = view.SessionEnd{Ends: At(15, 5), Idle: At(14, 20)}
	moving.Frame, renewed.Frame, renewed.Renewed = live, live, true
	expired.CodeUntil = At(14, 5)
	soon.Until, last.Until, last.Extend, last.Mail = At(14, 12), At(14, 12), false, false
	extended := call
	extended.Extended = true
	second.Live, second.Second = bridge.StepSecond, true
	closed.Frame, odd.Frame, odd.Code = shut, unknown, word
	checking := view.Checking{Frame: f, Until: At(15, 5), Extend: true}
	checking.Live = bridge.StepChecking
	back := view.CallBack{Frame: f, Words: 0, Until: At(15, 5), Extend: true}
	moved := back
	moved.Live, moved.Words = bridge.StepCallBack, view.MatchWordCount-1
	delay := view.Delay{Frame: f, Way: bridge.WayDesk, NotBefore: At(38, 0), Until: At(62, 0), Noticed: true}
	waits := delay
	waits.Live, waits.Way, waits.Noticed = bridge.StepDelay, bridge.WayMail, false
	active := view.RequestActive{Frame: f, Started: At(14, 5), Way: bridge.WayDesk}
	watched, proven := active, active
	watched.Live, proven.Live, proven.Proven, proven.Expires = bridge.StepActive, bridge.StepActive, true, At(14, 15)
	gone := view.Elsewhere{Frame: f}
	gone.Live = bridge.StepElsewhere
	sent := view.MailSent{Frame: f, Address: word + "@example.com", Sender: word, Sent: At(14, 5), Expires: At(14, 35),
		ResendFrom: At(14, 6), Left: -1, Phone: true}
	sent.Live = bridge.StepWait
	return []Sample{
		{"call", call}, {"call-live", moving}, {"call-renewed", renewed}, {"call-expired", expired}, {"call-soon", soon}, {"call-last", last},
		{"call-extended", extended}, {"call-second", second}, {"call-closed", closed}, {"call-odd", odd}, {"checking", checking},
		{"checking-plain", view.Checking{Frame: f, Until: At(15, 5)}}, {"callback", back},
		{"checking-today", view.Checking{Frame: f, Today: true, Until: At(15, 5)}}, {"callback-today", view.CallBack{Frame: f, Today: true, Until: At(15, 5)}},
		{"call-today", view.Call{Frame: f, ID: "a0123456", Code: "48291735", CodeUntil: At(14, 15), Until: At(15, 5), Reason: bridge.ReasonToday}}, {"callback-live", moved}, {"delay", delay},
		{"delay-mail", waits}, {"active-desk", active}, {"active-desk-live", watched}, {"active-proven-live", proven},
		{"elsewhere-live", gone}, {"sent-live", sent},
		{"ended-calls", view.Ended{Frame: f, How: bridge.EndTooMany, Code: bridge.CodeCallPair}},
	}
}

// phoneSamples are the request page for everybody who can only phone.
func phoneSamples(f view.Frame) []Sample {
	var all []Sample
	for _, code := range []bridge.Code{bridge.CodeAddressUnproven, bridge.CodeAddressCampus, bridge.CodeAddressChanged,
		bridge.CodePasswordRecent, bridge.CodeTooManyBad, bridge.CodeRealmUnsafe} {
		all = append(all, Sample{"request-phone-" + string(code), view.Request{Frame: f, Desk: true, NoMail: code}})
	}
	shut := f
	shut.Desk = view.Desk{Known: true, Opens: At(33, 0)}
	return append(all, Sample{"request-phone-closed", view.Request{Frame: shut, Address: "h@example.com", Desk: true}})
}

// deskSamples are the operator's pages.
func deskSamples(f view.Frame, word string) []Sample {
	f.Path, f.Operator = "/desk", true
	f.Person = &view.Person{Name: word, ID: "s8800123"}
	open := view.OpenCase{Frame: f, Figures: view.Figures{Known: true, Waiting: 3, Longest: 6 * time.Minute, Approved: 14}, Recent: []view.RecentCase{
		{At: At(13, 42), Checks: []string{"callback", "video"}, Ticket: word, Result: view.CaseApproved},
		{At: At(11, 20), Checks: []string{word}, Ticket: "INC-9", Result: view.CaseSecond},
		{At: At(10, 57), Result: view.CaseSuspicious}, {At: At(10, 7), Result: view.CaseDenied}, {At: At(10, 3), Result: view.CaseDelay},
		{At: At(9, 3), Result: view.CaseResult(word)},
	}}
	idle := view.OpenCase{Frame: f, Name: word, Figures: view.Figures{Known: true}}
	bad, wrong, locked, unsafe := idle, open, open, open
	unsafe.Unsafe = true
	bad.Figures = view.Figures{}
	bad.Faults = []view.Fault{{Field: view.FieldName, Code: view.CodeMissingCaller}, {Field: view.FieldCode, Code: view.CodeMissingCall}}
	wrong.Name, wrong.Faults = word, []view.Fault{{Field: view.FieldCode, Code: bridge.CodeCallPair}}
	locked.Locked = At(14, 16)
	idle.Figures.Waiting, idle.Figures.More = 1000, true
	all := []Sample{{"desk", open}, {"desk-idle", idle}, {"desk-error", bad}, {"desk-pair", wrong}, {"desk-locked", locked}, {"desk-unsafe", unsafe}}
	for _, r := range []view.CaseResult{view.CaseApproved, view.CaseCode, view.CaseSecond, view.CaseDelay, view.CaseDenied, view.CaseSuspicious, "unknown"} {
		all = append(all, Sample{"case-" + string(r), view.CaseDone{Frame: f, Result: r, NotBefore: At(38, 0)}})
	}
	f.Person, f.Operator = nil, false
	for _, m := range []view.Missing{view.MissingRole, view.MissingFactor, view.MissingSignIn, view.MissingAuditor, view.MissingAdmin, "unknown"} {
		p := view.NotOperator{Frame: f, Missing: m}
		if m == view.MissingFactor {
			p.SignIn = "/desk/signin"
		}
		all = append(all, Sample{"notoperator-" + string(m), p})
	}
	f.Console, f.Operator = true, true
	for _, code := range []bridge.Code{bridge.CodeCaseClosed, bridge.CodeSelf, bridge.CodeAdministrator, bridge.CodePasswordChanged, bridge.CodeTooMany, bridge.CodeLocked} {
		all = append(all, Sample{"deskfailure-" + string(code), view.Failure{Frame: f, Code: code, Until: At(15, 5)}})
	}
	return all
}

// About is a caller with everything that may be on record.
func About(word string) view.CasePerson {
	return view.CasePerson{Name: word, ID: "a0123456", Addresses: []string{word + "@example.com", "second@example.ac.jp"},
		Attributes: []view.Attribute{{Label: view.Words{"ja": "所属", "en": "Affiliation"}, Value: word},
			{Label: view.Words{"en": word}, Value: "A0123456", Mask: true}},
		Numbers: []view.Attribute{{Label: view.Words{"ja": "登録済みの電話番号", "en": "Phone on record"}, Value: "075-111-2212", Mask: true}}}
}

// caseSamples are the states of the operator's case page.
func caseSamples(f view.Frame, word string) []Sample {
	f.Path, f.Operator = "/desk/case", true
	f.Person = &view.Person{Name: word, ID: "s8800123"}
	plain := view.Case{Frame: f, ID: "look", About: About(word), Until: At(15, 5), Idle: At(14, 20), Reason: bridge.ReasonLost, Started: At(14, 5),
		From: Origin(word), Ruling: view.CaseRuling{Policy: word, Approvals: 1, Checks: 1}}
	full := plain
	full.Reason, full.Risks = bridge.Reason(word), []view.Risk{view.RiskOutside, view.RiskAddress, view.RiskShared, view.RiskOperator, view.RiskFailures, view.RiskStolen, "x"}
	full.Ruling = view.CaseRuling{Policy: word, Why: []bridge.Code{bridge.CodeDeskOnly, bridge.CodeNoAddress, bridge.CodePasswordRecent, "x"}, Approvals: 2, Checks: 2, Delay: 24 * time.Hour}
	full.Ruling.Matched = []view.RuleMatch{{Condition: "groups", Value: "/staff/" + word}, {Condition: "roles", Value: word},
		{Condition: bridge.AttributeCondition + word, Value: "A0123456", Mask: true}, {Condition: word, Value: "not shown"}}
	full.About.Addresses, full.About.Numbers, full.About.Name = nil, nil, ""
	second := full
	second.Approvals = []view.CaseApproval{{Name: word, At: At(13, 50), Checks: []string{"photo_id"}, Ticket: word}}
	second.About = About(word)
	second.About.Numbers[0].Mask = false
	runs, matched, wrong, bad := plain, plain, plain, plain
	runs.CallBack, runs.Choices = view.CallBackRuns, []int{3, 0, 14, 70, 25, 36}
	runs.Session = view.SessionEnd{Ends: At(22, 0), Idle: At(14, 20), Do: "keep"}
	unpicked := runs
	unpicked.Faults = []view.Fault{{Field: view.FieldWords, Code: view.CodeMissingWords}}
	matched.CallBack = view.CallBackMatched
	wrong.Faults = []view.Fault{{Field: view.FieldWords, Code: bridge.CodeWrongWords}}
	bad.Checked, bad.Ticket = []string{"video"}, word
	bad.Faults = []view.Fault{{Field: view.FieldChecks, Code: bridge.CodeChecks}, {Field: view.FieldTicket, Code: bridge.CodeTicket}}
	unmatched := runs
	unmatched.Checked = []string{"callback"}
	unmatched.Faults = []view.Fault{{Field: view.FieldChecks, Code: bridge.CodeCallBack}}
	self, same := full, second
	self.Barred, same.Barred = bridge.CodeSelf, bridge.CodeSameOperator
	over, nowhere, today := plain, plain, plain
	today.Reason = bridge.ReasonToday
	over.CallBack = view.CallBackOver
	nowhere.CallBack, nowhere.About.Numbers = view.CallBackNowhere, nil
	return []Sample{{"case", plain}, {"case-full", full}, {"case-second-look", second}, {"case-runs", runs}, {"case-unpicked", unpicked},
		{"case-matched", matched}, {"case-words", wrong}, {"case-error", bad}, {"case-callback", unmatched}, {"case-self", self}, {"case-same", same}, {"case-today", today}, {"case-over", over}, {"case-nowhere", nowhere}}
}

// auditSamples are the states of the auditor's page.
func auditSamples(f view.Frame, word string) []Sample {
	f.Path, f.Auditor = "/desk/audit", true
	f.Person = &view.Person{Name: word, ID: "s8800999"}
	const alice, carol, recovery = "3f0c8a52-90b1-4c1e-9d0e-1c2b3a495867", "9a7b6c5d-4e3f-4a2b-8c1d-0e9f8a7b6c5d", "01995f2e-7c1b-7d3e-9a42-5b6c7d8e9f01"
	line := func(minute int, e bridge.AuditEvent) bridge.AuditRecord {
		e.Target = alice
		return bridge.AuditRecord{AuditEvent: e, Time: At(14, minute), Request: bridge.Request{Reference: "7Q4M01JD", Address: "192.0.2.7"}}
	}
	full := view.Audit{Frame: f, Trail: word, Find: word, Older: "/desk/audit?before=12&find=&of=otpbridge-0", Records: []bridge.AuditRecord{
		line(9, bridge.AuditEvent{Event: "swap.done", Outcome: "ok", Actor: "system", Recovery: recovery, Added: carol, Removed: []string{alice, carol}}),
		line(7, bridge.AuditEvent{Event: "desk.approved", Outcome: "ok", Actor: carol, Recovery: recovery, Way: "desk",
			Detail: map[string]string{"checks": "callback", "ticket": word}}),
		line(6, bridge.AuditEvent{Event: "call.wrong_pair", Outcome: "refused", Actor: carol, Code: bridge.CodeCallPair}),
		line(5, bridge.AuditEvent{Event: "mail.failed", Outcome: "failed"}),
		{AuditEvent: bridge.AuditEvent{Event: word, Outcome: word}, Time: At(14, 4)},
	}}
	other, none, far := full, view.Audit{Frame: f, Trail: "otpbridge-0"}, view.Audit{Frame: f, Find: word, Older: full.Older}
	other.Other, other.Operator = true, true
	return []Sample{{"audit", full}, {"audit-other", other}, {"audit-none", none}, {"audit-far", far}}
}

// healthSamples are the states of the administrator's page.
func healthSamples(f view.Frame, word string) []Sample {
	f.Path, f.Admin = "/admin", true
	f.Person = &view.Person{Name: word, ID: "s8800777"}
	bad := view.Health{Frame: f, Process: word, Report: view.Report{
		At: At(14, 0), Stopped: true,
		Findings: []bridge.Finding{
			bridge.Found(bridge.FindScopeShared, word, "scope", "otp-recovery"),
			bridge.Found(bridge.FindLoginRefused, "otpbridge-login", "code", "invalid_request", "realm", "campus"), bridge.Found(bridge.FindClockOff, "", "seconds", "7"),
			bridge.Found(bridge.FindDoctorOld, "", "when", "-"), bridge.Found(bridge.FindFilesOld, word, "days", "400"),
		},
		Unchecked: []view.UncheckedCheck{
			{Check: "identity-providers", Why: bridge.UncheckedRights, Needs: "view-identity-providers"},
			{Check: "flow-overrides", Why: bridge.UncheckedRights, Needs: "view-clients", Seen: At(9, 30)},
			{Check: "store", Why: bridge.UncheckedTime},
			{Check: "par-extra", Why: bridge.UncheckedRefused, Needs: "otpbridge-login: invalid_request"},
			{Check: "par-plain", Why: bridge.UncheckedRefused, Needs: "otpbridge-login: invalid_request"},
		},
		Passed: []string{"browser-flow", "otp-policy"},
	}}
	good, never := bad, view.Health{Frame: f, Process: "otpbridge-0"}
	good.Report.Stopped, good.Report.Findings, good.Report.Unchecked = false, nil, nil
	never.Operator, never.Auditor = true, true
	never.Paused = true
	silent := bad
	silent.Report.Silent = At(13, 45)
	silent.Report.Findings, silent.Report.Unchecked = nil, []view.UncheckedCheck{{Check: "browser-flow", Why: bridge.UncheckedAnswer}}
	return []Sample{{"health", bad}, {"health-good", good}, {"health-never", never}, {"health-silent", silent}}
}

// permitSamples are the states of the permit page.
func permitSamples(f view.Frame, word string) []Sample {
	f.Path, f.Operator = "/desk/permit", true
	f.Person = &view.Person{Name: word, ID: "s8800123"}
	empty := view.Permit{Frame: f}
	gone, many := empty, empty
	gone.Name, gone.Faults = word, []view.Fault{{Field: view.FieldName, Code: bridge.CodeGone}}
	many.Name, many.Faults = word, []view.Fault{{Field: view.FieldName, Code: bridge.CodeTooMany, Until: At(15, 5)}}
	missing := empty
	missing.Faults = []view.Fault{{Field: view.FieldName, Code: view.CodeMissingCaller}}
	found := view.Permit{Frame: f, Name: word, Found: &view.PermitPerson{Name: word, Numbers: About(word).Numbers}}
	bare, bad, mine, other, open := found, found, found, found, found
	bare.Found = &view.PermitPerson{}
	bad.Check, bad.Ticket = "callback", word
	bad.Faults = []view.Fault{{Field: view.FieldCheck, Code: bridge.CodeChecks}, {Field: view.FieldTicket, Code: bridge.CodeTicket}}
	mine.First, mine.Ends, mine.Mine = &view.CaseApproval{Name: word, At: At(14, 1), Checks: []string{"callback"}}, At(15, 1), true
	other.First, other.Ends = mine.First, mine.Ends
	open.Until = At(14, 15)
	shut, locked, out := found, found, found
	for p, code := range map[*view.Permit]bridge.Code{&shut: bridge.CodePendingAction, &locked: bridge.CodeLocked, &out: bridge.CodeNotAllowed} {
		p.Found = &view.PermitPerson{Name: word, Numbers: About(word).Numbers, Refused: code}
	}
	return []Sample{{"permit", empty}, {"permit-gone", gone}, {"permit-many", many}, {"permit-missing", missing}, {"permit-found", found},
		{"permit-bare", bare}, {"permit-error", bad}, {"permit-mine", mine}, {"permit-other", other}, {"permit-open", open},
		{"permit-pending", shut}, {"permit-locked", locked}, {"permit-refused", out}}
}
