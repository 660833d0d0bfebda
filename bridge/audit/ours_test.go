package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/audit"
)

// CFG-07: no line is written into a file that is something else, and its mode stays; what a crash left of a trail, or somebody cut off, goes on.
func TestOpenRefusesAFileOfSomethingElse(t *testing.T) {
	t.Parallel()
	const whole = `{"time":"2026-11-25T03:00:00.000Z","seq":7,"event":"service.started","outcome":"ok","version":"v"}` + "\n"
	for name, x := range map[string]struct {
		text string
		ours bool
	}{
		"a configuration":    {"base_url: https://otp.example.ac.jp\n", false},
		"a flow of YAML":     {"{\n  \"base_url\": 1}\n", false},
		"sealing keys":       {"first:AAAA\n", false},
		"one letter":         {"x", false},
		"a log":              {`{"time":"2026-11-25T03:00:00.000000001Z","level":"INFO","msg":"ready"}` + "\n", false},
		"bytes":              {strings.Repeat("\x00\x01\n", 300_000), false},
		"empty":              {"", true},
		"one record":         {whole, true},
		"torn":               {`{"time":"2026-11-2`, true},
		"torn at once":       {"{", true},
		"torn late":          {strings.TrimSuffix(whole, "}\n"), true},
		"torn, then more":    {`{"time":"2026` + "\n" + whole, true},
		"cut in front":       {`:"service.started","outcome":"ok"}` + "\n" + whole, true},
		"padded by the disk": {"\x00\x00\x00\x00", true},
		"padded afterwards":  {whole + "\x00\x00\x00", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := errors.Join(os.WriteFile(path, []byte(x.text), 0o600), os.Chmod(path, 0o640)); err != nil { // whatever the mask
				t.Fatal(err)
			}
			tr, err := audit.Open(config(path))
			if err == nil {
				err = errors.Join(tr.Record(t.Context(), event("service.stopped")), tr.Close())
			}
			text, _ := os.ReadFile(path)
			info, _ := os.Stat(path)
			kept := string(text) == x.text && info.Mode().Perm() == 0o640
			if (err == nil) != x.ours || kept == x.ours {
				t.Errorf("%v, mode %v, %q", err, info.Mode(), text[:min(len(text), 300)])
			}
		})
	}
}
