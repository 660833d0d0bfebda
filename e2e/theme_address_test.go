package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// codeFormIn brings a browser to the page for the one-time password.
func codeFormIn(t *testing.T, c *rig.Campus, language string) *rig.Browser {
	t.Helper()
	client := rig.NewClient(t, c.Realm, "portal", c.Portal.URL+"/cb")
	b := client.Open(rig.NewBrowser(t), "ui_locales", language)
	b.Submit("username", "alice", "password", realm.Password("alice")).Follow(client.Redirect)
	if b.Status != http.StatusOK || b.Page() != "login-login-otp" || !strings.Contains(b.Text(), themeWords[language].code) {
		t.Fatalf("%s: %s", language, b.Describe())
	}
	return b
}

// lostLink is where the link on a page leads; "" when there is none.
func lostLink(b *rig.Browser) string {
	_, link, _ := strings.Cut(b.Body, `id="kc-otp-recovery"`)
	_, link, _ = strings.Cut(link, `href="`)
	link, _, _ = strings.Cut(link, `"`)
	return link
}

// Issue 6: the link leads to the realm's text, else to where Keycloak's environment says; what is no web address is as if it were not there, and without one there is
// no link. English is what Keycloak falls back to.
func TestJourneyThemeLinkAddress(t *testing.T) {
	t.Parallel()
	c := rig.NewCampus(t)
	text := func(language, address string) {
		t.Helper()
		call, body := "PUT ", any(address)
		if address == "" {
			call, body = "DELETE ", nil
		}
		if err := c.Do(t.Context(), call+"/localization/"+language+"/otpRecoveryUrl", body, nil); err != nil {
			t.Fatal(err)
		}
	}
	lead := func(where, ja, en string) {
		t.Helper()
		for language, want := range map[string]string{"ja": ja, "en": en} {
			if got := lostLink(codeFormIn(t, c, language)); got != want {
				t.Errorf("%s, %s: the link leads to %q, want %q", where, language, got, want)
			}
		}
	}
	ours := c.AppURL + "/"
	text("ja", "")
	lead("a text in English only", ours, ours)
	text("ja", ours+"ja")
	text("en", "")
	lead("a text in Japanese only", ours+"ja", rig.RecoveryURL)
	text("ja", "javascript:alert(1)//https://otp.example.ac.jp")
	text("en", "otp.example.ac.jp")
	lead("texts that are no web addresses", rig.RecoveryURL, rig.RecoveryURL)
	for name, address := range map[string]string{"unset": "${env.OTP_RECOVERY_URL_THAT_IS_NOT_SET:}", "script": "javascript:alert(1)", "slip": "https:///otp.example.ac.jp"} {
		themeCommand(t, "--name", "otp-"+name, rig.ThemeDir(t))
		say(t, "otp-"+name, address)
		useTheme(t, c.Realm, "otp-"+name)
		lead("an environment like "+name, "", "")
	}
}

// say makes a theme's address another one than that of the server's environment.
func say(t *testing.T, theme, address string) {
	t.Helper()
	const variable = "${env.OTP_RECOVERY_URL:}"
	file := filepath.Join(rig.ThemeDir(t), theme, "login", "theme.properties")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), variable) {
		t.Fatalf("%s (%v)", text, err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), variable, address)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Issue 6: no other page of a sign-in has the link: neither those before the one for the one-time password, nor other ways, nor what comes after. A wrong code leaves it.
func TestJourneyThemeLinkNowhereElse(t *testing.T) {
	t.Parallel()
	c := rig.NewCampus(t)
	const code = "ABCDEFGHJKMN"
	if _, err := c.Add(t.Context(), realm.Person{
		Name: "frank", OTPs: []string{realm.Secret("frank")}, Codes: []string{code}, RequiredActions: []string{"UPDATE_PASSWORD"},
	}); err != nil {
		t.Fatal(err)
	}
	client := rig.NewClient(t, c.Realm, "portal", c.Portal.URL+"/cb")
	b := client.Open(rig.NewBrowser(t))
	unlocked := func() {
		t.Helper()
		if err := c.Unlock(t.Context(), "frank"); err != nil {
			t.Fatal(err)
		}
	}
	step := func(page string, links int) {
		t.Helper()
		if got := strings.Count(b.Body, `id="kc-otp-recovery"`); b.Page() != page || got != links {
			t.Errorf("%d links, want %d on %s: %s", got, links, page, b.Describe())
		}
	}
	step("login-login", 0)
	b.Submit("username", "frank", "password", "wrong").Follow(client.Redirect)
	step("login-login", 0)
	unlocked()
	b.Submit("username", "frank", "password", realm.Password("frank")).Follow(client.Redirect)
	step("login-login-otp", 1)
	b.Submit("otp", "000000").Follow(client.Redirect)
	step("login-login-otp", 1)
	unlocked()
	b.Submit("tryAnotherWay", "on").Follow(client.Redirect)
	step("login-select-authenticator", 0)
	b.Submit("authenticationExecution", b.Choice("Recovery Authentication Code")).Follow(client.Redirect)
	step(codePage, 0)
	b.Submit("recoveryCodeInput", code).Follow(client.Redirect)
	step("login-login-update-password", 0)
}
