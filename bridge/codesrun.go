package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// RunCodes writes a set that was asked for. Every step may be repeated by any replica; an error means that the job has to come again. A set
// whose time is up before it was written is taken back.
func (f *Flow) RunCodes(ctx context.Context, id string) (next time.Time, err error) {
	for range maxSteps {
		set, err := f.CodeSets.Get(ctx, id)
		ctx := onBehalf(ctx, set.Reference)
		switch {
		case errors.Is(err, ErrAbsent):
			return time.Time{}, nil
		case err != nil:
			return time.Time{}, err
		case set.State != CodesAsked:
			return time.Time{}, nil
		case !f.Now().Before(set.Until) || len(set.New.Codes) == 0:
			return f.lateCodes(ctx, set)
		}
		done, err := f.codesStep(ctx, set)
		if CodeOf(err) == CodeGone { // for an hour only after its time
			err = unseen(err)
		}
		if code := CodeOf(err); code == CodeRefusedByAccount || code == CodeNotOpen || code == CodeTemporary || refusal(code) {
			return time.Time{}, f.takeCodesBack(ctx, set, code)
		}
		if err != nil || done {
			return time.Time{}, err
		}
	}
	return time.Time{}, Fault(CodeInternal, "recovery codes: too many steps for one run", nil)
}

// lateCodes ends a set that was not written in time. Its codes are erased at once; what was sent may still come to stand for a moment.
func (f *Flow) lateCodes(ctx context.Context, set CodeSet) (next time.Time, err error) {
	if over, err := f.codesOver(ctx, set); err != nil || over {
		return time.Time{}, err
	}
	if len(set.New.Codes) > 0 {
		err := f.changeCodes(ctx, set.Recovery, 0, func(old *CodeSet) error { old.New.Codes = nil; return nil })
		if err != nil {
			return time.Time{}, absentIsFine(err)
		}
	}
	if look := set.Until.Add(codesGrace); set.Intended && f.Now().Before(look) {
		return look, nil
	}
	return time.Time{}, f.takeCodesBack(ctx, set, CodeExpired)
}

// takeCodesBack refuses a set that is not written to the end. Once it was sent, an answer may have been lost: a set that stands goes, since
// nobody has its codes, and the person hears of it, also when older codes are gone.
func (f *Flow) takeCodesBack(ctx context.Context, set CodeSet, code Code) error {
	if !set.Intended {
		return f.refuseCodes(ctx, set, code)
	}
	seen, err := f.seen(ctx, set.Person)
	if CodeOf(err) == CodeGone {
		return f.refuseCodes(ctx, set, code)
	}
	if err != nil {
		return err
	}
	standing := codeSets(seen, "")
	stands := slices.Contains(standing, set.New.ID)
	lost := slices.ContainsFunc(set.Removed, func(id string) bool { return !slices.Contains(standing, id) })
	if stands || lost {
		if err := f.tellCodes(ctx, NoticeCodesBack, set); err != nil {
			return err
		}
	}
	if stands {
		if err := f.Target.Do(ctx, set.Person, Action{Kind: ActionRemove, Credential: set.New.ID}); err != nil {
			return err
		}
	}
	return f.refuseCodes(ctx, set, code)
}

