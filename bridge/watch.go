package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Watch is what is known of an account that was locked after a theft, by person. It is no part of the recovery: that ends, is forgotten, or gives way to a
// new start, for which the thief's password is enough, and the watch goes on.
type Watch struct {
	Person   string
	Recovery string    `json:",omitempty"` // the one that locked the account
	Way      Way       `json:",omitempty"`
	At       time.Time // of the lock's end, by Keycloak's clock, as what comes is dated
	Kept     []string  `json:",omitempty"` // what the lock had to leave
	Listed   bool      `json:",omitempty"` // Kept is all of it; otherwise its date tells
	Shut     bool      `json:",omitempty"` // the tombstone was seen: nothing but a swap may take it away
	// Known are second factors that came since, each of which was an alarm or is the person's, and tombstones that were written again.
	Known  []string      `json:",omitempty"`
	Stone  NewCredential `json:",omitzero"`  // the tombstone in place of one that was taken away
	Opened time.Time     `json:",omitzero"`  // since when there is a new authenticator
	Stuck  Code          `json:",omitempty"` // why no tombstone can be written in its place
	Gone   time.Time     `json:",omitzero"`  // since when the account is not to be seen
	Over   time.Time     `json:",omitzero"`  // when it ended: a mark, so that what the trail says of the lock begins it no more
}

// watchLife is how long an account is watched that has a new authenticator, and watchKept how long the store keeps what is known then.
const (
	watchLife = 3 * 24 * time.Hour
	watchKept = watchLife + 24*time.Hour
	watchMark = 8 * 24 * time.Hour // a day longer than a trail remembers a lock: clocks differ
	// watchGuard is how long a watch may be without its job.
	watchGuard = time.Hour
)

// watchOf is the watch over an account that was locked just now.
func watchOf(r Recovery, at time.Time, kept []Credential) Watch {
	w := Watch{Person: r.Person, Recovery: r.ID, Way: r.Way, At: at, Listed: true, Shut: true}
	for _, c := range kept {
		w.Kept = append(w.Kept, c.ID)
	}
	return w
}

// Older reports whether a watch is of another lock than the other one, and of an earlier one: nothing of it, not its end either, came after that.
func (w Watch) Older(than Watch) bool {
	return w.Recovery != than.Recovery && !w.At.After(than.At) && !w.Over.After(than.At)
}

// StartWatch begins to watch an account that was locked, unless that lock is watched already.
func (f *Flow) StartWatch(ctx context.Context, w Watch) error {
	at := f.Now().Add(watchSoon)
	err := errors.Join(f.Jobs.Add(ctx, Job{Kind: JobWatch, ID: w.Person, At: at}), f.expireAt(ctx, w.Person, at))
	if err != nil {
		return err
	}
	_, err = f.Watches.Update(ctx, w.Person, 0, func(old Watch, found bool) (Watch, error) {
		if found && !old.Older(w) {
			return old, Fault(CodeNotOpen, "watch", nil)
		}
		return w, nil
	})
	return notOpenIsFine(err)
}

// watchAgain gives the watch over a locked account its job again: a store may lose a job and keep the record. next is zero when nothing is watched.
func (f *Flow) watchAgain(ctx context.Context, person string) (next time.Time, err error) {
	w, err := f.Watches.Get(ctx, person)
	if errors.Is(err, ErrAbsent) || err == nil && !w.Over.IsZero() {
		return next, nil
	}
	if err != nil {
		return next, err
	}
	return f.Now().Add(watchGuard), f.Jobs.Add(ctx, Job{Kind: JobWatch, ID: person, At: f.Now()})
}

// EndWatch ends a watch on an administrator's wish, after that is on record: the tombstone stays, and nobody writes it again.
func (f *Flow) EndWatch(ctx context.Context, person string) error {
	w, err := f.Watches.Get(ctx, person)
	if err == nil && !w.Over.IsZero() {
		err = Fault(CodeNotOpen, string(AdminCancel), nil)
	}
	if err != nil {
		return err
	}
	e := AuditEvent{Event: "admin.cancel", Outcome: "ok", Actor: Administrator, Target: person, Recovery: w.Recovery, Way: string(w.Way)}
	if err := f.Audit.Record(ctx, e); err != nil {
		return Fault(CodeAuditFull, string(AdminCancel), err)
	}
	return firstError(f.watchOver(ctx, person), f.Jobs.Remove(ctx, JobWatch, person))
}

// watchOver ends a watch.
func (f *Flow) watchOver(ctx context.Context, person string) error {
	_, err := f.Watches.Update(ctx, person, watchMark, func(old Watch, found bool) (Watch, error) {
		if !found || !old.Over.IsZero() {
			return old, Fault(CodeNotOpen, "watch", nil)
		}
		old.Over = f.Now()
		return old, nil
	})
	return notOpenIsFine(err)
}

