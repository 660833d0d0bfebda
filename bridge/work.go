package bridge

import (
	"context"
	"errors"
	"time"
)

// maxSteps bounds one run of a swap; a person with more old authenticators than this is finished by the next run.
const maxSteps = 64

// refusedPause stands before another look at a swap that Keycloak refused in its midst: whenever somebody mends that, it ends within ten seconds.
const refusedPause = 8 * time.Second

// faultPatience is how long a fault of ours may stand before an administrator is asked for help: most pass with the next try.
const faultPatience = time.Minute

// awayPatience is how long Keycloak may fail with a step, while it shows the account, before an administrator is asked for help: it will not do otherwise by
// itself.
const awayPatience = 10 * time.Minute

// WorkLease is how long a worker's claim on a job holds unless it is renewed, and what was read under it may be acted upon.
const WorkLease = 8 * time.Second

var errSteps error = Fault(CodeInternal, "too many steps for one run", nil)

// lastingAway reports that a step which began so long ago fails as if Keycloak were away, and it is not.
func (f *Flow) lastingAway(ctx context.Context, since time.Time, person string, cause error) bool {
	if CodeOf(cause) != CodeKeycloakAway || f.Now().Sub(since) <= awayPatience {
		return false
	}
	_, err := f.Target.Credentials(ctx, person)
	return err == nil
}

// soon is a fault after which the job comes again within seconds, however long Keycloak, or what stands before it, asks to be left alone: meanwhile a
// lost authenticator works.
func soon(err error) error {
	if PauseOf(err, 0) <= refusedPause {
		return err
	}
	return &Error{Code: CodeOf(err), Err: err, After: refusedPause}
}

// RunSwap brings the person's swap to its end, or as far as the outside world lets it: an error means that the job has to come again.
// It is the only code that writes credentials. Every step may be repeated by any replica.
// next is when to look again (the job was added before its record), zero when there is nothing left to do.
func (f *Flow) RunSwap(ctx context.Context, person string) (next time.Time, err error) {
	var known sight
	var r Recovery
	for range maxSteps {
		var found bool
		known.until = f.leased()
		r, found, err = f.read(ctx, person)
		switch {
		case err != nil:
			return time.Time{}, err
		case found && r.State == Proven:
			return f.Now().Add(2 * time.Second), nil
		case !found || r.State != Writing:
			return time.Time{}, nil
		}
		ctx := onBehalf(ctx, r.Reference)
		done, err := f.swapStep(ctx, r, &known)
		if code := CodeOf(err); code == CodeRefusedByAccount || code == CodeGone {
			f.Log.ErrorContext(ctx, "the old authenticator stays beside the new one until Keycloak allows its removal", "recovery", r.ID, "err", err)
			return f.Now().Add(refusedPause), f.needsHelp(ctx, r, err)
		}
		if f.lasting(ctx, r, err) {
			err = errors.Join(err, f.needsHelp(ctx, r, err))
		}
		if err != nil || done {
			return time.Time{}, soon(err)
		}
	}
	f.Log.ErrorContext(ctx, "the swap has not ended after many steps; it goes on", "person", person)
	if f.lasting(ctx, r, errSteps) {
		err = f.needsHelp(ctx, r, errSteps)
	}
	return f.Now().Add(refusedPause), err
}

// lasting reports that a fault of a swap is none that passes with the next try.
func (f *Flow) lasting(ctx context.Context, r Recovery, cause error) bool {
	fault := CodeOf(cause) == CodeInternal && ctx.Err() == nil && f.Now().Sub(r.WritingAt) > faultPatience
	return fault || f.lastingAway(ctx, r.WritingAt, r.Person, cause)
}

// sight is what one run of a swap knows of the person's credentials: read once after the write and once at the end, reckoned in between.
type sight struct {
	list []Credential
	is   bool // false: nothing is known
	read bool // as Keycloak answered, nothing was done since
	new  bool // nothing was ever sent
	// until is when the recovery, read before, may be another one.
	until time.Time
}

