package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Undertaking is what is put on record before an account is changed: as "….intended", and its end as "….done" or "….refused".
type Undertaking string

// The undertakings, as their events begin.
const (
	UndertakingSwap  Undertaking = "swap"
	UndertakingLock  Undertaking = "lock"
	UndertakingCodes Undertaking = "recovery_codes"

	UndertakingTemporary Undertaking = "temporary"

	// Changes in the settings; what was done is the name of their end.
	UndertakingAddress       Undertaking = "address"
	UndertakingAuthenticator Undertaking = "authenticator"
)

// EndOf says how an undertaking has ended by the second part of its event's name: "done", "refused", or "" when that is no end.
func EndOf(name string) string {
	switch name {
	case "done", "added", "removed", "renamed":
		return "done"
	case "refused":
		return "refused"
	}
	return ""
}

// Intent is an undertaking that the audit trail knows to have begun and not to have ended.
type Intent struct {
	What     Undertaking
	Person   string
	Recovery string
	Way      Way
	Added    string     // id of the new credential or of the tombstone
	Removed  []string   // ids to remove
	Begun    time.Time  // when that was put on record
	Stuck    time.Time  // since when the trail says that the lock does not go on; zero: it does not
	Change   ChangeKind // of a change in the settings
	Marked   time.Time  // of a change of addresses: the time of its marks
}

// intentAbsent is how long an intent is left open when nothing of it stands: a call that Keycloak was slow with may still come to its end.
const intentAbsent = 5 * time.Minute

// FinishIntent ends an undertaking whose record the store has lost (SWAP-11). Nothing is written: if the new credential, or the tombstone,
// stands, the old ones go; if it does not, nothing was changed. What is still in the store is left to its job, which is added
// again in case it was given up.
func (f *Flow) FinishIntent(ctx context.Context, i Intent) error {
	switch i.What {
	case UndertakingCodes:
		return f.finishCodes(ctx, i)
	case UndertakingTemporary:
		return f.finishLostTemporary(ctx, i)
	case UndertakingAddress, UndertakingAuthenticator:
		return f.finishLostChange(ctx, i)
	}
	r, found, err := f.read(ctx, i.Person)
	if err != nil {
		return err
	}
	if found && r.ID == i.Recovery {
		if settled, err := f.settled(ctx, i, r); err != nil || settled {
			return err
		}
	}
	return f.finishLost(ctx, i, f.Now().Sub(i.Begun) > KeepEnded || r.StartedAt.After(i.Begun))
}

// settled leaves an intent to the job of its recovery, which the store still has, or closes it as that has ended.
func (f *Flow) settled(ctx context.Context, i Intent, r Recovery) (bool, error) {
	if i.What == UndertakingLock {
		switch {
		case r.Locking():
			return true, f.Jobs.Add(ctx, Job{Kind: JobLock, ID: i.Person, At: f.Now()})
		case r.Locked(): // by another replica, whose own trail has the rest
			return true, firstError(f.StartWatch(ctx, watchOf(r, r.Lock.At, r.Lock.Kept)), f.closeIntent(ctx, i))
		}
		return false, nil
	}
	switch {
	case r.State == Writing:
		return true, f.Jobs.Add(ctx, Job{Kind: JobSwap, ID: i.Person, At: f.Now()})
	case r.State == Done:
		return true, f.closeIntent(ctx, i) // as above
	case r.State == Ended && !r.WritingAt.IsZero() && (r.End == EndRefused || r.End == EndStopped):
		return true, f.Audit.Record(ctx, i.event("refused", r.EndCode)) // it did not stand when it ended; lookAgain sees to the rest
	}
	return false, nil
}

// closeIntent puts on record that an intent has ended elsewhere.
func (f *Flow) closeIntent(ctx context.Context, i Intent) error {
	e := i.event("done", "")
	e.Detail = nil
	return f.Audit.Record(ctx, e)
}

// finishLost ends what the store does not know. late: another replica may have ended it, and the store forgotten that as usual, or another recovery
// has begun.
func (f *Flow) finishLost(ctx context.Context, i Intent, late bool) error {
	if late {
		if over, err := f.endedElsewhere(ctx, i); err != nil || over {
			return err
		}
	}
	var err error
	if i.What == UndertakingSwap {
		err = f.finishLostSwap(ctx, i)
	} else {
		err = f.finishLostLock(ctx, i, late)
	}
	if i.Stuck.IsZero() && (CodeOf(err) == CodeRefusedByAccount || f.lastingAway(ctx, i.Begun, i.Person, err)) {
		e := i.event("stuck", CodeOf(err))
		e.Outcome, e.Removed = "failed", nil
		err = errors.Join(err, f.Audit.Record(ctx, e))
	}
	return err
}

