package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// SES-06: the matrix of origin headers and form tokens. Only a request that both allow has an effect; one without any header still needs
// the token.
func TestAFormNeedsItsOwnOriginAndItsOwnToken(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	other := newPerson(t, c)
	other.open("/", http.StatusOK)
	origins := []struct {
		name   string
		header map[string]string
		ok     bool
	}{
		{"no header", nil, true},
		{"same origin", map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"typed", map[string]string{"Sec-Fetch-Site": "none"}, true},
		{"own Origin", map[string]string{"Origin": c.URL}, true},
		{"same site", map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"cross site", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"cross site, own Origin", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": c.URL}, false},
		{"foreign Origin", map[string]string{"Origin": "https://evil.example"}, false},
		{"opaque Origin", map[string]string{"Origin": "null"}, false},
		{"other port", map[string]string{"Origin": "http://127.0.0.1:1"}, false},
		{"Origin that begins like ours", map[string]string{"Origin": c.URL + ".evil.example"}, false},
		{"unknown word", map[string]string{"Sec-Fetch-Site": "whatever"}, false},
	}
	for i, o := range origins {
		name := enrolled(c, fmt.Sprint("student", i))
		p := newPerson(t, c)
		p.ask(name)
		right := p.token()
		before := facts(t, c, name)
		for kind, token := range map[string]string{
			"wrong": right[1:] + "?", "empty": "", "of another session": other.token(), "longer": right + "x", "shorter": right[:42],
			"in another case": strings.ToUpper(right), "encoded": url.QueryEscape(right + "="),
		} {
			q := post("/recovery", p.session(), token, "do", "cancel")
			q.header = o.header
			if a := q.to(t, c); a.status != http.StatusForbidden || facts(t, c, name) != before {
				t.Errorf("%s, token %s: %d", o.name, kind, a.status)
			}
		}
		q := post("/recovery", p.session(), right, "do", "cancel")
		q.header = o.header
		a := q.to(t, c)
		ended := recovery(t, c, name).State == bridge.Ended
		if ended != o.ok || (a.status == http.StatusSeeOther) != o.ok {
			t.Errorf("%s, right token: answered %d, cancelled %t", o.name, a.status, ended)
		}
	}
}

// SES-06: every form has both guards; the token counts in the body only, of a form only, and of this session only.
func TestEveryPostIsGuarded(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p, thief := newPerson(t, c), newPerson(t, c)
	thief.signIn("erin")
	p.ask("alice")
	token, before := p.token(), facts(t, c, "alice")
	dos, n := []string{"cancel", "redeem", "notme", "confirm", "new", "extend", "start", "resend", "restart"}, 0
	for _, path := range paths(c, http.MethodPost) {
		if path == "/oidc/backchannel-logout" {
			continue // guarded by a signature
		}
		for name, q := range map[string]byHand{
			"no token":          post(path, p.session(), ""),
			"a thief's token":   post(path, p.session(), thief.token()),
			"a thief's session": post(path, thief.session(), token),
			"no session":        post(path, "", token),
			"unknown session":   post(path, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", token),
			"cross site":        {method: http.MethodPost, path: path, session: p.session(), form: url.Values{"csrf": {token}}, header: map[string]string{"Sec-Fetch-Site": "cross-site"}},
			"token in the URL":  {method: http.MethodPost, path: path + "?csrf=" + token, session: p.session(), form: url.Values{"do": {"cancel"}}},
			"another type": {
				method: http.MethodPost, path: path, session: p.session(), body: strings.NewReader("csrf=" + token + "&do=cancel"),
				header: map[string]string{"Content-Type": "text/plain"},
			},
			"JSON": {
				method: http.MethodPost, path: path, session: p.session(), body: strings.NewReader(`{"csrf":"` + token + `","do":"cancel"}`),
				header: map[string]string{"Content-Type": "application/json"},
			},
		} {
			for range rounds(len(dos)) {
				do := dos[n%len(dos)]
				n++
				if q.form != nil {
					q.form.Set("do", do)
				}
				a := q.to(t, c)
				if a.status != http.StatusForbidden || facts(t, c, "alice") != before {
					t.Errorf("POST %s with %s (%s): %d", path, name, do, a.status)
				}
			}
		}
	}
}

// A token that comes with the method in another spelling, or that is doubled, gains nothing.
func TestTheFirstFormTokenCounts(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	form := url.Values{"csrf": {"wrong", p.token()}, "do": {"cancel"}}
	q := byHand{method: http.MethodPost, path: "/recovery", session: p.session(), form: form}
	if a := q.to(t, c); a.status != http.StatusForbidden {
		t.Errorf("a second token counted: %d", a.status)
	}
}

// Cookies off: said in so many words, at each form and at the way back from the campus; no loop.
func TestABrowserWithoutCookiesIsTold(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, path := range paths(c, http.MethodPost) {
		if path == "/oidc/backchannel-logout" {
			continue
		}
		if a := post(path, "", "x").to(t, c); a.status != http.StatusForbidden || !strings.Contains(text(a.body), "cookies") {
			t.Errorf("POST %s without cookies: %d %s", path, a.status, text(a.body))
		}
	}
	if a := get("/oidc/callback?code=a&state=b", "").to(t, c); a.status != http.StatusForbidden || !strings.Contains(text(a.body), "cookies") {
		t.Errorf("callback without cookies: %d %s", a.status, text(a.body))
	}
	for from, to := range map[string]string{"/recovery": "/start", "/enrol": "/recovery", "/done": "/recovery"} {
		if a := get(from, "").to(t, c); a.status != http.StatusSeeOther || a.header.Get("Location") != to {
			t.Errorf("GET %s: %d %s", from, a.status, a.header.Get("Location"))
		}
	}
}

// A session that ended is said to have ended, and the ID page begins anew: its form token is another one, and nobody is named.
func TestAnExpiredSessionIsToldAndBeginsAnew(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	old, token := p.session(), p.token()
	c.Clock.Add(15 * 60e9)
	before := facts(t, c, "alice")
	for _, q := range []byHand{get("/recovery", old), post("/recovery", old, token, "do", "cancel"), post("/enrol", old, token, "do", "confirm")} {
		if a := q.to(t, c); a.status != http.StatusForbidden || !strings.Contains(a.body, "Your session has ended") {
			t.Errorf("%s %s: %d %s", q.method, q.path, a.status, text(a.body))
		}
	}
	if facts(t, c, "alice") != before {
		t.Error("an ended session changed something")
	}
	p.open("/start", http.StatusOK)
	if p.token() == token || strings.Contains(p.Body, "alice") {
		t.Error("the ended session lives on")
	}
}
