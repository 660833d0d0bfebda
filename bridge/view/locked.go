package view

import (
	"time"

	"otpbridge/bridge"
)

// Locking is GET /recovery while a stolen authenticator is made useless. "Check now" is GET /recovery.
type Locking struct {
	Frame
	Slow  bool // longer than usual
	Stuck bool // it does not go on until an administrator acts
}

// Locked is GET /recovery after a recovery for a theft, or another one in an account that was locked before, ended without a new authenticator: the account
// stays locked, and how to come back; or that it is locked no more.
type Locked struct {
	Frame
	At   time.Time           // zero: not known
	Kept []bridge.Credential // what could not be removed
	How  bridge.End          // how the recovery ended; empty: the person left it, and knows
	Code bridge.Code         // of How, as in Ended

	Lifted bool // an administrator has opened the account since
}

// LockedMail tells every address that the authenticators of a stolen device are useless. It has no link that acts.
type LockedMail struct {
	Name      string
	Asked     Asked // When: the moment of the lock
	Kept      int   // how many second factors could not be removed
	Page      string
	Reference string
}

func (Locking) template() string { return "locking" }
func (Locked) template() string  { return "locked" }

func (p Locked) heading(l *locale) string {
	if p.Lifted {
		return l.text("lock.lifted.title")
	}
	return l.text("lock.done.title")
}

func (p Locking) heading(l *locale) string {
	if p.Stuck {
		return l.text("locking.stuck.title")
	}
	return l.text("locking.title")
}

func (LockedMail) subject(l *locale) string { return l.text("mail.locked.subject") }

func (m LockedMail) blocks(l *locale) []block {
	var kept []block
	switch {
	case m.Kept == 1:
		kept = []block{{Para: l.text("mail.locked.kept_one")}}
	case m.Kept > 1:
		kept = []block{{Para: l.text("mail.locked.kept", "n", m.Kept)}}
	}
	return join(l.dear(m.Name), []block{{Para: l.text("mail.locked.text")}}, kept, []block{{Link: m.Page}}, l.facts(m.Asked, m.Reference), l.warn("mail.locked.then"))
}

func (p Locked) words() outcome { return Ended{How: p.How, Code: p.Code}.words() }

// EndTitle is the key of how the recovery ended, "" when nothing is to be said of it.
func (p Locked) EndTitle() string {
	if p.How == "" {
		return ""
	}
	return p.words().title
}

// KeptNames name what a lock could not remove: the label, or else the kind.
func (p Locked) KeptNames() []string { return keptNames(p.Kept) }

// KeptNames name what a lock could not remove: the label, or else the kind.
func (p Enrol) KeptNames() []string { return keptNames(p.Kept) }

func keptNames(kept []bridge.Credential) []string {
	var out []string
	for _, c := range kept {
		out = append(out, first(c.Label, c.Type))
	}
	return out
}
