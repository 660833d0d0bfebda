package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// LimitTemporary is how many temporary codes one person may have (TMP-01). What never reached anybody is none.
var LimitTemporary = Limit{"temporary-week", 3, 7 * 24 * time.Hour}

// TemporaryAsked is what the page sends, with what the browser session knows.
type TemporaryAsked struct {
	Viewer   Viewer
	Username string
	Name     string
	Language string
	Label    string // what Keycloak's page calls it, before date and signs
	Origin   Origin
	Snapshot Snapshot // taken before the sign-in
}

// Temporary returns the person's temporary code; found is false when there was none lately.
func (f *Flow) Temporary(ctx context.Context, person string) (t TemporaryCode, found bool, err error) {
	t, err = f.Temporaries.Get(ctx, person)
	if errors.Is(err, ErrAbsent) {
		return TemporaryCode{}, false, nil
	}
	return t, err == nil, err
}

// NoTemporary refuses what a temporary code must never lead to (TMP-02): CodeTemporary while the person has one as far as we know, or when the
// sign-in may stem from one. Who reads the account asks Account.TemporaryCode too: the store may have lost what stands there.
func (f *Flow) NoTemporary(ctx context.Context, person string, signedIn time.Time) error {
	t, found, err := f.Temporary(ctx, person)
	if err != nil {
		return err
	}
	if found && (t.Open() || t.opened() && !signedIn.After(t.EndedAt) || !t.Before.IsZero() && !signedIn.After(t.Before)) {
		return Fault(CodeTemporary, "sign-in", nil)
	}
	return nil
}

// TemporaryTo says where a temporary code would go for the signed-in person; an error says why none does.
func (f *Flow) TemporaryTo(ctx context.Context, v Viewer, s Snapshot) (address string, err error) {
	address, _, err = f.temporaryOpen(ctx, v, s)
	return address, err
}

func (f *Flow) temporaryOpen(ctx context.Context, v Viewer, s Snapshot) (address string, a Account, err error) {
	const op = "temporary code"
	if a, err = f.temporaryFor(ctx, v, s, f.Rules.TemporaryRefusal); err != nil {
		return "", a, err
	}
	if n, err := f.failures(ctx, a.ID); err != nil || n >= maxFailures {
		return "", a, firstError(err, Fault(CodeTooManyBad, op, nil))
	}
	r, found, err := f.read(ctx, a.ID)
	switch {
	case err != nil:
		return "", a, err
	case found && (r.State == Writing || r.Locking() || r.State == Done && f.Now().Sub(r.DoneAt) < CodesLife+codesGrace):
		return "", a, Fault(CodeTooLate, op, nil)
	case found && r.State == Proven:
		return "", a, Fault(CodeActive, op, nil)
	}
	to, ok := s.LinkAddress()
	if !ok {
		return "", a, Fault(noAddressCode(s), op, nil)
	}
	return to, a, f.stillThere(ctx, a, to)
}

// stillThere makes sure that an address of the snapshot may get a link now, too: it may have been taken off the record since the sign-in.
func (f *Flow) stillThere(ctx context.Context, a Account, to string) error {
	realm, h, err := f.past(ctx, a.ID)
	if err != nil {
		return err
	}
	good := func(o Address) bool { return strings.EqualFold(o.Value, to) && o.Code == "" }
	if !slices.ContainsFunc(f.Rules.Addresses(a, h, realm, f.Now()), good) {
		return Fault(CodeAddressChanged, "temporary code", nil)
	}
	return nil
}

// temporaryFor reads the account that asks for a temporary code, and holds it against a refusal of the rules.
func (f *Flow) temporaryFor(ctx context.Context, v Viewer, s Snapshot, refusal func(Account, History, RealmFacts, time.Time) error) (Account, error) {
	if !f.Rules.TemporaryCodes {
		return Account{}, Fault(CodeNotOpen, "temporary code", nil)
	}
	a, err := f.fresh(ctx, v.Person, s, v.AuthTime)
	if err != nil {
		return a, err
	}
	if err := f.undisputed(ctx, a.ID); err != nil {
		return a, err
	}
	if err := f.unchanging(ctx, a.ID); err != nil {
		return a, err
	}
	realm, h, err := f.past(ctx, a.ID)
	if err != nil {
		return a, err
	}
	return a, refusal(a, h, realm, f.Now())
}

