package realm

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"otpbridge/bridge"
)

// PeopleChecks looks at who holds what decides about people. It reads through c what a State does not hold.
func PeopleChecks(c Caller, read func(context.Context) (*State, error), a Asked) []bridge.Check {
	p := people{c, a}
	return []bridge.Check{
		{Name: "gate-role", Deadly: true, Run: func(ctx context.Context) ([]bridge.Finding, error) {
			s, err := read(ctx)
			if err != nil {
				return nil, err
			}
			return p.gateRole(ctx, s)
		}},
		{Name: "account-group", Run: func(ctx context.Context) ([]bridge.Finding, error) {
			s, err := read(ctx)
			if err != nil {
				return nil, err
			}
			return p.accountGroup(ctx, s)
		}},
		{Name: "required-actions", Run: p.defaultActions},
		{Name: "directories", Run: p.directories},
		{Name: "pending-actions", Run: p.pendingActions},
		{Name: "administrators", Run: p.administrators},
	}
}

type people struct {
	c Caller
	a Asked
}

// Leftover is what people have to mend in a realm: the deadly findings that a plan leaves, since it makes no change against them.
func (s *State) Leftover(ctx context.Context, c Caller, w Wanted) (left []Obstacle, err error) {
	a := Asked{Wanted: w, EventTypes: EventTypes()}
	if g := s.Group(s.GateGroup(w)); g != nil { // the one that the configuration is told to name
		a.GateGroup = g.ID
	}
	spread, err := people{c, a}.gateRole(ctx, s)
	if u := bridge.UncheckedFrom(err); u != nil {
		return []Obstacle{{Kind: ObstacleUnread, What: u.Needs}}, nil
	}
	for _, f := range append(Find(s, a), spread...) {
		if f.Severity == bridge.Deadly {
			left = append(left, Obstacle{Kind: ObstacleFinding, What: string(f.ID) + " " + f.Object})
		}
	}
	return left, err
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
	if err := s.silent(PartSettings, PartFlows, PartRoles, PartClients); err != nil {
		return nil, err
	}
	role := s.gateRole(p.a)
	if role == "" {
		return nil, bridge.NotChecked(bridge.UncheckedRights, viewRealm) // a flow without a gate is said elsewhere
	}
	var people peopleOfRole
	defer people.read.Wait()
	people.read.Go(func() { people.all, people.err = list[member](ctx, p.c, path("roles", role, "users")) }) // Keycloak takes its time for both
	groups, err := list[Group](ctx, p.c, path("roles", role, "groups"))
	if err != nil {
		return nil, refused(err, viewRealm)
	}
	for _, g := range groups {
		if g.ID != p.a.GateGroup {
			found = append(found, bridge.Found(bridge.FindGateSpread, g.Path))
		}
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
	more, err := p.gateRoleElsewhere(ctx, s, role, &people)
	return append(found, more...), err
}

// peopleOfRole are those who have a role by hand, once they are read.
type peopleOfRole struct {
	read sync.WaitGroup
	all  []member
	err  error
}

// gateRoleElsewhere names who has the role that opens the gate by hand, and the clients' roles that hold it: more rights are needed to see them.
func (p people) gateRoleElsewhere(ctx context.Context, s *State, role string, people *peopleOfRole) (found []bridge.Finding, err error) {
	people.read.Wait()
	if people.err != nil {
		return nil, refused(people.err, "view-users")
	}
	if n := len(people.all); n > 0 {
		found = append(found, bridge.Found(bridge.FindGateSpread, bridge.UsersObject(n)))
	}
	if s.Unread[PartClients] != nil {
		return found, bridge.NotChecked(bridge.UncheckedRights, rights(PartClients))
	}
	i := slices.IndexFunc(s.Roles, func(r Role) bool { return r.Name == role })
	if i < 0 {
		return found, bridge.NotChecked(bridge.UncheckedRights, viewRealm)
	}
	for _, c := range s.Clients {
		roles, err := finder{Caller: p.c, ctx: ctx}.rolesAt(path("clients", c.ID, "roles"))
		if err != nil {
			return found, refused(err, rights(PartClients))
		}
		for _, r := range roles {
			if slices.Contains(r.holds, s.Roles[i].ID) {
				found = append(found, bridge.Found(bridge.FindGateSpread, c.ClientID+" "+r.Name))
			}
		}
	}
	return found, nil
}

// list reads a list to its end.
func list[T any](ctx context.Context, c Caller, where string) (all []T, err error) {
	for first := 0; ; first += pageSize {
		var page []T
		if err := get(ctx, c, paged(where, first), &page); err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < pageSize {
			return all, nil
		}
	}
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

// directories names those whose people Keycloak does not import: it puts them into no group, so that no gate opens for them. Custom storages may.
func (p people) directories(ctx context.Context) (found []bridge.Finding, err error) {
	var storages []struct {
		Name, ProviderID string
		Config           map[string][]string
	}
	if err := get(ctx, p.c, "/components?type=org.keycloak.storage.UserStorageProvider", &storages); err != nil {
		return nil, refused(err, viewRealm)
	}
	for _, s := range storages {
		says := func(setting, value string) bool { return slices.Equal(s.Config[setting], []string{value}) }
		if s.ProviderID == "ldap" && says("importEnabled", "false") && !says("enabled", "false") {
			found = append(found, bridge.Found(bridge.FindDirectoryUnimported, s.Name))
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

// members reads who is in the allowed group or below it, each once and whole pages of them.
func (p people) members(ctx context.Context, take func([]member) (more bool, err error)) error {
	g, err := groupOfPeople(ctx, p.c, p.a.AllowedGroup)
	if err != nil {
		if absent(err) { // is said elsewhere
			return bridge.NotChecked(bridge.UncheckedRights, p.a.AllowedGroup)
		}
		return refused(err, "view "+p.a.AllowedGroup)
	}
	groups, seen := []Group{g}, map[string]bool{}
	for i := 0; i < len(groups); i++ {
		more, err := p.membersOf(ctx, groups[i], seen, take)
		if err != nil || !more {
			return err
		}
		below, err := list[Group](ctx, p.c, path("groups", groups[i].ID, "children"))
		if err != nil {
			return refused(err, "view "+p.a.AllowedGroup)
		}
		groups = append(groups, below...)
	}
	return nil
}

// membersOf reads who is in one group and was not seen before.
func (p people) membersOf(ctx context.Context, g Group, seen map[string]bool, take func([]member) (more bool, err error)) (more bool, err error) {
	for first := 0; first < maxMembers; first += memberPage {
		var page []member
		query := url.Values{"first": {strconv.Itoa(first)}, "max": {strconv.Itoa(memberPage)}, "briefRepresentation": {"false"}}
		if err := get(ctx, p.c, path("groups", g.ID, "members")+"?"+query.Encode(), &page); err != nil {
			return false, refused(err, "view-members "+p.a.AllowedGroup)
		}
		last := len(page) < memberPage
		page = slices.DeleteFunc(page, func(m member) bool { return seen[m.ID] })
		for _, m := range page {
			seen[m.ID] = true
		}
		if more, err := take(page); err != nil || !more || last {
			return more, err
		}
	}
	return false, bridge.NotChecked(bridge.UncheckedTime, "")
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
		return p.holders(ctx)
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

// holders asks the other way round: who holds a role that is a right over the realm, or has one inside, and is in the allowed group or below it.
func (p people) holders(ctx context.Context) ([]bridge.Finding, error) {
	const needs = "view-clients, view-users"
	f := finder{Caller: p.c, ctx: ctx, groups: map[string]bool{}}
	roles, err := f.roles()
	if err != nil {
		return nil, refused(err, needs)
	}
	counts, seen := map[string]int{}, map[string]bool{}
	for _, r := range above(roles, func(r heldRole) bool { return r.rights }) {
		f.found = map[string]bool{}
		if err := f.holders(r); err != nil {
			return nil, refused(err, needs)
		}
		for user := range f.found {
			if seen[user] {
				continue
			}
			seen[user] = true
			groups, err := list[Group](ctx, p.c, path("users", user, "groups"))
			if err != nil {
				return nil, refused(err, needs)
			}
			if slices.ContainsFunc(groups, p.allowed) {
				counts[r.Name]++
			}
		}
	}
	return administratorsFound(counts), nil
}

// allowed reports whether a group is the allowed one or below it.
func (p people) allowed(g Group) bool {
	return g.Path == p.a.AllowedGroup || strings.HasPrefix(g.Path, p.a.AllowedGroup+"/")
}
