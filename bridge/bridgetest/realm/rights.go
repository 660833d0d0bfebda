package realm

import (
	"context"
	"fmt"
	"net/url"
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

const onlyUs = "only otpbridge" // the policy of each permission

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
	account, ok := r.Users["service-account-"+r.AdminClient]
	if !ok {
		if account, err = r.serviceAccount(ctx); err != nil {
			return err
		}
	}
	server := "POST /clients/" + permissions + "/authz/resource-server"
	if err := r.do(ctx, server+"/policy/user", object{"name": onlyUs, "users": []string{account}}, nil); err != nil {
		return err
	}
	management, err := r.clientID(ctx, "realm-management")
	if err != nil {
		return err
	}
	for _, p := range []permission{
		{OnPeople, "Groups", []string{r.Allowed}, []string{"view-members", "manage-members", "manage-membership-of-members"}},
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

// permission lets the service account do something with things of a kind.
type permission struct {
	name, kind string
	resources  []string // none: all
	scopes     []string
}

func (r *Realm) permit(ctx context.Context, p permission) error {
	permissions, err := r.clientID(ctx, "admin-permissions")
	if err != nil {
		return err
	}
	return r.do(ctx, "POST /clients/"+permissions+"/authz/resource-server/permission/scope", object{
		"name": p.name, "resourceType": p.kind, "resources": p.resources, "scopes": p.scopes, "policies": []string{onlyUs},
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
	permissions, err := r.clientID(ctx, "admin-permissions")
	if err != nil {
		return err
	}
	server := "/clients/" + permissions + "/authz/resource-server"
	var found []struct{ ID, Name string }
	if err := r.do(ctx, "GET "+server+"/permission?name="+url.QueryEscape(name), nil, &found); err != nil {
		return err
	}
	for _, p := range found {
		if p.Name == name {
			return r.do(ctx, "DELETE "+server+"/permission/scope/"+p.ID, nil, nil)
		}
	}
	return fmt.Errorf("permission %q: not found", name)
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
