package realm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ruleValue is an access rule: the account of a client, users by id, groups by path, or clients by what people call them.
type ruleValue struct {
	Account string   `json:"account,omitempty"`
	Users   []string `json:"users,omitempty"`
	Groups  []string `json:"groups,omitempty"`
	Clients []string `json:"clients,omitempty"`
	Logic   string   `json:"logic,omitempty"` // "" = POSITIVE
}

// permissionValue is a fine-grained permission, in names: groups by path, clients by what people call them.
type permissionValue struct {
	Kind      string   `json:"kind"`
	Resources []string `json:"resources,omitempty"` // none = all
	Scopes    []string `json:"scopes"`
	Rules     []string `json:"rules"`
}

func accessRuleNow(s *State, c Change) any {
	rule := findIn(s.AccessRules, func(r AccessRule) bool { return r.Name == c.Name })
	if rule == nil {
		return nil
	}
	v := ruleValue{Users: rule.Users}
	if rule.Logic != "POSITIVE" {
		v.Logic = rule.Logic
	}
	if s.Account != nil && len(rule.Users) == 1 && rule.Users[0] == s.Account.ID {
		v.Account, v.Users = c.Of, nil
	}
	for _, id := range rule.Groups {
		id, all := strings.CutSuffix(id, below)
		name := s.resourceName(groupsKind, id)
		if all {
			name += below
		}
		v.Groups = append(v.Groups, name)
	}
	for _, id := range rule.Clients {
		v.Clients = append(v.Clients, s.resourceName(clientsKind, id))
	}
	return v
}

// permissionServer is the place of fine-grained permissions.
func permissionServer(ctx context.Context, x Caller) (string, error) {
	id, err := clientID(ctx, x, permissions)
	return path("clients", id, "authz", "resource-server"), err
}

// writeAccessRule changes a rule in its place: with one that is removed Keycloak removes every permission that goes by it alone (measured).
func writeAccessRule(ctx context.Context, x actor, c Change) error {
	server, err := permissionServer(ctx, x)
	if err != nil {
		return err
	}
	var v ruleValue
	kind, body := "", Object{}
	if c.Will != nil {
		if err := json.Unmarshal(c.Will, &v); err != nil {
			return err
		}
		if kind, body, err = v.body(ctx, x); err != nil {
			return err
		}
		body["name"], body["logic"] = c.Name, or(v.Logic, "POSITIVE")
	}
	var found []struct{ ID, Name, Type string }
	if err := get(ctx, x, server+"/policy?max=10000", &found); err != nil {
		return err
	}
	if here := findIn(found, func(f struct{ ID, Name, Type string }) bool { return f.Name == c.Name && f.Type == kind }); here != nil {
		return x.Do(ctx, "PUT "+server+path("policy", kind, here.ID), body, nil)
	}
	if err := dropNamed(ctx, x, server+"/policy", c.Name, server+"/policy"); err != nil || c.Will == nil {
		return err
	}
	return x.Do(ctx, "POST "+server+"/policy/"+kind, body, nil)
}

// body is the rule in Keycloak's words, and its type.
func (v ruleValue) body(ctx context.Context, x Caller) (kind string, body Object, err error) {
	switch {
	case len(v.Groups) > 0:
		groups := make([]Object, len(v.Groups))
		for i, name := range v.Groups {
			name, all := strings.CutSuffix(name, below)
			id, err := resourceID(ctx, x, groupsKind, name)
			if err != nil {
				return "", nil, err
			}
			groups[i] = Object{"id": id, "extendChildren": all}
		}
		return "group", Object{"groups": groups}, nil
	case len(v.Clients) > 0:
		clients := make([]string, len(v.Clients))
		for i, name := range v.Clients {
			if clients[i], err = resourceID(ctx, x, clientsKind, name); err != nil {
				return "", nil, err
			}
		}
		return "client", Object{"clients": clients}, nil
	case v.Account != "":
		user, err := accountOf(ctx, x, v.Account)
		return "user", Object{"users": []string{user}}, err
	}
	return "user", Object{"users": v.Users}, nil
}

// dropNamed removes what a list holds under a name.
func dropNamed(ctx context.Context, x Caller, list, name, where string) error {
	var found []struct{ ID, Name string }
	if err := get(ctx, x, list+"?max=10000", &found); err != nil {
		return err
	}
	for _, f := range found {
		if f.Name != name {
			continue
		}
		if err := gone(x.Do(ctx, "DELETE "+where+path(f.ID), nil, nil)); err != nil {
			return err
		}
	}
	return nil
}

func permissionNow(s *State, c Change) any {
	p := findIn(s.Permissions, func(p Permission) bool { return p.Name == c.Name })
	if p == nil {
		return nil
	}
	v := permissionValue{Kind: p.Kind, Scopes: p.Scopes}
	for _, id := range p.Resources {
		v.Resources = append(v.Resources, s.resourceName(p.Kind, id))
	}
	for _, id := range p.Rules {
		if rule := findIn(s.AccessRules, func(r AccessRule) bool { return r.ID == id }); rule != nil {
			id = rule.Name
		}
		v.Rules = append(v.Rules, id)
	}
	return v
}

// resourceName is what a permission is about, in the words of people where they are known.
func (s *State) resourceName(kind, id string) string {
	if g := s.GroupByID(id); kind == groupsKind && g != nil {
		return g.Path
	}
	if c := findIn(s.Clients, func(c Client) bool { return c.ID == id }); kind == clientsKind && c != nil {
		return c.ClientID
	}
	return id
}

const (
	groupsKind  = "Groups"
	clientsKind = "Clients"
)

// writePermission makes a permission; one of that name goes first, so that there is less for a moment, never more.
func writePermission(ctx context.Context, x actor, c Change) error {
	server, err := permissionServer(ctx, x)
	if err != nil {
		return err
	}
	if err := dropNamed(ctx, x, server+"/permission", c.Name, server+"/permission/scope"); err != nil || c.Will == nil {
		return err
	}
	var v permissionValue
	if err := json.Unmarshal(c.Will, &v); err != nil {
		return err
	}
	resources := slices.Clone(v.Resources)
	for i, name := range resources {
		if resources[i], err = resourceID(ctx, x, v.Kind, name); err != nil {
			return err
		}
	}
	if resources == nil {
		resources = []string{}
	}
	return x.Do(ctx, "POST "+server+"/permission/scope", Object{
		"name": c.Name, "resourceType": v.Kind, "resources": resources, "scopes": v.Scopes, "policies": v.Rules,
	}, nil)
}

// resourceID is the id behind a name that a permission is about.
func resourceID(ctx context.Context, x Caller, kind, name string) (string, error) {
	switch {
	case kind == groupsKind && strings.HasPrefix(name, "/"):
		g, err := groupAt(ctx, x, name)
		return g.ID, err
	case kind == clientsKind:
		id, err := clientID(ctx, x, name)
		if !absent(err) {
			return id, err
		}
	}
	if strings.ContainsAny(name, " /") {
		return "", fmt.Errorf("%s: no id", name)
	}
	return name, nil
}
