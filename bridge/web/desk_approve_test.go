package web_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/view"
)

// HD-08: an approval records a check from the list and a ticket; anything else is not one.
func TestAnApprovalNeedsAListedCheckAndATicket(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	for _, try := range []struct {
		ticket string
		checks []string
	}{
		{"T-1", nil}, {"", []string{"video"}}, {"  ", []string{"video"}}, {"T-1", []string{"kba"}}, {"T-1", []string{"video", "kba"}}, {"T-1", []string{""}},
		{"T-1", []string{bridge.CheckCallBack}}, {"T-1", []string{"video", bridge.CheckCallBack}},
	} {
		carol.decides(http.StatusUnprocessableEntity, "approve", try.ticket, try.checks...)
		if recovery(t, c, "somebody").State != bridge.Waiting {
			t.Fatalf("%+v approved", try)
		}
	}
	policies(c, bridge.Policy{Name: "strict", Ways: []bridge.Way{bridge.WayDesk}, Approvals: 1, Checks: 2})
	carol.decides(http.StatusUnprocessableEntity, "approve", "T-1", "video")
	carol.decides(http.StatusUnprocessableEntity, "approve", "T-1", "video", "video")
	carol.decides(http.StatusOK, "approve", "T-1", "video", bridge.CheckInPerson)
	if countEvents(c, "alarm.weak_approval") != 0 {
		t.Error("somebody at the counter is no weak check")
	}
	if d := c.Events("desk.approved")[0].Detail; d["ticket"] != "T-1" || d["checks"] != "video,photo_id" {
		t.Errorf("%v", d)
	}
}

// HD-14: match words show on the caller's page alone; a wrong pick ends the call-back, the right one makes it a check.
func TestACallBackIsBoundToTheCallersPage(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	if len(carol.pairs()) != 0 {
		t.Fatal("words before a call-back")
	}
	carol.send("/desk/case", http.StatusUnprocessableEntity, "do", "pick", "words", "x")
	carol.send("/desk/case", http.StatusUnprocessableEntity, "do", "pick", "words", "1")
	callBack := func() (right, wrong string) {
		carol.send("/desk/case", http.StatusOK, "do", "callback")
		b := recovery(t, c, "somebody").Call.Case.CallBack
		all := carol.pairs()
		if len(all) != bridge.MatchChoices || b.Matched {
			t.Fatalf("%d pairs", len(all))
		}
		p.open("/recovery", http.StatusOK)
		words := view.MatchWords("en", b.Right)
		p.says(words)
		for _, other := range b.Choices {
			if other != b.Right && strings.Contains(text(p.Body), view.MatchWords("en", other)) {
				t.Error("the caller's page shows another pair")
			}
		}
		for _, pair := range all {
			if pair != strconv.Itoa(b.Right) {
				wrong = pair
			}
		}
		return strconv.Itoa(b.Right), wrong
	}
	_, wrong := callBack()
	carol.send("/desk/case", http.StatusUnprocessableEntity, "do", "pick", "words", wrong)
	if len(carol.pairs()) != 0 {
		t.Error("the call-back goes on after a wrong pick")
	}
	carol.decides(http.StatusUnprocessableEntity, "approve", "T-1", bridge.CheckCallBack)
	right, _ := callBack()
	carol.decides(http.StatusUnprocessableEntity, "approve", "T-1", bridge.CheckCallBack)
	carol.send("/desk/case", http.StatusOK, "do", "pick", "words", right)
	carol.send("/desk/case", http.StatusOK, "do", "pick", "words", right) // a double click
	carol.decides(http.StatusOK, "approve", "T-1", bridge.CheckCallBack)
	if countEvents(c, "desk.call_back") != 2 || countEvents(c, "desk.words_wrong") != 1 || countEvents(c, "desk.words_matched") != 2 || countEvents(c, "alarm.weak_approval") != 0 {
		t.Error("the events are others")
	}
	p.open("/recovery", http.StatusOK)
	p.finish()
}

// HD-15: who needs two approvals: the address, the browser, the person.
func TestWhoNeedsTwoApprovals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		who    string
		before func(*campus.Campus, *person)
		two    bool
	}{
		"with an address":          {"somebody", nil, false},
		"without an address":       {"bob", nil, true},
		"operator":                 {"dave", nil, true},
		"the operator's address":   {"somebody", func(_ *campus.Campus, p *person) { p.From = homes["carol"] }, true},
		"an operator's browser":    {"somebody", func(_ *campus.Campus, p *person) { p.wasDesk("dave") }, true},
		"browser of somebody else": {"somebody", func(_ *campus.Campus, p *person) { p.wasDesk("alice") }, false},
		"two by policy": {"somebody", func(c *campus.Campus, _ *person) {
			policies(c, bridge.Policy{Name: "two", Ways: []bridge.Way{bridge.WayDesk}, Approvals: 2, Checks: 1})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			p := at(t, c, tt.who)
			p.From = "192.0.2.77"
			if tt.before != nil {
				tt.before(c, p)
			}
			p.calls(tt.who)
			carol := operator(t, c, "carol")
			carol.looksUp(tt.who, p.reads())
			carol.approves()
			r := recovery(t, c, tt.who)
			if (r.State == bridge.Waiting) != tt.two {
				t.Fatalf("%s after one approval", r.State)
			}
			risky := strings.Contains(name, "operator's")
			if (countEvents(c, "alarm.risky_call") == 1) != risky {
				t.Errorf("%d alarms", countEvents(c, "alarm.risky_call"))
			}
			if !risky {
				return
			}
			dave := operator(t, c, "dave") // reads what is true of the caller, and of him
			dave.looksUp(tt.who, p.reads())
			for words, want := range map[string]bool{
				"The caller uses the same network address as you.":                              false,
				"An operator who approved already used the same network address as the caller.": name == "the operator's address",
				"An operator was signed in with the caller":                                     name == "an operator's browser",
			} {
				if strings.Contains(text(dave.Body), words) != want {
					t.Errorf("%q is shown: %v", words, !want)
				}
			}
		})
	}
}

