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
)

// Intent is an undertaking that the audit trail knows to have begun and not to have ended.
type Intent struct {
	What     Undertaking
	Person   string
	Recovery string
	Way      Way
	Added    string    // id of the new credential or of the tombstone
	Removed  []string  // ids to remove
	Begun    time.Time // when that was put on record
	Stuck    time.Time // since when the trail says that the lock does not go on; zero: it does not
}

// FinishIntent ends a swap or a lock whose recovery the store has lost (SWAP-11). Nothing is written: if the new credential, or the tombstone,
// stands, the old ones go; if it does not, nothing was changed. A recovery that is still in the store is left to its job, which is added
// again in case it was given up.
func (f *Flow) FinishIntent(ctx context.Context, i Intent) error {
	r, found, err := f.read(ctx, i.Person)
	if err != nil {
		return err
	}
	ours, lock := found && r.ID == i.Recovery, i.What == UndertakingLock
	switch {
	case ours && !lock && r.State == Writing:
		return f.Jobs.Add(ctx, Job{Kind: JobSwap, ID: i.Person, At: f.Now()})
	case ours && lock && r.Locking():
		return f.Jobs.Add(ctx, Job{Kind: JobLock, ID: i.Person, At: f.Now()})
	case ours && !lock && r.State == Done, ours && lock && r.Locked():
		e := i.event("done", "") // by another replica, whose own trail has the rest
		e.Detail = nil
		return f.Audit.Record(ctx, e)
	}
	return f.finishLost(ctx, i, f.Now().Sub(i.Begun) > KeepEnded || r.StartedAt.After(i.Begun))
}

// finishLost ends what the store does not know. late: another replica may have ended it, and the store forgotten that as usual.
func (f *Flow) finishLost(ctx context.Context, i Intent, late bool) error {
	if late {
		if over, err := f.endedElsewhere(ctx, i); err != nil || over {
			return err
		}
	}
	if i.What == UndertakingSwap {
		return f.finishLostSwap(ctx, i)
	}
	err := f.finishLostLock(ctx, i)
	if CodeOf(err) == CodeRefusedByAccount && i.Stuck.IsZero() {
		e := i.event("stuck", CodeRefusedByAccount)
		e.Outcome, e.Removed = "failed", nil
		err = errors.Join(err, f.Audit.Record(ctx, e))
	}
	return err
}

// endedElsewhere looks whether an intent was brought to its end by another replica and forgotten since, or followed by another recovery: what it
// removes is gone, and the person's sessions were ended after it. Then that is put on record and nothing is done that anybody would feel.
func (f *Flow) endedElsewhere(ctx context.Context, i Intent) (over bool, err error) {
	a, err := f.Accounts.ByID(ctx, i.Person)
	if CodeOf(err) == CodeGone {
		return false, nil
	}
	if err != nil || a.NotBefore.Before(i.Begun.Truncate(time.Second)) { // Keycloak keeps whole seconds
		return false, err
	}
	if slices.ContainsFunc(a.Credentials, func(c Credential) bool { return slices.Contains(i.Removed, c.ID) }) {
		return false, nil
	}
	stands := slices.ContainsFunc(a.Credentials, func(c Credential) bool { return c.ID == i.Added })
	if !stands && len(i.Removed) == 0 { // it may never have stood
		return false, nil
	}
	e := i.event("done", "")
	e.Detail = nil
	return true, f.Audit.Record(ctx, e)
}

func (f *Flow) finishLostSwap(ctx context.Context, i Intent) error {
	s := Swap{New: NewCredential{ID: i.Added}, Remove: i.Removed}
	for range maxSteps {
		seen, err := f.Target.Credentials(ctx, i.Person)
		if err != nil && CodeOf(err) != CodeGone {
			return err
		}
		n := slices.IndexFunc(seen, func(c Credential) bool { return c.ID == i.Added })
		if n < 0 {
			return f.Audit.Record(ctx, i.event("refused", CodeAbsent))
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

// finishLostLock removes what stood when the theft was reported, and nothing else: what came later may be the person's new authenticator.
// What Keycloak refuses to remove is left as in lockLeft.
func (f *Flow) finishLostLock(ctx context.Context, i Intent) error {
	l := Lock{Tombstone: NewCredential{ID: i.Added}}
	var refused []Credential
	for range maxSteps {
		seen, err := f.Target.Credentials(ctx, i.Person)
		if err != nil && CodeOf(err) != CodeGone {
			return err
		}
		named := slices.DeleteFunc(seen, func(c Credential) bool { return c.ID != i.Added && !slices.Contains(i.Removed, c.ID) })
		a := NextLock(l.without(refused), named)
		switch a.Kind {
		case ActionAdd:
			return f.Audit.Record(ctx, i.event("refused", CodeAbsent))
		case ActionFinish:
			if len(refused) > 0 && (stays(refused) || i.Stuck.IsZero() || f.Now().Sub(i.Stuck) < lockPatience) {
				return Fault(CodeRefusedByAccount, "remove second factors", nil)
			}
			kept := l.keeps(named)
			if err := f.noticeFound(ctx, i, Notice{Kind: NoticeLocked, Kept: len(kept)}); err != nil {
				return err
			}
			return f.recordLocked(ctx, i.event("done", ""), kept)
		case ActionRemove, ActionEndSessions: // what is removed may have opened another session meanwhile
			l.SessionsEnded = a.Kind == ActionEndSessions
		}
		err = f.Target.Do(ctx, i.Person, a)
		switch {
		case a.Kind == ActionRemove && CodeOf(err) == CodeRefusedByAccount:
			refused = append(refused, credentialOf(named, a.Credential))
		case err != nil:
			return err
		}
	}
	return Fault(CodeInternal, "finish lock: too many steps for one run", nil)
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
	return e
}
