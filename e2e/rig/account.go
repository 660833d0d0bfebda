package rig

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
)

// ServiceAccount calls the Admin REST API with the rights that the product has.
type ServiceAccount struct {
	t     *testing.T
	base  string
	token string
}

// NewServiceAccount signs in as the service account of a realm whose admin client has a secret.
func NewServiceAccount(t *testing.T, r *realm.Realm, secret string) *ServiceAccount {
	t.Helper()
	b := NewBrowser(t).Post(r.Issuer+"/protocol/openid-connect/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {r.AdminClient}, "client_secret": {secret}})
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(b.Body), &answer); err != nil || answer.Token == "" {
		t.Fatalf("token of %s: %d %s", r.AdminClient, b.Status, b.Body)
	}
	return &ServiceAccount{t: t, base: strings.Replace(r.Issuer, "/realms/", "/admin/realms/", 1), token: answer.Token}
}

// Bearer is whoever an access token speaks for, at the Admin API.
func Bearer(t *testing.T, r *realm.Realm, token string) *ServiceAccount {
	t.Helper()
	return &ServiceAccount{t: t, base: strings.Replace(r.Issuer, "/realms/", "/admin/realms/", 1), token: token}
}

// Status makes a call, "METHOD /path below the realm", and returns the status of the answer.
func (a *ServiceAccount) Status(call string) int {
	a.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, http.NoBody)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
