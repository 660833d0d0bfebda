package bridge

import (
	"context"
	"slices"
	"time"
)

// Journal is what a person reads of their own account in the settings, the newest first: how recoveries, locks, temporary codes and changes ended. It is
// made of what the audit trail was told, and is no proof: the trail is.
type Journal struct {
	Entries []JournalEntry
}

// JournalEntry is one line of a journal. It holds no secret and no whole address.
type JournalEntry struct {
	At        time.Time
	What      JournalWhat
	Result    JournalResult
	ID        string `json:",omitempty"` // of the recovery, code or change: the same of the same id is one line, however often it is told
	Way       Way    `json:",omitempty"`
	About     string `json:",omitempty"` // label of an authenticator, or an address, masked
	Reference string `json:",omitempty"` // as in the trail, the log and the mails about it
}

// JournalWhat is what a line is about.
type JournalWhat string

// What a line is about.
const (
	JournalRecovery       JournalWhat = "recovery"
	JournalLock           JournalWhat = "lock"
	JournalTemporary      JournalWhat = "temporary"
	JournalCodes          JournalWhat = "codes"
	JournalAddressAdded   JournalWhat = "address_added"
	JournalAddressRemoved JournalWhat = "address_removed"
	JournalAddress        JournalWhat = "address" // a change that was refused
	JournalOTPAdded       JournalWhat = "authenticator_added"
	JournalOTPRemoved     JournalWhat = "authenticator_removed"
	JournalOTPRenamed     JournalWhat = "authenticator_renamed"
	JournalOTP            JournalWhat = "authenticator" // a change that was refused
	JournalPermit         JournalWhat = "permit"
	JournalObjected       JournalWhat = "objected" // to what was done
	JournalChanged        JournalWhat = "changed"  // a second factor while a temporary code was valid
)

// JournalResult is how it ended.
type JournalResult string

// How it ended.
const (
	JournalDone      JournalResult = "done"
	JournalNotDone   JournalResult = "not_done"
	JournalCancelled JournalResult = "cancelled"
	JournalByAdmin   JournalResult = "administrator" // cancelled by one
	JournalNotMe     JournalResult = "not_me"
	JournalExpired   JournalResult = "expired"
	JournalReplaced  JournalResult = "replaced" // by a newer request
	JournalDenied    JournalResult = "denied"
	JournalIssued    JournalResult = "issued"
	JournalUsed      JournalResult = "used"
	JournalEnded     JournalResult = "ended"
	JournalStopped   JournalResult = "stopped"
	JournalSignedOut JournalResult = "signed_out"
)

// Bounds of a journal.
const (
	JournalMost = 20                   // lines of what changed something, and as many of what did not
	JournalLife = 365 * 24 * time.Hour // of a line
)

// lasting reports whether it changed who gets in, or where notices go. The others are counted apart, so that nobody who has only the password drives out
// what happened by beginning recoveries and stopping them.
func (e JournalEntry) lasting() bool {
	switch e.Result {
	case JournalDone, JournalIssued, JournalUsed, JournalSignedOut:
		return e.What != JournalOTPRenamed
	}
	return false
}

// journaled are the events that a person reads of.
var journaled = map[string]struct {
	what   JournalWhat
	result JournalResult
}{
	"swap.done": {JournalRecovery, JournalDone}, "swap.refused": {JournalRecovery, JournalNotDone}, "recovery.ended": {JournalRecovery, JournalNotDone},
	"recovery.cancelled": {JournalRecovery, JournalCancelled}, "recovery.vetoed": {JournalRecovery, JournalNotMe},
	"recovery.expired": {JournalRecovery, JournalExpired}, "recovery.superseded": {JournalRecovery, JournalReplaced}, "desk.denied": {JournalRecovery, JournalDenied},
	"lock.done": {JournalLock, JournalDone}, "lock.refused": {JournalLock, JournalNotDone},
	"temporary.sent": {JournalTemporary, JournalIssued}, "temporary.shown": {JournalTemporary, JournalIssued}, "temporary.used": {JournalTemporary, JournalUsed},
	"temporary.done":      {JournalTemporary, JournalEnded},
	"recovery_codes.done": {JournalCodes, JournalDone}, "recovery_codes.refused": {JournalCodes, JournalNotDone},
	"address.added": {JournalAddressAdded, JournalDone}, "address.removed": {JournalAddressRemoved, JournalDone}, "address.refused": {JournalAddress, JournalNotDone},
	"authenticator.added": {JournalOTPAdded, JournalDone}, "authenticator.removed": {JournalOTPRemoved, JournalDone},
	"authenticator.renamed": {JournalOTPRenamed, JournalDone}, "authenticator.refused": {JournalOTP, JournalNotDone},
	"permit.given": {JournalPermit, JournalDone}, "alarm.objected": {JournalObjected, JournalSignedOut}, "alarm.temporary_changed": {JournalChanged, JournalSignedOut},
}

// journalEnds are the ends of a temporary code of which there is more to say than that it ended.
var journalEnds = map[TemporaryEnd]JournalResult{
	TemporaryExpired: JournalExpired, TemporaryUnshown: JournalExpired, TemporaryVetoed: JournalNotMe, TemporaryChanged: JournalStopped,
	TemporaryUnsent: JournalNotDone, TemporaryUnwritten: JournalNotDone,
}

// JournalLine is the line that an event makes in the journal of its target; ok is false when it makes none.
func JournalLine(e AuditEvent, reference string, at time.Time) (line JournalEntry, ok bool) {
	is, ok := journaled[e.Event]
	if !ok || e.Target == "" {
		return JournalEntry{}, false
	}
	line = JournalEntry{At: at, What: is.what, Result: is.result, ID: e.Recovery, Way: Way(e.Way), About: e.About, Reference: reference}
	if why, more := journalEnds[TemporaryEnd(e.Detail["why"])]; more && is.result == JournalEnded {
		line.Result = why
	}
	if is.what == JournalRecovery && e.Detail["asks"] == asksTemporary {
		line.What = JournalTemporary
	}
	if e.Actor == Administrator {
		line.Result = JournalByAdmin
	}
	return line, true
}

// With returns the journal with one more line, and without those that are too many or too old.
func (j Journal) With(line JournalEntry) Journal {
	if slices.ContainsFunc(j.Entries, func(old JournalEntry) bool {
		return line.ID != "" && old.ID == line.ID && old.What == line.What && old.Result == line.Result
	}) {
		return j
	}
	all := append(slices.Clone(j.Entries), line)
	slices.SortStableFunc(all, func(a, b JournalEntry) int { return b.At.Compare(a.At) })
	left := map[bool]int{true: JournalMost, false: JournalMost} // by lasting
	return Journal{Entries: slices.DeleteFunc(all, func(e JournalEntry) bool {
		left[e.lasting()]--
		return left[e.lasting()] < 0 || line.At.Sub(e.At) >= JournalLife
	})}
}

// Journal returns what the signed-in person may read of their own account. It changes nothing.
func (s *Settings) Journal(ctx context.Context, m Member) ([]JournalEntry, error) {
	if _, err := s.Enter(ctx, m); err != nil {
		return nil, err
	}
	j, err := s.Journals.Get(ctx, m.Person)
	now := s.Now()
	return slices.DeleteFunc(j.Entries, func(e JournalEntry) bool { return now.Sub(e.At) >= JournalLife }), absentIsFine(err)
}
