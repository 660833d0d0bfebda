package main

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"path/filepath"
	"testing"
)

// Issue 6: the theme as a provider is what Keycloak looks for in a JAR.
func TestThemeJAR(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "theme.jar")
	var messages bytes.Buffer
	if code := run(t.Context(), process{args: []string{"theme", "--parent", "campus", file}, err: &messages}); code != exitDone {
		t.Fatalf("exit %d: %s", code, &messages)
	}
	jar, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer jar.Close() //nolint:errcheck // read only
	for name, want := range map[string]string{
		"META-INF/keycloak-themes.json":                            `{"themes":[{"name":"otp-recovery","types":["login"]}]}`,
		"theme/otp-recovery/login/theme.properties":                "\nparent=campus\n",
		"theme/otp-recovery/login/footer.ftl":                      `(pageId!"") == "login-otp"`,
		"theme/otp-recovery/login/messages/messages_ja.properties": "otpRecoveryLink=認証アプリを紛失した場合",
		"theme/otp-recovery/login/messages/messages_en.properties": "otpRecoveryLink=Lost your authenticator?",
	} {
		content, err := fs.ReadFile(jar, name)
		if err != nil || !bytes.Contains(content, []byte(want)) {
			t.Errorf("%s (%v) lacks %q:\n%s", name, err, want, content)
		}
	}
}
