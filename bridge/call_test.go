package bridge_test

import (
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
)

var (
	carol = bridge.Operator{Person: "carol", Name: "Carol", Address: "192.0.2.1"}
	dave  = bridge.Operator{Person: "dave", Name: "Dave", Address: "192.0.2.2"}
	one   = bridge.Ruling{Approvals: 1, Checks: 1}
	two   = bridge.Ruling{Approvals: 2, Checks: 1}
)

func calling(t *testing.T) bridge.Recovery {
	t.Helper()
	s := start(t0)
	s.Way, s.Link.Hash = bridge.WayDesk, ""
	s.Snapshot.Numbers = []string{"075-753-1234"}
	s.Call = &bridge.Call{Code: "12345678", Serial: 1, Expires: t0.Add(bridge.CallCodeLife)}
	r, err := bridge.Begin(bridge.Recovery{}, false, s, t0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lookedUp(t *testing.T, r bridge.Recovery, o bridge.Operator, now time.Time) bridge.Recovery {
	t.Helper()
	r, err := r.LookUp(o, r.Call.Code, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func decide(rule bridge.Ruling, checks ...string) bridge.Decision {
	return bridge.Decision{Checks: checks, Ticket: "T-1", Rule: rule, Next: "87654321", Key: key}
}

// HD-02: the code lives ten minutes, belongs to the browser that asked, and a new one ends the old one without forgetting failures.
func TestCallCode(t *testing.T) {
	r := calling(t)
	_, err := r.LookUp(carol, "12345678", t0.Add(bridge.CallCodeLife))
	wantCode(t, err, bridge.CodeCallPair)
	_, err = r.RenewCode(bridge.Viewer{Holder: "other"}, "11112222", t0)
	wantCode(t, err, bridge.CodeNotHolder)
	r, err = r.LookUp(carol, "00000000", t0)
	wantCode(t, err, bridge.CodeCallPair)
	r, err = r.RenewCode(bridge.Viewer{Holder: "asker"}, "11112222", t0)
	wantCode(t, err, "")
	if len(r.Call.Wrong) != 1 {
		t.Errorf("failures forgotten: %+v", r.Call)
	}
	_, err = r.LookUp(carol, "12345678", t0)
	wantCode(t, err, bridge.CodeCallPair)
	if looked := lookedUp(t, r, carol, t0); looked.Call.Code == "" {
		t.Error("looking up used the code up") // HD-06
	}
}

// HD-09: five wrong codes end the recovery only if at least two operators typed them.
func TestWrongCallCodesNeedTwoOperatorsToEndARecovery(t *testing.T) {
	r := calling(t)
	for range 2 * bridge.MaxWrongCalls {
		r, _ = r.LookUp(carol, "00000000", t0)
	}
	if r.State != bridge.Waiting {
		t.Fatalf("one operator, or a caller with a foreign name, ended it: %s", r.State)
	}
	r, err := r.LookUp(dave, "00000000", t0)
	wantCode(t, err, bridge.CodeCallPair)
	if r.State != bridge.Ended || r.End != bridge.EndTooMany {
		t.Errorf("%s %s", r.State, r.End)
	}
}

// HD-05, HD-07, HD-08, HD-14: what an approval needs.
func TestApproveNeedsAnOpenCaseChecksAndATicket(t *testing.T) {
	open := lookedUp(t, calling(t), carol, t0)
	self := open
	self.Person = carol.Person
	matched, err := open.StartCallBack(carol, []int{3, 1, 4, 5, 9, 2}, 4, t0)
	wantCode(t, err, "")
	unmatched := matched
	matched, err = matched.PickWords(carol, 4, t0)
	wantCode(t, err, "")
	noTicket := decide(one, "video")
	noTicket.Ticket = ""
	tests := map[string]struct {
		r    bridge.Recovery
		o    bridge.Operator
		d    bridge.Decision
		now  time.Time
		want bridge.Code
	}{
		"right":                     {open, carol, decide(one, "video"), t0, ""},
		"case of another operator":  {open, dave, decide(one, "video"), t0, bridge.CodeCaseClosed},
		"idle for 15 minutes":       {open, carol, decide(one, "video"), t0.Add(bridge.CaseIdle), bridge.CodeCaseClosed},
		"nothing looked up":         {calling(t), carol, decide(one, "video"), t0, bridge.CodeCaseClosed},
		"own recovery":              {self, carol, decide(one, "video"), t0, bridge.CodeSelf},
		"no check":                  {open, carol, decide(one), t0, bridge.CodeChecks},
		"one check twice":           {open, carol, decide(bridge.Ruling{Approvals: 1, Checks: 2}, "video", "video"), t0, bridge.CodeChecks},
		"no ticket":                 {open, carol, noTicket, t0, bridge.CodeTicket},
		"call-back without words":   {open, carol, decide(one, bridge.CheckCallBack), t0, bridge.CodeCallBack},
		"call-back not matched yet": {unmatched, carol, decide(one, bridge.CheckCallBack), t0, bridge.CodeCallBack},
		"call-back matched":         {matched, carol, decide(one, bridge.CheckCallBack), t0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := tt.r.Approve(tt.o, tt.d, tt.now)
			wantCode(t, err, tt.want)
			if (r.State == bridge.Proven) != (tt.want == "") {
				t.Errorf("state %s", r.State)
			}
			if tt.want == "" && r.Holder != "asker" {
				t.Errorf("holder %q", r.Holder)
			}
		})
	}
}

// HD-05: the second approval is another person's, with a fresh code from the caller's page.
func TestSecondApprovalNeedsAnotherOperatorAndAFreshCode(t *testing.T) {
	r, err := lookedUp(t, calling(t), carol, t0).Approve(carol, decide(two, "video"), t0)
	wantCode(t, err, "")
	if r.State != bridge.Waiting || r.Call.Code != "87654321" {
		t.Fatalf("%s %+v", r.State, r.Call)
	}
	_, err = r.LookUp(dave, "12345678", t0)
	wantCode(t, err, bridge.CodeCallPair)
	_, err = lookedUp(t, r, carol, t0).Approve(carol, decide(two, "video"), t0)
	wantCode(t, err, bridge.CodeSameOperator)
	// A milder ruling meanwhile does not lower what the first approval demanded.
	done, err := lookedUp(t, r, dave, t0).Approve(dave, decide(one, "video"), t0)
	wantCode(t, err, "")
	if done.State != bridge.Proven || done.Key == nil {
		t.Errorf("%s", done.State)
	}
	s := start(t0)
	_, err = bridge.Begin(r, true, s, t0)
	wantCode(t, err, bridge.CodeActive) // one with an approval is not superseded
}

// HD-15: operator and caller on one address, or an operator's browser, ask for a second approval.
func TestRiskyApprovalNeedsASecondOne(t *testing.T) {
	d := decide(one, "video")
	d.Shared = true
	r, err := lookedUp(t, calling(t), carol, t0).Approve(carol, d, t0)
	wantCode(t, err, "")
	if r.State != bridge.Waiting {
		t.Errorf("state %s", r.State)
	}
}

// HD-14: a wrong pair ends the call-back.
func TestWrongWordsEndTheCallBack(t *testing.T) {
	r, err := lookedUp(t, calling(t), carol, t0).StartCallBack(carol, []int{1, 2, 3, 4, 5, 6}, 2, t0)
	wantCode(t, err, "")
	r, err = r.PickWords(carol, 3, t0)
	wantCode(t, err, bridge.CodeWrongWords)
	_, err = r.PickWords(carol, 2, t0)
	wantCode(t, err, bridge.CodeCallBack)
}

// POL-04: a delay keeps nothing of the first proof; after it the proof is made again.
func TestDelayAsksForASecondProof(t *testing.T) {
	rule := one
	rule.Delay = time.Hour
	r, err := lookedUp(t, calling(t), carol, t0).Approve(carol, decide(rule, "video"), t0)
	wantCode(t, err, "")
	if r.State != bridge.Waiting || !r.NotBefore.Equal(t0.Add(time.Hour)) || r.Key != nil || r.Holder != "" || len(r.Call.Approvals) != 0 {
		t.Fatalf("%+v", r)
	}
	_, err = r.RenewCode(bridge.Viewer{Holder: "asker"}, "11112222", t0.Add(time.Hour-time.Second))
	wantCode(t, err, bridge.CodeNotOpen)
	now := t0.Add(time.Hour)
	r, err = r.RenewCode(bridge.Viewer{Holder: "asker"}, "11112222", now)
	wantCode(t, err, "")
	r, err = lookedUp(t, r, dave, now).Approve(dave, decide(rule, "video"), now)
	wantCode(t, err, "")
	if r.State != bridge.Proven {
		t.Errorf("state %s", r.State)
	}
	mail := begin(t)
	p := proof(t0.Add(time.Minute))
	p.Delay = time.Hour
	mail, err = mail.Prove(p, key, t0.Add(2*time.Minute))
	wantCode(t, err, "")
	_, err = mail.Prove(p, key, t0.Add(3*time.Minute))
	wantCode(t, err, bridge.CodeLinkInvalid)
	if vetoed, err := mail.Veto("veto", "123456", t0.Add(30*time.Minute)); err != nil || vetoed.End != bridge.EndVetoed {
		t.Errorf("POL-05: %v %s", err, vetoed.End)
	}
	l := start(t0.Add(62 * time.Minute)).Link
	mail, err = mail.Resend(l, t0.Add(62*time.Minute))
	wantCode(t, err, "")
	p.SignedInAt = t0.Add(63 * time.Minute)
	mail, err = mail.Prove(p, key, t0.Add(64*time.Minute))
	wantCode(t, err, "")
	if mail.State != bridge.Proven {
		t.Errorf("state %s", mail.State)
	}
}

// HD-14: match words cannot be guessed: two wrong picks end call-backs for the recovery, whoever makes them.
func TestMatchWordsCannotBeGuessed(t *testing.T) {
	r := lookedUp(t, calling(t), carol, t0)
	choices := []int{1, 2, 3, 4, 5, 6}
	for range bridge.MaxWrongWords {
		var err error
		r, err = r.StartCallBack(carol, choices, 2, t0)
		wantCode(t, err, "")
		r, err = r.PickWords(carol, 3, t0)
		wantCode(t, err, bridge.CodeWrongWords)
	}
	_, err := r.StartCallBack(carol, choices, 2, t0)
	wantCode(t, err, bridge.CodeCallBackOver)
	_, err = lookedUp(t, r, dave, t0).StartCallBack(dave, choices, 2, t0)
	wantCode(t, err, bridge.CodeCallBackOver)
}

// HD-14: a waiting period forgets no wrong pick.
func TestAWaitingPeriodKeepsTheCountOfWrongWords(t *testing.T) {
	r := lookedUp(t, calling(t), carol, t0)
	choices := []int{1, 2, 3, 4, 5, 6}
	for range bridge.MaxWrongWords {
		r, _ = r.StartCallBack(carol, choices, 2, t0)
		r, _ = r.PickWords(carol, 3, t0)
	}
	rule := one
	rule.Delay = time.Hour
	r, err := r.Approve(carol, decide(rule, "video"), t0)
	wantCode(t, err, "")
	now := t0.Add(time.Hour)
	r, err = r.RenewCode(bridge.Viewer{Holder: "asker"}, "11112222", now)
	wantCode(t, err, "")
	_, err = lookedUp(t, r, dave, now).StartCallBack(dave, choices, 2, now)
	wantCode(t, err, bridge.CodeCallBackOver)
}

// HD-15 after a waiting period: what counts is the browser that calls now.
func TestTheBrowserThatCallsAfterADelayIsTheOneThatIsJudged(t *testing.T) {
	rule := one
	rule.Delay = time.Hour
	r, err := lookedUp(t, calling(t), carol, t0).Approve(carol, decide(rule, "video"), t0)
	wantCode(t, err, "")
	now := t0.Add(time.Hour)
	v := bridge.Viewer{Person: "p1", Holder: "desk-browser", SignedInAt: now, From: carol.Address, OperatorBrowser: true}
	r, err = r.RenewCode(v, "11112222", now)
	wantCode(t, err, "")
	if !slices.Equal(r.Call.From, []string{carol.Address}) || !r.Call.Risky {
		t.Errorf("from %q, risky %v", r.Call.From, r.Call.Risky)
	}
}

// The password alone does not end what an operator has begun to approve, or what waits for the end of a delay.
func TestOnlyTheAskingBrowserCancelsAnAdvancedRecovery(t *testing.T) {
	r, err := lookedUp(t, calling(t), carol, t0).Approve(carol, decide(two, "video", "video", "photo_id"), t0)
	wantCode(t, err, "")
	if got := r.Call.Approvals[0].Checks; len(got) != 2 {
		t.Errorf("a check counts once: %v", got)
	}
	_, err = r.Cancel("other", t0)
	wantCode(t, err, bridge.CodeNotHolder)
	_, err = r.Cancel("asker", t0)
	wantCode(t, err, "")
}

// HD-15: the caller's addresses of the whole call count, and the last is where the new code is confirmed: two operators have to approve then.
func TestEveryAddressOfACallerCounts(t *testing.T) {
	r, err := calling(t).RenewCode(bridge.Viewer{Holder: "asker", From: "198.51.100.1"}, "11112222", t0)
	wantCode(t, err, "")
	r, err = r.ExtendCall(bridge.Viewer{Holder: "asker", From: "198.51.100.2"}, t0)
	wantCode(t, err, "")
	r, err = r.RenewCode(bridge.Viewer{Holder: "asker", From: "198.51.100.1"}, "12345678", t0)
	wantCode(t, err, "")
	if want := []string{"198.51.100.1", "198.51.100.2"}; !slices.Equal(r.Call.From, want) {
		t.Errorf("from %q", r.Call.From)
	}
	r, err = lookedUp(t, r, carol, t0).Approve(carol, decide(one, "video"), t0)
	wantCode(t, err, "")
	if again := r.Met("198.51.100.3"); again.Call != r.Call {
		t.Errorf("a third address: %+v", again.Call)
	}
	met := r.Met(carol.Address)
	if met.Call.Needed != 2 || !met.Call.Shared || r.Call.Shared {
		t.Errorf("at the operator's address: %+v", met.Call)
	}
	met, err = met.AskMore(one, "55556666", t0)
	wantCode(t, err, "")
	if met.State != bridge.Waiting || met.Key != nil || len(met.Call.Approvals) != 1 {
		t.Errorf("%s %+v", met.State, met.Call)
	}
}

// A caller whose line broke gives the case back, with what was counted, and has another call code; another browser does not.
func TestACallThatWasCutOffBeginsAgain(t *testing.T) {
	r, _ := calling(t).LookUp(dave, "00000000", t0)
	r, err := lookedUp(t, r, carol, t0).StartCallBack(carol, []int{1, 2}, 2, t0)
	wantCode(t, err, "")
	r, err = r.PickWords(carol, 1, t0)
	wantCode(t, err, bridge.CodeWrongWords)
	_, err = r.CutOff(bridge.Viewer{Holder: "other"}, "11112222", t0)
	wantCode(t, err, bridge.CodeNotHolder)
	r, err = r.CutOff(bridge.Viewer{Holder: "asker"}, "11112222", t0)
	wantCode(t, err, "")
	if r.Call.Case != nil || r.Call.Code != "11112222" || len(r.Call.Wrong) != 1 || r.Call.WrongWords != 1 {
		t.Errorf("%+v", r.Call)
	}
	_, err = r.Approve(carol, decide(one, "video"), t0)
	wantCode(t, err, bridge.CodeCaseClosed)
}

// A call-back needs a number on record.
func TestNoCallBackWithoutANumber(t *testing.T) {
	r := lookedUp(t, calling(t), carol, t0)
	r.Snapshot.Numbers = nil
	_, err := r.StartCallBack(carol, []int{1, 2}, 2, t0)
	wantCode(t, err, bridge.CodeNoNumber)
}

// A look of the operator that another one replaced decides nothing.
func TestOnlyTheLastLookDecides(t *testing.T) {
	first, second := carol, carol
	first.Look, second.Look = "first", "second"
	r := lookedUp(t, lookedUp(t, calling(t), first, t0), second, t0)
	_, err := r.Approve(first, decide(one, "video"), t0)
	wantCode(t, err, bridge.CodeCaseClosed)
	_, err = r.Deny(first, t0)
	wantCode(t, err, bridge.CodeCaseClosed)
	_, err = r.Approve(second, decide(one, "video"), t0)
	wantCode(t, err, "")
}

// WB-13: whoever calls on in another browser, after a waiting period, does not withdraw the theft that the first one reported.
func TestAnotherBrowserThatCallsDoesNotWithdrawATheft(t *testing.T) {
	rule := one
	rule.Delay = time.Hour
	reported := calling(t)
	reported.Reason = bridge.ReasonStolen
	r, err := lookedUp(t, reported, carol, t0).Approve(carol, decide(rule, "video"), t0)
	wantCode(t, err, "")
	now := t0.Add(time.Hour)
	r, err = r.RenewCode(bridge.Viewer{Holder: "thief", SignedInAt: now}, "11112222", now)
	wantCode(t, err, "")
	r, err = r.Cancel("thief", now)
	wantCode(t, err, "")
	r, err = bridge.Begin(r, true, bridge.Start{ID: "next", Way: bridge.WayDesk, Reason: bridge.ReasonLost, Asker: "thief", SignedInAt: now}, now)
	wantCode(t, err, "")
	if r.Reason != bridge.ReasonStolen {
		t.Errorf("the theft became %s", r.Reason)
	}
}
