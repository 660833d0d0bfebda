package rig

import (
	"context"
	"crypto/rand"
	"net"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
)

// Redirect URIs of the applications in the realm that nothing needs to listen on.
const (
	AppRedirect    = "http://localhost:8088/oidc/callback" // when no AppURL was given
	PortalRedirect = "http://localhost:8089/cb"            // when no PortalURL was given
	LegacyRedirect = "http://localhost:8090/cb"
	SAMLRedirect   = "http://localhost:8091/"
)

// Campus is a campus of its own for one test: a fresh realm on the run's Keycloak, the sample application, an address for
// the product, and the service account's keys.
type Campus struct {
	*realm.Realm
	Keycloak string  // base URL
	Portal   *Portal // the application that needs a second factor
	AppURL   string  // base URL of the product: what StartBridge listens on
	Login    Key     // key of the login client, offered by the product
	Admin    Key     // key of the service account, stored in Keycloak

	app net.Listener // holds the port of AppURL until the product takes it
}

// NewCampus makes a campus whose clients sign with keys, as in production.
func NewCampus(t *testing.T) *Campus {
	t.Helper()
	return NewCampusAt(t, Keycloak(t).URL)
}

// NewCampusAt makes a campus whose Keycloak has another address: a Proxy's.
func NewCampusAt(t *testing.T, keycloak string) *Campus {
	t.Helper()
	c := &Campus{Keycloak: keycloak, Portal: NewPortal(t), Login: NewKey(t, "login"), Admin: NewKey(t, "admin")}
	c.app, c.AppURL = listen(t)
	t.Cleanup(func() { closing(t, c.app.Close) })
	c.Realm = NewRealm(t, realm.Options{
		Keycloak: keycloak, AppURL: c.AppURL, PortalURL: c.Portal.URL, LoginKeys: true, AdminJWKS: c.Admin.Public(), LoginTheme: loginTheme,
	})
	c.Portal.Serve(c.Issuer)
	return c
}

// NewPlainCampus is NewCampus in a realm that nothing was done to yet.
func NewPlainCampus(t *testing.T) *Campus {
	t.Helper()
	c := &Campus{Keycloak: Keycloak(t).URL, Portal: NewPortal(t), Login: NewKey(t, "login"), Admin: NewKey(t, "admin")}
	c.app, c.AppURL = listen(t)
	t.Cleanup(func() { closing(t, c.app.Close) })
	c.Realm = NewPlainRealm(t, realm.Options{AppURL: c.AppURL, PortalURL: c.Portal.URL})
	c.Portal.Serve(c.Issuer)
	return c
}

// NewRealm makes a campus realm with a name of its own and removes it after the test. Attack tests play the clients
// themselves, with the realm file's redirect URIs and secrets, and need nothing more.
func NewRealm(t *testing.T, o realm.Options) *realm.Realm {
	t.Helper()
	return newRealm(t, realm.Make, o)
}

// NewBadRealm makes a realm that is unsafe on purpose: a test that finds nothing there finds nothing anywhere.
func NewBadRealm(t *testing.T) *realm.Realm {
	t.Helper()
	return newRealm(t, realm.MakeBad, realm.Options{})
}

// NewPlainRealm makes a realm that nothing was done to yet.
func NewPlainRealm(t *testing.T, o realm.Options) *realm.Realm {
	t.Helper()
	return newRealm(t, realm.MakePlain, o)
}

func newRealm(t *testing.T, create func(context.Context, realm.Admin, realm.Options) (*realm.Realm, error), o realm.Options) *realm.Realm {
	t.Helper()
	server := Keycloak(t)
	if o.Keycloak == "" {
		o.Keycloak = server.URL
	}
	if o.Realm == "" {
		o.Realm = "campus-" + strings.ToLower(rand.Text()[:8])
	}
	run.realms.Lock()
	r, err := create(t.Context(), server.Admin(), o)
	run.realms.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.realms.Lock()
		defer run.realms.Unlock()
		if err := r.Delete(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return r
}
