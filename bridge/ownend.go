package bridge

import (
	"context"
	"errors"
	"time"
)

// ownEnd is how far from its intention an end of sessions may be that is believed to be ours: our clock and Keycloak's differ, and a call takes a while.
const ownEnd = 30 * time.Second

// ours reports that the account's sessions were ended as we were about to do.
func (s Snapshot) ours(a Account) bool {
	return !s.Ending.IsZero() && a.NotBefore.Sub(s.Ending).Abs() <= ownEnd
}

// endSessions ends a person's sessions. Where that does not speak against a recovery that is open it says so there before: a press of the person may
// come in between, and this process may end. It is no excuse for what somebody else ended before.
func (f *Flow) endSessions(ctx context.Context, person string, spares func(Recovery) bool) error {
	end := Action{Kind: ActionEndSessions}
	a, err := f.Accounts.ByID(ctx, person)
	if err != nil {
		return err
	}
	begun := f.Now()
	_, err = f.change(ctx, person, func(old Recovery) (Recovery, error) {
		open := old.State == Waiting || old.State == Proven
		if !open || !spares(old) || !a.NotBefore.Equal(old.Snapshot.NotBefore) && !old.Snapshot.ours(a) {
			return old, Fault(CodeNotOpen, "end sessions", nil)
		}
		old.Snapshot.NotBefore, old.Snapshot.Ending = a.NotBefore, begun
		return old, nil
	})
	if CodeOf(err) == CodeNotOpen {
		return f.Target.Do(ctx, person, end)
	}
	if err != nil {
		return err
	}
	if err := f.Target.Do(ctx, person, end); err != nil {
		return err
	}
	if a, err = f.Accounts.ByID(ctx, person); err != nil {
		return err
	}
	_, err = f.change(ctx, person, func(old Recovery) (Recovery, error) {
		if old.Snapshot.Ending.Equal(begun) {
			old.Snapshot.NotBefore, old.Snapshot.Ending = a.NotBefore, time.Time{}
		}
		return old, nil
	})
	if CodeOf(err) == CodeNotOpen {
		return nil
	}
	return err
}

// moved reads the account of a recovery and says what moved there since its snapshot and the sign-in that it rests on. An end of sessions of our own
// may have come between the look at the recovery and the one at the account: then both are looked at again.
func (f *Flow) moved(ctx context.Context, r Recovery, authTime time.Time) (a Account, moved, err error) {
	s := r.Snapshot
	for range maxLives {
		if a, err = f.Accounts.ByID(ctx, r.Person); err != nil {
			return a, nil, err
		}
		if moved = s.Changed(a, authTime); CodeOf(moved) != CodeLoggedOut {
			return a, moved, nil
		}
		now, err := f.Recoveries.Get(ctx, r.Person)
		if err != nil && !errors.Is(err, ErrAbsent) {
			return a, nil, err
		}
		if now.ID != r.ID || now.Snapshot.NotBefore.Equal(s.NotBefore) && now.Snapshot.Ending.Equal(s.Ending) {
			return a, moved, nil
		}
		s = now.Snapshot
	}
	return a, moved, nil
}

// still reads the account of a recovery again and holds it against the rules, the snapshot and the sign-in.
func (f *Flow) still(ctx context.Context, r Recovery, authTime time.Time) (Account, error) {
	a, moved, err := f.moved(ctx, r, authTime)
	if err != nil {
		return a, err
	}
	return a, firstError(f.Rules.Refusal(a), moved)
}
