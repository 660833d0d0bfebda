package realm

import (
	"encoding/json"
	"slices"

	"otpbridge/bridge"
)

func clientLooks() []look {
	return []look{
		{"recovery-scope", true, []Part{PartScopes, PartClients}, findScope},
		{"login-client", true, []Part{PartScopes, PartClients}, findLogin},
		{"console-roles", false, []Part{PartScopes, PartClients, PartRoles}, findRoles},
		{"admin-client", false, []Part{PartScopes, PartClients}, findAdmin},
		{"par-policy", true, []Part{PartPolicies}, findPolicy},
	}
}

// findScope: only the login client may ask for a sign-in without the second factor, and only when it says so.
func findScope(s *State, a Asked) (found []bridge.Finding) {
	if s.Scope(a.RecoveryScope) == nil {
		found = append(found, bridge.Found(bridge.FindScopeMissing, a.RecoveryScope))
	}
	if slices.Contains(s.DefaultScopes, a.RecoveryScope) || slices.Contains(s.OptionalScopes, a.RecoveryScope) {
		found = append(found, bridge.Found(bridge.FindScopeDefault, a.RecoveryScope))
	}
	for _, c := range s.Clients {
		always, asked := slices.Contains(c.DefaultScopes, a.RecoveryScope), slices.Contains(c.OptionalScopes, a.RecoveryScope)
		switch {
		case c.ClientID != a.LoginClient && (always || asked):
			found = append(found, bridge.Found(bridge.FindScopeShared, c.ClientID, "scope", a.RecoveryScope))
		case c.ClientID == a.LoginClient && (always || !asked) && s.Scope(a.RecoveryScope) != nil:
			found = append(found, bridge.Found(bridge.FindScopeLogin, c.ClientID, "scope", a.RecoveryScope))
		}
	}
	return found
}

// fault is a finding about a client that holds when bad is true.
type fault struct {
	bad    bool
	id     bridge.FindingID
	object string
	values []string
}

func foundIn(faults []fault) (found []bridge.Finding) {
	for _, f := range faults {
		if f.bad {
			found = append(found, bridge.Found(f.id, f.object, f.values...))
		}
	}
	return found
}

// findLogin looks at the client that people sign in with.
func findLogin(s *State, a Asked) []bridge.Finding {
	c := s.Client(a.LoginClient)
	if !c.signsIn() {
		return []bridge.Finding{bridge.Found(bridge.FindLoginMissing, a.LoginClient)}
	}
	attribute, id := func(name string) string { return c.Attributes[name] }, c.ClientID
	pushes := attribute("require.pushed.authorization.requests") == "true"
	signs := c.Authenticator == "client-jwt" || c.Authenticator == "client-x509"
	return append(c.grants(bridge.FindLoginGrants, map[string]bool{
		"direct access grants": c.DirectGrants, "implicit flow": c.ImplicitFlow, "service account": c.ServiceAccounts,
		"device authorization": attribute("oauth2.device.authorization.grant.enabled") == "true",
		"CIBA":                 attribute("oidc.ciba.grant.enabled") == "true",
		"token exchange":       attribute("standard.token.exchange.enabled") == "true",
	}), foundIn([]fault{
		{!pushes, bridge.FindLoginPAR, id, nil},
		{s.locked(true) && !s.locked(attribute(lockMark) == "login"), bridge.FindParPolicy, "", nil},
		{attribute("pkce.code.challenge.method") != "S256", bridge.FindLoginPKCE, id, nil},
		{!slices.Equal(c.Redirects, []string{a.Callback()}), bridge.FindLoginRedirect, id, []string{"redirect", a.Callback()}},
		{attribute("use.refresh.tokens") != "false", bridge.FindLoginRefresh, id, nil},
		{c.FullScope, bridge.FindLoginFullScope, id, nil},
		{attribute("backchannel.logout.url") != a.BackChannel() || attribute("backchannel.logout.session.required") == "false",
			bridge.FindLoginLogout, id, []string{"url", a.BackChannel()}},
		{c.Public || !signs && !a.Local, bridge.FindLoginSecret, id, nil},
		{c.Authenticator == byKeys && (attribute("use.jwks.url") != "true" || attribute("jwks.url") != a.JWKSURL()) &&
			!sameKeys(c, s.Client(a.AdminClient)), // which is said there
			bridge.FindLoginKeys, id, []string{"url", a.JWKSURL()}},
		{attribute("acr.loa.map") != "" && attribute("acr.loa.map") != "{}" || attribute("default.acr.values") != "", bridge.FindLoginLevels, id, nil},
		{c.lacks("basic", "acr") != "", bridge.FindLoginScopes, id, []string{"scope", c.lacks("basic", "acr")}},
	})...)
}

