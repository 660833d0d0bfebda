package realm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Kinds of things.
const (
	KindSetting       Kind = "realm setting"
	KindAttribute     Kind = "realm attribute"
	KindRole          Kind = "role"
	KindGroup         Kind = "group"
	KindGroupRole     Kind = "role of group"
	KindScope         Kind = "client scope"
	KindRealmScope    Kind = "client scope of every new client"
	KindClient        Kind = "client"
	KindClientSetting Kind = "settings of client"
	KindClientScope   Kind = "client scope of client"
	KindMapper        Kind = "mapper of client"
	KindClientRole    Kind = "role in tokens of client"
	KindAccountRole   Kind = "right of the account of client"
	KindAccountGroup  Kind = "group of the account of client"
	KindProfile       Kind = "user attribute"
	KindUnmanaged     Kind = "attributes that the user profile does not know"
	KindClientProfile Kind = "client profile"
	KindClientPolicy  Kind = "client policy"
	KindFlow          Kind = "flow"
	KindProvider      Kind = "identity provider"
	KindAccessRule    Kind = "permission policy"
	KindPermission    Kind = "permission"
	KindText          Kind = "text"
)

// kind says how a thing is read off a State, and written.
type kind struct {
	now func(s *State, c Change) any // nil: it is not there
	// write makes the thing what c.Will says; c.Was is what it is.
	write func(ctx context.Context, x actor, c Change) error
	// exists: only whether it is there counts, not what it is like.
	exists bool
	// remade: it is removed and made anew, so that what is cut off in between is not there.
	remade bool
}

// actor changes a realm.
type actor struct {
	Caller
	w Wanted
}

// Kinds lists every kind.
func Kinds() []Kind { return sortedKeys(kinds()) }

// kinds is every kind.
func kinds() map[Kind]kind {
	return map[Kind]kind{
		KindSetting: {now: settingNow, write: writeSetting}, KindAttribute: {now: attributeNow, write: writeAttribute},
		KindRole: {now: roleNow, write: writeRole, exists: true}, KindGroup: {now: groupNow, write: writeGroup, exists: true},
		KindGroupRole: {now: groupRoleNow, write: writeGroupRole},
		KindScope:     {now: scopeNow, write: writeScope, exists: true}, KindRealmScope: {now: realmScopeNow, write: writeRealmScope},
		KindClient: {now: clientNow, write: writeClient, exists: true}, KindClientSetting: {now: clientSettingNow, write: writeClientSetting},
		KindClientScope: {now: clientScopeNow, write: writeClientScope}, KindMapper: {now: mapperNow, write: writeMapper, remade: true},
		KindClientRole: {now: clientRoleNow, write: writeClientRole}, KindAccountRole: {now: accountRoleNow, write: writeAccountRole},
		KindAccountGroup: {now: accountGroupNow, write: writeAccountGroup},
		KindProfile:      {now: profileNow, write: writeProfile}, KindUnmanaged: {now: unmanagedNow, write: writeUnmanaged},
		KindClientProfile: {now: clientProfileNow, write: writeClientProfile}, KindClientPolicy: {now: clientPolicyNow, write: writeClientPolicy},
		KindFlow: {now: flowNow, write: writeFlow, exists: true}, KindProvider: {now: providerNow, write: writeProvider},
		KindAccessRule: {now: accessRuleNow, write: writeAccessRule, remade: true},
		KindPermission: {now: permissionNow, write: writePermission, remade: true},
		KindText:       {now: textNow, write: writeText},
	}
}

// Known reports whether there is such a kind.
func (k Kind) Known() bool {
	_, known := kinds()[k]
	return known
}

// is is a value for what is only there or not.
const is = true

// unset is what a setting is that Keycloak leaves out.
func unset(name string) any {
	return map[string]any{"eventsExpiration": 0, "loginTheme": ""}[name]
}

func settingNow(s *State, c Change) any {
	if v := s.Settings[c.Name]; v != nil {
		return v
	}
	return unset(c.Name)
}

func writeSetting(ctx context.Context, x actor, c Change) error {
	return x.Do(ctx, "PUT ", Object{c.Name: c.Will}, nil)
}

func attributeNow(s *State, c Change) any {
	attributes, _ := s.Settings["attributes"].(Object)
	return attributes[c.Name]
}

// writeAttribute writes all attributes of the realm, since Keycloak replaces them.
func writeAttribute(ctx context.Context, x actor, c Change) error {
	var realm struct{ Attributes map[string]json.RawMessage }
	if err := get(ctx, x, "", &realm); err != nil {
		return err
	}
	if realm.Attributes == nil {
		realm.Attributes = map[string]json.RawMessage{}
	}
	delete(realm.Attributes, c.Name)
	if c.Will != nil {
		realm.Attributes[c.Name] = c.Will
	}
	return x.Do(ctx, "PUT ", Object{"attributes": realm.Attributes}, nil)
}

func roleNow(s *State, c Change) any { return orNil(s.Role(c.Name) != nil, is) }

// orNil is a value, or nil for what is not there.
func orNil(there bool, v any) any {
	if !there {
		return nil
	}
	return v
}

func writeRole(ctx context.Context, x actor, c Change) error {
	if c.Will != nil {
		return x.Do(ctx, "POST /roles", Object{"name": c.Name, "description": "otpbridge"}, nil)
	}
	if err := unusedRole(ctx, x, c.Name); err != nil {
		return err
	}
	return gone(x.Do(ctx, "DELETE "+path("roles", c.Name), nil, nil))
}

