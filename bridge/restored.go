package bridge

import (
	"context"
	"slices"
	"time"
)

// A store may come back as it was a while ago: the copy of a failover, a backup. What it holds as under way may be long over by then, and followed by
// something newer that a repeat would spoil. So whoever goes on with what another run began asks first, before anything is written.

// restored is how old a swap is that was not begun just now.
const restored = 10 * time.Second

// over says how an undertaking that another run began has ended already, "" when it has not: as this process's own trail says or, with nothing of it
// standing, as the account shows.
func (f *Flow) over(ctx context.Context, i Intent, seen []Credential) (how string, err error) {
	if f.Ended != nil {
		if how, err = f.Ended(ctx, i.What, i.Recovery); err != nil || how != "" {
			return how, err
		}
	}
	if i.stands(seen) {
		return "", nil
	}
	elsewhere, err := f.endedElsewhere(ctx, i)
	if elsewhere {
		how = "done"
	}
	return how, err
}

// swapIntent is what the swap of a recovery put on record.
func (r Recovery) swapIntent() Intent {
	return Intent{
		What: UndertakingSwap, Person: r.Person, Recovery: r.ID, Way: r.Way, Added: r.Swap.New.ID, Removed: r.Swap.Remove,
		Begun: time.UnixMilli(r.Swap.New.CreatedMillis),
	}
}

// lockIntent is what the lock of a recovery put on record.
func (r Recovery) lockIntent() Intent {
	return Intent{
		What: UndertakingLock, Person: r.Person, Recovery: r.ID, Way: r.Way, Added: r.Lock.Tombstone.ID, Removed: r.Lock.Remove,
		Begun: time.UnixMilli(r.Lock.Tombstone.CreatedMillis),
	}
}

// swapOver settles a swap that has ended before: nothing is written.
func (f *Flow) swapOver(ctx context.Context, r Recovery, seen []Credential) (over bool, err error) {
	how, err := f.over(ctx, r.swapIntent(), seen)
	if err != nil || how == "" {
		return false, err
	}
	f.Log.WarnContext(ctx, "the store holds a swap as under way that is over", "recovery", r.ID)
	_, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID || old.State != Writing {
			return old, Fault(CodeNotOpen, "swap", nil)
		}
		if how == "done" {
			return old.Finish(old.WritingAt)
		}
		return old.ended(EndStopped, "", f.Now()), nil
	})
	if err == nil {
		f.calm(ctx, r)
	}
	return err == nil, err
}

// lockOver settles a lock that has ended before. Its recovery may go on while the tombstone stands; without it, the lock was followed by another
// authenticator, and the recovery is over too.
func (f *Flow) lockOver(ctx context.Context, r Recovery, seen []Credential) (over bool, err error) {
	how, err := f.over(ctx, r.lockIntent(), seen)
	if err != nil || how != "done" { // one that was refused is tried again
		return false, err
	}
	f.Log.WarnContext(ctx, "the store holds a lock as under way that is over", "recovery", r.ID)
	a, err := f.Accounts.ByID(ctx, r.Person)
	if err != nil {
		return false, err
	}
	i := r.lockIntent()
	if err := f.StartWatch(ctx, i.watch()); err != nil {
		return false, err
	}
	stands := i.stands(a.Credentials)
	err = f.changeLock(ctx, r, func(old Recovery) (Recovery, error) {
		old = old.locked(r.Lock.keeps(a.Credentials), a.NotBefore, f.Now())
		if !stands && old.State == Proven {
			old = old.Refuse(CodeLoggedOut, f.Now())
		}
		return old, nil
	})
	if err == nil {
		f.calmLock(ctx, r)
	}
	return err == nil, err
}

// lockBegun says whether the lock of r, of which the store knows nothing, has begun before, with the tombstone that stands: as this process's own trail or the
// account shows. Only a lock writes one after its proof.
func (f *Flow) lockBegun(ctx context.Context, r Recovery, seen []Credential) (stone Credential, begun bool, err error) {
	i := slices.IndexFunc(seen, func(c Credential) bool { return c.Tombstone() && c.Created.After(r.ProvenAt.Add(-watchSkew)) })
	if i >= 0 {
		return seen[i], true, nil
	}
	if f.Ended != nil {
		how, err := f.Ended(ctx, UndertakingLock, r.ID)
		return stone, how == "done", err
	}
	return stone, false, nil
}

// codesOver forgets a set of recovery codes that was written to its end before.
func (f *Flow) codesOver(ctx context.Context, set CodeSet) (over bool, err error) {
	if f.Ended == nil || !set.Intended {
		return false, nil
	}
	how, err := f.Ended(ctx, UndertakingCodes, set.Recovery)
	if err != nil || how != "done" {
		return false, err
	}
	return true, f.CodeSets.Delete(ctx, set.Recovery)
}

// changeOver closes a change that came to its end before: it may have been followed by another one.
func (s *Settings) changeOver(ctx context.Context, c *Change) (over bool, err error) {
	if s.Ended == nil || !c.Intended {
		return false, nil
	}
	how, err := s.Ended(ctx, c.Kind.undertaking(), c.ID)
	switch {
	case err != nil || how == "":
		return false, err
	case how == "refused":
		return true, s.endChange(ctx, c, ChangeRefused, CodeExpired, "")
	}
	return true, s.endChange(ctx, c, ChangeDone, "", "")
}

// temporaryOver closes a temporary code that came to its end before: what the person has now may have come after it.
func (f *Flow) temporaryOver(ctx context.Context, t TemporaryCode) (over bool, err error) {
	if f.Ended == nil || t.Late {
		return false, nil
	}
	how, err := f.Ended(ctx, UndertakingTemporary, t.ID)
	if err != nil || how != "done" {
		return false, err
	}
	f.Log.WarnContext(ctx, "the store holds a temporary code that is over", "id", t.ID)
	return true, f.closeTemporary(ctx, t)
}