// signsIn reports whether people can sign in with a client at all.
func (c *Client) signsIn() bool { return c != nil && c.Enabled && c.StandardFlow }

// findRoles names the roles of the console that people's tokens do not name.
func findRoles(s *State, a Asked) (found []bridge.Finding) {
	c := s.Client(a.LoginClient)
	if !c.signsIn() { // which is said there
		return nil
	}
	for _, role := range a.ConsoleRoles {
		if !slices.Contains(c.TokenRoles, role) || !s.namesRole(c, role) {
			found = append(found, bridge.Found(bridge.FindLoginRoles, role, "client", c.ClientID))
		}
	}
	return found
}

// lacks names the first of these client scopes that the client does not have by default, "" when it has all.
func (c *Client) lacks(scopes ...string) string {
	if i := slices.IndexFunc(scopes, func(name string) bool { return !slices.Contains(c.DefaultScopes, name) }); i >= 0 {
		return scopes[i]
	}
	return ""
}

// grants names what is switched on and should not be.
func (c *Client) grants(id bridge.FindingID, on map[string]bool) (found []bridge.Finding) {
	for name, bad := range on {
		if bad {
			found = append(found, bridge.Found(id, name, "client", c.ClientID))
		}
	}
	bridge.SortFindings(found)
	return found
}

// findAdmin looks at the client with the service account.
func findAdmin(s *State, a Asked) []bridge.Finding {
	c := s.Client(a.AdminClient)
	if c == nil || !c.Enabled || !c.ServiceAccounts {
		return []bridge.Finding{bridge.Found(bridge.FindAdminMissing, a.AdminClient)}
	}
	id := c.ClientID
	found := append(c.grants(bridge.FindAdminGrants, map[string]bool{
		"direct access grants": c.DirectGrants, "implicit flow": c.ImplicitFlow, "standard flow": c.StandardFlow,
	}), foundIn([]fault{
		{c.Authenticator == "client-jwt" && c.Attributes["use.jwks.url"] == "true", bridge.FindAdminKeysURL, id, nil},
		{c.Public || c.Authenticator == "client-secret" && !a.Local, bridge.FindAdminSecret, id, nil},
		{c.FullScope, bridge.FindAdminFullScope, id, nil},
		{sameKeys(c, s.Client(a.LoginClient)), bridge.FindKeysSame, id, []string{"login", a.LoginClient}},
		{c.Authenticator == byKeys && a.AdminKeys != "" && c.foreignKey(a.AdminKeys), bridge.FindAdminKeys, id, nil},
	})...)
	return found
}

// foreignKey reports whether a key is on record for the client that is none of ours.
func (c *Client) foreignKey(ours string) bool {
	known := keysIn(ours)
	return c.Attributes["use.jwks.url"] != "true" && slices.ContainsFunc(c.keys(), func(k string) bool { return !slices.Contains(known, k) })
}

// sameKeys reports whether one key is on record for both clients.
func sameKeys(a, b *Client) bool {
	if b == nil {
		return false
	}
	theirs := b.keys()
	return slices.ContainsFunc(a.keys(), func(k string) bool { return slices.Contains(theirs, k) })
}

// keys names the client's keys by what they are, not by what somebody called them.
func (c *Client) keys() (all []string) {
	if c.Attributes["use.jwks.url"] == "true" {
		return []string{"url " + c.Attributes["jwks.url"]}
	}
	return keysIn(c.Attributes["jwks.string"])
}

func keysIn(text string) (all []string) {
	var set struct {
		Keys []struct{ Kty, X, Y, N string }
	}
	if json.Unmarshal([]byte(text), &set) != nil {
		return nil
	}
	for _, k := range set.Keys {
		all = append(all, k.Kty+" "+k.X+" "+k.Y+" "+k.N)
	}
	return all
}

// findPolicy looks for the client policy by which nothing that was not pushed counts, and for the executor that puts other flows in the place of the realm's.
func findPolicy(s *State, _ Asked) (found []bridge.Finding) {
	if !s.locked(true) { // whether the client is marked is looked at where the client is
		found = append(found, bridge.Found(bridge.FindParPolicy, ""))
	}
	profiles := s.profilesWith("auth-flow-enforcer")
	enforced := s.enforced(profiles)
	if len(profiles) > 0 && len(enforced) == 0 {
		found = append(found, bridge.Found(bridge.FindKeycloakFlowEnforcer, ""))
	}
	return append(found, enforced...)
}

