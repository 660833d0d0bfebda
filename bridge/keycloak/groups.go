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
		found, err := c.groupPath(ctx, op, path)
		switch {
		case status(err) == http.StatusNotFound:
			untold = append(untold, path)
		case status(err) == http.StatusForbidden, errors.Is(err, errPath), err == nil && found != path:
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

// groupPath is the path of a group that is looked for by its path.
func (c *Client) groupPath(ctx context.Context, op, path string) (string, error) {
	var found struct {
		Path string `json:"path"`
	}
	k := get(op, &found, append([]string{"group-by-path"}, strings.Split(strings.TrimPrefix(path, "/"), "/")...)...)
	k.slow = true
	err := c.do(ctx, k)
	return found.Path, err
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
		_, err = c.groupPath(ctx, op, c.cfg.AllowedGroup)
	}
	switch status(err) {
	case http.StatusForbidden:
		return false, nil
	case http.StatusNotFound: // a path is searched for, too, where nobody has looked it up before
		return c.viewsAllowed(ctx, op)
	}
	return err == nil, err
}

// viewsAllowed reports whether the account may view the allowed group: then Keycloak names it among the groups of whoever is in it.
func (c *Client) viewsAllowed(ctx context.Context, op string) (bool, error) {
	var people []struct{ ID string }
	k := get(op, &people, "users")
	k.query, k.slow = url.Values{"max": {"1"}, "briefRepresentation": {"true"}}, true
	if err := c.do(ctx, k); err != nil || len(people) == 0 {
		return false, err
	}
	var groups []struct{ Path string }
	err := c.do(ctx, get(op, &groups, "users", people[0].ID, "groups"))
	return slices.ContainsFunc(groups, func(g struct{ Path string }) bool {
		return g.Path == c.cfg.AllowedGroup || strings.HasPrefix(g.Path, c.cfg.AllowedGroup+"/")
	}), err
}
