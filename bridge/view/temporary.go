package view

import (
	"time"

	"otpbridge/bridge"
)

// Temporary is GET /temporary for a signed-in person without a temporary code: what will happen, and to which address the code goes. Its button
// posts do=send.
type Temporary struct {
	Frame
	Address string // whole; masked here
	Unsent  bool   // the last one could not be mailed
	Unshown bool   // the last one was shown to nobody who said so
	Phone   bool   // the help desk may answer with one, too: do=phone
}

// TemporaryNone is the same page when no temporary code can be sent.
type TemporaryNone struct {
	Frame
	Code    bridge.Code // why
	Until   time.Time   // too_many: from when it works again
	Unshown bool        // as Temporary's
	Phone   bool        // as Temporary's
}

// TemporaryReady is GET /temporary once the help desk has approved a temporary code, in the browser that asked. Its button posts do=show.
type TemporaryReady struct {
	Frame
	Until  time.Time // of the approval
	Failed bool      // it was tried, and could not be made
}

// TemporaryShown is GET /temporary while that browser may see the code. Its buttons post do=keep and do=end.
type TemporaryShown struct {
	Frame
	Code    string    // eight digits
	ShownTo time.Time // taken back then, unless the person says that they have it
	Until   time.Time
}

// TemporarySent is GET /temporary while a temporary code can be used. Its button posts do=end.
type TemporarySent struct {
	Frame
	Address string // whole; masked here; empty: it was shown on the page
	Until   time.Time
	Making  bool // it is not in the mail yet
	Delayed bool // the mail server has not taken the mail yet
}

// TemporaryUsed is GET /temporary after the code was used, as long as what it opened stays open. Its button posts do=end.
type TemporaryUsed struct {
	Frame
	Used, Until time.Time
}

// TemporaryEnded is the page after do=end.
type TemporaryEnded struct{ Frame }

func (Temporary) template() string      { return "temporary" }
func (TemporaryNone) template() string  { return "temporarynone" }
func (TemporaryReady) template() string { return "temporaryready" }
func (TemporaryShown) template() string { return "temporaryshown" }
func (TemporarySent) template() string  { return "temporarysent" }
func (TemporaryUsed) template() string  { return "temporaryused" }
func (TemporaryEnded) template() string { return "temporaryended" }

func (Temporary) heading(l *locale) string      { return l.text("temp.title") }
func (TemporaryNone) heading(l *locale) string  { return l.text("temp.none.title") }
func (TemporaryReady) heading(l *locale) string { return l.text("temp.ready.title") }
func (TemporaryShown) heading(l *locale) string { return l.text("temp.shown.title") }
func (TemporaryUsed) heading(l *locale) string  { return l.text("temp.done.title") }
func (TemporaryEnded) heading(l *locale) string { return l.text("temp.ended.title") }

func (p TemporarySent) heading(l *locale) string {
	switch {
	case p.Making:
		return l.text("temp.title")
	case p.Address == "":
		return l.text("temp.kept.title")
	case p.Delayed:
		return l.text("sent.delayed.title")
	}
	return l.text("temp.sent.title")
}

// SaysTemporary reports whether a code has words on the page that says why no temporary code is sent; every other one is an error page's.
func SaysTemporary(code bridge.Code) bool {
	return TemporaryNone{Code: code}.Why() != "temp.none.text" || code == bridge.CodeDeskOnly
}

// Why is the text that says why no temporary code is sent.
func (p TemporaryNone) Why() string {
	switch p.Code {
	case bridge.CodeNoAuthenticator:
		return "temp.none.authenticator"
	case bridge.CodeNoAddress, bridge.CodeAddressUnproven, bridge.CodeAddressCampus:
		return "temp.none.address"
	case bridge.CodePasswordRecent, bridge.CodeAddressChanged:
		return "temp.none.changed"
	case bridge.CodeTooMany:
		return "temp.none.limit"
	case bridge.CodeTooLate:
		return "temp.none.new"
	}
	return "temp.none.text"
}

// MaxTemporary is how many temporary codes a week has.
func (TemporaryNone) MaxTemporary() int { return bridge.LimitTemporary.Count }

// TemporaryLabel is what Keycloak's page calls a temporary code in a language.
func (v *View) TemporaryLabel(lang string) string {
	l, ok := v.locales[lang]
	if !ok {
		l = v.locales[v.site.Languages[0]]
	}
	return l.text("temp.label")
}

