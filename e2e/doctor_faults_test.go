package e2e_test

import (
	"net/url"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// step finds a line of a flow by what it does, or by the name of the sub-flow.
func (p *patient) step(t *testing.T, name string) object {
	t.Helper()
	var lines []object
	p.must(t, "GET /authentication/flows/otpbridge-browser/executions", nil, &lines)
	for _, l := range lines {
		if l["providerId"] == name || l["displayName"] == name {
			return l
		}
	}
	t.Fatal("no step", name)
	return nil
}

// requirement changes whether a step of the browser flow counts.
func requirement(id bridge.FindingID, name, becomes string) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		line := p.step(t, name)
		before := line["requirement"]
		put := func(r any) {
			line["requirement"] = r
			p.must(t, "PUT /authentication/flows/otpbridge-browser/executions", line, nil)
		}
		put(becomes)
		return func() { put(before) }
	}}
}

// configured changes the configuration of a step of the browser flow.
func configured(id bridge.FindingID, name, key, becomes string) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		at, _ := p.step(t, name)["authenticationConfig"].(string)
		var config object
		p.must(t, "GET /authentication/config/"+at, nil, &config)
		values, _ := config["config"].(object)
		before := values[key]
		put := func(v any) {
			values[key] = v
			p.must(t, "PUT /authentication/config/"+at, config, nil)
		}
		put(becomes)
		return func() { put(before) }
	}}
}

// besideForms adds another way in beside the forms of the browser flow.
func besideForms(id bridge.FindingID, provider string) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		p.must(t, "POST /authentication/flows/otpbridge-browser-who/executions/execution", object{"provider": provider}, nil)
		line := p.step(t, provider)
		line["requirement"] = "ALTERNATIVE"
		p.must(t, "PUT /authentication/flows/otpbridge-browser/executions", line, nil)
		return func() { p.must(t, "DELETE /authentication/executions/"+idOf(line), nil, nil) }
	}}
}

func flowFaults() []fault {
	return []fault{
		requirement(bridge.FindFlowOpen, "otpbridge-browser-2fa", "DISABLED"),
		requirement(bridge.FindFlowOpen, "otpbridge-browser-who", "ALTERNATIVE"),
		configured(bridge.FindFlowOpen, "conditional-level-of-authentication", "loa-condition-level", "1"),
		requirement(bridge.FindFlowGate, "otpbridge-browser-gate", "DISABLED"),
		requirement(bridge.FindFlowGate, "deny-access-authenticator", "DISABLED"),
		configured(bridge.FindFlowGate, "conditional-user-role", "negate", "false"),
		configured(bridge.FindFlowGate, "conditional-client-scope", "client_scope", "email"),
		besideForms(bridge.FindFlowCertificate, "auth-x509-client-username-form"),
		besideForms(bridge.FindFlowPassword, "auth-username-form"),
		requirement(bridge.FindCodesUnused, "auth-recovery-authn-code-form", "DISABLED"),
		{[]bridge.FindingID{bridge.FindFlowOverride}, func(t *testing.T, p *patient) func() {
			t.Helper()
			p.must(t, "POST /authentication/flows", object{"alias": "pwd-only", "providerId": "basic-flow", "topLevel": true, "builtIn": false}, nil)
			p.must(t, "POST /authentication/flows/pwd-only/executions/flow", object{"alias": "pwd-l1", "type": "basic-flow", "provider": "registration-page-form"}, nil)
			for _, provider := range []string{"conditional-level-of-authentication", "auth-username-password-form"} {
				p.must(t, "POST /authentication/flows/pwd-l1/executions/execution", object{"provider": provider}, nil)
			}
			var lines []object
			p.must(t, "GET /authentication/flows/pwd-only/executions", nil, &lines)
			for _, l := range lines {
				l["requirement"] = "REQUIRED"
				if l["displayName"] == "pwd-l1" {
					l["requirement"] = "CONDITIONAL"
				}
				p.must(t, "PUT /authentication/flows/pwd-only/executions", l, nil)
			}
			return p.override(t, "portal", p.flow(t, "pwd-only"))
		}},
		{[]bridge.FindingID{bridge.FindFlowLogin}, func(t *testing.T, p *patient) func() {
			t.Helper()
			return p.override(t, realm.LoginClient, p.flow(t, "browser"))
		}},
		provider(bridge.FindProviderFlow, object{"firstBrokerLoginFlowAlias": "direct grant", "providerId": "saml", "config": object{
			"idpEntityId": "x", "singleSignOnServiceUrl": "https://idp.example.org/s", "prompt": "login",
		}}).also(bridge.FindProviderSilent),
		provider(bridge.FindProviderFlow, object{"firstBrokerLoginFlowAlias": "first broker login"}).also(bridge.FindProviderLinking),
		writes(object{"identityProviderMapper": "oidc-user-attribute-idp-mapper", "config": object{
			"syncMode": "FORCE", "claim": "mail", "user.attribute": realm.Notification,
		}}),
		writes(object{"identityProviderMapper": "oidc-hardcoded-role-idp-mapper", "config": object{"syncMode": "INHERIT", "role": realm.Gate}}),
		writes(object{"identityProviderMapper": "oidc-hardcoded-group-idp-mapper", "config": object{"syncMode": "INHERIT", "group": "/" + realm.Gate}}),
	}
}