// HD-05, breeze#2696: nobody approves their own recovery, by subject and not by name, in whatever session.
func TestPeer_Breeze2696_SelfApproval(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p, self := caller(t, c, "carol"), operator(t, c, "carol")
	self.looksUp("CAROL", p.reads())
	self.decides(http.StatusForbidden, "approve", "T-1", "video")
	if r := recovery(t, c, "carol"); r.State != bridge.Waiting || len(r.Call.Approvals) != 0 {
		t.Fatalf("%s", r.State)
	}
	dave := operator(t, c, "dave")
	code := recovery(t, c, "carol").Call.Code
	dave.looksUp("carol", code)
	dave.approves()
	p.open("/recovery", http.StatusOK)
	self.looksUp("carol", p.reads())
	self.decides(http.StatusForbidden, "approve", "T-1", "video")
	if countEvents(c, "desk.approved") != 1 {
		t.Error("the second one is their own")
	}
}

// HD-07: fifty approvals at once are one.
func TestFiftyApprovalsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	p, carol := caller(t, c, "bob"), operator(t, c, "carol") // two are needed: one must not be counted twice
	carol.looksUp("bob", p.reads())
	got := together(t, c, times(50, post("/desk/case", carol.session(), carol.token(), "do", "approve", "case", carol.caseID(), "ticket", "T-1", "checks", "video"))...)
	r := recovery(t, c, "bob")
	if len(r.Call.Approvals) != 1 || r.State != bridge.Waiting || countEvents(c, "desk.approved") != 1 || got["303 /desk/case"]+got["503"] != 50 {
		t.Errorf("%d approvals, %d events, answers %v", len(r.Call.Approvals), countEvents(c, "desk.approved"), got)
	}
	dave := operator(t, c, "dave")
	p.open("/recovery", http.StatusOK)
	dave.looksUp("bob", p.reads())
	together(t, c, times(50, post("/desk/case", dave.session(), dave.token(), "do", "approve", "case", dave.caseID(), "ticket", "T-1", "checks", "video"))...)
	if countEvents(c, "recovery.proven") != 1 || countEvents(c, "desk.approved") != 2 {
		t.Errorf("proven %d times by %d approvals", countEvents(c, "recovery.proven"), countEvents(c, "desk.approved"))
	}
}

var timeOfDay = regexp.MustCompile(`\d\d:\d\d`)

// HD-11: deny and suspicious end the recovery; the caller reads the same neutral words, every address is told, the second one alarms.
func TestDeniedCallers(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	for _, do := range []string{"deny", "suspicious"} {
		c := campus.OpenDesk(t)
		member(c, "somebody")
		p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
		carol.looksUp("somebody", p.reads())
		carol.decides(http.StatusOK, do, "T-9")
		p.open("/recovery", http.StatusOK)
		said, _, _ := strings.Cut(text(p.Body), "Need help?")
		p.says("Reference number: " + recovery(t, c, "somebody").Reference)
		words[strings.ReplaceAll(timeOfDay.ReplaceAllString(said, ""), recovery(t, c, "somebody").Reference, "")] = true
		if r := recovery(t, c, "somebody"); r.End != bridge.EndDenied || countEvents(c, "desk.denied") != 1 {
			t.Errorf("%s %s", r.State, r.End)
		}
		if (countEvents(c, "alarm.suspicious_call") == 1) != (do == "suspicious") {
			t.Errorf("%s: %d alarms", do, countEvents(c, "alarm.suspicious_call"))
		}
		tells(t, c, bridge.NoticeDenied, "somebody@mail.example.org")
		carol.open("/desk", http.StatusOK)
		carol.says("T-9")
		carol.says("Waiting 0")
		carol.open("/desk/case", http.StatusOK)
		carol.says(map[string]string{"deny": "Not approved", "suspicious": "Reported as suspicious"}[do])
	}
	if len(words) != 1 {
		t.Errorf("the words tell them apart: %v", words)
	}
}

// HD-07: the approval makes one browser the holder for ten minutes, whatever others do.
func TestOnlyTheBrowserThatAskedGetsTheKey(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, other, carol := caller(t, c, "somebody"), at(t, c, "somebody"), operator(t, c, "carol")
	other.signIn("somebody")
	code := p.reads()
	carol.looksUp("somebody", code)
	carol.approves()
	for _, path := range []string{"/enrol", "/recovery", "/link", "/done"} {
		a := get(path, other.session()).to(t, c)
		b := get(path, carol.session()).to(t, c)
		for who, body := range map[string]string{"another browser": a.body, "the operator": b.body} {
			if strings.Contains(body, "otpauth") || strings.Contains(body, recovery(t, c, "somebody").Key.Secret.Reveal()) {
				t.Errorf("%s sees the key at %s", who, path)
			}
		}
	}
	post("/enrol", other.session(), other.token(), "do", "new").to(t, c)
	c.Clock.Add(5 * time.Minute)
	p.open("/recovery", http.StatusOK)
	p.at("/enrol")
	p.finish()
}
