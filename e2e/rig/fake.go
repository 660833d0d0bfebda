package rig

import (
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/realm"
)

// NewFakeCampus makes a campus on the Keycloak-shaped server, which runs in this process: for measurements of the product alone, in which
// Keycloak's own time would hide what is looked for. It has no portal.
func NewFakeCampus(t *testing.T) (*Campus, *fakekc.Server) {
	t.Helper()
	c := &Campus{Login: NewKey(t, "login"), Admin: NewKey(t, "admin")}
	c.app, c.AppURL = listen(t)
	t.Cleanup(func() { closing(t, c.app.Close) })
	kc := fakekc.Start(fakekc.Options{App: c.AppURL, Calm: true})
	t.Cleanup(kc.Close)
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(c.Admin.Public(), &keys); err != nil {
		t.Fatal(err)
	}
	kc.ChangeClient(fakekc.ClientAdmin, func(k *fakekc.Client) { k.Keys = &keys })
	kc.ChangeClient(fakekc.ClientLogin, func(k *fakekc.Client) { k.JWKSURL = c.AppURL + "/.well-known/jwks.json" })
	c.Keycloak = kc.URL
	c.Realm = &realm.Realm{
		Name: "campus", Issuer: kc.Issuer, AdminClient: fakekc.ClientAdmin, GateGroup: kc.GroupID(realm.Gate), Users: map[string]string{},
	}
	return c, kc
}
