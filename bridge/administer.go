package bridge

import (
	"context"
	"errors"
	"time"
)

// JobAttention marks a recovery that an administrator should look at: its swap, its lock or an objection cannot go on, or its swap was refused. The id is the person's; when it is
// due, RunAttention says whether the mark still has a reason.
const JobAttention = "attention"

// markLife is when a mark is looked at again.
const markLife = 24 * time.Hour

// Administrator is the actor in the audit trail when somebody acts by the command line of the service's own machine.
const Administrator = "administrator"

// ActionName is what an administrator does to a recovery.
type ActionName string

// The actions of an administrator.
const (
	AdminRetry  ActionName = "retry"  // bring the swap or lock to its end now
	AdminCancel ActionName = "cancel" // end the recovery
)

// Administer carries out an administrator's action on the recovery of a person, after it is on record. id is the recovery that was looked at:
// another one of the same person is left alone (CodeNotOpen). It returns the recovery as it stands afterwards; the end of a swap is decided by the
// worker that holds it, so one in Writing may still be there: then Unwanted is set until the decision.
//
// No action takes an authenticator away: a swap removes the old ones only when the new one stands, and is ended only while it does not.
func (f *Flow) Administer(ctx context.Context, person, id string, do ActionName) (Recovery, error) {
	r, found, err := f.read(ctx, person)
	if err != nil {
		return r, err
	}
	if !found || r.ID != id {
		return r, Fault(CodeNotOpen, string(do), nil)
	}
	locking := r.Locking()
	if do == AdminRetry && r.State != Writing && !locking || do == AdminCancel && (r.State == Done && r.UnsaidWhy == "" || r.State == Ended && locking) {
		return r, Fault(CodeTooLate, string(do), nil)
	}
	name := "admin.retry"
	if do == AdminCancel {
		name = "admin.cancel"
	}
	e := event(name, r)
	e.Actor = Administrator
	if err := f.Audit.Record(ctx, e); err != nil {
		return r, Fault(CodeAuditFull, string(do), err)
	}
	if do == AdminCancel {
		return f.cancelFor(ctx, r)
	}
	return r, f.resume(ctx, r)
}

// cancelFor ends a recovery at once, or asks the worker of its swap to; of one that is over it takes the mark away, and gives up what is left to do about an
// objection.
func (f *Flow) cancelFor(ctx context.Context, r Recovery) (Recovery, error) {
	if r.State == Ended || r.State == Done {
		r, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
			if old.ID == r.ID {
				old.Unsaid, old.UnsaidAt, old.UnsaidWhy = nil, time.Time{}, ""
			}
			return old, nil
		})
		return r, firstError(err, f.Jobs.Remove(ctx, JobAttention, r.Person))
	}
	if r.State == Writing {
		// The wish first: a worker that takes the job has to see it. The swap's own job stands anyway and only comes sooner.
		if err := f.swapChange(ctx, r, func(old *Recovery) { old.Unwanted = true }); err != nil {
			return r, err
		}
		r.Unwanted = true
		return r, f.Jobs.Add(ctx, Job{Kind: JobSwap, ID: r.Person, At: f.Now()})
	}
	ended, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID || old.State != Waiting && old.State != Proven {
			return old, Fault(CodeNotOpen, "cancel", nil)
		}
		return old.ended(EndStopped, "", f.Now()), nil
	})
	if err != nil {
		return r, err
	}
	f.hangUp(ctx, r)
	f.record(ctx, byAdministrator(event("recovery.cancelled", r)))
	return ended, nil
}

// AdministerIntent carries out an administrator's action on an undertaking that the store knows nothing of, after it is on record: it is finished as far as it
// can be now, or closed as it stands, whatever that is.
func (f *Flow) AdministerIntent(ctx context.Context, i Intent, do ActionName) error {
	e := byAdministrator(i.event("", ""))
	e.Event = "admin." + string(do)
	if err := f.Audit.Record(ctx, e); err != nil {
		return Fault(CodeAuditFull, string(do), err)
	}
	if do == AdminRetry {
		return f.FinishIntent(ctx, i)
	}
	return f.Audit.Record(ctx, byAdministrator(i.event("refused", CodeNotOpen)))
}

func byAdministrator(e AuditEvent) AuditEvent {
	e.Actor = Administrator
	return e
}

