// Package e2e_test runs the product and the realm it asks for on real parts. Names begin with what they show: TestJourney…,
// TestRealmAttack…, TestPeer_…; TestRealm… and TestRig… show that the ground the others stand on is firm.
package e2e_test

import (
	"os"
	"testing"

	"otpbridge/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// full reports whether whole matrices were asked for: FULL=1.
func full() bool { return os.Getenv("FULL") == "1" }
