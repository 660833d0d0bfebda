package bridge

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// JobWatch watches an account that was locked after a theft; id = person. A sign-in that the thief had left at a page behind the second factor (a
// required action, a consent) outlives the lock: Keycloak keeps it for as long as somebody loads that page again, does not end it with
// the sessions, and asks for nothing more when it goes on.
const JobWatch = "watch"

const (
	watchSoon  = 5 * time.Second    // between two looks at a shut account, in the first hour
	watchLater = time.Minute        // and afterwards
	watchSkew  = 30 * time.Second   // between the tombstone's time, which is ours, and those of Keycloak
	watchLife  = 3 * 24 * time.Hour // of the watch over an account that was recovered
)

// Visits says whether somebody is signed in at an application.
type Visits interface {
	// Visited reports whether a person has a session at any client but the one that people recover through. CodeGone: no such person.
	Visited(ctx context.Context, person string) (bool, error)
}

// RunWatch looks once. While the tombstone stands nobody can sign in, so whatever comes to the account is the thief's: second factors are removed
// and sessions end. Afterwards the person may add second factors too, so one that is new is only an alarm. next is when to look again, zero when
// there is nothing left to watch. A fault of the outside is no error.
func (f *Flow) RunWatch(ctx context.Context, person string) (next time.Time, err error) {
	next, err = f.watch(ctx, person)
	if CodeOf(err) == CodeGone {
		return time.Time{}, nil
	}
	if err != nil {
		f.Log.WarnContext(ctx, "a locked account is looked at again", "person", person, "err", err)
		return f.Now().Add(watchSoon), nil
	}
	return next, nil
}

// watch reads in an order that blames nobody: sessions that were there before the tombstone was seen, and a new credential whose record must be
// older than what was seen.
func (f *Flow) watch(ctx context.Context, person string) (next time.Time, err error) {
	visited, err := f.Visits.Visited(ctx, person)
	if err != nil {
		return next, err
	}
	seen, err := f.Target.Credentials(ctx, person)
	if err != nil {
		return next, err
	}
	r, found, err := f.read(ctx, person)
	if err != nil {
		return next, err
	}
	r.Person = person // also of one that is forgotten
	shut := slices.ContainsFunc(seen, Credential.Tombstone)
	over := !found || r.State != Done || !r.Locked() || f.Now().Sub(r.Lock.At) > watchLife
	switch {
	case !shut && over:
		return time.Time{}, nil
	case !shut:
		return f.Now().Add(watchLater), f.watchOpen(ctx, r, seen)
	}
	next = f.Now().Add(watchLater)
	if r.Open() || r.Locked() && f.Now().Sub(r.Lock.At) < time.Hour {
		next = f.Now().Add(watchSoon)
	}
	if r.Locking() || r.State == Writing || r.State == Done { // whoever is at it removes the rest, and ends sessions last
		return next, nil
	}
	return next, f.watchShut(ctx, r, seen, visited)
}

// watchShut puts an account back to what the lock left.
func (f *Flow) watchShut(ctx context.Context, r Recovery, seen []Credential, visited bool) error {
	person := r.Person
	stone := seen[slices.IndexFunc(seen, Credential.Tombstone)]
	strange := slices.DeleteFunc(slices.Clone(seen), func(c Credential) bool {
		earlier := c.Created.Before(stone.Created.Add(-watchSkew)) // it had to stay
		return c.Tombstone() || earlier || !r.foreign(c)
	})
	found := len(strange) > 0 || visited
	if !found && r.Snapshot.Ending.IsZero() {
		return nil
	}
	if found {
		if err := f.intruder(ctx, r, strange); err != nil {
			return err
		}
	}
	var refused error
	for _, c := range strange { // one that stays keeps no other
		refused = errors.Join(refused, f.Target.Do(ctx, person, Action{Kind: ActionRemove, Credential: c.ID}))
	}
	return errors.Join(refused, f.endSessions(ctx, person, func(old Recovery) bool { return old.ID == r.ID }))
}

// watchOpen tells of second factors that came after the lock and that no recovery wrote.
func (f *Flow) watchOpen(ctx context.Context, r Recovery, seen []Credential) error {
	strange := slices.DeleteFunc(slices.Clone(seen), func(c Credential) bool {
		ours := c.Temporary() || c.Type == TypeRecoveryCodes
		return ours || !r.foreign(c) || !c.Created.After(r.Lock.At)
	})
	if len(strange) == 0 {
		return nil
	}
	return f.intruder(ctx, r, strange)
}

// foreign reports whether a second factor is neither the new one of the recovery, which has come to its end, nor one that its lock had to leave.
func (r Recovery) foreign(c Credential) bool {
	l := Lock{}
	if r.Lock != nil {
		l = *r.Lock
	}
	kept := slices.ContainsFunc(l.Kept, func(k Credential) bool { return k.ID == c.ID })
	return l.removes(c) && !kept && c.ID != r.Added
}

// intruder raises the alarm, once for each second factor of a recovery that is known.
func (f *Flow) intruder(ctx context.Context, r Recovery, strange []Credential) error {
	var ids []string
	for _, c := range strange {
		ids = append(ids, c.ID)
	}
	told := func(id string) bool { return slices.Contains(r.Strange, id) }
	if len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return !told(id) }) {
		return nil
	}
	e := AuditEvent{
		Event: "lock.intruder", Outcome: "failed", Actor: "system", Target: r.Person,
		Detail: map[string]string{"found": strings.Join(ids, " "), "recovered": strconv.FormatBool(r.State == Done)},
	}
	e.Recovery, e.Way = r.ID, string(r.Way)
	if err := f.Audit.Record(ctx, e); err != nil || r.ID == "" {
		return err
	}
	return f.noteWatch(ctx, r, func(old *Recovery) { old.Strange = append(slices.Clone(old.Strange), slices.DeleteFunc(ids, told)...) })
}

// noteWatch keeps what the watch knows in the recovery, if it is still that one.
func (f *Flow) noteWatch(ctx context.Context, r Recovery, note func(*Recovery)) error {
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID == r.ID {
			note(&old)
		}
		return old, nil
	})
	return err
}
