package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// tabTo presses Tab until the thing with that name has the focus.
func tabTo(t *testing.T, p *rig.Page, name string) {
	t.Helper()
	var seen []string
	for range 40 {
		p.Press(kb.Tab)
		var focused string
		p.Eval(`(e => e ? ((e.labels && e.labels[0] ? e.labels[0].innerText : "") || e.innerText || e.id || "") : "")(document.activeElement)`, &focused)
		focused = strings.Join(strings.Fields(focused), " ")
		if strings.HasPrefix(focused, name) {
			return
		}
		seen = append(seen, focused)
	}
	t.Fatalf("%q is not reached by the keyboard; reached were %q", name, seen)
}

func (j *journey) tabTo(name string) {
	j.t.Helper()
	tabTo(j.t, j.page, name)
}

// A11Y: ID, request and enrolment with the keyboard alone.
func TestJourneyByKeyboard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	j := s.visit(rig.Look{})
	typeID := func() {
		j.tabTo(j.w.id)
		j.page.Press("alice").Press(kb.Enter).See(j.w.signIn)
	}
	j.page.Go(s.bridge.URL).See(j.w.lost)
	j.tabTo(j.w.lost)
	j.page.Press(kb.Enter).See("Enter your ID")
	typeID()
	j.awaitGate("alice", typeID)
	j.page.Fill(j.w.password, realm.Password("alice")).Press(kb.Enter).See(j.w.start)
	j.tabTo("New phone, broken phone or deleted app")
	j.page.Press(kb.ArrowDown)
	j.tabTo("By mail")
	j.tabTo(j.w.start)
	j.page.Press(kb.Enter).See(j.w.sent)
	j.page.Go(j.link("alice", 1)).See(j.w.linkTitle)
	j.tabTo(j.w.linkGo)
	j.page.Press(kb.Enter).See(j.w.id)
	typeID()
	j.awaitGate("alice", typeID)
	j.page.Fill(j.w.password, realm.Password("alice")).Press(kb.Enter).See("This request was made with your account")
	j.tabTo(j.w.askedGo)
	j.page.Press(kb.Enter).See(j.w.enrol)
	j.phone = rig.NewPhone(t, j.key(j.page))
	j.tabTo(j.w.code)
	j.page.Press(j.phone.Code())
	j.tabTo(j.w.confirm)
	j.page.Press(kb.Enter).See(j.w.done)
	j.mustOpenPortalWithNewCodeOnly("alice")
}

// A11Y-08 at the desk: an operator opens a case, calls back, picks the words, ticks, types and approves with the keyboard alone; the caller's page,
// which a keyboard reached as well, moves on.
func TestJourneyByPhoneByKeyboard(t *testing.T) {
	t.Parallel()
	look := rig.Look{Language: "en"}
	c := newCall(t, look)
	c.phones("alice")
	carol := c.operator("carol", "198.51.100.3", look)
	code := c.code()
	carol.Press("alice") // the page opens with the focus in the first field
	tabTo(t, carol, c.say["console.code"])
	carol.Press(code).Press(kb.Enter).See(c.say["case.check.legend"])
	c.moves(look, c.say["call.checking.title"])
	tabTo(t, carol, c.say["case.callback.start"])
	carol.Press(kb.Enter).See(c.say["case.callback.pick"])
	c.moves(look, c.say["call.match.label"])
	c.picks(carol)
	tabTo(t, carol, c.say["case.check.photo"])
	carol.Press(" ")
	tabTo(t, carol, c.say["case.ticket"])
	carol.Press("T-2026-1").PressOn(kb.Enter).See(c.say["case.check.legend"]) // Enter is the first button of the page, which keeps the case, and decides nothing
	if strings.Contains(carol.Text(), c.say["case.approved.title"]) {
		t.Fatal("Enter in a field approved")
	}
	tabTo(t, carol, c.say["case.approve"])
	carol.Press(kb.Enter).See(c.say["case.approved.title"])
	c.moves(look, c.w.enrol)
	c.enrol()
	c.mustOpenPortalWithNewCodeOnly("alice")
}

// picks chooses the words that the caller's page shows by the arrow keys, and confirms them.
func (c *call) picks(operator *rig.Page) {
	c.t.Helper()
	var shown string
	var choices []string
	c.page.Eval(`document.querySelector("p.big.word").textContent.replace(/\s+/g, "")`, &shown)
	operator.Eval(`[...document.querySelectorAll("label.word")].map(l => l.textContent.replace(/\s+/g, ""))`, &choices)
	at := slices.Index(choices, shown)
	if at < 0 {
		c.t.Fatalf("the console offers %q and not %q", choices, shown)
	}
	tabTo(c.t, operator, choicesFirst(operator))
	operator.Press(" ")
	for range at {
		operator.Press(kb.ArrowDown)
	}
	tabTo(c.t, operator, c.say["case.callback.confirm"])
	operator.Press(kb.Enter).See(c.say["case.callback.matched"])
}

// choicesFirst is what the first of the choices of words says.
func choicesFirst(operator *rig.Page) string {
	var said string
	operator.Eval(`document.querySelector("label.word").innerText`, &said)
	return strings.Join(strings.Fields(said), " ")
}
