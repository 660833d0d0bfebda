package fakekc

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// call is one call of the Admin REST API by a client whose token was believed.
type call struct {
	s      *Server
	r      *http.Request
	client *client
	user   *user  // of the path, when there is one
	group  *group // of the path, when there is one
}

// need is the right a call takes.
type need int

const (
	needView    need = iota // view-realm
	needEvents              // view-events
	needSearch              // query-users or manage-users
	needPerson              // the person of the path is one that the account may manage
	needLock                // needPerson, for brute-force protection
	needGroup               // the group of the path is one that the account may see
	needUsers               // manage-users of the whole realm
	needClients             // query-clients
)

// adminRoutes lists the calls of the Admin REST API.
func (s *Server) adminRoutes(mux *http.ServeMux) {
	base := "/admin/realms/" + s.opts.Realm
	for _, route := range []struct {
		pattern string
		need    need
		work    func(*call) reply
	}{
		{"GET ", needView, (*call).realm},
		{"GET /events", needEvents, (*call).userEvents},
		{"GET /admin-events", needEvents, (*call).adminEvents},
		{"GET /users/profile", needView, (*call).userProfile},
		{"GET /roles/{role}", needView, (*call).role},
		{"GET /roles/{role}/users", needSearch, (*call).roleUsers},
		{"GET /users", needSearch, (*call).search},
		{"GET /users/{id}", needPerson, (*call).getUser},
		{"PUT /users/{id}", needPerson, (*call).putUser},
		{"GET /users/{id}/credentials", needPerson, (*call).listCredentials},
		{"DELETE /users/{id}/credentials/{cid}", needPerson, (*call).deleteCredential},
		{"PUT /users/{id}/credentials/{cid}/userLabel", needPerson, (*call).labelCredential},
		{"POST /users/{id}/credentials/{cid}/moveToFirst", needPerson, (*call).moveCredential},
		{"POST /users/{id}/credentials/{cid}/moveAfter/{after}", needPerson, (*call).moveCredential},
		{"PUT /users/{id}/disable-credential-types", needPerson, (*call).done},
		{"GET /users/{id}/configured-user-storage-credential-types", needPerson, (*call).none},
		{"GET /users/{id}/groups", needPerson, (*call).listGroups},
		{"PUT /users/{id}/groups/{gid}", needPerson, (*call).joinGroup},
		{"DELETE /users/{id}/groups/{gid}", needPerson, (*call).leaveGroup},
		{"GET /users/{id}/role-mappings/realm", needPerson, (*call).directRoles},
		{"GET /users/{id}/role-mappings/realm/composite", needPerson, (*call).allRoles},
		{"GET /users/{id}/role-mappings/clients/{client}/composite", needPerson, (*call).allRights},
		{"GET /clients", needClients, (*call).searchClients},
		{"GET /users/{id}/sessions", needPerson, (*call).listSessions},
		{"POST /users/{id}/logout", needPerson, (*call).logoutUser},
		{"GET /attack-detection/brute-force/users/{id}", needLock, (*call).bruteForce},
		{"DELETE /attack-detection/brute-force/users/{id}", needLock, (*call).clearBruteForce},
		{"GET /groups", needUsers, (*call).searchGroups},
		{"GET /groups/{gid}", needGroup, (*call).getGroup},
		{"GET /groups/{gid}/members", needGroup, (*call).members},
		{"GET /group-by-path/{path...}", needGroup, (*call).getGroup},
		{"DELETE /sessions/{sid}", needUsers, (*call).deleteSession},
	} {
		method, path, _ := strings.Cut(route.pattern, " ")
		mux.HandleFunc(method+" "+base+path, s.answer(func(r *http.Request) reply { return s.adminCall(r, route.need, route.work) }))
	}
	for pattern, work := range realmRoutes() {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+base+path, s.answer(func(r *http.Request) reply { return s.adminCall(r, needView, work) }))
	}
	mux.HandleFunc("GET /admin/serverinfo", s.answer(func(r *http.Request) reply { // the version is for those who manage the realm
		return s.adminCall(r, needView, func(c *call) reply { return c.ok(object{"systemInfo": object{}}) })
	}))
	mux.HandleFunc("/admin/realms/", s.answer(s.unknownAdmin))
}

