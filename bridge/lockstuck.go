package bridge

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lockFault decides about a step of a lock that failed: when to try again, and whether an administrator has to know. An account that
// stays gone was deleted, and there is nothing left to lock.
func (f *Flow) lockFault(ctx context.Context, r Recovery, cause error) (pause time.Duration) {
	code := CodeOf(cause)
	f.Log.WarnContext(ctx, "a lock is tried again", "recovery", r.ID, "code", code, "err", cause)
	final := code == CodeRefusedByAccount || code == CodeGone || f.lastingAway(ctx, r.ProvenAt, r.Person, cause)
	if !final && (code != CodeInternal || ctx.Err() != nil || f.Now().Sub(r.ProvenAt) <= faultPatience) {
		if err := f.lockMoved(ctx, r); err != nil {
			f.Log.WarnContext(ctx, "what was refused before counts as lasting", "recovery", r.ID, "err", err)
		}
		return min(PauseOf(cause, lockPause), refusedPause)
	}
	var err error
	if code == CodeGone && r.LockStuck == code && f.outlasted(r.LockSince) && f.deleted(ctx, r.Person) {
		err = f.refuseLock(ctx, r, cause)
	} else {
		err = f.lockNeedsHelp(ctx, r, cause)
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "nobody is told yet that a lock does not go on", "recovery", r.ID, "err", err)
	}
	return refusedPause
}

// lockMoved notes that a step went through, or failed for another reason: LockStuck has not lasted since before now, and all patience begins
// again. The lock stays on the administrators' list till its end.
func (f *Flow) lockMoved(ctx context.Context, r Recovery) error {
	if r.LockStuck == "" {
		return nil
	}
	return f.changeLock(ctx, r, func(old Recovery) (Recovery, error) {
		old.LockSince = f.Now()
		return old, nil
	})
}

// deleted reports that Keycloak knows no such person; one who is out of reach is there.
func (f *Flow) deleted(ctx context.Context, person string) bool {
	_, err := f.Target.Credentials(ctx, person)
	return CodeOf(err) == CodeGone
}

// lockNeedsHelp marks the lock of r as one that does not go on without an administrator, once for each reason; it is tried again all the same.
func (f *Flow) lockNeedsHelp(ctx context.Context, r Recovery, cause error) error {
	code := CodeOf(cause)
	if r.LockStuck == code {
		return nil
	}
	if err := f.mark(ctx, r.Person); err != nil {
		return err
	}
	err := f.changeLock(ctx, r, func(old Recovery) (Recovery, error) {
		old.LockStuck, old.LockSince, old.Step = code, f.Now(), stepOf(cause)
		return old, nil
	})
	if err != nil {
		return err
	}
	e := event("lock.stuck", r)
	e.Actor, e.Outcome, e.Code = "system", "failed", code
	f.record(ctx, e)
	return nil
}

// lockLeft decides about what could not be removed when all else is done: tried again, until that has lasted and no OTP is
// among it. One of those opens everything that the tombstone keeps shut, so a lock never ends beside it.
func (f *Flow) lockLeft(ctx context.Context, r Recovery, run lockRun) error {
	if stays(run.left) || r.LockStuck != CodeOf(run.why) || f.Now().Sub(r.LockSince) < lockPatience {
		return run.why
	}
	f.Log.ErrorContext(ctx, "second factors stay beside the tombstone", "recovery", r.ID, "count", len(run.left))
	return f.noteLock(ctx, r, func(l *Lock) { *l = l.without(run.left) })
}

// stays reports an OTP among what Keycloak refused to remove.
func stays(refused []Credential) bool {
	return slices.ContainsFunc(refused, func(c Credential) bool { return c.Type == TypeOTP })
}

// without returns the lock as it goes on when these are left where they are.
func (l Lock) without(these []Credential) Lock {
	l.Left = slices.Clone(l.Left)
	for _, c := range these {
		if !slices.Contains(l.Left, c.ID) {
			l.Left = append(l.Left, c.ID)
		}
	}
	return l
}

func credentialOf(seen []Credential, id string) Credential {
	return seen[slices.IndexFunc(seen, func(c Credential) bool { return c.ID == id })]
}

// recordLocked puts the end of a lock on record, and what it kept as an alarm of its own. Removed is what is gone.
func (f *Flow) recordLocked(ctx context.Context, done AuditEvent, kept []Credential) error {
	if len(kept) == 0 {
		return f.Audit.Record(ctx, done)
	}
	var ids, kinds []string
	for _, c := range kept {
		ids, kinds = append(ids, c.ID), append(kinds, c.Type)
	}
	slices.Sort(kinds)
	alarm := done
	alarm.Event, alarm.Removed, alarm.Detail = "lock.kept", nil, map[string]string{"kept": strings.Join(slices.Compact(kinds), " ")}
	if err := f.Audit.Record(ctx, alarm); err != nil {
		return err
	}
	done.Removed = slices.DeleteFunc(slices.Clone(done.Removed), func(id string) bool { return slices.Contains(ids, id) })
	if done.Detail == nil {
		done.Detail = map[string]string{}
	}
	done.Detail["kept"] = strconv.Itoa(len(kept))
	return f.Audit.Record(ctx, done)
}

// calmLock takes a lock that has ended off the administrators' list.
func (f *Flow) calmLock(ctx context.Context, r Recovery) {
	if r.LockStuck != "" || r.Theft != nil {
		f.calm(ctx, r)
	}
}
