package e2e_test

import (
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// themeWords are the words on Keycloak's pages, and of the link.
var themeWords = map[string]struct{ link, code, wrong string }{
	"en": {"Lost your authenticator?", "One-time code", "Invalid username or password."},
	"ja": {"認証アプリを紛失した場合", "ワンタイムコード", "無効なユーザー名またはパスワードです。"},
}

// themeLinks is how often the link stands on a page.
func themeLinks(p *rig.Page) (links int) {
	p.Eval(`document.querySelectorAll("#kc-otp-recovery").length`, &links)
	return links
}

// readLinks are the links in the theme's part of the page that are to be seen, with the contrast to what lies behind them: where a page has pictures behind it, Axe
// makes no statement.
const readLinks = `(() => {
	const channels = color => color.match(/[\d.]+/g).map(Number);
	const light = color => channels(color).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0.05);
	const behind = e => e ? (channels(getComputedStyle(e).backgroundColor)[3] ?? 1) === 1 ? getComputedStyle(e).backgroundColor : behind(e.parentElement) : "rgb(255, 255, 255)";
	return [...document.querySelectorAll("#kc-otp-recovery a")].filter(a => {
		a.scrollIntoView({block: "center", behavior: "instant"});
		const r = a.getBoundingClientRect();
		return a.checkVisibility({opacityProperty: true, visibilityProperty: true}) && document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2) === a;
	}).map(a => {
		const both = [light(getComputedStyle(a).color), light(behind(a))];
		return {Words: a.innerText, Href: a.getAttribute("href"), Contrast: Math.max(...both) / Math.min(...both)};
	});
})()`

// mustShowLink wants the link on the page once, to be seen, under those words, to that address, and as easy to read as WCAG 2.2 AA asks for.
func mustShowLink(t *testing.T, p *rig.Page, words, href string) {
	t.Helper()
	var shown []struct {
		Words, Href string
		Contrast    float64
	}
	p.Eval(readLinks, &shown)
	if n := themeLinks(p); n != 1 || len(shown) != 1 || shown[0].Words != words || shown[0].Href != href || shown[0].Contrast < 4.5 {
		t.Errorf("%d times on the page, to be seen: %+v; want %q to %s", n, shown, words, href)
	}
	for _, v := range p.Axe() {
		if s := v.String(); strings.Contains(s, "kc-otp-recovery") {
			t.Errorf("accessibility: %s", s)
		}
	}
}

// Issue 6: the theme's link stands on Keycloak's own page for the one-time password, in the language of the page, leads to the start page, and
// stands on no other page of the sign-in.
func TestJourneyThemeLink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for language, words := range themeWords {
		p := rig.NewPage(t, rig.Look{Language: language, Width: 320, Dark: language == "en"})
		linked := func(where string, want int) {
			t.Helper()
			if links := themeLinks(p); links != want {
				t.Errorf("%s, %s: %d links, want %d", language, where, links, want)
			}
		}
		name := map[string]string{"en": "alice", "ja": "bob"}[language]
		p.Go(s.campus.Portal.URL).Fill("username", name)
		linked("password page", 0)
		p.Fill("password", "wrong").Press("\r").See(words.wrong)
		linked("wrong password", 0)
		p.Fill("password", realm.Password(name)).Press("\r").See(words.code).See(words.link).Screenshot(language)
		mustShowLink(t, p, words.link, s.bridge.URL+"/")
		p.Click(words.link).SeeURL(s.bridge.URL).See(languages[language].lost)
	}
}

// Issue 6: without a theme the realm's own texts name the address on the page; Keycloak shows them as text, links in them are not followed.
func TestJourneyAddressByRealmText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.campus.Do(t.Context(), "PUT ", map[string]any{"loginTheme": ""}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.campus.Do(t.Context(), "PUT /localization/en/loginOtpOneTime", "One-time code (lost it? "+s.bridge.URL+")", nil); err != nil {
		t.Fatal(err)
	}
	p := rig.NewPage(t, rig.Look{})
	p.Go(s.campus.Portal.URL).Fill("username", "alice").Fill("password", realm.Password("alice")).Press("\r").See("One-time code (lost it? " + s.bridge.URL + ")")
}
