package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// DeskLog is what the console remembers of an operator's own work. Nothing in it is about a person.
type DeskLog struct {
	Recent []view.RecentCase
}

// MaxWaiting is how many people who wait are counted.
const MaxWaiting = 1000

const (
	recentCases = 10
	deskLogLife = 24 * time.Hour
)

// openCase serves GET /desk.
func (s *Server) openCase(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	return s.showOpenCase(w, r, v, o, view.OpenCase{})
}

func (s *Server) showOpenCase(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator, p view.OpenCase) error {
	figures, recent, err := s.deskFigures(r.Context(), o, v.now)
	if err != nil {
		return err
	}
	return s.show(w, r, v, answerTo(w, p.Faults, p.Locked, v.now), func(f view.Frame) view.Page {
		f.Path = "/desk"
		p.Frame, p.Figures, p.Recent = f, figures, recent
		p.Unsafe = bridge.CodeOf(s.Flow.Safe("desk")) == bridge.CodeRealmUnsafe
		return p
	})
}

// answerTo is the status of a form's answer. until is when a limit ends that was reached; zero: none was (RL-07).
func answerTo(w http.ResponseWriter, faults []view.Fault, until, now time.Time) int {
	switch {
	case !until.IsZero():
		w.Header().Set("Retry-After", retryAfter(until.Sub(now)))
		return http.StatusTooManyRequests
	case len(faults) > 0:
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// deskFigures counts who waits, without knowing who, and the operator's own work.
func (s *Server) deskFigures(ctx context.Context, o bridge.Operator, now time.Time) (view.Figures, []view.RecentCase, error) {
	since, err := s.Waiting(ctx)
	if err != nil {
		return view.Figures{}, nil, err
	}
	log, err := s.DeskLogs.Get(ctx, o.Person)
	if err != nil && !errors.Is(err, bridge.ErrAbsent) {
		return view.Figures{}, nil, err
	}
	f := view.Figures{Known: true, Waiting: min(len(since), MaxWaiting), More: len(since) > MaxWaiting}
	for _, at := range since {
		f.Longest = max(f.Longest, now.Sub(at))
	}
	for _, c := range log.Recent {
		if sameDay(c.At, now, s.Zone) && (c.Result == view.CaseApproved || c.Result == view.CaseCode || c.Result == view.CaseSecond || c.Result == view.CaseDelay) {
			f.Approved++
		}
	}
	return f, log.Recent[:min(len(log.Recent), recentCases)], nil
}

func sameDay(a, b time.Time, zone *time.Location) bool {
	ay, am, ad := a.In(zone).Date()
	by, bm, bd := b.In(zone).Date()
	return ay == by && am == bm && ad == bd
}

// actOpenCase serves POST /desk: user name and call code, as the caller reads them out.
func (s *Server) actOpenCase(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	typed := strings.TrimSpace(norm.NFKC.String(r.PostForm.Get("name")))
	code := digits(r.PostForm.Get("code"))
	p := view.OpenCase{Name: typed}
	if typed == "" {
		p.Faults = append(p.Faults, view.Fault{Field: view.FieldName, Code: view.CodeMissingCaller})
	}
	if utf8.RuneCountInString(typed) > maxName {
		p.Faults = append(p.Faults, view.Fault{Field: view.FieldName, Code: view.CodeNameTooLong})
	}
	if !isNumber(code, bridge.CallCodeDigits) {
		p.Faults = append(p.Faults, view.Fault{Field: view.FieldCode, Code: view.CodeMissingCall})
	}
	if len(p.Faults) > 0 {
		return s.showOpenCase(w, r, v, o, p)
	}
	o.Look = bridge.NewUUID()
	person, err := s.Flow.LookUp(r.Context(), o, typed, code)
	switch bridge.CodeOf(err) {
	case "":
	case bridge.CodeCallPair:
		p.Faults = []view.Fault{{Field: view.FieldCode, Code: bridge.CodeCallPair}}
		return s.showOpenCase(w, r, v, o, p)
	case bridge.CodeDeskLocked:
		if e, ok := errors.AsType[*bridge.Error](err); ok {
			p.Locked = e.Until
		}
		return s.showOpenCase(w, r, v, o, p)
	default:
		return err
	}
	return s.enterCase(w, r, v, person, o)
}

// enterCase makes the case that was just opened the session's own. The one before is given back, which may have come meanwhile, by another press.
func (s *Server) enterCase(w http.ResponseWriter, r *http.Request, v *visit, person string, o bridge.Operator) error {
	left := State{Person: o.Person, Case: person, CaseID: o.Look}
	err := s.noteLook(r.Context(), v.state().SID, left)
	if err == nil {
		err = s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
			left = *st
			st.Case, st.CaseID, st.Decided, st.Draft = person, o.Look, nil, nil
			return nil
		})
	}
	s.leaveCase(r.Context(), left) // of an error: the new one, which would be open for nobody
	if err != nil {
		return err
	}
	return see(w, r, "/desk/case")
}