// enforced names the policies that put a flow in the place of the realm's. Which one is not looked at: the level that the executor has on record is there whatever
// was asked for, after a password-only sign-in by the realm's own flow, too (measured); and whom conditions are met by, ours among them, nobody can tell from here.
func (s *State) enforced(profiles []string) (found []bridge.Finding) {
	uses := func(name string) bool { return slices.Contains(profiles, name) }
	for _, p := range s.ClientPolicies {
		var policy struct {
			Name       string
			Enabled    bool
			Profiles   []string
			Conditions []Object
		}
		if remake(p, &policy) != nil { // a policy that Keycloak itself does not read
			continue
		}
		if policy.Enabled && len(policy.Conditions) > 0 && slices.ContainsFunc(policy.Profiles, uses) { // without conditions Keycloak leaves it out
			found = append(found, bridge.Found(bridge.FindFlowEnforced, policy.Name))
		}
	}
	return found
}

// profilesWith names the client profiles with an executor.
func (s *State) profilesWith(executor string) (names []string) {
	for _, p := range s.ClientProfiles {
		var profile struct {
			Name      string
			Executors []struct{ Executor string }
		}
		if remake(p, &profile) != nil {
			continue
		}
		for _, e := range profile.Executors {
			if e.Executor == executor {
				names = append(names, profile.Name)
			}
		}
	}
	return names
}

// locked reports whether a policy puts the PAR lock in force for the login client, which carries the mark that policies go by, or does not.
func (s *State) locked(marked bool) bool {
	profiles := s.profilesWith("secure-par-content")
	return slices.ContainsFunc(s.ClientPolicies, func(p Object) bool { return lockingPolicy(p, profiles, marked) })
}

// lockingPolicy reports whether a policy puts one of the profiles in force for the login client.
func lockingPolicy(p Object, profiles []string, marked bool) bool {
	var policy struct {
		Enabled    bool
		Profiles   []string
		Conditions []struct {
			Condition     string
			Configuration struct {
				Attributes string
				Negative   any `json:"is-negative-logic"`
			}
		}
	}
	if remake(p, &policy) != nil || !policy.Enabled || len(policy.Conditions) == 0 {
		return false
	}
	if !slices.ContainsFunc(policy.Profiles, func(name string) bool { return slices.Contains(profiles, name) }) {
		return false
	}
	for _, c := range policy.Conditions {
		var pairs []struct{ Key, Value string }
		negative := c.Configuration.Negative == true || c.Configuration.Negative == "true"
		mark := json.Unmarshal([]byte(c.Configuration.Attributes), &pairs) == nil && len(pairs) == 1 && pairs[0].Key == lockMark && pairs[0].Value == "login"
		if negative || c.Condition != "any-client" && (c.Condition != "client-attributes" || !mark || !marked) {
			return false
		}
	}
	return true
}

// directGrant is the override of a client that takes passwords by a flow of its own.
const directGrant = "direct_grant"

// findGrants names the clients that take a password themselves and ask nobody for a second factor. Our own clients may take none at all.
func findGrants(s *State, a Asked) (found []bridge.Finding) {
	for _, c := range s.Clients {
		if c.takesBasic() {
			found = append(found, bridge.Found(bridge.FindGrantBasic, c.ClientID))
		}
		if !c.Enabled || !c.DirectGrants || c.ClientID == a.LoginClient || c.ClientID == a.AdminClient {
			continue
		}
		f := s.Flow(s.Setting("directGrantFlow"))
		if id := c.Overrides[directGrant]; id != "" {
			f = s.FlowByID(id)
		}
		if f == nil || !(Execution{Sub: f}).wantsCode() {
			found = append(found, bridge.Found(bridge.FindGrantOpen, c.ClientID))
		}
	}
	return found
}

// takesBasic reports whether Keycloak takes a password for a client by HTTP Basic, where no flow asks for more: at a SAML client by the profile ECP, in the place of
// the browser flow, at a registry of images always.
func (c *Client) takesBasic() bool {
	return c.Enabled && (c.Protocol == "saml" && c.Attributes["saml.allow.ecp.flow"] == "true" || c.Protocol == "docker-v2")
}

// grantCode asks for a one-time password in a direct grant.
const grantCode = "direct-grant-validate-otp"

// wantsCode reports whether the password alone gets nobody with an authenticator through a direct grant flow: whoever has one is asked for its code, or
// nobody is let in. What hangs on another condition is not asked of everybody.
func (e Execution) wantsCode() bool {
	if e.needs([]string{grantCode, denies}) {
		return true
	}
	return e.Sub != nil && slices.ContainsFunc(e.Sub.enabled(), func(in Execution) bool {
		switch {
		case in.Sub == nil:
			return false
		case in.Requirement == conditional: // without a condition Keycloak leaves it out
			conditions := slices.DeleteFunc(in.Sub.enabled(), func(c Execution) bool { return !c.isCondition() })
			other := func(c Execution) bool { return c.Provider != byConfigured }
			return len(conditions) > 0 && !slices.ContainsFunc(conditions, other) && Execution{Sub: in.Sub}.needs([]string{grantCode})
		}
		return in.Requirement == required && in.wantsCode()
	})
}
