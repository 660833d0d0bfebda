package e2e_test

import (
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// mustHoldAttacks tries in a realm that apply prepared what the tests of each attack try in the realm of the file, side by side but for what shuts every
// gate, and leaves nobody behind there. Partners are the ids of people at the identity provider, grace among them.
func (s *site) mustHoldAttacks(partners map[string]string) {
	s.t.Helper()
	people := []string{"frank", "grace", "heidi", "judy", "mallory", "olivia", "rupert", "victor", "wendy"}
	for _, name := range people {
		s.add(realm.Person{Name: name, Email: name + "@example.net"})
	}
	if _, err := s.campus.Add(s.t.Context(), realm.Person{Name: "spent", Codes: []string{"ABCDEFGHJKMN"}}); err != nil { // no other second factor
		s.t.Fatal(err)
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
			"guesses between":           part(func(s *site) { s.mustCountBehindProviders("grace", partners["grace"]) }),
			"guesses at a direct grant": part(func(s *site) { s.mustStopGrants("judy", 4) }),
			"the full level with the scope": part(func(s *site) {
				mustNotReachTheLevel(s.t, s.login(), "olivia", func() { s.hand("olivia").typeID().awaitGate() })
			}),
			"the address meanwhile": part(func(s *site) { s.mustSendWhereItWas("rupert") }),
			"spent recovery codes": part(func(s *site) {
				s.spends("spent", "ABCDEFGHJKMN")
				s.mustBeShut("spent")
				s.refused("spent", "pending_action")
			}),
		})
		for _, p := range pushes { // a stolen login key, with it the mail address on Keycloak's own page
			if p.action == "UPDATE_PROFILE" || p.action == "CONFIGURE_TOTP" {
				t.Run("pushed "+p.action, func(t *testing.T) { s.in(t).pushed(p) })
				people = append(people, p.victim)
			}
		}
	})
	for _, action := range actions {
		people = append(people, pendingPerson(action))
	}
	for _, name := range append(people, "spent") {
		s.keycloak("DELETE "+s.path(name), nil, nil)
	}
}

// mustCountBehindProviders guesses codes behind an identity provider between password-only sign-ins, first while the account is linked to it and then as somebody
// who is (OIDC-21, OIDC-22): Keycloak saves those under other names, each of them twice, and ten are ten.
func (s *site) mustCountBehindProviders(name, partner string) {
	times := 0
	guesses := s.mustStopGuesses(name, bridge.MaxWrongCodes/2, func() *rig.Browser {
		times++
		if times == 2 {
			link := object{"identityProvider": realm.Partner, "userId": partner, "userName": name}
			s.keycloak("POST "+s.path(name)+"/federated-identity/"+realm.Partner, link, nil)
		}
		b := s.brokered(s.portal(), name)
		if times == 1 {
			b.Submit("submitAction", "linkAccount").Follow(s.portal().Redirect)
			b.Submit("username", name, "password", realm.Password(name)).Follow(s.portal().Redirect)
		}
		return b
	})
	if guesses != bridge.MaxWrongCodes {
		s.t.Errorf("%d guesses, want %d", guesses, bridge.MaxWrongCodes)
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