// writes adds an identity provider that writes what decides.
func writes(mapper object) fault {
	f := provider(bridge.FindProviderFlow, object{"firstBrokerLoginFlowAlias": "direct grant"}).also(bridge.FindProviderWrites)
	add := f.does
	f.does = func(t *testing.T, p *patient) func() {
		t.Helper()
		mend := add(t, p)
		mapper["name"], mapper["identityProviderAlias"] = "writes", "idp"
		p.must(t, "POST /identity-provider/instances/idp/mappers", mapper, nil)
		return mend
	}
	return f
}

func (p *patient) flow(t *testing.T, alias string) string {
	t.Helper()
	var all []struct{ ID, Alias string }
	p.must(t, "GET /authentication/flows", nil, &all)
	for _, f := range all {
		if f.Alias == alias {
			return f.ID
		}
	}
	t.Fatal("no flow", alias)
	return ""
}

// override gives a client a browser flow of its own.
func (p *patient) override(t *testing.T, client, flow string) func() {
	t.Helper()
	c := p.client(t, client)
	id, _ := c["id"].(string)
	p.must(t, "PUT /clients/"+id, object{"clientId": client, "authenticationFlowBindingOverrides": object{"browser": flow}}, nil)
	return func() {
		p.must(t, "PUT /clients/"+id, object{"clientId": client, "authenticationFlowBindingOverrides": object{"browser": ""}}, nil)
	}
}

func (p *patient) client(t *testing.T, client string) object {
	t.Helper()
	var all []object
	p.must(t, "GET /clients?clientId="+client, nil, &all)
	if len(all) != 1 {
		t.Fatal("no client", client)
	}
	return all[0]
}

// provider adds an identity provider.
func provider(id bridge.FindingID, with object) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		idp := unguarded()
		for name, value := range with {
			idp[name] = value
		}
		p.must(t, "POST /identity-provider/instances", idp, nil)
		return func() { p.must(t, "DELETE /identity-provider/instances/idp", nil, nil) }
	}}
}

// changed changes a client, and puts back what was there.
func changed(id bridge.FindingID, name string, change object) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		c := p.client(t, name)
		at, _ := c["id"].(string)
		back := object{"clientId": name}
		for key := range change {
			back[key] = c[key]
		}
		was, _ := c["attributes"].(object)
		becomes, _ := change["attributes"].(object)
		for key := range becomes {
			if was[key] == nil { // an attribute that is not named stays
				was[key] = ""
			}
		}
		change["clientId"] = name
		p.must(t, "PUT /clients/"+at, change, nil)
		return func() { p.must(t, "PUT /clients/"+at, back, nil) }
	}}
}

func attributes(id bridge.FindingID, client, name, value string) fault {
	return changed(id, client, object{"attributes": object{name: value}})
}

