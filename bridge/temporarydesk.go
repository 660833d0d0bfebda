package bridge

import (
	"context"
	"slices"
	"time"
)

// A temporary code by the help desk: a recovery of ReasonToday, with everything that is asked of one, which ends in a code on the caller's own page
// instead of an enrolment.

// Today reports that the recovery asks for a temporary code: nothing is replaced, and no key is ever made.
func (r Recovery) Today() bool { return r.Reason == ReasonToday }

// DeskTemporaryRefusal says why the help desk may not answer this account with a temporary code, nil if it may: only where its policy says so, and never
// soon after a change of the password or the address (TMP-01).
func (r Rules) DeskTemporaryRefusal(a Account, h History, _ RealmFacts, now time.Time) error {
	if r.worksAtDesk(a) {
		return Fault(CodeDeskOnly, "temporary code by desk", nil)
	}
	if p := r.Policy(a); !p.Temporary || !r.Allows(p, WayDesk) {
		return Fault(CodePolicy, "temporary code by desk", nil)
	}
	return r.noTemporary(a, h, now)
}

// Shown notes that the credential stands, and keeps the code for the holder's page.
func (t TemporaryCode) Shown(code Secret, now time.Time) (TemporaryCode, error) {
	t, err := t.Sent()
	if err == nil {
		t.Code, t.ShownTo = code, now.Add(temporaryShown)
	}
	return t, err
}

// Shows reports whether the browser with this holder id may see the code now.
func (t TemporaryCode) Shows(holder string, now time.Time) bool {
	return t.State == TemporaryLive && t.Code != "" && Equal(t.Holder, holder) && now.Before(t.ShownTo)
}

// Kept erases the code, which its holder has.
func (t TemporaryCode) Kept(holder string, now time.Time) (TemporaryCode, error) {
	if !t.Shows(holder, now) {
		return t, Fault(CodeNotOpen, "temporary code", nil)
	}
	t.Code, t.ShownTo = "", time.Time{}
	return t, nil
}

// nextLook is when time alone changes something.
func (t TemporaryCode) nextLook() time.Time {
	if t.Code != "" && t.ShownTo.Before(t.Expires) {
		return t.ShownTo
	}
	return t.Expires
}

// TemporaryByDesk says whether the help desk may answer the signed-in person with a temporary code; an error says why it may not.
func (f *Flow) TemporaryByDesk(ctx context.Context, v Viewer, s Snapshot) error {
	if !slices.ContainsFunc(f.Rules.Policies, func(p Policy) bool { return p.Temporary }) { // spares Keycloak the questions
		return Fault(CodePolicy, "temporary code by desk", nil)
	}
	if _, err := f.temporaryFor(ctx, v, s, f.Rules.DeskTemporaryRefusal); err != nil {
		return err
	}
	return f.mayStart(ctx, v.Person)
}

// CallTemporary begins a recovery by desk that asks for a temporary code.
func (f *Flow) CallTemporary(ctx context.Context, a Asked) (Recovery, error) {
	const op = "call for a temporary code"
	if err := f.Closed(op); err != nil {
		return Recovery{}, err
	}
	if f.Now().Sub(a.Viewer.SignedInAt) > SignInLife {
		return Recovery{}, Fault(CodeStaleSignIn, op, nil)
	}
	if t, found, err := f.Temporary(ctx, a.Viewer.Person); err != nil || found && t.Open() {
		return Recovery{}, firstError(err, Fault(CodeTemporary, op, nil))
	}
	if err := f.TemporaryByDesk(ctx, a.Viewer, a.Snapshot); err != nil {
		return Recovery{}, err
	}
	a.Way, a.Reason, a.other = WayDesk, ReasonToday, false
	return f.startCall(ctx, a)
}

// mayToday holds a recovery that asks for a temporary code against the rules of now; whatever speaks against it is CodePolicy for the desk.
func (f *Flow) mayToday(ctx context.Context, r Recovery, a Account) error {
	if !r.Today() {
		return nil
	}
	realm, h, err := f.past(ctx, a.ID)
	if err != nil {
		return err
	}
	if err := f.Rules.DeskTemporaryRefusal(a, h, realm, f.Now()); err != nil {
		return Fault(CodePolicy, "temporary code by desk", err)
	}
	return nil
}

// takes reports whether the viewer may take the temporary code that the help desk approved: they hold the proof, and signed in lately.
func (r Recovery) takes(v Viewer, now time.Time) error {
	const op = "take temporary code"
	switch {
	case !r.Today() || r.State != Proven:
		return Fault(CodeNotOpen, op, nil)
	case !Equal(r.Holder, v.Holder):
		return Fault(CodeNotHolder, op, nil)
	case now.Sub(v.SignedInAt) > SignInLife:
		return Fault(CodeStaleSignIn, op, nil)
	}
	return nil
}

