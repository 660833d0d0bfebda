package fakekc

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Lives of what the server hands out, as in a fresh realm.
const (
	codeLife   = time.Minute
	pushLife   = time.Minute
	tabLife    = 30 * time.Minute
	ssoIdle    = 30 * time.Minute
	ssoMax     = 10 * time.Hour
	tokenLife  = 5 * time.Minute
	fullLevel  = 2 // the level that a second factor records
	noLevel    = 0 // a password-only sign-in records none
	roleGate   = "otp-recovery-open"
	scopeGate  = "otp-recovery"
	groupGate  = "otp-recovery-open"
	groupAllow = "otp-recoverable"
)

type user struct {
	id, username, first, last, email string
	emailVerified, enabled           bool
	created                          time.Time
	notBefore                        int64 // seconds
	attributes                       map[string][]string
	requiredActions                  []string
	groups                           []string // ids
	roles                            []string // direct realm roles
	rights                           []string // direct roles of realm-management
	credentials                      []*credential
	failures                         failures
	serviceOf                        string // client id, for service accounts
	federation                       string
	readOnly                         bool
}

type credential struct {
	id, typ, label string
	created        int64 // milliseconds
	data           string
	secret         string // the password, or secretData
	federation     string
	used           map[uint64]bool // steps whose code was accepted
}

type group struct {
	id, name      string
	roles, rights []string // realm roles, and roles of realm-management
}

type client struct {
	Client
	uuid string
	keys *jose.JSONWebKeySet // last fetched from JWKSURL
}

// session is a user session (SSO).
type session struct {
	id      string
	user    *user
	address string
	level   int
	started time.Time
	authAt  time.Time // first factor
	last    time.Time
	clients map[string]bool // client ids
}

// tab is one sign-in in progress in one browser tab.
type tab struct {
	id         string
	browser    string // AUTH_SESSION_ID
	code       string // session_code: changes with every page
	client     *client
	params     params
	language   string
	created    time.Time
	known      *user    // who a re-authentication is for
	user       *user    // who has been established
	session    *session // SSO session that is continued
	typed      bool     // the password was given in this tab
	second     bool     // the second factor was given in this tab
	credential string   // of the second factor
	action     string   // required action that is shown
	secret     string   // of the authenticator that the page of CONFIGURE_TOTP offers
	acted      string   // required action that the client asked for and the person has done
	tried      string   // user name in the form
	done       bool     // a code was handed out
}

type code struct {
	client   *client
	session  *session
	params   params
	level    int
	issued   time.Time
	redirect string
}

type pushedRequest struct {
	client  string
	params  params
	expires time.Time
}

type bearer struct {
	client  *client
	session *session // nil for service accounts
	scope   string
	expires time.Time
}

type refreshToken struct {
	client  *client
	session *session
	params  params
	level   int
}

// params are the parameters of an authorization request.
type params map[string]string

func (p params) scopes() []string { return strings.Fields(p["scope"]) }

func (p params) recovery() bool { return slices.Contains(p.scopes(), scopeGate) }

func (p params) prompt(value string) bool { return slices.Contains(strings.Fields(p["prompt"]), value) }

// now is the server's time.
func (s *Server) now() time.Time { return s.opts.Now() }

func randomText() string { return rand.Text() }

// userByName finds a person by user name or address, as the password form does.
func (s *Server) userByName(name string) *user {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil
	}
	for _, u := range s.users {
		if strings.EqualFold(u.username, name) || (u.email != "" && strings.EqualFold(u.email, name)) {
			return u
		}
	}
	return nil
}

// userByLogin is userByName as far as the realm lets people type their address.
func (s *Server) userByLogin(name string) *user {
	u := s.userByName(name)
	if u != nil && s.realm["loginWithEmailAllowed"] == false && !strings.EqualFold(u.username, strings.TrimSpace(name)) {
		return nil
	}
	return u
}

func (s *Server) groupByName(name string) *group {
	for _, g := range s.groups {
		if g.name == strings.TrimPrefix(name, "/") {
			return g
		}
	}
	return nil
}

func (s *Server) inGroup(u *user, name string) bool {
	g := s.groupByName(name)
	return g != nil && slices.Contains(u.groups, g.id)
}

// effectiveRoles are the realm roles a person has directly, through groups and through the default role.
func (s *Server) effectiveRoles(u *user) []string {
	roles := slices.Clone(u.roles)
	for _, id := range u.groups {
		roles = append(roles, s.groups[id].roles...)
	}
	if slices.Contains(roles, s.defaultRole()) {
		roles = append(roles, "offline_access", "uma_authorization")
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// effectiveRights are the roles of realm-management a person has directly, through groups and inside realm roles.
func (s *Server) effectiveRights(u *user) []string {
	rights := slices.Clone(u.rights)
	for _, id := range u.groups {
		rights = append(rights, s.groups[id].rights...)
	}
	for _, role := range s.effectiveRoles(u) {
		rights = append(rights, s.composites[role]...)
	}
	slices.Sort(rights)
	return slices.Compact(rights)
}

func (s *Server) defaultRole() string { return "default-roles-" + s.opts.Realm }

func (u *user) byType(typ string) []*credential {
	var out []*credential
	for _, c := range u.credentials {
		if c.typ == typ {
			out = append(out, c)
		}
	}
	return out
}

func (u *user) credential(id string) *credential {
	i := slices.IndexFunc(u.credentials, func(c *credential) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return u.credentials[i]
}

// otpData is the credentialData of an OTP.
type otpData struct {
	SubType        string `json:"subType"`
	Digits         int    `json:"digits"`
	Counter        int64  `json:"counter"`
	Period         int    `json:"period"`
	Algorithm      string `json:"algorithm"`
	SecretEncoding string `json:"secretEncoding,omitempty"`
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	return string(text)
}
