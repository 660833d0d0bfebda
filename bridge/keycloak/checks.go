package keycloak

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
)

// MaxOffset is how far our clock and Keycloak's may be apart before somebody should set one of them.
const MaxOffset = 5 * time.Second

// EventTypes lists the types of events that have to be saved.
func EventTypes() []string {
	all := slices.Concat(historyTypes, watchedTypes, []string{"LOGIN_ERROR"})
	slices.Sort(all)
	return slices.Compact(all)
}

// Asked says what the checks of a Client look for beside what it is configured with.
type Asked struct {
	GateGroup    string   // id
	PolicyGroups []string // full paths
	Version      string   // of the server, for an account that may not see it; "" = not known
}

// Checks looks at the service account and its server with the account's own token, by calls that change nothing.
func (c *Client) Checks(a Asked) []bridge.Check {
	return []bridge.Check{
		{Name: "rights", Run: func(ctx context.Context) ([]bridge.Finding, error) { return c.checkRights(ctx, a.GateGroup) }},
		{Name: "policy-groups", Run: func(ctx context.Context) ([]bridge.Finding, error) { return c.checkGroups(ctx, a.PolicyGroups) }},
		{Name: "clock", Run: c.checkClock},
		{Name: "version", Run: func(ctx context.Context) ([]bridge.Finding, error) { return c.checkVersion(ctx, a.Version) }},
	}
}

// checkRights compares the rights of the token with those that are needed, and tries the calls for which fine-grained ones are.
func (c *Client) checkRights(ctx context.Context, gate string) (found []bridge.Finding, err error) {
	own, err := c.rights(ctx)
	if err != nil {
		return nil, away("read own rights", err)
	}
	excess, missing, wide := own.sort()
	for id, objects := range map[bridge.FindingID][]string{
		bridge.FindRightsExcess: excess, bridge.FindRightsMissing: missing, bridge.FindRightsWide: wide,
	} {
		for _, o := range objects {
			found = append(found, bridge.Found(id, o))
		}
	}
	if len(missing) > 0 {
		return found, nil // every call would say so again
	}
	management, err := c.managementClient(ctx)
	if err != nil {
		return found, away("read own rights", err)
	}
	if management == "" {
		found = append(found, bridge.Found(bridge.FindRightsManagement, ""))
	}
	more, err := c.tryRights(ctx, gate)
	return append(found, more...), err
}

// tryRights tries what fine-grained permissions have to allow, and what they must not.
func (c *Client) tryRights(ctx context.Context, gate string) (found []bridge.Finding, err error) {
	var group struct {
		Access map[string]bool `json:"access"`
	}
	allowed := append([]string{"group-by-path"}, strings.Split(strings.TrimPrefix(c.cfg.AllowedGroup, "/"), "/")...)
	var known struct{ ID string }
	for _, try := range []struct {
		right string
		call  call
	}{
		{"view-events", get("try view-events", nil, "events")},
		{"view " + gate, get("try view", &group, "groups", gate)},
		{"view-members " + gate, get("try view-members", nil, "groups", gate, "members")},
		{"view-members " + c.cfg.AllowedGroup, get("try view-members", &known, allowed...)},
	} {
		try.call.query = url.Values{"max": {"1"}}
		err := c.do(ctx, try.call)
		switch {
		case status(err) == http.StatusForbidden, status(err) == http.StatusNotFound:
			found = append(found, bridge.Found(bridge.FindRightsMissing, try.right))
		case err != nil:
			return found, away(try.call.op, err)
		}
	}
	if len(found) == 0 && group.Access != nil && !group.Access["manageMembership"] {
		found = append(found, bridge.Found(bridge.FindRightsMissing, "manage-membership "+gate))
	}
	if known.ID == "" {
		return found, nil
	}
	reach, err := c.reaches(ctx, known.ID)
	if reach {
		found = append(found, bridge.Found(bridge.FindRightsReach, "", "allowed", c.cfg.AllowedGroup))
	}
	return found, err
}

// reaches reports whether the account sees more people than the allowed group has: the member with that number is not there. Rights that are
// too wide are said elsewhere.
func (c *Client) reaches(ctx context.Context, allowed string) (bool, error) {
	own, err := c.rights(ctx)
	if err != nil || own.wide() {
		return false, err
	}
	var seen int
	if err := c.do(ctx, get("count people", &seen, "users", "count")); err != nil || seen == 0 {
		return false, away("count people", err)
	}
	var last []user
	k := get("count members", &last, "groups", allowed, "members")
	k.query = pageOf(seen-1, 1)
	if err := c.do(ctx, k); err != nil {
		return false, away("count members", err)
	}
	return len(last) == 0, nil
}

func (c *Client) checkGroups(ctx context.Context, paths []string) (found []bridge.Finding, err error) {
	hidden, err := c.HiddenGroups(ctx, paths)
	for _, path := range hidden {
		found = append(found, bridge.Found(bridge.FindRightsGroups, path))
	}
	return found, err
}

// checkClock makes a call whose answer says what time it is there.
func (c *Client) checkClock(ctx context.Context) ([]bridge.Finding, error) {
	if err := c.do(ctx, get("read the clock", nil)); err != nil {
		return nil, away("read the clock", err)
	}
	if off := c.Offset(); off.Abs() > MaxOffset {
		return []bridge.Finding{bridge.Found(bridge.FindClockOff, "", "seconds", strconv.Itoa(int(off.Seconds())))}, nil
	}
	return nil, nil
}

// checkVersion reads the server's version, which Keycloak shows to those who manage the realm only, or takes what was configured.
func (c *Client) checkVersion(ctx context.Context, configured string) ([]bridge.Finding, error) {
	version, err := c.Version(ctx)
	if err != nil {
		return nil, err
	}
	if version == "" {
		version = configured
	}
	if version == "" {
		return nil, bridge.NotChecked(bridge.UncheckedUnknown, "version")
	}
	return holes(version), nil
}

// Version is the server's version, "" for an account that may not see it.
func (c *Client) Version(ctx context.Context) (string, error) {
	var info struct {
		System struct {
			Version string `json:"version"`
		} `json:"systemInfo"`
	}
	k := get("read the version", &info)
	k.server = "/admin/serverinfo"
	err := c.do(ctx, k)
	if status(err) == http.StatusForbidden {
		return "", nil
	}
	return info.System.Version, away(k.op, err)
}
