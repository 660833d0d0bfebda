package keycloak

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The rights at realm-management. needed are those without which nothing works. Of the others, warned ones are accepted with a warning,
// harmless ones without; every other one, known or new, is too much.
var (
	neededRights   = []string{"view-realm", "view-events", "query-users"}
	harmlessRights = []string{"query-clients", "query-groups", "view-identity-providers"} // they list what other rights let see, or show no secret
	warnedRights   = map[string]string{
		"manage-users": "the service account may manage every user (manage-users), and through them the realm: give it fine-grained permissions on the allowed group instead",
		"view-users":   "the service account may read every user (view-users): give it fine-grained permissions on the allowed group instead",
	}
)

// Rights looks at the rights that the service account's own token carries. An error says which are too many or missing, or that Keycloak
// did not answer (CodeKeycloakAway); warnings are for people who run the service.
func (c *Client) Rights(ctx context.Context) (warnings []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Limit)
	defer cancel()
	own, err := c.rights(ctx)
	if err != nil {
		return nil, away("read own rights", err)
	}
	return own.judge()
}

// rights is what an access token says of its owner.
type rights struct {
	Subject string `json:"sub"`
	Realm   struct {
		Roles []string `json:"roles"`
	} `json:"realm_access"`
	Clients map[string]struct {
		Roles []string `json:"roles"`
	} `json:"resource_access"`
}

func (c *Client) rights(ctx context.Context) (rights, error) {
	token, err := c.bearer(ctx)
	if err != nil {
		return rights{}, fmt.Errorf("token: %w", err)
	}
	return parseRights(token.Reveal())
}

// parseRights reads a token that came straight from Keycloak; its signature matters to others.
func parseRights(token string) (rights, error) {
	var r rights
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return r, errors.New("the token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &r) != nil {
		return r, errors.New("the token cannot be read")
	}
	return r, nil
}

// management returns the roles at realm-management.
func (r rights) management() []string { return r.Clients[managementName].Roles }

// wide reports whether the account may see people outside the allowed group.
func (r rights) wide() bool {
	return slices.Contains(r.management(), "manage-users") || slices.Contains(r.management(), "view-users")
}

// sort names the rights that are too many, those that are missing, and those that reach further than they have to.
func (r rights) sort() (excess, missing, wide []string) {
	for _, role := range r.management() {
		switch {
		case warnedRights[role] != "":
			wide = append(wide, role)
		case !slices.Contains(neededRights, role) && !slices.Contains(harmlessRights, role):
			excess = append(excess, role)
		}
	}
	for _, role := range r.Realm.Roles {
		if role == "admin" || role == "create-realm" {
			excess = append(excess, role)
		}
	}
	for client, access := range r.Clients {
		if strings.HasSuffix(client, "-realm") { // the rights that the master realm has over another
			for _, role := range access.Roles {
				excess = append(excess, client+" "+role)
			}
		}
	}
	for _, role := range neededRights {
		if !slices.Contains(r.management(), role) && (role != "query-users" || !r.wide()) {
			missing = append(missing, role)
		}
	}
	slices.Sort(excess)
	return excess, missing, wide
}

func (r rights) judge() (warnings []string, err error) {
	excess, missing, wide := r.sort()
	for _, role := range wide {
		warnings = append(warnings, warnedRights[role])
	}
	if len(excess) > 0 {
		err = fmt.Errorf("keycloak: the service account has rights that it must not have: %s", strings.Join(excess, ", "))
	}
	if len(missing) > 0 {
		err = errors.Join(err, fmt.Errorf("keycloak: the service account lacks rights: %s", strings.Join(missing, ", ")))
	}
	return warnings, err
}
