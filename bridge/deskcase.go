package bridge

import "context"

// DeskCase is what an operator sees after a right pair.
type DeskCase struct {
	Recovery Recovery
	Account  Account
	Ruling   Ruling
	Risky    bool // this approval would need a second one for HD-15's reasons
	Address  bool // one of them: this operator has the caller's client address
	Barred   Code // why this operator may not approve; empty: they may
	NoCall   Code // why no call-back counts; empty: one does
}

// ViewCase returns the case that the operator has open, with the account and the ruling as they are now. It changes nothing.
func (f *Flow) ViewCase(ctx context.Context, o Operator, person string) (DeskCase, error) {
	r, found, err := f.read(ctx, person)
	if err == nil && !found {
		err = Fault(CodeNotOpen, "view case", nil)
	}
	if err == nil {
		_, err = r.handled(o, "view case", f.Now())
	}
	if err != nil {
		return DeskCase{}, closed(err)
	}
	return f.judge(ctx, o, r)
}

// Case is ViewCase for an operator who does something: the case stays open for them, and ends if the account may not recover any more.
func (f *Flow) Case(ctx context.Context, o Operator, person string) (DeskCase, error) {
	r, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.Look(o, f.Now()) })
	if err != nil {
		return DeskCase{}, closed(err)
	}
	c, err := f.judge(ctx, o, r)
	if err != nil {
		return c, f.refuse(ctx, r, err)
	}
	return c, nil
}

// judge holds a case against the account and the rules of now.
func (f *Flow) judge(ctx context.Context, o Operator, r Recovery) (DeskCase, error) {
	a, err := f.still(ctx, r, r.AuthTime)
	if err != nil {
		return DeskCase{}, err
	}
	if err := f.mayToday(ctx, r, a); err != nil {
		return DeskCase{}, err
	}
	c := DeskCase{Recovery: r, Account: a, Ruling: f.Rules.Ruling(a, r.Snapshot)}
	c.Address, c.Barred, c.NoCall = r.shares(o.Address), CodeOf(r.Barred(o)), r.noCallBack()
	c.Risky = r.Call.risky() || c.Address
	if c.Risky {
		c.Ruling.Approvals = 2
	}
	if !f.Rules.Allows(c.Ruling.Policy, WayDesk) {
		return DeskCase{}, Fault(CodePolicy, "case", nil)
	}
	return c, nil
}

// Release closes an operator's case without a decision. CodeCaseClosed: it is not open to them.
func (f *Flow) Release(ctx context.Context, o Operator, person string) error {
	r, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.Release(o, f.Now()) })
	if err == nil {
		f.deskEvent(ctx, "desk.released", r, o, "")
	}
	return closed(err)
}

// closed gives every way in which a case is not open to this operator the same code.
func closed(err error) error {
	if code := CodeOf(err); code == CodeNotOpen {
		return Fault(CodeCaseClosed, "case", err)
	}
	return err
}
