package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// INV-4, A11Y-04: a case ends for its operator after 15 idle minutes; a press keeps it open, a look does not.
func TestACaseIsKeptOpenByPressesOnly(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	carol := newPerson(t, c)
	carol.opensCaseOf("alice")
	for range 3 {
		c.Clock.Add(13 * time.Minute)
		carol.open("/desk/case", http.StatusOK)
		carol.send("/desk/case", http.StatusOK, "do", "keep")
		carol.at("/desk/case")
	}
	c.Clock.Add(14 * time.Minute)
	carol.open("/desk/case", http.StatusOK)
	c.Clock.Add(time.Minute)
	carol.open("/desk/case", http.StatusForbidden)
	if r := recovery(t, c, "alice"); r.State != bridge.Waiting {
		t.Errorf("the request is %s", r.State)
	}
}

// An account that may not recover any more ends its case at the operator's next press, whichever it is, and at the right pair.
func TestARefusedAccountEndsItsCaseAtTheNextPress(t *testing.T) {
	t.Parallel()
	for name, press := range map[string]func(operator *person, code string){
		"keep":    func(o *person, _ string) { o.decides(http.StatusForbidden, "keep", "") },
		"approve": func(o *person, _ string) { o.decides(http.StatusForbidden, "approve", "T-1", "video") },
		"a right pair": func(o *person, code string) {
			o.open("/desk", http.StatusOK)
			o.send("/desk", http.StatusForbidden, "name", "alice", "code", code)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			p, carol := caller(t, c, "alice"), operator(t, c, "carol")
			code := p.reads()
			carol.looksUp("alice", code)
			c.KC.Change(c.KC.PersonID("alice"), func(a *fakekc.Account) { a.Enabled = false })
			press(carol, code)
			r := recovery(t, c, "alice")
			if r.State != bridge.Ended || r.End != bridge.EndRefused || r.EndCode != bridge.CodeDisabled {
				t.Errorf("%s %s %s", r.State, r.End, r.EndCode)
			}
			if n := countEvents(c, "recovery.ended"); n != 1 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// The operator reads which policy rules, and by what of the person: group, role and attribute, masked where the configuration says so.
func TestACaseSaysWhyItsPolicyRules(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := member(c, "somebody", func(m *fakekc.Person) {
		m.Attributes["kind"], m.Attributes["studentNumber"] = []string{"night"}, []string{"B-998877"}
		m.Roles = append(m.Roles, "nurse")
	})
	for _, name := range []string{"kind", "studentNumber"} {
		c.KC.SetProfileAttribute(fakekc.ProfileAttribute{Name: name, Permissions: fakekc.ProfileRights{View: []string{"admin"}, Edit: []string{"admin"}}})
	}
	c.Rules(func(r *bridge.Rules) { r.HarmlessRoles = append(r.HarmlessRoles, "nurse") })
	both := []bridge.Way{bridge.WayMail, bridge.WayDesk}
	policies(c,
		bridge.Policy{Name: "doctors", Match: bridge.Match{Roles: []string{"doctor"}}, Ways: both},
		bridge.Policy{Name: "clinic", Ways: both, Checks: 2, Match: bridge.Match{
			Groups: []string{"/otp-recoverable", "/elsewhere"}, Roles: []string{"doctor", "nurse"},
			Attributes: map[string][]string{"kind": {"day", "night"}, "studentNumber": {"B-998877"}},
		}},
		bridge.Policy{Name: "everybody", Ways: both},
	)
	p, carol := caller(t, c, name), operator(t, c, "carol")
	carol.looksUp(name, p.reads())
	carol.says("Rule clinic Applies because of group /otp-recoverable role nurse kind: night studentNumber: ")
	for _, other := range []string{"doctor", "B-998877", "/elsewhere", "day"} {
		if strings.Contains(strings.ReplaceAll(text(carol.Body), "today", ""), other) {
			t.Errorf("the page says %q", other)
		}
	}
	policies(c, bridge.Policy{Name: "all", Ways: both})
	carol.open("/desk/case", http.StatusOK)
	carol.says("Rule all Applies because of it is for everybody")
}