// nothingStands ends an intent of which nothing is to be seen, once that has lasted.
func (f *Flow) nothingStands(ctx context.Context, i Intent) error {
	if f.Now().Sub(i.Begun) < intentAbsent {
		return nil // the next look
	}
	return f.Audit.Record(ctx, i.event("refused", CodeAbsent))
}

// finishCodes takes recovery codes back that were begun and of which the store knows nothing any more: nobody has them.
func (f *Flow) finishCodes(ctx context.Context, i Intent) error {
	set, err := f.CodeSets.Get(ctx, i.Recovery)
	switch {
	case errors.Is(err, ErrAbsent):
		set = CodeSet{Recovery: i.Recovery, Person: i.Person, Way: i.Way, Intended: true, Removed: i.Removed, New: NewCodes{ID: i.Added}, Until: i.Begun}
	case err != nil:
		return err
	case set.State == CodesAsked:
		return f.Jobs.Add(ctx, Job{Kind: JobCodes, ID: i.Recovery, At: f.Now()})
	case set.State != CodesRefused: // by another replica
		return f.closeIntent(ctx, i)
	}
	seen, err := f.seen(ctx, i.Person)
	if err != nil && CodeOf(err) != CodeGone {
		return err
	}
	if !slices.Contains(codeSets(seen, ""), i.Added) && f.Now().Sub(i.Begun) < intentAbsent {
		return nil // it may still come to stand
	}
	return f.takeCodesBack(ctx, set, CodeAbsent)
}

// endedElsewhere looks whether an intent was brought to its end by another replica and forgotten since, or followed by another recovery: what it
// removes is gone, and the person's sessions were ended after it. Then that is put on record and nothing is done that anybody would feel.
func (f *Flow) endedElsewhere(ctx context.Context, i Intent) (over bool, err error) {
	a, err := f.Accounts.ByID(ctx, i.Person)
	if CodeOf(err) == CodeGone {
		return false, nil
	}
	if err != nil || !i.sessionsEnded(a) {
		return false, err
	}
	stands := i.stands(a.Credentials)
	switch {
	case !stands && len(i.Removed) == 0: // it may never have stood
		return false, nil
	case i.What != UndertakingLock:
	case stands:
		if err := f.StartWatch(ctx, i.watch()); err != nil {
			return false, err
		}
	case !slices.ContainsFunc(a.Credentials, Credential.Recovered): // no swap has taken it away
		return false, nil
	}
	return true, f.closeIntent(ctx, i)
}

// stands reports whether what an intent writes is among the credentials seen.
func (i Intent) stands(seen []Credential) bool {
	return slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == i.Added })
}

// watch is the watch over an account whose lock is known by its intent only.
func (i Intent) watch() Watch {
	return Watch{Person: i.Person, Recovery: i.Recovery, Way: i.Way, At: i.Begun}
}

// sessionsEnded reports that what an intent removes is gone and the sessions were ended since: the last step.
func (i Intent) sessionsEnded(a Account) bool {
	return !a.NotBefore.Before(i.Begun.Truncate(time.Second)) && // Keycloak keeps whole seconds
		!slices.ContainsFunc(a.Credentials, func(c Credential) bool { return slices.Contains(i.Removed, c.ID) })
}

func (f *Flow) finishLostSwap(ctx context.Context, i Intent) error {
	s := Swap{New: NewCredential{ID: i.Added}, Remove: i.Removed}
	for range maxSteps {
		seen, err := f.seen(ctx, i.Person)
		if err != nil && CodeOf(err) != CodeGone {
			return err
		}
		n := slices.IndexFunc(seen, func(c Credential) bool { return c.ID == i.Added })
		if n < 0 {
			return f.nothingStands(ctx, i)
		}
		a := NextAction(s, seen)
		switch a.Kind {
		case ActionFinish:
			if err := f.noticeFound(ctx, i, Notice{Kind: NoticeCompleted, Label: seen[n].Label}); err != nil {
				return err
			}
			return f.Audit.Record(ctx, i.event("done", ""))
		case ActionEndSessions:
			s.SessionsEnded = true
		}
		if err := f.Target.Do(ctx, i.Person, a); err != nil {
			return err
		}
	}
	return Fault(CodeInternal, "finish swap: too many steps for one run", nil)
}

