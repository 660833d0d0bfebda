package realm

import (
	"context"
	"net/http"
	"slices"
)

// What keeps something that we made and is no part of a plan: somebody who uses it, or a refusal of Keycloak's, by its own words.
const (
	KindUser    Kind = "user"
	KindRefusal Kind = "refusal"
)

// inUse: something that we made is used by others now, and stays.
type inUse struct{ by Change }

func (e inUse) Error() string { return "it is used by " + e.by.Title() + " and stays" }

func usedBy(kind Kind, name string) error { return inUse{Change{Kind: kind, Name: name}} }

// unused refuses while somebody or something of a kind is in a list.
func unused(ctx context.Context, x Caller, kind Kind, where string) error {
	var holders []struct{ Name, Path, Username string }
	if err := get(ctx, x, where+"?max=1", &holders); err != nil {
		return gone(err)
	}
	if len(holders) == 0 {
		return nil
	}
	return usedBy(kind, or(or(holders[0].Username, holders[0].Path), holders[0].Name))
}

// unnamed refuses while a line of a flow, switched on or off, names a thing: Keycloak takes a condition on what is gone for not met, and a flow that asks for the
// second factor unless there is a scope would ask nobody.
func unnamed(ctx context.Context, x Caller, provider, setting, name string) error {
	r := newReader(ctx, x, Wanted{})
	var all []listed
	if err := r.get("/authentication/flows", &all); err != nil {
		return err
	}
	if err := r.flowsOf(all); err != nil {
		return err
	}
	for i := range r.s.Flows {
		named := false
		r.s.Flows[i].Walk(true, func(e *Execution) { named = named || e.Provider == provider && e.Config[setting] == name })
		if named {
			return usedBy(KindFlow, r.s.Flows[i].Alias)
		}
	}
	return nil
}

// flowInUse says what leads to a flow that Keycloak does not remove, where something does; refusal is its answer, which is 500 for a flow of a client. Another
// use than we know of is refused with 400 or 409; any other answer says nothing of the flow.
func flowInUse(ctx context.Context, x Caller, alias string, refusal error) error {
	if status(refusal) == 0 {
		return refusal
	}
	r := newReader(ctx, x, Wanted{})
	for _, read := range []func() error{
		r.settings, r.providers, func() error { return r.get("/clients", &r.s.Clients) }, func() error { return r.get("/authentication/flows", &r.s.Flows) },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	if by := r.s.userOf(alias); by != nil {
		return inUse{*by}
	}
	if code := status(refusal); code == http.StatusBadRequest || code == http.StatusConflict {
		return usedBy(KindRefusal, refusal.Error())
	}
	return refusal
}

// unusedRole refuses while a person, a group, another role or a flow has the role, or it has one itself.
func unusedRole(ctx context.Context, x Caller, name string) error {
	where := path("roles", name)
	if err := unnamed(ctx, x, byRole, roleOfCondition, name); err != nil {
		return err
	}
	for _, holds := range []struct {
		kind Kind
		list string
	}{{KindUser, "/users"}, {KindGroup, "/groups"}, {KindRole, "/composites"}} {
		if err := unused(ctx, x, holds.kind, where+holds.list); err != nil {
			return err
		}
	}
	var role Role
	if err := get(ctx, x, where, &role); err != nil {
		return gone(err)
	}
	all, err := finder{Caller: x, ctx: ctx}.roles()
	if above := findIn(all, func(r heldRole) bool { return slices.Contains(r.holds, role.ID) }); above != nil {
		return usedBy(KindRole, above.Name)
	}
	return err
}

// unusedGroup refuses while a group has groups below it, roles, attributes or people; who is in the gate is there for minutes.
func unusedGroup(ctx context.Context, x Caller, g Group) error {
	switch {
	case len(g.RealmRoles) > 0:
		return usedBy(KindRole, g.RealmRoles[0])
	case len(g.ClientRoles) > 0:
		return usedBy(KindClient, sortedKeys(g.ClientRoles)[0])
	case len(g.Attributes) > 0:
		return usedBy("", sortedKeys(g.Attributes)[0])
	}
	if err := unused(ctx, x, KindGroup, path("groups", g.ID, "children")); err != nil || g.Name == Gate {
		return err
	}
	return unused(ctx, x, KindUser, path("groups", g.ID, "members"))
}
