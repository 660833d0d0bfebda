package realm

import (
	"slices"
	"strings"
)

// How a client proves itself.
const (
	bySecret = "client-secret"
	byKeys   = "client-jwt"
)

// loginClient is the client that people sign in with. What it may ask for comes last.
func (p *planner) loginClient() {
	w := p.w
	settings := p.loginSettings()
	scopes := p.builtIn("basic", "acr", "profile", "email")
	roles := Object{
		"protocolMapper": "oidc-usermodel-realm-role-mapper", "config": Object{
			"claim.name": "roles", "jsonType.label": "String", "multivalued": "true", "id.token.claim": "true", "access.token.claim": "false",
			"userinfo.token.claim": "false",
		},
	}
	here := p.client(w.LoginClient)
	if here == nil {
		body := nested(settings)
		body["clientId"], body["name"], body["description"] = w.LoginClient, "Lost authenticator", "otpbridge: people sign in"
		body["defaultClientScopes"], body["optionalClientScopes"] = scopes, []string{w.RecoveryScope}
		roles["name"], roles["protocol"] = "realm roles", "openid-connect"
		body["protocolMappers"] = []Object{roles}
		p.want(ReasonLogin, Change{Kind: KindClient, Name: w.LoginClient}, body)
	} else {
		p.want(ReasonLogin, Change{Kind: KindClientSetting, Of: w.LoginClient}, settings)
		if slices.ContainsFunc(w.ConsoleRoles, func(role string) bool { return !p.s.namesRole(here, role) }) {
			p.want(ReasonLogin, Change{Kind: KindMapper, Of: w.LoginClient, Name: "realm roles"}, roles)
		}
	}
	for _, role := range w.ConsoleRoles {
		if here != nil && !here.FullScope && slices.Contains(here.TokenRoles, role) { // what full scope lets in goes with it
			continue
		}
		p.want(ReasonLogin, Change{Kind: KindClientRole, Of: w.LoginClient, Name: role}, is)
	}
	if here == nil {
		return
	}
	p.scopes(ReasonLogin, here, scopes)
	for _, name := range here.OptionalScopes {
		if name != w.RecoveryScope {
			p.want(ReasonLogin, Change{Kind: KindClientScope, Of: w.LoginClient, Name: optionalScope + " " + name}, nil)
		}
	}
	p.want(ReasonLogin, Change{Kind: KindClientScope, Of: w.LoginClient, Name: defaultScope + " " + w.RecoveryScope}, nil)
	p.want(ReasonScope, Change{Kind: KindClientScope, Of: w.LoginClient, Name: optionalScope + " " + w.RecoveryScope}, is)
}

// client finds one of our two clients; a SAML client of that name is somebody else's. A secret is not overwritten: no undo could bring it back.
func (p *planner) client(name string) *Client {
	c := p.s.Client(name)
	if c != nil && c.Protocol != "" && c.Protocol != "openid-connect" {
		p.explain(ObstacleName, Detail{"name_client", [3]string{name, c.Protocol}})
	}
	if c != nil && c.OtherSecret {
		p.stop(ObstacleSecret, name)
	}
	return c
}

// builtIn lists client scopes of Keycloak's own, which a realm has unless somebody removed them.
func (p *planner) builtIn(names ...string) []string {
	for _, name := range names {
		if p.s.Scope(name) == nil {
			p.stop(ObstacleScope, name)
		}
	}
	return names
}

// scopes wants a client to have client scopes by default.
func (p *planner) scopes(reason Reason, c *Client, names []string) {
	for _, name := range names {
		p.want(reason, Change{Kind: KindClientScope, Of: c.ClientID, Name: defaultScope + " " + name}, is)
	}
}

// loginSettings are the settings of the login client that its safety rests on.
func (p *planner) loginSettings() Object {
	w := p.w
	s := Object{
		"enabled": true, "publicClient": false, "bearerOnly": false, "standardFlowEnabled": true, "implicitFlowEnabled": false,
		"directAccessGrantsEnabled": false, "serviceAccountsEnabled": false, "fullScopeAllowed": false, "consentRequired": false,
		"frontchannelLogout": false, "redirectUris": []string{w.Callback()}, "webOrigins": []string{},
		"clientAuthenticatorType":                              bySecret,
		inAttributes + lockMark:                                "login",
		inAttributes + "require.pushed.authorization.requests": "true",
		inAttributes + "pkce.code.challenge.method":            "S256",
		inAttributes + "use.refresh.tokens":                    "false",
		inAttributes + "post.logout.redirect.uris":             w.PostLogout(),
		inAttributes + "backchannel.logout.url":                w.BackChannel(),
		inAttributes + "backchannel.logout.session.required":   "true",
	}
	if w.LoginSecret == "" {
		s["clientAuthenticatorType"] = byKeys
		s[inAttributes+"use.jwks.url"], s[inAttributes+"jwks.url"] = "true", w.JWKSURL()
		s[inAttributes+"token.endpoint.auth.signing.alg"] = "ES256"
	}
	if here := p.s.Client(w.LoginClient); here != nil {
		for _, name := range []string{ // grants and levels that we never use
			"oauth2.device.authorization.grant.enabled", "oidc.ciba.grant.enabled", "standard.token.exchange.enabled", "acr.loa.map", "default.acr.values",
			"use.jwks.string", "jwks.string",
		} {
			if v := here.Attributes[name]; v != "" && v != "false" {
				s[inAttributes+name] = ""
			}
		}
		for name := range here.Overrides {
			s[inOverrides+name] = ""
		}
	}
	return s
}

