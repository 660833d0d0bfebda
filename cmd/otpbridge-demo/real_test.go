package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The theme lies where Keycloak looks for it, and a kept state gets the one of this version.
func TestThemeIsWrittenAfresh(t *testing.T) {
	t.Parallel()
	d := &demo{dir: t.TempDir()}
	for range 2 {
		dir, err := d.writeTheme()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, loginTheme, "login", "theme.properties")
		if text, err := os.ReadFile(file); err != nil || len(text) < 10 {
			t.Fatalf("%s: %q, %v", file, text, err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
