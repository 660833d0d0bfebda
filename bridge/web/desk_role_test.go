package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/web"
)

// HD-04, keycloak#53057: who is at the console is asked of Keycloak again for every action; losing the role works within a minute, also in a
// case that is open, on every replica.
func TestPeer_KC53057_DeskRights(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	member(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	token, open := carol.token(), carol.caseID()
	roles(c, "carol", without("otp-helpdesk"))
	c.Clock.Add(time.Minute)
	for _, q := range []byHand{
		get("/desk", carol.session()), get("/desk/case", carol.session()), get("/desk/permit", carol.session()),
		post("/desk", carol.session(), token, "name", "somebody", "code", "12345678"),
		post("/desk/case", carol.session(), token, "do", "approve", "case", open, "ticket", "T-1", "checks", "video"),
		post("/desk/case", carol.session(), token, "do", "callback", "case", open), post("/desk/case", carol.session(), token, "do", "deny", "case", open),
		post("/desk/permit", carol.session(), token, "do", "look", "name", "alice"),
	} {
		if a := q.to(t, c); a.status != http.StatusForbidden || strings.Contains(a.body, "somebody") {
			t.Errorf("%s %s: %d", q.method, q.path, a.status)
		}
	}
	if recovery(t, c, "somebody").State != bridge.Waiting {
		t.Error("somebody without the role decided")
	}
	roles(c, "carol", with("otp-helpdesk"))
	c.Clock.Add(time.Minute)
	carol.open("/desk", http.StatusOK)
	c.KC.Change(c.KC.PersonID("carol"), func(a *fakekc.Account) { a.Enabled = false })
	c.Clock.Add(time.Minute)
	carol.open("/desk", http.StatusForbidden)
	c.KC.RemovePerson(c.KC.PersonID("dave"))
}

// HD-04, HD-13: who may not come in: without a sign-in, after a password-only one, with the password alone at Keycloak, without the role, with
// that of an auditor, who approves nothing.
func TestWhoIsNoOperator(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for _, path := range []string{"/desk", "/desk/case", "/desk/permit"} {
		if a := get(path, "").to(t, c); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/signin?to=") {
			t.Errorf("%s without a sign-in: %d %s", path, a.status, a.header.Get("Location"))
		}
		nobody := newPerson(t, c)
		nobody.open("/start", http.StatusOK)
		if a := post(path, nobody.session(), nobody.token(), "name", "bob").to(t, c); a.status != http.StatusForbidden {
			t.Errorf("POST %s without a sign-in: %d", path, a.status)
		}
		carol := at(t, c, "carol") // an operator, but by the password-only sign-in
		carol.signIn("carol")
		if a := post(path, carol.session(), carol.token(), "name", "bob").to(t, c); a.status != http.StatusForbidden {
			t.Errorf("POST %s after a password-only sign-in: %d", path, a.status)
		}
		if a := get(path, carol.session()).to(t, c); a.status != http.StatusSeeOther {
			t.Errorf("%s after a password-only sign-in: %d", path, a.status)
		}
	}
	roles(c, member(c, "auditor"), with("otp-auditor"))
	for _, name := range []string{"alice", "auditor"} {
		p := at(t, c, name)
		p.signInFully(name, "/desk")
		p.want(http.StatusForbidden)
		p.says("does not work at the help desk")
		if p.Cookie("__Host-otpbridge-desk") != "" {
			t.Errorf("%s is no operator and has the mark of one", name)
		}
	}
	carol := at(t, c, "carol")
	carol.must(carol.Get(t.Context(), c.URL+"/desk"))
	carol.must(carol.Password(t.Context(), "carol", "carol-password"))
	if carol.Page() != loginform.PageCode {
		t.Errorf("the password alone leads to %s", carol.URL)
	}
}

// OIDC: an answer of Keycloak that does not say the full level opens no console, though the role is in it.
func TestASignInWithoutTheFullLevelOpensNoConsole(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.KC.SetRealm(map[string]any{"browserFlow": fakekc.FlowPasswordAlone})
	carol := at(t, c, "carol")
	carol.signInFully("carol", "/desk")
	carol.want(http.StatusForbidden)
	if a := get("/desk", carol.session()).to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("then /desk: %d", a.status)
	}
	if c.KC.Sessions(c.KC.PersonID("carol")) != 0 {
		t.Error("the campus session goes on")
	}
}

