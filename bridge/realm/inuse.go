package realm

import (
	"context"
	"errors"
	"slices"
)

// errInUse: something that we made is used by others now, and stays.
var errInUse = errors.New("it is in use and stays")

// unused refuses while somebody or something is in one of the lists.
func unused(ctx context.Context, x Caller, lists ...string) error {
	for _, where := range lists {
		var holders []struct{ ID string }
		if err := get(ctx, x, where+"?max=1", &holders); err != nil {
			return gone(err)
		}
		if len(holders) > 0 {
			return errInUse
		}
	}
	return nil
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
	named := false
	for i := range r.s.Flows {
		r.s.Flows[i].Walk(true, func(e *Execution) { named = named || e.Provider == provider && e.Config[setting] == name })
	}
	if named {
		return errInUse
	}
	return nil
}

// unusedRole refuses while a person, a group, another role or a flow has the role, or it has one itself.
func unusedRole(ctx context.Context, x Caller, name string) error {
	where := path("roles", name)
	if err := unnamed(ctx, x, byRole, roleOfCondition, name); err != nil {
		return err
	}
	if err := unused(ctx, x, where+"/users", where+"/groups", where+"/composites"); err != nil {
		return err
	}
	var role Role
	if err := get(ctx, x, where, &role); err != nil {
		return gone(err)
	}
	all, err := finder{Caller: x, ctx: ctx}.roles()
	if slices.ContainsFunc(all, func(r heldRole) bool { return slices.Contains(r.holds, role.ID) }) {
		return errInUse
	}
	return err
}

// unusedGroup refuses while a group has groups below it, roles, attributes or people; who is in the gate is there for minutes.
func unusedGroup(ctx context.Context, x Caller, g Group) error {
	if len(g.RealmRoles)+len(g.ClientRoles)+len(g.Attributes) > 0 {
		return errInUse
	}
	lists := []string{path("groups", g.ID, "children")}
	if g.Name != Gate {
		lists = append(lists, path("groups", g.ID, "members"))
	}
	return unused(ctx, x, lists...)
}
