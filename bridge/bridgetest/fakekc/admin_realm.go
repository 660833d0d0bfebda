package fakekc

import "net/http"

// realmRoutes are the calls that read how the realm is set up: it is the good one of the realm file, and nothing changes it but the faults.
func realmRoutes() map[string]func(*call) reply {
	refused := func(c *call) reply { return c.fault(http.StatusForbidden, "HTTP 403 Forbidden") }
	fixed := func(value any) func(*call) reply { return func(c *call) reply { return c.ok(value) } }
	none := fixed([]string{})
	return map[string]func(*call) reply{
		"GET /authentication/flows":                        fixed([]object{{"id": flowID, "alias": flowName, "providerId": "basic-flow"}}),
		"GET /authentication/flows/{alias}/executions":     (*call).executions,
		"GET /authentication/config/{config}":              (*call).stepConfig,
		"GET /authentication/authenticator-providers":      fixed([]object{{"id": "auth-otp-form"}, {"id": "conditional-client-scope"}}),
		"GET /default-default-client-scopes":               refused,
		"GET /default-optional-client-scopes":              refused,
		"GET /client-scopes":                               none,
		"GET /identity-provider/instances":                 (*call).providers,
		"GET /identity-provider/instances/{alias}/mappers": none,
		"GET /client-policies/profiles":                    fixed(object{"profiles": []object{{"name": "otpbridge-par", "executors": []object{{"executor": "secure-par-content"}, {"executor": "pkce-enforcer"}}}}}),
		"GET /client-policies/policies":                    (*call).policies,
		"GET /roles":                                       fixed([]object{{"id": roleGate, "name": roleGate}}),
		"GET /roles/{role}/groups":                         (*call).roleGroups,
		"GET /localization/{language}":                     fixed(object{}),
		"GET /authentication/required-actions":             none,
		"GET /components":                                  none,
	}
}

type object = map[string]any

// GET /admin/realms/{realm}/identity-provider/instances: those that SetRealm has put there, a hundred where no number is named.
func (c *call) providers() reply {
	if !c.client.Service.Providers {
		return c.fault(http.StatusForbidden, "HTTP 403 Forbidden")
	}
	all, _ := c.s.realm["identityProviders"].([]object)
	return c.ok(page(c.r.URL.Query(), append([]object{}, all...), 100))
}

const (
	flowID   = "fb000000-0000-4000-8000-00000000f10e"
	flowName = "otpbridge-browser"
)

// GET /admin/realms/{realm}/authentication/flows/{alias}/executions
func (c *call) executions() reply {
	if c.r.PathValue("alias") != flowName {
		return c.fault(http.StatusNotFound, "flow not found")
	}
	codes := "ALTERNATIVE"
	if c.s.realm["recoveryCodes"] == false {
		codes = "DISABLED"
	}
	sub := func(level int, requirement, name string) object {
		return object{"level": level, "requirement": requirement, "displayName": name, "authenticationFlow": true, "flowId": name}
	}
	step := func(level int, requirement, provider, config string) object {
		return object{"level": level, "requirement": requirement, "providerId": provider, "authenticationConfig": config}
	}
	return c.ok([]object{
		sub(0, "REQUIRED", "who"), step(1, "ALTERNATIVE", "auth-cookie", ""), sub(1, "ALTERNATIVE", "forms"),
		step(2, "REQUIRED", "auth-username-password-form", ""),
		sub(0, "CONDITIONAL", "gate"), step(1, "REQUIRED", "conditional-client-scope", "gate-scope"),
		step(1, "REQUIRED", "conditional-user-role", "gate-role"), step(1, "REQUIRED", "deny-access-authenticator", ""),
		sub(0, "CONDITIONAL", "2fa"), step(1, "REQUIRED", "conditional-client-scope", "not-recovery"),
		step(1, "REQUIRED", "conditional-level-of-authentication", "mfa"), sub(1, "REQUIRED", "ways"),
		step(2, "ALTERNATIVE", "auth-otp-form", ""), step(2, codes, "auth-recovery-authn-code-form", ""),
	})
}

// GET /admin/realms/{realm}/authentication/config/{config}
func (c *call) stepConfig() reply {
	config, ok := map[string]map[string]string{
		"gate-scope":   {"client_scope": scopeGate, "negate": "false"},
		"gate-role":    {"condUserRole": roleGate, "negate": "true"},
		"not-recovery": {"client_scope": scopeGate, "negate": "true"},
		"mfa":          {"loa-condition-level": "2", "loa-max-age": "36000"},
	}[c.r.PathValue("config")]
	if !ok {
		return c.fault(http.StatusNotFound, "Could not find authenticator config")
	}
	return c.ok(object{"alias": c.r.PathValue("config"), "config": config})
}

// GET /admin/realms/{realm}/client-policies/policies
func (c *call) policies() reply {
	return c.ok(object{"policies": []object{{
		"name": "otpbridge-par", "enabled": true, "profiles": []string{"otpbridge-par"}, "conditions": []object{{
			"condition": "client-attributes", "configuration": object{"attributes": `[{"key":"otpbridge","value":"login"}]`, "is-negative-logic": false},
		}},
	}}})
}

// GET /admin/realms/{realm}/roles/{role}/groups
func (c *call) roleGroups() reply {
	out := []object{}
	for _, g := range c.s.groups {
		for _, role := range g.roles {
			if role == c.r.PathValue("role") {
				out = append(out, object{"id": g.id, "name": g.name, "path": "/" + g.name})
			}
		}
	}
	return c.ok(out)
}
