package config

import (
	"os"
	"strings"
	"testing"
)

// FuzzConfig: whatever the file holds, reading it ends with a configuration or with faults that have a place, and shows no comment of it.
func FuzzConfig(f *testing.F) {
	example, err := os.ReadFile("../../../install/otpbridge.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, seed := range []string{
		"", "a", "a: b", "- a", "mail: {smtp: smtps://a:b@c, from: d}", "keycloak: {addresses: [{email: verified}, a]}", "a: &b\n  <<: *b",
		"store: {redis: {addresses: [a, b:1]}}", "recovery:\n  link_life: 9999999h", "paused: !!bool x", "log: |\n  a\n b", "help_desk: {contacts: [[]]}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := newReader("f.yaml")
		r.file([]byte(text + "\n# " + canary + "\n"))
		r.environment([]string{"OTPBRIDGE_MAIL_FROM=" + text, "OTPBRIDGE_" + text})
		r.defaults()
		r.cross()
		r.faults.sort()
		r.rows()
		for _, line := range append(r.faults.Lines("en"), r.faults.Lines("ja")...) {
			if strings.Contains(line, canary) || !strings.HasPrefix(line, "f.yaml:") && !strings.HasPrefix(line, "$OTPBRIDGE_") {
				t.Errorf("%q", line)
			}
		}
	})
}
