package bridge

import (
	"context"
	"slices"
	"time"
)

// Intent is a swap that the audit trail knows to have begun and not to have ended.
type Intent struct {
	Person   string
	Recovery string
	Way      Way
	Added    string   // id of the new credential
	Removed  []string // ids to remove
}

// FinishIntent ends a swap whose recovery the store has lost (SWAP-11). The new key is lost with it, so nothing is written: if the new
// credential stands, the old ones go; if it does not, nothing was changed. A recovery that is still in the store is left to its job, which is
// added again in case it was given up.
func (f *Flow) FinishIntent(ctx context.Context, i Intent) error {
	r, found, err := f.read(ctx, i.Person)
	if err != nil {
		return err
	}
	if found && r.ID == i.Recovery && r.State == Writing {
		return f.Jobs.Add(ctx, Job{Kind: JobSwap, ID: i.Person, At: f.Now()})
	}
	if found && r.ID == i.Recovery && r.State == Done {
		e := i.event("swap.done", "") // by another replica, whose own trail has the rest
		e.Detail = nil
		return f.Audit.Record(ctx, e)
	}
	s := Swap{New: NewCredential{ID: i.Added}, Remove: i.Removed}
	for range maxSteps {
		seen, err := f.Target.Credentials(ctx, i.Person)
		if err != nil && CodeOf(err) != CodeGone {
			return err
		}
		n := slices.IndexFunc(seen, func(c Credential) bool { return c.ID == i.Added })
		if n < 0 {
			return f.Audit.Record(ctx, i.event("swap.refused", CodeAbsent))
		}
		a := NextAction(s, seen)
		switch a.Kind {
		case ActionFinish:
			if err := f.noticeFound(ctx, i, seen[n].Label); err != nil {
				return err
			}
			return f.Audit.Record(ctx, i.event("swap.done", ""))
		case ActionEndSessions:
			s.SessionsEnded = true
		}
		if err := f.Target.Do(ctx, i.Person, a); err != nil {
			return err
		}
	}
	return Fault(CodeInternal, "finish intent: too many steps for one run", nil)
}

// noticeFound tells the addresses on record, read anew, that a new authenticator was registered. A repeat is the same mail.
func (f *Flow) noticeFound(ctx context.Context, i Intent, label string) error {
	a, err := f.Accounts.ByID(ctx, i.Person)
	if err != nil {
		return err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	now := f.Now()
	for _, to := range f.Rules.Snapshot(a, History{}, realm, now).Others("") {
		n := Notice{
			Kind: NoticeCompleted, To: to, Language: a.Locale, Name: a.Name, At: now, Expires: now.Add(3 * 24 * time.Hour), Way: i.Way,
			Label: label, ID: i.Recovery,
		}
		if err := f.Mail.Send(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (i Intent) event(name string, code Code) AuditEvent {
	e := AuditEvent{
		Event: name, Outcome: "ok", Actor: "system", Target: i.Person, Recovery: i.Recovery, Way: string(i.Way), Code: code,
		Added: i.Added, Removed: i.Removed, Detail: map[string]string{"store": "lost"},
	}
	if code != "" {
		e.Outcome = "refused"
	}
	return e
}