// finishLostLock goes on with a lock as NextLock does: whatever a thief has added since goes too. Only what stood when the theft was reported goes when
// something else may have come since that is the person's (late), or when the lock was about to end: the rest is then counted, and an alarm.
// What Keycloak refuses, or fails, to remove holds up nothing else, and is left as in lockLeft.
func (f *Flow) finishLostLock(ctx context.Context, i Intent, late bool) error {
	named, err := f.onlyNamed(ctx, i, late)
	if err != nil {
		return err
	}
	l := Lock{Tombstone: NewCredential{ID: i.Added}}
	var run lockRun
	for range maxSteps {
		seen, err := f.seen(ctx, i.Person)
		if err != nil && CodeOf(err) != CodeGone {
			return err
		}
		ours := seen
		if named {
			ours = slices.DeleteFunc(slices.Clone(seen), func(c Credential) bool { return c.ID != i.Added && !slices.Contains(i.Removed, c.ID) })
		}
		a := NextLock(l.without(run.left), ours)
		switch a.Kind {
		case ActionAdd:
			return f.nothingStands(ctx, i)
		case ActionFinish:
			if len(run.left) > 0 && (stays(run.left) || i.Stuck.IsZero() || f.Now().Sub(i.Stuck) < lockPatience) {
				return run.why
			}
			kept := l.keeps(seen)
			if err := f.noticeFound(ctx, i, Notice{Kind: NoticeLocked, Kept: len(kept)}); err != nil {
				return err
			}
			if err := f.StartWatch(ctx, watchOf(Recovery{ID: i.Recovery, Person: i.Person, Way: i.Way}, f.theirs(), kept)); err != nil {
				return err
			}
			return f.recordLocked(ctx, i.event("done", ""), kept)
		case ActionRemove, ActionEndSessions: // what is removed may have opened another session meanwhile
			l.SessionsEnded = a.Kind == ActionEndSessions
		}
		err = f.Target.Do(ctx, i.Person, a)
		switch {
		case err == nil:
		case a.Kind != ActionRemove || CodeOf(err) == CodeGone || ctx.Err() != nil:
			return err
		default:
			run.leaves(credentialOf(seen, a.Credential), err)
		}
	}
	return Fault(CodeInternal, "finish lock: too many steps for one run", nil)
}

// onlyNamed reports that a lost lock may remove nothing but what its intent names: what came later may be the person's new authenticator. A lock ends the
// sessions last, so once they were ended nobody but the person got in.
func (f *Flow) onlyNamed(ctx context.Context, i Intent, late bool) (bool, error) {
	if late {
		return true, nil
	}
	a, err := f.Accounts.ByID(ctx, i.Person)
	if CodeOf(err) == CodeGone {
		return true, nil
	}
	return i.sessionsEnded(a), err
}

// noticeFound tells the addresses on record, read anew, what was found to be done. A repeat is the same mail.
func (f *Flow) noticeFound(ctx context.Context, i Intent, n Notice) error {
	a, err := f.Accounts.ByID(ctx, i.Person)
	if err != nil {
		return err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	now := f.Now()
	n.Language, n.Name, n.At, n.Expires, n.Way, n.ID = a.Locale, a.Name, now, now.Add(3*24*time.Hour), i.Way, i.Recovery
	for _, to := range f.Rules.Snapshot(a, History{}, realm, now).Others("") {
		n.To = to
		if err := f.Mail.Send(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// event is the record of how an intent ended.
func (i Intent) event(end string, code Code) AuditEvent {
	e := AuditEvent{
		Event: string(i.What) + "." + end, Outcome: "ok", Actor: "system", Target: i.Person, Recovery: i.Recovery, Way: string(i.Way), Code: code,
		Added: i.Added, Removed: i.Removed, Detail: map[string]string{"store": "lost"},
	}
	if code != "" {
		e.Outcome = "refused"
	}
	if i.Change != "" {
		e.Detail["change"] = string(i.Change)
	}
	return e
}
