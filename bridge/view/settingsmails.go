package view

import (
	"time"

	"otpbridge/bridge"
)

// AddressCodeMail goes to an address that somebody wants to be told at: the number that confirms it. It names nobody, since the mailbox may be a
// stranger's, and holds no link that acts.
type AddressCodeMail struct {
	Code      string // eight digits
	Until     time.Time
	Reference string
}

// ChangedMail tells every address that notification addresses or authenticators were changed in the settings.
type ChangedMail struct {
	Name      string
	At        time.Time
	Kind      bridge.ChangeKind
	Address   string // whole; masked here
	Label     string
	Reference string
}

func (AddressCodeMail) subject(l *locale) string { return l.text("mail.address.subject") }

func (m AddressCodeMail) blocks(l *locale) []block {
	facts := []fact{{l.text("address.code"), m.Code[:min(4, len(m.Code))] + " " + m.Code[min(4, len(m.Code)):]}}
	if m.Reference != "" {
		facts = append(facts, fact{l.text("mail.fact.reference"), clean(m.Reference)})
	}
	return join([]block{{Para: l.text("mail.address.text", "org", l.site.Org.in(l.tag))}, {Facts: facts}, {Para: l.text("mail.address.until", "time", l.datetime(m.Until))}},
		l.warn("mail.address.notme"))
}

// changedMails say what was changed.
var changedMails = map[bridge.ChangeKind]string{
	bridge.ChangeAddAddress: "mail.changed.address_added", bridge.ChangeDropAddress: "mail.changed.address_removed",
	bridge.ChangeAddOTP: "mail.changed.app_added", bridge.ChangeDropOTP: "mail.changed.app_removed",
}

func (m ChangedMail) subject(l *locale) string {
	if m.Kind.OfAddress() {
		return l.text("mail.changed.subject")
	}
	return l.text("mail.changed.app_subject")
}

func (m ChangedMail) blocks(l *locale) []block {
	text := l.text(first(changedMails[m.Kind], "mail.changed.app_added"), "address", MaskAddress(m.Address))
	if m.Kind.OfAddress() && m.Address == "" {
		text = l.text("mail.changed.some_address_removed")
	}
	facts := l.facts(Asked{When: m.At}, m.Reference)
	if label := clean(m.Label); label != "" && !linkish.MatchString(label) {
		last := len(facts) - 1
		facts[last].Facts = append(facts[last].Facts, fact{l.text("mail.fact.label"), label})
	}
	return join(l.dear(m.Name), []block{{Para: text}}, facts, l.warn("mail.changed.notme"))
}
