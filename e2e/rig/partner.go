package rig

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
)

// What a partner knows of a plain realm.
const (
	partnersClient = "campus"
	partnersSecret = "partner-secret-for-tests"
)

type object = map[string]any

// NewPartner makes a realm of another institution and leads a plain realm's identity provider to it. Its people, with the password
// realm.Password(NAME), have the address NAME@example.net, which the partner vouches for. It returns their ids there.
func NewPartner(t *testing.T, r *realm.Realm, people ...string) map[string]string {
	t.Helper()
	name, users := "partner-"+strings.ToLower(rand.Text()[:8]), []object{}
	for _, p := range people {
		users = append(users, object{
			"username": p, "enabled": true, "email": p + "@example.net", "emailVerified": true, "firstName": p, "lastName": "Example",
			"credentials": []object{{"type": "password", "value": realm.Password(p)}},
		})
	}
	admin := Keycloak(t).Admin()
	run.realms.Lock()
	err := admin.Do(t.Context(), "POST ", object{"realm": name, "enabled": true, "users": users, "clients": []object{{
		"clientId": partnersClient, "secret": partnersSecret, "redirectUris": []string{r.Issuer + "/broker/" + realm.Partner + "/endpoint"},
	}}}, nil)
	run.realms.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin.Do(context.WithoutCancel(t.Context()), "DELETE /"+name, nil, nil); err != nil {
			t.Error(err)
		}
	})
	lead(t, r, Keycloak(t).URL+"/realms/"+name)
	var made []struct{ ID, Username string }
	if err := admin.Do(t.Context(), "GET /"+name+"/users", nil, &made); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, m := range made {
		ids[m.Username] = m.ID
	}
	return ids
}

// lead makes an issuer the realm's identity provider.
func lead(t *testing.T, r *realm.Realm, issuer string) {
	t.Helper()
	const oidc = "/protocol/openid-connect/"
	if err := r.Do(t.Context(), "PUT /identity-provider/instances/"+realm.Partner, object{
		"alias": realm.Partner, "providerId": "oidc", "enabled": true, "trustEmail": true, "config": object{
			"clientId": partnersClient, "clientSecret": partnersSecret, "clientAuthMethod": "client_secret_post", "defaultScope": "openid profile email",
			"issuer": issuer, "authorizationUrl": issuer + oidc + "auth", "tokenUrl": issuer + oidc + "token",
			"prompt": "login",
		},
	}, nil); err != nil {
		t.Fatal(err)
	}
}