// tellCodes tells every address on record now: there may be no recovery, or none any more.
func (f *Flow) tellCodes(ctx context.Context, kind NoticeKind, set CodeSet) error {
	a, err := f.Accounts.ByID(ctx, set.Person)
	if err = f.gone(ctx, "recovery codes", set.Person, err); CodeOf(err) == CodeGone {
		return nil
	}
	if err != nil {
		return err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	return f.tellDone(ctx, kind, Recovery{
		ID: set.Recovery, Way: set.Way, Name: a.Name, Language: a.Locale, Snapshot: f.Rules.Snapshot(a, History{}, realm, f.Now()),
	})
}

// codesStep does the next thing for a set, if what it was asked for under still holds.
func (f *Flow) codesStep(ctx context.Context, set CodeSet) (done bool, err error) {
	r, err := f.codesHold(ctx, set)
	if err != nil {
		return false, err
	}
	seen, err := f.Target.Credentials(ctx, set.Person)
	if err != nil {
		return false, err
	}
	if !set.Intended {
		if err := f.codesFit(ctx, set, r); err != nil {
			return false, err
		}
		return false, f.intendCodes(ctx, set, codeSets(seen, set.New.ID))
	}
	a := nextCodes(set.New, seen)
	if a.Kind == ActionAddCodes {
		if slices.ContainsFunc(seen, Credential.Tombstone) { // locked since the intent
			return false, Fault(CodeNotOpen, "recovery codes", nil)
		}
		if err := f.codesAdded(ctx, set, r); err != nil {
			return false, err
		}
	}
	if a.Kind != ActionFinish {
		return false, f.Target.Do(ctx, set.Person, a)
	}
	if !f.Now().Before(set.Until) {
		return false, nil // the next look takes them back
	}
	if err := f.codesDone(ctx, set); err != nil {
		return false, err
	}
	if set.own() {
		err = f.tellCodes(ctx, NoticeCodes, set)
	} else {
		err = f.tellDone(ctx, NoticeCodes, r)
	}
	if err != nil {
		return false, err
	}
	err = f.endCodes(ctx, set, func(old *CodeSet) error {
		old.State = CodesWritten
		return nil
	})
	return err == nil, absentIsFine(err) // too late: the next look takes them back
}

// codesDone puts the end of a set on record, once in this process's own trail: what comes after it may fail, or die, and is then done again.
func (f *Flow) codesDone(ctx context.Context, set CodeSet) error {
	if f.Ended != nil {
		how, err := f.Ended(ctx, UndertakingCodes, set.Recovery)
		if err != nil || how == "done" {
			return err
		}
	}
	return f.Audit.Record(ctx, codesEvent("recovery_codes.done", set))
}

// codesAdded notes that a set is ours, before it is written. At the end of a recovery a temporary code may not have heard of that yet.
func (f *Flow) codesAdded(ctx context.Context, set CodeSet, r Recovery) error {
	t, found, err := f.Temporary(ctx, set.Person)
	if err == nil && found && !set.own() && t.Open() && t.Swapped.IsZero() {
		err = f.recovered(ctx, t, r.DoneAt)
	}
	return firstError(err, f.factorAdded(ctx, set.Person, set.New.ID))
}

// codesHold says at every step what speaks against a set. At the end of a recovery it has to be the latest: whoever began another one, or was refused
// since, or objected, gets none. In the settings a recovery comes first.
func (f *Flow) codesHold(ctx context.Context, set CodeSet) (Recovery, error) {
	const op = "recovery codes"
	r, found, err := f.read(ctx, set.Person)
	switch {
	case err != nil:
		return r, err
	case set.own() && found && (r.State == Writing || r.Locking()):
		return r, Fault(CodeChangeOpen, op, nil)
	case set.own():
		return r, f.undisputed(ctx, set.Person)
	case !found || r.ID != set.Recovery || r.State != Done || r.Disputed(f.Now()):
		return r, Fault(CodeNotOpen, op, nil)
	}
	return r, nil
}

// codesFit looks at the account once more before anything is written: it has to be as the recovery left it, or as the settings found it.
func (f *Flow) codesFit(ctx context.Context, set CodeSet, r Recovery) error {
	if set.own() {
		if t, _, err := f.Temporary(ctx, set.Person); err != nil || t.Open() {
			return firstError(err, Fault(CodeTemporary, "recovery codes", nil))
		}
		if err := f.Safe("recovery codes"); err != nil {
			return err
		}
		_, err := f.enter(ctx, Member{Person: set.Person, Full: true, SignedInAt: set.SignedInAt})
		return err
	}
	a, err := f.Accounts.ByID(ctx, set.Person)
	if err == nil {
		err = f.Rules.Refusal(a)
	}
	if err == nil {
		err = r.Snapshot.Changed(a, r.DoneAt.Add(time.Minute)) // what the swap itself ended is no reason
	}
	return err
}

// nextCodes decides the next step from the credentials seen just now: the set is written, older ones go, and it stands behind every
// authenticator, so that Keycloak asks for the one-time password first.
func nextCodes(n NewCodes, seen []Credential) Action {
	own := slices.IndexFunc(seen, func(c Credential) bool { return c.ID == n.ID })
	if own < 0 {
		return Action{Kind: ActionAddCodes, Credential: n.ID, Codes: &n}
	}
	if old := codeSets(seen, n.ID); len(old) > 0 {
		return Action{Kind: ActionRemove, Credential: old[0]}
	}
	for i := len(seen) - 1; i > own; i-- {
		if seen[i].Type == TypeOTP {
			return Action{Kind: ActionMove, Credential: n.ID, After: seen[i].ID}
		}
	}
	return Action{Kind: ActionFinish}
}

// codeSets lists the sets of recovery codes but for one.
func codeSets(seen []Credential, but string) (ids []string) {
	for _, c := range seen {
		if c.Type == TypeRecoveryCodes && c.ID != but && !c.Federated {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// intendCodes puts on record what is about to be written. If it cannot be, nothing is.
func (f *Flow) intendCodes(ctx context.Context, set CodeSet, removed []string) error {
	set.Removed = removed
	if err := f.Audit.Record(ctx, codesEvent("recovery_codes.intended", set)); err != nil {
		return err
	}
	err := f.changeCodes(ctx, set.Recovery, 0, func(old *CodeSet) error {
		old.Intended, old.Removed = true, removed
		return nil
	})
	return absentIsFine(err)
}
