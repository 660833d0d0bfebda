package view

import "time"

// CallMail tells the help desk's mailbox that somebody is about to call. It holds neither a name nor a code, and no link to act with: the
// console asks for both.
type CallMail struct {
	Today     bool // as RequestMail's
	At        time.Time
	Language  string // of the caller
	Console   string // whole URL of the console
	Reference string
}

// ApprovedMail tells every address that an operator confirmed who the person is. With Veto it can be stopped from here.
type ApprovedMail struct {
	Name      string
	Today     bool // as RequestMail's
	Asked     Asked
	Veto      string // whole URL; empty: none
	Objection string
	Reference string
}

// DeniedMail tells every address that the help desk ended a recovery.
type DeniedMail struct {
	Name      string
	Today     bool // as RequestMail's
	Asked     Asked
	Reference string
}

// DelayMail tells every address that a waiting period runs. With Veto it can be stopped from here.
type DelayMail struct {
	Name      string
	Asked     Asked
	NotBefore time.Time
	Veto      string // whole URL; empty: none
	Objection string
	Reference string
}

// PermitMail tells every address that two operators opened the sign-in for minutes.
type PermitMail struct {
	Name      string
	At, Until time.Time
	Reference string
}

func (PermitMail) subject(l *locale) string   { return l.text("mail.permit.subject") }
func (m CallMail) subject(l *locale) string   { return l.text(today(m.Today, "mail.call.subject")) }
func (ApprovedMail) subject(l *locale) string { return l.text("mail.approved.subject") }
func (DeniedMail) subject(l *locale) string   { return l.text("mail.denied.subject") }
func (DelayMail) subject(l *locale) string    { return l.text("mail.delay.subject") }

func (m CallMail) blocks(l *locale) []block {
	facts := l.facts(Asked{When: m.At}, m.Reference)
	if name, ok := map[string]string{"ja": l.text("mail.language.ja"), "en": l.text("mail.language.en")}[m.Language]; ok {
		facts[len(facts)-1].Facts = append(facts[len(facts)-1].Facts, fact{l.text("mail.call.language"), name})
	}
	return join([]block{{Para: l.text("mail.call.text")}, {Para: l.text("mail.call.do")}, {Link: m.Console}}, facts,
		[]block{{Para: l.text("mail.call.never")}})
}

func (m ApprovedMail) blocks(l *locale) []block {
	return join(l.dear(m.Name), []block{{Para: l.text(today(m.Today, "mail.approved.text"))}}, l.facts(m.Asked, m.Reference),
		l.stop("mail.approved.then", m.Veto, m.Objection))
}

func (m DeniedMail) blocks(l *locale) []block {
	return join(l.dear(m.Name), []block{{Para: l.text(today(m.Today, "mail.denied.text"))}}, l.facts(m.Asked, m.Reference), l.warn("mail.denied.then"))
}

func (m PermitMail) blocks(l *locale) []block {
	return join(l.dear(m.Name), []block{{Para: l.text("mail.permit.text")}, {Para: l.text("mail.permit.until", "time", l.datetime(m.Until))}},
		l.facts(Asked{When: m.At}, m.Reference), l.warn("mail.permit.then"))
}

func (m DelayMail) blocks(l *locale) []block {
	return join(l.dear(m.Name), []block{{Para: l.text("mail.delay.text")}, {Para: l.text("mail.delay.from", "time", l.datetime(m.NotBefore))}},
		l.facts(m.Asked, m.Reference), l.stop("mail.delay.then", m.Veto, m.Objection))
}

// stop is what to do about a recovery that is not the person's own: by the link, if there is one, else by phone.
func (l *locale) stop(key, link, number string) []block {
	if link == "" {
		return l.warn(key)
	}
	return l.objection("mail.request.notme", link, number)
}
