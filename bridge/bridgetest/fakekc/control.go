package fakekc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// AddPerson adds somebody, or replaces who has the same user name, and returns the id.
func (s *Server) AddPerson(p Person) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putPerson(p)
}

func (s *Server) putPerson(p Person) string {
	if old := s.userByName(p.Username); old != nil && strings.EqualFold(old.username, p.Username) {
		delete(s.users, old.id)
	}
	u := &user{
		id: p.ID, username: p.Username, first: p.First, last: p.Last, email: p.Email, created: s.now().AddDate(-1, 0, 0),
		emailVerified: p.Email != "" && !p.Unverified, enabled: !p.Disabled, roles: slices.Clone(p.Roles),
		attributes: maps.Clone(p.Attributes), requiredActions: slices.Clone(p.RequiredActions), rights: slices.Clone(p.Rights), federation: p.Federation, readOnly: p.ReadOnly,
	}
	if u.id == "" {
		u.id = newID()
	}
	for _, name := range p.Groups {
		u.groups = append(u.groups, s.needGroup(name).id)
	}
	if p.Password != "" {
		if p.PasswordSet.IsZero() {
			p.PasswordSet = u.created
		}
		u.setPassword(p.Password, p.PasswordSet)
	}
	if p.OTP != "" {
		u.credentials = append(u.credentials, &credential{
			id: newID(), typ: "otp", label: "old phone", created: u.created.UnixMilli(), secret: compact(map[string]string{"value": p.OTP}),
			data: compact(otpData{SubType: "totp", Digits: 6, Period: 30, Algorithm: "HmacSHA1", SecretEncoding: "BASE32"}),
		})
	}
	s.users[u.id] = u
	return u.id
}

// needGroup finds a group and makes it when there is none.
func (s *Server) needGroup(name string) *group {
	if g := s.groupByName(name); g != nil {
		return g
	}
	g := &group{id: newID(), name: name}
	s.groups[g.id] = g
	return g
}

// GiveGroup gives a group, which is made when there is none, a role of realm-management.
func (s *Server) GiveGroup(name, right string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.needGroup(name)
	g.rights = append(g.rights, right)
}

// Compose puts a role of realm-management into a realm role.
func (s *Server) Compose(role, right string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.composites[role] = append(s.composites[role], right)
}

// RemovePerson deletes an account and ends its sessions.
func (s *Server) RemovePerson(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
	for sid, session := range s.sessions {
		if session.user.id == id {
			delete(s.sessions, sid)
		}
	}
}

// PersonID returns the id of a user name, "" when there is none.
func (s *Server) PersonID(username string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.userByName(username); u != nil {
		return u.id
	}
	return ""
}

// Account is what a test may change of somebody's account in one go.
type Account struct {
	Email           string
	EmailVerified   bool
	Enabled         bool
	Attributes      map[string][]string
	RequiredActions []string
	Groups          []string // names
	Roles           []string // direct realm roles
}

