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
			return nil, bridge.NotChecked(bridge.UncheckedUnknown, "version_hidden") // an administrator's client reads
		}
		s, err := Read(ctx, c, w)
		if err != nil {
			return nil, err
		}
		if lacking := s.lacking(); len(lacking) > 0 {
			return nil, bridge.NotChecked(bridge.UncheckedRights, strings.Join(lacking, ", "))
		}
		return FindDiffering(s, w), nil
	}}
}

// FindDiffering names what `realm apply` would change, or says how much keeps it from that. That the account may manage every user, which is a choice, is said
// elsewhere. Names are the same in every language; the plan has the words.
func FindDiffering(s *State, w Wanted) []bridge.Finding {
	const named = 5
	w.ManageUsers = s.Account != nil && slices.Contains(s.Account.ManagementRoles, "manage-users")
	p := s.Plan(w)
	if n := len(p.Obstacles); n > 0 {
		return []bridge.Finding{bridge.Found(bridge.FindRealmBlocked, "", "count", strconv.Itoa(n))}
	}
	if p.Empty() {
		return nil
	}
	var names []string
	for _, step := range p.Steps {
		if name := or(strings.TrimSpace(step.Of+" "+step.Name), string(step.Kind)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > named {
		names = append(names[:named], "…")
	}
	return []bridge.Finding{bridge.Found(bridge.FindRealmDiffers, strings.Join(names, ", "), "count", strconv.Itoa(len(p.Steps)))}
}
