package web_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// wrongPick picks other words than the caller's page shows.
func (p *person) wrongPick(name string, want int) {
	p.t.Helper()
	p.send("/desk/case", http.StatusOK, "do", "callback")
	right := strconv.Itoa(recovery(p.t, p.c, name).Call.Case.CallBack.Right)
	all := p.pairs()
	p.send("/desk/case", want, "do", "pick", "words", all[slices.IndexFunc(all, func(pair string) bool { return pair != right })])
}

const (
	noMoreCalls = "a call-back no longer counts for this person"
	noNumber    = "No phone number is on record here"
)

// HD-14: after two wrong picks, and without a number on record, the page says that no call-back counts, and has no button for one; a page that
// was left open leads there.
func TestThePageSaysThatNoCallBackCounts(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{"picked": noMoreCalls, "unlisted": noNumber} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, name)
			if name == "picked" {
				withPhone(c, name)
			}
			p, carol := caller(t, c, name), operator(t, c, "carol")
			carol.looksUp(name, p.reads())
			if name == "picked" {
				carol.wrongPick(name, http.StatusUnprocessableEntity)
				carol.says("Start it again")
				carol.wrongPick(name, http.StatusOK)
			}
			for range 2 {
				carol.says(says)
				if strings.Contains(carol.Body, `value="callback"`) || strings.Contains(carol.Body, "Start it again") {
					t.Error("a call-back is offered")
				}
				carol.send("/desk/case", http.StatusOK, "do", "callback")
				carol.at("/desk/case")
			}
			carol.decides(http.StatusUnprocessableEntity, "approve", "T-1", bridge.CheckCallBack)
			carol.decides(http.StatusOK, "approve", "T-1", "video")
		})
	}
}

// A caller whose line broke comes to a new call code from both pages that show none; the case is closed to its operator.
func TestACallThatWasCutOffHasANewCode(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol, dave := caller(t, c, "somebody"), operator(t, c, "carol"), operator(t, c, "dave")
	code := p.reads()
	for _, callsBack := range []bool{false, true} {
		carol.looksUp("somebody", code)
		if callsBack {
			carol.send("/desk/case", http.StatusOK, "do", "callback")
		}
		p.open("/recovery", http.StatusOK)
		p.says("If the call was cut off")
		p.send("/recovery", http.StatusOK, "do", "cutoff")
		next := p.reads()
		if next == code {
			t.Error("the code is the old one")
		}
		code = next
		carol.send("/desk/case", http.StatusForbidden, "do", "keep")
		carol.says("This case is not open")
	}
	if n := countEvents(c, "desk.released"); n != 2 {
		t.Errorf("%d times on record", n)
	}
	dave.looksUp("somebody", code)
	dave.approves()
	p.open("/recovery", http.StatusOK)
	p.finish()
}

// What an operator ticked and typed stands there again after every press before the decision, and never in another case.
func TestAnOperatorTypesATicketOnce(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for _, name := range []string{"somebody", "other"} {
		member(c, name)
		withPhone(c, name)
	}
	p, other, carol := caller(t, c, "somebody"), caller(t, c, "other"), operator(t, c, "carol")
	stands := func(want bool) {
		t.Helper()
		carol.open("/desk/case", http.StatusOK)
		ticket, tick := strings.Contains(carol.Body, `value="INC-7"`), strings.Contains(carol.Body, `value="video" id="checks-2" checked`)
		if ticket != want || tick != want {
			t.Errorf("ticket %v, tick %v, want %v", ticket, tick, want)
		}
	}
	carol.looksUp("somebody", p.reads())
	stands(false)
	carol.decides(http.StatusOK, "callback", "INC-7", "video", "unknown")
	stands(true)
	right := strconv.Itoa(recovery(t, c, "somebody").Call.Case.CallBack.Right)
	carol.send("/desk/case", http.StatusOK, "do", "pick", "words", right, "ticket", "INC-7", "checks", "video")
	stands(true)
	carol.decides(http.StatusOK, "keep", "INC-7", "video")
	stands(true)
	carol.looksUp("other", other.reads())
	stands(false)
}

// A right pair of an account that cannot be shown opens the case for nobody: the caller's page waits on, and the operator reads why.
func TestACaseThatCannotBeShownIsNotOpen(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	code := p.reads()
	lock(c, "")
	carol.send("/desk", http.StatusForbidden, "name", "somebody", "code", code)
	carol.says("it is locked for a while")
	p.open("/recovery", http.StatusOK)
	p.says("Call the help desk")
	if r := recovery(t, c, "somebody"); r.State != bridge.Waiting || r.Call.Case != nil {
		t.Errorf("%s %+v", r.State, r.Call)
	}
	c.Clock.Add(2 * time.Minute)
	carol.looksUp("somebody", code)
}

