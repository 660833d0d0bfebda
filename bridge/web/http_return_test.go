package web_test

import (
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/campus"
)

// OIDC-15: a form leads back to a page of ours, named whole, or to the start page.
func TestAFormLeadsBackToPagesOfOursOnly(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	session, token := p.session(), p.token()
	list, err := os.ReadFile("testdata/returns.txt")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		target, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		tried++
		a := post("/language", session, token, "lang", "en", "return", target).to(t, c)
		if a.status != http.StatusSeeOther || len(a.header.Values("Location")) != 1 || a.header.Get("Location") != "/" {
			t.Errorf("%q: %d to %q", target, a.status, a.header.Values("Location"))
		}
		for _, name := range []string{"return", "next", "url", "redirect", "redirect_uri", "continue", "target", "rd", "RelayState"} {
			a := get("/start?"+name+"="+url.QueryEscape(target), session).to(t, c)
			if a.status != http.StatusOK || a.header.Get("Location") != "" {
				t.Errorf("?%s=%q: %d %s", name, target, a.status, a.header.Get("Location"))
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d targets", tried)
	}
	for _, target := range []string{"/", "/start", "/recovery", "/link", "/veto", "/enrol", "/done"} {
		if a := post("/language", session, token, "lang", "en", "return", target).to(t, c); a.header.Get("Location") != target {
			t.Errorf("%s led to %s", target, a.header.Get("Location"))
		}
	}
}

// OIDC-15: every redirect that answers a POST is 303, so that no browser sends the form again; each goes to us or to the campus sign-in.
func TestEveryRedirectAfterAPostIs303(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	p.send("/language", http.StatusOK, "lang", "ja", "return", "/recovery")
	p.send("/recovery", http.StatusOK, "do", "check")
	p.send("/recovery", http.StatusOK, "do", "resend") // too early: said on the page
	p.redeem("alice")
	p.send("/enrol", http.StatusOK, "do", "new")
	p.send("/enrol", http.StatusOK, "do", "extend")
	p.finish()
	other := newPerson(t, c)
	other.ask("erin")
	other.send("/recovery", http.StatusOK, "do", "cancel")
	other.send("/recovery", http.StatusOK, "do", "restart")
	other.send("/signout", http.StatusOK)
	other.open("/start", http.StatusOK)
	other.must(other.Post(t.Context(), c.URL+"/signout", url.Values{"csrf": {other.token()}}))
	seen := map[string]bool{}
	for _, a := range c.Answers() {
		if a.Status/100 != 3 {
			continue
		}
		seen[a.Method+" "+a.Path] = true
		to := a.Header.Get("Location")
		ours := strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//")
		if a.Status != http.StatusSeeOther || (!ours && !strings.HasPrefix(to, c.KC.Issuer+"/")) {
			t.Errorf("%s %s: %d to %s", a.Method, a.Path, a.Status, to)
		}
	}
	for _, want := range []string{"POST /start", "POST /recovery", "POST /link", "POST /enrol", "POST /language", "POST /signout"} {
		if !seen[want] {
			t.Errorf("no redirect after %s", want)
		}
	}
}

// OIDC-13: the address that the browser goes to at the campus holds the client and the pushed request, and nothing else.
func TestTheBrowserCarriesNothingButThePushedRequest(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	a := post("/start", p.session(), p.token(), "name", "alice").to(t, c)
	to, err := url.Parse(a.header.Get("Location"))
	p.must(err)
	if len(to.Query()) != 2 || to.Query().Get("client_id") == "" || to.Query().Get("request_uri") == "" {
		t.Errorf("the browser carries %v", to.Query())
	}
}
