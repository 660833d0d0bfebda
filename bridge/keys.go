package bridge

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// newKey draws a key that follows the realm's policy.
func (f *Flow) newKey(ctx context.Context) (Key, error) {
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return Key{}, err
	}
	if err := realm.Served(); err != nil {
		return Key{}, err
	}
	return Key{Secret: f.Codes.NewKey(), OTP: realm.OTP}, nil
}

// Show reads the account again before the key is shown; a refusal ends the recovery.
func (f *Flow) Show(ctx context.Context, r Recovery) error {
	if err := f.MayShow(ctx, r); err != nil {
		return f.refuse(ctx, r, err)
	}
	return nil
}

// MayShow is Show for somebody who only looks: a refusal ends nothing (INV-4).
func (f *Flow) MayShow(ctx context.Context, r Recovery) error {
	_, err := f.still(ctx, r, r.AuthTime)
	return err
}

// NewKey discards the key and makes another one.
func (f *Flow) NewKey(ctx context.Context, v Viewer) error {
	key, err := f.newKey(ctx)
	if err != nil {
		return err
	}
	r, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.NewKey(v.Holder, key, f.Now()) })
	if err == nil {
		f.record(ctx, event("key.new", r))
	}
	return err
}

// Extend gives the holder ten more minutes.
func (f *Flow) Extend(ctx context.Context, v Viewer) error {
	if err := f.expireAt(ctx, v.Person, f.Now().Add(ProofLife)); err != nil {
		return err
	}
	_, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.Extend(v.Holder, f.Now()) })
	return err
}

// Confirm takes the typed code. A right one makes the swap a durable job; the result is then nil and the recovery in Writing. A
// repeat of the same call while the swap is under way is nil too (double click).
func (f *Flow) Confirm(ctx context.Context, v Viewer, typed, label string) error {
	r, found, err := f.read(ctx, v.Person)
	if err != nil {
		return err
	}
	if !found {
		return Fault(CodeNotOpen, "confirm", nil)
	}
	if err := r.holds(v.Holder, "confirm"); err != nil {
		if CodeOf(err) == CodeTooLate && Equal(r.Holder, v.Holder) {
			return nil
		}
		return err
	}
	if f.Now().Sub(v.SignedInAt) > SignInLife {
		return Fault(CodeStaleSignIn, "confirm", nil)
	}
	if r.Key == nil || r.Key.Stopped {
		return Fault(CodeKeyStopped, "confirm", nil)
	}
	step, err := f.Codes.Check(r.Key.Secret, r.Key.OTP, typed, f.Now())
	if code := CodeOf(err); code == CodeEmpty || code == CodeFormat {
		return err
	}
	t := try{person: r.Person}
	if err == nil {
		t.right = Secret(r.Key.Secret.Reveal() + "\n" + strconv.FormatInt(step, 10)).Hash()
	}
	if slow := f.takeTry(ctx, &t); slow != nil {
		return f.triesUsed(ctx, r, slow)
	}
	if err != nil {
		return f.wrong(ctx, r, v, typed, err)
	}
	var both sync.WaitGroup // side by side they are one write of the embedded store
	if err = f.write(ctx, r, v, step, label); err == nil {
		both.Go(func() { f.beginSwap(ctx, r.Person) })
	} else if CodeOf(err) == CodeTooLate {
		err = nil // another request with the same code was first
	}
	f.settleTry(ctx, t, err)
	both.Wait()
	return err
}

// beginSwap lets the job of a swap, which stands, be due now. It may have ended meanwhile: then there is nothing to do for it.
func (f *Flow) beginSwap(ctx context.Context, person string) {
	if err := f.Jobs.Add(ctx, Job{Kind: JobSwap, ID: person, At: f.Now()}); err != nil {
		f.Log.WarnContext(ctx, "swap begins two seconds later", "err", err)
	}
}