// adminCall believes the caller, finds what the path is about, checks the right and does the work.
func (s *Server) adminCall(r *http.Request, right need, work func(*call) reply) reply {
	b := s.bearers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	c := &call{s: s, r: r}
	if b == nil || !s.now().Before(b.expires) {
		return c.fault(http.StatusUnauthorized, "HTTP 401 Unauthorized")
	}
	c.client = b.client
	if id := r.PathValue("id"); id != "" {
		if c.user = s.users[id]; c.user == nil {
			return c.nobody(right)
		}
	}
	if right == needGroup || r.PathValue("gid") != "" {
		if missing := c.findGroup(); missing != "" {
			return c.fault(http.StatusNotFound, missing)
		}
	}
	if b.session != nil || !c.may(right) {
		return c.fault(http.StatusForbidden, "HTTP 403 Forbidden")
	}
	return work(c)
}

// nobody answers a call about a person who does not exist. Brute-force protection knows no 404.
func (c *call) nobody(right need) reply {
	switch {
	case right != needLock:
		return c.fault(http.StatusNotFound, "User not found")
	case !c.client.Service.ManageUsers:
		return c.fault(http.StatusForbidden, "HTTP 403 Forbidden")
	}
	c.user = &user{}
	if c.r.Method == http.MethodGet {
		return c.bruteForce()
	}
	return c.done()
}

// findGroup finds the group of the path by id or by name; otherwise it returns the error's text.
func (c *call) findGroup() string {
	if path := c.r.PathValue("path"); path != "" {
		if c.group = c.s.groupByName(path); c.group == nil {
			return "Group path does not exist"
		}
		return ""
	}
	if c.group = c.s.groups[c.r.PathValue("gid")]; c.group != nil {
		return ""
	}
	if c.user != nil {
		return "Group not found"
	}
	return "Could not find group by id"
}

// may reports whether the service account has a right, fine-grained permissions included.
func (c *call) may(right need) bool {
	r := c.client.Service
	switch right {
	case needView:
		return r.ViewRealm
	case needEvents:
		return r.ViewEvents
	case needSearch:
		return r.QueryUsers || r.ManageUsers
	case needPerson, needLock:
		return c.reaches(c.user)
	case needClients:
		return r.Administrators
	case needGroup:
		return r.ManageUsers || (r.Members && (c.group.name == groupGate || c.listsMembers())) || (r.Groups && !strings.HasSuffix(c.r.URL.Path, "/members"))
	default:
		return r.ManageUsers
	}
}

// listsMembers: members of the group of recoverable people may be listed, the group itself may not be seen.
func (c *call) listsMembers() bool {
	return c.group.name == groupAllow && strings.HasSuffix(c.r.URL.Path, "/members")
}

// reaches reports whether the account may see and manage a person.
func (c *call) reaches(u *user) bool {
	r := c.client.Service
	return r.ManageUsers || (r.Members && c.s.inGroup(u, groupAllow))
}

// unknownAdmin answers for other realms and calls that the fake does not know.
func (s *Server) unknownAdmin(r *http.Request) reply {
	c := &call{s: s, r: r}
	realm, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/admin/realms/"), "/")
	switch {
	case s.bearers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] == nil:
		return c.fault(http.StatusUnauthorized, "HTTP 401 Unauthorized")
	case realm != s.opts.Realm:
		return c.fault(http.StatusNotFound, "Realm not found.")
	default:
		return c.fault(http.StatusNotFound, "HTTP 404 Not Found")
	}
}

// ok is 200 with a value.
func (c *call) ok(value any) reply {
	out := jsonReply(http.StatusOK, value)
	out.header.Set("Content-Type", "application/json;charset=UTF-8")
	out.header.Set("Cache-Control", "no-cache")
	return out
}

// fault is an error in the form {"error":…}.
func (c *call) fault(status int, text string) reply {
	return jsonReply(status, map[string]string{"error": text})
}

