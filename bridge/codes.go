package bridge

import (
	"context"
	"errors"
	"slices"
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

// CodeSet is one set of recovery codes, from the press of the button until the person has saved them. It is stored under its recovery,
// sealed, for CodesLife; once it may stand in Keycloak, until its job has brought it to an end. It is shown for CodesLife alone.
type CodeSet struct {
	Recovery string
	Person   string
	Way      Way
	State    CodeState
	New      NewCodes
	Intended bool     `json:",omitempty"` // the audit trail holds the intent
	Removed  []string `json:",omitempty"` // sets that stood at intent
	Until    time.Time
}

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
		New: NewCodes{ID: NewUUID(), Codes: newCodeList(), CreatedMillis: now.UnixMilli()},
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

// RunCodes writes a set that was asked for. Every step may be repeated by any replica; an error means that the job has to come again. A set
// whose time is up before it was written is taken back.
func (f *Flow) RunCodes(ctx context.Context, id string) (next time.Time, err error) {
	for range maxSteps {
		set, err := f.CodeSets.Get(ctx, id)
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
		if code := CodeOf(err); code == CodeGone || code == CodeRefusedByAccount || refusal(code) || code == CodeNotOpen {
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
	seen, err := f.Target.Credentials(ctx, set.Person)
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
		if err := f.tellCodesBack(ctx, set); err != nil {
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

// tellCodesBack tells every address on record now: the recovery may be forgotten.
func (f *Flow) tellCodesBack(ctx context.Context, set CodeSet) error {
	a, err := f.Accounts.ByID(ctx, set.Person)
	if CodeOf(err) == CodeGone {
		return nil
	}
	if err != nil {
		return err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	return f.tellDone(ctx, NoticeCodesBack, Recovery{
		ID: set.Recovery, Way: set.Way, Name: a.Name, Language: a.Locale, Snapshot: f.Rules.Snapshot(a, History{}, realm, f.Now()),
	})
}

// codesStep does the next thing for a set. The account has to be as the recovery left it: whoever began another one, or was refused
// since, or objected, gets none.
func (f *Flow) codesStep(ctx context.Context, set CodeSet) (done bool, err error) {
	r, found, err := f.read(ctx, set.Person)
	if err != nil {
		return false, err
	}
	if !found || r.ID != set.Recovery || r.State != Done || r.Disputed(f.Now()) {
		return false, Fault(CodeNotOpen, "recovery codes", nil)
	}
	seen, err := f.Target.Credentials(ctx, set.Person)
	if err != nil {
		return false, err
	}
	if !set.Intended {
		a, err := f.Accounts.ByID(ctx, set.Person)
		if err == nil {
			err = f.Rules.Refusal(a)
		}
		if err == nil {
			err = r.Snapshot.Changed(a, r.DoneAt.Add(time.Minute)) // what the swap itself ended is no reason
		}
		if err != nil {
			return false, err
		}
		return false, f.intendCodes(ctx, set, codeSets(seen, set.New.ID))
	}
	a := nextCodes(set.New, seen)
	if a.Kind != ActionFinish {
		return false, f.Target.Do(ctx, set.Person, a)
	}
	if !f.Now().Before(set.Until) {
		return false, nil // the next look takes them back
	}
	if err := f.Audit.Record(ctx, codesEvent("recovery_codes.done", set)); err != nil {
		return false, err
	}
	if err := f.tellDone(ctx, NoticeCodes, r); err != nil {
		return false, err
	}
	err = f.endCodes(ctx, set, func(old *CodeSet) error {
		old.State = CodesWritten
		return nil
	})
	return err == nil, absentIsFine(err) // too late: the next look takes them back
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

// refuseCodes puts the end on record before the set is forgotten. Each part may be repeated.
func (f *Flow) refuseCodes(ctx context.Context, set CodeSet, code Code) error {
	e := codesEvent("recovery_codes.refused", set)
	e.Outcome, e.Code = "refused", code
	if err := f.Audit.Record(ctx, e); err != nil {
		return err
	}
	err := f.endCodes(ctx, set, func(old *CodeSet) error {
		old.State, old.New.Codes = CodesRefused, nil
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
