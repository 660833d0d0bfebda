package bridge

import (
	"slices"
	"time"
)

// Lives and limits of the desk way.
const (
	DeskLife       = time.Hour        // Waiting by desk; one press adds it again
	DeskMax        = 8 * time.Hour    // but never longer than this after the start
	CallCodeLife   = 10 * time.Minute // then the page shows another one
	CaseIdle       = 15 * time.Minute // an operator's look at a case ends
	MaxWrongCalls  = 5                // wrong codes by at least two operators end a recovery
	MaxWrongWords  = 2                // wrong picks of match words that end call-backs for a person's recoveries
	MatchChoices   = 6                // word pairs that the operator picks from
	CheckCallBack  = "callback"       // the check that is bound to the caller's page
	CheckInPerson  = "photo_id"       // the check that needs the person at the counter
	CallCodeDigits = 8
)

// Call is the desk's part of a recovery.
type Call struct {
	Code    string    // eight digits, shown to the caller only; empty = used up
	Serial  int       // grows with every code
	Expires time.Time // of the code
	Wrong   []string  // operators who typed a wrong code for this person, one entry each time
	// WrongWords counts wrong picks of match words over all operators: after MaxWrongWords no call-back counts any more.
	WrongWords int   `json:",omitempty"`
	Case       *Case `json:",omitempty"`
	Approvals  []Approval
	Needed     int  // approvals that are demanded; known after the first
	Risky      bool // the caller's browser held an operator session
	Shared     bool `json:",omitempty"` // an operator who approved had the caller's client address
	CallBacks  int  `json:",omitempty"` // grows with every pair of match words
	// From are client addresses from which the caller's browser came later: Recovery.From is the first.
	From []string `json:",omitempty"`
}

// Case is one operator's look at a recovery, opened by a right pair of user name and call code.
type Case struct {
	Operator string
	Look     string `json:",omitempty"` // Operator.Look
	Serial   int    // of the code that opened it
	Seen     time.Time
	CallBack *CallBack `json:",omitempty"`
}

// CallBack is a call to the number on record, bound to the caller's page: it shows one pair of words, which the person reads out.
type CallBack struct {
	Choices []int // indexes of word pairs, in the order in which the operator sees them
	Right   int   // index of the pair on the caller's page
	Matched bool
}

// Approval is one operator's decision.
type Approval struct {
	Operator string
	Name     string
	At       time.Time
	Checks   []string
	Ticket   string
	Serial   int
	From     string `json:",omitempty"` // Operator.Address
}

// Operator is who acts at the desk.
type Operator struct {
	Person  string // user id
	Name    string
	Address string // client address
	Look    string // the look that LookUp opens, and the only one that counts afterwards; "": whichever the operator has
}

// open returns the desk's part of a recovery that waits for the desk.
func (r Recovery) open(op string, now time.Time) (Call, error) {
	if r.State != Waiting || r.Way != WayDesk || r.Call == nil {
		return Call{}, Fault(CodeNotOpen, op, nil)
	}
	if now.Before(r.NotBefore) {
		return Call{}, Fault(CodeNotOpen, op, nil)
	}
	c := *r.Call
	c.Wrong, c.Approvals = slices.Clone(c.Wrong), slices.Clone(c.Approvals)
	if c.Case != nil {
		k := *c.Case
		c.Case = &k
	}
	return c, nil
}

// with returns the recovery with another desk part.
func (r Recovery) with(c Call) Recovery {
	r.Call = &c
	return r
}

// anew reports whether a waiting period is over and nobody has been spoken to since: whoever signs in afresh may call then, since nothing is
// kept in the browser that asked first (POL-04).
func (r Recovery) anew(now time.Time) bool {
	return r.State == Waiting && r.Way == WayDesk && !r.NotBefore.IsZero() && !now.Before(r.NotBefore) && r.Call != nil &&
		len(r.Call.Approvals) == 0 && (r.Call.Case == nil || now.Sub(r.Call.Case.Seen) >= CaseIdle)
}

// RenewCode shows another call code to the browser that asked; the earlier one stops working, and failures stay counted. After a waiting
// period any browser with a fresh sign-in becomes the one that asked.
func (r Recovery) RenewCode(v Viewer, code string, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.open("renew code", now)
	if err != nil {
		return r, err
	}
	if !Equal(r.Asker, v.Holder) {
		if !r.anew(now) || v.Holder == "" {
			return r, Fault(CodeNotHolder, "renew code", nil)
		}
		if now.Sub(v.SignedInAt) > SignInLife {
			return r, Fault(CodeStaleSignIn, "renew code", nil)
		}
		if t := r.theft(now); t != nil {
			r.Theft = t // the report of a theft stays the other browser's
		}
		r.Asker, r.SignedInAt, r.AuthTime, c.Case = v.Holder, v.SignedInAt, v.AuthTime, nil
		c.Risky = c.Risky || v.OperatorBrowser
	}
	c.From = r.came(c, v.From) // what HD-15 looks at
	c.Code, c.Serial, c.Expires = code, c.Serial+1, now.Add(CallCodeLife)
	return r.with(c), nil
}

