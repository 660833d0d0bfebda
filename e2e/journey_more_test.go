package e2e_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// visit begins a journey in Chromium.
func (s *site) visit(look rig.Look) *journey {
	s.t.Helper()
	language := look.Language
	if language == "" {
		language = "en"
	}
	return &journey{t: s.t, campus: s.campus, mailbox: s.mailbox, bridge: s.bridge, w: languages[language], page: rig.NewPage(s.t, look)}
}

// link waits for the n-th mail to a person.
func (j *journey) link(name string, n int) string {
	j.t.Helper()
	return j.mailbox.Wait(name+"@example.net", n).Link(j.t, j.bridge.URL+"/link/")
}

// TOK-13 (Authelia#3013): asked for on the phone, opened on the PC; the phone says that it went on elsewhere.
func TestPeer_Authelia3013_OtherDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	phone, pc := s.visit(rig.Look{Width: 320}), s.visit(rig.Look{})
	phone.ask("alice")
	pc.follow("alice", phone.link("alice", 1))
	phone.page.Go(s.bridge.URL + "/recovery").See("You are continuing on another screen").MustBeAccessible().Screenshot("elsewhere")
	var keys int
	phone.page.Eval(`document.querySelectorAll("[href^=otpauth]").length`, &keys)
	if keys > 0 {
		t.Error("the key is shown on the other device")
	}
	pc.enrol()
	pc.mustOpenPortalWithNewCodeOnly("alice")
}

// MAIL-11, POL-05: the veto in the mail needs two choices and the number that is printed there; a robot that clicks stops nothing.
func TestJourneyVeto(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.hand("alice").ask()
	mail := s.mailbox.Wait("alice@example.net", 1)
	veto, link := mail.Link(t, s.bridge.URL+"/veto/"), mail.Link(t, s.bridge.URL+"/link/")
	number := regexp.MustCompile(`(?m)\b\d{6}\b`).FindString(strings.ReplaceAll(mail.Text, veto, ""))
	if number == "" {
		t.Fatalf("no number in the mail: %s", mail.Text)
	}
	p := rig.NewPage(t, rig.Look{})
	p.Go(veto).See("Stop this request?").SeeURL(s.bridge.URL + "/veto").MustBeAccessible().Screenshot("veto")
	p.Click("Continue").See("Choose whether it was you.").See("Type the 6 digits printed in the mail.").MustBeAccessible().Screenshot("veto-missing")
	p.Click("This wasn't me: stop it").Fill("Objection number (6 digits)", otherNumber(number)).Click("Continue")
	p.See("The objection number is not right.").MustBeAccessible()
	h.Get(s.bridge.URL + "/recovery").Follow("")
	h.see("Sent to")
	p.Click("This wasn't me: stop it").Fill("Objection number (6 digits)", number).Click("Continue")
	p.See("The request was stopped").MustBeAccessible().Screenshot("vetoed")
	h.Get(s.bridge.URL + "/recovery").Follow("")
	h.see("The request was stopped")
	other := s.hand("alice")
	other.Get(link).Follow("")
	other.SubmitTo("/link", "do", "continue").Follow("")
	other.SubmitTo("/start", "name", "alice").Follow("")
	other.typePassword().see("This link can no longer be used")
	rig.Eventually(t, "a notice of the veto", func() bool { return s.wasTold("alice@example.net", "The re-registration was cancelled") })
	if !s.opensPortal("alice", rig.NewPhone(t, realm.Secret("alice"))) {
		t.Error("the old authenticator does not work")
	}
}

// otherNumber is a number of six digits that is not the one given.
func otherNumber(number string) string {
	if number[0] == '9' {
		return "0" + number[1:]
	}
	return string(number[0]+1) + number[1:]
}