// message is an error in the form {"errorMessage":…}.
func (c *call) message(status int, text string) reply {
	return jsonReply(status, map[string]string{"errorMessage": text})
}

func (c *call) done() reply { return reply{status: http.StatusNoContent} }

func (c *call) none() reply { return c.ok([]string{}) }

// record saves an admin event.
func (c *call) record(operation, resource, path string) {
	c.s.admin = append(c.s.admin, AdminEvent{
		ID: newID(), Time: c.s.now().UnixMilli(), RealmID: c.s.realmID, OperationType: operation, ResourceType: resource, ResourcePath: path,
		AuthDetails: map[string]string{
			"realmId": c.s.realmID, "clientId": c.client.uuid, "userId": c.s.userByName("service-account-" + c.client.ID).id,
			"ipAddress": clientAddress(c.r),
		},
	})
}

// DELETE /admin/realms/{realm}/sessions/{sid}
func (c *call) deleteSession() reply {
	session := c.s.sessions[c.r.PathValue("sid")]
	if session == nil {
		return c.fault(http.StatusNotFound, "Sesssion not found")
	}
	c.record("DELETE", "USER_SESSION", "sessions/"+session.id)
	out := c.done()
	out.logouts = c.s.endSession(session)
	return out
}

// GET /admin/realms/{realm}
func (c *call) realm() reply { return c.ok(c.s.realm) }

// GET /admin/realms/{realm}/users/profile
func (c *call) userProfile() reply { return c.ok(c.s.profile) }

func (c *call) roleView(name string) map[string]any {
	id := c.s.roleIDs[name]
	if id == "" {
		id = newID()
		c.s.roleIDs[name] = id
	}
	return map[string]any{"id": id, "name": name, "composite": name == c.s.defaultRole(), "clientRole": false, "containerId": c.s.realmID}
}

func (c *call) roleList(names []string) reply {
	out := []map[string]any{}
	for _, name := range names {
		out = append(out, c.roleView(name))
	}
	return c.ok(out)
}

// GET /admin/realms/{realm}/roles/{role}
func (c *call) role() reply {
	name := c.r.PathValue("role")
	if !slices.Contains(c.s.knownRoles(), name) {
		return c.fault(http.StatusNotFound, "Could not find role")
	}
	return c.ok(c.roleView(name))
}

// knownRoles are the realm's roles: those of the realm file and whatever somebody has.
func (s *Server) knownRoles() []string {
	out := []string{roleGate, "otp-helpdesk", "offline_access", "uma_authorization", s.defaultRole()}
	for _, u := range s.users {
		out = append(out, u.roles...)
	}
	for _, g := range s.groups {
		out = append(out, g.roles...)
	}
	return out
}

// GET /admin/realms/{realm}/roles/{role}/users: people who have the role directly.
func (c *call) roleUsers() reply {
	if !slices.Contains(c.s.knownRoles(), c.r.PathValue("role")) {
		return c.fault(http.StatusNotFound, "Could not find role")
	}
	out := []userView{}
	for _, u := range c.s.sorted() {
		if slices.Contains(u.roles, c.r.PathValue("role")) && c.reaches(u) {
			out = append(out, c.view(u))
		}
	}
	return c.ok(page(c.r.URL.Query(), out, 100))
}

// GET /admin/realms/{realm}/users/{id}/role-mappings/realm
func (c *call) directRoles() reply { return c.roleList(c.user.roles) }

// GET /admin/realms/{realm}/users/{id}/role-mappings/realm/composite
func (c *call) allRoles() reply { return c.roleList(c.s.effectiveRoles(c.user)) }

// decode reads the JSON body and refuses fields that Keycloak does not know, in its words.
func (c *call) decode(into any) *reply {
	d := json.NewDecoder(c.r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		return nil
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		out := c.fault(http.StatusBadRequest, "Invalid json representation. Unrecognized field "+field+".")
		return &out
	}
	out := jsonReply(http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "Cannot parse the JSON"})
	return &out
}
