package keycloak

import (
	"cmp"
	"context"
	"errors"
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

// EventTypes lists the types of events that have to be saved. Without mailedTypes a forgotten password is an alarm, which harms nobody's account, and what is made
// behind a mailed link is not known as that; brokeredTypes matter where there is an identity provider, and are looked at there: the plan adds both.
func EventTypes() []string {
	all := slices.Concat(historyTypes, watchedTypes, failedTypes)
	slices.Sort(all)
	return slices.Compact(all)
}

// Asked says what the checks of a Client look for beside what it is configured with.
type Asked struct {
	GateGroup    string   // id
	PolicyGroups []string // full paths
	// Administrator sees the server's version and every group; nil: nobody does.
	Administrator *Client
}

// Checks looks at the service account and its server with the account's own token, by calls that change nothing.
func (c *Client) Checks(a Asked) []bridge.Check {
	if a.Administrator == nil {
		a.Administrator = c
	}
	checks := []bridge.Check{
		{Name: "service-account", Run: c.checkToken},
		{Name: "rights", Run: func(ctx context.Context) ([]bridge.Finding, error) { return c.checkRights(ctx, a) }},
		{Name: "reach", Run: c.checkReach},
		{Name: "policy-groups", Run: func(ctx context.Context) ([]bridge.Finding, error) { return c.checkGroups(ctx, a) }},
		{Name: "clock", Run: c.checkClock},
		{Name: "applications", Run: checkApplications},
		{Name: "version", Run: func(ctx context.Context) ([]bridge.Finding, error) { return a.Administrator.checkVersion(ctx) }},
	}
	if a.Administrator != c {
		checks = append(checks, bridge.Check{Name: "administrator", Run: a.Administrator.checkToken})
	}
	return checks
}

// checkRights compares the rights of the token, and those that fine-grained permissions give, with those that are needed.
func (c *Client) checkRights(ctx context.Context, a Asked) (found []bridge.Finding, err error) {
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
	management, err := c.findManagement(ctx)
	if err != nil {
		return found, away("read own rights", err)
	}
	if management == "" {
		found = append(found, bridge.Found(bridge.FindRightsManagement, ""))
	}
	more, err := c.tryRights(ctx, a)
	return append(found, more...), err
}

// tryRights looks at what fine-grained permissions have to allow, and at what they must not. What cannot be told is an error.
func (c *Client) tryRights(ctx context.Context, a Asked) (found []bridge.Finding, err error) {
	events := get("try view-events", nil, "events")
	events.query = url.Values{"max": {"1"}}
	switch err := c.do(ctx, events); {
	case status(err) == http.StatusForbidden:
		found = append(found, bridge.Found(bridge.FindRightsMissing, "view-events"))
	case err != nil:
		return nil, away(events.op, err)
	}
	gates, gateErr := c.tryGate(ctx, a.GateGroup)
	people, peopleErr := c.tryPeople(ctx, a)
	return slices.Concat(found, gates, people), cmp.Or(gateErr, peopleErr)
}

func (c *Client) tryGate(ctx context.Context, gate string) ([]bridge.Finding, error) {
	access, err := c.gateAccess(ctx, gate)
	switch {
	case status(err) == http.StatusForbidden, status(err) == http.StatusNotFound:
		return objects(bridge.FindRightsMissing, []string{"view"}, gate), nil
	case err != nil:
		return nil, away("read rights on the gate group", err)
	case access == nil:
		return nil, errors.New("the answer about the gate group names no rights")
	}
	return objects(bridge.FindRightsMissing, scopes(gateRights, access, false), gate), nil
}

// tryPeople looks at the rights on people, by the example of one.
func (c *Client) tryPeople(ctx context.Context, a Asked) ([]bridge.Finding, error) {
	one, err := c.example(ctx)
	switch {
	case errors.Is(err, errNobody):
		return nil, bridge.NotChecked(bridge.UncheckedUnknown, "nobody")
	case err != nil:
		return nil, err
	case one == nil: // that everybody is seen is said elsewhere
		return nil, bridge.NotChecked(bridge.UncheckedUnknown, "manage-members "+c.cfg.AllowedGroup)
	case one.Access == nil:
		return nil, errors.New("the answer about a person names no rights")
	}
	found := objects(bridge.FindRightsExcess, scopes(excessRights, one.Access, true), c.cfg.AllowedGroup)
	missing, err := c.missingOnPeople(ctx, one.Access, a.Administrator.Version)
	for _, m := range missing {
		found = append(found, bridge.Found(bridge.FindRightsMissing, m))
	}
	return found, err
}

// objects finds the same of each right on a group.
func objects(id bridge.FindingID, scopes []string, group string) (found []bridge.Finding) {
	for _, scope := range scopes {
		found = append(found, bridge.Found(id, scope+" "+group))
	}
	return found
}

// checkReach compares the people whom the account sees with the allowed group, which it need not be able to see.
func (c *Client) checkReach(ctx context.Context) ([]bridge.Finding, error) {
	const op = "read the allowed group"
	allowed, err := c.allowedGroup(ctx, op)
	switch {
	case err != nil:
		return nil, away(op, err)
	case allowed == "":
		return nil, bridge.NotChecked(bridge.UncheckedRights, "view "+c.cfg.AllowedGroup)
	}
	reach, err := c.reaches(ctx, allowed)
	if reach {
		return []bridge.Finding{bridge.Found(bridge.FindRightsReach, "", "allowed", c.cfg.AllowedGroup)}, err
	}
	return nil, err
}

// reaches reports whether the account sees more people than the allowed group has: the member with that number is not there. Who is only in a group below it
// is seen by id and not counted (measured). Rights that are too wide are said elsewhere.
func (c *Client) reaches(ctx context.Context, allowed string) (bool, error) {
	own, err := c.rights(ctx)
	if err != nil || own.wide() {
		return false, err
	}
	var seen int
	count := get("count people", &seen, "users", "count")
	count.slow = true
	if err := c.do(ctx, count); err != nil || seen == 0 {
		return false, away("count people", err)
	}
	var last []user
	k := get("count members", &last, "groups", allowed, "members")
	k.query, k.slow = pageOf(seen-1, 1), true
	if err := c.do(ctx, k); err != nil {
		return false, away("count members", err)
	}
	return len(last) == 0, nil
}

func (c *Client) checkGroups(ctx context.Context, a Asked) (found []bridge.Finding, err error) {
	hidden, untold, err := c.HiddenGroups(ctx, a.PolicyGroups)
	if len(untold) > 0 && a.Administrator != c {
		var missing []string
		missing, untold, err = a.Administrator.HiddenGroups(ctx, untold)
		hidden = append(hidden, missing...)
	}
	for _, path := range hidden {
		found = append(found, bridge.Found(bridge.FindRightsGroups, path))
	}
	if err == nil && len(untold) > 0 {
		err = bridge.NotChecked(bridge.UncheckedRights, "view "+strings.Join(untold, ", "))
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

// checkVersion looks for what is known of the server's version.
func (c *Client) checkVersion(ctx context.Context) ([]bridge.Finding, error) {
	version, err := c.Version(ctx)
	if err != nil {
		return nil, err
	}
	if version == "" {
		needs := "version"
		if c.cfg.Administrator {
			needs = "version_hidden"
		}
		return nil, bridge.NotChecked(bridge.UncheckedUnknown, needs)
	}
	return holes(version), nil
}

// Version is the server's version, which Keycloak shows to those who manage the realm only, before 26.5 the whole server; to others it is
// what was configured.
func (c *Client) Version(ctx context.Context) (string, error) {
	var info struct {
		System struct {
			Version string `json:"version"`
		} `json:"systemInfo"`
	}
	k := get("read the version", &info)
	k.server = "/admin/serverinfo"
	err := c.do(ctx, k)
	if err != nil && status(err) != http.StatusForbidden {
		return "", away(k.op, err)
	}
	return cmp.Or(info.System.Version, c.cfg.Version), nil
}