func clientFaults() []fault {
	login, admin := realm.LoginClient, "otpbridge-admin"
	scoped := func(id bridge.FindingID, where string) fault {
		return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
			t.Helper()
			at := strings.ReplaceAll(strings.ReplaceAll(where, "{scope}", p.scope(t, realm.Scope)), "{portal}", idOf(p.client(t, "portal")))
			p.must(t, "PUT "+at, object{}, nil)
			return func() { p.must(t, "DELETE "+at, nil, nil) }
		}}
	}
	return []fault{
		attributes(bridge.FindLoginLevels, login, "acr.loa.map", `{"mfa":0}`),
		attributes(bridge.FindLoginLevels, login, "default.acr.values", "mfa"),
		changed(bridge.FindLoginKeys, login, object{"clientAuthenticatorType": "client-jwt", "attributes": object{"use.jwks.url": "true", "jwks.url": "http://localhost:1/"}}),
		changed(bridge.FindLoginKeys, login, object{"clientAuthenticatorType": "client-jwt", "attributes": object{"use.jwks.url": "false", "jwks.string": adminKeys}}),
		changed(bridge.FindAdminKeys, admin, object{"clientAuthenticatorType": "client-jwt", "attributes": object{
			"use.jwks.string": "true", "jwks.string": strings.Replace(adminKeys, `{"kty"`, `{"kty":"EC","crv":"P-256","x":"another","y":"one"},{"kty"`, 1),
		}}),
		without(bridge.FindLoginScopes, "acr"), without(bridge.FindLoginScopes, "basic"),
		attributes(bridge.FindLoginPAR, login, "require.pushed.authorization.requests", "false"),
		changed(bridge.FindLoginRedirect, login, object{"redirectUris": []string{rig.AppRedirect, "http://localhost:8088/*"}}),
		attributes(bridge.FindLoginRefresh, login, "use.refresh.tokens", "true"),
		changed(bridge.FindLoginGrants, login, object{"directAccessGrantsEnabled": true}),
		changed(bridge.FindLoginFullScope, login, object{"fullScopeAllowed": true}),
		attributes(bridge.FindLoginLogout, login, "backchannel.logout.url", "http://localhost:1/"),
		changed(bridge.FindLoginMissing, login, object{"enabled": false}),
		changed(bridge.FindAdminFullScope, admin, object{"fullScopeAllowed": true}),
		changed(bridge.FindAdminGrants, admin, object{"directAccessGrantsEnabled": true}),
		scoped(bridge.FindScopeShared, "/clients/{portal}/optional-client-scopes/{scope}"),
		scoped(bridge.FindScopeDefault, "/default-optional-client-scopes/{scope}"),
		scoped(bridge.FindScopeDefault, "/default-default-client-scopes/{scope}"),
		without(bridge.FindScopeLogin, realm.Scope),
	}
}

// adminKeys are the public keys that a configuration would name for the admin client, if it had keys.
const adminKeys = `{"keys":[{"kty":"EC","crv":"P-256","x":"ours","y":"ours"}]}`

// without takes a client scope from the login client.
func without(id bridge.FindingID, scope string) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		how := "default"
		if scope == realm.Scope {
			how = "optional"
		}
		at := "/clients/" + idOf(p.client(t, realm.LoginClient)) + "/" + how + "-client-scopes/" + p.scope(t, scope)
		p.must(t, "DELETE "+at, nil, nil)
		return func() { p.must(t, "PUT "+at, object{}, nil) }
	}}
}

func idOf(o object) string {
	id, _ := o["id"].(string)
	return id
}

func (p *patient) scope(t *testing.T, name string) string {
	t.Helper()
	var all []object
	p.must(t, "GET /client-scopes", nil, &all)
	for _, s := range all {
		if s["name"] == name {
			return idOf(s)
		}
	}
	t.Fatal("no client scope", name)
	return ""
}

