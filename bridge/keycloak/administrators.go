package keycloak

import (
	"context"
	"net/http"
	"net/url"
)

// managementName is the client whose roles are the rights over the realm.
const managementName = "realm-management"

// hiddenManagement is the warning of an account that does not see that client.
const hiddenManagement = "the service account does not see who has rights over the realm, so only a realm role marks an administrator: " +
	"give it query-clients and the fine-grained permission view on the client realm-management"

// managementClient returns the id of the client realm-management, "" when the service account may not see it.
func (c *Client) managementClient(ctx context.Context) (string, error) {
	return remembered(c, &c.management, func() (string, error) { return c.findManagement(ctx) })
}

func (c *Client) findManagement(ctx context.Context) (string, error) {
	var found []struct {
		ID       string `json:"id"`
		ClientID string `json:"clientId"`
	}
	k := get("find realm-management", &found, "clients")
	k.query = url.Values{"clientId": {managementName}}
	err := c.do(ctx, k)
	if status(err) == http.StatusForbidden {
		return "", nil
	}
	for _, f := range found {
		if f.ClientID == managementName {
			return f.ID, err
		}
	}
	return "", err
}

// administrates reads the realm and whether a person holds a role of realm-management, be it their own, of a group, of a group above it, or
// inside another role: Keycloak unfolds them all. Where the client is hidden nobody seems to: Rights warns of it.
func (c *Client) administrates(ctx context.Context, id string) (realmParts, bool, error) {
	realm, err := c.realmParts(ctx)
	if err != nil || realm.Management == "" {
		return realm, false, err
	}
	var roles []struct {
		Name string `json:"name"`
	}
	err = c.do(ctx, get("read rights", &roles, "users", id, "role-mappings", "clients", realm.Management, "composite"))
	return realm, len(roles) > 0, err
}