// isNumber reports whether s is n ASCII digits.
func isNumber(s string, n int) bool {
	return len(s) == n && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

// showCase serves GET /desk/case: the case that is open here, or what came of the last one. It does not keep the case open.
func (s *Server) showCase(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	if d := v.state().Decided; d != nil {
		return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
			f.Path = "/desk/case"
			return view.CaseDone{Frame: f, Result: d.Result, NotBefore: d.NotBefore}
		})
	}
	c, err := s.Flow.ViewCase(r.Context(), o, v.state().Case)
	if err != nil {
		return err
	}
	return s.renderCase(w, r, v, c, view.Case{})
}

// caseAgain answers a form of the case with what is wrong in it.
func (s *Server) caseAgain(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator, p view.Case) error {
	c, err := s.Flow.Case(r.Context(), o, v.state().Case)
	if err != nil {
		return err
	}
	return s.renderCase(w, r, v, c, p)
}

func (s *Server) renderCase(w http.ResponseWriter, r *http.Request, v *visit, c bridge.DeskCase, p view.Case) error {
	s.fillCase(&p, c)
	p.ID = v.state().CaseID
	if d := v.state().Draft; d != nil {
		p.Checked, p.Ticket = d.Checks, d.Ticket
	}
	return s.show(w, r, v, answerTo(w, p.Faults, time.Time{}, v.now), func(f view.Frame) view.Page {
		f.Path, f.Session.Do = "/desk/case", "keep"
		if f.Session.Idle.IsZero() || p.Idle.Before(f.Session.Idle) {
			f.Session.Idle = p.Idle
		}
		p.Frame = f
		return p
	})
}

// fillCase puts what an operator may see onto the page; nothing else of the recovery reaches it.
func (s *Server) fillCase(p *view.Case, c bridge.DeskCase) {
	rec := c.Recovery
	p.About = view.CasePerson{
		Name: c.Account.Name, ID: c.Account.Username, Attributes: s.attributes(c.Account, s.PersonAttributes),
	}
	for _, n := range rec.Snapshot.Numbers {
		p.About.Numbers = append(p.About.Numbers, view.Attribute{Label: s.Number.Label, Value: n, Mask: s.Number.Mask})
	}
	for _, a := range rec.Snapshot.Addresses {
		p.About.Addresses = append(p.About.Addresses, a.Value)
	}
	p.Until, p.Idle = rec.Expires, rec.Call.Case.Seen.Add(bridge.CaseIdle)
	p.Reason, p.Started, p.From = rec.Reason, rec.StartedAt, rec.Origin
	p.Risks, p.Barred = risks(c), c.Barred
	p.Ruling = view.CaseRuling{
		Policy: c.Ruling.Policy.Name, Why: c.Ruling.Why, Approvals: max(c.Ruling.Approvals, rec.Call.Needed), Checks: c.Ruling.Checks, Delay: c.Ruling.Delay,
	}
	for _, m := range c.Ruling.Policy.Match.By(c.Account) {
		name := strings.TrimPrefix(m.Condition, bridge.AttributeCondition)
		mask := slices.ContainsFunc(s.PersonAttributes, func(a PersonAttribute) bool { return a.Name == name && a.Mask })
		p.Ruling.Matched = append(p.Ruling.Matched, view.RuleMatch{Condition: m.Condition, Value: m.Has, Mask: mask})
	}
	for _, a := range rec.Call.Approvals {
		p.Approvals = append(p.Approvals, view.CaseApproval{Name: a.Name, At: a.At, Checks: a.Checks, Ticket: a.Ticket})
	}
	switch c.NoCall {
	case bridge.CodeCallBackOver:
		p.CallBack = view.CallBackOver
	case bridge.CodeNoNumber:
		p.CallBack = view.CallBackNowhere
	}
	if b := rec.Call.Case.CallBack; b != nil {
		p.CallBack, p.Choices = view.CallBackRuns, b.Choices
		if b.Matched {
			p.CallBack, p.Choices = view.CallBackMatched, nil
		}
	}
}

func (s *Server) attributes(a bridge.Account, shown []PersonAttribute) []view.Attribute {
	var out []view.Attribute
	for _, p := range shown {
		for _, value := range a.Attributes[p.Name] {
			out = append(out, view.Attribute{Label: p.Label, Value: value, Mask: p.Mask})
		}
	}
	return out
}

