package realm_test

import (
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
