package realm

import (
	"context"
	"errors"
	"fmt"
)

// Names in a plain realm. Administrator is a person who administers it, by a role, Preparer a client that may change it.
const (
	Partner           = "partner" // identity provider
	Administrator     = "admina"
	AdministratorRole = "it-centre"
	Preparer          = "preparer"
	PreparerSecret    = "preparer-secret-for-tests"
)

// MakePlain makes a realm as an administrator would by hand who never heard of us: Keycloak's own flows, people with and without
// authenticators in a group, three applications, an identity provider, passwords reset by mail, people who may set attributes.
func MakePlain(ctx context.Context, admin Admin, o Options) (*Realm, error) {
	r := describe(admin, &o, "plain")
	if err := create(ctx, admin, object{"realm": r.Name, "enabled": true, "resetPasswordAllowed": true, "accessCodeLifespan": 77}); err != nil {
		return nil, fmt.Errorf("make realm %s: %w", r.Name, err)
	}
	r.passwordSet = o.PasswordSet
	for _, step := range []func(context.Context, *Options) error{r.openProfile, r.addApplications, r.addPeople, r.addAdministrator, r.addPreparer} {
		if err := step(ctx, &o); err != nil {
			return nil, errors.Join(fmt.Errorf("make realm %s: %w", r.Name, err), r.Delete(context.WithoutCancel(ctx)))
		}
	}
	return r, nil
}

// openProfile makes the account's address optional, as nobody could have none otherwise, and lets people set any attribute.
func (r *Realm) openProfile(ctx context.Context, _ *Options) error {
	profile := object{}
	if err := r.do(ctx, "GET /users/profile", nil, &profile); err != nil {
		return err
	}
	for _, a := range list(profile, "attributes") {
		if a["name"] == "email" {
			delete(a, "required")
		}
	}
	profile["unmanagedAttributePolicy"] = "ENABLED"
	return r.do(ctx, "PUT /users/profile", profile, nil)
}

func (r *Realm) addApplications(ctx context.Context, o *Options) error {
	for _, call := range []struct {
		call string
		body object
	}{
		{"POST /clients", object{"clientId": "portal", "publicClient": true, "redirectUris": []string{o.PortalURL + "/*"}, "attributes": object{"pkce.code.challenge.method": "S256"}}},
		{"POST /clients", object{"clientId": "legacy-app", "publicClient": true, "redirectUris": []string{o.LegacyURL + "/*"}}},
		{"POST /clients", object{
			"clientId": "saml-app", "protocol": "saml", "redirectUris": []string{o.SAMLURL + "/*"}, "adminUrl": o.SAMLURL + "/saml",
			"attributes": object{"saml.client.signature": "false", "saml.authnstatement": "true"},
		}},
		{"POST /identity-provider/instances", object{
			"alias": Partner, "providerId": "oidc", "enabled": true, "config": object{
				"clientId": "campus", "clientSecret": "partner-secret-for-tests", "authorizationUrl": o.LegacyURL + "/auth", "tokenUrl": o.LegacyURL + "/token",
				"prompt": "login",
			},
		}},
	} {
		if err := r.do(ctx, call.call, call.body, nil); err != nil {
			return err
		}
	}
	return nil
}

// addPeople adds alice, bob and erin of the campus realm and the group that they are in.
func (r *Realm) addPeople(ctx context.Context, _ *Options) error {
	if err := r.do(ctx, "POST /groups", object{"name": Recoverable}, nil); err != nil {
		return err
	}
	var err error
	if r.Allowed, err = r.groupID(ctx, Recoverable); err != nil {
		return err
	}
	for _, p := range []Person{
		{Name: "alice", Email: "alice@example.net", Notification: []string{"alice@example.net"}, OTPs: []string{Secret("alice")}},
		{Name: "bob", OTPs: []string{Secret("bob")}},
		{Name: "erin", Email: "erin@example.net", Notification: []string{"erin@example.net"}},
	} {
		if _, err := r.Add(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// addAdministrator adds somebody with an authenticator who administers the realm by a role that holds the right one.
func (r *Realm) addAdministrator(ctx context.Context, _ *Options) error {
	if err := r.MakeAdministratorRole(ctx, AdministratorRole); err != nil {
		return err
	}
	_, err := r.Add(ctx, Person{Name: Administrator, Outside: true, Roles: []string{AdministratorRole}, OTPs: []string{Secret(Administrator)}})
	return err
}

// addPreparer adds a client whose service account administers the realm.
func (r *Realm) addPreparer(ctx context.Context, _ *Options) error {
	if err := r.do(ctx, "POST /clients", object{
		"clientId": Preparer, "secret": PreparerSecret, "publicClient": false, "serviceAccountsEnabled": true, "standardFlowEnabled": false,
	}, nil); err != nil {
		return err
	}
	client, err := r.clientID(ctx, Preparer)
	if err != nil {
		return err
	}
	var user struct{ ID string }
	if err := r.do(ctx, "GET /clients/"+client+"/service-account-user", nil, &user); err != nil {
		return err
	}
	management, err := r.clientID(ctx, "realm-management")
	if err != nil {
		return err
	}
	var role object
	if err := r.do(ctx, "GET /clients/"+management+"/roles/realm-admin", nil, &role); err != nil {
		return err
	}
	return r.do(ctx, "POST /users/"+user.ID+"/role-mappings/clients/"+management, []object{role}, nil)
}

// ReadGroups reads the ids of the gate group and of the allowed group, which somebody else made.
func (r *Realm) ReadGroups(ctx context.Context) error { return r.readGroups(ctx) }
