package fakekc_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/kcsuite"
	"otpbridge/bridge/keycloak"
)

// suiteServer is the fake as the contract suite sees it.
type suiteServer struct {
	s     *fakekc.Server
	facts kcsuite.Facts
}

// What the fake says may be believed: the contract that the real Keycloak keeps holds for it.
func TestContractOfTheRealServer(t *testing.T) {
	s := fakekc.Start(fakekc.Options{})
	t.Cleanup(s.Close)
	s.ChangeClient(fakekc.ClientAdmin, func(c *fakekc.Client) { c.Service.Groups = true })
	kcsuite.Run(t, &suiteServer{s, kcsuite.Facts{
		Config: keycloak.Config{
			URL: s.URL, Realm: "campus", ClientID: fakekc.ClientAdmin, Secret: bridge.Secret("admin-secret-for-tests"),
			LoginClient: fakekc.ClientLogin, AllowedGroup: "/otp-recoverable",
		},
		GateGroup: s.GroupID("otp-recovery-open"), LoginSecret: "login-secret-for-tests", LoginRedirect: callback,
		Portal: fakekc.ClientPortal, PortalRedirect: portalAt, Scope: "otp-recovery", Now: time.Now,
	}})
}

func (f *suiteServer) Facts() kcsuite.Facts { return f.facts }

func (f *suiteServer) Add(t *testing.T, p kcsuite.Person) string {
	t.Helper()
	person := fakekc.Person{
		Username: p.Name, First: "Given", Last: "Family", Email: p.Email, Password: kcsuite.Password(p.Name), Disabled: p.Disabled,
		Attributes: p.Attributes, RequiredActions: p.RequiredActions, Roles: []string{"default-roles-campus"},
	}
	if p.NoFamilyName {
		person.Last = ""
	}
	if !p.Outside {
		person.Groups = []string{"otp-recoverable"}
	}
	person.Groups = append(person.Groups, p.Groups...)
	switch p.Administrator {
	case kcsuite.ByRole:
		person.Rights = []string{"manage-users"}
	case kcsuite.ByGroup:
		f.s.GiveGroup(kcsuite.AdministratorName, "manage-users")
		person.Groups = append(person.Groups, kcsuite.AdministratorName)
	case kcsuite.ByComposite:
		f.s.Compose(kcsuite.AdministratorName, "realm-admin")
		person.Roles = append(person.Roles, kcsuite.AdministratorName)
	}
	id := f.s.AddPerson(person)
	for _, o := range p.OTPs {
		kind, period := "totp", 30
		if o.HOTP {
			kind, period = "hotp", 0
		}
		if o.Created.IsZero() {
			o.Created = f.facts.Now().Add(-24 * time.Hour)
		}
		f.s.AddCredential(id, fakekc.Credential{
			Type: "otp", Label: o.Label, Created: o.Created, SecretData: asText(t, map[string]any{"value": o.Secret}),
			Data: asText(t, map[string]any{
				"subType": kind, "digits": 6, "counter": 0, "period": period, "algorithm": "HmacSHA1", "secretEncoding": "BASE32",
			}),
		})
	}
	return id
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (f *suiteServer) User(t *testing.T, id string) map[string]any {
	t.Helper()
	a := (&rig{t: t, s: f.s}).admin(fakekc.ClientBroad, "broad-secret-for-tests")
	status, text := a.do("GET /users/"+id, "")
	user := map[string]any{}
	if err := json.Unmarshal([]byte(text), &user); err != nil || status != http.StatusOK {
		t.Fatalf("user %s: %d %s", id, status, text)
	}
	return user
}

func (f *suiteServer) Write(t *testing.T, id string, fields map[string]any) {
	t.Helper()
	user := f.User(t, id)
	maps.Copy(user, fields)
	a := (&rig{t: t, s: f.s}).admin(fakekc.ClientBroad, "broad-secret-for-tests")
	if status, text := a.do("PUT /users/"+id, asText(t, user)); status != http.StatusNoContent {
		t.Fatalf("write %s: %d %s", id, status, text)
	}
}

func (f *suiteServer) SetRealm(_ *testing.T, fields map[string]any) { f.s.SetRealm(fields) }

func (f *suiteServer) SetAttribute(_ *testing.T, a kcsuite.Attribute) {
	attribute := fakekc.ProfileAttribute{Name: a.Name, Permissions: fakekc.ProfileRights{View: []string{"admin"}, Edit: a.EditBy}}
	if a.Address {
		attribute.Validations = map[string]map[string]any{"email": {}}
	}
	if len(a.RequiredOf) > 0 {
		attribute.Required = &fakekc.ProfileRoles{Roles: a.RequiredOf}
	}
	f.s.SetProfileAttribute(attribute)
}