// try is one typed code on its way through the count.
type try struct {
	person string
	right  string   // names the right code, "" for a wrong one
	before Failures // the count without it
	taken  bool
}

// takeTry counts one try before its outcome is used, so that parallel guesses cannot outrun the count. The right code of the last try
// again is not counted: a double click, or another attempt after a fault of the outside. CodeSlowDown: too soon after a wrong one.
// CodeTooManyBad: no more tries.
func (f *Flow) takeTry(ctx context.Context, t *try) error {
	_, err := f.Failures.Update(ctx, t.person, failureMemory, func(old Failures, _ bool) (Failures, error) {
		t.before, t.taken = old, false
		if Equal(old.Right, t.right) {
			return old, nil
		}
		now := f.Now()
		if old.Count >= maxFailures {
			return old, Fault(CodeTooManyBad, "try", nil)
		}
		if again := old.Last.Add(time.Duration(old.Count) * failureDelay); now.Before(again) {
			return old, &Error{Code: CodeSlowDown, Op: "try", Until: again}
		}
		t.taken = true
		return Failures{Count: old.Count + 1, Last: now, Right: t.right}, nil
	})
	return err
}

// settleTry forgets all wrong codes after a right one. When it could not be used for a fault that is not the person's, only its own try
// is taken back.
func (f *Flow) settleTry(ctx context.Context, t try, outcome error) {
	ctx = context.WithoutCancel(ctx)
	var err error
	switch {
	case outcome == nil:
		err = f.Failures.Delete(ctx, t.person)
	case t.taken:
		_, err = f.Failures.Update(ctx, t.person, failureMemory, func(old Failures, _ bool) (Failures, error) {
			if Equal(old.Right, t.right) {
				old.Count, old.Last = t.before.Count, t.before.Last
			}
			return old, nil
		})
	}
	if err != nil {
		f.Log.WarnContext(ctx, "wrong codes not forgotten; they end by themselves", "err", err)
	}
}

// failures returns the wrong codes in a row.
func (f *Flow) failures(ctx context.Context, person string) (int, error) {
	n, err := f.Failures.Get(ctx, person)
	if CodeOf(err) == CodeAbsent {
		return 0, nil
	}
	return n.Count, err
}

// triesUsed ends the recovery when no tries are left.
func (f *Flow) triesUsed(ctx context.Context, r Recovery, cause error) error {
	if CodeOf(cause) != CodeTooManyBad {
		return cause
	}
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID || old.State != Proven {
			return old, Fault(CodeNotOpen, "too many codes", nil)
		}
		return old.ended(EndTooMany, CodeTooManyBad, f.Now()), nil
	})
	if err != nil && CodeOf(err) != CodeNotOpen {
		return err
	}
	e := event("codes.limit", r)
	e.Outcome, e.Code = "refused", CodeTooManyBad
	f.record(ctx, e)
	return cause
}

// wrong counts a wrong code against the key and finds the words that help most.
func (f *Flow) wrong(ctx context.Context, r Recovery, v Viewer, typed string, cause error) error {
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) { return old.Wrong(v.Holder, f.Now()) })
	e := event("key.wrong_code", r)
	e.Outcome, e.Code = "refused", CodeOf(err)
	f.record(ctx, e)
	if CodeOf(err) == CodeKeyStopped {
		e.Event = "key.stopped"
		f.record(ctx, e)
	}
	if CodeOf(err) != CodeWrongCode {
		return err
	}
	for _, old := range r.OldKeys {
		if _, wrong := f.Codes.Check(old, r.Key.OTP, typed, f.Now()); wrong == nil {
			return Fault(CodeOldKey, "confirm", nil)
		}
	}
	if CodeOf(cause) == CodeClock {
		return cause
	}
	return err
}

