package rig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"otpbridge/templates"
)

// RecoveryURL is where the environment of the run's Keycloak says that the theme's link leads: where a realm's texts do not say it.
const RecoveryURL = "https://otp.example.ac.jp/?from=environment"

// KeycloakEnv is what the environment of the run's Keycloak says beside that of the tests.
func KeycloakEnv() []string { return []string{"OTP_RECOVERY_URL=" + RecoveryURL} }

// themesVariable is what `make keycloak` tells the directory of themes by.
const themesVariable = "KEYCLOAK_THEMES"

// loginTheme is the theme of campus realms.
const loginTheme = "otp-recovery"

// MakeThemes makes a directory with the theme in it, for the server of a run. Who asks for it removes it.
func MakeThemes() (string, error) {
	dir, err := os.MkdirTemp("", "themes-*")
	if err != nil {
		return "", fmt.Errorf("make the themes: %w", err)
	}
	themes, err := fs.Sub(templates.FS, "keycloak")
	if err == nil {
		err = os.CopyFS(dir, themes)
	}
	if err != nil {
		return "", fmt.Errorf("make the themes: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	return dir, nil
}

// ThemeDir is where the server of the run reads themes. A test may write further ones there, under names of its own, before a realm asks for them: what was
// read once is kept.
func ThemeDir(t *testing.T) string {
	t.Helper()
	Keycloak(t)
	if run.themes != "" {
		return run.themes
	}
	dir := os.Getenv(themesVariable)
	if dir == "" {
		t.Fatalf("$KEYCLOAK_URL is set and $%s is not: make keycloak prints both", themesVariable)
	}
	return dir
}