// decideCancel ends the swap of r on an administrator's wish if its new credential does not stand, and goes on with it otherwise. It runs under the
// lease of the swap's job, so nothing is written at the same time. An account that is gone has nothing to lose; that Keycloak itself says so is enough where
// an administrator does, too.
func (f *Flow) decideCancel(ctx context.Context, r Recovery) (done bool, err error) {
	var seen []Credential
	if r.Swap.Sent {
		seen, err = f.Target.Credentials(ctx, r.Person)
	}
	switch {
	case err != nil && CodeOf(err) != CodeGone:
		return false, err
	case r.Swap.stands(seen):
		f.Log.WarnContext(ctx, "not cancelled: the new authenticator stands; the swap goes on", "recovery", r.ID)
		return false, f.swapChange(ctx, r, func(old *Recovery) { old.Unwanted = false })
	}
	if err := f.lookAgain(ctx, r); err != nil {
		return false, err
	}
	if r.Intended {
		e := byAdministrator(event("swap.refused", r))
		e.Outcome, e.Code, e.Added = "refused", CodeNotOpen, r.Swap.New.ID
		if err := f.Audit.Record(ctx, e); err != nil {
			return false, Fault(CodeAuditFull, "cancel", err)
		}
	}
	_, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID || old.State != Writing {
			return old, Fault(CodeNotOpen, "cancel", nil)
		}
		return old.ended(EndStopped, "", f.Now()), nil
	})
	if err != nil {
		return false, err
	}
	f.record(ctx, byAdministrator(event("recovery.cancelled", r)))
	f.calm(ctx, r)
	return true, nil
}

// needsHelp marks the swap of r as one that does not go on without an administrator, once for each reason; it is tried again all the same.
func (f *Flow) needsHelp(ctx context.Context, r Recovery, cause error) error {
	code, field, step := CodeOf(cause), fieldOf(cause), stepOf(cause)
	if r.Stuck == code && r.Field == field {
		return nil
	}
	if err := f.mark(ctx, r.Person); err != nil {
		return err
	}
	if err := f.swapChange(ctx, r, func(old *Recovery) { old.Stuck, old.Field, old.Step = code, field, step }); err != nil {
		return err
	}
	e := event("swap.stuck", r)
	e.Actor, e.Outcome, e.Code, e.Added, e.Detail = "system", "failed", code, r.Swap.New.ID, named(field)
	f.record(ctx, e)
	return nil
}

// mark puts the person's recovery on the administrators' list. It is added before what it speaks of, and without effect until then.
func (f *Flow) mark(ctx context.Context, person string) error {
	return f.Jobs.Add(ctx, Job{Kind: JobAttention, ID: person, At: f.Now().Add(markLife)})
}

// calm takes a recovery off the administrators' list. One that stays there by mistake goes with the next look.
func (f *Flow) calm(ctx context.Context, r Recovery) {
	if err := f.Jobs.Remove(context.WithoutCancel(ctx), JobAttention, r.Person); err != nil {
		f.Log.WarnContext(ctx, "a recovery that needs nobody stays marked for a day", "recovery", r.ID, "err", err)
	}
}

// RunAttention is the work on a mark that is due: next is when to look again, zero when there is nothing to look at any more.
func (f *Flow) RunAttention(ctx context.Context, person string) (next time.Time, err error) {
	r, err := f.Recoveries.Get(ctx, person)
	if errors.Is(err, ErrAbsent) || err == nil && r.State != Writing && !r.Locking() && r.UnsaidWhy == "" {
		return time.Time{}, nil
	}
	return f.Now().Add(markLife), err
}

// Attention reports whether a recovery with a mark needs an administrator now, and why.
func (r Recovery) Attention() (why Code, needed bool) {
	switch {
	case r.State == Writing && r.Stuck != "":
		return r.Stuck, true
	case r.Locking() && r.LockStuck != "":
		return r.LockStuck, true
	case r.UnsaidWhy != "":
		return r.UnsaidWhy, true
	case r.Unlocked() && r.unlocked() != CodeGone:
		return r.unlocked(), true
	case r.State == Ended && r.End == EndRefused && !r.WritingAt.IsZero():
		return r.EndCode, true
	}
	return "", false
}
