package bridge

import (
	"context"
	"slices"
	"time"
)

// JobLock locks an account after a theft; id = person.
const JobLock = "lock"

const (
	lockPause = 2 * time.Second  // before another try
	lockWatch = 10 * time.Second // while the proof that was about to be complete is not
	// lockPatience is how long Keycloak must have refused to remove a passkey or recovery codes before they stay beside the tombstone.
	lockPatience = 2 * time.Minute
	// stonePatience is how long it must have refused the tombstone before the lock is given up: a right may be missing for a moment only.
	stonePatience = 30 * time.Second
)

// lockSoon keeps the job of the lock, before the proof that it belongs to is stored: without that it does nothing.
func (f *Flow) lockSoon(ctx context.Context, r Recovery, wait time.Duration) error {
	if r.Reason != ReasonStolen {
		return nil
	}
	return f.Jobs.Add(ctx, Job{Kind: JobLock, ID: r.Person, At: f.Now().Add(wait)})
}

// lockNow brings the job of a complete proof forward.
func (f *Flow) lockNow(ctx context.Context, r Recovery) {
	if !r.Locking() {
		return
	}
	if err := f.lockSoon(ctx, r, 0); err != nil {
		f.Log.WarnContext(ctx, "lock begins a little later", "recovery", r.ID, "err", err)
	}
}

// RunLock brings the lock of a person's account to its end. Every step may be repeated by any replica. next is when to look again, zero when
// there is nothing left to do. A fault of the outside is no error: the lock is tried until the recovery is forgotten.
func (f *Flow) RunLock(ctx context.Context, person string) (next time.Time, err error) {
	var run lockRun
	var r Recovery
	for range maxSteps {
		var found bool
		run.until = f.leased()
		r, found, err = f.read(ctx, person)
		switch {
		case err != nil:
			return time.Time{}, err
		case found && r.State == Waiting && r.Reason == ReasonStolen && !r.Locking():
			return later(r.NotBefore, f.Now().Add(lockWatch)), nil
		case !found || !r.Locking():
			f.calmLock(ctx, r)
			return time.Time{}, nil
		}
		ctx := onBehalf(ctx, r.Reference)
		if err := f.lockStep(ctx, r, &run); err != nil {
			return f.Now().Add(f.lockFault(ctx, r, err)), nil
		}
	}
	return f.Now().Add(f.lockFault(ctx, r, errSteps)), nil
}

// lockRun is what one run of a lock knows.
type lockRun struct {
	left    []Credential // what could not be removed: the rest is done first
	why     error        // of these; another reason than a refusal goes first
	current bool         // the lock was begun in this run, or is known not to be over
	until   time.Time    // when the recovery, read before, may be another one
}

// lockStep does the next thing.
func (f *Flow) lockStep(ctx context.Context, r Recovery, run *lockRun) error {
	switch {
	case r.Lock == nil:
		return f.planLock(ctx, r, run)
	case !r.Lock.Intended && run.current:
		e := event("lock.intended", r)
		e.Added, e.Removed = r.Lock.Tombstone.ID, r.Lock.Remove
		if err := f.Audit.Record(ctx, e); err != nil {
			return err
		}
		return f.noteLock(ctx, r, func(l *Lock) { l.Intended = true })
	}
	seen, err := f.Target.Credentials(ctx, r.Person)
	if err != nil {
		return err
	}
	if !run.current {
		if over, err := f.lockOver(ctx, r, seen); err != nil || over {
			return err
		}
		run.current = true
		if !r.Lock.Intended {
			return nil
		}
	}
	a := NextLock(r.Lock.without(run.left), seen)
	switch a.Kind {
	case ActionFinish:
		if len(run.left) > 0 {
			these := *run
			run.left, run.why = nil, nil
			return f.lockLeft(ctx, r, these)
		}
		return f.finishLock(ctx, r, seen)
	case ActionAdd:
		a.Until = run.until
		return f.lockAdd(ctx, r, a)
	case ActionRemove:
		return f.lockRemove(ctx, r, credentialOf(seen, a.Credential), run)
	}
	if err := f.Target.Do(ctx, r.Person, a); err != nil {
		return err
	}
	return f.noteLock(ctx, r, func(l *Lock) { l.SessionsEnded = true })
}

// lockRemove takes a second factor away. That it does is noted first, in case this process ends in between: the lock is not given up any more,
// and sessions are ended again, since what is removed now may have opened one. What cannot be removed holds up nothing else.
func (f *Flow) lockRemove(ctx context.Context, r Recovery, c Credential, run *lockRun) error {
	if !r.Lock.Removing || r.Lock.SessionsEnded {
		return f.noteLock(ctx, r, func(l *Lock) { l.Removing, l.SessionsEnded = true, false })
	}
	err := f.Target.Do(ctx, r.Person, Action{Kind: ActionRemove, Credential: c.ID})
	switch {
	case err == nil:
		return f.lockMoved(ctx, r)
	case CodeOf(err) == CodeGone || ctx.Err() != nil:
		return err
	}
	f.Log.WarnContext(ctx, "a second factor is not removed yet", "recovery", r.ID, "credential", c.ID, "err", err)
	run.leaves(c, err)
	return nil
}

// leaves puts a second factor aside that could not be removed.
func (run *lockRun) leaves(c Credential, why error) {
	if run.left = append(run.left, c); run.why == nil || CodeOf(why) != CodeRefusedByAccount {
		run.why = why
	}
}