// leased is when what is read now may be out of date.
func (f *Flow) leased() time.Time { return f.Now().Round(0).Add(WorkLease) }

// look reads the credentials.
func (f *Flow) look(ctx context.Context, person string, known *sight) error {
	list, err := f.Target.Credentials(ctx, person)
	*known = sight{list: list, is: err == nil, read: err == nil, until: known.until}
	return err
}

// swapStep does the next thing; done reports that the recovery has left Writing.
func (f *Flow) swapStep(ctx context.Context, r Recovery, known *sight) (done bool, err error) {
	if r.Unwanted {
		return f.decideCancel(ctx, r)
	}
	if !r.Intended {
		return f.intend(ctx, r, known)
	}
	if !known.is {
		if err := f.look(ctx, r.Person, known); err != nil {
			return f.stuck(ctx, r, nil, err)
		}
		if !r.Swap.Gone.IsZero() {
			return false, f.noteSwap(ctx, r, func(s *Swap) { s.Gone = time.Time{} })
		}
	}
	a := NextAction(*r.Swap, known.list)
	switch {
	case a.Kind == ActionAdd:
		return f.swapAdd(ctx, r, a, known)
	case a.Kind == ActionFinish && known.read:
		return true, f.finish(ctx, r, known.list)
	case a.Kind == ActionFinish:
		known.is = false
		return false, nil
	case a.Kind == ActionRemove && r.Swap.SessionsEnded: // what is removed now may have opened another session
		return false, f.noteSwap(ctx, r, func(s *Swap) { s.SessionsEnded = false })
	}
	if err := f.Target.Do(ctx, r.Person, a); err != nil {
		return f.stuck(ctx, r, known.list, err)
	}
	*known = sight{list: a.Apply(known.list), is: true}
	if a.Kind == ActionEndSessions {
		return false, f.sessionsEnded(ctx, r, known)
	}
	return false, nil
}

// sessionsEnded keeps that the sessions were ended, so that nobody who signs in from now on feels a repeat. Meanwhile the credentials are read for the last
// time; if that fails, the next step reads them.
func (f *Flow) sessionsEnded(ctx context.Context, r Recovery, known *sight) error {
	noted := make(chan error, 1)
	go func() { noted <- f.noteSwap(ctx, r, func(s *Swap) { s.SessionsEnded = true }) }()
	if err := f.look(ctx, r.Person, known); err != nil {
		f.Log.DebugContext(ctx, "the last look comes again", "recovery", r.ID, "err", err)
	}
	return <-noted
}

// swapAdd writes the new credential, on record before it is sent. What a refusal means is decided by what stands then: an answer may
// have been lost on the way, and the refusal belong to a repeat.
func (f *Flow) swapAdd(ctx context.Context, r Recovery, a Action, known *sight) (done bool, err error) {
	sent := r.Swap.Sent && !known.new // an earlier try may have written it, whatever refuses this one
	if !r.Swap.Sent {
		if err := f.noteSwap(ctx, r, func(s *Swap) { s.Sent = true }); err != nil {
			return false, err
		}
	}
	if !known.new {
		if over, err := f.swapOver(ctx, r, known.list); err != nil || over {
			return over, err
		}
	}
	a.Until = known.until
	refused := f.Target.Do(ctx, r.Person, a)
	*known = sight{}
	if refused == nil {
		return false, nil
	}
	if err := f.look(ctx, r.Person, known); err != nil && CodeOf(err) != CodeGone {
		return false, errors.Join(err, refused)
	}
	if known.is && labelTaken(refused) && NextAction(*r.Swap, known.list).Kind == ActionAdd {
		return false, f.relabel(ctx, r, known.list)
	}
	s := *r.Swap
	s.Sent, r.Swap = sent, &s
	return f.stuck(ctx, r, known.list, refused)
}

// noteSwap keeps how far the swap of r has come.
func (f *Flow) noteSwap(ctx context.Context, r Recovery, note func(*Swap)) error {
	return f.swapChange(ctx, r, func(old *Recovery) {
		s := *old.Swap
		note(&s)
		old.Swap = &s
	})
}

