package fakekc

import (
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Names of the clients of the realm file.
const (
	ClientLogin       = "otpbridge-login"
	ClientAdmin       = "otpbridge-admin"
	ClientAdminSecret = "otpbridge-admin-secret"
	ClientFine        = "otpbridge-fine"
	ClientPortal      = "portal"
	ClientLegacy      = "legacy-app"
)

// Client is a client of the realm.
type Client struct {
	ID           string
	Secret       string              // "" = no secret
	Keys         *jose.JSONWebKeySet // for private_key_jwt
	JWKSURL      string              // fetched on demand, instead of Keys
	Public       bool
	Redirects    []string // a star at the end matches the rest
	AfterLogout  []string
	Backchannel  string // URL of its back-channel logout, "" = none
	RecoveryDesk bool   // may ask for the scope otp-recovery, and is under the PAR lock
	PKCE         bool   // code_challenge_method S256 is demanded
	Service      Rights // of its service account; the zero value: it has none
	HelpdeskOnly bool   // its tokens carry the role otp-helpdesk alone, in "roles"
}

// Rights of a service account at the Admin REST API.
type Rights struct {
	ViewRealm, ViewEvents, QueryUsers bool
	ManageUsers                       bool // of the whole realm
	Members                           bool // fine-grained: members of otp-recoverable, and who is in otp-recovery-open
}

func (r Rights) any() bool { return r != Rights{} }

func (r Rights) names() []string {
	var out []string
	for _, role := range []struct {
		has  bool
		name string
	}{{r.ViewRealm, "view-realm"}, {r.ViewEvents, "view-events"}, {r.QueryUsers, "query-users"}, {r.ManageUsers, "manage-users"}} {
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
	Password        string // "" = none
	OTP             string // Base32 of a six-digit SHA-1 authenticator named "old phone", "" = none
	Groups, Roles   []string
	Attributes      map[string][]string
	RequiredActions []string
	Federation      string // id of a user storage
}

// seed fills the realm as campus-realm.json does, with the fine-grained service account of its set-up.
func (s *Server) seed() {
	for name, roles := range map[string][]string{groupAllow: nil, groupGate: {roleGate}} {
		id := newID()
		s.groups[id] = &group{id: id, name: name, roles: roles}
	}
	s.realm, s.profile = defaultRealm(s), defaultProfile()
	for _, c := range campusClients() {
		s.putClient(c)
	}
	if s.opts.Empty {
		return
	}
	for _, p := range campusPersons(s.defaultRole()) {
		s.putPerson(p)
	}
}

func campusClients() []Client {
	broad := Rights{ViewRealm: true, ViewEvents: true, ManageUsers: true}
	fine := Rights{ViewRealm: true, ViewEvents: true, QueryUsers: true, Members: true}
	return []Client{
		{
			ID: ClientLogin, Secret: "login-secret-for-tests", RecoveryDesk: true, PKCE: true, HelpdeskOnly: true,
			Redirects: []string{"http://localhost:8088/oidc/callback"}, AfterLogout: []string{"http://localhost:8088/*"},
			Backchannel: "http://localhost:8088/oidc/backchannel-logout",
		},
		{ID: ClientAdmin, JWKSURL: "http://localhost:8088/.well-known/jwks.json", Service: broad},
		{ID: ClientAdminSecret, Secret: "admin-secret-for-tests", Service: broad},
		{ID: ClientFine, Secret: "fine-secret-for-tests", Service: fine},
		{ID: ClientPortal, Public: true, PKCE: true, Redirects: []string{"http://localhost:8089/*"}, AfterLogout: []string{"http://localhost:8089/*"}},
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
	}
	return persons
}
