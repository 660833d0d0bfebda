package e2e_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
)

// in is the site with faults reported to a part of the test.
func (s *site) in(t *testing.T) *site {
	t.Helper()
	part := *s
	part.t, part.mailbox = t, s.mailbox.In(t)
	return &part
}

// keycloak calls the Admin REST API as administrator.
func (s *site) keycloak(call string, body, out any) {
	s.t.Helper()
	if err := s.campus.Do(s.t.Context(), call, body, out); err != nil {
		s.t.Fatal(err)
	}
}

// path is where a person stands in the Admin REST API.
func (s *site) path(name string) string { return "/users/" + s.campus.Users[name] }

// factor is a credential beside the password, and all that Keycloak tells of it.
type factor struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Label string `json:"userLabel"`
	whole string
}

// factors lists a person's credentials beside the password, in Keycloak's order; with types, those alone.
func (s *site) factors(name string, types ...string) []factor {
	s.t.Helper()
	var all []json.RawMessage
	s.keycloak("GET "+s.path(name)+"/credentials", nil, &all)
	var found []factor
	for _, text := range all {
		f := factor{whole: string(text)}
		if err := json.Unmarshal(text, &f); err != nil {
			s.t.Fatal(err)
		}
		if f.Type != "password" && (len(types) == 0 || slices.Contains(types, f.Type)) {
			found = append(found, f)
		}
	}
	return found
}

// rest is everything about a person but the credentials, as Keycloak writes it: the representation with attributes and required actions,
// groups, roles, identities elsewhere. Two things change with every swap and are left out: whether there is a one-time password, and
// since when sign-ins count; and attributes that are named.
func (s *site) rest(name string, without ...string) string {
	s.t.Helper()
	parts := map[string]any{}
	for _, part := range []string{"", "/groups", "/role-mappings", "/federated-identity"} {
		var answer any
		s.keycloak("GET "+s.path(name)+part, nil, &answer)
		if user, ok := answer.(map[string]any); ok && part == "" {
			delete(user, "totp")
			delete(user, "notBefore")
			attributes, _ := user["attributes"].(map[string]any)
			for _, attribute := range without {
				delete(attributes, attribute)
			}
		}
		parts["user"+part] = answer
	}
	text, err := json.MarshalIndent(parts, "", " ")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// unchanged fails the test unless everything about a person but the credentials is as it was.
func (s *site) unchanged(name, before string) {
	s.t.Helper()
	if after := s.rest(name); after != before {
		s.t.Errorf("%s changed from\n%s\nto\n%s", name, before, after)
	}
}

// furnish gives the realm what the people of these tests have beside their credentials: a group, an identity provider, an attribute.
func (s *site) furnish() {
	s.t.Helper()
	s.keycloak("POST /groups", map[string]any{"name": "library"}, nil)
	s.keycloak("POST /identity-provider/instances", map[string]any{"alias": "partner", "providerId": "github", "enabled": false}, nil)
	s.attribute(map[string]any{"name": "staffNumber"})
}

// attribute adds an attribute that administrators alone may edit to the user profile, or replaces it.
func (s *site) attribute(a map[string]any) {
	s.t.Helper()
	var profile map[string]any
	s.keycloak("GET /users/profile", nil, &profile)
	list, _ := profile["attributes"].([]any)
	list = slices.DeleteFunc(list, func(old any) bool { o, ok := old.(map[string]any); return ok && o["name"] == a["name"] })
	a["permissions"] = map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}
	profile["attributes"] = append(list, a)
	s.keycloak("PUT /users/profile", profile, nil)
}

// endow adds a person who has something of everything: attributes that the profile knows and one that it does not, a group, a role, an
// identity elsewhere, and, of credentials, these.
func (s *site) endow(p realm.Person, more ...map[string]any) {
	s.t.Helper()
	p.Groups = append(p.Groups, "/library")
	p.Email = p.Name + "@example.org"
	p.Attributes = map[string][]string{"staffNumber": {"0042"}, "legacyId": {"x", "ｙ", "x"}, "locale": {"en"}}
	s.add(p)
	s.keycloak("POST "+s.path(p.Name)+"/federated-identity/partner", map[string]any{"userId": "1-" + p.Name, "userName": p.Name}, nil)
	var clients []struct{ ID string }
	s.keycloak("GET /clients?clientId=account", nil, &clients)
	var role any
	s.keycloak("GET /clients/"+clients[0].ID+"/roles/view-groups", nil, &role)
	s.keycloak("POST "+s.path(p.Name)+"/role-mappings/clients/"+clients[0].ID, []any{role}, nil)
	if len(more) > 0 {
		s.keycloak("PUT "+s.path(p.Name), map[string]any{"credentials": more}, nil)
	}
}

// credential is one that a realm's file or the Admin REST API could hold.
func credential(kind, label string, secret, data any) map[string]any {
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			panic(err) // maps of a test
		}
		return string(out)
	}
	return map[string]any{"type": kind, "userLabel": label, "secretData": text(secret), "credentialData": text(data)}
}

// counter is a device that counts its uses.
func counter(secret string) map[string]any {
	return credential("otp", "token", map[string]any{"value": secret}, map[string]any{
		"subType": "hotp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1", "secretEncoding": "BASE32"})
}

// beside are recovery codes, a passkey as second factor and one without a password.
func beside(codes ...string) []map[string]any {
	var hashed []map[string]any
	for i, code := range codes {
		sum := sha512.Sum512([]byte(code))
		hashed = append(hashed, map[string]any{"number": i + 1, "encodedHashedValue": base64.StdEncoding.EncodeToString(sum[:])})
	}
	all := []map[string]any{credential("recovery-authn-codes", "my codes", map[string]any{"codes": hashed}, map[string]any{
		"hashIterations": 1, "algorithm": "RS512", "totalCodes": len(codes), "remainingCodes": len(codes)})}
	for _, kind := range []string{"webauthn", "webauthn-passwordless"} {
		all = append(all, credential(kind, "my "+kind, map[string]any{}, map[string]any{
			"aaguid": "00000000-0000-0000-0000-000000000000", "credentialId": "AQIDBA", "counter": 0,
			"credentialPublicKey": "pQECAyYgASFYIA", "attestationStatementFormat": "none", "transports": []string{"internal"}}))
	}
	return all
}

// mustHave fails the test unless the person's second factors are the new authenticator, first, and those that stay, as they were.
func (s *site) mustHave(name string, stay ...factor) {
	s.t.Helper()
	found := s.factors(name)
	if len(found) == 0 || found[0].Type != "otp" || !slices.Equal(found[1:], stay) {
		s.t.Errorf("%s has %v, want a new authenticator and %v", name, found, stay)
	}
}

// stillHas fails the test unless the person's second factors are those of before, as they were.
func (s *site) stillHas(name string, before []factor) {
	s.t.Helper()
	if now := s.factors(name); !slices.Equal(now, before) {
		s.t.Errorf("%s has %v, had %v", name, now, before)
	}
}
