package e2e_test

import (
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/e2e/rig"
)

// OPS-09, issue 6: two processes behind one address on two databases of a real Redis: the doctor beside each says that they do not share a store, and finds
// that they do once they have the same one.
func TestReplicasOnTwoRedisDatabases(t *testing.T) {
	t.Parallel()
	campus, _ := rig.NewFakeCampus(t)
	b := rig.PrepareBridge(t, rig.Setup{Campus: campus, Mailbox: rig.NewMailbox(t), Redis: rig.NewRedis(t, "--appendonly", "yes"), Replicas: 2})
	first, second := b.Replicas[0], b.Replicas[1]
	other := []string{"OTPBRIDGE_STORE_REDIS_DATABASE=1"}
	second.Set(other...)
	start := func(all ...*rig.Replica) {
		for _, r := range all {
			r.Start()
		}
		for _, r := range all {
			r.WaitReady()
		}
	}
	start(first, second)
	for name, env := range map[string][]string{"first": nil, "second": other} {
		rig.Eventually(t, "what the doctor leaves with the "+name+" is asked for at the other one", func() bool { // they take turns, and others ask as well
			seen, code := runDoctor(t, b, env)
			i := slices.IndexFunc(seen.Findings, func(f bridge.Finding) bool { return f.ID == bridge.FindStoreOther })
			return i >= 0 && seen.Findings[i].Object == b.URL && code == 1
		})
	}
	second.Stop()
	second.Set("OTPBRIDGE_STORE_REDIS_DATABASE=0")
	start(second)
	seen, _ := runDoctor(t, b, nil)
	if !slices.Contains(seen.Passed, "replicas") {
		t.Errorf("of one store: %+v, not checked: %+v", seen.Findings, seen.Unchecked)
	}
}
