package realm

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

func clientNow(s *State, c Change) any { return orNil(s.Client(c.Name) != nil, is) }

func writeClient(ctx context.Context, x actor, c Change) error {
	if c.Will != nil {
		var body Object
		if err := json.Unmarshal(c.Will, &body); err != nil {
			return err
		}
		x.addSecret(c.Name, body)
		return x.Do(ctx, "POST /clients", body, nil)
	}
	id, err := clientID(ctx, x, c.Name)
	if err != nil {
		return gone(err)
	}
	return gone(x.Do(ctx, "DELETE "+path("clients", id), nil, nil))
}

// Settings of a client are an object by name; these prefixes mark what stands inside another field. A text that is empty is not there.
const (
	inAttributes = "attributes."
	inOverrides  = "overrides."
)

// lockMark is the attribute that brings a client under our client policy.
const lockMark = "otpbridge"

// clientSettingNow reads the settings that the change names.
func clientSettingNow(s *State, c Change) any {
	client := s.Client(c.Of)
	if client == nil {
		return nil
	}
	var all, wanted Object
	if remake(client, &all) != nil || remake(c.Will, &wanted) != nil {
		return nil
	}
	now := Object{}
	for name := range wanted {
		if attribute, ok := strings.CutPrefix(name, inAttributes); ok {
			now[name] = client.Attributes[attribute]
		} else if override, ok := strings.CutPrefix(name, inOverrides); ok {
			now[name] = client.Overrides[override]
		} else if list, ok := wanted[name].([]any); ok && all[name] == nil {
			now[name] = list[:0]
		} else {
			now[name] = all[name]
		}
	}
	return now
}

// writeClientSetting writes all of them at once. Keycloak keeps what is not named, attributes among it.
func writeClientSetting(ctx context.Context, x actor, c Change) error {
	id, err := clientID(ctx, x, c.Of)
	if err != nil {
		return err
	}
	var wanted Object
	if err := json.Unmarshal(c.Will, &wanted); err != nil {
		return err
	}
	attributes, overrides, body := Object{}, Object{}, Object{"id": id, "clientId": c.Of}
	for name, v := range wanted {
		if attribute, ok := strings.CutPrefix(name, inAttributes); ok {
			attributes[attribute] = v
		} else if override, ok := strings.CutPrefix(name, inOverrides); ok {
			overrides[override] = v
		} else {
			body[name] = v
		}
	}
	if body["publicClient"] == true { // Keycloak notes when it got a secret, and forgets that with nothing
		attributes["client.secret.creation.time"] = ""
	}
	if len(attributes) > 0 {
		body["attributes"] = attributes
	}
	if len(overrides) > 0 {
		body["authenticationFlowBindingOverrides"] = overrides
	}
	x.addSecret(c.Of, body)
	err = x.Do(ctx, "PUT "+path("clients", id), body, nil)
	if err == nil && attributes[lockMark] == "" { // until then the lock has put its own PKCE method in
		err = x.Do(ctx, "PUT "+path("clients", id), body, nil)
	}
	return err
}

// addSecret puts the secret of a client that proves itself with one into what is written; it stands in no change.
func (x actor) addSecret(client string, body Object) {
	if body["clientAuthenticatorType"] != bySecret {
		return
	}
	if secret := x.w.secretOf(client); secret != "" {
		body["secret"] = secret.Reveal()
	}
}

func clientScopeNow(s *State, c Change) any {
	client := s.Client(c.Of)
	if client == nil {
		return nil
	}
	how, name, _ := strings.Cut(c.Name, " ")
	list := client.DefaultScopes
	if how == optionalScope {
		list = client.OptionalScopes
	}
	return orNil(slices.Contains(list, name), is)
}

// How a client has a client scope.
const (
	defaultScope  = "default"
	optionalScope = "optional"
)

