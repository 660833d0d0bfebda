package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

var (
	errHeld = errors.New("another worker carries the change out")
	errOver = errors.New("nothing is to be done")
)

// RunChange carries out the change that a person asked for. Every step may be repeated by any replica; an error means that the job has to come again.
func (s *Settings) RunChange(ctx context.Context, person string) (next time.Time, err error) {
	holder := NewUUID()
	c, err := s.hold(ctx, person, holder)
	switch {
	case errors.Is(err, errHeld):
		return c.Held, nil
	case errors.Is(err, errOver), errors.Is(err, ErrAbsent):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	ctx = onBehalf(ctx, c.Reference)
	run, cancel := context.WithTimeout(ctx, changeRun)
	defer cancel()
	err = s.carry(run, &c)
	code := CodeOf(err)
	switch {
	case err == nil:
		return time.Time{}, nil
	case code == CodeChangeOpen: // of a recovery
		next, err = s.Now().Add(2*time.Second), nil
	case code == CodeRefusedByAccount && c.Tries < changeTries: // what is gone again, or a label that was taken meanwhile
		c.Tries++
		next, err = s.Now().Add(time.Second), nil
	case (refusal(code) || slices.Contains(finalCodes, code)) && s.Now().Before(c.Unanswered.Add(leftoverAfter)): // it may come to stand yet
		next, err = c.Unanswered.Add(leftoverAfter), nil
	case refusal(code) || slices.Contains(finalCodes, code):
		return time.Time{}, s.refuseChange(run, c, code, fieldOf(err))
	}
	return next, errors.Join(err, s.release(context.WithoutCancel(ctx), c))
}

// finalCodes end a change beside the refusals of the account.
var finalCodes = []Code{
	CodeRefusedByAccount, CodeExpired, CodeLastOTP, CodeOtherOTP, CodeAbsent, CodeAddressMax, CodeAddressSame, CodeAddressCampus, CodeAddressReset,
	CodeAddressFormat, CodeRecovered, CodeDeskOnly, CodeTemporary, CodeStaleSignIn, CodeOTPPolicy, CodeRealmUnsafe,
}

// hold takes a change that nobody else carries out.
func (s *Settings) hold(ctx context.Context, person, holder string) (Change, error) {
	now := s.Now()
	held := now
	c, err := s.Changes.Update(ctx, person, 0, func(old Change, found bool) (Change, error) {
		switch {
		case !found || old.State != ChangeAsked:
			return old, errOver
		case now.Before(old.Held):
			held = old.Held
			return old, errHeld
		}
		old.Holder, old.Held = holder, now.Add(changeHold)
		return old, nil
	})
	if errors.Is(err, errHeld) {
		c.Held = held
	}
	return c, err
}

// keep stores how far a change has come, if it is still ours to carry out.
func (s *Settings) keep(ctx context.Context, c *Change, step func(*Change)) error {
	return s.keepFor(ctx, c, 0, step)
}

func (s *Settings) keepFor(ctx context.Context, c *Change, life time.Duration, step func(*Change)) error {
	kept, err := s.Changes.Update(ctx, c.Person, life, func(old Change, found bool) (Change, error) {
		if !found || old.ID != c.ID || old.Holder != c.Holder {
			return old, Fault(CodeStoreAway, "change", errHeld)
		}
		step(&old)
		return old, nil
	})
	if err == nil {
		*c = kept
	}
	return err
}

func (s *Settings) release(ctx context.Context, c Change) error {
	return s.keep(ctx, &c, func(old *Change) { old.Held, old.Tries, old.Unanswered = time.Time{}, c.Tries, c.Unanswered })
}

// carry brings a change to its end.
func (s *Settings) carry(ctx context.Context, c *Change) error {
	if err := s.alone(ctx, c.Person); err != nil {
		return err
	}
	if c.Kind == ChangeCodes {
		return s.carryCodes(ctx, c)
	}
	if over, err := s.changeOver(ctx, c); err != nil || over {
		return err
	}
	if c.Sent {
		a, err := s.Accounts.ByID(ctx, c.Person)
		if err := s.gone(ctx, "account", c.Person, err); err != nil {
			return err
		}
		if s.stood(a, *c) {
			return s.finishFound(ctx, c)
		}
	}
	if now := s.Now(); !now.Before(c.Until) {
		if c.Sent && now.Before(c.Until.Add(leftoverAfter)) { // Keycloak may be slow with it
			return Fault(CodeChangeOpen, "change", nil)
		}
		return Fault(CodeExpired, "change", nil)
	}
	before := c.Unanswered
	if err := s.intendChange(ctx, c); err != nil {
		return err
	}
	c.Unanswered = before // on record is that it may be sent now, if this is the end of the process
	if t, found, err := s.Temporary(ctx, c.Person); err != nil || found && t.Open() {
		return firstError(err, Fault(CodeTemporary, "change", nil))
	}
	if err := s.alone(ctx, c.Person); err != nil {
		return err
	}
	if err := s.write(ctx, *c); err != nil {
		c.unanswered(err, s.Now())
		return err
	}
	if c.Address != "" { // or it is an alarm that it was not compared
		if err := s.keep(ctx, c, func(old *Change) { old.Compared = true }); err != nil {
			return err
		}
	}
	return s.finishChange(ctx, c)
}

// alone makes a change wait while a recovery writes the same credentials.
func (s *Settings) alone(ctx context.Context, person string) error {
	r, found, err := s.read(ctx, person)
	if err == nil && found && (r.State == Writing || r.Locking()) {
		err = Fault(CodeChangeOpen, "change", nil)
	}
	return err
}

// finishFound ends a change that stands though nobody saw the end of its write. What else moved with it is not known then, which is an alarm.
func (s *Settings) finishFound(ctx context.Context, c *Change) error {
	if c.Address != "" && !c.Compared {
		if err := s.Audit.Record(ctx, movedEvent(c.Person, "not compared")); err != nil {
			return err
		}
		if err := s.keep(ctx, c, func(old *Change) { old.Compared = true }); err != nil {
			return err
		}
	}
	return s.finishChange(ctx, c)
}

// stood reports whether a change that was sent is there.
func (s *Settings) stood(a Account, c Change) bool {
	i := slices.IndexFunc(a.Credentials, func(o Credential) bool { return o.ID == c.Credential })
	switch c.Kind {
	case ChangeAddAddress:
		return hasAddress(a.Attributes[s.Attribute], c.Address) && s.Rules.marks(a).at(c.Address).Equal(c.At)
	case ChangeDropAddress:
		return !hasAddress(a.Attributes[s.Attribute], c.Address)
	case ChangeAddOTP:
		return i >= 0
	case ChangeDropOTP:
		return i < 0
	}
	return i >= 0 && a.Credentials[i].Label == c.Label
}

// intendChange looks at the account once more, puts on record what is about to be written, and notes who hears of it and that it may stand from now on.
func (s *Settings) intendChange(ctx context.Context, c *Change) error {
	if err := s.Safe("change"); err != nil {
		return err
	}
	a, err := s.enter(ctx, Member{Person: c.Person, Full: true, SignedInAt: c.SignedInAt})
	if err != nil {
		return err
	}
	realm, err := s.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	if err := s.fits(a, realm, *c); err != nil {
		return err
	}
	if err := s.quiet(ctx, *c); err != nil {
		return err
	}
	if c.Address != "" && !s.guarded(realm) {
		return Fault(CodeRealmUnsafe, "change", nil)
	}
	tell := s.hears(a, realm, *c)
	if !c.Intended {
		e := changeEvent(c.Kind.names().intended, *c)
		if c.Address != "" {
			e.Detail["marked"] = c.At.UTC().Format(markTime)
		}
		if err := s.Audit.Record(ctx, e); err != nil {
			return err
		}
	}
	return s.keep(ctx, c, func(old *Change) {
		if !old.Intended {
			old.Tell, old.Name, old.Language = tell, a.Name, or(a.Locale, old.Language)
		}
		old.Intended, old.Sent, old.Unanswered = true, true, s.Now()
		if old.Kind == ChangeAddOTP {
			n := *old.New
			n.Label = s.newLabel(old.Label, a.Credentials)
			old.New = &n
		}
	})
}

// fits says what stands against a change at the last moment.
func (s *Settings) fits(a Account, realm RealmFacts, c Change) error {
	const op = "change"
	switch {
	case s.Rules.Marks == "" && c.Address != "": // the settings were switched off
		return Fault(CodePolicy, op, nil)
	case c.Kind == ChangeAddAddress:
		return s.AddressFault(a, realm, c.Address)
	case c.Kind == ChangeDropAddress || c.Kind == ChangeAddOTP:
		return nil
	case !authenticator(a, c.Credential):
		return Fault(CodeAbsent, op, nil)
	case c.Kind == ChangeDropOTP && len(a.Authenticators()) < 2:
		return Fault(CodeLastOTP, op, nil)
	case c.Kind == ChangeDropOTP && (!authenticator(a, c.With) || c.With == c.Credential):
		return Fault(CodeOtherOTP, op, nil)
	}
	return nil
}

// hears lists who is told of a change: every address on record before it, or the supervisor's mailbox when there is none; and a new one.
func (f *Flow) hears(a Account, realm RealmFacts, c Change) []string {
	record := Snapshot{Addresses: f.Rules.Addresses(a, History{}, realm, f.Now())}
	switch c.Kind {
	case ChangeAddAddress:
		others := record.Others(c.Address)
		if len(others) == 0 {
			others = f.Rules.recipients(record)
		}
		return append(others, c.Address)
	case ChangeLabel:
		return nil
	}
	return f.Rules.recipients(record)
}

// unheard reports that a change of addresses could be told to no address of the person's that stood before it (C6).
func (f *Flow) unheard(c Change) bool {
	return c.Kind == ChangeAddAddress && !slices.ContainsFunc(c.Tell, func(to string) bool { return to != c.Address && to != f.Rules.Supervisor })
}

// write sends a change once.
func (s *Settings) write(ctx context.Context, c Change) error {
	switch c.Kind {
	case ChangeAddAddress:
		return s.setAttributes(ctx, c, func(now map[string][]string) map[string][]string { return s.withAddress(now, c.Address, c.At) })
	case ChangeDropAddress:
		return s.setAttributes(ctx, c, func(now map[string][]string) map[string][]string { return s.withoutAddress(now, c.Address, c.At) })
	case ChangeAddOTP:
		if err := s.factorAdded(ctx, c.Person, c.New.ID); err != nil {
			return err
		}
		return s.Target.Do(ctx, c.Person, Action{Kind: ActionAdd, Credential: c.New.ID, New: c.New})
	case ChangeDropOTP:
		return s.Target.Do(ctx, c.Person, Action{Kind: ActionRemove, Credential: c.Credential})
	}
	return s.Profiles.Rename(ctx, c.Person, c.Credential, c.Label)
}

// setAttributes writes the addresses and their marks. What else moved at the same moment is an alarm: somebody else's change may be lost.
func (s *Settings) setAttributes(ctx context.Context, c Change, change func(map[string][]string) map[string][]string) error {
	moved, err := s.Profiles.SetAttributes(ctx, c.Person, change)
	if len(moved) > 0 {
		s.record(ctx, movedEvent(c.Person, strings.Join(moved, ", ")))
	}
	return err
}

// finishChange queues the notices, puts the end on record and erases the key. Each part may be repeated.
func (s *Settings) finishChange(ctx context.Context, c *Change) error {
	if err := s.tellChange(ctx, *c); err != nil {
		return err
	}
	if err := s.noneLeft(ctx, *c); err != nil {
		return err
	}
	e := changeEvent(c.Kind.names().done, *c)
	if s.unheard(*c) {
		e.Detail["told"] = "the new address only"
		s.tellDesk(ctx, NoticeDeskFirst, c.ID)
	}
	if err := s.Audit.Record(ctx, e); err != nil {
		return err
	}
	return s.endChange(ctx, c, ChangeDone, "", "")
}

func (f *Flow) tellChange(ctx context.Context, c Change) error {
	now, label := f.Now(), c.Label
	if c.New != nil {
		label = c.New.Label
	}
	for _, to := range c.Tell {
		err := f.Mail.Send(ctx, Notice{
			Kind: NoticeChanged, Change: c.Kind, To: to, Language: c.Language, Name: c.Name, At: now, Expires: now.Add(3 * 24 * time.Hour),
			Address: c.Address, Label: label, ID: c.ID,
		})
		switch CodeOf(err) {
		case "":
		case CodeInternal, CodeExpired:
			f.Log.ErrorContext(ctx, "notice lost", "kind", NoticeChanged, "err", err)
		default:
			return err
		}
	}
	return nil
}

func (s *Settings) endChange(ctx context.Context, c *Change, state ChangeState, code Code, field string) error {
	return s.keepFor(ctx, c, changeMemory, func(old *Change) {
		if old.New != nil {
			old.Label = old.New.Label
		}
		old.State, old.Code, old.Field, old.New, old.Held = state, code, field, nil, time.Time{}
	})
}

// refuseChange puts on record that a change was refused.
func (s *Settings) refuseChange(ctx context.Context, c Change, code Code, field string) error {
	e := changeEvent(c.Kind.names().refused, c)
	e.Outcome, e.Code = "refused", code
	if field != "" {
		e.Detail["field"] = field
	}
	if err := s.Audit.Record(ctx, e); err != nil {
		return err
	}
	return s.endChange(ctx, &c, ChangeRefused, code, field)
}