// lockAdd writes the tombstone, with a secret that is forgotten at once. What a refusal means is decided by what stands then.
func (f *Flow) lockAdd(ctx context.Context, r Recovery, a Action) error {
	stone := *a.New
	stone.Secret = f.Codes.NewKey()
	a.New = &stone
	refused := f.Target.Do(ctx, r.Person, a)
	if labelTaken(refused) {
		return f.noteLock(ctx, r, func(l *Lock) { l.Tombstone.Label = f.newLabel("Locked", nil) })
	}
	switch CodeOf(refused) {
	case "":
		return f.lockMoved(ctx, r)
	case CodeRefusedByAccount:
	default:
		return refused
	}
	seen, err := f.Target.Credentials(ctx, r.Person)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == stone.ID }) {
		return f.lockMoved(ctx, r)
	}
	if r.Lock.Removing || r.LockStuck != CodeRefusedByAccount || f.Now().Sub(r.LockSince) < stonePatience {
		return refused
	}
	return f.refuseLock(ctx, r, refused)
}

// planLock reads the account once more and fixes what will be written and removed. An account that no longer allows the recovery is not
// locked; one that is held for wrong passwords, as a thief may bring about, is. So is one that this very lock has changed: the store has forgotten that.
func (f *Flow) planLock(ctx context.Context, r Recovery, run *lockRun) error {
	a, moved, err := f.moved(ctx, r, r.AuthTime)
	if err != nil {
		return err
	}
	against := f.Rules.Refusal(a)
	if code := CodeOf(against); code == "" || code == CodeLocked || code == CodePendingAction {
		against = moved
	}
	stone, begun, err := f.lockBegun(ctx, r, a.Credentials)
	if err != nil {
		return err
	}
	if run.current = !begun; against != nil && !begun {
		return f.refuseLock(ctx, r, against)
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	l := Lock{Tombstone: f.newStone(realm, a.Credentials), Intended: begun}
	if stone.ID != "" {
		l.Tombstone.ID, l.Tombstone.CreatedMillis = stone.ID, stone.Created.UnixMilli()
	}
	for _, c := range a.Credentials {
		if l.removes(c) {
			l.Remove = append(l.Remove, c.ID)
		}
	}
	return f.changeLock(ctx, r, func(old Recovery) (Recovery, error) {
		if old.Lock == nil {
			old.Lock = &l
		}
		return old, nil
	})
}

// refuseLock gives a lock up before anything was changed, or after the account was deleted. In the first case it stays on the administrators' list.
func (f *Flow) refuseLock(ctx context.Context, r Recovery, cause error) error {
	code := CodeOf(cause)
	if code != CodeGone {
		if err := f.mark(ctx, r.Person); err != nil {
			return err
		}
	}
	err := f.changeLock(ctx, r, func(old Recovery) (Recovery, error) {
		l := Lock{Refused: code, At: f.Now()}
		old.Lock, old.LockStuck, old.LockSince = &l, "", time.Time{}
		return old, nil
	})
	if err != nil {
		return err
	}
	if code == CodeGone {
		f.calmLock(ctx, r)
	}
	e := event("lock.refused", r)
	e.Outcome, e.Code = "refused", code
	f.record(ctx, e)
	f.Log.ErrorContext(ctx, "lock refused for good", "recovery", r.ID, "code", code, "err", cause)
	return nil
}

// finishLock puts the end on record and queues the notices. Each part may be repeated.
func (f *Flow) finishLock(ctx context.Context, r Recovery, seen []Credential) error {
	a, err := f.Accounts.ByID(ctx, r.Person)
	if err != nil {
		return err
	}
	r.Lock.Kept = r.Lock.keeps(seen)
	e := event("lock.done", r)
	e.Added, e.Removed = r.Lock.Tombstone.ID, r.Lock.Remove
	if err := f.recordLocked(ctx, e, r.Lock.Kept); err != nil {
		return err
	}
	if err := f.tellDone(ctx, NoticeLocked, r); err != nil {
		return err
	}
	if err := f.StartWatch(ctx, watchOf(r, f.theirs(), r.Lock.Kept)); err != nil {
		return err
	}
	err = f.changeLock(ctx, r, func(old Recovery) (Recovery, error) { return old.locked(r.Lock.Kept, a.NotBefore, f.Now()), nil })
	if err == nil {
		f.calmLock(ctx, r)
	}
	return err
}

// changeLock applies a step of the lock to the recovery r, if it is still that one and the lock is under way.
func (f *Flow) changeLock(ctx context.Context, r Recovery, step func(Recovery) (Recovery, error)) error {
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		old = old.At(f.Now())
		if old.ID != r.ID || !old.Locking() {
			return old, Fault(CodeNotOpen, "lock", nil)
		}
		return step(old)
	})
	return err
}

// noteLock keeps how far the lock of r has come.
func (f *Flow) noteLock(ctx context.Context, r Recovery, note func(*Lock)) error {
	return f.changeLock(ctx, r, func(old Recovery) (Recovery, error) {
		if old.Lock == nil {
			return old, Fault(CodeNotOpen, "lock", nil)
		}
		l := *old.Lock
		note(&l)
		old.Lock = &l
		return old, nil
	})
}
