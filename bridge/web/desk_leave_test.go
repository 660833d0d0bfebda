package web_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// However a case ends for its operator without a decision, the caller's page says again what is true: at once, or when the idle time is over.
func TestTheCallersPageIsTrueWhenACaseEndsForItsOperator(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		caller string
		ends   func(c *campus.Campus, caller, operator *person)
	}{
		"closed without a decision": {"somebody", func(_ *campus.Campus, _, o *person) {
			o.decides(http.StatusOK, "release", "")
			o.at("/desk")
		}},
		"own request": {"carol", func(_ *campus.Campus, _, o *person) {
			o.says("You cannot approve your own request.")
			o.decides(http.StatusForbidden, "approve", "T-1", "video")
		}},
		"another case opened": {"somebody", func(c *campus.Campus, _, o *person) { o.looksUp("other", caller(o.t, c, "other").reads()) }},
		"signed out":          {"somebody", func(_ *campus.Campus, _, o *person) { o.send("/signout", http.StatusOK) }},
		"role lost": {"somebody", func(c *campus.Campus, _, o *person) {
			roles(c, "carol", without("otp-helpdesk"))
			c.Clock.Add(web.RoleLife)
			o.decides(http.StatusForbidden, "approve", "T-1", "video")
		}},
		"15 idle minutes": {"somebody", func(c *campus.Campus, p, _ *person) {
			c.Clock.Add(bridge.CaseIdle - time.Minute)
			p.open("/recovery", http.StatusOK)
			p.says("is checking")
			c.Clock.Add(time.Minute)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			member(c, "other")
			p, o := caller(t, c, tt.caller), operator(t, c, "carol")
			o.looksUp(tt.caller, p.reads())
			p.open("/recovery", http.StatusOK)
			p.says("is checking")
			s := listens(t, c, c.URL, p.session())
			s.tells(bridge.StepChecking)
			tt.ends(c, p, o)
			if name == "15 idle minutes" {
				p.open("/recovery", http.StatusOK) // the stream waits on the real clock
			} else {
				s.tells(bridge.StepCall)
				p.reads()
				if n := countEvents(c, "desk.released"); n != 1 {
					t.Errorf("%d times on record", n)
				}
			}
			p.says("Call the help desk")
			if r := recovery(t, c, tt.caller); r.State != bridge.Waiting || len(r.Call.Approvals) != 0 {
				t.Errorf("%s %+v", r.State, r.Call.Approvals)
			}
		})
	}
}

// HD-05: who has approved reads before any check that the second approval is another's; the caller waits for that one.
func TestWhoHasApprovedIsToldBeforeTheChecks(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	bob, carol := caller(t, c, "bob"), operator(t, c, "carol")
	carol.looksUp("bob", bob.reads())
	carol.approves()
	carol.looksUp("bob", bob.reads())
	carol.says("You have already approved this case.")
	carol.decides(http.StatusForbidden, "approve", "T-2", "video")
	bob.open("/recovery", http.StatusOK)
	bob.says("A second operator must also speak with you")
	dave := operator(t, c, "dave")
	dave.looksUp("bob", bob.reads())
	carol.looksUp("bob", recovery(t, c, "bob").Call.Code)
	carol.decides(http.StatusOK, "deny", "") // what one learns after the approval can still end it
	if r := recovery(t, c, "bob"); r.End != bridge.EndDenied {
		t.Errorf("%s %s", r.State, r.End)
	}
}

// A page of an earlier case that was left open in another tab decides nothing about the case that was opened after it.
func TestAPageOfAnEarlierCaseDecidesNothing(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "first")
	member(c, "second")
	one, two, carol := caller(t, c, "first"), caller(t, c, "second"), operator(t, c, "carol")
	carol.looksUp("first", one.reads())
	left := carol.caseID()
	carol.looksUp("second", two.reads())
	for _, do := range []string{"approve", "deny", "suspicious", "callback", "pick", "release"} {
		for _, id := range []string{left, ""} {
			a := post("/desk/case", carol.session(), carol.token(), "do", do, "case", id, "ticket", "T-1", "checks", "video", "words", "1").to(t, c)
			if a.status != http.StatusForbidden {
				t.Errorf("%s of %q: %d", do, id, a.status)
			}
		}
	}
	for _, name := range []string{"first", "second"} {
		if r := recovery(t, c, name); r.State != bridge.Waiting || len(r.Call.Approvals) != 0 {
			t.Errorf("%s: %s %+v", name, r.State, r.Call)
		}
	}
	carol.open("/desk/case", http.StatusOK)
	carol.says("second Example")
	carol.approves()
}

