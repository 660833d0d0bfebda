package e2e_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realkc"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// themeCommand runs `otpbridge theme` and returns what it says.
func themeCommand(t *testing.T, args ...string) string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), rig.Binary(t), append([]string{"theme", "--force", "--lang=en"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("theme %v: %v\n%s", args, err, text)
	}
	return string(text)
}

// useTheme makes a realm show another theme.
func useTheme(t *testing.T, r *realm.Realm, name string) {
	t.Helper()
	if err := r.Do(t.Context(), "PUT ", map[string]any{"loginTheme": name}, nil); err != nil {
		t.Fatal(err)
	}
}

// writeTheme writes files of themes as somebody on a campus would.
func writeTheme(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for file, text := range files {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shippedTemplate is a file of Keycloak's own theme keycloak.v2.
func shippedTemplate(t *testing.T, name string) string {
	t.Helper()
	version := rig.Version(t)
	home, err := realkc.Find(version)
	if err != nil {
		t.Fatal(err)
	}
	themes, err := zip.OpenReader(filepath.Join(home, "lib", "lib", "main", "org.keycloak.keycloak-themes-"+version+".jar"))
	if err != nil {
		t.Fatal(err)
	}
	defer themes.Close() //nolint:errcheck // read only
	text, err := fs.ReadFile(themes, "theme/keycloak.v2/login/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// writeCampusTheme writes a theme that has a footer of its own, and what it builds on, whose page tells the footer something.
func writeCampusTheme(t *testing.T, dir string) {
	t.Helper()
	const call = "<@loginFooter.content/>"
	page := shippedTemplate(t, "template.ftl")
	if strings.Count(page, call) != 1 {
		t.Fatal("Keycloak's own page shows its footer in another way")
	}
	writeTheme(t, dir, map[string]string{
		"campus-look/login/theme.properties": "parent=keycloak.v2\n",
		"campus-look/login/template.ftl":     strings.Replace(page, call, `<@loginFooter.content phone="03-5555-0100"/>`, 1),
		"campus-look/login/desk.ftl":         `<#assign words = "Help desk">`,
		"campus/login/theme.properties":      "parent=campus-look\n",
		"campus/login/footer.ftl": "<#import \"desk.ftl\" as desk>\n" +
			"<#macro content phone>\n  <p style=\"text-align: center\">${desk.words} ${phone}</p>\n</#macro>\n",
	})
}

const campusFooter = "Help desk 03-5555-0100"

// mustBeTheProvider fails the test unless the theme among the server's providers is what the program writes.
func mustBeTheProvider(t *testing.T, name string) {
	t.Helper()
	home, err := realkc.Find(rig.Version(t))
	if err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(t.TempDir(), name+".jar")
	themeCommand(t, "--name", name, written)
	want, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(home, "providers", "otp-recovery.jar"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the server has another theme among its providers than the program writes (%v): run .ci/setup keycloak", err)
	}
}

// Issue 6: the link stands on the page for the one-time password whatever the theme builds on, from a directory as from a provider, and leads where Keycloak's
// environment says when the realm says nothing. What the parent shows at the foot of every page stays.
func TestJourneyThemeLinkOnAnyParent(t *testing.T) {
	t.Parallel()
	c := rig.NewCampus(t)
	for language := range themeWords {
		if err := c.Do(t.Context(), "DELETE /localization/"+language+"/otpRecoveryUrl", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	dir := rig.ThemeDir(t)
	writeCampusTheme(t, dir)
	themeCommand(t, "--parent", "keycloak", "--name", "otp-classic", dir)
	if text := themeCommand(t, "--parent", "campus", "--name", "otp-campus", dir); strings.Contains(text, "--themes") {
		t.Errorf("the parent's footer is there, and yet: %s", text)
	}
	mustBeTheProvider(t, "otp-recovery-jar")
	for language, look := range map[string]rig.Look{"en": {Dark: true}, "ja": {Language: "ja", Width: 320}} {
		words := themeWords[language]
		p := rig.NewPage(t, look)
		for theme, foot := range map[string]string{"otp-classic": "", "otp-campus": campusFooter, "otp-recovery-jar": ""} {
			useTheme(t, c.Realm, theme)
			p.Go(c.Portal.URL).Fill("username", "alice").Fill("password", realm.Password("alice"))
			if links := themeLinks(p); links != 0 || !strings.Contains(p.Text(), foot) {
				t.Errorf("%s, %s, password page: %d links: %s", language, theme, links, p.Text())
			}
			p.Press("\r").See(words.code).See(words.link).Screenshot(theme + "-" + language)
			mustShowLink(t, p, words.link, rig.RecoveryURL)
			if !strings.Contains(p.Text(), foot) {
				t.Errorf("%s, %s: the parent's footer is gone: %s", language, theme, p.Text())
			}
		}
	}
	// Where the parent's footer cannot be kept, people are told, and the page that tells it something stays whole.
	if text := themeCommand(t, "--parent", "campus", "--themes", t.TempDir(), "--name", "otp-alone", dir); !strings.Contains(text, "campus is not in a directory") {
		t.Errorf("the parent's footer is lost, and it says: %s", text)
	}
	useTheme(t, c.Realm, "otp-alone")
	if b := codeFormIn(t, c, "en"); lostLink(b) != rig.RecoveryURL || strings.Contains(b.Text(), campusFooter) {
		t.Errorf("without the parent's footer the link leads to %q: %s", lostLink(b), b.Describe())
	}
}
