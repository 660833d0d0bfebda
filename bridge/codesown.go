package bridge

import (
	"context"
	"errors"
)

// Recovery codes that somebody asks for in their settings are a change like any other, so that one is under way at most and a temporary code waits for
// it. What it writes is a set as at the end of a recovery, which is taken back by a job of its own whatever becomes of the change.

// takesCodes reports whether recovery codes can be made. What cannot be read is not offered.
func (f *Flow) takesCodes(ctx context.Context) bool {
	if f.TakesCodes == nil {
		return false
	}
	takes, err := f.TakesCodes(ctx)
	return err == nil && takes
}

// ReplaceCodes begins to make recovery codes in the place of those that stand. The caller draws the id of the set, once for all that one browser sends:
// a repeat is nil and changes nothing.
func (s *Settings) ReplaceCodes(ctx context.Context, m Member, id string) error {
	if _, err := s.may(ctx, m); err != nil {
		return err
	}
	if err := s.undisputed(ctx, m.Person); err != nil {
		return err
	}
	if !s.takesCodes(ctx) {
		return Fault(CodeNotOpen, "replace recovery codes", nil)
	}
	if _, err := s.CodeSets.Get(ctx, id); !errors.Is(err, ErrAbsent) {
		return err
	}
	return s.begin(ctx, m, Change{Kind: ChangeCodes, Credential: id})
}

// OwnCodes returns the set that this person asked for in the settings under an id, the zero CodeSet when there is none to be shown. Whoever asks has entered.
func (s *Settings) OwnCodes(ctx context.Context, m Member, id string) (CodeSet, error) {
	if id == "" {
		return CodeSet{}, nil
	}
	set, err := s.CodeSets.Get(ctx, id)
	if err != nil || set.Person != m.Person || !set.own() || !s.Now().Before(set.Until) {
		return CodeSet{}, absentIsFine(err)
	}
	return set, nil
}

// carryCodes brings a set to its end, and with it the change.
func (s *Settings) carryCodes(ctx context.Context, c *Change) error {
	set, err := s.CodeSets.Get(ctx, c.Credential)
	if errors.Is(err, ErrAbsent) && c.Sent { // its job has ended and forgotten it
		return s.endChange(ctx, c, ChangeRefused, CodeExpired, "")
	}
	if errors.Is(err, ErrAbsent) {
		err = s.beginCodes(ctx, *c)
	}
	if err != nil {
		return err
	}
	if !c.Sent {
		if err := s.keep(ctx, c, func(old *Change) { old.Sent = true }); err != nil {
			return err
		}
	}
	if _, err := s.RunCodes(ctx, c.Credential); err != nil {
		return err
	}
	set, err = s.CodeSets.Get(ctx, c.Credential)
	switch {
	case err != nil && !errors.Is(err, ErrAbsent):
		return err
	case err != nil:
		return s.endChange(ctx, c, ChangeRefused, CodeExpired, "")
	case set.State == CodesAsked: // what was sent late is waited for
		return Fault(CodeChangeOpen, "recovery codes", nil)
	case set.State == CodesRefused:
		return s.endChange(ctx, c, ChangeRefused, set.Code, "")
	}
	return s.endChange(ctx, c, ChangeDone, "", "")
}

// beginCodes draws the codes of a set. The job that takes them back when the change does not end stands first.
func (s *Settings) beginCodes(ctx context.Context, c Change) error {
	now := s.Now()
	if !now.Before(c.Until) {
		return Fault(CodeExpired, "recovery codes", nil)
	}
	fresh := CodeSet{
		Recovery: c.Credential, Person: c.Person, State: CodesAsked, Until: now.Add(CodesLife), SignedInAt: c.SignedInAt, Reference: c.Reference,
		New: NewCodes{ID: c.Credential, Codes: newCodeList(), CreatedMillis: now.UnixMilli()},
	}
	if err := s.Jobs.Add(ctx, Job{Kind: JobCodes, ID: c.Credential, At: fresh.Until}); err != nil {
		return err
	}
	_, err := s.CodeSets.Update(ctx, c.Credential, CodesLife, func(old CodeSet, found bool) (CodeSet, error) {
		if found {
			return old, errSame
		}
		return fresh, nil
	})
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}
