package e2e_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"otpbridge/e2e/rig"
)

// unprepared is a site in a realm that nothing was done to yet.
func unprepared(t *testing.T, change ...func(*rig.Setup)) *site {
	t.Helper()
	setup := rig.Setup{Mailbox: rig.NewMailbox(t), Campus: rig.NewPlainCampus(t), Change: func(c map[string]any) {
		signIn, _ := c["sign_in"].(map[string]any)
		delete(signIn, "gate_group")
	}}
	for _, c := range change {
		c(&setup)
	}
	return &site{t: t, campus: setup.Campus, mailbox: setup.Mailbox, bridge: rig.PrepareBridge(t, setup)}
}

// nthWrite matches the n-th call from now on that changes a realm.
func nthWrite(n int32) func(*http.Request) bool {
	var seen atomic.Int32
	return func(r *http.Request) bool {
		return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/admin/realms/") && seen.Add(1) == n
	}
}

// killedIn begins a command and kills it at its n-th write: before Keycloak hears of it or, with deliver, before the command hears of the answer. It
// reports whether the command came that far.
func (s *site) killedIn(proxy *rig.Proxy, n int32, deliver bool, args ...string) bool {
	s.t.Helper()
	cmd := s.realmProcess(args...)
	cmd.Env = append(cmd.Env, "OTPBRIDGE_KEYCLOAK_URL="+proxy.URL) // what serves has none of it: the issuer is another one there
	hold := proxy.Hold(deliver, nthWrite(n))
	defer proxy.Drop()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-hold.Held:
		if err := cmd.Process.Kill(); err != nil {
			s.t.Fatal(err)
		}
		if err := <-ended; err == nil {
			s.t.Fatal("killed, and it ended well")
		}
		return true
	case err := <-ended:
		if err != nil {
			s.t.Fatalf("realm %s: %v", strings.Join(args, " "), err)
		}
		return false
	}
}

// Issue 6: apply that is killed at any call, again and again, comes to the same end, and all of it is undone. Nobody gets in meanwhile who did not
// before: alice's password alone opens nothing at any step. The account gets the right to manage users here, in the place of fine-grained permissions.
func TestRealmApplyIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := unprepared(t)
	before := export(t, s.campus.Realm)
	apply := []string{"apply", "--manage-users", "--undo-file", "undo.jsonl"}
	n, step := int32(25), int32(15) // writes until it is killed, more each time: a flow has to be finished some time
	if full() {
		n, step = 1, 1
	}
	kills := 0
	for s.killedIn(proxy, n, kills%2 == 1, apply...) {
		kills++
		n += step
		if holes := openHolesAt(t, s.campus.Realm, s.campus.Portal.URL+"/cb", s.alone()); len(holes) > 0 {
			t.Fatalf("after kill %d the password alone opened %s", kills, strings.Join(holes, "; "))
		}
	}
	if kills < 2 {
		t.Errorf("%d kills", kills)
	}
	s.must(0, "plan", "--manage-users")
	if plan := s.must(1, "plan"); !strings.Contains(plan.out, "right of the account of client otpbridge-admin manage-users") {
		t.Errorf("without --manage-users the plan leaves that right:\n%s", plan.out)
	}
	if full() {
		s.writeGate(s.must(0, apply...).err)
		s.bridge.Replicas[0].Start()
		s.bridge.Replicas[0].WaitReady()
		s.hand("alice").recovers()
		s.bridge.Replicas[0].Stop()
	}
	s.undoes(before)
}

// alone is a browser in which alice's password was typed at the portal, and nothing else.
func (s *site) alone() *rig.Browser {
	s.t.Helper()
	b := rig.NewBrowser(s.t)
	portal := rig.NewClient(s.t, s.campus.Realm, "portal", s.campus.Portal.URL+"/cb")
	if got := portal.SignIn(b, "alice", nil); got.Signed || got.Page != "login-login-otp" {
		s.t.Fatalf("the portal with the password only: %+v", got)
	}
	return b
}
