package e2e_test

import (
	"testing"

	"otpbridge/bridge/bridgetest/kcsuite"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// The adapter keeps its contract with the real server; the fake one keeps the same contract in its own tests.
func TestRealmContract(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	kcsuite.RunOnRealm(t, r, rig.Keycloak(t).URL, rig.Version(t))
}
