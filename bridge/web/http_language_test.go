package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/web"
)

func served(body string) string {
	_, rest, _ := strings.Cut(body, `<html lang="`)
	lang, _, _ := strings.Cut(rest, `"`)
	return lang
}

// I18N-02: explicit choice, then the person's own language, then the browser's wish, then the default.
func TestTheLanguageIsChosenInThisOrder(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, test := range []struct{ cookie, accept, want string }{
		{"", "", "en"},
		{"", "ja", "ja"},
		{"", "ja-JP,ja;q=0.9,en;q=0.8", "ja"},
		{"", "en-GB,en;q=0.9,ja;q=0.8", "en"},
		{"", "fr", "en"},
		{"", "fr,ja;q=0.5", "ja"},
		{"", "ja;q=0,en", "en"},
		{"", "*", "en"},
		{"", "zh-TW", "en"},
		{"", "\"><script>", "en"},
		{"", strings.Repeat("ja,", 2000), "en"},
		{"ja", "en", "ja"},
		{"en", "ja", "en"},
		{"fr", "ja", "ja"},
		{"JA", "en", "en"},
		{"../../etc", "ja", "ja"},
	} {
		q := byHand{path: "/start", header: map[string]string{"Accept-Language": test.accept}}
		if test.cookie != "" {
			q.header["Cookie"] = web.LanguageCookie + "=" + test.cookie
		}
		for _, path := range []string{"/", "/start", "/veto", "/nothing-here"} {
			q.path = path
			a := q.to(t, c)
			if served(a.body) != test.want || !strings.Contains(a.header.Get("Vary"), "Accept-Language") {
				t.Errorf("choice %q, browser %.20q: %s in %q", test.cookie, test.accept, path, served(a.body))
			}
		}
		q.path, q.method = "/start", http.MethodDelete
		if a := q.to(t, c); served(a.body) != test.want {
			t.Errorf("405 for choice %q, browser %.20q in %q", test.cookie, test.accept, served(a.body))
		}
		q.method, q.header["Host"] = http.MethodGet, "evil.example"
		if a := q.to(t, c); served(a.body) != test.want {
			t.Errorf("421 for choice %q, browser %.20q in %q", test.cookie, test.accept, served(a.body))
		}
	}
}

// I18N-02: the person's own language rules after the sign-in, unless another was chosen; the choice goes to the campus sign-in and stays.
func TestThePersonsLanguageRulesAfterTheSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.KC.Change(c.KC.PersonID("alice"), func(a *fakekc.Account) { a.Attributes["locale"] = []string{"ja"} })
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	if p.Lang() != "en" {
		t.Fatalf("before the sign-in: %s", p.Lang())
	}
	p.signIn("alice")
	if p.Lang() != "ja" {
		t.Errorf("after the sign-in: %s", p.Lang())
	}
	p.send("/language", http.StatusOK, "lang", "en", "return", "/recovery")
	p.at("/recovery")
	if p.Lang() != "en" {
		t.Errorf("after the choice: %s", p.Lang())
	}
	p.send("/signout", http.StatusOK)
	p.Language = "ja"
	p.open("/start", http.StatusOK)
	p.must(p.Post(t.Context(), c.URL+"/start", url.Values{"csrf": {p.token()}, "name": {"alice"}}))
	if p.Lang() != "en" {
		t.Errorf("at the campus, after choosing English: %s", p.Lang())
	}
	other := newPerson(t, c)
	other.Language = "ja"
	other.open("/start", http.StatusOK)
	other.must(other.Post(t.Context(), c.URL+"/start", url.Values{"csrf": {other.token()}, "name": {"erin"}}))
	if other.Lang() != "ja" {
		t.Errorf("at the campus, with a Japanese browser: %s", other.Lang())
	}
}

