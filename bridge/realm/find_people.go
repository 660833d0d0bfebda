package realm

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// PeopleChecks looks at who holds what decides about people. It reads through c what a State does not hold.
func PeopleChecks(c Caller, read func(context.Context) (*State, error), a Asked) []bridge.Check {
	p := people{c, a}
	return []bridge.Check{
		{Name: "gate-role", Run: func(ctx context.Context) ([]bridge.Finding, error) {
			s, err := read(ctx)
			if err != nil {
				return nil, err
			}
			return p.gateRole(ctx, s)
		}},
		{Name: "required-actions", Run: p.defaultActions},
		{Name: "pending-actions", Run: p.pendingActions},
		{Name: "administrators", Run: p.administrators},
	}
}

type people struct {
	c Caller
	a Asked
}

// refused makes a refusal the outcome "not checked", with the right that is missing.
func refused(err error, needs string) error {
	if status(err) == http.StatusForbidden {
		return bridge.NotChecked(bridge.UncheckedRights, needs)
	}
	return err
}

// gateRole names whatever gives the role that opens the gate beside the gate group: for those people it stands open all the time.
func (p people) gateRole(ctx context.Context, s *State) (found []bridge.Finding, err error) {
	role := s.gateRole(p.a)
	if role == "" {
		return nil, bridge.NotChecked(bridge.UncheckedRights, viewRealm) // a flow without a gate is said elsewhere
	}
	var groups []Group
	if err := get(ctx, p.c, path("roles", role, "groups")+"?max=1000", &groups); err != nil {
		return nil, refused(err, viewRealm)
	}
	for _, g := range groups {
		if g.ID != p.a.GateGroup {
			found = append(found, bridge.Found(bridge.FindGateSpread, g.Path))
		}
	}
	var users []struct{ ID string }
	if err := get(ctx, p.c, path("roles", role, "users")+"?max=1000", &users); err != nil {
		return found, refused(err, "view-users")
	}
	if len(users) > 0 {
		found = append(found, bridge.Found(bridge.FindGateSpread, strconv.Itoa(len(users))+" × user"))
	}
	for _, r := range s.Roles {
		if !r.Composite {
			continue
		}
		var inside []Role
		if err := get(ctx, p.c, path("roles-by-id", r.ID, "composites", "realm"), &inside); err != nil {
			return found, refused(err, viewRealm)
		}
		if slices.ContainsFunc(inside, func(i Role) bool { return i.Name == role }) {
			found = append(found, bridge.Found(bridge.FindGateSpread, r.Name))
		}
	}
	return found, nil
}

// defaultActions names what new people have to do before they can recover.
func (p people) defaultActions(ctx context.Context) (found []bridge.Finding, err error) {
	var actions []struct {
		Alias                  string
		Enabled, DefaultAction bool
	}
	if err := get(ctx, p.c, "/authentication/required-actions", &actions); err != nil {
		return nil, refused(err, viewRealm)
	}
	for _, action := range actions {
		if action.Enabled && action.DefaultAction {
			found = append(found, bridge.Found(bridge.FindActionsDefault, action.Alias))
		}
	}
	return found, nil
}

// member is somebody of the allowed group.
type member struct {
	ID              string
	RequiredActions []string
}

const (
	memberPage = 500
	maxMembers = 50_000
)

// members reads the allowed group's members, whole pages of them.
func (p people) members(ctx context.Context, take func([]member) (more bool, err error)) error {
	var g Group
	if err := get(ctx, p.c, "/group-by-path"+path(strings.Split(strings.Trim(p.a.AllowedGroup, "/"), "/")...), &g); err != nil {
		if absent(err) { // is said elsewhere
			return bridge.NotChecked(bridge.UncheckedRights, p.a.AllowedGroup)
		}
		return refused(err, "view "+p.a.AllowedGroup)
	}
	for first := 0; first < maxMembers; first += memberPage {
		var page []member
		query := url.Values{"first": {strconv.Itoa(first)}, "max": {strconv.Itoa(memberPage)}, "briefRepresentation": {"false"}}
		if err := get(ctx, p.c, path("groups", g.ID, "members")+"?"+query.Encode(), &page); err != nil {
			return refused(err, "view-members "+p.a.AllowedGroup)
		}
		if more, err := take(page); err != nil || !more || len(page) < memberPage {
			return err
		}
	}
	return bridge.NotChecked(bridge.UncheckedTime, "")
}