// Change lets f change an account. It panics when nobody has the id.
func (s *Server) Change(id string, f func(*Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.mustUser(id)
	a := Account{
		Email: u.email, EmailVerified: u.emailVerified, Enabled: u.enabled, Attributes: maps.Clone(u.attributes),
		RequiredActions: slices.Clone(u.requiredActions), Roles: slices.Clone(u.roles),
	}
	for _, g := range u.groups {
		a.Groups = append(a.Groups, s.groups[g].name)
	}
	if a.Attributes == nil {
		a.Attributes = map[string][]string{}
	}
	f(&a)
	u.email, u.emailVerified, u.enabled = a.Email, a.EmailVerified, a.Enabled
	u.attributes, u.requiredActions, u.roles, u.groups = a.Attributes, a.RequiredActions, a.Roles, nil
	for _, name := range a.Groups {
		u.groups = append(u.groups, s.needGroup(name).id)
	}
}

func (s *Server) mustUser(id string) *user {
	u := s.users[id]
	if u == nil {
		panic(fmt.Sprintf("fakekc: nobody has the id %q", id))
	}
	return u
}

// SetPassword gives somebody a password at a time: the time decides how old it is.
func (s *Server) SetPassword(id, password string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(id).setPassword(password, at)
}

// setPassword replaces the password; the credential keeps its id, as in Keycloak.
func (u *user) setPassword(password string, at time.Time) {
	const data = `{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],` +
		`"type":["id"],"version":["1.3"],"parallelism":["1"]}}`
	for _, c := range u.byType("password") {
		c.secret, c.created = password, at.UnixMilli()
		return
	}
	first := &credential{id: newID(), typ: "password", created: at.UnixMilli(), data: data, secret: password}
	u.credentials = append([]*credential{first}, u.credentials...)
}

// AddCredential gives somebody one more credential as it would be stored; "" as id makes one up. It returns the id.
func (s *Server) AddCredential(person string, c Credential) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ID == "" {
		c.ID = newID()
	}
	if c.Created.IsZero() {
		c.Created = s.now()
	}
	u := s.mustUser(person)
	u.credentials = append(u.credentials, &credential{
		id: c.ID, typ: c.Type, label: c.Label, created: c.Created.UnixMilli(), data: c.Data, secret: c.SecretData, federation: c.Federation,
	})
	return c.ID
}

// Unlock forgets somebody's wrong passwords and codes, as an administrator may.
func (s *Server) Unlock(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustUser(person).failures = failures{}
}

// Credential is a stored credential.
type Credential struct {
	ID, Type, Label  string
	Created          time.Time
	Data, SecretData string // JSON texts; of a password: only Data
	Federation       string
}

// Credentials lists somebody's credentials in order, with the secrets that the API never shows.
func (s *Server) Credentials(person string) []Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Credential
	for _, c := range s.mustUser(person).credentials {
		shown := Credential{ID: c.id, Type: c.typ, Label: c.label, Created: time.UnixMilli(c.created), Data: c.data, Federation: c.federation}
		if c.typ != "password" {
			shown.SecretData = c.secret
		}
		out = append(out, shown)
	}
	return out
}

// GroupID returns the id of a group, made when there is none of that name.
func (s *Server) GroupID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.needGroup(name).id
}

// SetGroupRoles says which realm roles members of a group have.
func (s *Server) SetGroupRoles(name string, roles ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needGroup(name).roles = roles
}

// Members lists the user names in a group, in order of name.
func (s *Server) Members(group string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, u := range s.users {
		if s.inGroup(u, group) {
			out = append(out, u.username)
		}
	}
	slices.Sort(out)
	return out
}

// SetClient adds a client or replaces the one with the same id.
func (s *Server) SetClient(c Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putClient(c)
}

func (s *Server) putClient(c Client) {
	kept := &client{Client: c, uuid: newID()}
	if old := s.clients[c.ID]; old != nil {
		kept.uuid = old.uuid
	}
	s.clients[c.ID] = kept
	s.needServiceAccount(c)
}

// needServiceAccount gives a client with rights the account that has them.
func (s *Server) needServiceAccount(c Client) {
	account := "service-account-" + c.ID
	if c.Service.any() && s.userByName(account) == nil {
		s.users[s.putPerson(Person{Username: account})].serviceOf = c.ID
	}
}

// ChangeClient lets f change a client. It panics when there is none with the id.
func (s *Server) ChangeClient(id string, f func(*Client)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[id]
	if c == nil {
		panic(fmt.Sprintf("fakekc: no client %q", id))
	}
	f(&c.Client)
	c.keys = nil
	s.needServiceAccount(c.Client)
}

// SetRealm sets fields of the realm's representation, e.g. otpPolicyDigits.
func (s *Server) SetRealm(fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.realm, fields)
}

// Sessions counts the sessions somebody has.
func (s *Server) Sessions(person string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessionsOf(person))
}
