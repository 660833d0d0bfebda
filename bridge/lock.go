package bridge

import (
	"slices"
	"time"
)

// Lock makes a stolen authenticator useless: a tombstone in, every other second factor out, sessions ended. It belongs to a recovery for
// ReasonStolen, begins with the proof and never before (WB-13), and goes on to its end whatever becomes of the recovery.
type Lock struct {
	// Tombstone is an OTP credential whose secret nobody knows: it is drawn anew for each write and kept nowhere. A write that is repeated
	// with the same id changes nothing.
	Tombstone     NewCredential
	Remove        []string     `json:",omitempty"` // second factors that stood at intent
	Intended      bool         `json:",omitempty"` // the audit trail holds the intent
	Removing      bool         `json:",omitempty"` // a removal was begun: the lock is not given up any more
	SessionsEnded bool         `json:",omitempty"`
	Left          []string     `json:",omitempty"` // ids that Keycloak lastingly refuses to remove, never of an OTP
	Kept          []Credential `json:",omitempty"` // what still stands at the end, beside the tombstone
	Done          bool         `json:",omitempty"`
	Refused       Code         `json:",omitempty"` // the tombstone could not be written for good: nothing was changed
	At            time.Time    `json:",omitzero"`  // of the end
}

// TypePasswordHistory are earlier passwords; they open nothing.
const TypePasswordHistory = "password-history"

// factors are the kinds of credentials that are known to be a second factor and that a lock removes.
var factors = []string{TypeOTP, TypeRecoveryCodes, "webauthn", "webauthn-passwordless"}

func (l Lock) settled() bool { return l.Done || l.Refused != "" }

// NextLock decides the next step of a lock from the credentials seen just now. Nothing is removed before the tombstone is seen, so that
// there is a second factor at every moment.
func NextLock(l Lock, seen []Credential) Action {
	if !slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == l.Tombstone.ID }) {
		return Action{Kind: ActionAdd, Credential: l.Tombstone.ID, New: &l.Tombstone}
	}
	for _, c := range seen {
		if l.removes(c) {
			return Action{Kind: ActionRemove, Credential: c.ID}
		}
	}
	if !l.SessionsEnded {
		return Action{Kind: ActionEndSessions}
	}
	return Action{Kind: ActionFinish}
}

func (l Lock) removes(c Credential) bool {
	return c.ID != l.Tombstone.ID && !c.Federated && slices.Contains(factors, c.Type) && !slices.Contains(l.Left, c.ID)
}

// keeps lists what a lock could not remove.
func (l Lock) keeps(seen []Credential) []Credential {
	var out []Credential
	for _, c := range seen {
		if c.ID != l.Tombstone.ID && c.Type != TypePassword && c.Type != TypePasswordHistory {
			out = append(out, c)
		}
	}
	return out
}

// Locking reports that a lock is due: the proof of a recovery after a theft is complete, and the lock has not come to its end. What was begun
// is finished; what was not is left only when the person objected by what was mailed.
func (r Recovery) Locking() bool {
	if r.Reason != ReasonStolen {
		return false
	}
	if r.Lock != nil {
		return !r.Lock.settled()
	}
	return !r.ProvenAt.IsZero() && (r.State == Proven || r.State == Ended && r.End != EndVetoed)
}

// Unlocked reports that the account was not locked although a theft was reported: what was stolen works until the swap, which
// removes what the lock should have.
func (r Recovery) Unlocked() bool { return r.unlocked() != "" }

// Locked reports that the account was locked in this recovery.
func (r Recovery) Locked() bool { return r.Lock != nil && r.Lock.Done }

// locked ends a lock: the holder has the whole time for the new authenticator. notBefore is what ending the sessions left in the account,
// which says nothing against this recovery.
func (r Recovery) locked(kept []Credential, notBefore, now time.Time) Recovery {
	l := *r.Lock
	l.Done, l.Kept, l.At = true, kept, now
	r.Lock, r.LockStuck, r.LockSince, r.Snapshot.NotBefore = &l, "", time.Time{}, notBefore
	if r.State == Proven {
		r.Expires = later(r.Expires, now.Add(r.KeyLife))
	}
	return r
}
