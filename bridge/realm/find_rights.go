package realm

import (
	"context"
	"slices"

	"otpbridge/bridge"
)

// accountGroup names what else is in the group that stands for the service account, what the group gives, and by which permission others may change
// who is in it.
func (p people) accountGroup(ctx context.Context, s *State) (found []bridge.Finding, err error) {
	s, err = p.permissions(ctx, s)
	if err != nil {
		return nil, err
	}
	g := s.Group(AccountGroup)
	if g == nil || s.Account == nil {
		return nil, nil
	}
	members, err := list[member](ctx, p.c, path("groups", g.ID, "members"))
	if err != nil {
		return nil, refused(err, "view-users")
	}
	others := slices.DeleteFunc(members, func(m member) bool { return m.ID == s.Account.ID })
	if len(others) > 0 {
		found = append(found, bridge.Found(bridge.FindRightsShared, bridge.UsersObject(len(others))))
	}
	gives := g.RealmRoles
	for _, client := range sortedKeys(g.ClientRoles) {
		for _, role := range g.ClientRoles[client] {
			gives = append(gives, client+" "+role)
		}
	}
	for _, role := range gives {
		found = append(found, bridge.Found(bridge.FindRightsShared, role))
	}
	for _, other := range s.Permissions {
		if s.letsOthersIn(other, g.ID) {
			found = append(found, bridge.Found(bridge.FindRightsShared, other.Name))
		}
	}
	return found, nil
}

// permissions reads the group that stands for the service account and, where there is one, the fine-grained permissions.
func (p people) permissions(ctx context.Context, s *State) (*State, error) {
	for _, part := range []Part{PartClients, PartSettings} {
		if s.Unread[part] != nil {
			return nil, bridge.NotChecked(bridge.UncheckedRights, rights(part))
		}
	}
	if err := s.silent(PartClients, PartSettings); err != nil {
		return nil, err
	}
	r := reader{ctx: ctx, Caller: p.c, w: p.a.Wanted, s: &State{Settings: s.Settings, Clients: s.Clients, Account: s.Account}}
	if err := r.group(groupAt(ctx, p.c, AccountGroup)); err != nil || len(r.s.Groups) == 0 {
		return r.s, refused(err, rights(PartGroups))
	}
	return r.s, refused(r.permissions(), rights(PartPermissions))
}

// letsOthersIn reports whether a permission lets somebody else than the service account change who is in a group.
func (s *State) letsOthersIn(p Permission, group string) bool {
	about := p.Kind == groupsKind && (len(p.Resources) == 0 || slices.Contains(p.Resources, group))
	lets := slices.Contains(p.Scopes, "manage-membership") || slices.Contains(p.Scopes, "manage")
	return about && lets && !slices.ContainsFunc(p.Rules, func(id string) bool {
		rule := findIn(s.AccessRules, func(r AccessRule) bool { return r.ID == id })
		return rule != nil && (rule.Name == onlyItsClient || rule.Name == onlyUs)
	})
}
