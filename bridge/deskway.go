package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// JobCall ends a desk recovery whose time is up; the list of these jobs is the list of people who wait. id = person.
const JobCall = "call"

// WaitingCall is the payload of a JobCall: enough for figures, nothing about the person.
type WaitingCall struct{ Since time.Time }

// newCall makes the desk's part of a new recovery.
func newCall(now time.Time, risky bool) *Call {
	return &Call{Code: NewDigits(CallCodeDigits), Serial: 1, Expires: now.Add(CallCodeLife), Risky: risky}
}

// waitAt keeps the job that ends a desk recovery.
func (f *Flow) waitAt(ctx context.Context, person string, since, at time.Time) error {
	payload, err := json.Marshal(WaitingCall{since})
	if err != nil {
		return Fault(CodeInternal, "wait", err)
	}
	return f.Jobs.Add(ctx, Job{Kind: JobCall, ID: person, At: at, Payload: payload})
}

// RenewCode shows the asking browser another call code.
func (f *Flow) RenewCode(ctx context.Context, v Viewer) error {
	code := NewDigits(CallCodeDigits)
	r, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.RenewCode(v, code, f.Now()) })
	if err != nil || !r.anew(f.Now()) {
		return err
	}
	return f.waitAt(ctx, v.Person, f.Now(), r.Expires)
}

// CutOff closes the case to its operator, since the line broke, and shows the asking browser another call code.
func (f *Flow) CutOff(ctx context.Context, v Viewer) error {
	code := NewDigits(CallCodeDigits)
	r, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.CutOff(v, code, f.Now()) })
	if err == nil {
		f.record(ctx, event("desk.released", r))
	}
	return err
}

// hangUp takes a call that is over out of the figures.
func (f *Flow) hangUp(ctx context.Context, r Recovery) {
	if r.Way != WayDesk {
		return
	}
	if err := f.Jobs.Remove(context.WithoutCancel(ctx), JobCall, r.Person); err != nil {
		f.Log.WarnContext(ctx, "a finished call stays in the figures until its time is up", "err", err)
	}
}

// askMore takes back a proof that the ruling of now does not accept: CodeNotOpen.
func (f *Flow) askMore(ctx context.Context, r Recovery, rule Ruling) error {
	code := NewDigits(CallCodeDigits)
	r, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID {
			return old, Fault(CodeNotOpen, "ask for more", nil)
		}
		return old.AskMore(rule, code, f.Now())
	})
	if err != nil {
		return err
	}
	e := event("recovery.more_needed", r)
	e.Outcome, e.Code, e.Detail = "refused", CodePolicy, map[string]string{"policy": rule.Policy.Name}
	f.record(ctx, e)
	if !f.Now().Before(r.NotBefore) && r.Way == WayDesk {
		if err := f.waitAt(ctx, r.Person, f.Now(), r.Expires); err != nil {
			return err
		}
	}
	if err := f.afterProof(ctx, r); err != nil {
		return err
	}
	return Fault(CodeNotOpen, "swap", errors.New("a stricter policy asks for more"))
}

// ExtendCall keeps the desk recovery open for another hour.
func (f *Flow) ExtendCall(ctx context.Context, v Viewer) error {
	r, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.ExtendCall(v, f.Now()) })
	if err != nil {
		return err
	}
	return f.waitAt(ctx, v.Person, r.StartedAt, r.Expires)
}

// LookUp opens the case that belongs to a user name and a call code, and returns the person. CodeCallPair: there is no such pair, for
// whatever reason; the answer does not tell whether that person waits. CodeDeskLocked: this operator typed five wrong ones.
func (f *Flow) LookUp(ctx context.Context, o Operator, name, code string) (person string, err error) {
	last, err := f.count(ctx, wrongPairs, o)
	if err != nil {
		return "", err
	}
	a, err := f.Accounts.ByName(ctx, name)
	if err == nil {
		err = f.lookUp(ctx, o, a.ID, code)
	} else if CodeOf(err) == CodeGone {
		err = Fault(CodeCallPair, "look up", err)
	}
	switch CodeOf(err) {
	case "":
		if err := f.giveBack(ctx, wrongPairs, o); err != nil {
			return "", err
		}
		if _, err := f.Case(ctx, o, a.ID); err != nil {
			return "", f.notOpened(ctx, o, a.ID, err)
		}
		return a.ID, nil
	case CodeCallPair:
		f.record(ctx, AuditEvent{Event: "call.wrong_pair", Outcome: "refused", Actor: o.Person, Target: a.ID, Code: CodeCallPair})
		if last {
			f.record(ctx, AuditEvent{Event: "desk.locked", Outcome: "refused", Actor: o.Person, Code: CodeDeskLocked})
		}
		return "", err
	}
	return "", errors.Join(err, f.giveBack(ctx, wrongPairs, o)) // nothing was decided: nothing is counted
}