// Cancel ends the request and its link; a second mail within a minute is refused on the page itself.
func TestJourneyCancelAndResend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	j := s.visit(rig.Look{})
	j.ask("alice")
	j.page.Click("The mail does not arrive?").Click("Send the mail again")
	j.page.See("The mail was sent a moment ago.").MustBeAccessible().Screenshot("early")
	link := j.link("alice", 1)
	j.page.Click("Cancel this request").See("The request was cancelled").MustBeAccessible().Screenshot("cancelled")
	h := s.hand("alice")
	h.Get(link).Follow("")
	h.SubmitTo("/link", "do", "continue").Follow("")
	h.SubmitTo("/start", "name", "alice").Follow("")
	h.typePassword().see("This link can no longer be used")
	if n := len(s.mailbox.Messages("alice@example.net")); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// ENR-09, ENR-10, ENR-11: the same key after reload, back, in a second tab and in the other language; it is copied without blanks; a code is
// taken as people type it.
func TestJourneyTheKeyStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	j := s.visit(rig.Look{})
	j.ask("alice")
	j.follow("alice", j.link("alice", 1))
	key := j.key(j.page)
	for range 5 {
		j.page.Reload().See(j.w.enrol)
	}
	tab := j.page.Tab()
	tab.Go(s.bridge.URL + "/enrol").See(j.w.enrol)
	j.page.Go(s.bridge.URL + "/recovery").See(j.w.enrol).Go(s.bridge.URL + "/").See(j.w.lost).Back().See(j.w.enrol)
	for name, page := range map[string]*rig.Page{"the first tab": j.page, "the second tab": tab} {
		if got := j.key(page); got != key {
			t.Errorf("%s shows another key", name)
		}
	}
	j.page.Click("日本語").See(languages["ja"].enrol).MustBeAccessible()
	if got := j.key(j.page); got != key {
		t.Error("the other language shows another key")
	}
	j.page.Click("English").See(j.w.enrol).Click("Cannot scan? Type the key").See("Copy the key").Click("Copy the key").See("Copied.")
	if got := j.page.Clipboard(); got != key || len(got) != 32 {
		t.Errorf("the clipboard holds %d characters, want the key's 32", len(got))
	}
	j.page.Fill(j.w.code, "").Click(j.w.confirm).See("Type the digits shown in the app.").MustBeAccessible().Screenshot("missing")
	j.page.Fill(j.w.code, "12 34").Click(j.w.confirm).See("Type only the digits shown in the app").MustBeAccessible()
	j.phone = rig.NewPhone(t, key)
	code := j.phone.Code()
	j.page.Fill(j.w.code, wide(code[:3])+" "+wide(code[3:])).Click(j.w.confirm).See(j.w.done)
	j.mustOpenPortalWithNewCodeOnly("alice")
	j.page.Go(s.bridge.URL + "/enrol").See(j.w.done).Back().See(j.w.done) // the key is gone
	var keys int
	j.page.Eval(`document.querySelectorAll("[href^=otpauth]").length`, &keys)
	if keys > 0 {
		t.Error("the key is shown after the end")
	}
}

// key is the secret that a page shows.
func (j *journey) key(p *rig.Page) string {
	j.t.Helper()
	var address string
	p.Eval(`document.querySelector("a[href^='otpauth:']").href`, &address)
	uri, err := url.Parse(address)
	if err != nil {
		j.t.Fatal(err)
	}
	return uri.Query().Get("secret")
}

// wide writes digits as a Japanese keyboard may.
func wide(digits string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, digits)
}

// ENR-04: the QR code is read from the screen in every look, from near and far.
func TestJourneyQRInEveryLook(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	j := s.visit(rig.Look{})
	j.ask("alice")
	j.follow("alice", j.link("alice", 1))
	key := j.key(j.page)
	for name, look := range map[string]struct {
		width    int
		features []string
	}{
		"light":                {1280, []string{"prefers-color-scheme", "light"}},
		"dark":                 {1280, []string{"prefers-color-scheme", "dark"}},
		"320":                  {320, []string{"prefers-color-scheme", "light"}},
		"320-dark":             {320, []string{"prefers-color-scheme", "dark"}},
		"forced-colours":       {1280, []string{"forced-colors", "active", "prefers-color-scheme", "dark"}},
		"forced-colours-light": {1280, []string{"forced-colors", "active", "prefers-color-scheme", "light"}},
	} {
		j.page.Dress(look.width, look.features...).See(j.w.enrol)
		for _, file := range []string{j.page.Screenshot(name), j.page.SmallScreenshot(name + "-half")} {
			uri, err := url.Parse(j.page.ReadQR(file))
			if err != nil || uri.Query().Get("secret") != key {
				t.Errorf("%s: %v %v", file, uri, err)
			}
		}
	}
	j.page.Dress(1280) // axe takes the colours of the style sheet for those on the screen, which forced colours replace
	j.page.Fill(j.w.code, "000000").Click(j.w.confirm).See("The one-time password is not right.").MustBeAccessible().Screenshot("wrong")
}