func risks(c bridge.DeskCase) []view.Risk {
	var out []view.Risk
	add := func(is bool, r view.Risk) {
		if is {
			out = append(out, r)
		}
	}
	add(!c.Recovery.Origin.Campus, view.RiskOutside)
	add(c.Address, view.RiskAddress)
	add(c.Recovery.Call.Shared, view.RiskShared)
	add(c.Recovery.Call.Risky, view.RiskOperator)
	add(len(c.Recovery.Call.Wrong) > 0, view.RiskFailures)
	add(c.Recovery.Reason == bridge.ReasonStolen, view.RiskStolen)
	return out
}

// actCase serves POST /desk/case. A page that was left open decides nothing about the case that was opened after it.
func (s *Server) actCase(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	state, this := v.state(), r.PostForm.Get("case")
	switch {
	case state.Decided != nil && this == state.Decided.Case:
		return see(w, r, "/desk/case") // a second press
	case r.PostForm.Get("do") != "keep" && (this == "" || this != state.CaseID):
		return bridge.Fault(bridge.CodeCaseClosed, "case", nil)
	}
	if err := s.keepDraft(r, v); err != nil {
		return err
	}
	err := s.pressCase(w, r, v, o)
	switch bridge.CodeOf(err) {
	case bridge.CodeCaseClosed, // a second press overtook the answer to the first, or it is over
		bridge.CodeCallBackOver, bridge.CodeNoNumber: // no call-back counts; a page that was left open still has the button
		return see(w, r, "/desk/case") // which says why
	}
	return err
}

func (s *Server) pressCase(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	state := v.state()
	switch r.PostForm.Get("do") {
	case "keep":
		if _, err := s.Flow.Case(r.Context(), o, state.Case); err != nil {
			return err
		}
		return see(w, r, "/desk/case")
	case "callback":
		if err := s.Flow.CallBack(r.Context(), o, state.Case, view.MatchWordCount); err != nil {
			return err
		}
		return see(w, r, "/desk/case")
	case "pick":
		return s.pickWords(w, r, v, o)
	case "approve":
		return s.approve(w, r, v, o)
	case "deny":
		return s.deny(w, r, v, o, false)
	case "suspicious":
		return s.deny(w, r, v, o, true)
	case "release":
		if err := s.Flow.Release(r.Context(), o, state.Case); err != nil {
			return err
		}
		return see(w, r, "/desk")
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

func (s *Server) pickWords(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	pick, err := strconv.Atoi(r.PostForm.Get("words"))
	if err != nil {
		return s.caseAgain(w, r, v, o, view.Case{Faults: []view.Fault{{Field: view.FieldWords, Code: view.CodeMissingWords}}})
	}
	err = s.Flow.PickWords(r.Context(), o, v.state().Case, pick)
	if code := bridge.CodeOf(err); code == bridge.CodeWrongWords || code == bridge.CodeCallBack {
		return s.caseAgain(w, r, v, o, view.Case{Faults: []view.Fault{{Field: view.FieldWords, Code: code}}})
	}
	if err != nil {
		return err
	}
	return see(w, r, "/desk/case")
}

const maxTicket = 100 // characters

func ticketOf(r *http.Request) string {
	ticket := []rune(strings.TrimSpace(norm.NFC.String(r.PostForm.Get("ticket"))))
	return string(ticket[:min(len(ticket), maxTicket)])
}

func (s *Server) approve(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	checks, ticket := r.PostForm["checks"], ticketOf(r)
	rec, err := s.Flow.Approve(r.Context(), o, v.state().Case, checks, ticket)
	fault := view.Fault{Code: bridge.CodeOf(err)}
	switch fault.Code {
	case bridge.CodeChecks, bridge.CodeCallBack:
		fault.Field = view.FieldChecks
	case bridge.CodeTicket:
		fault.Field = view.FieldTicket
	}
	if fault.Field != "" {
		return s.caseAgain(w, r, v, o, view.Case{Faults: []view.Fault{fault}})
	}
	if err != nil {
		return err
	}
	result := view.CaseApproved
	switch {
	case rec.State == bridge.Proven && rec.Today():
		result = view.CaseCode
	case rec.State == bridge.Waiting && v.now.Before(rec.NotBefore):
		result = view.CaseDelay
	case rec.State == bridge.Waiting:
		result = view.CaseSecond
	}
	return s.caseDone(w, r, v, decision{
		v.state().CaseID, o, view.RecentCase{At: v.now, Checks: checks, Ticket: ticket, Result: result}, rec.NotBefore,
	})
}

func (s *Server) deny(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator, suspicious bool) error {
	if err := s.Flow.Deny(r.Context(), o, v.state().Case, suspicious); err != nil {
		return err
	}
	result := view.CaseDenied
	if suspicious {
		result = view.CaseSuspicious
	}
	return s.caseDone(w, r, v, decision{v.state().CaseID, o, view.RecentCase{At: v.now, Ticket: ticketOf(r), Result: result}, time.Time{}})
}

// PersonAttribute is an attribute that operators see.
type PersonAttribute struct {
	Name  string
	Label view.Words
	Mask  bool
}
