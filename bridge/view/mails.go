package view

import (
	"time"

	"otpbridge/bridge"
)

// LinkMail goes to the chosen notification address: the link, and a second link that can only stop (MAIL-11).
type LinkMail struct {
	Name      string
	Link      string // whole URL
	Until     time.Time
	Asked     Asked
	Veto      string // whole URL
	Objection string // six digits, not part of the URL
	Reference string
}

// RequestMail tells the other addresses that a recovery was started; it can be stopped from here.
type RequestMail struct {
	Name      string
	Today     bool // a temporary code is asked for
	Asked     Asked
	Veto      string
	Objection string
	Reference string
}

// CompletedMail tells every address that a new authenticator was registered. It has no link that acts.
type CompletedMail struct {
	Name      string
	Asked     Asked // When: the moment of registration
	Label     string
	Receipt   string // of the audit trail; may be empty
	Reference string
}

// CancelledMail tells every address that a recovery was stopped from a notice.
type CancelledMail struct {
	Name      string
	Today     bool // as RequestMail's
	At        time.Time
	Reference string
}

// GateMail tells every address that too many wrong one-time passwords shut the mail way.
type GateMail struct {
	Name      string
	At        time.Time
	Reference string
}

// DeskMail tells the help desk's mailbox about something to look at. It holds no personal data.
type DeskMail struct {
	Kind      DeskKind
	At        time.Time
	Reference string
}

// DeskKind says what happened.
type DeskKind string

// What the help desk is told.
const (
	DeskVetoed   DeskKind = "vetoed"   // somebody stopped a recovery as not theirs
	DeskObjected DeskKind = "objected" // somebody objected to a recovery that is done
	DeskOneAddr  DeskKind = "one"      // a finished recovery could be told only to the address that got the link
	DeskFirst    DeskKind = "first"    // somebody set an address, and no other one heard of it
	DeskCode     DeskKind = "code"     // somebody stopped a temporary code as not theirs
	DeskToday    DeskKind = "today"    // a temporary code was mailed, and no other address heard of it
	DeskTemp     DeskKind = "temp"     // second factors were changed with a temporary code
	DeskGate     DeskKind = "gate"     // too many wrong one-time passwords
)

func (LinkMail) subject(l *locale) string      { return l.text("mail.link.subject") }
func (m RequestMail) subject(l *locale) string { return l.text(today(m.Today, "mail.request.subject")) }
func (CompletedMail) subject(l *locale) string { return l.text("mail.completed.subject") }
func (m CancelledMail) subject(l *locale) string {
	return l.text(today(m.Today, "mail.cancelled.subject"))
}
func (GateMail) subject(l *locale) string { return l.text("mail.gate.subject") }
func (DeskMail) subject(l *locale) string { return l.text("mail.desk.subject") }

// todayTexts are what mails say instead where a temporary code is asked for.
var todayTexts = map[string]string{
	"mail.request.subject": "mail.today.request.subject", "mail.request.text": "mail.today.request.text",
	"mail.approved.text": "mail.today.approved.text", "mail.denied.text": "mail.today.denied.text", "mail.call.subject": "mail.today.call.subject",
	"mail.cancelled.subject": "mail.today.cancelled.subject", "mail.cancelled.text": "mail.today.cancelled.text",
}

func today(is bool, key string) string {
	if is {
		return todayTexts[key]
	}
	return key
}

func (m LinkMail) blocks(l *locale) []block {
	return join(l.dear(m.Name),
		[]block{
			{Para: l.text("mail.link.text")},
			{Link: m.Link},
			{Para: l.text("mail.link.until", "time", l.datetime(m.Until))},
		},
		l.facts(m.Asked, m.Reference),
		l.objection("mail.link.notme", m.Veto, m.Objection),
	)
}

func (m RequestMail) blocks(l *locale) []block {
	return join(l.dear(m.Name),
		[]block{{Para: l.text(today(m.Today, "mail.request.text"))}},
		l.facts(m.Asked, m.Reference),
		l.objection("mail.request.notme", m.Veto, m.Objection),
	)
}

func (m CompletedMail) blocks(l *locale) []block {
	facts := l.facts(m.Asked, m.Reference)
	last := len(facts) - 1
	if label := clean(m.Label); label != "" && !linkish.MatchString(label) {
		facts[last].Facts = append(facts[last].Facts, fact{l.text("mail.fact.label"), label})
	}
	if m.Receipt != "" {
		facts[last].Facts = append(facts[last].Facts, fact{l.text("mail.fact.receipt"), clean(m.Receipt)})
	}
	return join(l.dear(m.Name), []block{{Para: l.text("mail.completed.text")}}, facts, l.warn("mail.completed.then"))
}

func (m CancelledMail) blocks(l *locale) []block {
	return join(l.dear(m.Name), []block{{Para: l.text(today(m.Today, "mail.cancelled.text"))}},
		l.facts(Asked{When: m.At}, m.Reference), []block{{Para: l.text("mail.cancelled.then")}})
}

func (m GateMail) blocks(l *locale) []block {
	return join(l.dear(m.Name), []block{{Para: l.text("mail.gate.text")}},
		l.facts(Asked{When: m.At}, m.Reference), l.warn("mail.gate.then"))
}

func (m DeskMail) blocks(l *locale) []block {
	text := l.text("mail.desk.vetoed")
	switch m.Kind {
	case DeskObjected:
		text = l.text("mail.desk.objected")
	case DeskOneAddr:
		text = l.text("mail.desk.one")
	case DeskFirst:
		text = l.text("mail.desk.first")
	case DeskCode:
		text = l.text("mail.desk.code")
	case DeskToday:
		text = l.text("mail.desk.today")
	case DeskTemp:
		text = l.text("mail.desk.temporary")
	case DeskGate:
		text = l.text("mail.desk.gate")
	}
	return join([]block{{Para: text}}, l.facts(Asked{When: m.At}, m.Reference), []block{{Para: l.text("mail.desk.never")}})
}

// facts are the lines "what happened": time, where from, which way, reference number.
func (l *locale) facts(a Asked, reference string) []block {
	lines := []fact{{l.text("mail.fact.when"), l.datetime(a.When)}}
	if a.From != (bridge.Origin{}) {
		lines = append(lines, fact{l.text("mail.fact.where"), l.from(a.From)})
	}
	if a.Way != "" {
		lines = append(lines, fact{l.text("mail.fact.way"), l.way(a.Way)})
	}
	if reference != "" {
		lines = append(lines, fact{l.text("mail.fact.reference"), clean(reference)})
	}
	return []block{{Head: l.text("mail.facts")}, {Facts: lines}}
}

// objection is the part with the link that can only stop.
func (l *locale) objection(key, link, number string) []block {
	return []block{
		{Head: l.text("mail.notme.title")},
		{Para: l.text(key)},
		{Link: link},
		{Facts: []fact{{l.text("mail.fact.objection"), number}}},
		{Para: l.text("mail.request.then")},
	}
}

// warn is the part without a link.
func (l *locale) warn(key string) []block {
	return []block{{Head: l.text("mail.notme.title")}, {Para: l.text(key)}}
}

func join(parts ...[]block) []block {
	var all []block
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