// TemporaryMail brings a temporary code to the notification address, with a link that can only stop it.
type TemporaryMail struct {
	Name      string
	Code      string // eight digits
	Until     time.Time
	Asked     Asked
	Veto      string
	Objection string
	Reference string
}

// TemporaryAskedMail tells the other addresses of a temporary code; it can be stopped from here.
type TemporaryAskedMail struct {
	Name      string
	Shown     bool // on the person's page, after the help desk's approval
	Until     time.Time
	Asked     Asked
	Veto      string
	Objection string
	Reference string
}

// TemporaryBackMail tells every address that a temporary code was taken back.
type TemporaryBackMail struct {
	Name      string
	At        time.Time
	Outcome   bridge.TemporaryOutcome
	Reference string
}

func (TemporaryMail) subject(l *locale) string      { return l.text("mail.temp.subject") }
func (TemporaryAskedMail) subject(l *locale) string { return l.text("mail.tempasked.subject") }
func (m TemporaryBackMail) subject(l *locale) string {
	if m.Outcome.Vetoed {
		return l.text("mail.tempback.subject")
	}
	return l.text("mail.tempback.changed")
}

func (m TemporaryMail) blocks(l *locale) []block {
	half := len(m.Code) / 2
	return join(l.dear(m.Name),
		[]block{
			{Para: l.text("mail.temp.text")},
			{Facts: []fact{{l.text("mail.temp.code"), m.Code[:half] + " " + m.Code[half:]}}},
			{Para: l.text("mail.temp.until", "time", l.datetime(m.Until))},
			{Para: l.text("mail.temp.never", "org", l.site.Org.in(l.tag))},
		},
		l.facts(m.Asked, m.Reference), l.objection("mail.temp.notme", m.Veto, m.Objection))
}

func (m TemporaryAskedMail) blocks(l *locale) []block {
	text := "mail.tempasked.text"
	if m.Shown {
		text = "mail.tempasked.shown"
	}
	return join(l.dear(m.Name), []block{{Para: l.text(text, "time", l.datetime(m.Until))}},
		l.facts(m.Asked, m.Reference), l.objection("mail.temp.notme", m.Veto, m.Objection))
}

func (m TemporaryBackMail) blocks(l *locale) []block {
	o, told, then := m.Outcome, "mail.tempback.text", "mail.tempback.then"
	switch {
	case o.Vetoed:
		told = "mail.tempback.vetoed"
	case o.Password && !o.Undone && !o.Gone && !o.Kept && !o.Locked:
		told = "mail.tempback.password"
	case o.Kept:
		told, then = "mail.tempback.kept", "mail.tempback.kept_then"
	}
	paras := []block{{Para: l.text(told)}}
	if o.Undone {
		paras = append(paras, block{Para: l.text("mail.tempback.undone")})
	}
	if o.Gone {
		paras = append(paras, block{Para: l.text("mail.tempback.gone")})
	}
	if o.Password && told != "mail.tempback.password" {
		paras = append(paras, block{Para: l.text("mail.tempback.password")})
	}
	if o.Locked {
		paras = append(paras, block{Para: l.text("mail.tempback.locked")})
	}
	return join(l.dear(m.Name), paras, l.facts(Asked{When: m.At}, m.Reference), l.warn(then))
}

// temporaryMailFor makes the mails about temporary codes; nil for another one's.
func (v *View) temporaryMailFor(n bridge.Notice) Mail {
	asked, veto := Asked{When: n.At, From: n.Origin}, v.site.BaseURL+"/veto/"+n.Veto.Reveal()
	switch n.Kind {
	case bridge.NoticeTemporary:
		return TemporaryMail{Name: n.Name, Code: n.Code.Reveal(), Until: n.NotAfter, Asked: asked, Veto: veto, Objection: n.Objection, Reference: n.Reference}
	case bridge.NoticeTemporaryAsked:
		return TemporaryAskedMail{Name: n.Name, Shown: n.Today, Until: n.NotAfter, Asked: asked, Veto: veto, Objection: n.Objection, Reference: n.Reference}
	case bridge.NoticeTemporaryBack:
		return TemporaryBackMail{Name: n.Name, At: n.At, Outcome: n.Outcome, Reference: n.Reference}
	}
	return nil
}
