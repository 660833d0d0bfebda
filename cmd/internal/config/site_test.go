package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge/store"
	"otpbridge/oidc"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

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
	example, err := os.ReadFile("../../../install/otpbridge.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t, t.TempDir(), string(inFolder(example, "."))}
	s.clientKeys("login.jwk")
	s.clientKeys("admin.jwk")
	key, err := store.NewKey("first")
	if err != nil {
		t.Fatal(err)
	}
	s.write("keys", key.Line()+"\n", 0o600)
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

// renamed writes the same keys again, each by another id.
func (s *site) renamed(name, as string) {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	other := regexp.MustCompile(`("kid": *")`).ReplaceAll(text, []byte("${1}other-"))
	if bytes.Equal(other, text) {
		s.t.Fatalf("no id in %s", name)
	}
	s.write(as, string(other), 0o600)
}

func (s *site) clientKeys(name string) {
	s.t.Helper()
	keys, err := oidc.NewKeySet()
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := keys.PrivateFile()
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name, string(text), 0o600)
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
	cfg, err := Load(s.path("otpbridge.yaml"), env)
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