func peopleFaults() []fault {
	both := func(id bridge.FindingID, on, off string, body func(t *testing.T, p *patient) any) fault {
		return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
			t.Helper()
			fill := strings.NewReplacer("{gate}", p.GateGroup, "{allowed}", p.Allowed, "{alice}", p.Users["alice"], "{role}", realm.Gate,
				"{default}", url.PathEscape("default-roles-"+p.Name)).Replace
			with := body(t, p)
			p.must(t, fill(on), with, nil)
			return func() { p.must(t, fill(off), with, nil) }
		}}
	}
	nothing := func(*testing.T, *patient) any { return object{} }
	gateRole := func(t *testing.T, p *patient) any {
		t.Helper()
		var role object
		p.must(t, "GET /roles/"+realm.Gate, nil, &role)
		return []object{role}
	}
	rights := func(t *testing.T, p *patient) any {
		t.Helper()
		var role object
		p.must(t, "GET /clients/"+idOf(p.client(t, "realm-management"))+"/roles/view-realm", nil, &role)
		return []object{role}
	}
	return []fault{
		both(bridge.FindGateDefault, "PUT /default-groups/{gate}", "DELETE /default-groups/{gate}", nothing),
		both(bridge.FindAllowedDefault, "PUT /default-groups/{allowed}", "DELETE /default-groups/{allowed}", nothing),
		both(bridge.FindGateRole, "DELETE /groups/{gate}/role-mappings/realm", "POST /groups/{gate}/role-mappings/realm", gateRole),
		both(bridge.FindGateSpread, "POST /groups/{allowed}/role-mappings/realm", "DELETE /groups/{allowed}/role-mappings/realm", gateRole),
		both(bridge.FindGateSpread, "POST /roles/{default}/composites", "DELETE /roles/{default}/composites", gateRole),
		both(bridge.FindGateSpread, "POST /users/{alice}/role-mappings/realm", "DELETE /users/{alice}/role-mappings/realm", gateRole),
		{[]bridge.FindingID{bridge.FindGateSpread}, func(t *testing.T, p *patient) func() {
			t.Helper()
			var g object
			p.must(t, "POST /groups/"+p.GateGroup+"/children", object{"name": "testers"}, nil)
			p.must(t, "GET /group-by-path/"+realm.Gate+"/testers", nil, &g)
			return func() { p.must(t, "DELETE /groups/"+idOf(g), nil, nil) }
		}},
		{[]bridge.FindingID{bridge.FindAllowedAdmins}, func(t *testing.T, p *patient) func() {
			t.Helper()
			at := "/users/" + p.Users["alice"] + "/role-mappings/clients/" + idOf(p.client(t, "realm-management"))
			with := rights(t, p)
			p.must(t, "POST "+at, with, nil)
			return func() { p.must(t, "DELETE "+at, with, nil) }
		}},
		unimported(),
		{[]bridge.FindingID{bridge.FindActionsPending}, func(t *testing.T, p *patient) func() {
			t.Helper()
			var alice object
			p.must(t, "GET /users/"+p.Users["alice"], nil, &alice)
			alice["requiredActions"] = []string{"CONFIGURE_TOTP"}
			p.must(t, "PUT /users/"+p.Users["alice"], alice, nil)
			return func() {
				alice["requiredActions"] = []string{}
				p.must(t, "PUT /users/"+p.Users["alice"], alice, nil)
			}
		}},
		{[]bridge.FindingID{bridge.FindActionsDefault}, func(t *testing.T, p *patient) func() {
			t.Helper()
			var action object
			p.must(t, "GET /authentication/required-actions/CONFIGURE_TOTP", nil, &action)
			put := func(on bool) {
				action["defaultAction"] = on
				p.must(t, "PUT /authentication/required-actions/CONFIGURE_TOTP", action, nil)
			}
			put(true)
			return func() { put(false) }
		}},
	}
}

// unimported adds a directory whose people Keycloak does not import.
func unimported() fault {
	return fault{[]bridge.FindingID{bridge.FindDirectoryUnimported}, func(t *testing.T, p *patient) func() {
		t.Helper()
		p.must(t, "POST /components", object{
			"name": "directory", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider", "config": map[string][]string{
				"editMode": {"READ_ONLY"}, "importEnabled": {"false"}, "enabled": {"true"}, "vendor": {"other"}, "usernameLDAPAttribute": {"uid"},
				"rdnLDAPAttribute": {"uid"}, "uuidLDAPAttribute": {"entryUUID"}, "userObjectClasses": {"inetOrgPerson"}, "authType": {"none"},
				"connectionUrl": {"ldap://127.0.0.1:1"}, "usersDn": {"ou=people,dc=example,dc=ac,dc=jp"},
			},
		}, nil)
		var made []object
		p.must(t, "GET /components?name=directory", nil, &made)
		return func() { p.must(t, "DELETE /components/"+idOf(made[0]), nil, nil) }
	}}
}