// TOK-14, HD-15: a person whose password was set lately has this way only, and where the desk sets passwords no operator opens it alone.
func TestAYoungPasswordLeavesTheDeskOnly(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody", func(m *fakekc.Person) { m.PasswordSet = c.Clock.Now().Add(-time.Hour) })
	p := at(t, c, "somebody")
	p.signIn("somebody")
	p.says("changed a short time ago")
	p.send("/recovery", http.StatusConflict, "do", "start", "reason", "lost", "way", "mail")
	p.open("/recovery", http.StatusOK)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "desk")
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	carol.looksUp("somebody", p.reads())
	carol.says("password was changed recently")
	carol.approves()
	if recovery(t, c, "somebody").State != bridge.Waiting {
		t.Error("one operator was enough")
	}
	dave.looksUp("somebody", p.reads())
	dave.approves()
	p.open("/recovery", http.StatusOK)
	p.finish()
}

// SES-04, SES-06: an operator's session ends after 15 idle minutes and after eight hours; forms need token and origin there too; the id changes
// at the sign-in, and the sign-out ends the campus session as well.
func TestSessionsAtTheConsole(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	carol := operator(t, c, "carol")
	for name, q := range map[string]byHand{
		"no token":       post("/desk", carol.session(), "", "name", "bob", "code", "12345678"),
		"another token":  post("/desk/case", carol.session(), strings.Repeat("A", 43), "do", "deny"),
		"foreign origin": {method: http.MethodPost, path: "/desk", session: carol.session(), form: url.Values{"csrf": {carol.token()}}, header: map[string]string{"Origin": "https://evil.example"}},
		"cross-site":     {method: http.MethodPost, path: "/desk/permit", session: carol.session(), form: url.Values{"csrf": {carol.token()}}, header: map[string]string{"Sec-Fetch-Site": "cross-site"}},
	} {
		if a := q.to(t, c); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	for range 33 { // 7 h 58 min 30 s
		c.Clock.Add(14*time.Minute + 30*time.Second)
		carol.open("/desk", http.StatusOK)
	}
	c.Clock.Add(90 * time.Second)
	if a := get("/desk", carol.session()).to(t, c); a.status == http.StatusOK {
		t.Error("the session lives longer than eight hours")
	}
	dave := operator(t, c, "dave")
	old := dave.session()
	c.Clock.Add(15 * time.Minute)
	if a := get("/desk", old).to(t, c); a.status == http.StatusOK {
		t.Error("the session lives after 15 idle minutes")
	}
	dave.signInFully("dave", "/desk")
	dave.at("/desk")
	if dave.session() == old {
		t.Error("the id is the old one")
	}
	last := dave.session()
	dave.send("/signout", http.StatusOK)
	if c.KC.Sessions(c.KC.PersonID("dave")) != 0 {
		t.Errorf("%d campus sessions after the sign-out", c.KC.Sessions(c.KC.PersonID("dave")))
	}
	if a := get("/desk", last).to(t, c); a.status == http.StatusOK {
		t.Error("the old session works after the sign-out")
	}
}

// SES-06 at every address of the console: HEAD sets no cookie and begins nothing.
func TestALookWithoutABodyBeginsNothingAtTheConsole(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for _, r := range web.Routes(c.Web) {
		if !strings.HasPrefix(r.Path, "/desk") && r.Path != "/signin" {
			continue
		}
		path := r.Path
		if path == "/signin" {
			path += "?to=desk"
		}
		a := byHand{method: http.MethodHead, path: path}.to(t, c)
		if strings.Contains(strings.Join(r.Methods, ""), "GET") && (a.status != http.StatusSeeOther || a.header.Get("Set-Cookie") != "" || a.body != "") {
			t.Errorf("HEAD %s: %d %v", path, a.status, a.header)
		}
	}
	for _, path := range []string{"/signin", "/signin?to=https://evil.example", "/signin?to=/desk"} {
		if a := get(path, "").to(t, c); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// HD-01: a campus without a help desk has no console.
func TestWithoutAHelpDeskThereIsNoConsole(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, path := range []string{"/desk", "/desk/case", "/desk/permit", "/desk/audit", "/signin?to=desk", "/signin?to=audit"} {
		if a := get(path, "").to(t, c); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	p := newPerson(t, c)
	p.signIn("alice")
	p.send("/recovery", http.StatusConflict, "do", "start", "reason", "lost", "way", "desk")
}
