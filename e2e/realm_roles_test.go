package e2e_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
)

// calls makes calls of an administrator: {login} is the login client, {scope} the client scope "staff", a body that is a text the name of a realm role.
func (p *patient) calls(t *testing.T, list ...[2]any) {
	t.Helper()
	for _, c := range list {
		call, _ := c[0].(string)
		if name, ok := c[1].(string); ok {
			var role object
			p.must(t, "GET /roles/"+name, nil, &role)
			c[1] = []object{role}
		}
		call = strings.ReplaceAll(call, "{login}", idOf(p.client(t, realm.LoginClient)))
		if strings.Contains(call, "{scope}") {
			call = strings.ReplaceAll(call, "{scope}", p.scope(t, "staff"))
		}
		p.must(t, call, c[1], nil)
	}
}

// judged compares what Keycloak says in the token of an operator with what the doctor and a plan say of it, and returns what the plan adds.
func (p *patient) judged(t *testing.T, how string, named bool) (adds []safe.Change) {
	t.Helper()
	w := wanted(p.Realm)
	w.ConsoleRoles = []string{realm.OperatorRole}
	s := safe.ReadInUse(t.Context(), p, w) // a third of the calls, and all that this is about
	if err := s.Silent[safe.PartClients]; err != nil {
		t.Fatal(err)
	}
	var token struct{ Roles []string }
	p.must(t, "GET /clients/"+s.Client(realm.LoginClient).ID+"/evaluate-scopes/generate-example-id-token?scope=openid&userId="+url.QueryEscape(p.Users["carol"]), nil, &token)
	for _, step := range s.Plan(w).Steps {
		if step.Of == realm.LoginClient && (step.Kind == safe.KindMapper || step.Kind == safe.KindClientRole) {
			adds = append(adds, step.Change)
		}
	}
	says := slices.ContainsFunc(safe.Find(s, safe.Asked{Wanted: w}), func(f bridge.Finding) bool { return f.ID == bridge.FindLoginRoles })
	if slices.Contains(token.Roles, realm.OperatorRole) != named || says == named || (len(adds) == 0) != named {
		t.Errorf("%s: the token names %v, found %v, planned %+v", how, token.Roles, says, adds)
	}
	return adds
}

// Issue 6: a role of the console comes to people's tokens by the client, by a client scope, or below a composite role, and the doctor and the plan know it as Keycloak
// does: no false alarm, no role that is missed, and nothing is added that is there.
func TestRealmRolesComeToTokensByAnyWay(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	const role, ofClient, ofScope = realm.OperatorRole, "/clients/{login}/scope-mappings/realm", "/client-scopes/{scope}/scope-mappings/realm"
	p.judged(t, "by the client", true)
	p.calls(t, [2]any{"DELETE " + ofClient, role})
	p.judged(t, "by nothing", false)
	p.calls(t, [2]any{"POST /client-scopes", object{"name": "staff", "protocol": "openid-connect"}}, [2]any{"POST " + ofScope, role})
	p.judged(t, "by a client scope of others", false)
	p.calls(t, [2]any{"PUT /clients/{login}/optional-client-scopes/{scope}", object{}})
	p.judged(t, "by a client scope that must be asked for", false)
	p.calls(t, [2]any{"DELETE /clients/{login}/optional-client-scopes/{scope}", nil}, [2]any{"PUT /clients/{login}/default-client-scopes/{scope}", object{}})
	p.judged(t, "by a client scope", true)
	p.calls(t, [2]any{"POST /roles", object{"name": "boss"}}, [2]any{"POST /roles/boss/composites", role}, [2]any{"DELETE " + ofScope, role}, [2]any{"POST " + ofScope, "boss"})
	p.judged(t, "below a role of a client scope", true)
	var mappers []object
	p.must(t, "GET /clients/"+idOf(p.client(t, realm.LoginClient))+"/protocol-mappers/models", nil, &mappers)
	mapper := mappers[slices.IndexFunc(mappers, func(m object) bool { return m["name"] == "realm roles" })]
	p.calls(t, [2]any{"DELETE /clients/{login}/protocol-mappers/models/" + idOf(mapper), nil})
	p.judged(t, "without a mapper", false)
	delete(mapper, "id")
	p.calls(t, [2]any{"POST /client-scopes/{scope}/protocol-mappers/models", mapper})
	p.judged(t, "by the mapper of a client scope", true)
	p.calls(t, [2]any{"POST /roles", object{"name": "other"}}, [2]any{"POST " + ofScope, "other"}, [2]any{"DELETE " + ofScope, "boss"}, [2]any{"POST " + ofClient, "boss"})
	run := safe.Run{Caller: p, Note: func(safe.Change) error { return nil }, Made: func(safe.Change) {}}
	if err := run.Do(t.Context(), p.judged(t, "by the mapper of a client scope for others", false)); err != nil {
		t.Fatal(err)
	}
	p.judged(t, "as applied", true)
}
