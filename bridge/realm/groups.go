package realm

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// groupAt finds a group by its path.
func groupAt(ctx context.Context, x Caller, where string) (g Group, err error) {
	err = get(ctx, x, "/group-by-path"+path(strings.Split(strings.Trim(where, "/"), "/")...), &g)
	return g, err
}

// groupOfPeople finds a group by its path, or by whoever is in it or below. Before 26.7 Keycloak searches for a path that nobody has looked up before, and a
// search leaves out what an account may view by a policy for clients; what is asked for by its id it may view.
func groupOfPeople(ctx context.Context, x Caller, where string) (g Group, err error) {
	if g, err = groupAt(ctx, x, where); !absent(err) {
		return g, err
	}
	id, seen := peoplesGroup(ctx, x, where)
	switch {
	case seen != nil && status(seen) != http.StatusForbidden:
		return g, seen
	case id == "":
		return g, err
	}
	for id != "" { // up to it
		g = Group{}
		if err := get(ctx, x, path("groups", id), &g); err != nil || g.Path == where {
			return g, err
		}
		id = g.Parent
	}
	return Group{}, err
}

// peoplesGroup is the id of a group with that path, or below it, of the first person whom the account sees; "" if there is none.
func peoplesGroup(ctx context.Context, x Caller, where string) (id string, err error) {
	var first []member
	if err := get(ctx, x, "/users?max=1&briefRepresentation=true", &first); err != nil || len(first) == 0 {
		return "", err
	}
	var groups []Group
	err = get(ctx, x, path("users", first[0].ID, "groups"), &groups)
	if i := slices.IndexFunc(groups, func(g Group) bool { return g.Path == where || strings.HasPrefix(g.Path, where+"/") }); i >= 0 {
		return groups[i].ID, err
	}
	return "", err
}
