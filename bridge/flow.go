package bridge

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"time"
)

// Flow carries people through a recovery: it reads the account, asks the pure transitions, stores their result, writes the audit
// trail and queues mails. It holds no state of its own; any replica may serve any request.
type Flow struct {
	Accounts   Accounts
	Gate       Gate
	Target     SwapTarget
	Visits     Visits
	Recoveries Records[Recovery] // by person
	Links      Records[Pointer]  // by hash of a link or veto token; believed only if the recovery names it back
	Failures   Records[Failures] // wrong codes in a row, by person
	Permits    Records[Permit]   // by person
	Counted    Records[Counted]  // what operators may do only so often, and who is not to be seen, by what it is and person
	CodeSets   Records[CodeSet]  // recovery codes that were asked for, by recovery
	// Temporaries are temporary codes, by person.
	Temporaries Records[TemporaryCode]
	// Watches are accounts that were locked after a theft, by person.
	Watches Records[Watch]
	// Changes are the latest changes in the settings, by person.
	Changes Records[Change]
	// TakesCodes reports whether recovery codes sign in at the realm; nil: none are made here.
	TakesCodes func(ctx context.Context) (bool, error)
	// Unsafe says why the realm is not safe enough for a recovery to begin (CodeKeycloakAway: it could not be looked at yet); nil: it is, or nobody
	// looks. Looked waits a while for the first look.
	Unsafe func() error
	Looked func(context.Context)
	// Ended says how an undertaking of a recovery ended, as far as this process's own audit trail knows: "done", "refused", or ""; nil: it cannot be asked.
	Ended func(ctx context.Context, what Undertaking, recovery string) (how string, err error)
	// Recovered says when the last swap or lock of a person ended, as far as the same trail knows; zero: never. nil: it cannot be asked.
	Recovered func(ctx context.Context, person string) (time.Time, error)
	Jobs      Jobs
	Audit     Audit
	Mail      Mailer
	Limits    Limiter
	Codes     Authenticator
	Rules     Rules
	Now       func() time.Time
	Began     time.Time // when the process did
	// Theirs is the time on Keycloak's clock, by which it dates what is added there; nil: ours.
	Theirs func() time.Time
	Log    *slog.Logger
}

// dated is the date of a credential that we are about to write, beside those that Keycloak dates.
func (f *Flow) dated() int64 { return f.theirs().UnixMilli() }

// theirs is the time on Keycloak's clock.
func (f *Flow) theirs() time.Time {
	if f.Theirs == nil {
		return f.Now()
	}
	return f.Theirs()
}

// Closed says why no recovery may begin now: the administrator's pause, or a realm that is not safe; nil = one may.
func (f *Flow) Closed(op string) error {
	if f.Rules.Paused {
		return Fault(CodePaused, op, nil)
	}
	return f.Safe(op)
}

// Enters says why nobody may sign in for a recovery in this browser now: as Closed does, but for a pause, which keeps nobody out who has a recovery under way
// there or opened its link: the proof needs another sign-in.
func (f *Flow) Enters(ctx context.Context, v Viewer) error {
	const op = "sign in"
	shut := f.Closed(op)
	if CodeOf(shut) != CodePaused {
		return shut
	}
	owner, err := f.Owner(ctx, v.LinkHash)
	if err != nil {
		return err
	}
	for _, person := range []string{v.Person, owner} {
		if person == "" {
			continue
		}
		r, found, err := f.read(ctx, person)
		if err != nil {
			return err
		}
		if found && r.goesOnIn(v) {
			return f.Safe(op)
		}
	}
	return shut
}

// goesOnIn reports that the recovery is under way in the viewer's browser, or by the link that was opened there.
func (r Recovery) goesOnIn(v Viewer) bool {
	own := r.Person == v.Person && (Equal(r.ID, v.Recovery) || Equal(r.Holder, v.Holder))
	return r.Open() && (own || r.Link != nil && Equal(r.Link.Hash, v.LinkHash))
}

// Safe says why no proof counts now: one that was made in an unsafe realm proves nothing; nil = they count. A pause speaks against none.
func (f *Flow) Safe(op string) error {
	if f.Unsafe == nil {
		return nil
	}
	err := f.Unsafe()
	if err == nil || CodeOf(err) == CodeKeycloakAway {
		return err
	}
	return Fault(CodeRealmUnsafe, op, err)
}

