package e2e_test

import (
	"net/http"
	"net/url"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// OIDC-21 where an application takes passwords and codes itself (the direct grant): Keycloak's event of a wrong code there is that of a wrong password.
// Whoever has only the password guesses there, and signs in with the password only to set Keycloak's counter back. After a few such rounds the gate stays
// shut. Somebody else who types wrong passwords there keeps nobody from a recovery.
func TestRealmAttackGuessesAtADirectGrant(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "frank"})
	s.mustStopGrants("alice", 4)
	for range 2 * bridge.MaxWrongCodes {
		s.grant("frank", "wrong", "")
	}
	for range 2 { // as many sign-ins as a recovery takes
		s.hand("frank").typeID().typePassword().see("What will happen")
	}
}

// mustStopGrants guesses so many codes between two password-only sign-ins, until those are denied.
func (s *site) mustStopGrants(name string, perRound int) {
	t := s.t
	t.Helper()
	rounds := 0
	for denied := false; !denied; rounds++ {
		if rounds > bridge.MaxResets+1 {
			t.Fatalf("%d codes were guessed in %d rounds", rounds*perRound, rounds)
		}
		for range perRound {
			s.grant(name, realm.Password(name), "000000")
		}
		h := s.hand(name).typeID()
		rig.Eventually(t, "the gate opens, or a notice says why not", func() bool {
			return s.gateOpen(name) || len(s.mailbox.Messages(name+"@example.net")) > 0
		})
		if denied = !s.gateOpen(name); !denied {
			h.typePassword().see("What will happen")
		}
	}
	t.Logf("the gate stayed shut after %d guesses", rounds*perRound)
}

// grant tries a direct grant, which must not succeed, and takes Keycloak's wait for the person back, which an attacker sits out.
func (s *site) grant(name, password, code string) {
	s.t.Helper()
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {name}, "password": {password}, "totp": {code}}
	if b := rig.NewBrowser(s.t).Post(s.campus.Issuer+"/protocol/openid-connect/token", form); b.Status != http.StatusUnauthorized && b.Status != http.StatusBadRequest {
		s.t.Fatalf("direct grant: %s", b.Describe())
	}
	if err := s.campus.Unlock(s.t.Context(), name); err != nil {
		s.t.Fatal(err)
	}
}
