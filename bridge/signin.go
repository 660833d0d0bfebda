package bridge

import (
	"context"
	"strings"
	"time"
)

// Entry is what is known before the campus sign-in: for whom the gate was opened in this browser, and what decides later.
type Entry struct {
	Person   string // "" = the gate is shut; nobody is told why
	Lease    string
	Snapshot Snapshot
}

// Admit counts one press at the ID page against its client address and against the service as a whole. What is used up comes back at the
// limit's own rate, so that nobody can shut the service for longer than they keep pressing.
func (f *Flow) Admit(ctx context.Context, address string) error {
	return f.take(ctx, "", Use{Limit: LimitAddress, Key: address}, Use{Limit: LimitService, Key: "all"})
}

// take uses limits once, until one is used up. person is whose press it is, "" when that is not known.
func (f *Flow) take(ctx context.Context, person string, uses ...Use) error {
	taken, retry, err := f.Limits.AllowEach(ctx, uses)
	if err == nil && taken == len(uses) {
		return nil
	}
	return f.limited(ctx, person, uses[min(taken, len(uses)-1)].Limit, retry, err)
}

// Prepare looks at the account behind a typed name, takes its snapshot and opens the gate. name is trimmed and normalised by the
// caller; holder is the browser's part in a recovery, "" if it has none. The answer is the same for every name: reasons go to the log and the audit
// trail only. Errors are faults of the outside world and CodeRealmUnsafe. See Admit and Enters.
func (f *Flow) Prepare(ctx context.Context, name, holder string) (Entry, error) {
	if f.Looked != nil {
		f.Looked(ctx)
	}
	if err := f.Safe("prepare"); err != nil {
		return Entry{}, err
	}
	e, err := f.prepare(ctx, strings.TrimSpace(name), holder)
	return f.prepared(ctx, e, err)
}

// prepared records what came of opening a gate. What speaks against it goes there only; the gate then stays shut.
func (f *Flow) prepared(ctx context.Context, e Entry, err error) (Entry, error) {
	code := CodeOf(err)
	if code == CodeWrongCodes || code == CodePaused || refusal(code) {
		f.record(ctx, AuditEvent{Event: "signin.started", Outcome: "refused", Target: e.Person, Code: code})
		f.Log.InfoContext(ctx, "the gate stays shut", "code", code, "err", err)
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, err
	}
	f.record(ctx, AuditEvent{Event: "signin.started", Outcome: "ok", Target: e.Person})
	return e, nil
}

func (f *Flow) prepare(ctx context.Context, name, holder string) (Entry, error) {
	if name == "" {
		return Entry{}, Fault(CodeGone, "name", nil)
	}
	a, err := f.Accounts.ByName(ctx, name)
	switch CodeOf(err) {
	case "":
		against := f.Rules.Refusal(a)
		if against == nil {
			against = f.pausedFor(ctx, a.ID)
		}
		return f.open(ctx, a, holder, against)
	case CodeGone:
		return f.open(ctx, a, holder, err)
	}
	return Entry{}, err
}

// pausedFor says that a pause keeps the gate of a person shut who has no recovery under way, whoever typed the name.
func (f *Flow) pausedFor(ctx context.Context, person string) error {
	if !f.Rules.Paused {
		return nil
	}
	if r, found, err := f.read(ctx, person); err != nil || found && r.Open() {
		return err
	}
	return Fault(CodePaused, "gate", nil)
}

// open judges the account, takes its snapshot and opens its gate. refused says what speaks against it already, nil if nothing does: the realm
// and the events are looked at all the same, so that what is wrong with them is said alike for every name.
func (f *Flow) open(ctx context.Context, a Account, holder string, refused error) (Entry, error) {
	e := Entry{Person: a.ID}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return e, err
	}
	if err := f.Rules.Protected(realm); err != nil {
		return e, f.unsafe(ctx, err)
	}
	h, err := f.lately(ctx, a, realm, known{holder, refused})
	if err != nil {
		return e, err
	}
	e.Snapshot = f.Rules.Snapshot(a, h, realm, f.Now())
	e.Lease, err = f.Gate.Open(ctx, a.ID)
	return e, err
}

// known is what is known of a sign-in before its past is read: the browser's part in a recovery, and what speaks against the account already.
type known struct {
	holder  string
	refused error
}

// lately reads what happened to the account. Ten wrong codes keep the gate shut, and so do events that cannot be read (OIDC-21), unless it is
// permitted: the first is told to the person, the second is nothing that the person did, and an error of its own. With a permit,
// what could not be read counts as the worst: no link goes anywhere.
func (f *Flow) lately(ctx context.Context, a Account, realm RealmFacts, k known) (History, error) {
	now, person, refused := f.Now(), a.ID, k.refused
	if person == "" {
		person = NewUUID() // nobody's: what cannot be read shows alike for every name
	}
	h, unread := f.Accounts.History(ctx, person, now.Add(-f.Rules.LookBack()))
	if unread == nil && !realm.EventsSaved {
		unread = Fault(CodeRealmUnsafe, "events are not saved", nil)
	}
	switch {
	case refused != nil && unread == nil:
		return h, refused
	case refused == nil && unread == nil && h.WrongCodes < MaxWrongCodes:
		return h, nil
	}
	if ok, err := f.permitted(ctx, person, k.holder); err != nil || !ok || refused != nil {
		if err == nil && refused == nil && (unread == nil || CodeOf(unread) == CodeWrongCodes) {
			f.noticeGateShut(ctx, a, h, realm)
			unread = Fault(CodeWrongCodes, "gate", nil)
		}
		return h, firstError(err, f.unsafe(ctx, unread))
	}
	if unread != nil {
		h = History{PasswordReset: now, AddressChanged: now}
	}
	return h, nil
}

