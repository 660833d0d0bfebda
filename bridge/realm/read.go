package realm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"otpbridge/bridge"
)

// management is the client whose roles are the rights over the realm; permissions is the one that holds the fine-grained ones.
const (
	management  = "realm-management"
	permissions = "admin-permissions"
)

// reader fills a State. It lives for one Read, which is why it may keep the context.
type reader struct {
	Caller
	ctx context.Context //nolint:containedctx // see above
	w   Wanted
	s   *State

	inUse bool // see ReadInUse
}

// Read reads a realm. What the caller may not see stands in State.Unread; an error means that Keycloak did not answer as it should, and
// that nothing is known.
func Read(ctx context.Context, c Caller, w Wanted) (*State, error) {
	r := newReader(ctx, c, w)
	for _, p := range append(r.parts(), partReader{PartPermissions, r.permissions}) {
		r.note(p.part, p.read())
		if err := r.s.Silent[p.part]; err != nil {
			return nil, fmt.Errorf("realm %s: %w", w.Realm, err)
		}
	}
	return r.s, nil
}

// ReadInUse reads of a realm what findings rest on, in a third of the calls and two at a time: not the fine-grained permissions, and of the
// flows those that somebody goes through. A part that gets no usable answer stands in State.Silent and hides no other.
func ReadInUse(ctx context.Context, c Caller, w Wanted) *State {
	r := newReader(ctx, c, w)
	r.inUse = true
	var (
		slow   sync.WaitGroup
		groups error
	)
	slow.Go(func() { groups = r.groups() })
	for _, p := range r.parts() {
		if p.part != PartGroups {
			r.note(p.part, p.read())
		}
	}
	slow.Wait()
	r.note(PartGroups, groups)
	return r.s
}

func newReader(ctx context.Context, c Caller, w Wanted) reader {
	return reader{ctx: ctx, Caller: c, w: w, s: &State{Unread: map[Part]error{}, Silent: map[Part]error{}}}
}

// partReader reads one part of a realm.
type partReader struct {
	part Part
	read func() error
}

// parts are in the order in which one needs the other: clients and identity providers name flows, which name roles.
func (r reader) parts() []partReader {
	return []partReader{
		{PartSettings, r.settings}, {PartScopes, r.scopes}, {PartClients, r.clients}, {PartProviders, r.providers}, {PartRoles, r.roles}, {PartFlows, r.flows},
		{PartProfile, r.profile}, {PartPolicies, r.policies}, {PartGroups, r.groups}, {PartTexts, r.texts},
	}
}

// note keeps why a part was not read.
func (r reader) note(p Part, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errHidden) || status(err) == http.StatusForbidden:
		r.s.Unread[p] = err
	default:
		r.s.Silent[p] = err
	}
}

// errHidden: the answer leaves things out without saying so.
var errHidden = errors.New("the account may not see it")

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
	if err := r.s.Silent[PartScopes]; err != nil {
		return err
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
		if c.OtherSecret, err = r.otherSecret(c); err != nil {
			return err
		}
		if c.ClientID == r.w.LoginClient {
			if err := r.tokenRoles(c); err != nil {
				return err
			}
		}
		if c.ClientID == r.w.AdminClient && c.ServiceAccounts {
			if err := r.account(c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// tokenRoles asks Keycloak which realm roles a client's tokens may carry, by itself, by a client scope, or below a composite role, and reads for whom the
// mappers of its client scopes count that name them. An account without view-realm is told of none.
func (r reader) tokenRoles(c *Client) (err error) {
	where := path("clients", c.ID, "evaluate-scopes", "scope-mappings", r.w.Realm, "granted") + "?scope=openid"
	if c.TokenRoles, err = r.roleNames(where); err != nil {
		return err
	}
	for i := range r.s.Scopes {
		s := &r.s.Scopes[i]
		if !slices.Contains(c.DefaultScopes, s.Name) || !nameRoles(s.Mappers) {
			continue
		}
		scope := path("client-scopes", s.ID, "scope-mappings")
		mapped, err := r.mapped(scope)
		if err != nil {
			return err
		}
		if len(mapped.RealmRoles)+len(mapped.ManagementRoles)+len(mapped.OtherRoles) == 0 {
			continue
		}
		if s.OnlyFor, err = r.roleNames(scope + "/realm/composite"); err != nil {
			return err
		}
	}
	return nil
}

// roleNames reads a list of roles. It is never nil.
func (r reader) roleNames(where string) ([]string, error) {
	var found []Role
	err := r.get(where, &found)
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = f.Name
	}
	return names, err
}

// otherSecret reports whether one of our clients proves itself with another secret than the configuration has.
func (r reader) otherSecret(c *Client) (bool, error) {
	ours := r.w.secretOf(c.ClientID)
	if r.inUse || ours == "" || c.Public || c.Authenticator != bySecret {
		return false, nil
	}
	var theirs struct{ Value bridge.Secret }
	err := r.get(path("clients", c.ID, "client-secret"), &theirs)
	return theirs.Value != "" && theirs.Value != ours, err
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
	var groups []Group
	err = r.get(path("users", user.ID, "groups")+"?max=10000", &groups)
	for _, g := range groups {
		roles.Groups = append(roles.Groups, g.Path)
	}
	roles.ID, r.s.Account = user.ID, &roles
	return err
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

// providers reads the identity providers, of which Keycloak shows a hundred to who names no number, and of those that somebody can come by what they write.
func (r reader) providers() (err error) {
	r.s.Providers, err = list[Provider](r.ctx, r.Caller, "/identity-provider/instances")
	for i := range r.s.Providers {
		if p := &r.s.Providers[i]; err == nil && p.Enabled {
			err = r.get(path("identity-provider", "instances", p.Alias, "mappers"), &p.Mappers)
		}
	}
	return err
}

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

// groups reads the groups that matter to us. An account that may not list groups does not learn whether one exists. Keycloak takes its time
// for each.
func (r reader) groups() error {
	if r.w.GateGroup != "" {
		if err := r.groupByID(r.w.GateGroup); err != nil {
			return err
		}
	}
	paths := []string{r.w.AllowedGroup}
	if !r.inUse {
		paths = slices.Concat(ancestry(r.w.AllowedGroup), r.w.PolicyGroups, []string{"/" + Gate, AccountGroup})
	}
	for _, p := range paths {
		if r.s.Group(p) != nil {
			continue
		}
		find := groupAt
		if p == r.w.AllowedGroup {
			find = groupOfPeople
		}
		if err := r.group(find(r.ctx, r.Caller, p)); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) groupByID(id string) error {
	var g Group
	err := r.get(path("groups", id), &g)
	return r.group(g, err)
}

// group keeps a group that was read; that there is none is no error.
func (r reader) group(g Group, err error) error {
	if absent(err) {
		return r.get("/groups?max=1", &[]Object{}) // refused, if that was no answer
	}
	if err == nil && g.ID != "" {
		r.s.Groups = append(r.s.Groups, g)
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