// gone: what is removed may have been removed already.
func gone(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

func groupNow(s *State, c Change) any { return orNil(s.Group(c.Name) != nil, is) }

func writeGroup(ctx context.Context, x actor, c Change) error {
	parent, name := c.Name[:strings.LastIndexByte(c.Name, '/')], c.Name[strings.LastIndexByte(c.Name, '/')+1:]
	if c.Will != nil && parent == "" {
		return x.Do(ctx, "POST /groups", Object{"name": name}, nil)
	}
	if c.Will != nil {
		above, err := groupAt(ctx, x, parent)
		if err != nil {
			return err
		}
		return x.Do(ctx, "POST "+path("groups", above.ID, "children"), Object{"name": name}, nil)
	}
	g, err := groupAt(ctx, x, c.Name)
	if err != nil {
		return gone(err)
	}
	if err := unusedGroup(ctx, x, g); err != nil {
		return err
	}
	return gone(x.Do(ctx, "DELETE "+path("groups", g.ID), nil, nil))
}

func groupRoleNow(s *State, c Change) any {
	g := s.Group(c.Of)
	return orNil(g != nil && slices.Contains(g.RealmRoles, c.Name), is)
}

func writeGroupRole(ctx context.Context, x actor, c Change) error {
	g, err := groupAt(ctx, x, c.Of)
	if err != nil {
		return gone(err)
	}
	return mapRole(ctx, x, path("groups", g.ID, "role-mappings", "realm"), path("roles", c.Name), c.Will != nil)
}

// mapRole gives a role, or takes it.
func mapRole(ctx context.Context, x Caller, where, role string, give bool) error {
	var found Object
	if err := get(ctx, x, role, &found); err != nil {
		if give {
			return err
		}
		return gone(err)
	}
	if give {
		return x.Do(ctx, "POST "+where, []Object{found}, nil)
	}
	return gone(x.Do(ctx, "DELETE "+where, []Object{found}, nil))
}

func scopeNow(s *State, c Change) any { return orNil(s.Scope(c.Name) != nil, is) }

func writeScope(ctx context.Context, x actor, c Change) error {
	if c.Will != nil {
		return x.Do(ctx, "POST /client-scopes", Object{
			"name": c.Name, "protocol": "openid-connect", "description": "password-only sign-in at the lost-authenticator desk",
			"attributes": Object{"include.in.token.scope": "true", "display.on.consent.screen": "false"},
		}, nil)
	}
	id, err := scopeID(ctx, x, c.Name)
	if err != nil {
		return gone(err)
	}
	if err := unnamed(ctx, x, byScope, scopeOfCondition, c.Name); err != nil {
		return err
	}
	return gone(x.Do(ctx, "DELETE "+path("client-scopes", id), nil, nil))
}

// notFound is like Keycloak's own answer, for what is looked for in a list.
type notFound struct{ what string }

func (e notFound) Error() string { return e.what + ": not found" }

// HTTPStatus implements what Caller asks of errors.
func (notFound) HTTPStatus() int { return http.StatusNotFound }

func scopeID(ctx context.Context, x Caller, name string) (string, error) {
	var list []Scope
	if err := get(ctx, x, "/client-scopes", &list); err != nil {
		return "", err
	}
	if found := findIn(list, func(s Scope) bool { return s.Name == name }); found != nil {
		return found.ID, nil
	}
	return "", notFound{"client scope " + name}
}

func clientID(ctx context.Context, x Caller, name string) (string, error) {
	var list []Client
	if err := get(ctx, x, "/clients?clientId="+url.QueryEscape(name), &list); err != nil {
		return "", err
	}
	if found := findIn(list, func(c Client) bool { return c.ClientID == name }); found != nil {
		return found.ID, nil
	}
	return "", notFound{"client " + name}
}

func realmScopeNow(s *State, c Change) any {
	list := s.DefaultScopes
	if c.Of == "optional" {
		list = s.OptionalScopes
	}
	return orNil(slices.Contains(list, c.Name), is)
}

func writeRealmScope(ctx context.Context, x actor, c Change) error {
	id, err := scopeID(ctx, x, c.Name)
	if err != nil {
		return gone(err)
	}
	return assign(ctx, x, fmt.Sprintf("/default-%s-client-scopes", c.Of)+path(id), c.Will != nil)
}

func assign(ctx context.Context, x Caller, where string, give bool) error {
	if give {
		return x.Do(ctx, "PUT "+where, nil, nil)
	}
	return gone(x.Do(ctx, "DELETE "+where, nil, nil))
}

func textNow(s *State, c Change) any {
	text, there := s.Texts[c.Of][c.Name]
	return orNil(there, text)
}

func writeText(ctx context.Context, x actor, c Change) error {
	language := path("localization", c.Of)
	where := language + path(c.Name)
	if c.Will == nil {
		return dropText(ctx, x, language, where)
	}
	var text string
	if err := json.Unmarshal(c.Will, &text); err != nil {
		return err
	}
	return x.Do(ctx, "PUT "+where, text, nil)
}

// dropText removes a text, and the realm's list of texts with the last one.
func dropText(ctx context.Context, x Caller, language, text string) error {
	if err := gone(x.Do(ctx, "DELETE "+text, nil, nil)); err != nil {
		return err
	}
	var left map[string]string
	if err := get(ctx, x, language, &left); err != nil || len(left) > 0 {
		return err
	}
	return gone(x.Do(ctx, "DELETE "+language, nil, nil))
}
