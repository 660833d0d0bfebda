package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// HiddenGroups returns those of the groups, given by full paths, that do not exist or that the service account may not view. Keycloak leaves
// such groups out when it lists a person's groups, so nobody seems to be a member. The allowed group is never hidden: see Client.account.
// Before 26.7 the account may view every group, but finds few of them: whether the others are there at all is untold.
// CodeKeycloakAway: it could not be told.
func (c *Client) HiddenGroups(ctx context.Context, paths []string) (hidden, untold []string, err error) {
	const op = "look for groups"
	for _, path := range paths {
		if path == c.cfg.AllowedGroup {
			continue
		}
		found, err := c.groupAt(ctx, op, path)
		switch {
		case status(err) == http.StatusNotFound:
			untold = append(untold, path)
		case status(err) == http.StatusForbidden, errors.Is(err, errPath), err == nil && found.Path != path:
			hidden = append(hidden, path)
		case err != nil:
			return nil, nil, away(op, err)
		}
	}
	if len(untold) == 0 {
		return hidden, nil, nil
	}
	blind, err := c.findsFewGroups(ctx, op)
	if err != nil {
		return nil, nil, away(op, err)
	}
	if blind {
		return hidden, untold, nil
	}
	return append(hidden, untold...), nil, nil
}

// group is a group as a list names it.
type group struct{ ID, Path string }

// groupAt looks for a group by its path.
func (c *Client) groupAt(ctx context.Context, op, path string) (found group, err error) {
	k := get(op, &found, append([]string{"group-by-path"}, strings.Split(strings.TrimPrefix(path, "/"), "/")...)...)
	k.slow = true
	return found, c.do(ctx, k)
}

// findsFewGroups reports whether the account finds only those groups, the gate and the allowed one, that it has a permission of their own for,
// although it may view every one: a policy by client does not count where Keycloak searches. That it may view the allowed group shows the
// permission for all of them.
func (c *Client) findsFewGroups(ctx context.Context, op string) (bool, error) {
	const few = 2
	var found []struct{}
	k := get(op, &found, "groups")
	k.query, k.slow = url.Values{"max": {strconv.Itoa(few + 1)}, "briefRepresentation": {"true"}}, true
	err := c.do(ctx, k)
	if err == nil && (len(found) > few || c.cfg.Administrator) {
		return false, nil
	}
	if err == nil {
		_, err = c.groupAt(ctx, op, c.cfg.AllowedGroup)
	}
	switch status(err) {
	case http.StatusForbidden:
		return false, nil
	case http.StatusNotFound: // a path is searched for, too, where nobody has looked it up before
		seen, err := c.allowedGroups(ctx, op)
		return len(seen) > 0, err
	}
	return err == nil, err
}

// allowedGroups are the allowed group and those below it as far as somebody is in them whom the account sees: Keycloak names among a person's groups those
// that the account may view.
func (c *Client) allowedGroups(ctx context.Context, op string) ([]group, error) {
	var people []struct{ ID string }
	k := get(op, &people, "users")
	k.query, k.slow = url.Values{"max": {"1"}, "briefRepresentation": {"true"}}, true
	if err := c.do(ctx, k); err != nil || len(people) == 0 {
		return nil, err
	}
	var groups []group
	err := c.do(ctx, get(op, &groups, "users", people[0].ID, "groups"))
	return slices.DeleteFunc(groups, func(g group) bool {
		return g.Path != c.cfg.AllowedGroup && !strings.HasPrefix(g.Path, c.cfg.AllowedGroup+"/")
	}), err
}

// allowedGroup is the id of the allowed group, "" when it cannot be seen.
func (c *Client) allowedGroup(ctx context.Context, op string) (string, error) {
	found, err := c.groupAt(ctx, op, c.cfg.AllowedGroup)
	switch status(err) {
	case http.StatusForbidden:
		return "", nil
	case http.StatusNotFound: // as above
		seen, err := c.allowedGroups(ctx, op)
		if i := slices.IndexFunc(seen, func(g group) bool { return g.Path == c.cfg.AllowedGroup }); i >= 0 {
			return seen[i].ID, err
		}
		return "", err
	}
	return found.ID, err
}
