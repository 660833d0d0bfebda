// Package realm makes the realms that tests and the local run work in, on a real Keycloak: "campus", whose browser flow is
// fail-closed with the gate on, and "bad", which is unsafe on purpose so that an attack test can show that it finds a hole.
//
// The realm files are exports. Make adapts them to the ports at hand, gives the people passwords that were set long ago,
// and sets up the service account with the fine-grained permissions that the product asks for and nothing more.
//
// People of the campus realm, all in the group otp-recoverable, password NAME-password, authenticator secret Secret(name):
// alice and erin have a notification address, bob has no address at all, carol and dave are help-desk operators, erin has no
// authenticator.
package realm

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

//go:embed campus-realm.json
var campusFile string

//go:embed bad-realm.json
var badFile string

// Names that the realm files fix.
const (
	LoginClient  = "otpbridge-login"
	LoginSecret  = "login-secret-for-tests"
	AdminSecret  = "admin-secret-for-tests"
	Scope        = "otp-recovery"
	OperatorRole = "otp-helpdesk"
	Recoverable  = "otp-recoverable"
	Gate         = "otp-recovery-open"
	Notification = "notificationEmail" // the attribute that holds notification addresses
)

// Base URLs that stand in the realm files and are replaced by those of Options.
const (
	fileApp    = "http://localhost:8088"
	filePortal = "http://localhost:8089"
	fileLegacy = "http://localhost:8090"
	fileSAML   = "http://localhost:8091"
)

// Admin is what the package needs of an Admin REST client with the rights of the server's administrator: a call is a method and a
// path below /admin/realms, a body is sent as JSON (a string as plain text), out is filled from the answer unless nil. Every
// status other than 2xx is an error.
type Admin interface {
	Do(ctx context.Context, call string, body, out any) error
}

// Options say what the realm is for. Keycloak is required, the rest may be left out.
type Options struct {
	Keycloak string // base URL of the server
	Realm    string // name of the realm; "" = campus or bad

	AppURL    string // otpbridge; "" = http://localhost:8088
	PortalURL string // the sample application; "" = http://localhost:8089
	LegacyURL string // an OIDC application without any settings; "" = http://localhost:8090
	SAMLURL   string // a SAML application without any settings; "" = http://localhost:8091

	LoginKeys   bool            // login client: private_key_jwt with the keys at AppURL/.well-known/jwks.json; false: LoginSecret
	AdminClient string          // name of the service account's client; "" = otpbridge-admin
	AdminJWKS   json.RawMessage // its public keys, stored in Keycloak (private_key_jwt); nil: AdminSecret

	PasswordSet time.Time // when the people's passwords were set; zero = years ago
	LoginTheme  string    // a login theme that the server has; its link leads to AppURL. "" = Keycloak's
}

// Realm is a realm that was made.
type Realm struct {
	Name        string
	Issuer      string
	AdminClient string
	GateGroup   string            // id of the group whose members may sign in with the password only; "" in the bad realm
	Allowed     string            // id of the group of people who may recover; "" in the bad realm
	Users       map[string]string // id by user name
	AnyJoins    bool              // the server is older than 26.7: whoever may put people into the gate group may put anybody there

	admin       Admin
	passwordSet time.Time
	permissions string // where the service account's permissions are
}

// Secret is the Base32 secret of the authenticator of a person of the realm file.
func Secret(name string) string {
	return "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX" + strings.ToUpper(name[:1])
}

// Password is the password of a person of the realm file.
func Password(name string) string {
	return name + "-password"
}

// Make makes the campus realm.
func Make(ctx context.Context, admin Admin, o Options) (*Realm, error) {
	r := describe(admin, &o, "campus")
	file, err := campus(&o)
	if err != nil {
		return nil, fmt.Errorf("make realm %s: %w", r.Name, err)
	}
	if err := create(ctx, admin, file); err != nil {
		return nil, fmt.Errorf("make realm %s: %w", r.Name, err)
	}
	for _, step := range []func(context.Context) error{r.readUsers, r.readGroups, r.grantFineRights} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("make realm %s: %w", r.Name, err), r.Delete(context.WithoutCancel(ctx)))
		}
	}
	if err := r.linkTheme(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("make realm %s: %w", r.Name, err), r.Delete(context.WithoutCancel(ctx)))
	}
	return r, nil
}

