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

// Locked is GET /recovery after a recovery for a theft ended without a new authenticator: the account stays locked, and how to come back.
type Locked struct {
	Frame
	At   time.Time
	Kept []bridge.Credential // what could not be removed
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

func (Locked) heading(l *locale) string { return l.text("lock.done.title") }

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
