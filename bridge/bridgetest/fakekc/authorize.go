package fakekc

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Cookies of the sign-in.
const (
	cookieBrowser  = "AUTH_SESSION_ID"
	cookieIdentity = "KEYCLOAK_IDENTITY"
	cookieLanguage = "KEYCLOAK_LOCALE"
)

// GET and POST /realms/{realm}/protocol/openid-connect/auth
func (s *Server) authorize(r *http.Request) reply {
	query := r.URL.Query()
	if r.Method == http.MethodPost {
		query = postForm(r)
	}
	language := chooseLanguage(r, query.Get("ui_locales"))
	if len(query["client_id"]) > 1 {
		return s.errorPage(http.StatusBadRequest, language, "Invalid Request")
	}
	c := s.clients[query.Get("client_id")]
	if c == nil {
		s.record(r, Event{Type: "LOGIN_ERROR", ClientID: query.Get("client_id"), Error: "client_not_found"})
		return s.errorPage(http.StatusBadRequest, language, "Client not found.")
	}
	p, fault := s.lockedParams(c, query)
	if fault != "" {
		s.record(r, Event{Type: "LOGIN_ERROR", ClientID: c.ID, Error: "invalid_request", Details: map[string]string{"reason": fault}})
		return s.errorPage(http.StatusBadRequest, language, fault)
	}
	if !c.redirects(p["redirect_uri"]) {
		s.record(r, Event{
			Type: "LOGIN_ERROR", ClientID: c.ID, Error: "invalid_redirect_uri", Details: map[string]string{"redirect_uri": p["redirect_uri"]},
		})
		return s.errorPage(http.StatusBadRequest, language, "Invalid parameter: redirect_uri")
	}
	if fault := s.checkRequest(c, p); fault != nil {
		s.record(r, Event{Type: "LOGIN_ERROR", ClientID: c.ID, Error: "invalid_request", Details: map[string]string{"reason": fault.description}})
		return redirect(s.callback(p, url.Values{"error": {fault.code}, "error_description": {fault.description}}))
	}
	return s.begin(r, c, p)
}

// callback builds the URL that hands an answer to a client.
func (s *Server) callback(p params, answer url.Values) string {
	if p["state"] != "" {
		answer.Set("state", p["state"])
	}
	answer.Set("iss", s.Issuer)
	separator := "?"
	if u, err := url.Parse(p["redirect_uri"]); err == nil && u.RawQuery != "" {
		separator = "&"
	}
	return p["redirect_uri"] + separator + answer.Encode()
}

// begin opens a tab for a checked request and goes as far as it can without a page.
func (s *Server) begin(r *http.Request, c *client, p params) reply {
	t := &tab{
		id: randomText(), browser: cookieValue(r, cookieBrowser), client: c, params: p, created: s.now(),
		language: chooseLanguage(r, p["ui_locales"]), tried: p["login_hint"],
	}
	var cookies []*http.Cookie
	if t.browser == "" {
		t.browser = randomText()
		cookies = append(cookies, s.cookie(cookieBrowser, t.browser, 0))
	}
	s.continueSession(t, s.sessionOf(r))
	if p.prompt("none") && s.needsPage(t) {
		return redirect(s.callback(p, url.Values{"error": {"login_required"}}))
	}
	s.tabs[t.id] = t
	out := s.advance(r, t)
	if out.status == http.StatusOK { // a form: shown under an address of its own
		out = redirect(s.tabURL(t, "authenticate"))
	}
	out.cookies = append(out.cookies, cookies...)
	return out
}

// continueSession lets the SSO session stand for the password, unless a fresh sign-in is asked for.
func (s *Server) continueSession(t *tab, session *session) {
	if session == nil {
		return
	}
	fresh := t.params.prompt("login")
	if age, err := strconv.Atoi(t.params["max_age"]); err == nil && s.now().Sub(session.authAt) > time.Duration(age)*time.Second {
		fresh = true
	}
	if t.params["acr_values"] == "mfa" && session.level < fullLevel && !t.params.recovery() {
		fresh = true
	}
	t.session = session
	if fresh {
		t.known, t.tried = session.user, session.user.username
		return
	}
	t.user = session.user
	session.last = s.now()
}

// needsPage reports whether somebody would have to type something.
func (s *Server) needsPage(t *tab) bool {
	return t.user == nil || (!t.params.recovery() && t.session.level < fullLevel)
}

// sessionOf finds the living SSO session of a browser, nil when there is none.
func (s *Server) sessionOf(r *http.Request) *session {
	session := s.sessions[s.identity[cookieValue(r, cookieIdentity)]]
	if session == nil || s.alive(session) {
		return session
	}
	delete(s.sessions, session.id) // for good: an account that is enabled again has to sign in
	return nil
}

func (s *Server) alive(session *session) bool {
	now := s.now()
	return session.user.enabled && s.users[session.user.id] != nil && now.Sub(session.last) < ssoIdle && now.Sub(session.started) < ssoMax
}

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// cookie makes a cookie as Keycloak does: Secure on plain loopback too.
func (s *Server) cookie(name, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/realms/" + s.opts.Realm + "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode,
	}
}

func (s *Server) tabURL(t *tab, action string) string {
	q := url.Values{"client_id": {t.client.ID}, "tab_id": {t.id}}
	return s.Issuer + "/login-actions/" + action + "?" + q.Encode()
}

// formURL is where the form of the tab's page is sent to. It changes with every page.
func (s *Server) formURL(t *tab) string {
	return s.tabURL(t, "authenticate") + "&session_code=" + t.code
}
