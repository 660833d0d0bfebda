package e2e_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/e2e/rig"
)

// Replicas take turns, one that died is left out, and one that comes back takes part again.
func TestRigReplicasTakeTurns(t *testing.T) {
	standin := filepath.Join(t.TempDir(), "standin")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", standin, "./rig/testdata/standin").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	t.Setenv("OTPBRIDGE_BIN", standin)
	b := rig.StartBridge(t, rig.Setup{Campus: rig.NewCampus(t), Mailbox: rig.NewMailbox(t), Redis: rig.NewRedis(t), Replicas: 2})

	visited := func() map[string]bool {
		t.Helper()
		seen := map[string]bool{}
		for range 6 {
			page := rig.NewBrowser(t).Get(b.URL)
			if page.Status != http.StatusOK || !strings.Contains(page.Body, " for 127.0.0.1 to "+strings.TrimPrefix(b.URL, "http://")) {
				t.Errorf("%s", page.Describe())
			}
			seen[page.Body] = true
		}
		return seen
	}
	if seen := visited(); len(seen) != 2 {
		t.Errorf("two replicas: %v", seen)
	}
	b.Replicas[0].Kill()
	if seen := visited(); len(seen) != 1 {
		t.Errorf("one is dead: %v", seen)
	}
	b.Replicas[0].Start()
	b.Replicas[0].WaitReady()
	if seen := visited(); len(seen) != 2 {
		t.Errorf("it is back: %v", seen)
	}
	b.Front.Only(b.Replicas[1])
	if seen := visited(); len(seen) != 1 {
		t.Errorf("only the second: %v", seen)
	}
	b.MustHaveLogged(t, "standin serves ")
}
