package kcsuite

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/keycloak"
)

// RunOnRealm runs the contract on a campus realm of a real Keycloak, and what only a real one can be asked.
func RunOnRealm(t *testing.T, r *realm.Realm, keycloakURL, version string) {
	s := &onRealm{realm: r, facts: OnRealm(r, keycloakURL, version).Facts()}
	Run(t, s)
	t.Run("EveryExcessRightIsRefused", s.excessRights)
	t.Run("NobodyIsAskedForWhatTheyMayNotEdit", func(t *testing.T) {
		newWorld(t, s).profileGaps(t, map[string]gapCase{
			"required of users who may not edit it": {Attribute{EditBy: []string{"admin"}, RequiredOf: []string{"user"}}, false},
		})
	})
	t.Run("WhatPeopleChangeIsSeen", s.changes)
	t.Run("MembersOfGroupsBelowAreNoReach", s.membersBelow)
	t.Run("GroupsThatAreHiddenAreTold", s.hiddenGroups)
	t.Run("EveryMissingRightIsNamed", s.missingRights)
	t.Run("HiddenAdministratorsAreTold", s.hiddenAdministrators) // afterwards they stay hidden
	t.Run("AnAccountThatSeesNobodyIsTold", s.nobodySeen)         // and nobody is seen any more
	t.Run("KeysTakeTurns", s.keys)                               // last: afterwards the secret counts no more
}

// What people change at Keycloak's own pages is seen in its saved events, each for what it is. TOK-12, TOK-14
func (s *onRealm) changes(t *testing.T) {
	w := newWorld(t, s)
	for action, change := range map[string]func(name string) url.Values{
		"UPDATE_PROFILE": func(name string) url.Values {
			return url.Values{"username": {name}, "email": {"new-" + name + "@mail.example.net"}, "firstName": {"Given"}, "lastName": {"Family"}}
		},
		"UPDATE_PASSWORD": func(string) url.Values {
			return url.Values{"password-new": {"another password"}, "password-confirm": {"another password"}}
		},
	} {
		id, name := w.person(t, Person{Email: strings.ToLower(action) + "@mail.example.net"})
		g := w.gate(t)
		_, err := g.Open(t.Context(), id)
		must(t, err)
		start := w.facts.Now().Add(-time.Minute)
		b := w.login(t, name, "openid "+w.facts.Scope, url.Values{"kc_action": {action}}, nil)
		must(t, b.Submit(t.Context(), change(name)))
		must(t, g.Shut(t.Context(), id))
		h, err := w.client.History(t.Context(), id, start)
		must(t, err)
		if address := action == "UPDATE_PROFILE"; address == h.AddressChanged.IsZero() || address != h.PasswordReset.IsZero() || h.WrongCodes != 0 {
			t.Errorf("%s, then %s %q: history %+v", action, b.Page(), b.Message(), h)
		}
	}
}

// Who is only in a group below the allowed one is seen by id, and neither counted nor listed, so that the account does not seem to see too many people. OPS-09
func (s *onRealm) membersBelow(t *testing.T) {
	allowed := s.facts.Config.AllowedGroup
	var group struct{ ID string }
	s.do(t, "GET /group-by-path"+allowed, nil, &group)
	s.do(t, "POST /groups/"+group.ID+"/children", object{"name": "below"}, nil)
	s.do(t, "POST /users", object{"username": "below", "enabled": true, "groups": []string{allowed + "/below"}}, nil)
	id, err := s.realm.ID(t.Context(), "below")
	must(t, err)
	client := newWorld(t, s).client
	must(t, (keycloak.RealmCalls{Client: client}).Do(t.Context(), "GET /users/"+id, nil, nil))
	for _, c := range client.Checks(keycloak.Asked{GateGroup: s.facts.GateGroup}) {
		if c.Name != "reach" {
			continue
		}
		found, err := c.Run(t.Context())
		if len(found) > 0 || err != nil && (bridge.UncheckedFrom(err) == nil || !s.facts.AnyJoins) { // before, the allowed group is not always found
			t.Errorf("found %+v, %v", found, err)
		}
	}
}

// mappings are where a role of realm-management has to stand to be in the token of the service account.
func (s *onRealm) mappings(t *testing.T) []string {
	t.Helper()
	own, management := s.clientID(t, s.realm.AdminClient), s.clientID(t, "realm-management")
	var account struct{ ID string }
	s.do(t, "GET /clients/"+own+"/service-account-user", nil, &account)
	return []string{
		"/users/" + account.ID + "/role-mappings/clients/" + management, "/clients/" + own + "/scope-mappings/clients/" + management,
	}
}

// Each right that could reach further stops the start, as Keycloak itself writes it into the token. WB-07
func (s *onRealm) excessRights(t *testing.T) {
	management, mappings := s.clientID(t, "realm-management"), s.mappings(t)
	for role, refused := range map[string]bool{
		"realm-admin": true, "manage-realm": true, "manage-clients": true, "impersonation": true, "view-clients": true, "manage-events": true,
		"manage-users": false, "view-users": false,
	} {
		var found object
		s.do(t, "GET /clients/"+management+"/roles/"+role, nil, &found)
		for _, at := range mappings {
			s.do(t, "POST "+at, []object{found}, nil)
		}
		warnings, err := newWorld(t, s).client.Rights(t.Context())
		if refused != (err != nil) || (refused && !strings.Contains(err.Error(), role)) || (!refused && len(warnings) == 0) {
			t.Errorf("%s: warnings %q, error %v, want refused %v", role, warnings, err, refused)
		}
		for _, at := range mappings {
			s.do(t, "DELETE "+at, []object{found}, nil)
		}
	}
	if _, err := newWorld(t, s).client.Rights(t.Context()); err != nil {
		t.Errorf("after all: %v", err)
	}
}