// TakeTemporary makes the temporary code that the help desk approved, and keeps it for the holder's page. One proof makes one code: another press makes
// another only where nobody could ever see the one before.
func (f *Flow) TakeTemporary(ctx context.Context, v Viewer, label string) error {
	const op = "take temporary code"
	r, _, err := f.read(ctx, v.Person)
	if err == nil {
		err = r.takes(v, f.Now())
	}
	if err == nil {
		err = f.Safe(op)
	}
	if err != nil {
		return err
	}
	old, found, err := f.Temporary(ctx, v.Person)
	switch {
	case err != nil:
		return err
	case found && old.Open():
		return Fault(CodeTemporary, op, nil)
	case found && old.Request == r.ID && old.End != TemporaryUnwritten:
		return Fault(CodeNotOpen, op, nil)
	}
	a, err := f.approvedToday(ctx, r, v)
	if err != nil {
		return err
	}
	return f.takeTemporary(ctx, r, a, old, label)
}

// approvedToday reads the account once more, and holds it and the approvals against the rules of now.
func (f *Flow) approvedToday(ctx context.Context, r Recovery, v Viewer) (Account, error) {
	first := v
	first.AuthTime = r.AuthTime
	a, err := f.temporaryFor(ctx, first, r.Snapshot, f.Rules.DeskTemporaryRefusal)
	if err != nil {
		return a, f.refuse(ctx, r, err)
	}
	if met := r.Met(v.From); met.Call != r.Call {
		if r, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) { return old.Met(v.From), nil }); err != nil {
			return a, err
		}
	}
	return a, f.stands(ctx, r, a, f.past)
}

// openVetoes are the ways to object to this very recovery.
func (r Recovery) openVetoes() []Veto {
	return slices.DeleteFunc(r.vetoes(), func(v Veto) bool { return !v.Done.IsZero() })
}

func (f *Flow) takeTemporary(ctx context.Context, r Recovery, a Account, last TemporaryCode, label string) error {
	key := f.Codes.NewKey()
	code, err := f.Codes.Single(key)
	if err != nil {
		return err
	}
	now := f.Now()
	n := NewTemporary(f.newLabel(label, a.Credentials), key, now)
	mails := f.noticesTo(f.Rules.recipients(r.Snapshot))
	t := TemporaryCode{
		ID: n.ID, Person: r.Person, Username: r.Username, Name: r.Name, Language: r.Language, Origin: r.Origin, Snapshot: r.Snapshot, StartedAt: now,
		Request: r.ID, Holder: r.Holder, Vetoes: append(mails.vetoes(), r.openVetoes()...),
	}
	if t, err = f.beginTemporary(ctx, t, last, a.Credentials); err != nil {
		return err
	}
	// An objection to the request ends the code from here on; one that came before has ended the request.
	still, _, err := f.read(ctx, r.Person)
	if err == nil && (still.ID != r.ID || still.State != Proven) {
		err = Fault(CodeNotOpen, "take temporary code", nil)
	}
	if err == nil {
		err = f.makeTemporary(ctx, t, n, mails)
	}
	if err != nil {
		f.giveUpTemporary(ctx, t, TemporaryUnwritten)
		return err
	}
	return f.showTemporary(ctx, t, code)
}

// showTemporary keeps the code for the holder's page; the proof is used up.
func (f *Flow) showTemporary(ctx context.Context, t TemporaryCode, code Secret) error {
	t, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) { return old.Shown(code, f.Now()) })
	if err != nil {
		return err
	}
	f.record(ctx, t.event("temporary.shown"))
	f.endToday(ctx, t, EndTemporary, "recovery.answered")
	if err := f.temporaryAt(ctx, t.Person, f.Now().Add(temporaryWatch)); err != nil {
		f.Log.WarnContext(ctx, "a temporary code is looked at a little later", "id", t.ID, "err", err)
	}
	return nil
}

// endToday ends the recovery that a temporary code is the answer to. If that cannot be noted it ends by its time: its proof makes no other code.
func (f *Flow) endToday(ctx context.Context, t TemporaryCode, how End, name string) {
	if t.Request == "" {
		return
	}
	r, err := f.change(ctx, t.Person, func(old Recovery) (Recovery, error) {
		if old.ID != t.Request || old.State != Proven {
			return old, Fault(CodeNotOpen, "temporary code", nil)
		}
		return old.ended(how, "", f.Now()), nil
	})
	switch CodeOf(err) {
	case "":
		f.record(ctx, event(name, r))
	case CodeNotOpen:
	default:
		f.Log.WarnContext(ctx, "an approval that is used up ends by its time", "recovery", t.Request, "err", err)
	}
}

// KeepTemporary is the holder's word that they have the code: it is erased here.
func (f *Flow) KeepTemporary(ctx context.Context, v Viewer) error {
	t, found, err := f.Temporary(ctx, v.Person)
	if err != nil || !found {
		return firstError(err, Fault(CodeNotOpen, "temporary code", nil))
	}
	_, err = f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) { return old.Kept(v.Holder, f.Now()) })
	return err
}
