package e2e_test

import (
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// Issue 6: the theme's link stands on Keycloak's own page for the one-time password, in the language of the page, leads to the start page, and
// stands on no other page of the sign-in.
func TestJourneyThemeLink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for language, words := range map[string]struct{ link, code, wrong string }{
		"en": {"Lost your authenticator?", "One-time code", "Invalid username or password."},
		"ja": {"認証アプリを紛失した場合", "ワンタイムコード", "無効なユーザー名またはパスワードです。"},
	} {
		p := rig.NewPage(t, rig.Look{Language: language, Width: 320})
		linked := func(where string, want int) {
			t.Helper()
			var links int
			p.Eval(`document.querySelectorAll("#kc-otp-recovery a").length`, &links)
			if links != want {
				t.Errorf("%s, %s: %d links, want %d", language, where, links, want)
			}
		}
		name := map[string]string{"en": "alice", "ja": "bob"}[language]
		p.Go(s.campus.Portal.URL).Fill("username", name)
		linked("password page", 0)
		p.Fill("password", "wrong").Press("\r").See(words.wrong)
		linked("wrong password", 0)
		p.Fill("password", realm.Password(name)).Press("\r").See(words.code).See(words.link).Screenshot(language)
		linked("one-time password page", 1)
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