// intend writes the audit record that precedes every credential, and then that the credential is about to be sent, unless an administrator asked for the
// end meanwhile. If it cannot be on record the recovery goes back to Proven: nothing was changed, and the person may try again.
func (f *Flow) intend(ctx context.Context, r Recovery, known *sight) (done bool, err error) {
	if f.Now().Sub(r.WritingAt) > restored {
		if err := f.look(ctx, r.Person, known); err != nil && CodeOf(err) != CodeGone {
			return false, err
		}
		if over, err := f.swapOver(ctx, r, known.list); err != nil || over {
			return over, err
		}
	}
	e := event("swap.intended", r)
	e.Added, e.Removed = r.Swap.New.ID, r.Swap.Remove
	if err := f.Audit.Record(ctx, e); err != nil {
		if _, back := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) { return old.Unwrite(f.Now()) }); back != nil {
			return false, errors.Join(err, back)
		}
		f.Log.ErrorContext(ctx, "no credential written: the audit trail cannot be written", "recovery", r.ID, "err", err)
		return true, f.expireAt(ctx, r.Person, f.Now().Add(ProofLife))
	}
	*known = sight{is: true, new: true} // nothing to be seen now would change the first write
	return false, f.swapChange(ctx, r, func(old *Recovery) {
		s := *old.Swap
		s.Sent = !old.Unwanted
		old.Intended, old.Swap = true, &s
	})
}

// stuck decides about a failed step. For good and before anything was written: the recovery ends. Otherwise it stays, and the job
// comes again. seen is nil when it could not be read: then what was sent may stand. An account
// that stays gone was deleted; any other refusal has to last, too.
func (f *Flow) stuck(ctx context.Context, r Recovery, seen []Credential, cause error) (done bool, err error) {
	code := CodeOf(cause)
	final := code == CodeRefusedByAccount || code == CodeGone
	deleted, err := f.outOfSight(ctx, r, code == CodeGone && seen == nil)
	if err != nil {
		return false, errors.Join(cause, err)
	}
	written := seen == nil && r.Swap.Sent && !deleted || r.Swap.stands(seen)
	if !final || written {
		return false, errors.Join(cause, f.notRefused(ctx, r, final))
	}
	if believed := deleted || seen != nil && ofProfile(cause); !believed {
		if err := f.refusedAgain(ctx, r, cause); err != nil {
			return false, err
		}
	}
	if err := f.mark(ctx, r.Person); err != nil {
		return false, err
	}
	if err := f.lookAgain(ctx, r); err != nil {
		return false, err
	}
	field := fieldOf(cause)
	_, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.State != Writing || old.ID != r.ID {
			return old, Fault(CodeNotOpen, "swap", nil)
		}
		old = old.Refuse(code, f.Now())
		old.Field, old.Step = field, stepOf(cause)
		return old, nil
	})
	if err != nil {
		return false, err
	}
	e := event("swap.refused", r)
	e.Outcome, e.Code, e.Added, e.Detail = "refused", code, r.Swap.New.ID, named(field)
	f.record(ctx, e)
	f.Log.ErrorContext(ctx, "swap refused for good", "recovery", r.ID, "code", code, "field", field, "err", cause)
	return true, nil
}

// finish queues the notices, puts the end on record and erases the key. Each part may be repeated.
func (f *Flow) finish(ctx context.Context, r Recovery, seen []Credential) error {
	e := event("swap.done", r)
	e.Added, e.Removed = r.Swap.New.ID, r.Swap.Remove
	e.Detail, e.About = finishDetail(r, seen), r.Label
	if err := f.Audit.Record(ctx, e); err != nil {
		return err
	}
	if err := f.tellDone(ctx, NoticeCompleted, r); err != nil {
		return err
	}
	if toldOnlyLink(r) {
		f.tellDesk(ctx, NoticeDeskOne, r.ID)
	}
	if err := f.openWatch(ctx, r.Person, r.Swap.New.ID); err != nil {
		return err
	}
	if err := f.pointAgain(ctx, r.Person, r.StartedAt, r.vetoes()); err != nil {
		return err
	}
	beside, _ := r.Swap.beside(seen)
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID {
			return old, Fault(CodeNotOpen, "swap", nil)
		}
		old.Beside = beside
		return old.Finish(f.Now())
	})
	if err == nil && (r.Stuck != "" || r.Unlocked()) {
		f.calm(ctx, r)
	}
	return err
}