// I18N-01, ENR-10: a change of language keeps the page at every step, with what was going on there.
func TestChangingTheLanguageKeepsThePage(t *testing.T) {
	t.Parallel()
	for _, stage := range momentsOfAJourney {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p := newPerson(t, c)
			stage.reach(p)
			if stage.name == "nobody" {
				p.open("/start", http.StatusOK)
			}
			if stage.name == "wrong code typed" {
				p.open("/enrol", http.StatusOK)
			}
			path, before := p.path(), facts(t, c, "alice")
			key := otpauth.FindString(p.Body)
			for _, lang := range []string{"ja", "en", "ja"} {
				if !strings.Contains(p.Body, `name="return" value="`+path+`"`) {
					t.Fatalf("the page does not lead back to %s", path)
				}
				p.send("/language", http.StatusOK, "lang", lang, "return", path)
				p.at(path)
				if p.Lang() != lang || otpauth.FindString(p.Body) != key {
					t.Errorf("%s in %s, key the same: %t", path, p.Lang(), otpauth.FindString(p.Body) == key)
				}
				checkLanguage(t, p.Body, lang)
			}
			if facts(t, c, "alice") != before {
				t.Error("something changed")
			}
			p.send("/language", http.StatusOK, "lang", "fr", "return", path)
			if p.Lang() != "ja" {
				t.Errorf("French led to %s", p.Lang())
			}
		})
	}
}

// checkLanguage wants every Japanese text of an English page to say that it is Japanese, and a title and a main part in each.
func checkLanguage(t *testing.T, body, lang string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	titles := 0
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "title" && n.FirstChild != nil && n.FirstChild.Data != "" {
			titles++
		}
		if lang != "en" || n.Type != html.TextNode || !strings.ContainsFunc(n.Data, japanese) {
			continue
		}
		marked := false
		for up := range n.Ancestors() {
			for _, a := range up.Attr {
				marked = marked || a.Key == "lang" && a.Val == "ja"
			}
		}
		if !marked {
			t.Errorf("%q is not marked as Japanese", n.Data)
		}
	}
	if titles != 1 {
		t.Errorf("%d titles", titles)
	}
}

func japanese(r rune) bool { return r >= 'ぁ' && r <= 'ヿ' || r >= '一' && r <= '鿿' }

// A11Y-09: the same contact stands on every page that a person can reach, errors included.
func TestTheContactStandsOnEveryPage(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	everyKindOfAnswer(t, c)
	p := newPerson(t, c)
	p.ask("alice")
	p.redeem("alice")
	p.finish()
	for _, a := range c.Answers() {
		if !strings.HasPrefix(a.Body, "<!doctype html>") {
			continue
		}
		if strings.Count(a.Body, `id="help"`) != 1 || !strings.Contains(a.Body, "075-000-0000") || !strings.Contains(a.Body, "https://www.example.ac.jp/contact") {
			t.Errorf("%s %s: no contact", a.Method, a.Path)
		}
	}
}

// WEB-06: whatever somebody put into an account, a form or an address is text on every page.
func TestWhatPeopleTypeIsTextOnEveryPage(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for i, evil := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</title><svg onload=alert(1)>`, `{{.S}}`, `javascript:alert(1)`,
	} {
		name := enrolled(c, "student"+string(rune('a'+i)))
		id := c.KC.AddPerson(fakekc.Person{
			Username: name, First: evil, Last: evil, Email: name + "@example.net", Password: name + "-password", OTP: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
			Groups: []string{"otp-recoverable"}, Roles: []string{"default-roles-campus"}, Attributes: map[string][]string{"notificationEmail": {name + "@example.net"}},
		})
		p := newPerson(t, c)
		p.open("/start", http.StatusOK)
		p.must(p.Post(t.Context(), c.URL+"/start", url.Values{"csrf": {p.token()}, "name": {evil}}))
		p.ask(name)
		p.redeem(name)
		p.send("/enrol", http.StatusUnprocessableEntity, "do", "confirm", "code", evil, "label", evil)
		p.send("/enrol", http.StatusOK, "do", "confirm", "code", p.code(p.scan()), "label", evil)
		p.at("/done")
		if creds := c.KC.Credentials(id); len(creds) != 2 || !strings.HasPrefix(creds[1].Label, strings.TrimSpace(evil)) {
			t.Errorf("%q became %+v", evil, creds)
		}
		get("/"+url.PathEscape(evil), p.session()).to(t, c)
		get("/recovery?sent="+url.QueryEscape(evil), p.session()).to(t, c)
	}
	for _, a := range c.Answers() {
		for _, leak := range []string{"<script>alert", "<img src=x", "<svg onload", "' onmouseover='alert", "href=\"javascript:"} {
			if strings.Contains(a.Body, leak) {
				t.Errorf("%s %s holds %s", a.Method, a.Path, leak)
			}
		}
	}
}