// HD-15: the addresses of the whole call count: of a renewal, and of the confirmation of the new code.
func TestEveryAddressOfTheCallerCounts(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "renewed")
	member(c, "confirmed")
	one, two, carol := caller(t, c, "renewed"), caller(t, c, "confirmed"), operator(t, c, "carol")
	one.From = homes["carol"]
	one.send("/recovery", http.StatusOK, "do", "renew")
	one.From = "192.0.2.8"
	one.send("/recovery", http.StatusOK, "do", "renew")
	carol.looksUp("renewed", one.reads())
	carol.says("The caller uses the same network address as you.")
	carol.approves()
	if r := recovery(t, c, "renewed"); r.State != bridge.Waiting {
		t.Errorf("%s after one approval", r.State)
	}
	carol.looksUp("confirmed", two.reads())
	carol.approves()
	two.open("/recovery", http.StatusOK)
	key := two.scan()
	two.From = homes["carol"]
	two.send("/enrol", http.StatusConflict, "do", "confirm", "code", two.code(key))
	two.From = "192.0.2.9"
	two.open("/recovery", http.StatusOK)
	two.says("A second operator must also speak with you")
	dave := operator(t, c, "dave")
	dave.looksUp("confirmed", two.reads())
	dave.says("An operator who approved already used the same network address")
	dave.approves()
	two.open("/recovery", http.StatusOK)
	two.finish()
}

// One operator in two browsers: the look that another one replaced shows nothing and decides nothing.
func TestAnEarlierLookOfTheSameOperatorDecidesNothing(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, one, two := caller(t, c, "somebody"), operator(t, c, "carol"), operator(t, c, "carol")
	code := p.reads()
	one.looksUp("somebody", code)
	two.looksUp("somebody", code)
	one.decides(http.StatusForbidden, "deny", "")
	one.open("/desk/case", http.StatusForbidden)
	if r := recovery(t, c, "somebody"); r.State != bridge.Waiting {
		t.Fatalf("%s", r.State)
	}
	two.approves()
}

// Two cases opened at once in one session: one is open there, and the other one is open for nobody.
func TestOfTwoCasesOpenedAtOnceOneStaysOpen(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for _, name := range []string{"first", "second"} {
		member(c, name)
	}
	one, two, carol := caller(t, c, "first"), caller(t, c, "second"), operator(t, c, "carol")
	a, b := one.reads(), two.reads()
	for range rounds(10) {
		got := together(t, c,
			post("/desk", carol.session(), carol.token(), "name", "first", "code", a), post("/desk", carol.session(), carol.token(), "name", "second", "code", b))
		if got["303 /desk/case"] != 2 {
			t.Fatalf("%v", got)
		}
		open := 0
		for _, name := range []string{"first", "second"} {
			if recovery(t, c, name).Call.Case != nil {
				open++
			}
		}
		if open != 1 {
			t.Fatalf("%d cases are open", open)
		}
		carol.open("/desk/case", http.StatusOK)
	}
}

// A logout at the campus gives the operator's case back at once, if it is that sign-in's.
func TestALogoutAtTheCampusGivesTheCaseBack(t *testing.T) {
	t.Parallel()
	for by, given := range map[string]bool{"sub": true, "sid": true, "another": false} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
			carol.looksUp("somebody", p.reads())
			claims := logoutClaims(c, c.KC.PersonID("carol"))
			switch by {
			case "sid":
				look, err := c.Web.Looks.Get(t.Context(), c.KC.PersonID("carol"))
				if err != nil || look.SID == "" {
					t.Fatalf("%v %+v", err, look)
				}
				claims["sid"] = look.SID
			case "another":
				claims["sid"] = "a-session-of-another-browser"
			}
			if a := sendLogout(t, c, c.KC.Sign("logout+jwt", claims)); a.status != http.StatusOK {
				t.Fatal(a.status)
			}
			if is := recovery(t, c, "somebody").Call.Case == nil; is != given {
				t.Errorf("given back: %v", is)
			}
			if n := countEvents(c, "desk.released"); (n == 1) != given {
				t.Errorf("%d times on record", n)
			}
		})
	}
}

// RL-07: sixty presses a minute are one operator's; the next one is refused until there is room, and others press on.
func TestPressesOfAnOperatorAreLimited(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	carol := operator(t, c, "carol")
	c.Clock.Stop() // on a slow machine there would be room again meanwhile
	press := post("/desk", carol.session(), carol.token(), "name", "", "code", "")
	got := map[int]int{}
	var last answer
	for range bridge.LimitDeskPress.Count + 1 {
		last = press.to(t, c)
		got[last.status]++
	}
	if got[http.StatusTooManyRequests] != 1 || last.status != http.StatusTooManyRequests {
		t.Fatalf("%v", got)
	}
	wait, err := strconv.Atoi(last.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 60 {
		t.Errorf("come again after %q", last.header.Get("Retry-After"))
	}
	if e := c.Events("limit.reached"); len(e) != 1 || e[0].Detail["limit"] != bridge.LimitDeskPress.Name {
		t.Errorf("%v", e)
	}
	carol.open("/desk", http.StatusOK)
	operator(t, c, "dave").send("/desk", http.StatusUnprocessableEntity, "name", "", "code", "")
	c.Clock.Add(time.Duration(wait) * time.Second)
	if a := press.to(t, c); a.status != http.StatusUnprocessableEntity {
		t.Errorf("after the wait: %d", a.status)
	}
}
