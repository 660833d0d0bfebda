package bridge

import (
	"context"
	"slices"
	"time"
)

// JobTemporary looks after a temporary code until nothing is left of it; id = person.
const JobTemporary = "temporary"

// RunTemporary watches the person's temporary code and takes it away. Every step may be repeated by any replica. next is when to look again,
// zero when there is nothing left to do. A fault of the outside is no error: it is tried until it works.
func (f *Flow) RunTemporary(ctx context.Context, person string) (next time.Time, err error) {
	for range maxSteps {
		t, found, err := f.Temporary(ctx, person)
		if err != nil || !found {
			return time.Time{}, err
		}
		ctx := onBehalf(ctx, t.Reference)
		if !t.Open() {
			if next, more := f.watchTemporary(ctx, t); !more {
				return next, nil
			}
			continue
		}
		wait, err := f.temporaryStep(ctx, t)
		if err != nil {
			wait = f.temporaryFault(ctx, t, err)
		}
		if wait > 0 {
			return f.Now().Add(wait), nil
		}
	}
	return f.Now().Add(lockPause), nil
}

// temporaryStep does the next thing; wait is not zero when there is nothing to do until then.
func (f *Flow) temporaryStep(ctx context.Context, t TemporaryCode) (wait time.Duration, err error) {
	if over, err := f.temporaryOver(ctx, t); err != nil || over {
		return 0, err
	}
	now := f.Now()
	late := t.StartedAt.Add(temporaryGrace)
	if t.State == TemporaryWriting {
		if now.Before(late) {
			return late.Sub(now), nil
		}
		return 0, f.lookedAt(ctx, t, TemporaryUnwritten)
	}
	seen, err := f.Target.Credentials(ctx, t.Person)
	if err != nil {
		return 0, err
	}
	if ruled, wait, err := f.recoveryRules(ctx, t); ruled || err != nil { // after the look: what a swap does is seen no sooner than it is known
		return wait, err
	}
	after := t.Look(seen, now)
	switch {
	case after.State == TemporaryUsed && t.State == TemporaryLive, t.unseenUse(seen):
		return 0, f.noteUsed(ctx, t)
	case after.End == TemporaryChanged && t.End != after.End:
		return 0, f.foundChanged(ctx, t, seen)
	case after.End != t.End:
		return 0, f.lookedAt(ctx, t, after.End)
	}
	return f.temporaryGoesOn(ctx, t, seen)
}

// temporaryGoesOn does the next thing of a code with which all is as we know it.
func (f *Flow) temporaryGoesOn(ctx context.Context, t TemporaryCode, seen []Credential) (wait time.Duration, err error) {
	now := f.Now()
	a := NextTemporary(t, seen)
	switch {
	case a.Kind == ActionAdd:
		return 0, f.temporaryLast(ctx, t)
	case a.Kind != ActionFinish:
		return 0, f.temporaryDo(ctx, t, a)
	case t.State == TemporaryEnding && t.unsure():
		return 0, f.usedUnseen(ctx, t)
	case t.State == TemporaryEnding && t.End == TemporaryUnwritten && now.Before(t.EndedAt.Add(leftoverAfter)):
		return t.EndedAt.Add(leftoverAfter).Sub(now), nil // Keycloak may be slow with what was sent
	case t.State == TemporaryEnding:
		return 0, f.finishTemporary(ctx, t, seen)
	case t.Stuck != "":
		return 0, f.unstickTemporary(ctx, t)
	}
	return max(time.Second, min(temporaryWatch, t.nextLook().Sub(now))), nil
}

// recoveryRules lets a recovery go first that is about to remove every other OTP, and ends the code after it; ruled says that one did.
func (f *Flow) recoveryRules(ctx context.Context, t TemporaryCode) (ruled bool, wait time.Duration, err error) {
	r, found, err := f.read(ctx, t.Person)
	switch {
	case err != nil || !found:
	case r.State == Writing || r.Locking():
		return true, lockPause, nil
	case t.Swapped.IsZero() && r.State == Done && r.DoneAt.After(t.StartedAt):
		return true, 0, f.recovered(ctx, t, r.DoneAt)
	case t.Swapped.IsZero() && r.Locked() && r.Lock.At.After(t.StartedAt):
		return true, 0, f.recovered(ctx, t, r.Lock.At)
	}
	return false, 0, err
}

func (f *Flow) recovered(ctx context.Context, t TemporaryCode, at time.Time) error {
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) { return old.Recovered(at, f.Now()) })
	return err
}