// toldOnlyLink reports that nobody hears of the end but the one mailbox that got the link (MAIL-01).
func toldOnlyLink(r Recovery) bool {
	return r.Way == WayMail && r.Link != nil && len(r.Snapshot.Others(r.Link.To)) == 0
}

// finishDetail says what is unusual about a swap, for whoever reads the trail: which other authenticators were kept; only the
// mailbox that got the link is told.
func finishDetail(r Recovery, seen []Credential) map[string]string {
	detail := map[string]string{}
	if toldOnlyLink(r) {
		detail["told"] = "the address of the link only"
	}
	if _, kept := r.Swap.beside(seen); kept != "" {
		detail["kept"] = kept
	}
	if len(detail) == 0 {
		return nil
	}
	return detail
}

// lookLater is when a recovery that is under way is looked at again by the job that ends it.
const lookLater = time.Minute

// RunExpiry is what the job does that ends a recovery. It goes on while the account is watched after a theft, whose own job the store may lose.
func (f *Flow) RunExpiry(ctx context.Context, person string) (next time.Time, err error) {
	next, err = f.Expire(ctx, person)
	again, lost := f.watchAgain(ctx, person)
	if lost != nil { // a watch that cannot be read keeps no recovery from its end
		f.Log.WarnContext(ctx, "whether an account is watched is asked again", "person", person, "err", lost)
		again = f.Now().Add(lookLater)
	}
	if next.IsZero() || !again.IsZero() && again.Before(next) {
		next = again
	}
	return next, err
}

// Expire ends a recovery whose time is up; one that is being written or locked is given its own job again. What leads to an open one is repaired.
// next is when to look again, zero for never.
func (f *Flow) Expire(ctx context.Context, person string) (next time.Time, err error) {
	r, err := f.Recoveries.Get(ctx, person)
	if errors.Is(err, ErrAbsent) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	now := f.Now()
	if r.Open() || r.Locking() {
		if err := f.pointAgain(ctx, person, r.StartedAt, r.vetoes()); err != nil {
			return time.Time{}, err
		}
	}
	switch {
	case (r.State == Waiting || r.State == Proven) && now.Before(r.Expires):
		return r.Expires, nil
	case r.State == Writing || r.Locking() && r.State == Ended:
		return now.Add(lookLater), f.resume(ctx, r)
	case r.State != Waiting && r.State != Proven:
		return time.Time{}, nil
	}
	r, err = f.change(ctx, person, func(old Recovery) (Recovery, error) {
		next := old.At(f.Now())
		if next.State != Ended || old.State == Ended {
			return old, Fault(CodeNotOpen, "expire", nil)
		}
		return next, nil
	})
	if CodeOf(err) == CodeNotOpen {
		return now.Add(time.Second), nil // it moved meanwhile: look again
	}
	if err == nil {
		e := event("recovery.expired", r)
		e.Actor = "system"
		f.record(onBehalf(ctx, r.Reference), e)
	}
	if err == nil && r.Locking() {
		return now.Add(lookLater), nil
	}
	return time.Time{}, err
}

// resume gives a swap or a lock under way its job again: a store may lose a job and keep the record.
func (f *Flow) resume(ctx context.Context, r Recovery) error {
	kind := JobSwap
	if r.Locking() {
		kind = JobLock
	}
	return f.Jobs.Add(ctx, Job{Kind: kind, ID: r.Person, At: f.Now()})
}
