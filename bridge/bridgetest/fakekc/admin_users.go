package fakekc

import (
	"net/http"
	"slices"
	"strings"
)

// userView is a person as the API shows them. Empty fields are left out as Keycloak does.
type userView struct {
	ID              string              `json:"id"`
	Username        string              `json:"username"`
	First           string              `json:"firstName,omitempty"`
	Last            string              `json:"lastName,omitempty"`
	Email           string              `json:"email,omitempty"`
	EmailVerified   bool                `json:"emailVerified"`
	Attributes      map[string][]string `json:"attributes,omitempty"`
	Enabled         bool                `json:"enabled"`
	Created         int64               `json:"createdTimestamp"`
	TOTP            bool                `json:"totp"`
	Federation      string              `json:"federationLink,omitempty"`
	ServiceOf       string              `json:"serviceAccountClientId,omitempty"`
	Disableable     []string            `json:"disableableCredentialTypes"`
	RequiredActions []string            `json:"requiredActions"`
	NotBefore       int64               `json:"notBefore"`
	Access          map[string]bool     `json:"access,omitempty"`
	Metadata        map[string]any      `json:"userProfileMetadata,omitempty"`
}

func (c *call) view(u *user) userView {
	actions := u.requiredActions
	if actions == nil {
		actions = []string{}
	}
	return userView{
		ID: u.id, Username: u.username, First: u.first, Last: u.last, Email: u.email, EmailVerified: u.emailVerified,
		Attributes: u.attributes, Enabled: u.enabled, Created: u.created.UnixMilli(), TOTP: len(u.byType("otp")) > 0,
		Federation: u.federation, ServiceOf: u.serviceOf, Disableable: []string{}, RequiredActions: actions, NotBefore: u.notBefore,
	}
}

// sorted lists people by user name.
func (s *Server) sorted() []*user {
	out := make([]*user, 0, len(s.users))
	for _, u := range s.users {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *user) int { return strings.Compare(a.username, b.username) })
	return out
}

// GET /admin/realms/{realm}/users: by user name or address. An empty name finds everybody, as on the real server; people
// out of reach are not there.
func (c *call) search() reply {
	out := []userView{}
	for _, u := range c.found() {
		v := c.view(u)
		v.Access = map[string]bool{"manage": true}
		out = append(out, v)
	}
	return c.ok(page(c.r.URL.Query(), out, 100))
}

func (c *call) found() []*user {
	q := c.r.URL.Query()
	exact := q.Get("exact") == "true"
	match := func(wanted, have string) bool {
		wanted, have = strings.ToLower(wanted), strings.ToLower(have)
		if wanted == "" || (exact && wanted == have) {
			return true
		}
		return !exact && strings.Contains(have, wanted)
	}
	anywhere := func(u *user) bool {
		return slices.ContainsFunc([]string{u.username, u.email, u.first, u.last}, func(have string) bool { return match(q.Get("search"), have) })
	}
	var out []*user
	for _, u := range c.s.sorted() {
		if u.serviceOf == "" && c.reaches(u) && match(q.Get("username"), u.username) && match(q.Get("email"), u.email) && anywhere(u) {
			out = append(out, u)
		}
	}
	return out
}

// GET /admin/realms/{realm}/users/{id}
func (c *call) getUser() reply {
	v := c.view(c.user)
	broad := c.client.Service.ManageUsers
	v.Access = map[string]bool{
		"manageGroupMembership": true, "resetPassword": true, "view": true, "mapRoles": broad, "impersonate": false, "manage": true,
	}
	if c.r.URL.Query().Get("userProfileMetadata") == "true" {
		v.Metadata = map[string]any{"attributes": c.s.profile.metadata(c.user)}
	}
	return c.ok(v)
}