// write reads the account once more, fixes the swap and makes it a job. The job stands before the record it belongs to.
func (f *Flow) write(ctx context.Context, r Recovery, v Viewer, step int64, label string) error {
	a, err := f.still(ctx, r, r.AuthTime)
	if err != nil {
		return f.refuse(ctx, r, err)
	}
	if met := r.Met(v.From); met.Call != r.Call {
		if r, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) { return old.Met(v.From), nil }); err != nil {
			return err
		}
	}
	if err := f.stands(ctx, r, a, f.past); err != nil {
		return err
	}
	s := f.newSwap(r, a, label)
	if err := f.Jobs.Add(ctx, Job{Kind: JobSwap, ID: r.Person, At: f.Now().Add(2 * time.Second)}); err != nil {
		return err
	}
	_, err = f.apply(ctx, r.Person, 0, func(old Recovery) (Recovery, error) { return old.Write(v.Holder, s, step, f.Now()) })
	return err
}

// stands says what stands against a proven recovery at the moment of the right code, besides the account itself. Where a link may go was
// decided by the snapshot, so what was added to the record or changed there since means nothing. Three things end the recovery: the
// policy no longer allows its way, the password was reset by somebody, and the address that got the link was taken off the record. Events
// that cannot be read end nothing: the person tries again.
func (f *Flow) stands(ctx context.Context, r Recovery, a Account, past pastReader) error {
	if !f.Rules.Allows(f.Rules.Policy(a), r.Way) {
		return f.endRefused(ctx, r, Fault(CodePolicy, "swap", nil))
	}
	if rule := f.Rules.Ruling(a, r.Snapshot); r.State == Proven && r.lacks(rule) {
		return f.askMore(ctx, r, rule)
	}
	if r.Way != WayMail {
		return nil
	}
	if f.Rules.worksAtDesk(a) {
		return f.endRefused(ctx, r, Fault(CodeDeskOnly, "swap", nil))
	}
	if err := f.undisputed(ctx, a.ID); CodeOf(err) == CodeDeskOnly {
		return f.endRefused(ctx, r, err)
	} else if err != nil {
		return err
	}
	now := f.Now()
	realm, h, err := past(ctx, a.ID)
	switch {
	case err != nil:
		return err
	case f.Rules.Reset != ResetNone && f.Rules.youngPassword(a, h, now):
		return f.endRefused(ctx, r, Fault(CodePasswordRecent, "swap", nil))
	case !onRecord(f.Rules.Addresses(a, h, realm, now), r.Link.To):
		return f.endRefused(ctx, r, Fault(CodeAddressChanged, "swap", nil))
	}
	return nil
}

// pastReader is past, or tells what it said a moment ago.
type pastReader func(ctx context.Context, person string) (RealmFacts, History, error)

// past reads what the realm and its events say of a person. A realm that saves no events cannot say "nothing happened".
func (f *Flow) past(ctx context.Context, person string) (RealmFacts, History, error) {
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return realm, History{}, err
	}
	if !realm.EventsSaved {
		return realm, History{}, Fault(CodeRealmUnsafe, "events are not saved", nil)
	}
	h, err := f.Accounts.History(ctx, person, f.Now().Add(-f.Rules.LookBack()))
	return realm, h, err
}

// onRecord reports whether an address is among those of the account, and confirmed if that is needed there.
func onRecord(all []Address, address string) bool {
	return slices.ContainsFunc(all, func(a Address) bool { return strings.EqualFold(a.Value, address) && a.Code != CodeAddressUnproven })
}

func (f *Flow) newSwap(r Recovery, a Account, label string) Swap {
	s := Swap{All: r.Unlocked(), New: NewCredential{
		ID: newMarked(markRecovered), Label: f.newLabel(label, a.Credentials), Secret: r.Key.Secret, OTP: r.Key.OTP, CreatedMillis: f.dated(),
	}}
	for _, c := range a.Credentials {
		if !c.Federated && (c.Type == TypeOTP || s.All && slices.Contains(factors, c.Type)) {
			s.Remove = append(s.Remove, c.ID)
		}
	}
	return s
}