// wrongWords counts the wrong picks of match words since the person's last recovery that came to its end, as long as a record lives.
func (r Recovery) wrongWords() int { return r.WrongWords + callOf(r).WrongWords }

// ExtendCall keeps the recovery open for another hour, up to eight hours after the start.
func (r Recovery) ExtendCall(v Viewer, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.open("extend", now)
	if err != nil {
		return r, err
	}
	if !Equal(r.Asker, v.Holder) {
		return r, Fault(CodeNotHolder, "extend", nil)
	}
	until := now.Add(DeskLife)
	if end := r.StartedAt.Add(DeskMax); until.After(end) {
		until = end
	}
	r.Expires, c.From = later(r.Expires, until), r.came(c, v.From)
	return r.with(c), nil
}

// LookUp opens the case for an operator who typed the code that the caller reads out. CodeCallPair: wrong; the caller stores the returned
// recovery all the same, since it counts. Looking up uses nothing up.
func (r Recovery) LookUp(o Operator, code string, now time.Time) (Recovery, error) {
	c, err := r.At(now).open("look up", now)
	if err != nil {
		return r, Fault(CodeCallPair, "look up", err) // unchanged: its end is put on record by the job that ends it
	}
	if !Equal(c.Code, code) || !now.Before(c.Expires) {
		c.Wrong = append(c.Wrong, o.Person)
		r = r.with(c)
		if len(c.Wrong) >= MaxWrongCalls && len(slices.Compact(slices.Sorted(slices.Values(c.Wrong)))) >= 2 {
			r = r.ended(EndTooMany, CodeCallPair, now)
		}
		return r, Fault(CodeCallPair, "look up", nil)
	}
	c.Case = &Case{Operator: o.Person, Look: o.Look, Serial: c.Serial, Seen: now}
	return r.with(c), nil
}

// of reports whether it is this operator's look; Operator.Look.
func (c Case) of(o Operator) bool {
	return Equal(c.Operator, o.Person) && (o.Look == "" || o.Look == c.Look)
}

// handled returns the desk part if this operator has the case open, and notes that it was looked at.
func (r Recovery) handled(o Operator, op string, now time.Time) (Call, error) {
	c, err := r.open(op, now)
	if err != nil {
		return c, err
	}
	if c.Case == nil || !c.Case.of(o) || now.Sub(c.Case.Seen) >= CaseIdle {
		return c, Fault(CodeCaseClosed, op, nil)
	}
	c.Case.Seen = now
	return c, nil
}

// Look keeps the operator's case open and returns it.
func (r Recovery) Look(o Operator, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.handled(o, "look", now)
	if err != nil {
		return r, err
	}
	return r.with(c), nil
}

// Release closes the case for its operator without a decision: the caller waits for one again. Wrong match words stay counted.
func (r Recovery) Release(o Operator, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.handled(o, "release", now)
	if err != nil {
		return r, err
	}
	c.Case = nil
	return r.with(c), nil
}

// StartCallBack shows match words on the caller's page: the pair at index right of the word list, which is among choices.
func (r Recovery) StartCallBack(o Operator, choices []int, right int, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.handled(o, "call back", now)
	if err != nil {
		return r, err
	}
	if code := r.noCallBack(); code != "" {
		return r, Fault(code, "call back", nil)
	}
	c.Case.CallBack = &CallBack{Choices: choices, Right: right}
	c.CallBacks++
	return r.with(c), nil
}

// noCallBack says why no call-back counts, "" if one does: there is no number on record, or wrong words were picked too often.
func (r Recovery) noCallBack() Code {
	switch {
	case r.wrongWords() >= MaxWrongWords:
		return CodeCallBackOver
	case len(r.Snapshot.Numbers) == 0:
		return CodeNoNumber
	}
	return ""
}

// PickWords takes the pair that the person at the number on record read out. A wrong pick ends the call-back, also one that was matched:
// CodeWrongWords, which the caller stores. CodeCallBack: none is under way.
func (r Recovery) PickWords(o Operator, pick int, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.handled(o, "pick words", now)
	if err != nil {
		return r, err
	}
	if c.Case.CallBack == nil {
		return r, Fault(CodeCallBack, "pick words", nil)
	}
	if pick != c.Case.CallBack.Right {
		c.Case.CallBack = nil
		c.WrongWords++
		return r.with(c), Fault(CodeWrongWords, "pick words", nil)
	}
	b := *c.Case.CallBack
	b.Matched = true
	c.Case.CallBack = &b
	return r.with(c), nil
}

