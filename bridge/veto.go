package bridge

import "context"

// Owner returns whose recovery a token may belong to, "" when it is unknown. The answer must not reach a page.
func (f *Flow) Owner(ctx context.Context, hash string) (string, error) {
	p, err := f.Links.Get(ctx, hash)
	if CodeOf(err) == CodeAbsent {
		return "", nil
	}
	return p.Person, err
}

// Foreign records that somebody signed in as one person holds the link of another, if that is so.
func (f *Flow) Foreign(ctx context.Context, v Viewer) {
	owner, err := f.Owner(ctx, v.LinkHash)
	if err == nil && owner != "" && owner != v.Person {
		f.record(ctx, AuditEvent{Event: "link.wrong_person", Outcome: "refused", Actor: v.Person, Target: owner, Code: CodeWrongPerson})
	}
}

// Disown is "This wasn't me" of the person who opened the link and signed in. A second press finds it stopped.
func (f *Flow) Disown(ctx context.Context, v Viewer) error {
	if err := f.vetoSoon(ctx, v.Person); err != nil {
		return err
	}
	stopped := false
	r, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) {
		if stopped = old.End == EndVetoed && old.Link != nil && Equal(old.Link.Hash, v.LinkHash); stopped {
			return old, nil
		}
		next, err := old.Disown(v.LinkHash, f.Now())
		return next.unsaid(f.Now(), eventVetoed, objectionTold), err
	})
	if err != nil || stopped {
		return err
	}
	_ = f.sayAll(ctx, r, r.Person) // logged; its job tries again
	return nil
}

// Veto ends the recovery, or the temporary code, that a veto link belongs to, without a sign-in, if the objection number is right. A second press
// finds it stopped.
func (f *Flow) Veto(ctx context.Context, hash, number string) error {
	owner, err := f.Owner(ctx, hash)
	if err != nil {
		return err
	}
	if owner == "" {
		return Fault(CodeLinkInvalid, "veto", nil)
	}
	if ours, err := f.vetoTemporary(ctx, owner, hash, number); ours || err != nil {
		return err
	}
	often := f.objectsTooOften(ctx, owner, hash, number)
	if often != nil && CodeOf(often) != CodeTooMany {
		return often
	}
	if err := f.vetoSoon(ctx, owner); err != nil {
		return err
	}
	return f.object(ctx, owner, hash, number, often)
}

// object stores an objection and tells of it. One that comes too late, and too often, does nothing but shut the mail way.
func (f *Flow) object(ctx context.Context, owner, hash, number string, often error) error {
	now, stops, late := f.Now(), false, error(nil)
	r, err := f.change(ctx, owner, func(old Recovery) (Recovery, error) {
		next, err := old.Veto(hash, number, now)
		if stops = err == nil && old.Open(); stops {
			next = next.unsaid(now, eventVetoed, objectionTold)
		}
		if late = nil; CodeOf(err) == CodeTooLate {
			late, err = err, nil
			if often == nil {
				next = next.unsaid(now, eventObjected, objectionEnds)
			}
		}
		return next, err
	})
	switch CodeOf(err) {
	case "":
		if !stops && late == nil {
			return nil // stopped before: whoever did it tells, or the job
		}
		told := f.sayAll(ctx, r, "") // its job tries again
		if late != nil {
			return firstError(often, told, late)
		}
	case CodeNotOpen:
		return Fault(CodeLinkInvalid, "veto", nil)
	case CodeObjection:
		f.record(ctx, AuditEvent{Event: "veto.wrong_number", Outcome: "refused", Target: owner, Recovery: r.ID, Code: CodeObjection})
	}
	return err
}

// objectsTooOften asks the limit of objections that come too late before one is stored, since what is stored is carried out.
func (f *Flow) objectsTooOften(ctx context.Context, owner, hash, number string) error {
	r, found, err := f.read(ctx, owner)
	if err != nil || !found {
		return err
	}
	if _, err := r.Veto(hash, number, f.Now()); CodeOf(err) != CodeTooLate {
		return nil
	}
	return f.mayDispute(ctx, owner)
}

// mayDispute counts an objection that comes too late, which ends sessions.
func (f *Flow) mayDispute(ctx context.Context, person string) error {
	ok, retry, err := f.Limits.AllowAtMost(ctx, LimitObjection, person)
	switch {
	case err != nil:
		return Fault(CodeStoreAway, LimitObjection.Name, err)
	case ok:
		return nil
	}
	f.OverLimit(ctx, "", person, LimitObjection.Name) // by whoever has the mail
	return &Error{Code: CodeTooMany, Op: LimitObjection.Name, Until: f.Now().Add(retry)}
}

// disputed answers an objection to a recovery that can no longer be stopped: somebody else may use the account. The alarm comes first; the mail way is shut
// already.
func (f *Flow) disputed(ctx context.Context, r Recovery, actor string) {
	e := event(eventObjected, r)
	e.Actor, e.Outcome, e.Code = actor, "refused", CodeTooLate
	f.record(ctx, e)
	f.tellDesk(ctx, NoticeDeskObjected, r.ID)
}

// endsAll shuts the gate of a person and ends all sessions. An error means that somebody may still be in.
func (f *Flow) endsAll(ctx context.Context, person string) error {
	gate, ended := f.Gate.Shut(ctx, person), f.Target.Do(ctx, person, Action{Kind: ActionEndSessions})
	if CodeOf(gate) == CodeGone { // any other fault says more
		gate, ended = ended, gate
	}
	if err := f.gone(ctx, "sessions", person, firstError(gate, ended)); CodeOf(err) != CodeGone {
		return err
	}
	return nil
}

// vetoed records the veto.
func (f *Flow) vetoed(ctx context.Context, r Recovery, actor string) {
	f.hangUp(ctx, r)
	e := event(eventVetoed, r)
	e.Actor = actor
	f.record(ctx, e)
	if r.Reason == ReasonStolen && !r.ProvenAt.IsZero() && r.Lock == nil { // the lock was due, and is not begun
		e.Event, e.Outcome, e.Code = "lock.refused", "refused", CodeNotOpen
		f.record(ctx, e)
	}
}

// newVeto makes a veto link for a notice; empty when that fails: the notice is sent all the same.
func (f *Flow) newVeto(ctx context.Context, r Recovery) (token Secret, number string) {
	token, number = NewToken(), NewDigits(6)
	err := f.point(ctx, token.Hash(), r.Person)
	if err == nil {
		_, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
			if old.ID != r.ID {
				return old, Fault(CodeNotOpen, "add veto", nil)
			}
			return old.AddVeto(Veto{Hash: token.Hash(), Objection: number})
		})
	}
	if err != nil {
		f.Log.WarnContext(ctx, "a notice has no veto link", "recovery", r.ID, "err", err)
		return "", ""
	}
	return token, number
}
