package bridge

import (
	"context"
	"strings"
	"time"
	"unicode"
)

// newKey draws a key that follows the realm's policy.
func (f *Flow) newKey(ctx context.Context) (Key, error) {
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return Key{}, err
	}
	if realm.HOTP {
		return Key{}, Fault(CodeOTPPolicy, "new key", nil)
	}
	return Key{Secret: f.Codes.NewKey(), OTP: realm.OTP}, nil
}

// Show reads the account again before the key is shown; a refusal ends the recovery.
func (f *Flow) Show(ctx context.Context, r Recovery) error {
	if _, err := f.fresh(ctx, r.Person, r.Snapshot, r.SignedInAt); err != nil {
		return f.refuse(ctx, r, err)
	}
	return nil
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
	if slow := f.takeTry(ctx, r.Person); slow != nil {
		return f.triesUsed(ctx, r, slow)
	}
	if err != nil {
		return f.wrong(ctx, r, v, typed, err)
	}
	return f.write(ctx, r, v, step, label)
}

// takeTry counts one try before its outcome is used, so that parallel guesses cannot outrun the count. CodeSlowDown: too soon after a
// wrong one. CodeTooManyBad: no more tries.
func (f *Flow) takeTry(ctx context.Context, person string) error {
	_, err := f.Failures.Update(ctx, person, failureMemory, func(old Failures, _ bool) (Failures, error) {
		now := f.Now()
		if old.Count >= maxFailures {
			return old, Fault(CodeTooManyBad, "try", nil)
		}
		if again := old.Last.Add(time.Duration(old.Count) * failureDelay); now.Before(again) {
			return old, &Error{Code: CodeSlowDown, Op: "try", Until: again}
		}
		return Failures{Count: old.Count + 1, Last: now}, nil
	})
	return err
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
	a, err := f.fresh(ctx, r.Person, r.Snapshot, r.SignedInAt)
	if err == nil {
		err = f.mailOpenIgnoringTries(ctx, a)
	}
	if err != nil {
		return f.refuse(ctx, r, err)
	}
	s := f.newSwap(r, a, label)
	job := Job{Kind: JobSwap, ID: r.Person, At: f.Now().Add(2 * time.Second)}
	if err := f.Jobs.Add(ctx, job); err != nil {
		return err
	}
	_, err = f.apply(ctx, r.Person, 0, func(old Recovery) (Recovery, error) { return old.Write(v.Holder, s, step, f.Now()) })
	if err != nil {
		if CodeOf(err) == CodeTooLate {
			return nil
		}
		return err
	}
	job.At = f.Now()
	if err := f.Jobs.Add(ctx, job); err != nil {
		f.Log.WarnContext(ctx, "swap begins two seconds later", "err", err)
	}
	if err := f.Failures.Delete(ctx, r.Person); err != nil {
		f.Log.WarnContext(ctx, "wrong codes not forgotten; they end by themselves", "err", err)
	}
	return nil
}

// mailOpenIgnoringTries is mailOpen for the moment of the right code, whose own try is counted already.
func (f *Flow) mailOpenIgnoringTries(ctx context.Context, a Account) error {
	err := f.mailOpen(ctx, a)
	if CodeOf(err) == CodeTooManyBad {
		return nil
	}
	return err
}

func (f *Flow) newSwap(r Recovery, a Account, label string) Swap {
	now := f.Now()
	s := Swap{New: NewCredential{
		ID: NewUUID(), Label: uniqueLabel(label, a.Credentials, now), Secret: r.Key.Secret, OTP: r.Key.OTP, CreatedMillis: now.UnixMilli(),
	}}
	for _, c := range a.OTPs() {
		if !c.Federated {
			s.Remove = append(s.Remove, c.ID)
		}
	}
	return s
}

const maxLabel = 100 // characters of a typed name; Keycloak takes 255

// uniqueLabel makes a label that no other credential of the person has, case-blind: what was typed and the date, or the date alone, and
// four signs. Control characters are dropped.
func uniqueLabel(typed string, others []Credential, now time.Time) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, typed)
	clean = strings.TrimSpace(clean)
	if runes := []rune(clean); len(runes) > maxLabel {
		clean = strings.TrimSpace(string(runes[:maxLabel]))
	}
	for {
		label := strings.TrimSpace(clean + " " + now.Format("2006-01-02") + " " + NewReference()[:4])
		taken := false
		for _, c := range others {
			taken = taken || strings.EqualFold(strings.TrimSpace(c.Label), label)
		}
		if !taken {
			return label
		}
	}
}
