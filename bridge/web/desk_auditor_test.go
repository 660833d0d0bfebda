package web_test

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// deskRequests are every route of an operator and every press there, for a session.
func deskRequests(c *campus.Campus, session, token, open string) []byHand {
	var all []byHand
	for _, r := range web.Routes(c.Web) {
		if strings.HasPrefix(r.Path, "/desk") && r.Path != "/desk/audit" && slices.Contains(r.Methods, http.MethodGet) {
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

// HD-13: an auditor, also one who was an operator with an open case a minute ago, reaches no route of operators and decides nothing. The case
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

// HD-13, HD-04: the trail is read by auditors alone, after a full sign-in, for as long as Keycloak says that they are; a look changes nothing and
// there is nothing to post.
func TestOnlyAuditorsReadTheTrail(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	roles(c, member(c, "auditor"), with("otp-auditor"))
	p := caller(t, c, "alice")
	carol := operator(t, c, "carol")
	carol.looksUp("alice", p.reads())
	carol.open("/desk/audit", http.StatusForbidden)
	carol.says("Your account does not read the audit log.")
	if a := get("/desk/audit", "").to(t, c); a.header.Get("Location") != "/signin?to=audit" {
		t.Errorf("without a sign-in: %d %s", a.status, a.header.Get("Location"))
	}
	half := at(t, c, "auditor")
	half.signIn("auditor")
	if a := get("/desk/audit", half.session()).to(t, c); a.header.Get("Location") != "/signin?to=audit" || strings.Contains(a.body, "desk.opened") {
		t.Errorf("after a password-only sign-in: %d %s", a.status, a.header.Get("Location"))
	}
	auditor := at(t, c, "auditor")
	auditor.signInFully("auditor", "/desk/audit")
	auditor.at("/desk/audit")
	before := facts(t, c, "alice")
	auditor.open("/desk/audit", http.StatusOK)
	auditor.says("desk.opened Success – target=" + c.KC.PersonID("alice") + " actor=" + c.KC.PersonID("carol"))
	if strings.Contains(auditor.Body, `method="post" action="/desk`) || strings.Contains(auditor.Body, `href="/desk"`) || strings.Contains(auditor.Body, "Let a person sign in") {
		t.Error("the page leads to what auditors may not do")
	}
	if a := post("/desk/audit", auditor.session(), auditor.token(), "find", "x").to(t, c); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
	if after := facts(t, c, "alice"); after != before {
		t.Error("a look changed something")
	}
	roles(c, "auditor", without("otp-auditor"))
	c.Clock.Add(web.RoleLife)
	auditor.open("/desk/audit", http.StatusForbidden)
	if strings.Contains(auditor.Body, "desk.opened") {
		t.Error("the trail shows after the role was lost")
	}
}

// HD-13: auditors page through the trail, and find a person, an operator, a recovery or a reference number. A link to older records of another
// process is not taken for one to this one's.
func TestAuditorsSearchTheTrail(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	roles(c, member(c, "auditor"), with("otp-auditor"))
	for i := range 120 {
		e := bridge.AuditEvent{Event: "desk.denied", Outcome: "ok", Target: "t" + strconv.Itoa(i%2), Detail: map[string]string{"ticket": "<b>T-" + strconv.Itoa(i) + "</b>"}}
		if err := c.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	auditor := at(t, c, "auditor")
	auditor.signInFully("auditor", "/desk/audit")
	seen, pages := 0, 0
	for path := "/desk/audit?find=t1"; path != ""; pages++ {
		auditor.open(path, http.StatusOK)
		if strings.Contains(auditor.Body, "<b>T-") {
			t.Fatal("not escaped")
		}
		seen += strings.Count(text(auditor.Body), "desk.denied")
		if path = ""; strings.Contains(auditor.Body, "Older records") {
			path = html.UnescapeString(regexp.MustCompile(`href="(/desk/audit\?[^"]*before=[^"]+)"`).FindStringSubmatch(auditor.Body)[1])
		}
	}
	if seen != 60 || pages != 2 {
		t.Errorf("%d records on %d pages", seen, pages)
	}
	auditor.open("/desk/audit?find=t1&before=60&of=another", http.StatusOK)
	auditor.says("Another process of this service answered.")
	auditor.says("ticket=&lt;b&gt;T-119&lt;/b&gt;")
	for _, odd := range []string{"before=-1", "before=x", "before=99999999999999999999", "find=%00%ff", "find=nobody"} {
		auditor.open("/desk/audit?"+odd, http.StatusOK)
	}
	auditor.says("No records found.")
}