// A11Y-01, SES: pages that say what went wrong, in both languages.
func TestJourneyErrorPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for language, words := range map[string]struct{ id, missing, link, notFound, signIn, session string }{
		"en": {"Enter your ID", "Type your ID.", "This link can no longer be used", "Page not found", "Sign-in was not completed", "Your session has ended"},
		"ja": {"IDを入力してください", "IDを入力してください。", "このリンクは使えません", "ページが見つかりません", "ログインが完了しませんでした",
			"セッションが終了しました"},
	} {
		p := rig.NewPage(t, rig.Look{Language: language, Width: 320, Dark: language == "ja"})
		w := languages[language]
		p.Go(s.bridge.URL + "/start").See(words.id).Click(w.next).See(words.missing).MustBeAccessible().Screenshot(language + "-missing")
		p.Go(s.bridge.URL + "/link").See(words.link).MustBeAccessible().Screenshot(language + "-link")
		p.Go(s.bridge.URL + "/nowhere").See(words.notFound).MustBeAccessible().Screenshot(language + "-notfound")
		p.Go(s.bridge.URL + "/oidc/callback?state=guessed").See(words.signIn).MustBeAccessible().Screenshot(language + "-signin")
		p.SetCookie(s.bridge.URL, "__Host-otpbridge", "unknown")
		p.Go(s.bridge.URL + "/recovery").See(words.session).MustBeAccessible().Screenshot(language + "-session")
	}
}

// SES-01, SES-09, WEB-01, WEB-04, TOK-09, OIDC-13, OIDC-14: what the browser sees of a whole journey.
func TestJourneyLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	j := s.visit(rig.Look{})
	record := j.page.Record()
	j.page.Go(s.bridge.URL).See(j.w.lost).Eval(`sessionStorage.setItem("otpbridge-moved", "enrol 0")`, nil) // as a waiting page does
	j.recover("alice", "alice@example.net")
	token := strings.TrimPrefix(j.link("alice", 1), s.bridge.URL+"/link/")
	campus, _, _ := strings.Cut(strings.TrimPrefix(s.campus.Issuer, "http://"), "/")
	requests := record.Requests()
	if len(requests) < 20 {
		t.Fatalf("only %d requests were recorded", len(requests))
	}
	for _, r := range requests {
		u, err := url.Parse(r.URL)
		if err != nil || r.URL != "" && u.Host != campus && "http://"+u.Host != s.bridge.URL {
			t.Errorf("foreign request: %s", r.URL)
		}
		if strings.Contains(r.Referer, token) || strings.Contains(r.Referer, "/link/") || strings.Contains(r.Referer, "code=") {
			t.Errorf("Referer %s", r.Referer)
		}
	}
	if issues := record.Issues(); len(issues) > 0 {
		t.Errorf("Content-Security-Policy: %s", strings.Join(issues, "\n"))
	}
	ours := 0
	for _, c := range record.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-otpbridge") {
			continue
		}
		ours++
		if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || len(c.Raw) > 4096 {
			t.Errorf("cookie %s", c.Raw)
		}
	}
	if ours < 3 { // first page, sign-in, second sign-in, done
		t.Errorf("%d cookies of ours were set", ours)
	}
	var stored int
	j.page.Eval(`localStorage.length + sessionStorage.length`, &stored)
	if stored != 0 {
		t.Errorf("Web Storage holds %d things", stored)
	}
	if log := s.bridge.Replicas[0].LogText(); strings.Contains(log, token) || strings.Contains(log, j.phone.Secret()) {
		t.Error("the log holds the token or the key")
	}
}
