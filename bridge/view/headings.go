package view

import "otpbridge/bridge"

// heading of every page: its h1 and the first part of its title.

func (Start) heading(l *locale) string         { return l.text("start.title") }
func (Identify) heading(l *locale) string      { return l.text("id.title") }
func (RequestActive) heading(l *locale) string { return l.text("request.active.title") }
func (Elsewhere) heading(l *locale) string     { return l.text("sent.elsewhere.title") }
func (Link) heading(l *locale) string          { return l.text("link.title") }
func (LinkAsked) heading(l *locale) string     { return l.text("link.title") }
func (LinkStopped) heading(l *locale) string   { return l.text("link.cancelled.title") }
func (Done) heading(l *locale) string          { return l.text("done.title") }
func (Veto) heading(l *locale) string          { return l.text("notme.request.title") }
func (SignedOut) heading(l *locale) string     { return l.text("signedout.title") }
func (Checking) heading(l *locale) string      { return l.text("call.checking.title") }
func (CallBack) heading(l *locale) string      { return l.text("call.match.title") }
func (Case) heading(l *locale) string          { return l.text("case.title") }
func (NotOperator) heading(l *locale) string   { return l.text("error.forbidden.title") }
func (Audit) heading(l *locale) string         { return l.text("audit.title") }
func (Health) heading(l *locale) string        { return l.text("health.title") }

func (p Call) heading(l *locale) string {
	switch {
	case p.Closed():
		return l.text("call.closed.title")
	case p.Second:
		return l.text("call.second.title")
	}
	return l.text("call.title")
}

func (p OpenCase) heading(l *locale) string {
	if !p.Locked.IsZero() {
		return l.text("desk.locked.title")
	}
	return l.text("console.title")
}

func (p Delay) heading(l *locale) string {
	return l.text("delay.title", "time", l.datetime(p.NotBefore))
}

func (p Permit) heading(l *locale) string {
	if !p.Until.IsZero() {
		return l.text("permit.open.title", "time", l.clocktime(p.Now, p.Until))
	}
	return l.text("permit.title")
}

func (p Request) heading(l *locale) string {
	if p.First {
		return l.text("request.first.title")
	}
	return l.text("request.title")
}

func (p MailSent) heading(l *locale) string {
	switch {
	case p.Unsent:
		return l.text("sent.unsent.title")
	case p.Delayed:
		return l.text("sent.delayed.title")
	}
	return l.text("sent.title")
}

func (p EnrolStopped) heading(l *locale) string {
	if p.TimeUp {
		return l.text("enrol.expired.title")
	}
	return l.text("enrol.stopped.title")
}

func (p Enrol) heading(l *locale) string {
	if p.Add {
		return l.text("settings.add.title")
	}
	return l.text("enrol.title")
}

func (p Writing) heading(l *locale) string {
	if p.Stuck {
		return l.text("writing.stuck.title")
	}
	return l.text("writing.title")
}

func (p Ended) heading(l *locale) string { return l.text(p.words().title) }

// outcome is a finished thing in words.
type outcome struct{ title, text string }

var endings = map[bridge.End]outcome{
	bridge.EndCancelled:  {"sent.cancelled.title", "sent.cancelled.text"},
	bridge.EndVetoed:     {"ended.vetoed.title", "ended.vetoed.text"},
	bridge.EndExpired:    {"ended.expired.title", "ended.expired.text"},
	bridge.EndSuperseded: {"ended.superseded.title", "ended.superseded.text"},
	bridge.EndDenied:     {"ended.denied.title", "call.denied.next"},
	bridge.EndTooMany:    {"ended.too_many.title", "ended.too_many.text"},
	bridge.EndRefused:    {"request.refused.title", "ended.refused.text"},
	bridge.EndStopped:    {"ended.vetoed.title", "ended.stopped.text"},
}

// words of an ending that is not known are those of an expired request: it is over and nothing was changed.
func (p Ended) words() outcome {
	if f, ok := failures[p.Code]; ok && p.How == bridge.EndRefused {
		return outcome{f.title, f.text}
	}
	if p.How == bridge.EndTooMany && p.Code == bridge.CodeCallPair {
		return outcome{"ended.denied.title", "call.toomany.text"}
	}
	if w, ok := endings[p.How]; ok {
		return w
	}
	return endings[bridge.EndExpired]
}

var vetoes = map[VetoOutcome]outcome{
	VetoStopped: {"notme.request.done.title", "notme.request.done.text"},
	VetoKept:    {"notme.kept.title", "notme.kept.text"},
	VetoLate:    {"notme.late.title", "notme.late.text"},
	VetoInvalid: {"error.link.title", "veto.invalid.text"},
}

func (p VetoDone) words() outcome {
	if w, ok := vetoes[p.Outcome]; ok {
		return w
	}
	return vetoes[VetoInvalid]
}

func (p VetoDone) heading(l *locale) string { return l.text(p.words().title) }

var results = map[CaseResult]outcome{
	CaseApproved:   {"case.approved.title", "case.approved.text"},
	CaseCode:       {"case.code.title", "case.code.text"},
	CaseSecond:     {"case.second.title", "case.second.text"},
	CaseDelay:      {"case.delay.title", "case.delay.text"},
	CaseDenied:     {"case.denied.title", "case.denied.text"},
	CaseSuspicious: {"case.suspicious.title", "case.suspicious.text"},
}

// words of a result that is not known are those of a case that is closed.
func (p CaseDone) words() outcome {
	if w, ok := results[p.Result]; ok {
		return w
	}
	return outcome{"case.closed.title", "case.closed.text"}
}

func (p CaseDone) heading(l *locale) string { return l.text(p.words().title) }

var missing = map[Missing]string{
	MissingRole: "console.missing.role", MissingFactor: "console.missing.factor", MissingSignIn: "console.missing.signin",
	MissingAuditor: "console.missing.auditor", MissingAdmin: "console.missing.admin",
}

func (p NotOperator) words() outcome {
	return outcome{"error.forbidden.title", first(missing[p.Missing], "error.operator.text")}
}

// noMail says why only the phone way is offered.
var noMail = map[bridge.Code]string{
	bridge.CodeNoAddress: "request.way.no_mail", bridge.CodeAddressUnproven: "request.way.no_mail",
	bridge.CodeAddressCampus: "request.way.campus", bridge.CodeAddressChanged: "request.way.recent",
	bridge.CodePasswordRecent: "request.way.recent", bridge.CodeDeskOnly: "request.way.policy",
}

// WhyPhone is the key of what the page says when only the phone way is offered.
func (p Request) WhyPhone() string { return first(noMail[p.NoMail], "request.way.not_now") }