// foundChanged notes that somebody changed the second factors; that is on record before anything follows from it. What the trail knows a recovery
// to have done since is no such change, nor what a recovery wrote, as its id says: the store may have come back old.
func (f *Flow) foundChanged(ctx context.Context, t TemporaryCode, seen []Credential) error {
	written := slices.IndexFunc(seen, func(c Credential) bool { return c.Recovered() && c.Created.After(t.StartedAt) })
	if written >= 0 && t.Swapped.IsZero() {
		return f.recovered(ctx, t, seen[written].Created)
	}
	if f.Recovered != nil && t.Swapped.IsZero() {
		if at, err := f.Recovered(ctx, t.Person); err != nil || at.After(t.StartedAt) {
			return firstError(err, f.recovered(ctx, t, at))
		}
	}
	if err := f.alarmChanged(ctx, t, t.otherPassword(seen)); err != nil {
		return err
	}
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		return old.withPassword(seen).Ending(TemporaryChanged, f.Now())
	})
	return err
}

func (f *Flow) alarmChanged(ctx context.Context, t TemporaryCode, password bool) error {
	e := t.event("alarm.temporary_changed")
	e.Actor, e.Outcome = "system", "failed"
	if password {
		e.Detail = map[string]string{"changed": "password"}
	}
	return f.Audit.Record(ctx, e)
}

// lookedAt notes the end that a look found.
func (f *Flow) lookedAt(ctx context.Context, t TemporaryCode, why TemporaryEnd) error {
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) { return old.Ending(why, f.Now()) })
	return err
}

func (f *Flow) noteUsed(ctx context.Context, t TemporaryCode) error {
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		if !old.UsedAt.IsZero() {
			return old, Fault(CodeNotOpen, "temporary code", nil)
		}
		if old.UsedAt = f.Now(); old.State == TemporaryLive {
			old.State, old.Code, old.ShownTo = TemporaryUsed, "", time.Time{}
		}
		return old, nil
	})
	if err == nil {
		f.record(ctx, t.event("temporary.used"))
	}
	return err
}

// unsure: nobody has asked yet whether it was used between the last look and its removal.
func (t TemporaryCode) unsure() bool {
	return t.UsedAt.IsZero() && !t.Asked
}

// usedUnseen asks what Keycloak's events say of a code that is gone, and that no look has seen used. What they do not say counts as a use.
func (f *Flow) usedUnseen(ctx context.Context, t TemporaryCode) error {
	used, err := f.Visits.OpenedBy(ctx, t.Person, t.ID, t.StartedAt.Add(-time.Minute))
	switch CodeOf(err) {
	case "":
	case CodeRealmUnsafe, CodeWrongCodes:
		f.Log.WarnContext(ctx, "a temporary code counts as used: the events say nothing", "id", t.ID, "err", err)
		used = true
	default:
		return err
	}
	_, err = f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		if old.Asked = true; used {
			old.UsedAt = f.Now()
		}
		return old, nil
	})
	if err == nil && used {
		f.record(ctx, t.event("temporary.used"))
	}
	return err
}

// temporaryDo removes something, or ends the person's sessions.
func (f *Flow) temporaryDo(ctx context.Context, t TemporaryCode, a Action) error {
	var err error
	if a.Kind == ActionEndSessions {
		err = f.endSessions(ctx, t.Person, t.spares)
	} else {
		err = f.Target.Do(ctx, t.Person, a)
	}
	if err != nil {
		return err
	}
	_, err = f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		old.Stuck, old.StuckSince = "", time.Time{}
		old.Undone = old.Undone || a.Kind == ActionRemove && !(Credential{Type: TypeOTP, ID: a.Credential}).Temporary()
		old.SessionsEnded = a.Kind == ActionEndSessions // what is removed after it may have opened another one meanwhile
		return old, nil
	})
	return err
}

// spares reports that the end of what a code opened does not speak against a recovery under way: unless, where somebody else may read the mail, it goes by
// mail.
func (t TemporaryCode) spares(r Recovery) bool { return !t.suspicious() || r.Way != WayMail }

// temporaryLast writes a tombstone where the code, or what was added under it, is the last OTP of the person.
func (f *Flow) temporaryLast(ctx context.Context, t TemporaryCode) error {
	if t.bare() {
		stone, err := f.lastStone(ctx, t)
		if err != nil {
			return err
		}
		_, err = f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
			if old.bare() {
				old.Tombstone = stone
			}
			return old, nil
		})
		return err
	}
	stone := t.Tombstone
	stone.Secret = f.Codes.NewKey() // forgotten at once
	return f.Target.Do(ctx, t.Person, Action{Kind: ActionAdd, Credential: stone.ID, New: &stone})
}

// lastStone names a tombstone for somebody who has no other OTP left. That is an alarm, on record before anything is written.
func (f *Flow) lastStone(ctx context.Context, t TemporaryCode) (NewCredential, error) {
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return NewCredential{}, err
	}
	stone := f.newStone(realm, nil)
	e := t.event("alarm.temporary_last")
	e.Actor, e.Outcome, e.Added = "system", "failed", stone.ID
	return stone, f.Audit.Record(ctx, e)
}

