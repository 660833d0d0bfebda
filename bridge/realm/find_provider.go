package realm

import (
	"slices"
	"strings"

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

// silent reports whether a session at the provider does at a recovery in place of the password, which nobody types then. What the provider makes of being told
// to ask anew, nobody sees from here.
func (p Provider) silent() bool {
	switch {
	case p.LinkOnly, slices.Contains(machines(), p.Kind):
		return false
	case p.Kind == "saml":
		return !strings.EqualFold(p.Config.ForceAuthn, "true")
	case slices.Contains(neverAnew(), p.Kind):
		return true
	default: // OIDC and its kin, and what is none of Keycloak's own
		return !slices.Contains(strings.Fields(p.Config.Prompt), "login")
	}
}

// machines are the kinds of providers that people cannot sign in by.
func machines() []string {
	return []string{"default-trust", "jwt-authorization-grant", "kubernetes", "spiffe"}
}

// neverAnew are the kinds that cannot be told to ask for the password: Keycloak has no setting of that kind for them, and Google's knows no "login".
func neverAnew() []string {
	return []string{
		"bitbucket", "facebook", "github", "gitlab", "google", "instagram", "linkedin-openid-connect", "openshift-v4", "paypal", "stackoverflow", "twitter",
	}
}
