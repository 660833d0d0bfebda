package view

import (
	"slices"
	"time"

	"otpbridge/bridge"
)

// Pages of the help desk's console. They show no key, no QR code, no link and no call code.

// OpenCase is GET /desk, and the answer 422 of POST /desk (name, code): an operator opens the case of a caller. Faults: FieldName with
// CodeMissingCaller or CodeNameTooLong; FieldCode with CodeMissingCall or call_pair. The typed code is not shown again.
type OpenCase struct {
	Frame
	Name    string    // what was typed
	Locked  time.Time // code entry is locked until then; zero: it is open
	Unsafe  bool      // the realm guard lets no recovery begin and no proof count
	Figures Figures
	Recent  []RecentCase // this operator's own, the newest first
	Faults  []Fault
}

// Figures are how busy the help desk is. The zero value shows nothing.
type Figures struct {
	Known    bool
	Waiting  int           // people who wait now
	More     bool          // and others
	Longest  time.Duration // how long the first of them has waited
	Approved int           // this operator's approvals today
}

// RecentCase is one of the operator's own cases, without anything about the person.
type RecentCase struct {
	At     time.Time
	Checks []string // ids
	Ticket string
	Result CaseResult
}

// CaseResult is what an operator's decision came to.
type CaseResult string

// The results.
const (
	CaseApproved   CaseResult = "approved"
	CaseCode       CaseResult = "code"   // approved: the caller gets a temporary code
	CaseSecond     CaseResult = "second" // another operator's approval is needed
	CaseDelay      CaseResult = "delay"  // approved; a waiting period runs
	CaseDenied     CaseResult = "denied"
	CaseSuspicious CaseResult = "suspicious"
)

// Case is GET /desk/case, and the answer 422 of POST /desk/case: what the operator may know of the caller, and the decision. Its one form posts case (ID), what is
// ticked and typed (checks, repeated; ticket), and what is pressed: do=keep (the case stays open), do=release (it is closed without a decision), do=callback, do=pick
// (words: the index of a pair), do=approve, do=deny and do=suspicious. Faults: FieldWords with CodeMissingWords or wrong_words; FieldChecks with checks_missing or
// callback_unmatched; FieldTicket with ticket_missing.
type Case struct {
	Frame
	ID        string      // of this look at the case, for its forms
	Barred    bridge.Code // why this operator may not approve: self_approval, same_operator; empty: they may
	About     CasePerson
	Until     time.Time // the request ends then
	Idle      time.Time // the case is closed to this operator then, unless something is done
	Reason    bridge.Reason
	Started   time.Time
	From      bridge.Origin
	Risks     []Risk
	Ruling    CaseRuling
	Approvals []CaseApproval // given before, by other operators
	CallBack  CallBackState
	Choices   []int    // CallBackRuns: the pairs to pick from
	Checked   []string // ids of the checks that were ticked
	Ticket    string   // what was typed
	Faults    []Fault
}

// CasePerson is the caller as the operator may see them.
type CasePerson struct {
	Name       string
	ID         string // user name
	Attributes []Attribute
	Addresses  []string    // whole; masked here
	Numbers    []Attribute // numbers on record, for the call-back
}

// Attribute is one thing on record. With Mask only its end is shown.
type Attribute struct {
	Label Words
	Value string
	Mask  bool
}

// Risk is something that the operator should know before deciding.
type Risk string

// The hints.
const (
	RiskOutside  Risk = "outside"  // the request came from outside the campus network
	RiskAddress  Risk = "address"  // operator and caller share a client address (HD-15)
	RiskShared   Risk = "shared"   // an operator who approved already had the caller's client address (HD-15)
	RiskOperator Risk = "operator" // an operator was signed in with the caller's browser (HD-15)
	RiskFailures Risk = "failures" // wrong call codes were typed for this person
	RiskStolen   Risk = "stolen"   // the old authenticator may be in other hands
)

// CaseRuling is what is asked of the operators, and why.
type CaseRuling struct {
	Policy    string        // name of the rule
	Matched   []RuleMatch   // by what the person falls under it; empty: it is for everybody
	Why       []bridge.Code // why it is more than the rule's own: desk_only, no_address
	Approvals int           // by different operators
	Checks    int           // for each approval
	Delay     time.Duration
}

// RuleMatch is something about the person that a rule looks at.
type RuleMatch struct {
	Condition string // of bridge.Matched
	Value     string
	Mask      bool // as Attribute's
}

// CaseApproval is an approval that was given before.
type CaseApproval struct {
	Name   string // of the operator
	At     time.Time
	Checks []string // ids
	Ticket string
}

// CallBackState is how far the call-back is.
type CallBackState string

