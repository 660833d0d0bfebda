package keycloak

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// HiddenGroups returns those of the groups, given by full paths, that do not exist or that the service account may not view. Keycloak leaves
// such groups out when it lists a person's groups, so nobody seems to be a member. The allowed group is never hidden: see Client.account.
// CodeKeycloakAway: it could not be told.
func (c *Client) HiddenGroups(ctx context.Context, paths []string) ([]string, error) {
	const op = "look for groups"
	var hidden []string
	for _, path := range paths {
		if path == c.cfg.AllowedGroup {
			continue
		}
		var found struct {
			Path string `json:"path"`
		}
		err := c.do(ctx, get(op, &found, append([]string{"group-by-path"}, strings.Split(strings.TrimPrefix(path, "/"), "/")...)...))
		switch {
		case status(err) == http.StatusNotFound, status(err) == http.StatusForbidden, errors.Is(err, errPath), err == nil && found.Path != path:
			hidden = append(hidden, path)
		case err != nil:
			return nil, away(op, err)
		}
	}
	return hidden, nil
}
