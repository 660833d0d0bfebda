package realm

import (
	"slices"

	"otpbridge/bridge"
)

// Keycloak's names of when a provider writes: at the first sign-in only, or at each.
const syncImport, syncForce = "IMPORT", "FORCE"

// written are what an identity provider writes into accounts of what decides here: attributes, and what opens the gate. Keycloak writes before it asks for the
// second factor, past the user profile and without an event, so that whoever has the account at the provider decides.
func (p Provider) written(a Asked, gate, role string) (names []string) {
	decides := func(name string) bool {
		return slices.ContainsFunc(a.Deciding, func(d Deciding) bool { return d.Name == name })
	}
	for _, name := range []string{"email", "firstName", "lastName"} { // what every provider says of people
		if p.Config.Sync == syncForce && decides(name) {
			names = append(names, name)
		}
	}
	for _, m := range p.Mappers {
		sync := m.Config["syncMode"]
		if sync == "" || sync == "INHERIT" {
			sync = p.Config.Sync
		}
		for _, setting := range []string{"user.attribute", "attribute", "userAttribute"} {
			if name := m.Config[setting]; sync != syncImport && decides(name) {
				names = append(names, name)
			}
		}
		for _, opens := range []string{m.Config["role"], m.Config["group"]} {
			if opens != "" && (opens == role || opens == gate) {
				names = append(names, opens)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// findWritten looks at what identity providers write.
func (s *State) findWritten(p Provider, a Asked) (found []bridge.Finding) {
	for _, name := range p.written(a, s.GateGroup(a.Wanted), s.gateRole(a)) {
		found = append(found, bridge.Found(bridge.FindProviderWrites, p.Alias, "attribute", name))
	}
	return found
}
