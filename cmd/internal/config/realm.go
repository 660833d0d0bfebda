package config

import (
	"slices"

	"otpbridge/bridge/realm"
)

// WantedRealm is what the configuration asks of the realm.
func (c *Config) WantedRealm() realm.Wanted {
	w := realm.Wanted{
		Realm: c.Keycloak.Realm, BaseURL: c.Base(),
		LoginClient: c.SignIn.ClientID, LoginSecret: c.SignIn.Auth.Secret, RecoveryScope: c.SignIn.RecoveryScope, FullACR: c.SignIn.FullACR,
		AdminClient: c.Keycloak.ClientID, AdminSecret: c.Keycloak.Auth.Secret,
		GateGroup: c.SignIn.GateGroup, AllowedGroup: c.Keycloak.AllowedGroup, PolicyGroups: c.PolicyGroups(),
		ConsoleRoles: c.consoleRoles(),
		Deciding:     c.deciding(), Languages: slices.Clone(c.Languages),
	}
	if !c.Keycloak.Auth.Keys.Empty() {
		w.AdminKeys = string(c.Keycloak.Auth.Keys.PublicJWKS())
	}
	return w
}

// deciding lists the attributes that something depends on, each once: where links go, where passwords are reset, the number on record, what operators
// see, what policies look at (WB-14).
func (c *Config) deciding() []realm.Deciding {
	var all []realm.Deciding
	add := func(name string, address bool) {
		if name != "" && !slices.ContainsFunc(all, func(d realm.Deciding) bool { return d.Name == name }) {
			all = append(all, realm.Deciding{Name: name, Address: address})
		}
	}
	for _, a := range c.Keycloak.Addresses {
		if a.VerifiedEmail {
			add("email", true)
		}
		add(a.Attribute, true)
	}
	if marks := c.marks(); marks != "" {
		all = append(all, realm.Deciding{Name: marks, Several: true})
	}
	add(c.Keycloak.ResetAttribute, false)
	add(c.HelpDesk.Number.Attribute, false)
	for _, a := range c.HelpDesk.Attributes {
		add(a.Attribute, false)
	}
	for _, p := range c.Policies {
		for _, a := range p.Match.Attributes {
			add(a.Attribute, false)
		}
	}
	return all
}

// Base is base_url without a slash at its end.
func (c Config) Base() string { return c.BaseURL.Scheme + "://" + c.BaseURL.Host }
