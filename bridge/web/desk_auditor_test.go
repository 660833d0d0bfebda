package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// deskRequests are every route and every press of the console, for a session.
func deskRequests(c *campus.Campus, session, token, open string) []byHand {
	var all []byHand
	for _, r := range web.Routes(c.Web) {
		if strings.HasPrefix(r.Path, "/desk") && slices.Contains(r.Methods, http.MethodGet) {
			all = append(all, get(r.Path, session))
		}
	}
	for _, do := range []string{"keep", "callback", "pick", "approve", "deny", "suspicious", "release"} {
		all = append(all, post("/desk/case", session, token, "do", do, "case", open, "words", "1", "ticket", "T-1", "checks", "video"))
	}
	for _, do := range []string{"look", "give"} {
		all = append(all, post("/desk/permit", session, token, "do", do, "name", "alice", "check", bridge.CheckInPerson, "ticket", "T-1"))
	}
	return append(all, post("/desk", session, token, "name", "alice", "code", "12345678"))
}

// HD-13: an auditor, also one who was an operator with an open case a minute ago, reaches no route of the console and decides nothing. The case
// is closed at the first press, so that the caller waits for an operator again.
func TestAnAuditorApprovesNothing(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	roles(c, member(c, "auditor"), with("otp-auditor"))
	auditor, carol := at(t, c, "auditor"), newPerson(t, c)
	auditor.signInFully("auditor", "/desk")
	carol.opensCaseOf("alice")
	open := carol.caseID()
	roles(c, "carol", func([]string) []string { return []string{"default-roles-campus", "otp-auditor"} })
	c.Clock.Add(web.RoleLife)
	tries := func(p *person) {
		requests := deskRequests(c, p.session(), p.token(), open)
		if len(requests) < 13 {
			t.Errorf("only %d requests", len(requests))
		}
		for _, q := range requests {
			if a := q.to(t, c); a.status != http.StatusForbidden || strings.Contains(a.body, "alice") {
				t.Errorf("%s %s %v: %d", q.method, q.path, q.form["do"], a.status)
			}
		}
	}
	before := facts(t, c, "alice")
	tries(auditor)
	if after := facts(t, c, "alice"); after != before {
		t.Errorf("changed from\n%s\nto\n%s", before, after)
	}
	tries(carol)
	if r := recovery(t, c, "alice"); r.State != bridge.Waiting || len(r.Call.Approvals) != 0 || r.Call.Case != nil {
		t.Errorf("%s %+v", r.State, r.Call)
	}
}

// HD-13: an operator reads of the own cases only.
func TestAnOperatorSeesTheOwnCasesOnly(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for _, name := range []string{"one", "two"} {
		member(c, name)
	}
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	carol.looksUp("one", caller(t, c, "one").reads())
	carol.decides(http.StatusOK, "approve", "T-CAROL", "video")
	dave.looksUp("two", caller(t, c, "two").reads())
	dave.decides(http.StatusOK, "deny", "T-DAVE")
	for p, tickets := range map[*person][2]string{carol: {"T-CAROL", "T-DAVE"}, dave: {"T-DAVE", "T-CAROL"}} {
		p.open("/desk", http.StatusOK)
		if !strings.Contains(p.Body, tickets[0]) || strings.Contains(p.Body, tickets[1]) {
			t.Errorf("cases of %s:\n%s", tickets[0], text(p.Body))
		}
	}
}