// AskTemporary makes a temporary code and mails it to the notification address. The job that takes it away again stands before anything else
// does; whatever fails afterwards, it takes away what there is.
func (f *Flow) AskTemporary(ctx context.Context, a TemporaryAsked) (TemporaryCode, error) {
	const op = "temporary code"
	if err := f.Closed(op); err != nil {
		return TemporaryCode{}, err
	}
	if f.Now().Sub(a.Viewer.SignedInAt) > SignInLife {
		return TemporaryCode{}, Fault(CodeStaleSignIn, op, nil)
	}
	old, found, err := f.Temporary(ctx, a.Viewer.Person)
	if err != nil || found && old.Open() {
		return old, firstError(err, Fault(CodeTemporary, op, nil))
	}
	to, account, err := f.temporaryOpen(ctx, a.Viewer, a.Snapshot)
	if err != nil {
		return TemporaryCode{}, err
	}
	key := f.Codes.NewKey()
	code, err := f.Codes.Single(key)
	if err != nil {
		return TemporaryCode{}, err
	}
	now := f.Now()
	n := NewTemporary(f.newLabel(a.Label, account.Credentials), key, now)
	mails := f.temporaryMails(to, a.Snapshot)
	t := TemporaryCode{
		ID: n.ID, Person: account.ID, Username: a.Username, Name: a.Name, Language: a.Language, To: to, Origin: a.Origin, Snapshot: a.Snapshot, StartedAt: now,
		Vetoes: mails.vetoes(),
	}
	if t, err = f.beginTemporary(ctx, t, old, account.Credentials); err != nil {
		return t, err
	}
	if err := f.makeTemporary(ctx, t, n, mails.with(code)); err != nil {
		f.giveUpTemporary(ctx, t, TemporaryUnwritten)
		return t, err
	}
	return f.sentTemporary(ctx, t)
}

// beginTemporary keeps the job, then the record that it belongs to, which is counted there. Of two presses at the same moment one is CodeTemporary. The second
// factors seen are what the code is held against from now on, so nothing among them may have come under the one before.
func (f *Flow) beginTemporary(ctx context.Context, t, last TemporaryCode, seen []Credential) (TemporaryCode, error) {
	if err := f.nothingLate(ctx, last, seen); err != nil {
		return t, err
	}
	t.Factors, t.Reference = factorIDs(seen), RequestFrom(ctx).Reference
	if err := f.temporaryAt(ctx, t.Person, t.StartedAt.Add(temporaryGrace)); err != nil {
		return t, err
	}
	var before TemporaryCode
	begun, err := f.Temporaries.Update(ctx, t.Person, 0, func(old TemporaryCode, found bool) (TemporaryCode, error) {
		if before = old; old.ID != last.ID { // nothing was held against that one
			return old, Fault(CodeTemporary, "temporary code", nil)
		}
		return BeginTemporary(old, found, t)
	})
	if CodeOf(err) == CodeTooMany {
		f.OverLimit(ctx, t.Person, t.Person, LimitTemporary.Name)
	}
	if err != nil {
		return begun, err
	}
	if err := f.Audit.Record(ctx, begun.event("temporary.intended")); err != nil {
		f.undoTemporary(context.WithoutCancel(ctx), begun, before)
		return begun, Fault(CodeAuditFull, "temporary code", err)
	}
	return begun, nil
}

// undoTemporary puts back what stood before a code of which nothing was made; what was objected to meanwhile ends with its job.
func (f *Flow) undoTemporary(ctx context.Context, t, before TemporaryCode) {
	var err error
	if before.ID == "" {
		err = f.Temporaries.Delete(ctx, t.Person)
	} else {
		_, err = f.Temporaries.Update(ctx, t.Person, temporaryKept, func(old TemporaryCode, found bool) (TemporaryCode, error) {
			if !found || old.ID != t.ID || old.State != TemporaryWriting {
				return old, Fault(CodeNotOpen, "temporary code", nil)
			}
			return before, nil
		})
	}
	if err == nil && before.Watched(f.Now()) {
		err = f.temporaryAt(ctx, t.Person, f.Now().Add(temporaryLater))
	}
	if err != nil {
		f.Log.WarnContext(ctx, "a temporary code that was never made ends in a minute", "err", err)
	}
}