// finishTemporary tells the person of an end that looks like somebody else's doing, and puts it on record, which is the last: what is on record is
// not done again. Each part may be repeated.
func (f *Flow) finishTemporary(ctx context.Context, t TemporaryCode, seen []Credential) error {
	if t.suspicious() {
		if err := f.tellTemporary(ctx, t, t.outcome(seen)); err != nil {
			return err
		}
	}
	e := t.event("temporary.done")
	e.Actor, e.Added, e.Removed = "system", "", []string{t.ID}
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["why"] = string(t.End)
	if err := f.Audit.Record(ctx, e); err != nil {
		return err
	}
	return f.closeTemporary(ctx, t)
}

// closeTemporary keeps the code as one of which nothing is left.
func (f *Flow) closeTemporary(ctx context.Context, t TemporaryCode) error {
	if err := f.pointAgain(ctx, t.Person, t.StartedAt, t.Vetoes); err != nil {
		return err
	}
	_, err := f.Temporaries.Update(ctx, t.Person, temporaryKept, func(old TemporaryCode, found bool) (TemporaryCode, error) {
		if !found || old.ID != t.ID {
			return old, Fault(CodeNotOpen, "temporary code", nil)
		}
		return old.over(f.Now()), nil
	})
	return err
}

// outcome is what a suspicious end means for the account, as the credentials seen last say.
func (t TemporaryCode) outcome(seen []Credential) TemporaryOutcome {
	gone := func(id string) bool { return !slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == id }) }
	return TemporaryOutcome{
		Vetoed: t.End == TemporaryVetoed, Undone: t.Undone, Kept: t.Stays, Locked: !t.bare(),
		Password: t.Password && t.End == TemporaryChanged,
		Gone:     t.End == TemporaryChanged && !t.Late && t.Swapped.IsZero() && slices.ContainsFunc(t.Factors, gone),
	}
}

// tellTemporary tells the help desk, and every address on record, that a code was taken back. A repeat is the same mail; what comes later is another one.
func (f *Flow) tellTemporary(ctx context.Context, t TemporaryCode, o TemporaryOutcome) error {
	now, id := f.Now(), t.ID+" "+t.EndedAt.UTC().Format(time.RFC3339Nano)
	desk := NoticeDeskTemporary
	if o.Vetoed {
		desk = NoticeDeskCode
	}
	f.tellDesk(ctx, desk, id)
	for _, to := range f.Rules.recipients(t.Snapshot) {
		n := Notice{
			Kind: NoticeTemporaryBack, To: to, Language: t.Language, Name: t.Name, At: now, Expires: now.Add(3 * 24 * time.Hour), Origin: t.Origin, ID: id,
			Outcome: o,
		}
		switch err := f.Mail.Send(ctx, n); CodeOf(err) {
		case "":
		case CodeInternal, CodeExpired:
			f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "id", t.ID, "err", err)
		default:
			return err
		}
	}
	return nil
}

// temporaryFault decides when to try again, and whether an administrator has to know. An account that stays gone was deleted.
func (f *Flow) temporaryFault(ctx context.Context, t TemporaryCode, cause error) (wait time.Duration) {
	code := CodeOf(cause)
	if code == CodeNotOpen {
		return time.Second // another replica, or the person, was faster
	}
	f.Log.WarnContext(ctx, "a temporary code is looked at again", "id", t.ID, "code", code, "err", cause)
	switch {
	case code != CodeRefusedByAccount && code != CodeGone:
		f.temporaryMoved(ctx, t)
		return lockPause
	case t.Stuck != code:
		f.stickTemporary(ctx, t, code)
	case code == CodeGone && f.outlasted(t.StuckSince) && f.deleted(ctx, t.Person):
		if t.State != TemporaryEnding {
			_ = f.lookedAt(ctx, t, TemporaryExpired) // comes again
		} else if err := f.finishTemporary(ctx, t, nil); err != nil {
			f.Log.WarnContext(ctx, "the end of a deleted account's temporary code is noted later", "err", err)
		}
	}
	return refusedPause
}

// temporaryMoved notes that a step failed for another reason: Stuck has not lasted since before now. The code stays on the list.
func (f *Flow) temporaryMoved(ctx context.Context, t TemporaryCode) {
	if t.Stuck == "" || ctx.Err() != nil {
		return
	}
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		old.StuckSince = f.Now()
		return old, nil
	})
	if err != nil {
		f.Log.WarnContext(ctx, "what was refused before counts as lasting", "id", t.ID, "err", err)
	}
}

// stickTemporary puts a code on the administrators' list, once for each reason; it is tried again all the same.
func (f *Flow) stickTemporary(ctx context.Context, t TemporaryCode, code Code) {
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		old.Stuck, old.StuckSince = code, f.Now()
		return old, nil
	})
	if err != nil {
		f.Log.ErrorContext(ctx, "nobody is told yet that a temporary code is not taken away", "err", err)
		return
	}
	e := t.event("temporary.stuck")
	e.Actor, e.Outcome, e.Code = "system", "failed", code
	f.record(ctx, e)
}

// unstickTemporary takes a living code that can be seen again off the list.
func (f *Flow) unstickTemporary(ctx context.Context, t TemporaryCode) error {
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		old.Stuck, old.StuckSince = "", time.Time{}
		return old, nil
	})
	return err
}
