package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files and docs/configuration.md anew")

// site is a folder with everything that the shipped example names.
type site struct {
	t      *testing.T
	folder string
	text   string // the example, with its files in the folder
}

// inFolder makes the example's secret files stand in folder.
func inFolder(example []byte, folder string) []byte {
	return bytes.ReplaceAll(example, []byte("/etc/otpbridge/"), []byte(folder+"/"))
}

func newSite(t *testing.T) *site {
	t.Helper()
	example, err := os.ReadFile("../../install/otpbridge.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t, t.TempDir(), string(inFolder(example, "."))}
	for purpose, name := range map[string]string{"sealing": "keys", "login": "login.jwk", "admin": "admin.jwk"} {
		if code, _, message := s.otpbridge("keys", "new", purpose, s.path(name)); code != exitDone {
			t.Fatal(message)
		}
	}
	s.write("smtp", "correct horse battery\n", 0o600)
	s.write("redis", "correct horse staple\n", 0o600)
	s.write("secret", "a client secret of its own", 0o600)
	s.write("holidays", "# 2026\n2026-11-03\n\n2026-11-23\n", 0o644)
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

func (s *site) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(s.path(name), mode); err != nil {
		s.t.Fatal(err)
	}
}

// otpbridge runs the command with no environment.
func (s *site) otpbridge(args ...string) (code int, out, message string) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(s.t.Context(), process{args: args, out: &stdout, err: &stderr})
	return code, stdout.String(), stderr.String()
}

// with returns the example with one text replaced, which must be there once.
func (s *site) with(old, fresh string) string {
	s.t.Helper()
	if strings.Count(s.text, old) != 1 {
		s.t.Fatalf("the example holds %q %d times", old, strings.Count(s.text, old))
	}
	return strings.Replace(s.text, old, fresh, 1)
}

// load reads a configuration from text; faults come back as lines without the folder.
func (s *site) load(text string, env ...string) (*Config, []string) {
	s.t.Helper()
	s.write("otpbridge.yaml", text, 0o600)
	cfg, _, err := loadConfig(s.path("otpbridge.yaml"), env)
	var faults *Faults
	if err != nil && !errors.As(err, &faults) {
		s.t.Fatal(err)
	}
	if faults == nil {
		return cfg, nil
	}
	return nil, strings.Split(strings.ReplaceAll(faults.Error(), s.folder+"/", ""), "\n")
}

// lineOf is the number of the line of the example that holds text.
func (s *site) lineOf(text string) int {
	s.t.Helper()
	before, _, ok := strings.Cut(s.text, text)
	if !ok {
		s.t.Fatalf("the example does not hold %q", text)
	}
	return strings.Count(before, "\n") + 1
}
