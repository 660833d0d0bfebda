package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Permit lets a person through whose gate stays shut because somebody guessed codes (OIDC-21). Two operators give it, each after a call-back
// to the number on record or with the person at the counter.
type Permit struct {
	First  Approval
	Second Approval
	Until  time.Time // set by the second
}

const (
	permitLife = 10 * time.Minute // to sign in
	permitWait = time.Hour        // for the second operator
)

// PermitChecks are the checks that a permit may rest on.
func PermitChecks() []string { return []string{CheckCallBack, CheckInPerson} }

// PermitLook returns the account behind a user name for the permit page, and the permit as it stands. Every look is counted (CodeTooMany) and recorded, refused ones too.
func (f *Flow) PermitLook(ctx context.Context, o Operator, name string) (Account, Permit, error) {
	if _, err := f.count(ctx, permitLooks, o); err != nil {
		if CodeOf(err) == CodeTooMany {
			f.record(ctx, AuditEvent{Event: "permit.limited", Outcome: "refused", Actor: o.Person, Code: CodeTooMany})
		}
		return Account{}, Permit{}, err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return Account{}, Permit{}, err
	}
	a, err := f.Accounts.ByName(ctx, name)
	e := AuditEvent{Event: "permit.looked", Outcome: "ok", Actor: o.Person, Target: a.ID, Code: CodeOf(err)}
	if err != nil {
		e.Outcome = "refused"
	}
	if err := errors.Join(err, f.Audit.Record(ctx, e)); err != nil { // what is not on record is not shown
		return Account{}, Permit{}, err
	}
	if len(f.Rules.Numbers(a, realm)) == 0 {
		delete(a.Attributes, f.Rules.NumberAttribute) // people could have set it themselves
	}
	p, err := f.Permits.Get(ctx, a.ID)
	if err != nil && CodeOf(err) != CodeAbsent {
		return Account{}, Permit{}, err
	}
	return a, p, nil
}

// GivePermit records one operator's part for an account that PermitLook returned; CodeAuditFull: it could not be put on record, and is none. The second one, by another operator, opens ten minutes in
// which the person may sign in. A repeat changes nothing and tells nobody.
func (f *Flow) GivePermit(ctx context.Context, o Operator, a Account, check, ticket string) (Permit, error) {
	if err := f.Rules.Refusal(a); err != nil {
		return Permit{}, err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return Permit{}, err
	}
	switch {
	case a.ID == o.Person:
		return Permit{}, Fault(CodeSelf, "permit", nil)
	case !slices.Contains(PermitChecks(), check):
		return Permit{}, Fault(CodeChecks, "permit", nil)
	case check == CheckCallBack && len(a.Attributes[f.Rules.NumberAttribute]) == 0:
		return Permit{}, Fault(CodeChecks, "permit: no number on record", nil)
	case ticket == "":
		return Permit{}, Fault(CodeTicket, "permit", nil)
	}
	mine := Approval{Operator: o.Person, Name: o.Name, At: f.Now(), Checks: []string{check}, Ticket: ticket}
	if err := f.deciding(ctx, o, Recovery{Person: a.ID}, mine); err != nil {
		return Permit{}, err
	}
	var stands Permit
	p, err := f.Permits.Update(ctx, a.ID, permitWait, func(old Permit, found bool) (Permit, error) {
		stands = old
		return old.with(mine, found, f.Now())
	})
	if errors.Is(err, errSame) {
		return stands, nil
	}
	if err != nil {
		return p, err
	}
	name := "permit.asked"
	if !p.Until.IsZero() {
		name = "permit.given"
	}
	f.record(ctx, AuditEvent{Event: name, Outcome: "ok", Actor: o.Person, Target: a.ID, Detail: mine.grounds()})
	if !p.Until.IsZero() {
		f.tellPermit(ctx, a, realm, p)
	}
	return p, nil
}

// tellPermit tells every address on record, or the supervisor's mailbox when there is none, that two operators opened the sign-in.
func (f *Flow) tellPermit(ctx context.Context, a Account, realm RealmFacts, p Permit) {
	now := f.Now()
	for _, to := range f.Rules.recipients(f.Rules.Snapshot(a, History{}, realm, now)) {
		n := Notice{
			Kind: NoticePermit, To: to, Language: a.Locale, Name: a.Name, At: p.Until.Add(-permitLife), Expires: now.Add(24 * time.Hour), NotAfter: p.Until,
		}
		if err := f.Mail.Send(ctx, n); err != nil {
			f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "err", err)
		}
	}
}

// with adds one operator's part. A repeat, by a second press or a reload, is errSame: it closes nothing that is open.
func (p Permit) with(a Approval, found bool, now time.Time) (Permit, error) {
	switch {
	case found && now.Before(p.Until):
		return p, errSame
	case !found || !p.Until.IsZero() || now.Sub(p.First.At) >= permitWait:
		return Permit{First: a}, nil
	case p.First.Operator == a.Operator:
		return p, errSame
	}
	p.Second, p.Until = a, now.Add(permitLife)
	return p, nil
}

// permitted reports whether a permit lets the person through now, or a proof that this very browser holds: what it proves is more than a permit, and
// whoever waited long for it signs in again before the key is shown. It is nobody else's: a thief in another browser gains no second in which the gate
// opens.
func (f *Flow) permitted(ctx context.Context, person, holder string) (bool, error) {
	p, err := f.Permits.Get(ctx, person)
	if err != nil && CodeOf(err) != CodeAbsent {
		return false, err
	}
	if err == nil && f.Now().Before(p.Until) {
		return true, nil
	}
	r, found, err := f.read(ctx, person)
	return found && r.State == Proven && Equal(r.Holder, holder), err
}

// Ends is when a permit that only one operator has given is forgotten.
func (p Permit) Ends() time.Time { return p.First.At.Add(permitWait) }
