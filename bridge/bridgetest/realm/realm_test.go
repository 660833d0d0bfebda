package realm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// adapted returns the realm that would be imported, as text and as an object.
func adapted(t *testing.T, build func(*Options) (object, error), o Options, name string) (string, object) {
	t.Helper()
	describe(nil, &o, name)
	file, err := build(&o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), file
}

func TestAddressesAndNamesAreReplacedEverywhere(t *testing.T) {
	o := Options{
		Realm: "spring", AppURL: "http://localhost:1", PortalURL: "http://localhost:2", LegacyURL: "http://localhost:3", SAMLURL: "http://localhost:4",
	}
	for name, build := range map[string]func(*Options) (object, error){"campus": campus, "bad": bad} {
		text, _ := adapted(t, build, o, name)
		for _, left := range []string{"localhost:80", "realms/" + name, "admin/" + name, "default-roles-" + name, "0b000000-0000-4000-8000-00000000f10e"} {
			if strings.Contains(text, left) {
				t.Errorf("%s: %q is left in the file", name, left)
			}
		}
		for _, want := range []string{"http://localhost:1/oidc/callback", "http://localhost:2/*", "http://localhost:3/*", "http://localhost:4/saml"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing", name, want)
			}
		}
	}
}

// Design "Two clients, two keys": the service account's keys are stored, and neither client has a secret beside its key.
func TestKeysReplaceSecrets(t *testing.T) {
	o := Options{LoginKeys: true, AdminClient: "bridge-account", AdminJWKS: json.RawMessage(`{"keys":[]}`)}
	_, file := adapted(t, campus, o, "campus")
	for client, want := range map[string]string{LoginClient: "jwks.url", "bridge-account": "jwks.string"} {
		c, err := find(file, "clients", "clientId", client)
		if err != nil {
			t.Fatal(err)
		}
		attributes, _ := c["attributes"].(object)
		if attributes["use."+want] != "true" || attributes[want] == "" || c["clientAuthenticatorType"] != "client-jwt" {
			t.Errorf("%s: %v", client, c)
		}
		if secret, found := c["secret"]; found {
			t.Errorf("%s still has the secret %v", client, secret)
		}
	}
	if _, err := find(file, "clients", "clientId", "otpbridge-admin"); err == nil {
		t.Error("the account with the shared key set is still there")
	}
}

func TestNoPasswordIsImportedInClear(t *testing.T) {
	set := time.Date(2025, time.May, 6, 7, 8, 9, 0, time.UTC)
	for name, build := range map[string]func(*Options) (object, error){"campus": campus, "bad": bad} {
		text, _ := adapted(t, build, Options{PasswordSet: set}, name)
		if strings.Contains(text, `-password"`) {
			t.Errorf("%s: a password in clear is left: Keycloak would date it today", name)
		}
		if !strings.Contains(text, `"createdDate":1746515289000`) {
			t.Errorf("%s: the date is missing", name)
		}
	}
}