// openWatch notes that the person is about to have a new authenticator: what comes from now on may be theirs.
func (f *Flow) openWatch(ctx context.Context, person, added string) error {
	_, err := f.Watches.Update(ctx, person, watchKept, func(old Watch, found bool) (Watch, error) {
		if !found || !old.Over.IsZero() {
			return old, Fault(CodeNotOpen, "watch", nil)
		}
		if old.Opened.IsZero() {
			old.Opened = f.Now()
		}
		return old.knows(added), nil
	})
	return notOpenIsFine(err)
}

// Shut says since when an account is shut after a theft, for want of a new authenticator; zero: it is not.
func (f *Flow) Shut(ctx context.Context, person string) (since time.Time, err error) {
	w, err := f.Watches.Get(ctx, person)
	if errors.Is(err, ErrAbsent) {
		return since, nil
	}
	if w.Shut && w.Opened.IsZero() && w.Over.IsZero() {
		since = w.At
	}
	return since, err
}

// Lifted reports that an account which was locked has no tombstone any more: an administrator ended the watch over it, and took the tombstone away in Keycloak.
// While it is watched one that is gone is written again. What cannot be seen is not lifted.
func (f *Flow) Lifted(ctx context.Context, person string) (bool, error) {
	w, err := f.Watches.Get(ctx, person)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return false, err
	}
	if err == nil && w.Opened.IsZero() && w.Over.IsZero() {
		return false, nil
	}
	seen, err := f.Target.Credentials(ctx, person)
	if err != nil {
		return false, nil //nolint:nilerr // said above
	}
	return !slices.ContainsFunc(seen, Credential.Tombstone), nil
}

// noteWatch keeps what a look at an account found.
func (f *Flow) noteWatch(ctx context.Context, w Watch, note func(Watch) Watch) (Watch, error) {
	ttl := time.Duration(0)
	if !w.Opened.IsZero() {
		ttl = watchKept
	}
	return f.Watches.Update(ctx, w.Person, ttl, func(old Watch, found bool) (Watch, error) {
		if !found || !old.Over.IsZero() {
			return old, Fault(CodeNotOpen, "watch", nil)
		}
		return note(old), nil
	})
}

// knows adds second factors that are no news any more.
func (w Watch) knows(ids ...string) Watch {
	w.Known = slices.Clone(w.Known)
	for _, id := range ids {
		if id != "" && !slices.Contains(w.Known, id) {
			w.Known = append(w.Known, id)
		}
	}
	return w
}

// foreign reports whether a second factor came after the lock and is none that a recovery wrote since.
func (w Watch) foreign(c Credential) bool {
	kept := slices.Contains(w.Kept, c.ID) || !w.Listed && c.Created.Before(w.At.Add(-watchSkew))
	return slices.Contains(factors, c.Type) && !c.Federated && !c.Tombstone() && !w.ours(c) && !kept
}

// ours reports whether a recovery wrote the credential after the lock. An older one was removed by that, and came back.
func (w Watch) ours(c Credential) bool {
	return c.Recovered() && !c.Created.Before(w.At.Add(-watchSkew))
}

// watched returns the watch over a person. One that an earlier release began has no record yet: there is none to begin, and w.Person is empty as for one that is over, unless the
// recovery says that the account was locked, or a tombstone stands.
func (f *Flow) watched(ctx context.Context, person string, r Recovery, seen []Credential) (w Watch, err error) {
	w, err = f.Watches.Get(ctx, person)
	if err == nil && !w.Over.IsZero() {
		return Watch{}, nil
	}
	if !errors.Is(err, ErrAbsent) {
		return w, err
	}
	stone := slices.IndexFunc(seen, Credential.Tombstone)
	switch {
	case r.Locked():
		w = watchOf(r, r.Lock.At, r.Lock.Kept).knows(append(slices.Clone(r.Strange), r.Added)...)
		w.Shut = stone >= 0
	case stone >= 0:
		w = Watch{Person: person, At: seen[stone].Created, Shut: true}
	default:
		return Watch{}, nil
	}
	return w, f.StartWatch(ctx, w)
}

// newStone names a tombstone.
func (f *Flow) newStone(realm RealmFacts, others []Credential) NewCredential {
	return NewCredential{ID: newMarked(markTombstone), Label: f.newLabel("Locked", others), OTP: realm.OTP, CreatedMillis: f.dated()}
}

func notOpenIsFine(err error) error {
	if CodeOf(err) == CodeNotOpen {
		return nil
	}
	return err
}
