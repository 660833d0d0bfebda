package fakekc

import (
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Names of the clients of the realm file.
const (
	ClientLogin  = "otpbridge-login" // secret login-secret-for-tests
	ClientAdmin  = "otpbridge-admin" // the service account with fine-grained permissions; secret admin-secret-for-tests
	ClientBroad  = "otpbridge-broad" // a service account with manage-users; secret broad-secret-for-tests
	ClientPortal = "portal"
	ClientLegacy = "legacy-app"
)

// Client is a client of the realm.
type Client struct {
	ID           string
	Secret       string              // counts only without Keys and JWKSURL
	Keys         *jose.JSONWebKeySet // public keys for private_key_jwt
	JWKSURL      string              // where they are fetched on demand, instead of Keys
	Public       bool
	Redirects    []string // a star at the end matches the rest
	AfterLogout  []string
	Backchannel  string   // URL of its back-channel logout, "" = none
	RecoveryDesk bool     // may ask for the scope otp-recovery, and is under the PAR lock
	PKCE         bool     // code_challenge_method S256 is demanded
	Service      Rights   // of its service account; the zero value: it has none
	ExtraRoles   []string // at realm-management, that its service account's tokens carry and that open nothing here
	HelpdeskOnly bool     // its tokens carry the role otp-helpdesk alone, in "roles"
}

// Rights of a service account at the Admin REST API.
type Rights struct {
	ViewRealm, ViewEvents, QueryUsers bool
	ManageUsers                       bool // of the whole realm
	Members                           bool // fine-grained: members of otp-recoverable, and who is in otp-recovery-open
	Groups                            bool // fine-grained: sees every group, though not who is in it
	Administrators                    bool // query-clients, and fine-grained: sees the client realm-management
	Providers                         bool // view-identity-providers
}

func (r Rights) any() bool { return r != Rights{} }

func (r Rights) names() []string {
	var out []string
	for _, role := range []struct {
		has  bool
		name string
	}{
		{r.ViewRealm, "view-realm"}, {r.ViewEvents, "view-events"}, {r.QueryUsers, "query-users"}, {r.ManageUsers, "manage-users"},
		{r.Administrators, "query-clients"}, {r.Providers, "view-identity-providers"},
	} {
		if role.has {
			out = append(out, role.name)
		}
	}
	return out
}

// Person is somebody with an account.
type Person struct {
	ID              string // "" = made up
	Username        string
	First, Last     string
	Email           string
	Unverified      bool // the address
	Disabled        bool
	Password        string    // "" = none
	PasswordSet     time.Time // zero = a year ago
	OTP             string    // Base32 of a six-digit SHA-1 authenticator named "old phone", "" = none
	Groups, Roles   []string
	Rights          []string // roles of realm-management, given directly
	Attributes      map[string][]string
	RequiredActions []string
	Federation      string // id of a user storage
	ReadOnly        bool   // of Federation: no attribute can be changed
}

// notification is the attribute that holds addresses for links and notices. Only administrators may change it.
const notification = "notificationEmail"

func notificationAttribute() ProfileAttribute {
	return ProfileAttribute{
		Name: notification, DisplayName: notification, Multivalued: true, Validations: map[string]map[string]any{"email": {}},
		Permissions: ProfileRights{View: []string{"admin", "user"}, Edit: []string{"admin"}},
	}
}

// seed fills the realm as package realm fills one of the real server.
func (s *Server) seed() {
	for name, roles := range map[string][]string{groupAllow: nil, groupGate: {roleGate}} {
		id := newID()
		s.groups[id] = &group{id: id, name: name, roles: roles}
	}
	s.realm, s.profile = defaultRealm(s), defaultProfile()
	s.profile.Attributes = append(s.profile.Attributes, notificationAttribute())
	for _, c := range campusClients(s.opts.App, s.opts.Portal) {
		s.putClient(c)
	}
	if s.opts.Empty {
		return
	}
	for _, p := range campusPersons(s.defaultRole()) {
		s.putPerson(p)
	}
}

func campusClients(app, portal string) []Client {
	broad := Rights{ViewRealm: true, ViewEvents: true, ManageUsers: true, Providers: true}
	fine := Rights{ViewRealm: true, ViewEvents: true, QueryUsers: true, Members: true, Administrators: true, Providers: true}
	return []Client{
		{
			ID: ClientLogin, Secret: "login-secret-for-tests", RecoveryDesk: true, PKCE: true, HelpdeskOnly: true,
			Redirects: []string{app + "/oidc/callback"}, AfterLogout: []string{app + "/*"}, Backchannel: app + "/oidc/backchannel-logout",
		},
		{ID: ClientAdmin, Secret: "admin-secret-for-tests", Service: fine},
		{ID: ClientBroad, Secret: "broad-secret-for-tests", Service: broad},
		{ID: ClientPortal, Public: true, PKCE: true, Redirects: []string{portal + "/*"}, AfterLogout: []string{portal + "/*"}},
		{ID: ClientLegacy, Public: true, Redirects: []string{"http://localhost:8090/*"}},
	}
}

func campusPersons(defaultRole string) []Person {
	secret := func(letter string) string { return "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX" + letter }
	persons := []Person{
		{Username: "alice", Email: "alice@example.net", OTP: secret("A")},
		{Username: "bob", OTP: secret("B")},
		{Username: "carol", Email: "carol@example.net", OTP: secret("C"), Roles: []string{"otp-helpdesk"}},
		{Username: "dave", Email: "dave@example.net", OTP: secret("D"), Roles: []string{"otp-helpdesk"}},
		{Username: "erin", Email: "erin@example.net"},
	}
	for i := range persons {
		p := &persons[i]
		p.First, p.Last = strings.ToUpper(p.Username[:1])+p.Username[1:], "Example"
		p.Password = p.Username + "-password"
		p.Groups = []string{groupAllow}
		p.Roles = append(p.Roles, defaultRole)
		if p.Username == "alice" || p.Username == "erin" {
			p.Attributes = map[string][]string{notification: {p.Email}}
		}
	}
	return persons
}
