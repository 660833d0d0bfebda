package e2e_test

import (
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// mustHoldAttacks tries in a realm that apply prepared what the tests of each attack try in the realm of the file, side by side, and leaves nobody
// behind there.
func (s *site) mustHoldAttacks() {
	s.t.Helper()
	people := []string{"frank", "grace", "heidi", "mallory", "victor", "wendy"}
	for _, name := range people {
		s.add(realm.Person{Name: name, Email: name + "@example.net"})
	}
	addPending(s.t, s.campus.Realm)
	part := func(holds func(*site)) func(*testing.T) { return func(t *testing.T) { holds(s.in(t)) } }
	s.t.Run("attacks", func(t *testing.T) {
		rig.Together(t, map[string]func(*testing.T){
			"parameters that were not pushed": part(func(s *site) { mustBePushed(s.t, s.login()) }),
			"the scope at other clients": part(func(s *site) {
				mustRefuseScope(s.t, s.portal(), rig.NewClient(s.t, s.campus.Realm, "legacy-app", rig.LegacyRedirect))
			}),
			"pending actions": part(func(s *site) {
				if reached := reachedActions(s.t, s.campus.Realm, s.login(), "scope", recoveryScope); len(reached) > 0 {
					s.t.Errorf("not denied: %s", strings.Join(reached, "; "))
				}
				s.mustDenyPending("CONFIGURE_TOTP")
			}),
			"reset by mail":             part(func(s *site) { s.mustGainNothingByReset("frank") }),
			"overtyped name":            part(func(s *site) { s.mustBeWhoWasTyped("mallory", "victor", "wendy") }),
			"full session":              part(func(s *site) { s.mustEndAFullSession("heidi") }),
			"a person of the directory": part(func(s *site) { s.mustServeTheDirectory() }),
			"guesses between":           part(func(s *site) { s.mustStopGuesses("grace", 5) }),
		})
	})
	for _, action := range actions {
		people = append(people, pendingPerson(action))
	}
	for _, name := range people {
		s.keycloak("DELETE "+s.path(name), nil, nil)
	}
}

// count is what Keycloak holds against a person: its counter, and the failed sign-ins that it saved, which the product counts.
type count struct {
	lockState

	failed int
}

func (s *site) counted(name string) count {
	s.t.Helper()
	var failed []struct{}
	s.keycloak("GET /events?type=LOGIN_ERROR&max=1000&user="+s.campus.Users[name], nil, &failed)
	return count{s.lock(name), len(failed)}
}