// Pointer leads from a token to the person whose recovery it may belong to.
type Pointer struct{ Person string }

// Failures are wrong one-time passwords in a row, over all sessions of a person.
type Failures struct {
	Count int
	Last  time.Time
	Right string `json:",omitempty"` // the last try, if its code was right: the same one again is no further guess
}

// Limits of the flow.
var (
	LimitLinkMinute = Limit{"link-minute", 1, time.Minute}
	LimitLinkHour   = Limit{"link-hour", 3, time.Hour}
	LimitLinkDay    = Limit{"link-day", 10, 24 * time.Hour}
	LimitCallHour   = Limit{"call-hour", 6, time.Hour}     // desk recoveries of one person: each sends notices
	LimitDeskPress  = Limit{"desk-press", 60, time.Minute} // of one operator, whatever they press
	LimitGateNotice = Limit{"gate-notice", 1, 24 * time.Hour}
	LimitObjection  = Limit{"objection", 3, time.Hour} // to what is done: each ends sessions
	LimitService    = Limit{"sign-in-service", 1200, time.Minute}
	LimitAddress    = Limit{"sign-in-address", 120, time.Minute} // beside the new names of an address
)

// How many new names an address may type in an hour; a finished sign-in is taken off again.
const (
	NewNames    = 30
	CampusNames = 300 // of an address of the campus networks
)

const (
	maxFailures   = 10              // wrong codes in a row end the way
	failureDelay  = 5 * time.Second // times the count: pause after a wrong code
	failureMemory = 24 * time.Hour
)

// read returns the person's recovery as it stands now; found is false when there is none.
func (f *Flow) read(ctx context.Context, person string) (r Recovery, found bool, err error) {
	r, err = f.Recoveries.Get(ctx, person)
	if errors.Is(err, ErrAbsent) {
		return Recovery{}, false, nil
	}
	if err != nil {
		return Recovery{}, false, err
	}
	return r.At(f.Now()), true, nil
}

// change applies a transition to the person's recovery. A transition that fails stores nothing, unless the error counts something
// (CodeObjection, CodeWrongCode, CodeKeyStopped, CodeCallPair, CodeWrongWords): then both happen.
func (f *Flow) change(ctx context.Context, person string, transition func(Recovery) (Recovery, error)) (Recovery, error) {
	return f.apply(ctx, person, f.life(), transition)
}

// lasting reports that the store must not forget the recovery: its swap or lock goes on until it has ended, however long Keycloak is away.
func (r Recovery) lasting() bool { return r.State == Writing || r.Locking() }

// swapChange applies a step of the swap to the recovery r, if it is still that one and in Writing.
func (f *Flow) swapChange(ctx context.Context, r Recovery, step func(*Recovery)) error {
	_, err := f.apply(ctx, r.Person, 0, func(old Recovery) (Recovery, error) {
		if old.State != Writing || old.ID != r.ID {
			return old, Fault(CodeNotOpen, "swap", nil)
		}
		step(&old)
		return old, nil
	})
	return err
}

// apply stores what a transition makes of the recovery, for ttl; one with a swap or a lock under way is kept without an end, whoever touches it. What a
// transition leaves as it is is not stored again.
func (f *Flow) apply(ctx context.Context, person string, ttl time.Duration, transition func(Recovery) (Recovery, error)) (Recovery, error) {
	var counted error
	var same Recovery
	step := func(old Recovery, found bool) (Recovery, error) {
		counted = nil
		if !found {
			return old, Fault(CodeNotOpen, "recovery", nil)
		}
		next, err := transition(old)
		switch CodeOf(err) {
		case CodeObjection, CodeWrongCode, CodeKeyStopped, CodeCallPair, CodeWrongWords:
			counted, err = err, nil
		}
		switch {
		case err != nil:
			return next, err
		case reflect.DeepEqual(old, next):
			same = next
			return next, errSame
		case (ttl == 0) != next.lasting():
			return next, errLife
		}
		return next, nil
	}
	other := time.Duration(0)
	if ttl == 0 {
		other = f.life()
	}
	r, err := f.Recoveries.Update(ctx, person, ttl, step)
	for range maxLives {
		if !errors.Is(err, errLife) { // another state than the caller saw
			break
		}
		ttl, other = other, ttl
		r, err = f.Recoveries.Update(ctx, person, ttl, step)
	}
	if errors.Is(err, errSame) {
		r, err = same, nil
	}
	if err != nil {
		return r, err
	}
	return r, counted
}

