package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// everyKindOfAnswer asks for each route and for every answer that no route gives.
func everyKindOfAnswer(t *testing.T, c *campus.Campus) {
	t.Helper()
	for _, path := range paths(c, http.MethodGet) {
		get(path, "").to(t, c)
		byHand{method: http.MethodHead, path: path}.to(t, c)
		byHand{method: http.MethodDelete, path: path}.to(t, c)
	}
	for _, path := range paths(c, http.MethodPost) {
		post(path, "", "").to(t, c)
	}
	for _, q := range []byHand{
		get("/nothing-here", ""), get("/static/nothing.css", ""), get("//evil.example", ""), get("/link/a/b", ""),
		{path: "/", header: map[string]string{"Host": "evil.example"}},
		{method: http.MethodPost, path: "/start", body: strings.NewReader(strings.Repeat("x", 70<<10))},
	} {
		q.to(t, c)
	}
}

// WEB-02, WEB-03: nothing leaves without these headers, whoever answers: page, redirect, error, static file, machine's route.
func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	everyKindOfAnswer(t, c)
	alice := newPerson(t, c)
	alice.ask("alice")
	alice.redeem("alice")
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "X-Robots-Tag": "noindex", "X-Frame-Options": "DENY",
	}
	maxAge := regexp.MustCompile(`^max-age=(\d+)`)
	for _, a := range c.Answers() {
		where := a.Method + " " + a.Path + " " + strconv.Itoa(a.Status)
		for name, value := range want {
			if got := a.Header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s: %s is %q", where, name, got)
			}
		}
		m := maxAge.FindStringSubmatch(a.Header.Get("Strict-Transport-Security"))
		if m == nil {
			t.Errorf("%s: no HSTS", where)
		} else if seconds, err := strconv.Atoi(m[1]); err != nil || seconds < 31536000 {
			t.Errorf("%s: HSTS for %s s", where, m[1])
		}
		if a.Header.Get("Permissions-Policy") == "" || a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no permissions policy or CSP", where)
		}
		for name := range a.Header {
			if name == "Server" || name == "X-Powered-By" || strings.HasPrefix(name, "Access-Control-") || name == "Clear-Site-Data" {
				t.Errorf("%s: %s: %s", where, name, a.Header.Get(name))
			}
		}
		static := strings.HasPrefix(a.Path, "/static/") && a.Status == http.StatusOK
		switch cache := a.Header.Get("Cache-Control"); {
		case static && cache != "public, max-age=31536000, immutable", !static && a.Path != "/.well-known/jwks.json" && cache != "no-store":
			t.Errorf("%s: Cache-Control %q", where, cache)
		}
		if kind := a.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/") && !strings.HasSuffix(kind, "charset=utf-8") {
			t.Errorf("%s: Content-Type %q", where, kind)
		}
	}
}

// WEB-01: the policy as a whole.
func TestThePolicyOfContentsAllowsOurOwnAndTheCampusSignInOnly(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	got := map[string]string{}
	for _, part := range strings.Split(get("/", "").to(t, c).header.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		got[name] = value
	}
	for name, value := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "connect-src": "'self'",
		"base-uri": "'none'", "object-src": "'none'", "frame-ancestors": "'none'", "form-action": "'self' " + c.KC.URL,
	} {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("more than wanted: %v", got)
	}
}

// WEB-04, TOK-09, A11Y-05: pages load nothing foreign, and hold no inline script, handler or style, nor a page that moves by itself.
func TestPagesHoldNothingForeignAndNothingInline(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	everyKindOfAnswer(t, c)
	alice := newPerson(t, c)
	alice.ask("alice")
	alice.redeem("alice")
	alice.send("/enrol", http.StatusUnprocessableEntity, "do", "confirm", "code", "000000")
	c.Clock.Add(6e10)
	alice.finish()
	pages := 0
	for _, a := range c.Answers() {
		if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || a.Body == "" || a.Status/100 == 3 {
			continue
		}
		pages++
		doc, err := html.Parse(strings.NewReader(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			checkElement(t, a.Method+" "+a.Path, n)
		}
	}
	if pages < 20 {
		t.Errorf("only %d pages", pages)
	}
}

func checkElement(t *testing.T, where string, n *html.Node) {
	t.Helper()
	if n.Type != html.ElementNode {
		return
	}
	loads := []string{"script", "link", "img", "iframe", "object", "embed", "source", "form"}
	for _, a := range n.Attr {
		address := a.Key == "src" || a.Key == "action" || a.Key == "formaction" || a.Key == "data" || (a.Key == "href" && n.Data == "link")
		switch {
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			t.Errorf("%s: <%s %s=%q>", where, n.Data, a.Key, a.Val)
		case address && slices.Contains(loads, n.Data) && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//")):
			t.Errorf("%s: <%s> goes to %q", where, n.Data, a.Val)
		case a.Key == "http-equiv":
			t.Errorf("%s: <meta http-equiv=%q>", where, a.Val)
		case strings.Contains(a.Val, "ZgotmplZ"):
			t.Errorf("%s: <%s %s=%q>", where, n.Data, a.Key, a.Val)
		}
	}
	if n.Data == "style" || (n.Data == "script" && n.FirstChild != nil) {
		t.Errorf("%s: an inline <%s>", where, n.Data)
	}
}

// WEB-07: what is for machines of the house is on another listener.
func TestThePublicListenerKnowsNoMetricsNoHealthAndNoProfiles(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, path := range []string{
		"/metrics", "/livez", "/readyz", "/healthz", "/health", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/.env", "/config",
		"/admin", "/desk", "/static/", "/static", "/templates/", "/favicon.ico", "/robots.txt",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			if a := (byHand{method: method, path: path}).to(t, c); a.status != http.StatusNotFound {
				t.Errorf("%s %s answered %d", method, path, a.status)
			}
		}
	}
}

// SES-01: every cookie of a whole run.
func TestEveryCookieIsBoundToThisHostAndClosedToScripts(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	everyKindOfAnswer(t, c)
	alice := newPerson(t, c)
	alice.ask("alice")
	alice.send("/language", http.StatusOK, "lang", "ja", "return", "/recovery")
	alice.redeem("alice")
	alice.finish()
	alice.send("/signout", http.StatusOK)
	seen := map[string]int{}
	for _, a := range c.Answers() {
		for _, line := range a.Header.Values("Set-Cookie") {
			k, err := http.ParseSetCookie(line)
			if err != nil {
				t.Fatal(err)
			}
			seen[k.Name]++
			if k.Name != web.SessionCookie && k.Name != web.LanguageCookie {
				t.Errorf("%s: a cookie %s", a.Path, k.Name)
			}
			if !strings.HasPrefix(k.Name, "__Host-") || !k.Secure || !k.HttpOnly || k.Path != "/" || k.Domain != "" || k.SameSite != http.SameSiteLaxMode || len(line) > 4096 {
				t.Errorf("%s: %s", a.Path, line)
			}
			if k.Name == web.SessionCookie && k.Value != "" && len(k.Value) != 43 && (!isGuest(k.Value) || len(k.Value) > 512) {
				t.Errorf("%s: the session's value has %d characters", a.Path, len(k.Value))
			}
		}
	}
	if seen[web.SessionCookie] < 4 || seen[web.LanguageCookie] != 1 {
		t.Errorf("cookies set: %v", seen)
	}
}
