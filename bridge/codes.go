package bridge

import (
	"context"
	"errors"
	"time"
)

// Recovery codes: how many, how long they are asked for and shown after the end of a recovery.
const (
	CodeCount = 12
	CodesLife = 10 * time.Minute

	// codesGrace is how long after its end a set that may be on its way to Keycloak is looked for.
	codesGrace = time.Minute

	codeLength = 12
	// codeSigns are the signs of a code: none that is taken for another one. 31 of them make 59 bits.
	codeSigns = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
)

// CodeState is how far a set of recovery codes has come.
type CodeState string

// The states of a set of recovery codes.
const (
	CodesAsked   CodeState = "asked"   // to be written
	CodesWritten CodeState = "written" // they sign in, and are shown
	CodesSaved   CodeState = "saved"   // the person has them; erased here
	CodesRefused CodeState = "refused" // none stands; erased here
)

// CodeSet is one set of recovery codes, from the press of the button until the person has saved them. It is stored under its recovery, or under an
// id of its own when the settings asked for it, sealed, for CodesLife; once it may stand in Keycloak, until its job has brought it to an end. It is shown for CodesLife alone.
type CodeSet struct {
	Recovery  string
	Person    string
	Way       Way
	Reference string `json:",omitempty"` // of the request that asked for it
	State     CodeState
	New       NewCodes
	Intended  bool     `json:",omitempty"` // the audit trail holds the intent
	Removed   []string `json:",omitempty"` // sets that stood at intent
	Code      Code     `json:",omitempty"` // CodesRefused: why
	Until     time.Time

	SignedInAt time.Time `json:",omitzero"` // the full sign-in of the settings that asked; zero: a recovery did
}

// own reports whether the set was asked for in the settings.
func (s CodeSet) own() bool { return !s.SignedInAt.IsZero() }

// NewCodes is what Keycloak stores of a set.
type NewCodes struct {
	ID            string
	Codes         []Secret // in the order in which they are asked for
	CreatedMillis int64
}

// DoneRef names a finished recovery to the browser that finished it.
type DoneRef struct {
	Recovery, Person string
	Way              Way
	At               time.Time // when it was done
}

// CodesOffer is what the last page may say about recovery codes.
type CodesOffer struct {
	Open     bool // they may be asked for now
	Replaces bool // an older set stands, which then stops working
	Set      CodeSet
}

// CodesFor returns the set of a recovery and whether one may be asked for. It changes nothing. Keycloak away is no offer, not an error.
func (f *Flow) CodesFor(ctx context.Context, d DoneRef) (CodesOffer, error) {
	if f.TakesCodes == nil || d.Recovery == "" {
		return CodesOffer{}, nil
	}
	set, err := f.CodeSets.Get(ctx, d.Recovery)
	switch {
	case err == nil && f.Now().Before(set.Until):
		return CodesOffer{Set: set}, nil
	case err != nil && !errors.Is(err, ErrAbsent):
		return CodesOffer{}, err
	case err == nil || !f.Now().Before(d.At.Add(CodesLife)):
		return CodesOffer{}, nil
	}
	takes, err := f.TakesCodes(ctx)
	if err != nil || !takes {
		return CodesOffer{}, nil //nolint:nilerr // what cannot be read is not offered
	}
	seen, err := f.Target.Credentials(ctx, d.Person)
	if err != nil {
		return CodesOffer{}, nil //nolint:nilerr // what cannot be read is not offered
	}
	return CodesOffer{Open: true, Replaces: len(codeSets(seen, "")) > 0}, nil
}

