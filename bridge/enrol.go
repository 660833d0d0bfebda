package bridge

import (
	"time"
)

// holds reports that holder may enrol now: the recovery is proven, its time is not up, and it is this browser's,
// and after a theft the account is locked.
func (r Recovery) holds(holder, op string) error {
	switch {
	case r.State == Writing || r.State == Done:
		return Fault(CodeTooLate, op, nil)
	case r.State == Ended && r.End == EndExpired:
		return Fault(CodeExpired, op, nil)
	case r.State != Proven:
		return Fault(CodeNotOpen, op, nil)
	case !Equal(r.Holder, holder):
		return Fault(CodeNotHolder, op, nil)
	case r.Locking(), r.Today():
		return Fault(CodeNotOpen, op, nil)
	}
	return nil
}

// NewKey discards the key and takes another one; codes of the old one are explained as such.
func (r Recovery) NewKey(holder string, key Key, now time.Time) (Recovery, error) {
	r = r.At(now)
	if err := r.holds(holder, "new key"); err != nil {
		return r, err
	}
	if r.Key != nil && r.Key.Secret != "" {
		r.OldKeys = append([]Secret{r.Key.Secret}, r.OldKeys[:min(len(r.OldKeys), 2)]...)
	}
	key.Made = now
	r.Key = &key
	return r, nil
}

// Extend gives the holder the whole time again, with the same key.
func (r Recovery) Extend(holder string, now time.Time) (Recovery, error) {
	r = r.At(now)
	if err := r.holds(holder, "extend"); err != nil {
		return r, err
	}
	if r.Extended >= MaxExtensions {
		return r, Fault(CodeExpired, "extend", nil)
	}
	r.Extended++
	r.Expires = now.Add(r.KeyLife)
	return r, nil
}

// Wrong counts a wrong code. The fifth erases the key: the result is CodeKeyStopped, before that CodeWrongCode with the tries
// left. The caller stores the returned recovery although there is an error.
func (r Recovery) Wrong(holder string, now time.Time) (Recovery, error) {
	r = r.At(now)
	if err := r.holds(holder, "wrong code"); err != nil {
		return r, err
	}
	if r.Key == nil || r.Key.Stopped {
		return r, Fault(CodeKeyStopped, "wrong code", nil)
	}
	key := *r.Key
	key.Tries++
	if key.Tries >= KeyTries {
		r.OldKeys = append([]Secret{key.Secret}, r.OldKeys[:min(len(r.OldKeys), 2)]...)
		key.Secret, key.Stopped = "", true
	}
	r.Key = &key
	if key.Stopped {
		return r, Fault(CodeKeyStopped, "wrong code", nil)
	}
	return r, &Error{Code: CodeWrongCode, Op: "wrong code", Left: KeyTries - key.Tries}
}

// Write takes the one right code: Proven → Writing. From here on the recovery ends by completion, or by a refusal before anything
// was written. Only the first of many racing calls succeeds, and step counts once per key (ENR-07).
func (r Recovery) Write(holder string, s Swap, step int64, now time.Time) (Recovery, error) {
	r = r.At(now)
	if err := r.holds(holder, "write"); err != nil {
		return r, err
	}
	if r.Key == nil || r.Key.Stopped || !Equal(r.Key.Secret.Reveal(), s.New.Secret.Reveal()) {
		return r, Fault(CodeOldKey, "write", nil)
	}
	if step <= r.Key.Step {
		return r, Fault(CodeUsed, "write", nil)
	}
	key := *r.Key
	key.Step = step
	r.State, r.Key, r.Swap, r.Label, r.First, r.WritingAt = Writing, &key, &s, s.New.Label, len(s.Remove) == 0, now
	return r, nil
}

// Unwrite takes Writing back to Proven when the intent could not be put on record, so that the person may try again.
func (r Recovery) Unwrite(now time.Time) (Recovery, error) {
	if r.State != Writing || r.Intended {
		return r, Fault(CodeNotOpen, "unwrite", nil)
	}
	r.State, r.Swap = Proven, nil
	r.Expires = later(r.Expires, now.Add(ProofLife/2))
	return r, nil
}

// Finish ends a swap: Writing → Done, with the key erased.
func (r Recovery) Finish(now time.Time) (Recovery, error) {
	if r.State != Writing {
		return r, Fault(CodeNotOpen, "finish", nil)
	}
	r.State, r.DoneAt = Done, now
	if r.Swap != nil {
		r.Added = r.Swap.New.ID
	}
	r.Key, r.OldKeys, r.Swap, r.Stuck, r.Field, r.Unwanted = nil, nil, nil, "", "", false
	return r, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
