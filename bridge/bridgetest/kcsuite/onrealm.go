package kcsuite

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/keycloak"
)

// object is a part of a representation.
type object = map[string]any

// onRealm is a Server on a real Keycloak.
type onRealm struct {
	realm *realm.Realm
	facts Facts
}

// OnRealm returns a campus realm of a real Keycloak of a version, at a base URL, as a Server. The realm belongs to the run: what the suite adds stays.
func OnRealm(r *realm.Realm, keycloakURL, version string) Server {
	return &onRealm{realm: r, facts: Facts{
		Config: keycloak.Config{
			URL: keycloakURL, Realm: r.Name, Issuer: r.Issuer, ClientID: r.AdminClient, Secret: realm.AdminSecret,
			LoginClient: realm.LoginClient, AllowedGroup: "/" + realm.Recoverable, Version: version,
		},
		GateGroup: r.GateGroup, LoginSecret: realm.LoginSecret, LoginRedirect: "http://localhost:8088/oidc/callback",
		Portal: "portal", PortalRedirect: "http://localhost:8089/callback", Scope: realm.Scope, AnyJoins: r.AnyJoins, Now: time.Now,
	}}
}

func (s *onRealm) Facts() Facts { return s.facts }

func (s *onRealm) do(t *testing.T, call string, body, out any) {
	t.Helper()
	if err := s.realm.Do(t.Context(), call, body, out); err != nil {
		t.Fatal(err)
	}
}

func (s *onRealm) Add(t *testing.T, p Person) string {
	t.Helper()
	credentials := []object{{"type": "password", "value": Password(p.Name), "temporary": false}}
	for _, o := range p.OTPs {
		kind, period := "totp", 30
		if o.HOTP {
			kind, period = "hotp", 0
		}
		created := o.Created
		if created.IsZero() {
			created = s.facts.Now().Add(-24 * time.Hour)
		}
		credentials = append(credentials, object{
			"type": bridge.TypeOTP, "userLabel": o.Label, "createdDate": created.UnixMilli(), "secretData": asText(object{"value": o.Secret}),
			"credentialData": asText(object{
				"subType": kind, "digits": 6, "counter": 0, "period": period, "algorithm": "HmacSHA1", "secretEncoding": "BASE32",
			}),
		})
	}
	user := object{
		"username": p.Name, "enabled": !p.Disabled, "firstName": "Given", "attributes": p.Attributes,
		"requiredActions": p.RequiredActions, "credentials": credentials,
	}
	if !p.NoFamilyName {
		user["lastName"] = "Family"
	}
	if p.Email != "" {
		user["email"], user["emailVerified"] = p.Email, true
	}
	groups := []string{}
	if !p.Outside {
		groups = append(groups, s.facts.Config.AllowedGroup)
	}
	for _, name := range p.Groups {
		_ = s.realm.Do(t.Context(), "POST /groups", object{"name": name}, nil) // there already, or the person cannot be added
		groups = append(groups, "/"+name)
	}
	user["groups"] = groups
	s.do(t, "POST /users", user, nil)
	id, err := s.realm.ID(t.Context(), p.Name)
	must(t, err)
	s.promote(t, id, p.Administrator)
	return id
}

// promote gives somebody a right over the realm.
func (s *onRealm) promote(t *testing.T, id string, way Way) {
	t.Helper()
	if way == "" {
		return
	}
	management := s.clientID(t, "realm-management")
	var right object
	s.do(t, "GET /clients/"+management+"/roles/manage-users", nil, &right)
	rights := []object{right}
	switch way {
	case ByRole:
		s.do(t, "POST /users/"+id+"/role-mappings/clients/"+management, rights, nil)
	case ByGroup:
		s.do(t, "POST /groups", object{"name": AdministratorName}, nil)
		var group struct{ ID string }
		s.do(t, "GET /group-by-path/"+AdministratorName, nil, &group)
		path := "/groups/" + group.ID
		s.do(t, "POST "+path+"/role-mappings/clients/"+management, rights, nil)
		s.do(t, "POST "+path+"/children", object{"name": "below"}, nil) // who is below is a member, too
		s.do(t, "GET /group-by-path/"+AdministratorName+"/below", nil, &group)
		s.do(t, "PUT /users/"+id+"/groups/"+group.ID, nil, nil)
	case ByComposite:
		must(t, s.realm.MakeAdministratorRole(t.Context(), AdministratorName))
		var role object
		s.do(t, "GET /roles/"+AdministratorName, nil, &role)
		s.do(t, "POST /users/"+id+"/role-mappings/realm", []object{role}, nil)
	}
}

func asText(o object) string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // a map of plain values
	}
	return string(text)
}

func (s *onRealm) User(t *testing.T, id string) map[string]any {
	t.Helper()
	user := object{}
	s.do(t, "GET /users/"+id, nil, &user)
	return user
}

func (s *onRealm) Write(t *testing.T, id string, fields map[string]any) {
	t.Helper()
	user := s.User(t, id)
	maps.Copy(user, fields)
	s.do(t, "PUT /users/"+id, user, nil)
}

func (s *onRealm) SetRealm(t *testing.T, fields map[string]any) {
	t.Helper()
	// The administrator's PUT takes single fields; clean-ups come when the test's context has ended.
	if err := s.realm.Do(background(t), "PUT ", fields, nil); err != nil {
		t.Error(err)
	}
}

func (s *onRealm) SetAttribute(t *testing.T, a Attribute) {
	t.Helper()
	profile := object{}
	if err := s.realm.Do(background(t), "GET /users/profile", nil, &profile); err != nil {
		t.Fatal(err)
	}
	attribute := object{
		"name": a.Name, "permissions": object{"view": []string{"admin"}, "edit": a.EditBy}, "validations": object{},
	}
	attribute["multivalued"] = true
	if a.Address {
		attribute["validations"] = object{"email": object{}}
	}
	if len(a.RequiredOf) > 0 {
		attribute["required"] = object{"roles": a.RequiredOf}
	}
	list, _ := profile["attributes"].([]any)
	list = slices.DeleteFunc(list, func(o any) bool {
		known, _ := o.(object)
		return known["name"] == a.Name
	})
	changed := maps.Clone(profile)
	changed["attributes"] = append(list, attribute)
	if err := s.realm.Do(background(t), "PUT /users/profile", changed, nil); err != nil {
		t.Error(err)
	}
}
