package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
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
	case http.StatusForbidden, http.StatusNotFound:
		return false, nil
	}
	return err == nil, err
}
