package realm

import (
	"context"
	"slices"
	"strings"
)

// Administrator is a person who may change the realm's settings.
type Administrator struct {
	Name    string
	Enabled bool
	Types   []string // of the credentials
}

// GetsIn reports whether a person signs in where one of these types of credentials is asked for beside the password.
func (a Administrator) GetsIn(types []string) bool {
	return a.Enabled && slices.ContainsFunc(a.Types, func(t string) bool { return slices.Contains(types, t) })
}

// Administrators lists the people who may change the realm's settings: by the role realm-admin or manage-realm, by a role that holds one of
// them, by a group, or by a group above it. Those of the master realm sign in there and are no part of it, nor are service accounts.
func Administrators(ctx context.Context, c Caller) ([]Administrator, error) {
	f := finder{Caller: c, ctx: ctx, found: map[string]bool{}, groups: map[string]bool{}}
	roles, err := f.roles()
	if err != nil {
		return nil, err
	}
	for _, r := range above(roles, func(r heldRole) bool { return r.rules }) {
		if err := f.holders(r); err != nil {
			return nil, err
		}
	}
	var out []Administrator
	for _, id := range sortedKeys(f.found) {
		a, person, err := f.administrator(id)
		if err != nil {
			return nil, err
		}
		if person {
			out = append(out, a)
		}
	}
	return out, nil
}

// heldRole is a role of the realm or of a client.
type heldRole struct {
	ID        string
	Name      string
	Composite bool
	where     string // its path
	rights    bool   // it is a right over the realm by itself
	rules     bool   // it changes the realm's settings by itself
	holds     []string
}

// finder looks for administrators. It lives for one search, which is why it may keep the context.
type finder struct {
	Caller
	ctx    context.Context //nolint:containedctx // see above
	found  map[string]bool // ids of users
	groups map[string]bool // ids of groups that were looked at
}

// roles lists every role with those that it holds.
func (f finder) roles() ([]heldRole, error) {
	var clients []Client
	if err := get(f.ctx, f.Caller, "/clients", &clients); err != nil {
		return nil, err
	}
	places, rules := []string{"/roles"}, ""
	for _, c := range clients {
		places = append(places, path("clients", c.ID, "roles"))
		if c.ClientID == management {
			rules = places[len(places)-1]
		}
	}
	var all []heldRole
	for _, place := range places {
		here, err := f.rolesAt(place)
		if err != nil {
			return nil, err
		}
		for _, r := range here {
			r.rights = place == rules
			r.rules = r.rights && (r.Name == "realm-admin" || r.Name == "manage-realm")
			all = append(all, r)
		}
	}
	return all, nil
}

// rolesAt lists the roles of the realm, or of one client.
func (f finder) rolesAt(place string) (here []heldRole, err error) {
	if err := get(f.ctx, f.Caller, place+"?max=100000", &here); err != nil {
		return nil, err
	}
	for i := range here {
		here[i].where = place + path(here[i].Name)
		if err := f.inside(&here[i]); err != nil {
			return nil, err
		}
	}
	return here, nil
}

func (f finder) inside(r *heldRole) error {
	if !r.Composite {
		return nil
	}
	var held []struct{ ID string }
	err := get(f.ctx, f.Caller, path("roles-by-id", r.ID, "composites"), &held)
	for _, h := range held {
		r.holds = append(r.holds, h.ID)
	}
	return err
}

// above are the roles for which is holds, and those that hold one of them, however deep.
func above(all []heldRole, is func(heldRole) bool) (found []heldRole) {
	ids := map[string]bool{}
	for more := true; more; {
		more = false
		for _, r := range all {
			if !ids[r.ID] && (is(r) || slices.ContainsFunc(r.holds, func(id string) bool { return ids[id] })) {
				ids[r.ID], more = true, true
				found = append(found, r)
			}
		}
	}
	return found
}

// holders notes who was given a role, by hand or by a group.
func (f finder) holders(r heldRole) error {
	if err := f.people(r.where + "/users"); err != nil {
		return err
	}
	return f.members(r.where + "/groups")
}

const pageSize = 500

func (f finder) people(where string) error {
	return f.pages(where, f.found, nil)
}

// members notes who is in these groups, or in one below.
func (f finder) members(groups string) error {
	return f.pages(groups, f.groups, func(id string) error {
		if err := f.people(path("groups", id, "members")); err != nil {
			return err
		}
		return f.members(path("groups", id, "children"))
	})
}

// pages reads a list to its end and notes each id once.
func (f finder) pages(where string, seen map[string]bool, each func(id string) error) error {
	for first := 0; ; first += pageSize {
		var page []struct{ ID string }
		if err := get(f.ctx, f.Caller, paged(where, first), &page); err != nil {
			return err
		}
		for _, p := range page {
			if seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			if each == nil {
				continue
			}
			if err := each(p.ID); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

func (f finder) administrator(id string) (a Administrator, person bool, err error) {
	var user struct {
		Username string
		Enabled  bool
	}
	if err := get(f.ctx, f.Caller, path("users", id), &user); err != nil {
		return a, false, err
	}
	if strings.HasPrefix(user.Username, "service-account-") {
		return a, false, nil
	}
	var credentials []struct{ Type string }
	if err := get(f.ctx, f.Caller, path("users", id, "credentials"), &credentials); err != nil {
		return a, false, err
	}
	a.Name, a.Enabled = user.Username, user.Enabled
	for _, c := range credentials {
		a.Types = append(a.Types, c.Type)
	}
	return a, true, nil
}