// userBody is what PUT users/{id} takes. A nil field was not sent.
type userBody struct {
	ID              *string             `json:"id"`
	Username        *string             `json:"username"`
	First           *string             `json:"firstName"`
	Last            *string             `json:"lastName"`
	Email           *string             `json:"email"`
	EmailVerified   *bool               `json:"emailVerified"`
	Enabled         *bool               `json:"enabled"`
	Attributes      map[string][]string `json:"attributes"`
	RequiredActions []string            `json:"requiredActions"`
	Credentials     []credentialBody    `json:"credentials"`
	NotBefore       *int64              `json:"notBefore"`

	// what the API shows and does not take back
	Created     any `json:"createdTimestamp"`
	TOTP        any `json:"totp"`
	Access      any `json:"access"`
	Disableable any `json:"disableableCredentialTypes"`
	Federation  any `json:"federationLink"`
	ServiceOf   any `json:"serviceAccountClientId"`
	Groups      any `json:"groups"`
	RealmRoles  any `json:"realmRoles"`
	ClientRoles any `json:"clientRoles"`
	Metadata    any `json:"userProfileMetadata"`
}

// PUT /admin/realms/{realm}/users/{id}: everything or nothing is written.
func (c *call) putUser() reply {
	var body userBody
	if failed := c.decode(&body); failed != nil {
		return *failed
	}
	if c.user.serviceOf != "" {
		return c.message(http.StatusBadRequest, "Could not update user!")
	}
	changed := *c.user
	if faults := append(c.applyFields(&changed, body), c.s.profile.readOnly(c.user, &changed)...); len(faults) > 0 {
		if len(faults) == 1 {
			return jsonReply(http.StatusBadRequest, faults[0])
		}
		return jsonReply(http.StatusBadRequest, map[string]any{"errors": faults})
	}
	changed.credentials = slices.Clone(c.user.credentials)
	for _, given := range body.Credentials {
		if failed := c.applyCredential(&changed, given); failed != nil {
			return *failed
		}
	}
	*c.user = changed
	c.record("UPDATE", "USER", "users/"+c.user.id)
	return c.done()
}

// applyFields changes the root fields and attributes. Attributes without root fields take address and names away: the trap
// of the real server.
func (c *call) applyFields(u *user, body userBody) []profileFault {
	if body.Attributes != nil {
		u.attributes = body.Attributes
		u.first, u.last, u.email = "", "", ""
	}
	for from, into := range map[*string]*string{body.First: &u.first, body.Last: &u.last, body.Email: &u.email} {
		if from != nil {
			*into = *from
		}
	}
	if body.EmailVerified != nil {
		u.emailVerified = *body.EmailVerified
	}
	if body.Enabled != nil {
		u.enabled = *body.Enabled
	}
	if body.RequiredActions != nil {
		u.requiredActions = body.RequiredActions
	}
	return c.s.profile.check(u)
}

// GET /admin/realms/{realm}/users/{id}/sessions
func (c *call) listSessions() reply {
	out := []map[string]any{}
	for _, session := range c.s.sessionsOf(c.user.id) {
		clients := map[string]string{}
		for id := range session.clients {
			clients[c.s.clients[id].uuid] = id
		}
		out = append(out, map[string]any{
			"id": session.id, "username": c.user.username, "userId": c.user.id, "ipAddress": session.address, "rememberMe": false,
			"start": session.started.UnixMilli(), "lastAccess": session.last.UnixMilli(), "clients": clients, "transientUser": false,
		})
	}
	return c.ok(out)
}

func (s *Server) sessionsOf(person string) []*session {
	var out []*session
	for _, session := range s.sessions {
		if session.user.id == person && s.alive(session) {
			out = append(out, session)
		}
	}
	slices.SortFunc(out, func(a, b *session) int { return strings.Compare(a.id, b.id) })
	return out
}

// POST /admin/realms/{realm}/users/{id}/logout: ends every session, before the answer is given their clients are told.
func (c *call) logoutUser() reply {
	c.user.notBefore = c.s.now().Unix()
	c.record("ACTION", "USER", "users/"+c.user.id+"/logout")
	out := c.done()
	for _, session := range c.s.sessionsOf(c.user.id) {
		out.logouts = append(out.logouts, c.s.endSession(session)...)
	}
	return out
}