func writeClientScope(ctx context.Context, x actor, c Change) error {
	how, name, _ := strings.Cut(c.Name, " ")
	id, err := clientID(ctx, x, c.Of)
	if err != nil {
		return gone(err)
	}
	scope, err := scopeID(ctx, x, name)
	if err != nil {
		return gone(err)
	}
	return assign(ctx, x, path("clients", id, how+"-client-scopes", scope), c.Will != nil)
}

func mapperNow(s *State, c Change) any {
	client := s.Client(c.Of)
	if client == nil {
		return nil
	}
	m := findIn(client.Mappers, func(m Mapper) bool { return m.Name == c.Name })
	if m == nil {
		return nil
	}
	return Object{"protocolMapper": m.Mapper, "config": m.Config}
}

// writeMapper replaces a mapper of that name.
func writeMapper(ctx context.Context, x actor, c Change) error {
	id, err := clientID(ctx, x, c.Of)
	if err != nil {
		return gone(err)
	}
	models := path("clients", id, "protocol-mappers", "models")
	var found []Mapper
	if err := get(ctx, x, models, &found); err != nil {
		return err
	}
	for _, m := range found {
		if m.Name != c.Name {
			continue
		}
		if err := gone(x.Do(ctx, "DELETE "+models+path(m.ID), nil, nil)); err != nil {
			return err
		}
	}
	if c.Will == nil {
		return nil
	}
	var body Object
	if err := json.Unmarshal(c.Will, &body); err != nil {
		return err
	}
	body["name"], body["protocol"] = c.Name, "openid-connect"
	return x.Do(ctx, "POST "+models, body, nil)
}

// clientRoleNow: a role of realm-management is written with the client's name in front.
func clientRoleNow(s *State, c Change) any {
	client := s.Client(c.Of)
	if client == nil {
		return nil
	}
	if role, ok := strings.CutPrefix(c.Name, management+" "); ok {
		return orNil(slices.Contains(client.ManagementRoles, role), is)
	}
	return orNil(slices.Contains(client.RealmRoles, c.Name), is)
}

func writeClientRole(ctx context.Context, x actor, c Change) error {
	id, err := clientID(ctx, x, c.Of)
	if err != nil {
		return gone(err)
	}
	role, ok := strings.CutPrefix(c.Name, management+" ")
	if !ok {
		return mapRole(ctx, x, path("clients", id, "scope-mappings", "realm"), path("roles", c.Name), c.Will != nil)
	}
	rights, err := clientID(ctx, x, management)
	if err != nil {
		return err
	}
	return mapRole(ctx, x, path("clients", id, "scope-mappings", "clients", rights), path("clients", rights, "roles", role), c.Will != nil)
}

func accountRoleNow(s *State, c Change) any {
	return orNil(s.Account != nil && slices.Contains(s.Account.ManagementRoles, c.Name), is)
}

func writeAccountRole(ctx context.Context, x actor, c Change) error {
	user, err := accountOf(ctx, x, c.Of)
	if err != nil {
		if c.Will == nil {
			return gone(err)
		}
		return err
	}
	rights, err := clientID(ctx, x, management)
	if err != nil {
		return err
	}
	return mapRole(ctx, x, path("users", user, "role-mappings", "clients", rights), path("clients", rights, "roles", c.Name), c.Will != nil)
}

func accountGroupNow(s *State, c Change) any {
	return orNil(s.Account != nil && slices.Contains(s.Account.Groups, c.Name), is)
}

func writeAccountGroup(ctx context.Context, x actor, c Change) error {
	user, err := accountOf(ctx, x, c.Of)
	var g Group
	if err == nil {
		g, err = groupAt(ctx, x, c.Name)
	}
	if err != nil {
		if c.Will == nil {
			return gone(err)
		}
		return err
	}
	return assign(ctx, x, path("users", user, "groups", g.ID), c.Will != nil)
}

// accountOf is the id of the user behind a client.
func accountOf(ctx context.Context, x Caller, client string) (string, error) {
	id, err := clientID(ctx, x, client)
	if err != nil {
		return "", err
	}
	var user struct{ ID string }
	err = get(ctx, x, path("clients", id, "service-account-user"), &user)
	return user.ID, err
}