// pendingActions counts who would be asked for something else at the sign-in: the gate does not open for them.
func (p people) pendingActions(ctx context.Context) (found []bridge.Finding, err error) {
	counts := map[string]int{}
	err = p.members(ctx, func(page []member) (bool, error) {
		for _, m := range page {
			for _, action := range m.RequiredActions {
				counts[action]++
			}
		}
		return true, nil
	})
	for action, n := range counts {
		found = append(found, bridge.Found(bridge.FindActionsPending, action, "count", strconv.Itoa(n)))
	}
	return found, err
}

// asked is how many members are asked about one by one, by an account that may not ask the other way round.
const asked = 300

// administrators counts the people of the allowed group who hold a right over the realm: their own, of a group, or inside another role.
func (p people) administrators(ctx context.Context) ([]bridge.Finding, error) {
	var clients []Client
	if err := get(ctx, p.c, "/clients?clientId="+management, &clients); err != nil || len(clients) == 0 {
		return nil, refused(err, "query-clients, view "+management)
	}
	id, counts := clients[0].ID, map[string]int{}
	var all []member
	err := p.members(ctx, func(page []member) (bool, error) {
		all = append(all, page...)
		return len(all) <= asked, nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) > asked {
		return p.holders(ctx, id)
	}
	for _, m := range all {
		var roles []Role
		if err := get(ctx, p.c, path("users", m.ID, "role-mappings", "clients", id, "composite"), &roles); err != nil {
			return nil, refused(err, "view "+management)
		}
		if len(roles) > 0 {
			counts[roles[0].Name]++
		}
	}
	return administratorsFound(counts), nil
}

func administratorsFound(counts map[string]int) (found []bridge.Finding) {
	for role, n := range counts {
		found = append(found, bridge.Found(bridge.FindAllowedAdmins, role, "count", strconv.Itoa(n)))
	}
	return found
}

// holders asks the other way round: who holds a role that is a right over the realm, or has one inside, and is in the allowed group.
func (p people) holders(ctx context.Context, id string) ([]bridge.Finding, error) {
	const needs = "view-clients, view-users"
	var rights []Role
	if err := get(ctx, p.c, path("clients", id, "roles"), &rights); err != nil {
		return nil, refused(err, needs)
	}
	wheres := map[string]string{} // where the holders of a role are listed, and its name
	known := map[string]bool{}
	for _, r := range rights {
		wheres[path("clients", id, "roles", r.Name)], known[r.ID] = r.Name, true
	}
	if err := p.above(ctx, known, wheres); err != nil {
		return nil, refused(err, needs)
	}
	counts, seen := map[string]int{}, map[string]bool{}
	for where, name := range wheres {
		holders, err := p.holding(ctx, where)
		if err != nil {
			return nil, refused(err, needs)
		}
		for _, user := range holders {
			if seen[user] {
				continue
			}
			seen[user] = true
			var groups []Group
			if err := get(ctx, p.c, path("users", user, "groups"), &groups); err != nil {
				return nil, refused(err, needs)
			}
			if slices.ContainsFunc(groups, func(g Group) bool { return g.Path == p.a.AllowedGroup }) {
				counts[name]++
			}
		}
	}
	return administratorsFound(counts), nil
}

// above adds the realm roles that have a known role inside, however deep.
func (p people) above(ctx context.Context, known map[string]bool, wheres map[string]string) error {
	var roles []Role
	if err := get(ctx, p.c, "/roles?max=100000", &roles); err != nil {
		return err
	}
	inside := map[string][]Role{}
	for _, r := range roles {
		if r.Composite {
			var parts []Role
			if err := get(ctx, p.c, path("roles-by-id", r.ID, "composites"), &parts); err != nil {
				return err
			}
			inside[r.ID] = parts
		}
	}
	for grown := true; grown; {
		grown = false
		for _, r := range roles {
			if !known[r.ID] && slices.ContainsFunc(inside[r.ID], func(i Role) bool { return known[i.ID] }) {
				known[r.ID], wheres[path("roles", r.Name)], grown = true, r.Name, true
			}
		}
	}
	return nil
}

// holding lists who holds a role, themselves or by a group, those below it included.
func (p people) holding(ctx context.Context, where string) (ids []string, err error) {
	var users []member
	if err := get(ctx, p.c, where+"/users?max=1000", &users); err != nil {
		return nil, err
	}
	var groups []Group
	if err := get(ctx, p.c, where+"/groups?max=1000", &groups); err != nil {
		return nil, err
	}
	for i := 0; i < len(groups); i++ {
		var below []Group
		if err := get(ctx, p.c, path("groups", groups[i].ID, "children")+"?max=1000", &below); err != nil {
			return nil, err
		}
		var members []member
		if err := get(ctx, p.c, path("groups", groups[i].ID, "members")+"?max=1000", &members); err != nil {
			return nil, err
		}
		groups, users = append(groups, below...), append(users, members...)
	}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids, nil
}
