package e2e_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"otpbridge/e2e/rig"
)

// Issue 5, STO-10, OPS-08: the sealing keys are rotated as docs/operations.md says, one replica after the other, while somebody is on the way: the same
// request goes on, with the same key in the QR code, and in the end the old sealing key is gone.
func TestJourneySealingKeysRotated(t *testing.T) {
	t.Parallel()
	redis := rig.NewRedis(t)
	s, kc := onFake(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 })
	file := filepath.Join(filepath.Dir(s.bridge.Config), "keys")
	change := func(change func(lines []string) []string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := change(strings.Split(strings.TrimSpace(string(text)), "\n"))
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restart := func(replicas ...*rig.Replica) {
		for _, r := range replicas {
			r.Stop()
			r.Start()
			r.WaitReady()
		}
	}
	h := s.hand("alice").ask()

	s.newSealingKey()
	swap := func(lines []string) []string { slices.Reverse(lines); return lines }
	change(swap) // readable everywhere before anybody writes with it
	restart(s.bridge.Replicas...)
	change(swap)
	restart(s.bridge.Replicas[0])
	h.prove(h.link(1)) // one replica writes with the new key, the other one with the old
	key := h.key()
	restart(s.bridge.Replicas[1])
	h.Get(s.bridge.URL + "/recovery").Follow("")
	if h.key() != key {
		t.Error("another key is shown")
	}
	h.enrol()
	h.seeDone()
	if n := otpsOf(kc, "alice"); n != 1 {
		t.Errorf("%d authenticators", n)
	}
	change(func(lines []string) []string { return lines[:1] })
	restart(s.bridge.Replicas...)
	h.Get(s.bridge.URL + "/done").Follow("") // from a record that was written with the new key
	h.see("Your one-time password is set up.")
}

// OIDC-13: the login client's keys are rotated as docs/operations.md says: with both keys published, the new one signing, and with the new one alone people
// sign in; Keycloak, which keeps our key set, asks for it again.
func TestJourneyLoginKeysRotated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.hand("alice").typeID().typePassword().see("What will happen")
	file := filepath.Join(filepath.Dir(s.bridge.Config), "login.jwk")
	if text, err := exec.CommandContext(t.Context(), rig.Binary(t), "keys", "new", "login", file, "--add").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	text, err := os.ReadFile(file)
	if err := errors.Join(err, json.Unmarshal(text, &set)); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%d keys: %v", len(set.Keys), err)
	}
	for _, keys := range [][]json.RawMessage{set.Keys, set.Keys[:1]} {
		set.Keys = keys
		text, err := json.Marshal(set)
		if err := errors.Join(err, os.WriteFile(file, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		r := s.bridge.Replicas[0]
		r.Stop()
		r.Start()
		r.WaitReady()
		s.hand("alice").typeID().typePassword().see("What will happen")
	}
}
