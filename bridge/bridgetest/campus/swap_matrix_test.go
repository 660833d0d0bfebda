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
	"time"

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
		"another's 404": {Status: http.StatusNotFound, Body: "404 page not found"},
		"429":           {Status: http.StatusTooManyRequests, RetryAfter: "60"}, "500 after": {Status: http.StatusInternalServerError, AfterEffect: true},
		"refused once after": {Status: http.StatusForbidden, AfterEffect: true, Times: 1},
	}
	for _, status := range []int{400, 401, 403, 404, 409, 500, 503} {
		out[fmt.Sprint(status)] = fakekc.Fault{Status: status}
	}
	return out
}

// Issue 5, WB-02, WB-05, SWAP-02, SWAP-07: whatever goes wrong with any call of the swap for a while, the old or the new authenticator signs in at every
// moment; when the fault has gone the new one alone does within ten seconds. FULL=1 tries each fault of each call on both stores, as
// `make test` does without the race detector.
func TestSwapUnderEveryFault(t *testing.T) {
	t.Parallel()
	underEveryFault(t, swapCalls, func(t *testing.T, s *swapper, what string, fault fakekc.Fault) { s.under(t, what, fault) })
}

// underEveryFault runs a test for each of the calls, each fault and either store with FULL=1. Without, every call and every fault is there all the same, each
// of them on both stores: a fault strikes every fourth call, a call meets every fourth fault, and the stores take turns.
func underEveryFault(t *testing.T, calls []calledBy, test func(t *testing.T, s *swapper, what string, fault fakekc.Fault)) {
	t.Helper()
	const share = 4
	redis := storetest.StartRedis(t)
	stores := []func(*testing.T) storetest.World{storetest.Bolt, func(t *testing.T) storetest.World {
		w := storetest.OnRedis(t, redis)
		w.Config.Redis.Prefix = strings.ToLower(rand.Text()) + ":"
		return w
	}}
	faults := swapFaults()
	for i, call := range calls {
		for j, what := range slices.Sorted(maps.Keys(faults)) {
			fault := faults[what]
			fault.Method, fault.Path, fault.Skip = call.method, call.path, call.skip
			for where, open := range stores {
				if os.Getenv("FULL") != "1" && ((i+j)%share != 0 || (i+j)/share%len(stores) != where) {
					continue
				}
				t.Run(strings.Join([]string{[]string{"bolt", "redis"}[where], call.name, what}, ", "), func(t *testing.T) {
					t.Parallel()
					test(t, newSwapper(t, open(t), little), call.name+", "+what, fault)
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

// mustEnd wants the new authenticator alone, and written once.
func (s *swapper) mustEnd(t *testing.T, what string, r bridge.Recovery) {
	t.Helper()
	if ids := s.otps(r.Person); r.State != bridge.Done || !slices.Equal(ids, []string{ours(r.Person)}) {
		t.Errorf("%s: %s (%s) with the authenticators %v", what, r.State, r.EndCode, ids)
	}
	if !s.opens(t, newSecret) || s.opens(t, oldSecret) || s.opens(t, secondSecret) {
		t.Errorf("%s: the wrong authenticator signs in", what)
	}
}

// Issue 5, SWAP-07, INV-7: what Keycloak refuses to write for half a minute, with nothing else in between, is refused for good: the old authenticators are as
// they were. What its own profile refuses is so at once.
func TestACredentialThatStaysRefused(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		status int
		body   string
		long   bool
	}{
		"400": {http.StatusBadRequest, "", true}, "403": {http.StatusForbidden, "", true}, "404": {http.StatusNotFound, "", true},
		"409":     {http.StatusConflict, "", true},
		"a field": {http.StatusBadRequest, `{"field":"department","errorMessage":"error-user-attribute-required"}`, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSwapper(t, storetest.Bolt(t), patient)
			s.seen = func(string) {}
			id := s.person()
			s.begin(t, id)
			begun, before := s.now(), s.otps(id)
			defer s.kc.Inject(fakekc.Fault{Method: http.MethodPut, Path: "/admin/realms/campus/users/*", Status: tt.status, Body: tt.body})()
			if err := s.store.Jobs.Add(t.Context(), bridge.Job{Kind: bridge.JobSwap, ID: id, At: s.now()}); err != nil {
				t.Fatal(err)
			}
			r := s.wait(t, what, bridge.JobSwap, func(r bridge.Recovery) bool { return r.State != bridge.Writing })
			if r.State != bridge.Ended || r.End != bridge.EndRefused || !slices.Equal(s.otps(id), before) || !s.opens(t, oldSecret) {
				t.Errorf("%s (%s) with the authenticators %v", r.State, r.End, s.otps(id))
			}
			if took := s.now().Sub(begun); took >= 30*time.Second != tt.long || took > time.Minute {
				t.Errorf("believed after %v", took)
			}
		})
	}
}
