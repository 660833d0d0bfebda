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
	watchSoon  = 5 * time.Second  // between two looks at a shut account, in the first hour
	watchLater = time.Minute      // and afterwards
	watchSkew  = 30 * time.Second // between our times and those of Keycloak
)

// Visits says whether somebody is signed in at an application, and what opened a sign-in.
type Visits interface {
	// Visited reports whether a person has a session at any client but the one that people recover through. CodeGone: no such person.
	Visited(ctx context.Context, person string) (bool, error)
	// OpenedBy reports whether the code of a credential opened a sign-in at any client since a time. The credential may be gone.
	OpenedBy(ctx context.Context, person, credential string, since time.Time) (bool, error)
}

// RunWatch looks once. Until a swap has brought a new authenticator nobody can sign in, so whatever comes to the account is the thief's: second factors are
// removed, a tombstone that was taken away is written again, and sessions end. Afterwards the person may add second factors too, so one that
// is new is only an alarm. next is when to look again, zero when there is nothing left to watch. A fault of the outside is no error.
func (f *Flow) RunWatch(ctx context.Context, person string) (next time.Time, err error) {
	next, err = f.watch(ctx, person)
	if err != nil {
		f.Log.WarnContext(ctx, "a locked account is looked at again", "person", person, "err", err)
		return f.Now().Add(watchSoon), nil
	}
	return next, nil
}

// watch reads in an order that blames nobody: sessions that were there before the tombstone was seen, and a new credential whose record must be
// older than what was seen. Sessions that cannot be read hide no second factor.
func (f *Flow) watch(ctx context.Context, person string) (next time.Time, err error) {
	visited, unread := f.Visits.Visited(ctx, person)
	seen, err := f.Target.Credentials(ctx, person)
	gone := CodeOf(err) == CodeGone
	if err != nil && !gone {
		return next, errors.Join(err, f.watchAway(ctx, person))
	}
	r, _, err := f.read(ctx, person)
	if err != nil {
		return next, err
	}
	w, err := f.watched(ctx, person, r, seen)
	switch {
	case err != nil || w.Person == "":
		return next, err
	case gone:
		return f.watchGone(ctx, w)
	}
	shut := slices.ContainsFunc(seen, Credential.Tombstone)
	if w, err = f.watchSeen(ctx, w, r, seen, shut); err != nil {
		return next, err
	}
	next = f.Now().Add(watchLater)
	if r.Open() || f.Now().Sub(w.At) < time.Hour {
		next = f.Now().Add(watchSoon)
	}
	switch {
	case !w.Opened.IsZero() && f.Now().Sub(w.Opened) > watchLife:
		return time.Time{}, f.watchOver(ctx, person)
	case !w.Opened.IsZero():
		return f.Now().Add(watchLater), f.watchOpen(ctx, w, seen)
	case r.Locking() || r.State == Writing || w.followed(r): // whoever is at it removes the rest, and ends sessions last
		return next, unread
	}
	return next, errors.Join(unread, f.keepShut(ctx, w, r, seen, visited))
}

// watchSeen notes what a look found of the account as a whole. Without the tombstone it is open when a recovery is done, or when what recoveries write
// stands: then the store has forgotten how. An account whose tombstone was never seen is none to be shut again.
func (f *Flow) watchSeen(ctx context.Context, w Watch, r Recovery, seen []Credential, shut bool) (Watch, error) {
	news := w
	news.Gone = time.Time{}
	switch {
	case shut:
		news.Shut, news.Stone, news.Stuck = true, NewCredential{}, ""
	case w.Opened.IsZero() && !r.Locking() && r.State != Writing && (w.followed(r) || !w.Shut || slices.ContainsFunc(seen, w.ours)):
		news.Opened = f.Now()
		if w.followed(r) {
			news.Opened = r.DoneAt
		}
	}
	if news.Gone.Equal(w.Gone) && news.Shut == w.Shut && news.Stone == w.Stone && news.Stuck == w.Stuck && news.Opened.Equal(w.Opened) {
		return w, nil
	}
	return f.noteWatch(ctx, news, func(old Watch) Watch {
		old.Gone, old.Shut, old.Stone, old.Stuck = news.Gone, news.Shut, news.Stone, news.Stuck
		if old.Opened.IsZero() {
			old.Opened = news.Opened
		}
		return old.knows(r.Added)
	})
}

// followed reports that a recovery has brought a new authenticator since the lock.
func (w Watch) followed(r Recovery) bool { return r.State == Done && r.DoneAt.After(w.At) }

// watchGone waits for an account that is not to be seen: whatever stands before Keycloak says so, too, for a while. One that stays gone was deleted.
func (f *Flow) watchGone(ctx context.Context, w Watch) (next time.Time, err error) {
	switch {
	case w.Gone.IsZero():
		_, err = f.noteWatch(ctx, w, func(old Watch) Watch { old.Gone = f.Now(); return old })
	case f.outlasted(w.Gone) && f.deleted(ctx, w.Person):
		return time.Time{}, f.watchOver(ctx, w.Person)
	}
	return f.Now().Add(watchLater), err
}

