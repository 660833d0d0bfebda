package fakekc

import (
	"net/http"
	"slices"
	"strings"
)

// joins reports whether the account may put the person of the path into the group, or take them out.
func (c *call) joins() bool {
	return c.client.Service.ManageUsers || c.group.name == groupGate
}

// PUT /admin/realms/{realm}/users/{id}/groups/{gid}
func (c *call) joinGroup() reply {
	if !c.joins() {
		return c.fault(http.StatusForbidden, "HTTP 403 Forbidden")
	}
	if strings.HasPrefix(c.user.id, "f:") { // in a directory that Keycloak does not import
		return c.fault(http.StatusInternalServerError, "unknown_error")
	}
	if !slices.Contains(c.user.groups, c.group.id) {
		c.user.groups = append(slices.Clone(c.user.groups), c.group.id)
		c.record("CREATE", "GROUP_MEMBERSHIP", "users/"+c.user.id+"/groups/"+c.group.id)
	}
	return c.done()
}

// DELETE /admin/realms/{realm}/users/{id}/groups/{gid}: somebody who is not in it is no fault.
func (c *call) leaveGroup() reply {
	if !c.joins() {
		return c.fault(http.StatusForbidden, "HTTP 403 Forbidden")
	}
	if at := slices.Index(c.user.groups, c.group.id); at >= 0 {
		c.user.groups = slices.Delete(slices.Clone(c.user.groups), at, at+1)
		c.record("DELETE", "GROUP_MEMBERSHIP", "users/"+c.user.id+"/groups/"+c.group.id)
	}
	return c.done()
}

// sees reports whether the account may see a group itself: with fine-grained permissions the gate, and all only if that is granted.
func (c *call) sees(g *group) bool {
	return c.client.Service.ManageUsers || c.client.Service.Groups || g.name == groupGate
}

func (c *call) groupView(g *group) map[string]any {
	return map[string]any{"id": g.id, "name": g.name, "path": "/" + g.name, "subGroups": []any{}}
}

// GET /admin/realms/{realm}/users/{id}/groups: only groups that the account may see.
func (c *call) listGroups() reply {
	out := []map[string]any{}
	for _, id := range c.user.groups {
		if g := c.s.groups[id]; c.sees(g) {
			out = append(out, c.groupView(g))
		}
	}
	return c.ok(page(c.r.URL.Query(), out, len(out)))
}

// GET /admin/realms/{realm}/groups
func (c *call) searchGroups() reply {
	var found []*group
	for _, g := range c.s.groups {
		if strings.Contains(strings.ToLower(g.name), strings.ToLower(c.r.URL.Query().Get("search"))) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	out := []map[string]any{}
	for _, g := range found {
		out = append(out, c.groupView(g))
	}
	return c.ok(page(c.r.URL.Query(), out, len(out)))
}

// GET /admin/realms/{realm}/groups/{gid} and /group-by-path/{path}
func (c *call) getGroup() reply {
	v := c.groupView(c.group)
	roles := c.group.roles
	if roles == nil {
		roles = []string{}
	}
	v["subGroupCount"], v["attributes"], v["realmRoles"], v["clientRoles"] = 0, map[string]any{}, roles, map[string]any{}
	if c.r.PathValue("gid") != "" {
		broad := c.client.Service.ManageUsers
		v["access"] = map[string]bool{"view": true, "viewMembers": true, "manageMembers": broad, "manage": broad, "manageMembership": true}
	}
	return c.ok(v)
}

// GET /admin/realms/{realm}/groups/{gid}/members: only people that the account may see.
func (c *call) members() reply {
	out := []userView{}
	for _, u := range c.s.sorted() {
		if slices.Contains(u.groups, c.group.id) && c.reaches(u) {
			out = append(out, c.view(u))
		}
	}
	return c.ok(page(c.r.URL.Query(), out, 100))
}
