package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
)

// user is Keycloak's UserRepresentation as far as it is needed.
type user struct {
	ID              string              `json:"id"`
	Username        string              `json:"username"`
	FirstName       string              `json:"firstName"`
	LastName        string              `json:"lastName"`
	Email           string              `json:"email"`
	EmailVerified   bool                `json:"emailVerified"`
	Enabled         bool                `json:"enabled"`
	RequiredActions []string            `json:"requiredActions"`
	NotBefore       int64               `json:"notBefore"` // seconds
	Attributes      map[string][]string `json:"attributes"`
	FederationLink  string              `json:"federationLink"`
	ServiceAccount  string              `json:"serviceAccountClientId"`
	Access          map[string]bool     `json:"access"`
}

func (u user) service() bool {
	return u.ServiceAccount != "" || strings.HasPrefix(u.Username, "service-account-")
}

// maxName is longer than any user name or address that Keycloak stores.
const maxName = 255

// ByName implements bridge.Accounts. The name is trimmed, normalised (NFKC) and compared case-blind. As Keycloak's own form does, an
// address comes first where the realm lets people type it. Nobody, several, service accounts and an empty name are all CodeGone.
func (c *Client) ByName(ctx context.Context, name string) (bridge.Account, error) {
	const op = "find person"
	name = strings.TrimSpace(norm.NFKC.String(name))
	if name == "" || len(name) > maxName {
		return bridge.Account{}, bridge.Fault(bridge.CodeGone, op, errors.New("no name"))
	}
	realm, err := c.realmParts(ctx)
	if err != nil {
		return bridge.Account{}, err
	}
	by := []string{"username"}
	if realm.LoginWithEmail && strings.Contains(name, "@") {
		by = []string{"email", "username"}
	}
	for _, field := range by {
		found, err := c.search(ctx, field, name)
		if err != nil {
			return bridge.Account{}, err
		}
		if len(found) == 0 {
			continue
		}
		if len(found) > 1 || found[0].service() || !found[0].answersTo(field, name) {
			return bridge.Account{}, bridge.Fault(bridge.CodeGone, op, errors.New("not exactly one person"))
		}
		return c.ByID(ctx, found[0].ID)
	}
	return bridge.Account{}, bridge.Fault(bridge.CodeGone, op, errors.New("nobody"))
}

func (u user) answersTo(field, name string) bool {
	if field == "email" {
		return strings.EqualFold(u.Email, name)
	}
	return strings.EqualFold(u.Username, name)
}

// search lists people, which costs Keycloak a second where the rest costs ten milliseconds. They type their password meanwhile.
func (c *Client) search(ctx context.Context, field, value string) ([]user, error) {
	var found []user
	k := get("find person", &found, "users")
	k.query, k.slow = url.Values{field: {value}, "exact": {"true"}, "max": {"2"}}, true
	return found, away("find person", c.do(ctx, k))
}

// ByID implements bridge.Accounts.
func (c *Client) ByID(ctx context.Context, id string) (bridge.Account, error) {
	const op = "read person"
	var (
		parts  personParts
		realm  realmParts
		reader error // of the person itself: the one that says whether there is somebody
		absent error // nobody has such credentials
	)
	// The first two say whether there is somebody, so they go to their end though another may have been refused sooner.
	err := together(ctx,
		func(context.Context) error {
			reader = readFault(op, c.do(ctx, get(op, &parts.user, "users", id)))
			return reader
		},
		func(context.Context) error {
			err := c.do(ctx, get("read credentials", &parts.credentials, "users", id, "credentials"))
			if status(err) == http.StatusNotFound { // also for words like "count", which are calls of their own without what follows
				absent = bridge.Fault(bridge.CodeGone, op, err)
			}
			return err
		},
		func(ctx context.Context) error {
			return c.do(ctx, get("read groups", &parts.groups, "users", id, "groups"))
		},
		func(ctx context.Context) error {
			return c.do(ctx, get("read roles", &parts.roles, "users", id, "role-mappings", "realm", "composite"))
		},
		func(ctx context.Context) error {
			return c.do(ctx, get("read lock", &parts.lock, "attack-detection", "brute-force", "users", id))
		},
		func(ctx context.Context) (err error) {
			realm, parts.administrator, err = c.administrates(ctx, id)
			return err
		},
		func(ctx context.Context) error {
			own, err := c.rights(ctx)
			parts.wide = own.wide()
			return err
		},
	)
	switch {
	case bridge.CodeOf(reader) == bridge.CodeGone:
		return bridge.Account{}, reader
	case absent != nil:
		return bridge.Account{}, absent
	case err != nil:
		return bridge.Account{}, away(op, err)
	}
	return c.account(parts, realm), nil
}

// personParts is all that was read of one person.
type personParts struct {
	user        user
	credentials []credential
	groups      []struct {
		Path string `json:"path"`
	}
	roles []struct {
		Name       string `json:"name"`
		ClientRole bool   `json:"clientRole"`
	}
	lock struct {
		Disabled bool `json:"disabled"`
	}
	administrator bool
	wide          bool // our rights are not limited to the members of the allowed group
}

func (c *Client) account(p personParts, realm realmParts) bridge.Account {
	u := p.user
	a := bridge.Account{
		ID: u.ID, Username: u.Username, Name: realm.fullName(u), Enabled: u.Enabled, Locked: p.lock.Disabled,
		ServiceAccount: u.service(), Federated: u.FederationLink != "", RequiredActions: u.RequiredActions,
		ProfileGap: realm.Profile.gap(u, c.cfg.LoginScopes), NotBefore: latest(u.NotBefore, realm.NotBefore),
		Administrator: p.administrator, Email: u.Email, EmailVerified: u.EmailVerified, Attributes: u.Attributes, Credentials: credentials(p.credentials),
	}
	if locale := u.Attributes["locale"]; len(locale) > 0 {
		a.Locale = locale[0]
	}
	for _, g := range p.groups {
		a.Groups = append(a.Groups, g.Path)
	}
	// A group is listed only to those who may view it. With rights on the members of the allowed group alone, to manage a person is to
	// know that the person is a member: Keycloak says so itself.
	if !p.wide && u.Access["manage"] && !slices.Contains(a.Groups, c.cfg.AllowedGroup) {
		a.Groups = append(a.Groups, c.cfg.AllowedGroup)
	}
	for _, r := range p.roles {
		if !r.ClientRole {
			a.Roles = append(a.Roles, r.Name)
		}
	}
	return a
}

// latest returns the later one of two times in seconds since 1970; 0 is never.
func latest(a, b int64) time.Time {
	if s := max(a, b); s > 0 {
		return time.Unix(s, 0).UTC()
	}
	return time.Time{}
}

// together runs functions side by side and waits for all. The first error ends the others and is returned.
func together(ctx context.Context, work ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for _, f := range work {
		wait.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}
