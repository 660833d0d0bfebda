package campus_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/storetest"
)

const (
	oldSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXA"
	newSecret = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
	portalURL = "http://localhost:8089"
)

// second is an old authenticator that everybody has beside the first one: its removal alone may fail.
const (
	second       = "22222222-2222-4222-8222-222222222222"
	secondSecret = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
)

// calledBy is a call; * in its path is the person, or any credential.
type calledBy struct {
	name, method, path string
	skip               int // so many calls of the kind pass first
}

// swapCalls are the calls of a swap with two old authenticators.
var swapCalls = []calledBy{
	{"token", http.MethodPost, "/realms/campus/protocol/openid-connect/token", 0},
	{"add", http.MethodPut, "/admin/realms/campus/users/*", 0},
	{"look", http.MethodGet, "/admin/realms/campus/users/*/credentials", 0},
	{"last look", http.MethodGet, "/admin/realms/campus/users/*/credentials", 1},
	{"move", http.MethodPost, "/admin/realms/campus/users/*/credentials/*/moveAfter/*", 0},
	{"remove", http.MethodDelete, "/admin/realms/campus/users/*/credentials/*", 0},
	{"remove the second", http.MethodDelete, "/admin/realms/campus/users/*/credentials/" + second, 0},
	{"end sessions", http.MethodPost, "/admin/realms/campus/users/*/logout", 0},
}

// noConnection is the one fault that the server knows nothing of.
const noConnection fakekc.Kind = -1

// swapFaults are what may go wrong with a call, until it is mended.
func swapFaults() map[string]fakekc.Fault {
	out := map[string]fakekc.Fault{
		"no connection": {Kind: noConnection},
		"reset before":  {Kind: fakekc.Reset}, "reset after": {Kind: fakekc.Reset, AfterEffect: true},
		"timeout before": {Kind: fakekc.Hang}, "timeout after": {Kind: fakekc.Hang, AfterEffect: true},
		"truncated": {Kind: fakekc.Truncate}, "a page instead": {Kind: fakekc.NotJSON},
		"429": {Status: http.StatusTooManyRequests, RetryAfter: "60"}, "500 after": {Status: http.StatusInternalServerError, AfterEffect: true},
		"refused once after": {Status: http.StatusForbidden, AfterEffect: true, Times: 1},
	}
	for _, status := range []int{400, 401, 403, 404, 409, 500, 503} {
		out[fmt.Sprint(status)] = fakekc.Fault{Status: status, Body: `{}`}
	}
	return out
}

// Issue 5, WB-02, WB-05, SWAP-02, SWAP-07: whatever goes wrong with any call of the swap, the old or the new authenticator signs in at every
// moment; when the fault has gone the new one alone does within ten seconds, or, where Keycloak refused before anything was written, the old one alone.
// FULL=1 tries each on both stores.
func TestSwapUnderEveryFault(t *testing.T) {
	t.Parallel()
	underEveryFault(t, swapCalls, 2, func(t *testing.T, s *swapper, what string, fault fakekc.Fault) { s.under(t, what, fault) })
}

// underEveryFault runs a test for each of the calls, each fault and either store, or for a part of these with a share of more than one; FULL=1
// leaves nothing out.
func underEveryFault(t *testing.T, calls []calledBy, share int, test func(t *testing.T, s *swapper, what string, fault fakekc.Fault)) {
	t.Helper()
	if os.Getenv("FULL") == "1" || testing.Short() { // which leaves most faults out
		share = 1
	}
	redis := storetest.StartRedis(t)
	stores := []func(*testing.T) storetest.World{storetest.Bolt, func(t *testing.T) storetest.World {
		w := storetest.OnRedis(t, redis)
		w.Config.Redis.Prefix = strings.ToLower(rand.Text()) + ":"
		return w
	}}
	faults := swapFaults()
	for where, open := range stores {
		for i, call := range calls {
			for j, what := range slices.Sorted(maps.Keys(faults)) {
				if (where+i+j)%share != 0 || testing.Short() && what != "403" && what != "reset after" {
					continue
				}
				fault := faults[what]
				fault.Method, fault.Path, fault.Skip = call.method, call.path, call.skip
				t.Run(strings.Join([]string{[]string{"bolt", "redis"}[where], call.name, what}, ", "), func(t *testing.T) {
					t.Parallel()
					test(t, newSwapper(t, open(t)), call.name+", "+what, fault)
				})
			}
		}
	}
}

// under runs one person's swap while a call fails.
func (s *swapper) under(t *testing.T, what string, fault fakekc.Fault) {
	t.Helper()
	id := s.person()
	s.seen = func(after string) {
		if !s.opens(t, newSecret) && !s.opens(t, oldSecret) && !s.opens(t, secondSecret) {
			t.Errorf("%s: after %s nothing signs in", what, after)
		}
	}
	s.begin(t, id)
	s.mustEnd(t, what, s.suffers(t, what, bridge.JobSwap, fault, func(r bridge.Recovery) bool { return r.State != bridge.Writing }))
}

// mustEnd wants one authenticator that signs in, and the other one refused.
func (s *swapper) mustEnd(t *testing.T, what string, r bridge.Recovery) {
	t.Helper()
	works, refused := newSecret, oldSecret
	if r.State == bridge.Ended {
		works, refused = oldSecret, newSecret
	}
	ids := s.otps(r.Person)
	want := 1
	if r.State == bridge.Ended {
		want = 2
	}
	if len(ids) != want || slices.Contains(ids, ours(r.Person)) != (r.State == bridge.Done) {
		t.Errorf("%s: %s with the authenticators %v", what, r.State, ids)
	}
	if r.State == bridge.Ended && (!strings.HasPrefix(what, "add, 4") || what == "add, 401" || what == "add, 429") {
		t.Errorf("%s: ended (%s)", what, r.EndCode)
	}
	if !s.opens(t, works) || s.opens(t, refused) || s.opens(t, secondSecret) && r.State == bridge.Done {
		t.Errorf("%s: %s, the wrong authenticator signs in", what, r.State)
	}
}