// AskCodes makes a set of recovery codes a durable job. A repeat is nil and changes nothing.
func (f *Flow) AskCodes(ctx context.Context, d DoneRef) error {
	const op = "ask for recovery codes"
	offer, err := f.CodesFor(ctx, d)
	if err != nil {
		return err
	}
	if offer.Set.Recovery != "" {
		return nil
	}
	if !offer.Open {
		return Fault(CodeNotOpen, op, nil)
	}
	now := f.Now()
	if err := f.Jobs.Add(ctx, Job{Kind: JobCodes, ID: d.Recovery, At: now.Add(2 * time.Second)}); err != nil {
		return err
	}
	fresh := CodeSet{
		Recovery: d.Recovery, Person: d.Person, Way: d.Way, State: CodesAsked, Until: now.Add(CodesLife),
		Reference: RequestFrom(ctx).Reference, New: NewCodes{ID: NewUUID(), Codes: newCodeList(), CreatedMillis: now.UnixMilli()},
	}
	_, err = f.CodeSets.Update(ctx, d.Recovery, CodesLife, func(old CodeSet, found bool) (CodeSet, error) {
		if found {
			return old, errSame
		}
		return fresh, nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return err
	}
	if err := f.Jobs.Add(ctx, Job{Kind: JobCodes, ID: d.Recovery, At: now}); err != nil {
		f.Log.WarnContext(ctx, "recovery codes are written two seconds later", "err", err)
	}
	return nil
}

// SaveCodes erases a set that the person has saved. A repeat is nil.
func (f *Flow) SaveCodes(ctx context.Context, d DoneRef) error {
	set, err := f.CodeSets.Get(ctx, d.Recovery)
	if err == nil {
		err = f.endCodes(ctx, set, func(old *CodeSet) error {
			if old.State != CodesWritten {
				return errSame
			}
			old.State, old.New.Codes = CodesSaved, nil
			return nil
		})
	}
	if errors.Is(err, errSame) {
		return nil
	}
	return absentIsFine(err)
}

// endCodes applies a step after which nothing is to be done for a set: it is forgotten when its time is up, ErrAbsent if that was before.
func (f *Flow) endCodes(ctx context.Context, set CodeSet, step func(*CodeSet) error) error {
	left := set.Until.Sub(f.Now())
	if left <= 0 {
		return ErrAbsent
	}
	return f.changeCodes(ctx, set.Recovery, left, step)
}

// changeCodes applies a step to a set that is there.
func (f *Flow) changeCodes(ctx context.Context, id string, life time.Duration, step func(*CodeSet) error) error {
	_, err := f.CodeSets.Update(ctx, id, life, func(old CodeSet, found bool) (CodeSet, error) {
		if !found {
			return old, ErrAbsent
		}
		err := step(&old)
		return old, err
	})
	return err
}

// refuseCodes puts the end on record before the set is forgotten. Each part may be repeated.
func (f *Flow) refuseCodes(ctx context.Context, set CodeSet, code Code) error {
	e := codesEvent("recovery_codes.refused", set)
	e.Outcome, e.Code = "refused", code
	if err := f.Audit.Record(ctx, e); err != nil {
		return err
	}
	err := f.endCodes(ctx, set, func(old *CodeSet) error {
		old.State, old.New.Codes, old.Code = CodesRefused, nil, code
		return nil
	})
	if errors.Is(err, ErrAbsent) {
		return f.CodeSets.Delete(ctx, set.Recovery)
	}
	return err
}

// absentIsFine: a set whose time was up meanwhile is forgotten.
func absentIsFine(err error) error {
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	return err
}

func codesEvent(name string, set CodeSet) AuditEvent {
	return AuditEvent{
		Event: name, Outcome: "ok", Actor: set.Person, Target: set.Person, Recovery: set.Recovery, Way: string(set.Way), Added: set.New.ID,
		Removed: set.Removed,
	}
}

// newCodeList draws the codes of a set.
func newCodeList() []Secret {
	out := make([]Secret, 0, CodeCount)
	for range CodeCount {
		var code [codeLength]byte
		for i := range code {
			code[i] = codeSigns[randomIndex(len(codeSigns))]
		}
		out = append(out, Secret(code[:]))
	}
	return out
}