// makeTemporary writes the credential, where Keycloak's form expects it, and queues the mails: the others, or in their place the help desk, are told
// first, so that the code is never on its way unless they hear of it.
func (f *Flow) makeTemporary(ctx context.Context, t TemporaryCode, n NewCredential, mails temporaryMails) error {
	if err := f.stillMade(ctx, t); err != nil {
		return err
	}
	if err := f.Target.Do(ctx, t.Person, Action{Kind: ActionAdd, Credential: n.ID, New: &n}); err != nil {
		return err
	}
	seen, err := f.Target.Credentials(ctx, t.Person)
	if err != nil {
		return err
	}
	s := Swap{New: NewCredential{ID: n.ID}}
	if !s.stands(seen) {
		return Fault(CodeRefusedByAccount, "temporary code", errors.New("it does not stand after the write"))
	}
	if a := NextAction(s, seen); a.Kind == ActionMove {
		if err := f.Target.Do(ctx, t.Person, a); err != nil {
			return err
		}
	}
	if err := f.stillMade(ctx, t); err != nil {
		return err
	}
	if t.toldOnlyCode() {
		f.tellDesk(ctx, NoticeDeskToday, t.ID)
	}
	for _, m := range mails {
		if err := f.point(ctx, m.token.Hash(), t.Person); err != nil {
			return err
		}
		if err := f.Mail.Send(ctx, m.notice(t)); err != nil {
			return err
		}
	}
	return nil
}

// unchanging refuses a temporary code while a change in the person's settings is under way: each asks for the other one after it has put itself on
// record, so that one of two at the same moment waits.
func (f *Flow) unchanging(ctx context.Context, person string) error {
	c, err := f.Changes.Get(ctx, person)
	if err == nil && c.State == ChangeAsked {
		return Fault(CodeChangeOpen, "temporary code", nil)
	}
	return absentIsFine(err)
}

// stillMade makes sure that the code was not given up while this process stood still, and that neither a change in the settings nor a recovery came in
// between.
func (f *Flow) stillMade(ctx context.Context, t TemporaryCode) error {
	now, found, err := f.Temporary(ctx, t.Person)
	if err == nil && (!found || now.ID != t.ID || now.State != TemporaryWriting || f.Now().Sub(t.StartedAt) >= temporaryGrace) {
		err = Fault(CodeNotOpen, "temporary code", nil)
	}
	if err == nil {
		err = f.noSwap(ctx, t)
	}
	return firstError(err, f.unchanging(ctx, t.Person))
}

// noSwap refuses to go on with a code while a recovery writes the person's second factors, or has done so since.
func (f *Flow) noSwap(ctx context.Context, t TemporaryCode) error {
	at, busy, err := f.swapped(ctx, t)
	if err == nil && (busy || !at.IsZero()) {
		err = Fault(CodeTooLate, "temporary code", nil)
	}
	return err
}

// sentTemporary notes that the code is on its way. It is looked at from now on.
func (f *Flow) sentTemporary(ctx context.Context, t TemporaryCode) (TemporaryCode, error) {
	t, err := f.changeTemporary(ctx, t, TemporaryCode.Sent)
	if err != nil {
		return t, err
	}
	f.record(ctx, t.event("temporary.sent"))
	if err := f.temporaryAt(ctx, t.Person, f.Now().Add(temporaryWatch)); err != nil {
		f.Log.WarnContext(ctx, "a temporary code is looked at a little later", "id", t.ID, "err", err)
	}
	return t, nil
}

