package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

func deskPolicy(name string, change func(*bridge.Policy)) bridge.Policy {
	p := bridge.Policy{Name: name, Ways: []bridge.Way{bridge.WayDesk}, Approvals: 1, Checks: 1}
	if change != nil {
		change(&p)
	}
	return p
}

// POL-03: what the policy and Keycloak say is asked again at the swap. A stricter answer asks for what is missing, or ends the recovery; the
// old authenticator works on.
func TestAStricterAnswerBetweenApprovalAndSwap(t *testing.T) {
	t.Parallel()
	change := func(f func(*fakekc.Account)) func(*campus.Campus) {
		return func(c *campus.Campus) { c.KC.Change(c.KC.PersonID("somebody"), f) }
	}
	for name, tt := range map[string]struct {
		do     func(*campus.Campus)
		state  bridge.State
		code   bridge.Code
		status int
	}{
		"two approvals": {
			func(c *campus.Campus) { policies(c, deskPolicy("two", func(p *bridge.Policy) { p.Approvals = 2 })) }, bridge.Waiting, "", http.StatusConflict,
		},
		"more checks": {
			func(c *campus.Campus) { policies(c, deskPolicy("checks", func(p *bridge.Policy) { p.Checks = 2 })) }, bridge.Waiting, "", http.StatusConflict,
		},
		"a waiting period": {
			func(c *campus.Campus) {
				policies(c, deskPolicy("later", func(p *bridge.Policy) { p.Delay = time.Hour }))
			}, bridge.Waiting, "", http.StatusConflict,
		},
		"works at the desk now": {
			change(func(a *fakekc.Account) { a.Roles = append(a.Roles, "otp-helpdesk") }), bridge.Waiting, "", http.StatusConflict,
		},
		"refused": {
			func(c *campus.Campus) { policies(c, deskPolicy("no", func(p *bridge.Policy) { p.Refuse = true })) }, bridge.Ended, bridge.CodePolicy, http.StatusForbidden,
		},
		"no desk": {
			func(c *campus.Campus) {
				policies(c, bridge.Policy{Name: "mail", Ways: []bridge.Way{bridge.WayMail}, Approvals: 1})
			},
			bridge.Ended, bridge.CodePolicy, http.StatusForbidden,
		},
		"administrator now": {
			change(func(a *fakekc.Account) { a.Roles = append(a.Roles, "realm-admin") }), bridge.Ended, bridge.CodeAdministrator, http.StatusForbidden,
		},
		"group lost": { // not to be seen any more, which may pass
			change(func(a *fakekc.Account) { a.Groups = nil }), bridge.Proven, "", http.StatusForbidden,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "somebody")
			p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
			carol.looksUp("somebody", p.reads())
			carol.approves()
			p.open("/recovery", http.StatusOK)
			code := p.code(p.scan())
			tt.do(c)
			p.send("/enrol", tt.status, "do", "confirm", "code", code)
			r := recovery(t, c, "somebody")
			if r.State != tt.state || r.EndCode != tt.code || (r.Key != nil) != (tt.state == bridge.Proven) {
				t.Fatalf("%s %s, key %v", r.State, r.EndCode, r.Key != nil)
			}
			if n := countEvents(c, "recovery.more_needed"); (n == 1) != (tt.state == bridge.Waiting) {
				t.Errorf("%d events", n)
			}
			if tt.state != bridge.Proven {
				oldStill(t, c, "somebody")
			}
		})
	}
}

// POL-03, HD-05: the second operator completes what the stricter policy asks for; the first approval stands.
func TestASecondApprovalThatAStricterPolicyAsksFor(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, carol, dave := caller(t, c, "somebody"), operator(t, c, "carol"), operator(t, c, "dave")
	carol.looksUp("somebody", p.reads())
	carol.approves()
	p.open("/recovery", http.StatusOK)
	code := p.code(p.scan())
	policies(c, deskPolicy("two", func(p *bridge.Policy) { p.Approvals = 2 }))
	p.send("/enrol", http.StatusConflict, "do", "confirm", "code", code)
	p.open("/recovery", http.StatusOK)
	p.says("second")
	carol.open("/desk", http.StatusOK)
	carol.says("Waiting 1")
	carol.looksUp("somebody", p.reads())
	carol.decides(http.StatusForbidden, "approve", "T-1", "video")
	dave.looksUp("somebody", recovery(t, c, "somebody").Call.Code)
	dave.approves()
	p.open("/recovery", http.StatusOK)
	p.finish()
}

// POL-03: between the first approval and the second, and before the first.
func TestAStricterAnswerAtTheApproval(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p, carol := caller(t, c, "bob"), operator(t, c, "carol")
	carol.looksUp("bob", p.reads())
	policies(c, deskPolicy("no", func(p *bridge.Policy) { p.Refuse = true }))
	carol.decides(http.StatusForbidden, "approve", "T-1", "video")
	if r := recovery(t, c, "bob"); r.EndCode != bridge.CodePolicy {
		t.Errorf("%s %s", r.State, r.EndCode)
	}
	policies(c)
	member(c, "somebody")
	q := caller(t, c, "somebody")
	carol.looksUp("somebody", q.reads())
	policies(c, deskPolicy("two", func(p *bridge.Policy) { p.Approvals = 2 }))
	carol.approves()
	policies(c) // a milder one meanwhile changes nothing
	if r := recovery(t, c, "somebody"); r.State != bridge.Waiting {
		t.Errorf("%s", r.State)
	}
	c.KC.Change(c.KC.PersonID("somebody"), func(a *fakekc.Account) { a.Groups = nil })
	dave := operator(t, c, "dave")
	dave.send("/desk", http.StatusUnprocessableEntity, "name", "somebody", "code", recovery(t, c, "somebody").Call.Code)
}

// POL-06: which way is open to whom.
func TestWaysByRole(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Rules(func(r *bridge.Rules) { r.DeskRoles = append(r.DeskRoles, "otp-auditor") })
	for role, want := range map[string]struct {
		mail, desk int
		approvals  int
	}{
		"":             {http.StatusOK, http.StatusOK, 1},
		"otp-helpdesk": {http.StatusConflict, http.StatusOK, 2},
		"otp-auditor":  {http.StatusConflict, http.StatusOK, 2},
	} {
		name := "somebody" + role
		member(c, name, func(m *fakekc.Person) {
			if role != "" {
				m.Roles = append(m.Roles, role)
			}
		})
		p := at(t, c, name)
		p.signIn(name)
		p.at("/recovery")
		p.send("/recovery", want.mail, "do", "start", "reason", "lost", "way", "mail")
		p.open("/recovery", http.StatusOK)
		if want.mail == http.StatusOK {
			p.send("/recovery", http.StatusOK, "do", "cancel")
		}
		p.open("/recovery", http.StatusOK)
		p.send("/recovery", want.desk, "do", "start", "reason", "lost", "way", "desk")
		a, err := c.Flow.Accounts.ByID(t.Context(), c.KC.PersonID(name))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Flow.Rules.Ruling(a, recovery(t, c, name).Snapshot).Approvals; got != want.approvals {
			t.Errorf("%s needs %d approvals", name, got)
		}
	}
}