// watchAway notes that something else came in between: that the account is gone has to last anew.
func (f *Flow) watchAway(ctx context.Context, person string) error {
	w, err := f.Watches.Get(ctx, person)
	if err != nil || w.Gone.IsZero() || ctx.Err() != nil {
		return absentIsFine(err)
	}
	_, err = f.noteWatch(ctx, w, func(old Watch) Watch { old.Gone = time.Time{}; return old })
	return notOpenIsFine(err)
}

// keepShut puts an account back to what the lock left. Nothing is removed before a tombstone stands. What is removed waits for no audit record, unlike
// what is written.
func (f *Flow) keepShut(ctx context.Context, w Watch, r Recovery, seen []Credential, visited bool) error {
	stands := slices.ContainsFunc(seen, Credential.Tombstone)
	var strange []string
	for _, c := range seen {
		if w.foreign(c) {
			strange = append(strange, c.ID)
		}
	}
	found := len(strange) > 0 || visited || !stands
	if !found && r.Snapshot.Ending.IsZero() {
		return nil
	}
	var told error
	if found {
		if told = f.shutAgain(ctx, &w, seen); told == nil {
			told = f.intruder(ctx, w, strange)
		}
	}
	if told != nil && !stands {
		return errors.Join(told, f.watchEnds(ctx, w, r))
	}
	if !stands {
		stone := w.Stone
		stone.Secret = f.Codes.NewKey() // forgotten at once
		if err := f.Target.Do(ctx, w.Person, Action{Kind: ActionAdd, Credential: stone.ID, New: &stone}); err != nil {
			return errors.Join(err, f.stoneRefused(ctx, w, err), f.watchEnds(ctx, w, r))
		}
	}
	for _, id := range strange { // one that stays keeps no other
		told = errors.Join(told, f.Target.Do(ctx, w.Person, Action{Kind: ActionRemove, Credential: id}))
	}
	return errors.Join(told, f.watchEnds(ctx, w, r))
}

// watchEnds ends the sessions, which speaks against no recovery that is open.
func (f *Flow) watchEnds(ctx context.Context, w Watch, r Recovery) error {
	return f.endSessions(ctx, w.Person, func(old Recovery) bool { return old.ID == r.ID })
}

// shutAgain names the tombstone in place of one that was taken away; of an account that has one it does nothing.
func (f *Flow) shutAgain(ctx context.Context, w *Watch, seen []Credential) error {
	if w.Stone.ID != "" || slices.ContainsFunc(seen, Credential.Tombstone) {
		return nil
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	stone := f.newStone(realm, seen)
	*w, err = f.noteWatch(ctx, *w, func(old Watch) Watch {
		if old.Stone.ID == "" {
			old.Stone = stone
		}
		return old
	})
	return err
}

// stoneRefused takes another label for a tombstone that was refused for its own. Whatever else it is refused for an administrator has to see.
func (f *Flow) stoneRefused(ctx context.Context, w Watch, refused error) (err error) {
	switch code := CodeOf(refused); {
	case labelTaken(refused):
		_, err = f.noteWatch(ctx, w, func(old Watch) Watch { old.Stone.Label = f.newLabel("Locked", nil); return old })
	case code == CodeRefusedByAccount && w.Stuck != code:
		_, err = f.noteWatch(ctx, w, func(old Watch) Watch { old.Stuck = code; return old })
	}
	return err
}

// watchOpen tells of second factors that came after the lock and that no recovery wrote.
func (f *Flow) watchOpen(ctx context.Context, w Watch, seen []Credential) error {
	var strange []string
	for _, c := range seen {
		if w.foreign(c) && !c.Temporary() {
			strange = append(strange, c.ID)
		}
	}
	if len(strange) == 0 {
		return nil
	}
	return f.intruder(ctx, w, strange)
}

// intruder raises the alarm, once for each second factor and each tombstone that is to be written again.
func (f *Flow) intruder(ctx context.Context, w Watch, strange []string) error {
	told := func(id string) bool { return slices.Contains(w.Known, id) }
	news := slices.DeleteFunc(slices.Clone(strange), told)
	if stone := w.Stone.ID; len(news) == 0 && (stone != "" && told(stone) || stone == "" && len(strange) > 0) {
		return nil
	}
	e := AuditEvent{
		Event: "lock.intruder", Outcome: "failed", Actor: "system", Target: w.Person, Recovery: w.Recovery, Way: string(w.Way), Added: w.Stone.ID,
		Detail: map[string]string{"found": strings.Join(news, " "), "recovered": strconv.FormatBool(!w.Opened.IsZero())},
	}
	if err := f.Audit.Record(ctx, e); err != nil {
		return err
	}
	_, err := f.noteWatch(ctx, w, func(old Watch) Watch { return old.knows(append(news, w.Stone.ID)...) })
	return err
}