// giveUpTemporary ends a code that did not come to be; if that cannot be noted now, its job does in a minute.
func (f *Flow) giveUpTemporary(ctx context.Context, t TemporaryCode, why TemporaryEnd) {
	ctx = context.WithoutCancel(ctx)
	if err := f.endTemporary(ctx, t, why); err != nil && CodeOf(err) != CodeNotOpen {
		f.Log.WarnContext(ctx, "a temporary code ends in a minute", "id", t.ID, "err", err)
	}
}

// endTemporary begins the end of a code, and has it done at once.
func (f *Flow) endTemporary(ctx context.Context, t TemporaryCode, why TemporaryEnd) error {
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) { return old.Ending(why, f.Now()) })
	if err != nil {
		return err
	}
	return f.temporaryAt(ctx, t.Person, f.Now())
}

// EndTemporary is the person's own wish to end it.
func (f *Flow) EndTemporary(ctx context.Context, v Viewer) error {
	t, found, err := f.Temporary(ctx, v.Person)
	if err != nil || !found || !t.Open() {
		return firstError(err, Fault(CodeNotOpen, "temporary code", nil))
	}
	return f.endTemporary(ctx, t, TemporaryGivenBack)
}

// TemporaryMailed notes what became of the mail with the code id. One that was given up ends the code: nobody could use it.
func (f *Flow) TemporaryMailed(ctx context.Context, person, id string, o MailOutcome) error {
	t := TemporaryCode{Person: person, ID: id}
	if o == MailDropped {
		return f.endTemporary(ctx, t, TemporaryUnsent)
	}
	_, err := f.changeTemporary(ctx, t, func(old TemporaryCode) (TemporaryCode, error) {
		old.Mail = o
		return old, nil
	})
	return err
}

func (f *Flow) temporaryAt(ctx context.Context, person string, at time.Time) error {
	return f.Jobs.Add(ctx, Job{Kind: JobTemporary, ID: person, At: at})
}

// changeTemporary applies a transition to the code t, if it is still that one and open. It is kept until nothing is left of it.
func (f *Flow) changeTemporary(ctx context.Context, t TemporaryCode, step func(TemporaryCode) (TemporaryCode, error)) (TemporaryCode, error) {
	return f.Temporaries.Update(ctx, t.Person, 0, func(old TemporaryCode, found bool) (TemporaryCode, error) {
		if !found || old.ID != t.ID || !old.Open() {
			return old, Fault(CodeNotOpen, "temporary code", nil)
		}
		return step(old)
	})
}

// temporaryMail is one of the mails about a new code, with a way to object of its own.
type temporaryMail struct {
	to          string
	token, code Secret // code: in the mail that brings it only
	objection   string
}

type temporaryMails []temporaryMail

// temporaryMails are the mails to the other addresses, and last the one that brings the code.
func (f *Flow) temporaryMails(to string, s Snapshot) temporaryMails {
	return f.noticesTo(append(s.Others(to), to))
}

func (f *Flow) noticesTo(addresses []string) (out temporaryMails) {
	for _, address := range addresses {
		out = append(out, temporaryMail{to: address, token: NewToken(), objection: NewDigits(6)})
	}
	return out
}

func (m temporaryMails) vetoes() (out []Veto) {
	for _, one := range m {
		out = append(out, Veto{Hash: one.token.Hash(), Objection: one.objection})
	}
	return out
}

func (m temporaryMails) with(code Secret) temporaryMails {
	m[len(m)-1].code = code
	return m
}

// notice is the mail. One that brings the code is worth nothing later than a link would be.
func (m temporaryMail) notice(t TemporaryCode) Notice {
	n := Notice{
		Kind: NoticeTemporaryAsked, To: m.to, Person: t.Person, Language: t.Language, Name: t.Name, At: t.StartedAt, Expires: t.Expires,
		NotAfter: t.Expires, Origin: t.Origin, Veto: m.token, Objection: m.objection, ID: t.ID, Today: t.Request != "",
	}
	if m.code != "" {
		n.Kind, n.Code, n.Expires = NoticeTemporary, m.code, t.StartedAt.Add(temporaryMailLife)
	}
	return n
}

// temporaryMailLife is how long the mail with the code may take to a mail server before it is given up.
const temporaryMailLife = 30 * time.Minute
