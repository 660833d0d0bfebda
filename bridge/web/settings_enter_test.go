package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/web"
)

var listedID = regexp.MustCompile(`name="do" value="(\w+)"><button class="btn little" name="id" value="([^"]+)"`)

// listed are the ids behind the buttons of a kind on the page of the settings.
func (p *person) listed(do string) (ids []string) {
	p.t.Helper()
	p.open("/settings", http.StatusOK)
	for _, m := range listedID.FindAllStringSubmatch(p.Body, -1) {
		if m[1] == do {
			ids = append(ids, m[2])
		}
	}
	return ids
}

// text2 is an account in words, to be compared.
func text2(a bridge.Account) string { return fmt.Sprintf("%+v", a) }

// settingsForms are the presses that change something.
func settingsForms(session, token string) []byHand {
	return []byHand{
		post("/settings/address", session, token, "do", "ask", "address", "thief@example.org"),
		post("/settings/address", session, token, "do", "confirm", "code", "12345678"),
		post("/settings/address", session, token, "do", "resend"),
		post("/settings/remove", session, token, "do", "remove"),
		post("/settings", session, token, "do", "add"),
		post("/settings/add", session, token, "do", "confirm", "code", "123456"),
		post("/settings/authenticator", session, token, "do", "remove"),
		post("/settings/authenticator", session, token, "do", "rename", "label", "x"),
		post(ownCodes, session, token, "do", "codes"),
		post(ownCodes, session, token, "do", "saved", "saved", "1"),
	}
}

// OIDC-12, TMP-02, INV-1: neither the password alone, nor an operator's session, nor a planted one, nor a guest opens the settings or changes anything.
func TestNoOtherSessionReachesTheSettings(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := member(c, "theo")
	before := facts(t, c, name)
	alone := newPerson(t, c)
	alone.signIn(name)
	carol := operator(t, c, "carol")
	guest := newPerson(t, c)
	guest.open("/", http.StatusOK)
	for who, p := range map[string]*person{"the password alone": alone, "an operator": carol, "a guest": guest} {
		p.open("/", http.StatusOK)
		for _, path := range []string{"/settings", "/settings/address", "/settings/add", "/settings/authenticator", "/settings/remove", ownCodes, ownCodesFile, history} {
			if a := get(path, p.session()).to(t, c); a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin?to=settings" {
				t.Errorf("%s opens %s: %d %s", who, path, a.status, a.header.Get("Location"))
			}
		}
		for _, q := range settingsForms(p.session(), p.token()) {
			if a := q.to(t, c); a.status != http.StatusForbidden {
				t.Errorf("%s posts %v: %d", who, q.form, a.status)
			}
		}
	}
	if after := facts(t, c, name); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	// A sign-in without the second factor that comes back from the full request is ended.
	c.KC.SetRealm(map[string]any{"browserFlow": fakekc.FlowPasswordAlone})
	alone = newPerson(t, c)
	alone.must(alone.SignIn(t.Context(), c.URL+"/signin?to=settings", name, name+"-password", nil))
	alone.want(http.StatusForbidden)
	alone.says("Please sign in with your one-time password")
}

// SES-02, SES-03: a guest's cookie, or a session that the store has, that somebody planted before the sign-in is worth nothing after it; another person
// begins anew.
func TestTheSettingsBeginUnderANewSession(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	one, two := member(c, "ulla"), member(c, "vera")
	thief := newPerson(t, c)
	thief.open("/", http.StatusOK)
	guest := thief.session()
	thief.open("/start", http.StatusOK)
	thief.send("/start", http.StatusOK, "name", one) // the store has it from here on
	planted := thief.session()
	if planted == guest {
		t.Fatal("still a guest")
	}
	p := newPerson(t, c)
	p.Plant(c.URL, web.SessionCookie, planted)
	p.settings(one)
	if p.session() == planted {
		t.Error("the planted session goes on")
	}
	p.send("/settings", http.StatusOK, "do", "add")
	key := p.scan()
	old := p.session()
	for _, session := range []string{guest, planted, old + "x"} {
		if a := get("/settings", session).to(t, c); a.status != http.StatusSeeOther {
			t.Errorf("a planted session: %d", a.status)
		}
	}
	p.enters(one, oldKey(t)) // the same person once more goes on with the same key
	p.at("/settings/add")
	if again := p.scan(); again.Code(c.Clock.Now()) != key.Code(c.Clock.Now()) {
		t.Error("another key after another sign-in of the same person")
	}
	if a := get("/settings", old).to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("the session before: %d", a.status)
	}
	p.send("/signout", http.StatusOK)
	p.settings(two)
	if a := get("/settings/add", p.session()).to(t, c); a.header.Get("Location") != "/settings" {
		t.Errorf("another person gets the key that was begun: %d %s", a.status, a.header.Get("Location"))
	}
}

// TMP-02, TOK-07: an account that changed since the sign-in, or holds a temporary code, opens no settings any more.
func TestSettingsLookAtTheAccountEachTime(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for what, change := range map[string]func(id string){
		"temporary code": func(id string) {
			must2(t, c.Flow.Target.Do(t.Context(), id, temporary(c)))
		},
		"logged out": func(id string) {
			must2(t, c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions}))
		},
		"disabled":     func(id string) { c.KC.Change(id, func(a *fakekc.Account) { a.Enabled = false }) },
		"outside":      func(id string) { c.KC.Change(id, func(a *fakekc.Account) { a.Groups = nil }) },
		"new password": func(id string) { c.KC.SetPassword(id, "another-password", c.Clock.Now()) },
	} {
		t.Run(what, func(t *testing.T) {
			name, mails := member(c, "xara-"+bridge.NewUUID()[:6]), len(c.Mails(""))
			p := owner(t, c, name)
			p.wantsMailAt(name+"@example.org", http.StatusOK)
			p.open("/settings", http.StatusOK)
			p.send("/settings", http.StatusOK, "do", "add")
			key := p.scan()
			id := p.listed("authenticator")[0]
			p.chooses("authenticator", id)
			c.Clock.Add(2 * time.Second)
			session, token, person := p.session(), p.token(), c.KC.PersonID(name)
			change(person)
			before := facts(t, c, name)
			for _, q := range append(settingsForms(session, token)[:3],
				post("/settings/address", session, token, "do", "confirm", "code", number(t, c, name+"@example.org")),
				post("/settings", session, token, "do", "add"),
				post("/settings/add", session, token, "do", "confirm", "code", key.Code(c.Clock.Now())),
				post("/settings/authenticator", session, token, "do", "remove", "id", id),
				post("/settings/authenticator", session, token, "do", "rename", "label", "x", "id", id),
				post(ownCodes, session, token, "do", "codes"),
			) {
				if a := q.to(t, c); a.status != http.StatusForbidden {
					t.Errorf("%v: %d %s", q.form, a.status, a.header.Get("Location"))
				}
			}
			if a := get("/settings", session).to(t, c); a.status == http.StatusOK {
				t.Error("the settings still open")
			}
			if after := facts(t, c, name); after != before {
				t.Errorf("before %s\nafter %s", before, after)
			}
			if n := len(c.Mails("")); n != mails+1 {
				t.Errorf("%d mails", n-mails)
			}
		})
	}
}

func must2(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// temporary writes a temporary code.
func temporary(c *campus.Campus) bridge.Action {
	n := bridge.NewTemporary("temporary", c.Flow.Codes.NewKey(), c.Clock.Now())
	return bridge.Action{Kind: bridge.ActionAdd, Credential: n.ID, New: &n}
}
