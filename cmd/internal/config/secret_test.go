package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// CFG-03: secrets come from files that nobody else reads; the last newline is no part of them.
func TestSecretFilesAreChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cases := []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"empty", "", 0o600, "names an empty file"},
		{"newline only", "\n", 0o600, "names an empty file"},
		{"short", "1234567\n", 0o600, "names a file with fewer than 8 bytes"},
		{"long enough", "12345678\n", 0o600, ""},
		{"windows newline", "12345678\r\n", 0o600, ""},
		{"two lines", "12345678\n1", 0o600, "names a file of several lines"},
		{"world-readable", "12345678", 0o604, "names a file with mode 0604, open to others"},
		{"group-writable", "12345678", 0o620, "names a file with mode 0620, open to others"},
		{"group-readable", "12345678", 0o640, ""},
		{"too long", strings.Repeat("1", maxSecretFile+1), 0o600, "names a file of more than"},
	}
	for _, c := range cases {
		s.write("smtp", c.text, c.mode)
		cfg, faults := s.load(s.text)
		got := strings.Join(faults, "\n")
		switch {
		case c.want == "" && (faults != nil || cfg.Mail.Password.Reveal() != "12345678"):
			t.Errorf("%s: %s", c.name, got)
		case c.want != "" && (len(faults) != 1 || !strings.Contains(got, "mail.password_file: "+c.want)):
			t.Errorf("%s: want %q, got %s", c.name, c.want, got)
		}
	}
	for name, want := range map[string]string{"absent": "does not exist", ".": "is no file"} {
		_, faults := s.load(s.with("./smtp", s.path(name)))
		if len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("%s: %q", name, faults)
		}
	}
}

// CFG-03: no key of the schema takes a secret literally.
func TestNoKeyTakesASecretLiterally(t *testing.T) {
	t.Parallel()
	for _, f := range fields() {
		for _, word := range []string{"password", "secret", "_key"} {
			literal := strings.Contains(f.path, word) && !strings.HasSuffix(f.path, "_file")
			if literal && f.path != "keycloak.password_reset" && f.path != "keycloak.password_age" && f.path != "organisation.links.forgotten_password" {
				t.Errorf("%s looks like a secret", f.path)
			}
		}
	}
}

const canary = "c4n4ry"

// CFG-04: whatever is wrong in whichever line, neither that line's value nor its neighbours show up.
func TestFaultsShowNoValueAndNoNeighbour(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("smtp", canary+canary+"\n", 0o600)
	s.write("login.jwk", `{"keys":[{"kty":"EC","d":"`+canary+`"}]}`, 0o600)
	s.write("keys", "name "+canary+"\n", 0o600)
	lines := strings.Split(s.text, "\n")
	breaks := []string{"%s", "%s: %[1]s", "\t%s", "  %s: \"%[1]s", "'%s", "paused: %s", "mail: {from: %s}", "- %s", "? %s", "*%s", "&%s x", "{%s", "!%s", "!!int %s"}
	for i := range lines {
		for _, b := range breaks {
			broken := append([]string(nil), lines...)
			broken[i] = fmt.Sprintf(b, canary+"!")
			neighbours := fmt.Sprintf("# %s\n%s\n# %[1]s", canary, strings.Join(broken, " # "+canary+"\n"))
			_, faults := s.load(neighbours, "OTPBRIDGE_MAIL_FROM="+canary, "OTPBRIDGE_MAIL_PASSWORD="+canary)
			if len(faults) == 0 || strings.Contains(strings.Join(faults, "\n"), canary) {
				t.Fatalf("line %d as %q:\n%s", i+1, b, strings.Join(faults, "\n"))
			}
		}
	}
	for _, f := range fields() {
		if f.env() == "" || f.shape != text {
			continue
		}
		_, faults := s.load(s.text, f.env()+"="+canary+"\x01")
		if got := strings.Join(faults, "\n"); !strings.Contains(got, "$"+f.env()) || strings.Contains(got, canary) {
			t.Errorf("%s:\n%s", f.path, got)
		}
	}
}

// CFG-04: neither what the YAML parser quotes nor a long secret in the place of a key comes back.
func TestFaultsDoNotQuoteTheFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, text := range []string{
		"%YAML " + canary + "\n---\na: b", strings.Repeat(canary, 7) + ": x", "mail: {" + strings.Repeat(canary, 7) + ": x}", canary + "/+=: x", canary + " two: x",
	} {
		_, faults := s.load(text)
		if len(faults) == 0 || strings.Contains(strings.Join(faults, "\n"), canary) {
			t.Errorf("%q: %q", text, faults)
		}
	}
}

// CFG-04: the configuration can be printed, logged and dumped without its secrets.
func TestConfigHidesItsSecrets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cfg, faults := s.load(s.text)
	if faults != nil {
		t.Fatal(faults)
	}
	dump := fmt.Sprintf("%v %+v %#v %s", *cfg, *cfg, *cfg, cfg.Mail.Password)
	if strings.Contains(dump, "correct horse") || strings.Contains(dump, `"d"`) {
		t.Error("a secret shows in a dump")
	}
}

// The hash changes with any value and with the contents of the secret files, and with nothing else.
func TestHashNamesTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hash := func(text string) string {
		cfg, faults := s.load(text)
		if faults != nil {
			t.Fatal(faults)
		}
		return cfg.Hash
	}
	first := hash(s.text)
	if again := hash("# a comment\n" + s.text); again != first {
		t.Error("a comment changes the hash")
	}
	if hash(s.with("link_life: 30m", "link_life: 31m")) == first {
		t.Error("a value does not change the hash")
	}
	s.write("smtp", "another password", 0o600)
	if hash(s.text) == first {
		t.Error("a secret file does not change the hash")
	}
}