// notOpened closes a case that cannot be shown: it would be open for nobody. What ended it already has closed it. The cause is returned.
func (f *Flow) notOpened(ctx context.Context, o Operator, person string, cause error) error {
	if err := f.Release(context.WithoutCancel(ctx), o, person); err != nil && CodeOf(err) != CodeCaseClosed {
		f.Log.WarnContext(ctx, "a case that nobody works on stays open until it is idle", "err", err)
	}
	return cause
}

func (f *Flow) lookUp(ctx context.Context, o Operator, person, code string) error {
	r, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.LookUp(o, code, f.Now()) })
	switch {
	case CodeOf(err) == CodeNotOpen:
		return Fault(CodeCallPair, "look up", err)
	case err == nil:
		if err := f.Audit.Record(ctx, deskEvent("desk.opened", r, o, "")); err != nil {
			return f.notOpened(ctx, o, person, err)
		}
	case r.State == Ended && r.End == EndTooMany:
		f.hangUp(ctx, r)
		f.deskEvent(ctx, "recovery.ended", r, o, CodeCallPair)
	}
	return err
}

// CallBack shows match words on the caller's page; words is how many pairs there are.
func (f *Flow) CallBack(ctx context.Context, o Operator, person string, words int) error {
	choices := randomChoices(words, MatchChoices)
	right := choices[randomIndex(MatchChoices)]
	r, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.StartCallBack(o, choices, right, f.Now()) })
	if err == nil {
		f.deskEvent(ctx, "desk.call_back", r, o, "")
	}
	return closed(err)
}

// PickWords takes the pair of words that the operator heard. CodeWrongWords: another one; CodeCallBackOver: once too often.
func (f *Flow) PickWords(ctx context.Context, o Operator, person string, pick int) error {
	r, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.PickWords(o, pick, f.Now()) })
	switch CodeOf(err) {
	case "":
		f.deskEvent(ctx, "desk.words_matched", r, o, "")
	case CodeWrongWords:
		f.deskEvent(ctx, "desk.words_wrong", r, o, CodeWrongWords)
		if r.wrongWords() >= MaxWrongWords {
			f.deskEvent(ctx, "alarm.suspicious_call", r, o, CodeWrongWords)
			err = Fault(CodeCallBackOver, "pick words", err)
		}
	}
	return closed(err)
}

// Approve records the operator's approval. The recovery comes back as it stands then: Waiting when another approval is needed or a delay
// runs, Proven otherwise. CodeAuditFull: the approval could not be put on record, and is none.
func (f *Flow) Approve(ctx context.Context, o Operator, person string, checks []string, ticket string) (Recovery, error) {
	c, err := f.Case(ctx, o, person)
	if err != nil {
		return Recovery{}, err
	}
	if err := c.Recovery.Barred(o); err != nil {
		return c.Recovery, errors.Join(err, f.Release(ctx, o, person)) // the caller's page waits for somebody else
	}
	if slices.ContainsFunc(checks, func(id string) bool { return !slices.Contains(f.Rules.DeskChecks, id) }) {
		return c.Recovery, Fault(CodeChecks, "approve", nil)
	}
	if err := f.Safe("approve"); err != nil {
		return c.Recovery, err
	}
	if err := f.deciding(ctx, o, c.Recovery, Approval{Checks: checks, Ticket: ticket}); err != nil {
		return c.Recovery, err
	}
	key, err := f.newKey(ctx)
	if err != nil {
		return c.Recovery, err
	}
	if err := f.lockSoon(ctx, c.Recovery, lockPause); err != nil {
		return c.Recovery, err
	}
	d := Decision{Checks: checks, Ticket: ticket, Rule: c.Ruling, Shared: c.Address, Next: NewDigits(CallCodeDigits), Key: key}
	r, err := f.applyDecision(ctx, person, o, d)
	if err != nil {
		return c.Recovery, err
	}
	f.lockNow(ctx, r)
	f.approved(ctx, r, o, checks)
	return r, f.afterProof(ctx, r)
}

func (f *Flow) applyDecision(ctx context.Context, person string, o Operator, d Decision) (Recovery, error) {
	r, err := f.apply(ctx, person, f.life()+d.Rule.Delay+DelayGrace, func(old Recovery) (Recovery, error) {
		if _, err := old.open("approve", f.Now()); err != nil {
			return old, err
		}
		return old.Approve(o, d, f.Now())
	})
	return r, closed(err)
}

// approved puts an approval on record and tells every address. Without call-back and without the person at the counter it is an alarm too.
func (f *Flow) approved(ctx context.Context, r Recovery, o Operator, checks []string) {
	f.deskEvent(ctx, "desk.approved", r, o, "")
	if callOf(r).risky() {
		f.deskEvent(ctx, "alarm.risky_call", r, o, "")
	}
	if !slices.Contains(checks, CheckCallBack) && !slices.Contains(checks, CheckInPerson) {
		f.deskEvent(ctx, "alarm.weak_approval", r, o, "")
	}
	if r.State == Proven {
		f.record(ctx, event("recovery.proven", r))
		if err := f.Failures.Delete(ctx, r.Person); err != nil { // the desk is the way out after too many wrong codes
			f.Log.WarnContext(ctx, "wrong codes not forgotten; they end by themselves", "err", err)
		}
	}
	f.tellAll(ctx, r, NoticeApproved)
}

