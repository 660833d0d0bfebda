package realm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// The names of the service account's permissions.
const (
	OnPeople = "otpbridge: recoverable people"
	OnGate   = "otpbridge: gate"
	// ViewGroups is to see every group, though not who is in it: policies match by group.
	ViewGroups = "otpbridge: groups that policies name"
	// ViewAdministrators is to see the client realm-management, and so who has rights over the realm.
	ViewAdministrators = "otpbridge: who has rights over the realm"
)

// The policies of the permissions: a permission asks for all of its policies.
const (
	onlyUs       = "only otpbridge"
	onlyItsGroup = "only otpbridge's group"
	onlyItsKeys  = "only otpbridge's client"
)

// joining is the scope that lets members of a group into others; anyJoining is the one of servers that do not know it: it is about everybody, and
// a permission of its own.
const (
	joining    = "manage-membership-of-members"
	anyJoining = "manage-group-membership"
	everybody  = ": everybody"
)

// grantFineRights gives the service account rights on members of the allowed group and on the gate group, lets it see groups and
// who has rights over the realm, and nothing else.
func (r *Realm) grantFineRights(ctx context.Context) error {
	if err := r.do(ctx, "PUT ", object{"adminPermissionsEnabled": true}, nil); err != nil {
		return err
	}
	permissions, err := r.clientID(ctx, "admin-permissions")
	if err != nil {
		return err
	}
	r.permissions = "/clients/" + permissions + "/authz/resource-server"
	if err := r.makePolicies(ctx); err != nil {
		return err
	}
	management, err := r.clientID(ctx, "realm-management")
	if err != nil {
		return err
	}
	for _, p := range []permission{
		{OnPeople, "Groups", []string{r.Allowed}, []string{"view-members", "manage-members", joining}},
		{OnGate, "Groups", []string{r.GateGroup}, []string{"view", "view-members", "manage-membership"}},
		{ViewGroups, "Groups", []string{}, []string{"view"}},
		{ViewAdministrators, "Clients", []string{management}, []string{"view"}},
	} {
		if err := r.permit(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// makePolicies makes the policies that say who the service account is. Where a policy about a user counts in lists only, as it does before 26.7, one
// about a group and one about the client take its place.
func (r *Realm) makePolicies(ctx context.Context) error {
	account, ok := r.Users["service-account-"+r.AdminClient]
	if !ok {
		var err error
		if account, err = r.serviceAccount(ctx); err != nil {
			return err
		}
	}
	var scopes []struct{ Name string }
	if err := r.do(ctx, "GET "+r.permissions+"/scope?max=1000", nil, &scopes); err != nil {
		return err
	}
	r.AnyJoins = !slices.ContainsFunc(scopes, func(s struct{ Name string }) bool { return s.Name == joining })
	if !r.AnyJoins {
		return r.do(ctx, "POST "+r.permissions+"/policy/user", object{"name": onlyUs, "users": []string{account}}, nil)
	}
	const group = "otpbridge-account"
	if err := r.do(ctx, "POST /groups", object{"name": group}, nil); err != nil {
		return err
	}
	id, err := r.groupID(ctx, group)
	if err != nil {
		return err
	}
	client, err := r.clientID(ctx, r.AdminClient)
	if err != nil {
		return err
	}
	return errors.Join(
		r.do(ctx, "PUT /users/"+account+"/groups/"+id, nil, nil),
		r.do(ctx, "POST "+r.permissions+"/policy/group", object{"name": onlyItsGroup, "groups": []object{{"id": id}}}, nil),
		r.do(ctx, "POST "+r.permissions+"/policy/client", object{"name": onlyItsKeys, "clients": []string{client}}, nil),
	)
}

// permission lets the service account do something with things of a kind.
type permission struct {
	name, kind string
	resources  []string // none: all
	scopes     []string
}

// permit makes a permission. On older servers one about all groups would let the account list everybody, unless it goes by the client alone.
func (r *Realm) permit(ctx context.Context, p permission) error {
	policies := []string{onlyUs}
	if r.AnyJoins {
		if i := slices.Index(p.scopes, joining); i >= 0 {
			p.scopes = slices.Delete(slices.Clone(p.scopes), i, i+1)
			if err := r.permit(ctx, permission{p.name + everybody, "Users", []string{}, []string{anyJoining}}); err != nil {
				return err
			}
		}
		policies = []string{onlyItsGroup, onlyItsKeys}
		if len(p.resources) == 0 {
			policies = policies[1:]
		}
	}
	return r.do(ctx, "POST "+r.permissions+"/permission/scope", object{
		"name": p.name, "resourceType": p.kind, "resources": p.resources, "scopes": p.scopes, "policies": policies,
	}, nil)
}

// Narrow leaves the service account only these scopes of OnPeople or OnGate; none takes the permission away.
func (r *Realm) Narrow(ctx context.Context, name string, scopes ...string) error {
	if err := r.Withdraw(ctx, name); err != nil || len(scopes) == 0 {
		return err
	}
	group := r.Allowed
	if name == OnGate {
		group = r.GateGroup
	}
	return r.permit(ctx, permission{name, "Groups", []string{group}, scopes})
}

// Withdraw takes a permission of the service account away, by its name.
func (r *Realm) Withdraw(ctx context.Context, name string) error {
	var found []struct{ ID, Name string }
	if err := r.do(ctx, "GET "+r.permissions+"/permission?name="+url.QueryEscape(name), nil, &found); err != nil {
		return err
	}
	there := false
	for _, p := range found {
		if p.Name != name && p.Name != name+everybody {
			continue
		}
		there = there || p.Name == name
		if err := r.do(ctx, "DELETE "+r.permissions+"/permission/scope/"+p.ID, nil, nil); err != nil {
			return err
		}
	}
	if !there {
		return fmt.Errorf("permission %q: not found", name)
	}
	return nil
}

// serviceAccount returns the id of the service account's user, which lists of users leave out.
func (r *Realm) serviceAccount(ctx context.Context) (string, error) {
	client, err := r.clientID(ctx, r.AdminClient)
	if err != nil {
		return "", err
	}
	var user struct{ ID string }
	err = r.do(ctx, "GET /clients/"+client+"/service-account-user", nil, &user)
	return user.ID, err
}

// clientID returns Keycloak's own id of a client.
func (r *Realm) clientID(ctx context.Context, name string) (string, error) {
	var clients []struct{ ID string }
	if err := r.do(ctx, "GET /clients?clientId="+url.QueryEscape(name), nil, &clients); err != nil {
		return "", err
	}
	if len(clients) != 1 {
		return "", fmt.Errorf("client %s: %d found", name, len(clients))
	}
	return clients[0].ID, nil
}

// MakeAdministratorRole makes a realm role that makes its holders administrators of the realm without saying so: the
// administrator's role is one of its composites. A person gets it by Person.Roles.
func (r *Realm) MakeAdministratorRole(ctx context.Context, name string) error {
	management, err := r.clientID(ctx, "realm-management")
	if err != nil {
		return err
	}
	var administrator object
	if err := r.do(ctx, "GET /clients/"+management+"/roles/realm-admin", nil, &administrator); err != nil {
		return err
	}
	if err := r.do(ctx, "POST /roles", object{"name": name}, nil); err != nil {
		return err
	}
	return r.do(ctx, "POST /roles/"+url.PathEscape(name)+"/composites", []object{administrator}, nil)
}