// slowLog does something else before it keeps an operator's first case: in between, the decision stands and the session does not know it.
type slowLog struct {
	bridge.Records[web.DeskLog]
	first *sync.Once
	do    func()
}

func (l slowLog) Update(
	ctx context.Context, key string, ttl time.Duration, change func(web.DeskLog, bool) (web.DeskLog, error),
) (web.DeskLog, error) {
	l.first.Do(l.do)
	return l.Records.Update(ctx, key, ttl, change)
}

// A decision whose end is slow closes nothing that another tab opened meanwhile.
func TestTheEndOfADecisionLeavesTheNextCaseOpen(t *testing.T) {
	t.Parallel()
	for _, do := range []string{"approve", "deny"} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			var one, two, carol *person
			c.Web.DeskLogs = slowLog{c.Web.DeskLogs, &sync.Once{}, func() { carol.looksUp("second", two.reads()) }}
			member(c, "first")
			member(c, "second")
			one, two, carol = caller(t, c, "first"), caller(t, c, "second"), operator(t, c, "carol")
			carol.looksUp("first", one.reads())
			a := post("/desk/case", carol.session(), carol.token(), "do", do, "case", carol.caseID(), "ticket", "T-1", "checks", "video").to(t, c)
			if a.status != http.StatusSeeOther {
				t.Fatal(a.status)
			}
			if r := recovery(t, c, "first"); r.State == bridge.Waiting {
				t.Errorf("%s %+v", r.State, r.Call)
			}
			carol.open("/desk/case", http.StatusOK)
			carol.says("second Example")
			carol.approves()
			if r := recovery(t, c, "second"); r.State != bridge.Proven {
				t.Errorf("%s %+v", r.State, r.Call)
			}
		})
	}
}

// Whoever leaves a case in one browser leaves the one alone that they opened since in another.
func TestLeavingACaseLeavesTheLookOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(o, other *person){
		"signed out":          func(o, _ *person) { o.send("/signout", http.StatusOK) },
		"another case opened": func(o, other *person) { o.looksUp("other", other.reads()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			member(c, "other")
			p, other := caller(t, c, "somebody"), caller(t, c, "other")
			one, two := operator(t, c, "carol"), operator(t, c, "carol")
			code := p.reads()
			one.looksUp("somebody", code)
			two.looksUp("somebody", code)
			leave(one, other)
			if n := countEvents(c, "desk.released"); n != 0 {
				t.Errorf("%d times released", n)
			}
			p.open("/recovery", http.StatusOK)
			p.says("is checking")
			two.approves()
			if r := recovery(t, c, "somebody"); r.State != bridge.Proven {
				t.Errorf("%s %+v", r.State, r.Call)
			}
		})
	}
}

// A second press, a reload and the way back show what was decided, and decide nothing more.
func TestADecisionCanBeLookedAtAgain(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	member(c, "other")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	press := post("/desk/case", carol.session(), carol.token(), "do", "approve", "case", carol.caseID(), "ticket", "T-1", "checks", "video")
	for range 3 {
		if a := press.to(t, c); a.status != http.StatusSeeOther || a.header.Get("Location") != "/desk/case" {
			t.Fatalf("%d %s", a.status, a.header.Get("Location"))
		}
		carol.open("/desk/case", http.StatusOK)
		carol.says("Ask whether the QR code is shown")
		c.Clock.Add(time.Second)
	}
	if n := countEvents(c, "desk.approved"); n != 1 {
		t.Errorf("%d approvals", n)
	}
	carol.looksUp("other", caller(t, c, "other").reads())
	carol.says("other Example")
	if a := press.to(t, c); a.status != http.StatusForbidden {
		t.Errorf("a press of the earlier page: %d", a.status)
	}
}
