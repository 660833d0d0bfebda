package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CFG-07: what the service writes is in files of their own, by whatever name they are reached.
func TestWhatIsWrittenHasFilesOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("state.db", "", 0o600)
	if err := os.Mkdir(s.path("real"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"a-link": "keys", "folder": "real"} {
		if err := os.Symlink(to, s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(s.path("state.db"), s.path("hard.db")); err != nil {
		t.Fatal(err)
	}
	const audit, bolt = "audit: {file: /var/lib/otpbridge/audit.jsonl}", "store: {bolt: /var/lib/otpbridge/state.db}"
	for _, c := range []struct {
		want, audit, bolt, more string
	}{
		{"audit.file: is the configuration itself", "otpbridge.yaml", "", ""},
		{"audit.file: is the file of keys_file", "./real/../keys", "", ""},
		{"audit.file: is the file of keys_file", s.path("keys"), "", ""},
		{"audit.file: is the file of keys_file", "a-link", "", ""},
		{"audit.file: is the file of keycloak.client_key_file", "admin.jwk", "", ""},
		{"audit.file: is the file of mail.password_file", "smtp", "", ""},
		{"store.bolt: is the configuration itself", "", "otpbridge.yaml", ""},
		{"store.bolt: is the file of sign_in.client_key_file", "", "login.jwk", ""},
		{"store.bolt: is the file of audit.file", "state.db", "state.db", ""},
		{"store.bolt: is the file of audit.file", "hard.db", "state.db", ""},
		{"store.bolt: is the file of audit.file", "real/not-yet", "folder/not-yet", ""},
		{"store.bolt: is the file of control_socket", "", "state.db", "control_socket: state.db\n"},
		{"control_socket: is the file of audit.file", "state.db.sock", "state.db", ""},
		{"control_socket: is the configuration itself", "", "", "control_socket: otpbridge.yaml\n"},
	} {
		text := s.text + c.more
		for old, fresh := range map[string]string{audit: c.audit, bolt: c.bolt} {
			if fresh != "" {
				text = strings.Replace(text, old, strings.SplitAfter(old, ": {")[0]+strings.SplitAfter(strings.SplitAfter(old, ": {")[1], ": ")[0]+fresh+"}", 1)
			}
		}
		if _, faults := s.load(text); len(faults) != 1 || !strings.Contains(faults[0], ": "+c.want+", allowed: a file of its own") {
			t.Errorf("%s: got\n%s", c.want, strings.Join(faults, "\n"))
		}
	}
	if _, faults := s.load(s.with(audit, "audit: {file: "+filepath.Join(s.folder, "audit.jsonl")+"}")); faults != nil {
		t.Errorf("each its own: %s", strings.Join(faults, "\n"))
	}
}