// nested is a client's settings as Keycloak takes them when it makes one.
func nested(settings Object) Object {
	attributes, body := Object{}, Object{"protocol": "openid-connect", "attributes": nil}
	for name, v := range settings {
		if rest, ok := strings.CutPrefix(name, inAttributes); ok {
			attributes[rest] = v
		} else {
			body[name] = v
		}
	}
	body["attributes"] = attributes
	return body
}

// namesRole reports whether a client's ID tokens name a realm role that they may carry to whoever has it: by a mapper of the client's own, or of a client scope that
// it has by default and whose mappers count for that person.
func (s *State) namesRole(c *Client, role string) bool {
	return nameRoles(c.Mappers) || slices.ContainsFunc(s.Scopes, func(scope Scope) bool {
		counts := scope.OnlyFor == nil || slices.Contains(scope.OnlyFor, role)
		return counts && slices.Contains(c.DefaultScopes, scope.Name) && nameRoles(scope.Mappers)
	})
}

// nameRoles reports whether a mapper puts the realm roles, all of them and by their names, where we read them.
func nameRoles(mappers []Mapper) bool {
	return slices.ContainsFunc(mappers, func(m Mapper) bool {
		return m.Mapper == "oidc-usermodel-realm-role-mapper" && m.Config["claim.name"] == "roles" && m.Config["id.token.claim"] == "true" &&
			m.Config["multivalued"] == "true" && m.Config["usermodel.realmRoleMapping.rolePrefix"] == ""
	})
}

// adminClient is the client with the service account. Its rights come later.
func (p *planner) adminClient() {
	w := p.w
	settings := Object{
		"enabled": true, "publicClient": false, "bearerOnly": false, "standardFlowEnabled": false, "implicitFlowEnabled": false,
		"directAccessGrantsEnabled": false, "serviceAccountsEnabled": true, "fullScopeAllowed": false, "clientAuthenticatorType": bySecret,
	}
	here := p.client(w.AdminClient)
	if w.AdminSecret == "" {
		settings["clientAuthenticatorType"] = byKeys
		settings[inAttributes+"use.jwks.string"], settings[inAttributes+"jwks.string"] = "true", w.AdminKeys
		settings[inAttributes+"token.endpoint.auth.signing.alg"] = "ES256"
		if here != nil && here.Attributes["use.jwks.url"] == "true" {
			settings[inAttributes+"use.jwks.url"] = "false"
		}
		if here != nil && same(value(jsonText(or(here.Attributes["jwks.string"], "{}"))), value(jsonText(w.AdminKeys))) {
			settings[inAttributes+"jwks.string"] = here.Attributes["jwks.string"]
		}
	}
	scopes := p.builtIn("basic", "roles")
	if here == nil {
		body := nested(settings)
		body["clientId"], body["description"] = w.AdminClient, "otpbridge: the Admin REST API"
		body["defaultClientScopes"], body["optionalClientScopes"] = scopes, []string{}
		p.want(ReasonAccount, Change{Kind: KindClient, Name: w.AdminClient}, body)
		return
	}
	p.want(ReasonAccount, Change{Kind: KindClientSetting, Of: w.AdminClient}, settings)
	p.scopes(ReasonAccount, here, scopes)
}

// Rights are the roles of realm-management that the service account needs.
func (w Wanted) Rights() []string {
	if w.ManageUsers {
		return []string{"view-realm", "view-events", "view-identity-providers", "manage-users"}
	}
	return []string{"view-realm", "view-events", "view-identity-providers", "query-users", "query-clients"}
}

// rights gives the service account what it needs, and takes what is more. The client's tokens carry no more than the account has.
func (p *planner) rights() {
	w := p.w
	for _, role := range w.Rights() {
		p.want(ReasonRights, Change{Kind: KindClientRole, Of: w.AdminClient, Name: management + " " + role}, is)
		p.want(ReasonRights, Change{Kind: KindAccountRole, Of: w.AdminClient, Name: role}, is)
	}
	if !w.ManageUsers {
		p.permissions()
	}
	if p.s.Account != nil {
		for _, role := range p.s.Account.ManagementRoles {
			if !slices.Contains(w.Rights(), role) {
				p.want(ReasonRights, Change{Kind: KindAccountRole, Of: w.AdminClient, Name: role}, nil)
			}
		}
	}
	if c := p.s.Client(w.AdminClient); c != nil {
		for _, role := range c.ManagementRoles {
			if !slices.Contains(w.Rights(), role) {
				p.want(ReasonRights, Change{Kind: KindClientRole, Of: w.AdminClient, Name: management + " " + role}, nil)
			}
		}
	}
}

func or(text, unset string) string {
	if text == "" {
		return unset
	}
	return text
}
