package realkc_test

import (
	"os"
	"path/filepath"
	"testing"
)

// writeScript puts a kc.sh into a directory that looks like a distribution.
func writeScript(t *testing.T, home, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(home, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "bin", "kc.sh"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
