package web_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// HD-06, HD-12, HD-13: over two whole calls with everything that an operator can do, no answer to an operator or auditor holds a key, QR code, link, objection
// number, call code, session id or whole address, nor the words of the caller's page before they are picked from.
func TestNoAnswerToAnOperatorHoldsASecret(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, bob, carol, dave := caller(t, c, "somebody"), caller(t, c, "bob"), operator(t, c, "carol"), operator(t, c, "dave")
	secrets := map[string]string{"bob's session": bob.session(), "somebody's session": p.session(), "address": "somebody@mail.example.org", "number": "753-1234"}
	keep := func(what, value string) {
		if value != "" {
			secrets[what] = value
		}
	}
	code := func(q *person, name string) string {
		got := q.reads()
		keep("code of "+name+" "+got, got)
		keep("code of "+name+" in groups "+got, got[:4]+" "+got[4:])
		return got
	}
	carol.looksUp("somebody", code(p, "somebody"))
	carol.send("/desk/case", http.StatusOK, "do", "callback")
	carol.decides(http.StatusUnprocessableEntity, "approve", "")
	carol.send("/desk/case", http.StatusUnprocessableEntity, "do", "pick", "words", "9999")
	carol.approves()
	keep("key of somebody", recovery(t, c, "somebody").Key.Secret.Reveal())
	for _, o := range []*person{carol, dave} {
		o.looksUp("bob", code(bob, "bob"))
		o.approves()
		o.open("/desk", http.StatusOK)
		o.looksForPermit("somebody", http.StatusOK)
	}
	keep("key of bob", recovery(t, c, "bob").Key.Secret.Reveal())
	for i, n := range c.Mails("") {
		keep("link "+string(n.Kind)+string(rune('a'+i)), n.Link.Reveal())
		keep("veto "+string(n.Kind)+string(rune('a'+i)), n.Veto.Reveal())
	}
	p.open("/recovery", http.StatusOK)
	p.finish()
	roles(c, member(c, "auditor"), with("otp-auditor"))
	auditor := at(t, c, "auditor")
	auditor.signInFully("auditor", "/desk/audit")
	auditor.says("desk.approved")
	seen := 0
	for _, a := range c.Answers() {
		if !strings.HasPrefix(a.Path, "/desk") {
			continue
		}
		seen++
		for what, secret := range secrets {
			for form, text := range spellings(secret) {
				if strings.Contains(a.Body, string(text)) {
					t.Errorf("%s %s holds the %s, %s", a.Method, a.Path, what, form)
				}
			}
		}
		if strings.Contains(a.Body, "otpauth") || strings.Contains(a.Body, "<svg class=\"qr") {
			t.Errorf("%s %s shows a key", a.Method, a.Path)
		}
	}
	if seen < 20 || len(secrets) < 12 {
		t.Errorf("%d answers and %d secrets were looked at", seen, len(secrets))
	}
}

// POL-01, POL-03: a policy by group rules whoever is a member when the operator decides, and no longer whoever has left.
func TestAPolicyByGroup(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	policies(c, bridge.Policy{Name: "staff", Match: bridge.Match{Groups: []string{"/staff"}}, Ways: []bridge.Way{bridge.WayDesk}, Approvals: 2, Checks: 1},
		bridge.Policy{Name: "all", Ways: []bridge.Way{bridge.WayMail, bridge.WayDesk}, Approvals: 1, Checks: 1})
	member(c, "somebody")
	staff := func(m *fakekc.Person) { m.Groups = append(m.Groups, "staff") }
	member(c, "clerk", staff)
	carol := operator(t, c, "carol")
	for name, want := range map[string]bridge.State{"somebody": bridge.Proven, "clerk": bridge.Waiting} {
		q := caller(t, c, name)
		carol.looksUp(name, q.reads())
		carol.says(map[string]string{"somebody": "Rule all", "clerk": "Rule staff"}[name])
		carol.approves()
		if got := recovery(t, c, name).State; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	mail := at(t, c, "clerk")
	member(c, "other", staff)
	mail.signIn("other")
	mail.send("/recovery", http.StatusConflict, "do", "start", "reason", "lost", "way", "mail")
}
