package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"otpbridge/bridge"
)

// fineRight is a right that Keycloak's answer about a group or a person names, and the scope of a fine-grained permission that gives it.
type fineRight struct{ access, scope string }

// The rights on the gate group and on people without which nobody can recover, and those on people that reach further.
var (
	gateRights   = []fineRight{{"view", "view"}, {"viewMembers", "view-members"}, {"manageMembership", "manage-membership"}}
	personRights = []fineRight{{"view", "view-members"}, {"manage", "manage-members"}, {"manageGroupMembership", joining}}
	excessRights = []fineRight{{"mapRoles", "map-roles"}, {"impersonate", "impersonate-members"}}
)

// joining is the scope that lets members of a group into others, anyJoining the one of a permission of the resource type Users that has to do
// before bridge.FineRelease.
const (
	joining    = "manage-membership-of-members"
	anyJoining = "manage-group-membership Users"
)

// someone are how many people are looked at until one is found whom the service account may manage: Keycloak takes its time for each.
var someone = []string{"1", "100"}

// noPeople is the warning of an account that sees nobody.
const noPeople = "the service account sees nobody: the allowed group is empty, or the fine-grained permission view-members on it is missing"

var errNobody = errors.New(noPeople)

// Rights looks at what the service account may do with the gate group and, by the example of one, with the people of the allowed group, and whether
// it sees who administrates the realm. As Client.Rights does it says which rights are missing or too many, or that Keycloak did not answer
// (CodeKeycloakAway).
func (g *RealmGate) Rights(ctx context.Context) (warnings []string, err error) {
	var (
		all                            sync.WaitGroup
		administrators                 string
		groups, people, administrating error
	)
	all.Go(func() { groups = g.cfg.Client.gateRights(ctx, g.cfg.GroupID) })
	all.Go(func() { warnings, people = g.cfg.Client.peopleRights(ctx) })
	all.Go(func() { administrators, administrating = g.cfg.Client.managementClient(ctx) })
	all.Wait()
	if administrating == nil && administrators == "" {
		warnings = append(warnings, hiddenManagement)
	}
	return warnings, errors.Join(groups, people, away("find realm-management", administrating))
}

func (c *Client) gateRights(ctx context.Context, id string) error {
	access, err := c.gateAccess(ctx, id)
	switch {
	case status(err) == http.StatusNotFound:
		return errors.New("keycloak: sign_in.gate_group is the id of no group")
	case err != nil && status(err) != http.StatusForbidden:
		return away("read rights on the gate group", err)
	}
	return lacking("on the gate group", scopes(gateRights, access, false))
}

// gateAccess is what the account may do with the gate group.
func (c *Client) gateAccess(ctx context.Context, id string) (map[string]bool, error) {
	var group struct {
		Access map[string]bool `json:"access"`
	}
	k := get("read rights on the gate group", &group, "groups", id)
	k.slow = true
	err := c.do(ctx, k)
	return group.Access, err
}

func (c *Client) peopleRights(ctx context.Context) (warnings []string, err error) {
	one, err := c.example(ctx)
	switch {
	case errors.Is(err, errNobody):
		return []string{noPeople}, nil
	case err != nil || one == nil:
		return nil, err
	}
	missing, err := c.missingOnPeople(ctx, one.Access, c.Version)
	return nil, errors.Join(lacking("on people", missing), exceeding(one.Access), err)
}

// missingOnPeople names what an account lacks on people, each scope with what it is about, as an administrator of that version finds it.
func (c *Client) missingOnPeople(ctx context.Context, may map[string]bool, version func(context.Context) (string, error)) ([]string, error) {
	missing := scopes(personRights, may, false)
	for i, scope := range missing {
		missing[i] += " " + c.cfg.AllowedGroup
		if scope != joining {
			continue
		}
		v, err := version(ctx)
		switch {
		case err != nil:
			return nil, away("read the version", err)
		case v == "":
			missing[i] += " (< " + bridge.FineRelease.String() + ": " + anyJoining + ")"
		case bridge.ParseRelease(v).Before(bridge.FineRelease):
			missing[i] = anyJoining
		}
	}
	return missing, nil
}

// example is somebody whom the account sees, with what it may do with them. It is nil for an account that sees everybody, or nobody for want of
// query-users, as Client.Rights says.
func (c *Client) example(ctx context.Context) (*user, error) {
	const op = "read rights on people"
	own, err := c.rights(ctx)
	if err != nil || own.wide() { // who sees everybody may see somebody first who is not to be managed
		return nil, away(op, err)
	}
	var one user
	for _, most := range someone {
		var seen []user
		k := get(op, &seen, "users")
		k.query, k.slow = url.Values{"max": {most}, "briefRepresentation": {"true"}}, true
		err := c.do(ctx, k)
		switch {
		case status(err) == http.StatusForbidden:
			return nil, nil //nolint:nilnil // see above
		case err != nil:
			return nil, away(op, err)
		case len(seen) == 0:
			return nil, errNobody
		}
		one = seen[max(0, slices.IndexFunc(seen, func(u user) bool { return u.Access["manage"] }))]
		if one.Access["manage"] {
			break
		}
	}
	var whole user
	return &whole, away(op, c.do(ctx, get(op, &whole, "users", one.ID)))
}

func lacking(what string, missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("keycloak: the service account lacks fine-grained permissions %s: %s", what, strings.Join(missing, ", "))
}

func exceeding(access map[string]bool) error {
	for _, scope := range scopes(excessRights, access, true) {
		return fmt.Errorf("keycloak: the service account has a fine-grained permission on people that it must not have: %s", scope)
	}
	return nil
}

// scopes names those of the rights that the account has, or has not.
func scopes(rights []fineRight, access map[string]bool, has bool) (names []string) {
	for _, r := range rights {
		if access[r.access] == has {
			names = append(names, r.scope)
		}
	}
	return names
}