// maxLives bounds how often one call meets another state than it saw.
const maxLives = 8

// Why a step of apply was not stored.
var (
	errSame = errors.New("nothing changed")
	errLife = errors.New("to be kept for another time")
)

// life is how long the store keeps a recovery after its last change, but for one under way, and what leads to it: through the longest waiting
// period and to the end of what can be objected to, whoever touches it meanwhile.
func (f *Flow) life() time.Duration {
	life := max(f.Rules.LinkLife+WaitAfterLink, DeskMax)
	for _, p := range f.Rules.Policies {
		if p.Delay > 0 {
			life = max(life, p.Delay+DelayGrace)
		}
	}
	return life + (1+MaxExtensions)*ProofLife + KeepEnded
}

// See returns the page for a viewer, with the recovery that it is about.
func (f *Flow) See(ctx context.Context, v Viewer) (Step, Recovery, error) {
	var r Recovery
	var found bool
	if v.Person != "" {
		var err error
		if r, found, err = f.read(ctx, v.Person); err != nil {
			return "", r, err
		}
	}
	return Next(r, found, v, f.Now()), r, nil
}

// record writes an audit event that must not stop what is already true: a failure is logged.
func (f *Flow) record(ctx context.Context, e AuditEvent) {
	if err := f.Audit.Record(ctx, e); err != nil {
		f.Log.ErrorContext(ctx, "audit event lost", "event", e.Event, "err", err)
	}
}

// event fills in what an event of a recovery always says.
func event(name string, r Recovery) AuditEvent {
	e := AuditEvent{Event: name, Outcome: "ok", Actor: r.Person, Target: r.Person, Recovery: r.ID, Way: string(r.Way)}
	if r.Today() {
		e.Detail = map[string]string{"asks": asksTemporary}
	}
	return e
}

// asksTemporary is the detail "asks" of a recovery that asks for a temporary code.
const asksTemporary = "temporary_code"

// fresh reads the account again and holds it against the rules, the snapshot and the sign-in.
func (f *Flow) fresh(ctx context.Context, person string, s Snapshot, authTime time.Time) (Account, error) {
	a, err := f.Accounts.ByID(ctx, person)
	if err != nil {
		return a, err
	}
	if err := f.Rules.Refusal(a); err != nil {
		return a, err
	}
	return a, s.Changed(a, authTime)
}

// refuse ends an open recovery because the account no longer allows it; the cause is returned. Faults of the outside end nothing, nor
// does what passes by itself: anybody can have an account locked for a while by typing wrong passwords, and whatever stands before Keycloak may say for a
// moment that there is no such account, which speaks against no proof at once.
func (f *Flow) refuse(ctx context.Context, r Recovery, cause error) error {
	code := CodeOf(cause)
	if !refusal(code) || code == CodeLocked || code == CodePendingAction || r.State == Proven && code == CodeGone {
		return cause
	}
	return f.endRefused(ctx, r, cause)
}

// endRefused ends a recovery before anything was written; the cause is returned. CodeTooLate: it is being or was written meanwhile, which
// alone may be what changed the account.
func (f *Flow) endRefused(ctx context.Context, r Recovery, cause error) error {
	code := CodeOf(cause)
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		switch {
		case old.ID == r.ID && (old.State == Writing || old.State == Done):
			return old, Fault(CodeTooLate, "refuse", cause)
		case old.ID != r.ID || !old.Open():
			return old, Fault(CodeNotOpen, "refuse", cause)
		}
		return old.Refuse(code, f.Now()), nil
	})
	switch CodeOf(err) {
	case "":
		f.hangUp(ctx, r)
		e := event("recovery.ended", r)
		e.Outcome, e.Code = "refused", code
		f.record(ctx, e)
		return cause
	case CodeNotOpen:
		return cause
	case CodeTooLate:
		return err
	}
	return errors.Join(err, cause) // whether it was we who changed the account the store does not say
}

// refusal reports whether a code speaks of the account and not of the outside world.
func refusal(c Code) bool {
	switch c {
	case CodeGone, CodeDisabled, CodeLocked, CodePendingAction, CodeNotAllowed, CodeAdministrator, CodeDeskOnly, CodePolicy,
		CodePasswordChanged, CodeLoggedOut, CodePasswordRecent:
		return true
	}
	return false
}
