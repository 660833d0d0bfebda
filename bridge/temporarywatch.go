package bridge

import (
	"context"
	"slices"
	"time"
)

// A sign-in that stands at a page behind the second factor is not ended with the sessions, and goes on later, also after the day of the code that
// opened it. So who has used a code is watched for as long as its record is kept.

// Of the looks at what is left of a code that was used: often while somebody may still object to it, and then for as long as its record is kept. How long a
// page can be kept alive at Keycloak nobody has said.
const (
	temporaryLater  = time.Minute
	temporaryHourly = time.Hour
)

// watchTemporary looks once at the second factors of somebody whose used code has ended; more says that there is something to do at once.
func (f *Flow) watchTemporary(ctx context.Context, t TemporaryCode) (next time.Time, more bool) {
	if !t.Watched(f.Now()) {
		return time.Time{}, false
	}
	next = f.Now().Add(temporaryLater)
	if !t.lately(f.Now(), KeepEnded) {
		next = f.Now().Add(temporaryHourly)
	}
	more, err := f.watchedTemporary(ctx, t)
	if err != nil { // also an account that is not to be seen: whatever stands before Keycloak says so, too, for a while
		f.Log.WarnContext(ctx, "who had a temporary code is looked at again", "id", t.ID, "err", err)
	}
	return next, more
}

func (f *Flow) watchedTemporary(ctx context.Context, t TemporaryCode) (more bool, err error) {
	seen, err := f.Target.Credentials(ctx, t.Person)
	if err != nil {
		return false, err
	}
	more, err = f.lateTemporary(ctx, t, seen)
	if CodeOf(err) == CodeTooLate { // a recovery is at it
		return false, nil
	}
	return more, err
}

// nothingLate refuses a new code while something came under the last one, which is then looked after at once: it would count as the person's from then on.
func (f *Flow) nothingLate(ctx context.Context, last TemporaryCode, seen []Credential) error {
	if !last.Watched(f.Now()) {
		return nil
	}
	late, err := f.lateTemporary(ctx, last, seen)
	if err != nil || !late {
		return err
	}
	return firstError(f.temporaryAt(ctx, last.Person, f.Now()), Fault(CodeDeskOnly, "temporary code", nil))
}

// lateTemporary raises the alarm, and opens the code again, when a second factor or another password came after its end. CodeTooLate: a recovery is writing
// second factors.
func (f *Flow) lateTemporary(ctx context.Context, t TemporaryCode, seen []Credential) (found bool, err error) {
	password := t.latePassword(seen, f.Now())
	if !password && !slices.ContainsFunc(seen, t.foreign) {
		return false, nil
	}
	swapped, busy, err := f.swapped(ctx, t)
	if err != nil || busy {
		return false, firstError(err, Fault(CodeTooLate, "temporary code", nil))
	}
	shut, err := f.Shut(ctx, t.Person)
	if err != nil {
		return false, err
	}
	late := t.late(seen, swapped)
	if !shut.IsZero() { // nobody can have added it: the watch over the account removes it
		late = nil
	}
	if len(late) == 0 && !password {
		return false, nil
	}
	if err := f.alarmChanged(ctx, t, password); err != nil {
		return false, err
	}
	_, err = f.Temporaries.Update(ctx, t.Person, 0, func(old TemporaryCode, found bool) (TemporaryCode, error) {
		if !found || old.ID != t.ID || old.Open() {
			return old, Fault(CodeNotOpen, "temporary code", nil)
		}
		if old.Password = false; password {
			old = old.withPassword(seen)
		}
		return old.reopened(late, swapped, f.Now()), nil
	})
	return err == nil, err
}

// latePassword reports another password after an ordinary end. After an objection, an alarm or a recovery the person is asked to change it; and much later
// they do so by themselves.
func (t TemporaryCode) latePassword(seen []Credential, now time.Time) bool {
	return (t.End == TemporaryExpired || t.End == TemporaryGivenBack) && t.lately(now, KeepEnded) && t.otherPassword(seen)
}

// swapped says when a recovery had last done its part since the code was asked for; zero: none has. busy: one is at it.
func (f *Flow) swapped(ctx context.Context, t TemporaryCode) (at time.Time, busy bool, err error) {
	r, _, err := f.read(ctx, t.Person)
	if err != nil || r.State == Writing || r.Locking() {
		return at, true, err
	}
	if f.Recovered != nil {
		if at, err = f.Recovered(ctx, t.Person); err != nil {
			return at, false, err
		}
	}
	if r.State == Done {
		at = later(at, r.DoneAt)
	}
	if r.Locked() {
		at = later(at, r.Lock.At)
	}
	if at = later(at, t.Swapped); !at.After(t.StartedAt) {
		at = time.Time{}
	}
	return at, false, nil
}

// Watched reports whether somebody who used the code may still come to a second factor with it.
func (t TemporaryCode) Watched(now time.Time) bool { return t.lately(now, temporaryKept) }

// lately reports that a code was used, and that it or the one before ended within a time.
func (t TemporaryCode) lately(now time.Time, within time.Duration) bool {
	return !t.UsedAt.IsZero() && now.Sub(t.EndedAt) < within || !t.Before.IsZero() && now.Sub(t.Before) < within
}

// late lists the second factors that came after the end. After a recovery, only what is younger: what is older was its to judge.
func (t TemporaryCode) late(seen []Credential, swapped time.Time) (ids []string) {
	for _, c := range seen {
		if t.foreign(c) && (swapped.IsZero() || c.Created.After(swapped)) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// reopened is the code when something came after its end, by whoever it was. A second factor goes again where somebody had a reason to end the code, unless
// the person may have added it after an ordinary end or a recovery, or much later; then it is an alarm only.
func (t TemporaryCode) reopened(late []string, swapped, now time.Time) TemporaryCode {
	theirs := !swapped.IsZero() || t.End == TemporaryExpired || t.End == TemporaryRecovered || !t.lately(now, KeepEnded)
	t.Stays, t.Undone = theirs && len(late) > 0, false
	if t.Stays {
		t.Factors = append(slices.Clone(t.Factors), late...)
	}
	t.State, t.End, t.EndedAt, t.Swapped, t.Late, t.SessionsEnded = TemporaryEnding, TemporaryChanged, now, swapped, true, false
	return t
}

// factorAdded notes a second factor that the person asked for in the settings, or recovery codes, before it is written: it came neither under a temporary code nor by a
// sign-in from before a lock.
func (f *Flow) factorAdded(ctx context.Context, person, id string) error {
	_, err := f.Watches.Update(ctx, person, watchKept, func(old Watch, found bool) (Watch, error) {
		if !found || old.Opened.IsZero() || !old.Over.IsZero() || slices.Contains(old.Known, id) { // of an account that is shut it is the thief who came in
			return old, Fault(CodeNotOpen, "factor added", nil)
		}
		return old.knows(id), nil
	})
	if err := notOpenIsFine(err); err != nil {
		return err
	}
	return f.underNoCode(ctx, person, id)
}

func (f *Flow) underNoCode(ctx context.Context, person, id string) error {
	_, err := f.Temporaries.Update(ctx, person, temporaryKept, func(old TemporaryCode, found bool) (TemporaryCode, error) {
		if !found || old.Open() && old.Swapped.IsZero() || slices.Contains(old.Factors, id) {
			return old, Fault(CodeNotOpen, "temporary code", nil)
		}
		old.Factors = append(slices.Clone(old.Factors), id)
		return old, nil
	})
	return notOpenIsFine(err)
}