// Each right that is missing is named at the start: those over the realm as Keycloak writes them into the token, those on groups and people
// as it answers for them. WB-07
func (s *onRealm) missingRights(t *testing.T) {
	management, mappings := s.clientID(t, "realm-management"), s.mappings(t)
	for _, role := range []string{"view-realm", "view-events", "query-users"} {
		var found object
		s.do(t, "GET /clients/"+management+"/roles/"+role, nil, &found)
		s.do(t, "DELETE "+mappings[0], []object{found}, nil)
		if _, err := newWorld(t, s).client.Rights(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "lacks rights: "+role) {
			t.Errorf("without %s: %v", role, err)
		}
		s.do(t, "POST "+mappings[0], []object{found}, nil)
	}
	const joining = "manage-membership-of-members"
	named := map[string]string{
		"manage-members": "manage-members " + s.facts.Config.AllowedGroup, joining: joining + " " + s.facts.Config.AllowedGroup,
	}
	if s.facts.AnyJoins { // of another sort before 26.7
		named[joining] = "manage-group-membership Users"
	}
	for permission, scopes := range map[string][]string{
		realm.OnPeople: {"view-members", "manage-members", joining}, realm.OnGate: {"view", "view-members", "manage-membership"},
	} {
		for _, missing := range scopes[1:] {
			must(t, s.realm.Narrow(t.Context(), permission, slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == missing })...))
			w := newWorld(t, s)
			if _, err := w.gate(t).Rights(t.Context()); err == nil || !strings.HasSuffix(err.Error(), ": "+cmp.Or(named[missing], missing)) {
				t.Errorf("without %s: %v", missing, err)
			}
		}
		must(t, s.realm.Narrow(t.Context(), permission, scopes...))
	}
	if warnings, err := newWorld(t, s).gate(t).Rights(t.Context()); err != nil || len(warnings) > 0 {
		t.Errorf("after all: %v, %v", warnings, err)
	}
}

// An account that sees nobody is told so. WB-07
func (s *onRealm) nobodySeen(t *testing.T) {
	must(t, s.realm.Narrow(t.Context(), realm.OnPeople))
	warnings, err := newWorld(t, s).gate(t).Rights(t.Context())
	if err != nil || !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "sees nobody") }) {
		t.Errorf("%v, %v, want a warning", warnings, err)
	}
}

// Without the permission to view groups nobody seems to be a member, and that is told. INV-6
func (s *onRealm) hiddenGroups(t *testing.T) {
	w := newWorld(t, s)
	id, _ := w.person(t, Person{Groups: []string{staff}})
	must(t, s.realm.Withdraw(t.Context(), realm.ViewGroups))
	w.renew(t)
	if a := w.account(t, id); slices.Contains(a.Groups, "/"+staff) || !slices.Contains(a.Groups, w.facts.Config.AllowedGroup) {
		t.Errorf("groups %q, want the allowed one alone", a.Groups)
	}
	hidden, untold, err := w.client.HiddenGroups(t.Context(), []string{w.facts.Config.AllowedGroup, "/" + staff, "/kcsuite-nowhere"})
	if err != nil || !slices.Equal(hidden, []string{"/" + staff, "/kcsuite-nowhere"}) || len(untold) > 0 {
		t.Errorf("hidden %q, untold %q, %v", hidden, untold, err)
	}
}

// Without the permission to view realm-management nobody seems to be an administrator, and that is told. WB-08
func (s *onRealm) hiddenAdministrators(t *testing.T) {
	w := newWorld(t, s)
	id, _ := w.person(t, Person{Administrator: ByRole})
	if !w.account(t, id).Administrator {
		t.Error("an administrator is not seen")
	}
	must(t, s.realm.Withdraw(t.Context(), realm.ViewAdministrators))
	w.renew(t)
	if w.account(t, id).Administrator {
		t.Error("seen without the permission")
	}
	warnings, err := w.gate(t).Rights(t.Context())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "realm-management") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
}

func (s *onRealm) clientID(t *testing.T, name string) string {
	t.Helper()
	var found []struct{ ID string }
	s.do(t, "GET /clients?clientId="+name, nil, &found)
	if len(found) != 1 {
		t.Fatalf("client %s: %d found", name, len(found))
	}
	return found[0].ID
}

// The service account proves itself with the first of its keys; a rotation adds the next one before the old one goes. WB-12
func (s *onRealm) keys(t *testing.T) {
	var private, public jose.JSONWebKeySet
	for _, id := range []string{"new", "old"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		jwk := jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}
		private.Keys, public.Keys = append(private.Keys, jwk), append(public.Keys, jwk.Public())
	}
	client := object{}
	path := " /clients/" + s.clientID(t, s.realm.AdminClient)
	s.do(t, "GET"+path, nil, &client)
	client["clientAuthenticatorType"] = "client-jwt"
	client["attributes"] = object{
		"use.jwks.string": "true", "jwks.string": jsonOf(t, public), "token.endpoint.auth.signing.alg": "ES256",
	}
	s.do(t, "PUT"+path, client, nil)
	for name, keys := range map[string][]jose.JSONWebKey{"both": private.Keys, "the old one alone": private.Keys[1:]} {
		cfg := s.facts.Config
		cfg.Secret, cfg.Keys, cfg.Now = "", []byte(jsonOf(t, jose.JSONWebKeySet{Keys: keys})), s.facts.Now
		c, err := keycloak.New(cfg)
		must(t, err)
		if _, err := c.Rights(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.Realm(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}