// Decision is what an approval rests on.
type Decision struct {
	Checks []string
	Ticket string
	Rule   Ruling
	Shared bool   // HD-15: operator and caller have one client address
	Next   string // the call code that the page shows if another approval is needed
	Key    Key    // the key that the holder gets if this was the last approval
}

// Approve records one operator's approval; the last one that the ruling demands proves the recovery for the browser that asked. The code
// that opened the case is used up. CodeSelf, CodeSameOperator, CodeChecks, CodeTicket, CodeCallBack say what is missing.
func (r Recovery) Approve(o Operator, d Decision, now time.Time) (Recovery, error) {
	r = r.At(now)
	c, err := r.handled(o, "approve", now)
	if err != nil {
		return r, err
	}
	if err := c.mayApprove(r, o, d); err != nil {
		return r, err
	}
	d.Checks = distinct(d.Checks)
	c.Approvals = append(c.Approvals, Approval{
		Operator: o.Person, Name: o.Name, At: now, Checks: d.Checks, Ticket: d.Ticket, Serial: c.Case.Serial, From: o.Address,
	})
	c.Shared = c.Shared || d.Shared
	c.Needed = max(c.Needed, d.Rule.Approvals)
	if c.risky() {
		c.Needed = max(c.Needed, 2)
	}
	c.Case, c.Code = nil, ""
	if len(c.Approvals) < c.Needed {
		c.Code, c.Serial, c.Expires = d.Next, c.Serial+1, now.Add(CallCodeLife)
		return r.with(c), nil
	}
	return r.with(c).proven(r.Asker, d.Key, d.Rule.Delay, now), nil
}

// risky reports whether one of HD-15's reasons holds.
func (c Call) risky() bool { return c.Risky || c.Shared }

// distinct drops repeated entries.
func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Barred says why this operator may never approve this recovery, nil if they may: it is their own, or they have approved it already.
func (r Recovery) Barred(o Operator) error {
	switch {
	case o.Person == r.Person:
		return Fault(CodeSelf, "approve", nil)
	case slices.ContainsFunc(callOf(r).Approvals, func(a Approval) bool { return a.Operator == o.Person }):
		return Fault(CodeSameOperator, "approve", nil)
	}
	return nil
}

// mayApprove says what stands against an approval.
func (c Call) mayApprove(r Recovery, o Operator, d Decision) error {
	if err := r.Barred(o); err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(c.Approvals, func(a Approval) bool { return a.Serial == c.Case.Serial }):
		return Fault(CodeCallPair, "approve", nil)
	case len(distinct(d.Checks)) < max(1, d.Rule.Checks):
		return Fault(CodeChecks, "approve", nil)
	case slices.Contains(d.Checks, CheckCallBack) && (c.Case.CallBack == nil || !c.Case.CallBack.Matched):
		return Fault(CodeCallBack, "approve", nil)
	case d.Ticket == "":
		return Fault(CodeTicket, "approve", nil)
	}
	return nil
}

// lacks reports whether a ruling asks for more than this proof holds.
func (r Recovery) lacks(rule Ruling) bool {
	if rule.Delay > 0 && r.NotBefore.IsZero() {
		return true
	}
	return r.Way == WayDesk && r.Call != nil && len(r.Call.worth(rule)) < max(rule.Approvals, r.Call.Needed)
}

// worth lists the approvals that a ruling accepts.
func (c Call) worth(rule Ruling) []Approval {
	return slices.DeleteFunc(slices.Clone(c.Approvals), func(a Approval) bool { return len(a.Checks) < rule.Checks })
}

// AskMore takes a proof back that a stricter ruling does not accept (POL-03): the waiting period begins, or another approval is needed, for
// which code is the call code.
func (r Recovery) AskMore(rule Ruling, code string, now time.Time) (Recovery, error) {
	r = r.At(now)
	if r.State != Proven || !r.lacks(rule) {
		return r, Fault(CodeNotOpen, "ask for more", nil)
	}
	r.State, r.Holder, r.Key, r.OldKeys, r.ProvenAt = Waiting, "", nil, nil, time.Time{}
	if rule.Delay > 0 && r.NotBefore.IsZero() {
		return r.proven("", Key{}, rule.Delay, now), nil
	}
	c := *r.Call
	c.Approvals, c.Needed, c.Case = c.worth(rule), max(c.Needed, rule.Approvals), nil
	c.Code, c.Serial, c.Expires = code, c.Serial+1, now.Add(CallCodeLife)
	r.Expires = now.Add(DeskLife)
	return r.with(c), nil
}

// Deny ends the recovery; the caller reads neutral words.
func (r Recovery) Deny(o Operator, now time.Time) (Recovery, error) {
	r = r.At(now)
	if _, err := r.handled(o, "deny", now); err != nil {
		return r, err
	}
	return r.ended(EndDenied, "", now), nil
}