// The states.
const (
	CallBackNone    CallBackState = ""
	CallBackRuns    CallBackState = "runs"    // the caller's page shows the match words
	CallBackMatched CallBackState = "matched" // the operator picked the right pair
	CallBackOver    CallBackState = "over"    // wrong pairs were picked too often: no call-back counts any more
	CallBackNowhere CallBackState = "nowhere" // there is no number on record
)

// CaseDone is GET /desk/case after POST /desk/case decided a case.
type CaseDone struct {
	Frame
	Result    CaseResult
	NotBefore time.Time // CaseDelay: end of the waiting period
}

// Permit is GET /desk/permit, and the answer of POST /desk/permit: do=look (name), do=give (name, check, ticket). It lets a person through
// whose gate stays shut (OIDC-21). Faults: FieldName with CodeMissingCaller, gone or too_many; FieldCheck with checks_missing; FieldTicket with
// ticket_missing.
type Permit struct {
	Frame
	Name   string        // what was typed
	Found  *PermitPerson // nil: nobody was looked up yet
	First  *CaseApproval // what the first operator recorded; nil: nothing yet
	Mine   bool          // the first operator is this one
	Ends   time.Time     // First: a second operator must act before then
	Until  time.Time     // both have acted: the person can sign in until then; zero: not yet
	Check  string        // what was chosen
	Ticket string        // what was typed
	Faults []Fault
}

// PermitPerson is all that a look-up for a permit shows.
type PermitPerson struct {
	Name    string
	Numbers []Attribute
	Refused bridge.Code // why no permit helps; empty: one may
}

// Audit is GET /desk/audit: what auditors read (HD-13). It has nothing to press but a search, which asks GET /desk/audit?find.
type Audit struct {
	Frame
	Trail   string // name of the process that answers
	Other   bool   // older records of another process were asked for
	Find    string // what was looked for
	Records []bridge.AuditRecord
	Older   string // path to the records before these; empty: there are none
}

// NotOperator is the answer 403 of /desk and what is below it.
type NotOperator struct {
	Frame
	Missing Missing
	SignIn  string // path that begins a full sign-in; empty: no button
}

// Missing is what an operator lacks.
type Missing string

// What can be missing.
const (
	MissingRole   Missing = "role"   // the account does not work at the help desk
	MissingFactor Missing = "factor" // signed in, but without the one-time password
	MissingSignIn Missing = "signin" // not signed in, or too long ago

	MissingAuditor Missing = "auditor" // the account does not read the audit trail
	MissingAdmin   Missing = "admin"   // the account does not read the health report
)

func (OpenCase) template() string    { return "opencase" }
func (Case) template() string        { return "case" }
func (CaseDone) template() string    { return "casedone" }
func (Permit) template() string      { return "permit" }
func (NotOperator) template() string { return "notoperator" }
func (Audit) template() string       { return "audit" }

func (p OpenCase) faults() []Fault { return p.Faults }
func (p Case) faults() []Fault     { return p.Faults }
func (p Permit) faults() []Fault   { return p.Faults }

// console pages name the tab that they belong to.
func (OpenCase) tab() string    { return "/desk" }
func (Case) tab() string        { return "/desk" }
func (CaseDone) tab() string    { return "/desk" }
func (Permit) tab() string      { return "/desk/permit" }
func (NotOperator) tab() string { return "" }
func (Audit) tab() string       { return "/desk/audit" }

// Today reports that the caller asks for a temporary code, and for nothing else.
func (p Case) Today() bool { return p.Reason == bridge.ReasonToday }

// Left is the number of approvals that are still needed, this operator's included.
func (p Case) Left() int { return max(1, p.Ruling.Approvals-len(p.Approvals)) }

// NoCall reports that a call-back does not count for this person.
func (p Case) NoCall() bool { return p.CallBack == CallBackOver || p.CallBack == CallBackNowhere }

// Ticked says whether a check was ticked; a confirmed call-back is.
func (p Case) Ticked(id string) bool {
	if id == bridge.CheckCallBack && p.CallBack == CallBackMatched && len(p.Faults) == 0 {
		return true
	}
	return slices.Contains(p.Checked, id)
}

// Masked says that the number must be looked up elsewhere.
func (p CasePerson) Masked() bool { return masked(p.Numbers) }

// Masked says that the number must be looked up elsewhere.
func (p PermitPerson) Masked() bool { return masked(p.Numbers) }

// WhyShut is the text that says why no permit helps.
func (p PermitPerson) WhyShut() string {
	switch p.Refused {
	case bridge.CodePendingAction:
		return "permit.refused.pending"
	case bridge.CodeLocked:
		return "permit.refused.locked"
	}
	return "case.refused.account"
}

func masked(numbers []Attribute) bool {
	return slices.ContainsFunc(numbers, func(a Attribute) bool { return a.Mask })
}