// unsafe raises the alarm if err says that the realm does not protect what decides: nobody can be let in until it is mended.
func (f *Flow) unsafe(ctx context.Context, err error) error {
	if CodeOf(err) == CodeRealmUnsafe {
		f.record(ctx, AuditEvent{Event: "alarm.realm_unsafe", Outcome: "failed", Code: CodeRealmUnsafe})
		f.Log.ErrorContext(ctx, "nobody is let in: the realm is not safe", "err", err)
	}
	return err
}

// noticeGateShut tells all addresses on record, once a day, that somebody is guessing.
func (f *Flow) noticeGateShut(ctx context.Context, a Account, h History, realm RealmFacts) {
	f.record(ctx, AuditEvent{Event: "gate.counted", Outcome: "refused", Target: a.ID, Code: CodeWrongCodes})
	if ok, _, err := f.Limits.AllowAtMost(ctx, LimitGateNotice, a.ID); err != nil || !ok {
		return
	}
	now := f.Now()
	f.tellDesk(ctx, NoticeDeskGate, "")
	for _, to := range f.Rules.Snapshot(a, h, realm, now).Others("") {
		n := Notice{Kind: NoticeGateShut, To: to, Language: a.Locale, Name: a.Name, At: now, Expires: now.Add(24 * time.Hour)}
		if err := f.Mail.Send(ctx, n); err != nil {
			f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "err", err)
		}
	}
}

// Reopen opens the gate again for the same person, for the one repeat of a sign-in that was not fresh. The account is judged like the first
// time; the first snapshot stays. An empty entry: the gate stays shut.
func (f *Flow) Reopen(ctx context.Context, e Entry, holder string) (Entry, error) {
	if err := f.Safe("reopen"); err != nil {
		return Entry{}, err
	}
	again := Entry{Person: e.Person}
	a, err := f.Accounts.ByID(ctx, e.Person)
	if err == nil {
		again, err = f.open(ctx, a, holder, f.Rules.Refusal(a))
	}
	if again, err = f.prepared(ctx, again, err); err != nil || again.Person == "" {
		return again, err
	}
	again.Snapshot = e.Snapshot
	return again, nil
}

// Refused records that a sign-in came back and was not accepted.
func (f *Flow) Refused(ctx context.Context, e Entry, why string) {
	f.record(ctx, AuditEvent{Event: "signin.refused", Outcome: "refused", Target: e.Person, Detail: map[string]string{"why": why}})
}

// Leave gives the lease back: the browser came back, or went away.
func (f *Flow) Leave(ctx context.Context, e Entry) {
	if e.Person == "" || e.Lease == "" {
		return
	}
	if err := f.Gate.End(ctx, e.Person, e.Lease); err != nil {
		f.Log.WarnContext(ctx, "lease not given back; it ends by itself", "err", err)
	}
}

// Arrived judges who came back from the campus sign-in. The subject must be the person whom the gate was opened for in this browser;
// CodeWrongPerson otherwise, and the caller ends that session.
func (f *Flow) Arrived(ctx context.Context, e Entry, subject string) error {
	if !Equal(e.Person, subject) {
		f.record(ctx, AuditEvent{Event: "gate.mismatch", Outcome: "refused", Actor: subject, Target: e.Person, Code: CodeWrongPerson})
		return Fault(CodeWrongPerson, "sign-in", nil)
	}
	f.record(ctx, AuditEvent{Event: "signin.finished", Outcome: "ok", Actor: subject, Target: subject})
	return nil
}

// limited refuses whoever is over a limit, which goes on record (RL-07). err: it could not be counted.
func (f *Flow) limited(ctx context.Context, person string, l Limit, retry time.Duration, err error) error {
	if err != nil {
		return Fault(CodeStoreAway, l.Name, err)
	}
	f.OverLimit(ctx, person, person, l.Name)
	return &Error{Code: CodeTooMany, Op: l.Name, Until: f.Now().Add(retry)}
}

// DetailLimit is the name of the limit in an event limit.reached.
const DetailLimit = "limit"

// OverLimit puts on record that a limit refused somebody what is about a person, "" where nobody is known.
func (f *Flow) OverLimit(ctx context.Context, actor, person, limit string) {
	f.record(ctx, AuditEvent{
		Event: "limit.reached", Outcome: "refused", Actor: actor, Target: person, Code: CodeTooMany, Detail: map[string]string{DetailLimit: limit},
	})
}

// LoggedOut records that the campus ended a person's sign-in.
func (f *Flow) LoggedOut(ctx context.Context, person string) {
	f.record(ctx, AuditEvent{Event: "logout.received", Outcome: "ok", Target: person})
}
