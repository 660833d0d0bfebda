package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"testing"

	"otpbridge/e2e/rig"
)

// The configuration that the rig writes is one that the product accepts, warnings apart.
func TestRigConfigurationIsAccepted(t *testing.T) {
	t.Parallel()
	b := rig.PrepareBridge(t, rig.Setup{Campus: rig.NewCampus(t), Mailbox: rig.NewMailbox(t)})
	check := exec.CommandContext(t.Context(), rig.Binary(t), "check", "-c", b.Config)
	check.Env = b.Replicas[0].Env()
	if text, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, text)
	}
}

// OPS-13: what is shipped stays below 20 MB; its other figures are measured by `make bench`. A leap means that something looks methods up by name; docs/performance.md says how to find it.
func TestRigBinaryIsSmall(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(rig.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(20e6); info.Size() > most {
		t.Errorf("%d bytes, more than %d", info.Size(), most)
	}
}

// The product starts on real parts, on either store, and shows its first page through the front.
func TestRigBridgeStarts(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(t *testing.T) rig.Setup{
		"bbolt": func(*testing.T) rig.Setup { return rig.Setup{} },
		"redis": func(t *testing.T) rig.Setup { return rig.Setup{Redis: rig.NewRedis(t), Replicas: 2} },
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			s.Campus, s.Mailbox = rig.NewCampus(t), rig.NewMailbox(t)
			b := rig.StartBridge(t, s)
			if first := rig.NewBrowser(t).Get(b.URL + "/").Follow(""); first.Status != http.StatusOK {
				t.Errorf("first page: %s", first.Describe())
			}
		})
	}
}