// afterProof keeps the job that ends the recovery, and begins the delay if there is one.
func (f *Flow) afterProof(ctx context.Context, r Recovery) error {
	if r.State == Proven || f.Now().Before(r.NotBefore) {
		f.hangUp(ctx, r)
	}
	if err := f.expireAt(ctx, r.Person, r.Expires); err != nil {
		return err
	}
	if r.State == Waiting && f.Now().Before(r.NotBefore) {
		return f.delayed(ctx, r)
	}
	return nil
}

// delayed tells every address that the waiting period runs, and keeps the job that goes on after it.
func (f *Flow) delayed(ctx context.Context, r Recovery) error {
	f.record(ctx, event("recovery.delayed", r))
	f.tellAll(ctx, r, NoticeDelay)
	return f.Jobs.Add(ctx, Job{Kind: JobDelay, ID: r.Person, At: r.NotBefore})
}

// Deny ends the recovery. A suspicious one raises an alarm; the caller reads the same neutral words.
func (f *Flow) Deny(ctx context.Context, o Operator, person string, suspicious bool) error {
	r, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.Deny(o, f.Now()) })
	if err != nil {
		return closed(err)
	}
	f.hangUp(ctx, r)
	f.deskEvent(ctx, "desk.denied", r, o, "")
	if suspicious {
		f.deskEvent(ctx, "alarm.suspicious_call", r, o, "")
	}
	f.tellAll(ctx, r, NoticeDenied)
	return nil
}

// deciding puts on record that an operator is about to decide, and on what grounds, before anything changes. CodeAuditFull: then nothing may.
func (f *Flow) deciding(ctx context.Context, o Operator, r Recovery, a Approval) error {
	e := deskEvent("desk.deciding", r, o, "")
	e.Detail = a.grounds()
	return f.Audit.Record(ctx, e)
}

// deskEvent records what an operator did.
func (f *Flow) deskEvent(ctx context.Context, name string, r Recovery, o Operator, code Code) {
	f.record(ctx, deskEvent(name, r, o, code))
}

func deskEvent(name string, r Recovery, o Operator, code Code) AuditEvent {
	e := event(name, r)
	e.Actor, e.Code = o.Person, code
	if code != "" {
		e.Outcome = "refused"
	}
	if n := len(callOf(r).Approvals); name == "desk.approved" && n > 0 {
		e.Detail = r.Call.Approvals[n-1].grounds()
	}
	return e
}

// grounds are what an approval rests on, for the record.
func (a Approval) grounds() map[string]string {
	return map[string]string{"checks": strings.Join(a.Checks, ","), "ticket": a.Ticket}
}

func callOf(r Recovery) Call {
	if r.Call == nil {
		return Call{}
	}
	return *r.Call
}

// recipients are all addresses on record, or the supervisor's mailbox when there is none.
func (r Rules) recipients(s Snapshot) []string {
	to := s.Others("")
	if len(to) == 0 && r.Supervisor != "" {
		return []string{r.Supervisor}
	}
	return to
}

// tellDesk tells the help desk's mailbox, if there is one, that there is something to look at. The mail says nothing of the person.
// The same kind and id again is the same mail.
func (f *Flow) tellDesk(ctx context.Context, kind NoticeKind, id string) {
	if f.Rules.DeskMailbox == "" {
		return
	}
	n := Notice{Kind: kind, To: f.Rules.DeskMailbox, At: f.Now(), Expires: f.Now().Add(3 * 24 * time.Hour), ID: id}
	if err := f.Mail.Send(ctx, n); err != nil {
		f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "err", err)
	}
}

// tellAll sends a notice to every address on record, or to the supervisor's mailbox when there is none. As long as the recovery is open it
// can be stopped from there (POL-05).
func (f *Flow) tellAll(ctx context.Context, r Recovery, kind NoticeKind) {
	for _, address := range f.Rules.recipients(r.Snapshot) {
		var token Secret
		var number string
		if r.Open() {
			token, number = f.newVeto(ctx, r)
		}
		n := Notice{
			Kind: kind, To: address, Language: r.Language, Name: r.Name, At: f.Now(), Expires: f.Now().Add(NoticeLife), Way: r.Way, Origin: r.Origin,
			NotBefore: r.NotBefore, Veto: token, Objection: number, Today: r.Today(),
		}
		if err := f.Mail.Send(ctx, n); err != nil {
			f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "recovery", r.ID, "err", err)
		}
	}
}
