package realm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// management is the client whose roles are the rights over the realm; permissions is the one that holds the fine-grained ones.
const (
	management  = "realm-management"
	permissions = "admin-permissions"
)

// Read reads a realm. What the caller may not see stands in State.Unread; an error means that Keycloak did not answer as it should, and
// that nothing is known.
func Read(ctx context.Context, c Caller, w Wanted) (*State, error) {
	s := &State{Unread: map[Part]error{}}
	r := reader{ctx: ctx, Caller: c, w: w, s: s}
	for _, p := range []struct {
		part Part
		read func() error
	}{
		{PartSettings, r.settings}, {PartFlows, r.flows}, {PartScopes, r.scopes}, {PartClients, r.clients}, {PartProviders, r.providers},
		{PartProfile, r.profile}, {PartPolicies, r.policies}, {PartGroups, r.groups}, {PartRoles, r.roles}, {PartPermissions, r.permissions},
		{PartTexts, r.texts},
	} {
		err := p.read()
		if errors.Is(err, errHidden) || status(err) == http.StatusForbidden {
			s.Unread[p.part] = err
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("realm %s: %w", w.Realm, err)
		}
	}
	return s, nil
}

// errHidden: the answer leaves things out without saying so.
var errHidden = errors.New("the account may not see it")

// reader fills a State. It lives for one Read, which is why it may keep the context.
type reader struct {
	Caller
	ctx context.Context //nolint:containedctx // see above
	w   Wanted
	s   *State
}

func (r reader) get(where string, out any) error { return get(r.ctx, r.Caller, where, out) }

// settings reads the realm itself, of which an account without view-realm sees a few names only.
func (r reader) settings() error {
	if err := r.get("", &r.s.Settings); err != nil {
		return err
	}
	if _, whole := r.s.Settings["browserFlow"]; !whole {
		r.s.Settings = nil
		return errHidden
	}
	return nil
}

// scopes reads the client scopes. The list is empty, not refused, for an account without view-clients; the realm's defaults are refused.
func (r reader) scopes() error {
	for where, names := range map[string]*[]string{"default": &r.s.DefaultScopes, "optional": &r.s.OptionalScopes} {
		var found []struct{ Name string }
		if err := r.get("/default-"+where+"-client-scopes", &found); err != nil {
			return err
		}
		for _, f := range found {
			*names = append(*names, f.Name)
		}
	}
	return r.get("/client-scopes", &r.s.Scopes)
}

// clients reads the applications. An account that may see some of them gets a list of those only: it is believed when the client scopes, for
// which the same right is needed, were seen.
func (r reader) clients() error {
	if r.s.Unread[PartScopes] != nil {
		return errHidden
	}
	if err := r.get("/clients", &r.s.Clients); err != nil {
		return err
	}
	for i := range r.s.Clients {
		c := &r.s.Clients[i]
		if c.ClientID != r.w.LoginClient && c.ClientID != r.w.AdminClient {
			continue
		}
		roles, err := r.mapped(path("clients", c.ID, "scope-mappings"))
		if err != nil {
			return err
		}
		c.RealmRoles, c.ManagementRoles, c.OtherRoles = roles.RealmRoles, roles.ManagementRoles, len(roles.OtherRoles) > 0
		if c.ClientID == r.w.AdminClient && c.ServiceAccounts {
			if err := r.account(c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// account reads the user behind the admin client.
func (r reader) account(client string) error {
	var user struct{ ID string }
	if err := r.get(path("clients", client, "service-account-user"), &user); err != nil {
		return err
	}
	roles, err := r.mapped(path("users", user.ID, "role-mappings"))
	if err != nil {
		return err
	}
	roles.ID, r.s.Account = user.ID, &roles
	return nil
}

// mapped reads the roles that something was given.
func (r reader) mapped(where string) (a Account, err error) {
	type role struct{ Name string }
	var m struct {
		RealmMappings  []role
		ClientMappings map[string]struct{ Mappings []role }
	}
	err = r.get(where, &m)
	for _, f := range m.RealmMappings {
		a.RealmRoles = append(a.RealmRoles, f.Name)
	}
	for client, of := range m.ClientMappings {
		for _, f := range of.Mappings {
			if client == management {
				a.ManagementRoles = append(a.ManagementRoles, f.Name)
			} else {
				a.OtherRoles = append(a.OtherRoles, client+" "+f.Name)
			}
		}
	}
	return a, err
}

func (r reader) providers() error { return r.get("/identity-provider/instances", &r.s.Providers) }

func (r reader) profile() error { return r.get("/users/profile", &r.s.Profile) }

func (r reader) policies() error {
	var profiles struct{ Profiles []Object }
	if err := r.get("/client-policies/profiles", &profiles); err != nil {
		return err
	}
	var policies struct{ Policies []Object }
	err := r.get("/client-policies/policies", &policies)
	r.s.ClientProfiles, r.s.ClientPolicies = profiles.Profiles, policies.Policies
	return err
}

// groups reads the groups that matter to us. An account that may not list groups does not learn whether one exists.
func (r reader) groups() error {
	if err := r.get("/groups?max=1", &[]Object{}); err != nil {
		return err
	}
	var named []Group
	if err := r.get("/groups?exact=true&search="+url.QueryEscape(Gate), &named); err != nil {
		return err
	}
	ids := []string{r.w.GateGroup}
	for _, g := range named {
		if g.Path == "/"+Gate {
			ids = append(ids, g.ID)
		}
	}
	for _, p := range append(ancestry(r.w.AllowedGroup), r.w.PolicyGroups...) {
		var g Group
		err := r.get("/group-by-path"+path(strings.Split(strings.Trim(p, "/"), "/")...), &g)
		if err != nil && !absent(err) {
			return err
		}
		ids = append(ids, g.ID)
	}
	for _, id := range ids {
		if err := r.group(id); err != nil {
			return err
		}
	}
	return nil
}

// group reads one group, once.
func (r reader) group(id string) error {
	if id == "" || r.s.GroupByID(id) != nil {
		return nil
	}
	var g Group
	err := r.get(path("groups", id), &g)
	if err == nil {
		r.s.Groups = append(r.s.Groups, g)
	} else if absent(err) {
		err = nil
	}
	return err
}

func (r reader) roles() error { return r.get("/roles?max=100000", &r.s.Roles) }

// texts reads the realm's own texts in the languages of our pages.
func (r reader) texts() error {
	r.s.Texts = map[string]map[string]string{}
	for _, language := range r.w.Languages {
		texts := map[string]string{}
		if err := r.get(path("localization", language), &texts); err != nil && !absent(err) {
			return err
		}
		r.s.Texts[language] = texts
	}
	return nil
}
