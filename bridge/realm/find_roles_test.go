package realm_test

import (
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// mapped changes the configuration of the login client's mapper.
func mapped(name, value string) func(*realm.State, *realm.Asked) {
	return login(func(c *realm.Client) { c.Mappers[0].Config[name] = value })
}

// byScope gives the login client's mapper to a client scope that it has by default and whose mappers count for some only; nil: for everybody.
func byScope(onlyFor []string) func(*realm.State, *realm.Asked) {
	return func(s *realm.State, _ *realm.Asked) {
		c := s.Client("otpbridge-login")
		s.Scopes = append(s.Scopes, realm.Scope{Name: "staff", Mappers: c.Mappers, OnlyFor: onlyFor})
		c.Mappers, c.DefaultScopes = nil, append(c.DefaultScopes, "staff")
	}
}

// Issue 6: roles of the console that people's tokens do not name have a finding of their own: nobody gets in there. What the tokens name, by whatever way, is no
// finding, and a plan adds nothing to it.
func TestRolesOfTheConsoleStandInTokens(t *testing.T) {
	t.Parallel()
	missing := []bridge.FindingID{bridge.FindLoginRoles}
	mapper, role := []realm.Kind{realm.KindMapper}, []realm.Kind{realm.KindClientRole}
	for name, tc := range map[string]struct {
		do    func(*realm.State, *realm.Asked)
		found []bridge.FindingID
		adds  []realm.Kind
	}{
		"as applied":            {func(*realm.State, *realm.Asked) {}, nil, nil},
		"no mapper":             {kindBreakings()[realm.KindMapper], missing, mapper},
		"another claim":         {mapped("claim.name", "groups"), missing, mapper},
		"one role of many":      {mapped("multivalued", ""), missing, mapper},
		"with a prefix":         {mapped("usermodel.realmRoleMapping.rolePrefix", "r_"), missing, mapper},
		"not in its tokens":     {kindBreakings()[realm.KindClientRole], missing, role},
		"not in the realm":      {kindBreakings()[realm.KindRole], missing, []realm.Kind{realm.KindRole, realm.KindClientRole}},
		"given by a scope":      {login(func(c *realm.Client) { c.RealmRoles = nil }), nil, nil},
		"below a composite one": {login(func(c *realm.Client) { c.RealmRoles, c.TokenRoles = []string{"staff"}, append(c.TokenRoles, "staff") }), nil, nil},
		"given by full scope": {login(func(c *realm.Client) { c.RealmRoles, c.FullScope = nil, true }), // which a plan takes
			[]bridge.FindingID{bridge.FindLoginFullScope}, []realm.Kind{realm.KindClientSetting, realm.KindClientRole}},
		"written by a scope":            {byScope(nil), nil, nil},
		"written by a scope, for it":    {byScope([]string{"boss", "otp-helpdesk"}), nil, nil},
		"written by a scope, not to it": {byScope([]string{"boss"}), missing, mapper},
		"written by a scope, to nobody": {byScope([]string{}), missing, mapper},
		"nobody works there":            {func(s *realm.State, a *realm.Asked) { a.ConsoleRoles, s.Client("otpbridge-login").Mappers = nil, nil }, nil, nil},
		"no such client":                {login(func(c *realm.Client) { c.Enabled, c.TokenRoles = false, nil }), []bridge.FindingID{bridge.FindLoginMissing}, []realm.Kind{realm.KindClientSetting}},
	} {
		s, a := applied(t)
		tc.do(s, &a)
		if found := ids(realm.Find(s, a)); !slices.Equal(found, tc.found) {
			t.Errorf("%s: found %v, want %v", name, found, tc.found)
		}
		var adds []realm.Kind
		for _, step := range s.Plan(a.Wanted).Steps {
			adds = append(adds, step.Kind)
		}
		if !slices.Equal(adds, tc.adds) {
			t.Errorf("%s: planned %v, want %v", name, adds, tc.adds)
		}
	}
}

// Issue 6: Keycloak itself is asked which roles a client's tokens may carry, and for whom a client scope counts that names them: a mapper of one with roles of its own
// counts for whoever has one of those, below composite ones too. What it does not need is not asked.
func TestKeycloakSaysWhichRolesTokensCarry(t *testing.T) {
	t.Parallel()
	mapper := objects{{"protocolMapper": "oidc-usermodel-realm-role-mapper", "config": map[string]string{"claim.name": "roles", "id.token.claim": "true", "multivalued": "true"}}}
	inside := map[string]any{"realmMappings": objects{{"name": "staff"}}}
	scopes := objects{{"id": "1", "name": "staff", "protocolMappers": mapper}, {"id": "2", "name": "other", "protocolMappers": mapper}, {"id": "3", "name": "mail"}}
	for name, tc := range map[string]struct {
		mapped map[string]any
		names  []string // roles that the scope's mapper counts for
	}{
		"everybody": {map[string]any{}, []string{"otp-auditor", "otp-helpdesk"}},
		"some":      {inside, []string{"otp-helpdesk"}},
		"nobody":    {map[string]any{"clientMappings": map[string]any{"portal": map[string]any{"mappings": objects{{"name": "x"}}}}}, nil},
	} {
		composite := objects{}
		if tc.names != nil {
			composite = objects{{"name": "staff"}, {"name": "otp-helpdesk"}}
		}
		a := answers{
			"/client-scopes": scopes, "/clients": objects{{"id": "l", "clientId": "login", "enabled": true, "standardFlowEnabled": true, "defaultClientScopes": []string{"staff", "mail"}}},
			"/clients/l/scope-mappings": map[string]any{}, "/clients/l/evaluate-scopes/scope-mappings/campus/granted": objects{{"name": "otp-auditor"}, {"name": "otp-helpdesk"}},
			"/client-scopes/1/scope-mappings": tc.mapped, "/client-scopes/1/scope-mappings/realm/composite": composite,
			"/client-scopes/2/scope-mappings": inside, "/client-scopes/2/scope-mappings/realm/composite": objects{},
		}
		w := realm.Wanted{Realm: "campus", LoginClient: "login", ConsoleRoles: []string{"otp-auditor", "otp-helpdesk"}}
		s := realm.ReadInUse(t.Context(), a, w)
		if c := s.Client("login"); s.Silent[realm.PartClients] != nil || c == nil || !slices.Equal(c.TokenRoles, w.ConsoleRoles) || s.Scope("other").OnlyFor != nil {
			t.Errorf("%s: %+v, %+v, %v", name, c, s.Scopes, s.Silent)
		}
		named := slices.Clone(w.ConsoleRoles)
		for _, f := range realm.Find(s, realm.Asked{Wanted: w}) {
			if f.ID == bridge.FindLoginRoles {
				named = slices.DeleteFunc(named, func(role string) bool { return role == f.Object })
			}
		}
		if !slices.Equal(named, tc.names) {
			t.Errorf("%s: tokens name %v, want %v", name, named, tc.names)
		}
	}
}
