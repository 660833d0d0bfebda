package fakekc

import (
	"net/http"
	"net/url"
	"slices"
)

// FlowPasswordAlone is the browser flow of a realm that was set up wrongly: it never asks for a second factor (SetRealm, "browserFlow").
const FlowPasswordAlone = "password alone"

// advance goes on with a sign-in by the rules of the fail-closed flow: who, then the gate for a password-only sign-in, then
// the second factor for every other one unless the session has recorded its level. It answers with the next form (200), an
// error page or the redirect to the client.
func (s *Server) advance(r *http.Request, t *tab) reply {
	switch {
	case t.user == nil:
		return s.passwordPage(t, "")
	case t.params.recovery():
		if !slices.Contains(s.effectiveRoles(t.user), roleGate) {
			return s.deny(r, t)
		}
	case s.realm["browserFlow"] == FlowPasswordAlone:
	case !t.second && (t.typed || t.session.level < fullLevel):
		return s.askSecondFactor(r, t, "")
	}
	if action := s.pendingAction(t); action != "" {
		return s.actionPage(t, action)
	}
	return s.finish(r, t)
}

// deny is the closed gate: it counts as a failure of the person, and leaves no cookie and no way back.
func (s *Server) deny(r *http.Request, t *tab) reply {
	delete(s.tabs, t.id)
	s.record(r, t.event("LOGIN_ERROR", "access_denied", map[string]string{"username": t.user.username}))
	s.fail(r, t.user, false)
	return s.errorPage(http.StatusUnauthorized, t.language, textDenied)
}

func (s *Server) askSecondFactor(r *http.Request, t *tab, message string) reply {
	for _, c := range t.user.credentials {
		switch c.typ {
		case "otp":
			return s.otpPage(t, message)
		case "recovery-authn-codes":
			return s.recoveryPage(t, message)
		}
	}
	delete(s.tabs, t.id)
	e := t.event("LOGIN_ERROR", "invalid_user_credentials", nil)
	e.UserID = t.user.id
	s.record(r, e)
	return s.errorPage(http.StatusBadRequest, t.language, textWrongPassword)
}

// pendingAction is the page Keycloak would show before it lets the person go on.
func (s *Server) pendingAction(t *tab) string {
	if len(t.user.requiredActions) > 0 {
		return t.user.requiredActions[0]
	}
	if s.profile.gap(t.user) {
		return "VERIFY_PROFILE"
	}
	if asked := t.params["kc_action"]; asked != t.acted {
		return asked
	}
	return ""
}

// finish records the sign-in in the browser's session and hands a code to the client.
func (s *Server) finish(r *http.Request, t *tab) reply {
	t.done = true
	delete(s.pushed, t.params["request_uri"])
	now := s.now()
	session := s.sessionOf(r)
	if session != nil && session.user != t.user {
		e := t.event("LOGIN_ERROR", "different_user_authenticated", map[string]string{"username": t.user.username})
		s.record(r, e)
		return s.errorPage(http.StatusBadRequest, t.language, textOtherUser)
	}
	var cookies []*http.Cookie
	level := noLevel
	switch {
	case session == nil:
		session = newSession(t.user, clientAddress(r))
		session.started, session.authAt = now, now
		s.sessions[session.id] = session
		token := randomText()
		s.identity[token] = session.id
		cookies = append(cookies, s.cookie(cookieIdentity, token, 0))
	case t.typed:
		session.authAt = now // a second factor alone does not move it
	default:
		level = session.level
	}
	if t.second {
		level, session.level = fullLevel, fullLevel
	}
	if t.typed {
		t.user.failures = failures{}
	}
	session.last = now
	session.clients[t.client.ID] = true
	answer := url.Values{"session_state": {session.id}, "code": {s.issueCode(t, session, level)}}
	if t.acted != "" {
		answer["kc_action"], answer["kc_action_status"] = []string{t.acted}, []string{"success"}
	}
	out := redirect(s.callback(t.params, answer))
	out.cookies = cookies
	s.recordLogin(r, t, session)
	return out
}

func newSession(u *user, address string) *session {
	return &session{id: randomText()[:24], user: u, address: address, clients: map[string]bool{}}
}

func (s *Server) issueCode(t *tab, session *session, level int) string {
	value := newID() + "." + session.id + "." + t.client.uuid
	s.codes[value] = &code{client: t.client, session: session, params: t.params, level: level, issued: s.now(), redirect: t.params["redirect_uri"]}
	return value
}

func (s *Server) recordLogin(r *http.Request, t *tab, session *session) {
	e := t.event("LOGIN", "", map[string]string{
		"username": t.user.username, "response_type": "code", "response_mode": "query", "consent": "no_consent_required", "code_id": session.id,
	})
	e.UserID, e.SessionID = t.user.id, session.id
	if t.second {
		e.Details["selected_credential_id"] = t.credential
	}
	s.record(r, e)
}

// event is an event of the tab's sign-in.
func (t *tab) event(typ, failure string, details map[string]string) Event {
	all := map[string]string{"auth_method": "openid-connect", "auth_type": "code", "redirect_uri": t.params["redirect_uri"], "code_id": t.id}
	for name, value := range details {
		all[name] = value
	}
	return Event{Type: typ, ClientID: t.client.ID, Error: failure, Details: all}
}
