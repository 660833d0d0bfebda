package realm

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// PlanCheck looks whether a plan would change anything, for whoever sees the whole realm: what no other check looks at is at least named.
func PlanCheck(c Caller, version func(context.Context) (string, error), a Asked) bridge.Check {
	return bridge.Check{Name: "realm-plan", Run: func(ctx context.Context) ([]bridge.Finding, error) {
		w := a.Wanted
		var err error
		if w.Version, err = version(ctx); err != nil {
			return nil, err
		}
		if w.Version == "" { // by which the rights differ
			return nil, bridge.NotChecked(bridge.UncheckedUnknown, "version")
		}
		s, err := Read(ctx, c, w)
		if err != nil {
			return nil, err
		}
		if unread := sortedKeys(s.Unread); len(unread) > 0 {
			return nil, bridge.NotChecked(bridge.UncheckedRights, rights(unread[0]))
		}
		return FindDiffering(s, w), nil
	}}
}

// FindDiffering names what a plan would change. That the account may manage every user, which is a choice, is said elsewhere.
func FindDiffering(s *State, w Wanted) []bridge.Finding {
	const named = 5
	w.ManageUsers = s.Account != nil && slices.Contains(s.Account.ManagementRoles, "manage-users")
	var titles []string
	p := s.Plan(w)
	for _, o := range p.Obstacles {
		titles = append(titles, string(o.Kind)+" "+o.What)
	}
	for _, step := range p.Steps {
		titles = append(titles, step.Title())
	}
	n := len(titles)
	if n == 0 {
		return nil
	}
	if n > named {
		titles = append(titles[:named], "…")
	}
	return []bridge.Finding{bridge.Found(bridge.FindRealmDiffers, strings.Join(titles, ", "), "count", strconv.Itoa(n))}
}
