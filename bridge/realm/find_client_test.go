package realm_test

import (
	"testing"

	"otpbridge/bridge/realm"
)

// enforcing adds a policy that has the flow of its own profile in the place of the realm's.
func enforcing(enabled bool) func(*realm.State, *realm.Asked) {
	return func(s *realm.State, _ *realm.Asked) {
		s.ClientProfiles = append(s.ClientProfiles, realm.Object{"name": "weak", "executors": []any{map[string]any{
			"executor": "auth-flow-enforcer", "configuration": map[string]any{"auth-flow-alias": "otpbridge-browser", "auth-flow-loa": 2},
		}}})
		s.ClientPolicies = append(s.ClientPolicies, realm.Object{"name": "weak", "enabled": enabled, "profiles": []any{"weak"}, "conditions": []any{
			map[string]any{"condition": "client-access-type", "configuration": map[string]any{"type": []any{"public"}}},
		}})
	}
}

// OPS-09: Keycloak looks at Allow ECP flow in SAML clients alone, and lets nobody in at a client that is switched off.
func TestGoodRealmTakesNoPasswordByBasic(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*realm.State){
		"off":      func(s *realm.State) { s.Client("saml-app").Enabled = false },
		"not SAML": func(s *realm.State) { s.Client("saml-app").Protocol = "openid-connect" },
		"off, a registry": func(s *realm.State) {
			s.Client("saml-app").Protocol, s.Client("saml-app").Enabled = "docker-v2", false
		},
	} {
		s, a := campus(t)
		s.Client("saml-app").Attributes["saml.allow.ecp.flow"] = "true"
		change(s)
		if found := realm.Find(s, a); len(found) > 0 {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}