// MakeBad makes the realm with the hole: its login client has a flow of its own that asks for the password only.
func MakeBad(ctx context.Context, admin Admin, o Options) (*Realm, error) {
	r := describe(admin, &o, "bad")
	file, err := bad(&o)
	if err != nil {
		return nil, fmt.Errorf("make realm %s: %w", r.Name, err)
	}
	if err := create(ctx, admin, file); err != nil {
		return nil, fmt.Errorf("make realm %s: %w", r.Name, err)
	}
	return r, r.readUsers(ctx)
}

// describe completes the options and returns a realm that does not exist yet.
func describe(admin Admin, o *Options, name string) *Realm {
	for _, d := range []struct {
		value *string
		unset string
	}{
		{&o.Realm, name},
		{&o.AppURL, fileApp},
		{&o.PortalURL, filePortal},
		{&o.LegacyURL, fileLegacy},
		{&o.SAMLURL, fileSAML},
		{&o.AdminClient, "otpbridge-admin"},
	} {
		if *d.value == "" {
			*d.value = d.unset
		}
	}
	if o.PasswordSet.IsZero() {
		o.PasswordSet = time.Date(2024, time.April, 1, 9, 0, 0, 0, time.UTC)
	}
	return &Realm{
		Name: o.Realm, Issuer: o.Keycloak + "/realms/" + o.Realm, AdminClient: o.AdminClient, Users: map[string]string{},
		admin: admin, passwordSet: o.PasswordSet,
	}
}

// Delete removes the realm.
func (r *Realm) Delete(ctx context.Context) error {
	if err := r.do(ctx, "DELETE ", nil, nil); err != nil {
		return fmt.Errorf("delete realm %s: %w", r.Name, err)
	}
	return nil
}

// Do calls the Admin REST API as administrator; the path is one below the realm: "GET /users/count".
func (r *Realm) Do(ctx context.Context, call string, body, out any) error {
	return r.do(ctx, call, body, out)
}

func (r *Realm) do(ctx context.Context, call string, body, out any) error {
	method, path, _ := strings.Cut(call, " ")
	return r.admin.Do(ctx, method+" /"+url.PathEscape(r.Name)+path, body, out)
}

func (r *Realm) readUsers(ctx context.Context) error {
	var users []struct{ ID, Username string }
	if err := r.do(ctx, "GET /users?max=1000&briefRepresentation=true", nil, &users); err != nil {
		return err
	}
	for _, u := range users {
		r.Users[u.Username] = u.ID
	}
	return nil
}

func (r *Realm) readGroups(ctx context.Context) error {
	var err error
	if r.GateGroup, err = r.groupID(ctx, Gate); err != nil {
		return err
	}
	r.Allowed, err = r.groupID(ctx, Recoverable)
	return err
}

func (r *Realm) groupID(ctx context.Context, name string) (string, error) {
	var groups []struct{ ID, Name string }
	if err := r.do(ctx, "GET /groups?exact=true&search="+url.QueryEscape(name), nil, &groups); err != nil {
		return "", err
	}
	for _, g := range groups {
		if g.Name == name {
			return g.ID, nil
		}
	}
	return "", fmt.Errorf("group %s: not found", name)
}

// linkTheme makes the theme's link on the OTP page lead to the application, in every language.
func (r *Realm) linkTheme(ctx context.Context, o Options) error {
	if o.LoginTheme == "" {
		return nil
	}
	for _, language := range []string{"ja", "en"} {
		if err := r.do(ctx, "PUT /localization/"+language+"/otpRecoveryUrl", o.AppURL+"/", nil); err != nil {
			return err
		}
	}
	return nil
}
