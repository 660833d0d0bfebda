package realm

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// object is a part of a realm file: the files are Keycloak's, far wider than anything we would describe with types.
type object = map[string]any

// campus returns the campus realm as it is to be imported.
func campus(o *Options) (object, error) {
	file, err := adapt(campusFile, "campus", o)
	if err != nil {
		return nil, err
	}
	if o.LoginTheme != "" {
		file["loginTheme"] = o.LoginTheme
	}
	if o.LoginKeys {
		login, err := find(file, "clients", "clientId", LoginClient)
		if err != nil {
			return nil, err
		}
		useKeys(login, object{"use.jwks.url": "true", "jwks.url": o.AppURL + "/.well-known/jwks.json"})
	}
	return file, errors.Join(setServiceAccount(file, o), addNotificationAddress(file))
}

// bad returns the bad realm. The id of its flow is made new, because Keycloak keeps the ids of all realms in one table.
func bad(o *Options) (object, error) {
	fresh := strings.ToLower(rand.Text()[:12])
	text := strings.ReplaceAll(badFile, "0b000000-0000-4000-8000-00000000f10e", "0b000000-0000-4000-8000-"+fresh)
	return adapt(text, "bad", o)
}

// adapt gives the file its realm name, base URLs and people with old passwords.
func adapt(text, name string, o *Options) (object, error) {
	text = strings.NewReplacer(
		fileApp, o.AppURL, filePortal, o.PortalURL, fileLegacy, o.LegacyURL, fileSAML, o.SAMLURL,
		`"default-roles-`+name+`"`, `"default-roles-`+o.Realm+`"`, "/realms/"+name+"/", "/realms/"+o.Realm+"/",
		"/admin/"+name+"/", "/admin/"+o.Realm+"/",
	).Replace(text)
	file := object{}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return nil, fmt.Errorf("realm file: %w", err)
	}
	file["realm"] = o.Realm
	for _, user := range list(file, "users") {
		if err := agePasswords(user, o.PasswordSet); err != nil {
			return nil, err
		}
	}
	return file, nil
}

// agePasswords replaces passwords in clear, which Keycloak would store as set at this moment, by hashes with a date.
func agePasswords(user object, set time.Time) error {
	credentials, _ := user["credentials"].([]any)
	for i, c := range credentials {
		credential, _ := c.(object)
		inClear, _ := credential["value"].(string)
		if credential["type"] != "password" || inClear == "" {
			continue
		}
		hashed, err := passwordCredential(inClear, set)
		if err != nil {
			return err
		}
		credentials[i] = hashed
	}
	return nil
}

// setServiceAccount replaces the service account that reads its keys from the application, as nobody should have it (one
// key set for both clients), by one that reads the realm and its events. Its rights on people are granted afterwards.
func setServiceAccount(file object, o *Options) error {
	const inFile = "otpbridge-admin"
	client, err := find(file, "clients", "clientId", inFile)
	if err != nil {
		return err
	}
	user, err := find(file, "users", "serviceAccountClientId", inFile)
	if err != nil {
		return err
	}
	client["clientId"] = o.AdminClient
	if o.AdminJWKS == nil {
		client["clientAuthenticatorType"], client["secret"], client["attributes"] = "client-secret", AdminSecret, object{}
	} else {
		client["attributes"] = object{}
		useKeys(client, object{"use.jwks.string": "true", "jwks.string": string(o.AdminJWKS)})
	}
	roles := []any{"view-realm", "view-events", "view-identity-providers", "query-users", "query-clients"}
	user["username"], user["serviceAccountClientId"] = "service-account-"+o.AdminClient, o.AdminClient
	user["clientRoles"] = object{"realm-management": roles}
	mappings, _ := file["clientScopeMappings"].(object)
	mapping, err := find(mappings, "realm-management", "client", inFile)
	if err != nil {
		return err
	}
	mapping["client"], mapping["roles"] = o.AdminClient, roles
	return nil
}

// useKeys makes a client prove itself with a signed assertion.
func useKeys(client, keys object) {
	attributes, _ := client["attributes"].(object)
	for name, value := range keys {
		attributes[name] = value
	}
	attributes["token.endpoint.auth.signing.alg"] = "ES256"
	client["clientAuthenticatorType"] = "client-jwt"
	delete(client, "secret")
}

// addNotificationAddress adds the attribute that only administrators may edit, with values for those who have one.
func addNotificationAddress(file object) error {
	components, _ := file["components"].(object)
	profile, err := find(components, "org.keycloak.userprofile.UserProfileProvider", "providerId", "declarative-user-profile")
	if err != nil {
		return err
	}
	config, _ := profile["config"].(object)
	texts, _ := config["kc.user.profile.config"].([]any)
	if len(texts) != 1 {
		return errors.New("realm file: user profile not found")
	}
	text, _ := texts[0].(string)
	described := object{}
	if err := json.Unmarshal([]byte(text), &described); err != nil {
		return fmt.Errorf("realm file: user profile: %w", err)
	}
	attributes, _ := described["attributes"].([]any)
	described["attributes"] = append(attributes, object{
		"name": Notification, "displayName": Notification, "multivalued": true, "validations": object{"email": object{}},
		"permissions": object{"view": []string{"admin", "user"}, "edit": []string{"admin"}},
	})
	changed, err := json.Marshal(described)
	if err != nil {
		return fmt.Errorf("realm file: user profile: %w", err)
	}
	texts[0] = string(changed)
	for _, name := range []string{"alice", "erin"} {
		user, err := find(file, "users", "username", name)
		if err != nil {
			return err
		}
		user["attributes"] = object{Notification: []string{name + "@example.net"}}
	}
	return nil
}

// find returns the object of a list whose field has the value.
func find(parent object, name, field, value string) (object, error) {
	for _, o := range list(parent, name) {
		if o[field] == value {
			return o, nil
		}
	}
	return nil, fmt.Errorf("realm file: %s with %s %s: not found", name, field, value)
}

// list returns the objects of a list.
func list(parent object, name string) []object {
	values, _ := parent[name].([]any)
	objects := make([]object, 0, len(values))
	for _, v := range values {
		if o, ok := v.(object); ok {
			objects = append(objects, o)
		}
	}
	return objects
}
