package bridge

import (
	"context"
	"errors"
)

var errStopped = errors.New("stopped already")

// vetoTemporary ends the code that a veto link belongs to; ours is false when it is not one of a code. After the end of a code that was used it is
// an objection as to a recovery that is done: CodeTooLate.
func (f *Flow) vetoTemporary(ctx context.Context, owner, hash, number string) (ours bool, err error) {
	t, found, err := f.Temporary(ctx, owner)
	if err != nil || !found || !t.names(hash) || t.Request != "" && t.Failed() && t.UsedAt.IsZero() { // then it is the request's
		return false, err
	}
	t, err = f.objectTemporary(ctx, t, hash, number)
	if errors.Is(err, errStopped) {
		return true, f.temporaryAt(ctx, owner, f.Now())
	}
	switch CodeOf(err) {
	case "":
		e := t.event("temporary.vetoed")
		e.Actor = ""
		f.record(ctx, e)
		f.endToday(ctx, t, EndVetoed, "recovery.vetoed")
		return true, f.temporaryAt(ctx, owner, f.Now())
	case CodeTooLate:
		if t.Open() {
			err = firstError(f.temporaryAt(ctx, owner, f.Now()), err)
		}
		if often := f.mayDispute(ctx, owner); often != nil {
			return true, often
		}
		f.disputed(ctx, Recovery{ID: t.ID, Person: owner, Way: WayMail}, "")
		return true, firstError(f.endsAll(ctx, owner), err)
	case CodeNotOpen:
		return true, Fault(CodeLinkInvalid, "veto", nil)
	case CodeObjection:
		f.record(ctx, AuditEvent{Event: "veto.wrong_number", Outcome: "refused", Target: owner, Recovery: t.ID, Code: CodeObjection})
	}
	return true, err
}

// objectTemporary stores what the objection makes of the code, also where it only counts, or comes too late to end it.
func (f *Flow) objectTemporary(ctx context.Context, t TemporaryCode, hash, number string) (TemporaryCode, error) {
	var counted error
	step := func(old TemporaryCode) (TemporaryCode, error) {
		next, err := old.Veto(hash, number, f.Now())
		if err == nil && old.End == TemporaryVetoed {
			err = errStopped
		}
		switch counted = nil; CodeOf(err) {
		case CodeObjection, CodeTooLate:
			counted, err = err, nil
		}
		return next, err
	}
	var err error
	if t.Open() {
		t, err = f.changeTemporary(ctx, t, step)
	} else {
		t, err = f.Temporaries.Update(ctx, t.Person, temporaryKept, func(old TemporaryCode, found bool) (TemporaryCode, error) {
			if !found || old.ID != t.ID || old.Open() {
				return old, Fault(CodeNotOpen, "veto", nil)
			}
			return step(old)
		})
	}
	return t, firstError(err, counted)
}
