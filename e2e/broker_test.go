package e2e_test

import (
	"net/http"
	"strings"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// brokered comes to a client by the partner, as somebody whom the partner vouches for.
func (s *site) brokered(c *rig.Client, name string, params ...string) *rig.Browser {
	s.t.Helper()
	b := s.toPartner(c, rig.NewBrowser(s.t), params...)
	if b.Page() != "login-login" {
		s.t.Fatalf("%s is not asked by the partner: %s", name, b.Describe())
	}
	return b.Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
}

// toPartner leads a browser to the partner, as one who comes to a client.
func (s *site) toPartner(c *rig.Client, b *rig.Browser, params ...string) *rig.Browser {
	s.t.Helper()
	c.Open(b, append(params, "kc_idp_hint", realm.Partner)...)
	if b.Location == "" && strings.HasPrefix(b.URL, s.campus.Issuer) { // Keycloak 26.4 forgets the hint where it asks for a ticket first
		server, path, _ := strings.Cut(s.campus.Issuer, "/realms/")
		b.Get(server + b.Href("/realms/"+path+"/broker/"+realm.Partner+"/")).Follow(c.Redirect)
	}
	return b
}

// mustHoldBrokers comes by an identity provider into a prepared realm (OIDC-22): nobody gets to an account by its mailbox, nobody in without the
// second factor, and the gate opens none of it.
func (s *site) mustHoldBrokers(partners map[string]string) {
	t := s.t
	t.Helper()
	portal := s.portal()
	wants := func(what, page string, b *rig.Browser) {
		t.Helper()
		if b.Page() != page || b.Location != "" {
			t.Errorf("%s: %s, want page %s", what, b.Describe(), page)
		}
	}
	wants("somebody new, without a second factor", "login-error", s.brokered(portal, "paula"))
	b := s.brokered(portal, "alice")
	wants("the partner's alice", "login-login-idp-link-confirm", b)
	wants("linked", "login-login", b.Submit("submitAction", "linkAccount").Follow(portal.Redirect)) // not the mailbox, the account's password
	wants("linked by the password", "login-login-otp", b.Submit("username", "alice", "password", realm.Password("alice")).Follow(portal.Redirect))

	alice := s.path("alice")
	link := map[string]any{"identityProvider": realm.Partner, "userId": partners["alice"], "userName": "alice"}
	s.keycloak("POST "+alice+"/federated-identity/"+realm.Partner, link, nil)
	wants("alice by the partner", "login-login-otp", s.brokered(portal, "alice"))
	if b := s.brokered(s.login(), "alice", "scope", recoveryScope); b.Status != http.StatusUnauthorized {
		t.Errorf("by the partner, gate shut: %s", b.Describe())
	}
	open(t, s.campus.Realm, "alice")
	b = s.brokered(portal, "alice")
	wants("alice by the partner, gate open", "login-login-otp", b)
	wants("with a session at the partner, at a recovery", "login-login", s.toPartner(s.login(), b, "scope", recoveryScope)) // nothing is redeemed without a password
	if err := s.campus.ShutGate(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	s.keycloak("DELETE "+alice+"/federated-identity/"+realm.Partner, nil, nil)
	var made []struct{ ID string }
	s.keycloak("GET /users?exact=true&username=paula", nil, &made)
	for _, m := range made {
		s.keycloak("DELETE /users/"+m.ID, nil, nil)
	}
}
