package fakekc

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	textOut   = "You are logged out"
	textLeave = "Do you want to log out?"
)

// logoutLife is how long a logout token is good for.
const logoutLife = 2 * time.Minute

// notice is a back-channel logout to be delivered.
type notice struct{ client, url, token string }

// endSession ends a session and says whom to tell.
func (s *Server) endSession(session *session) []notice {
	delete(s.sessions, session.id)
	var out []notice
	for id := range session.clients {
		c := s.clients[id]
		if c == nil || c.Backchannel == "" {
			continue
		}
		now := s.now()
		token := s.sign("logout+jwt", map[string]any{
			"iss": s.Issuer, "aud": id, "sub": session.user.id, "sid": session.id, "jti": newID(), "typ": "Logout",
			"iat": now.Unix(), "exp": now.Add(logoutLife).Unix(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		})
		out = append(out, notice{id, c.Backchannel, token})
	}
	return out
}

// deliver sends a back-channel logout and waits for the answer, whatever it is.
func (s *Server) deliver(ctx context.Context, n notice) {
	form := url.Values{"logout_token": {n.token}}
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, n.url, strings.NewReader(form.Encode()))
	if err != nil {
		s.opts.Log.WarnContext(ctx, "fakekc: back-channel logout", "client", n.client, "error", err)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.opts.Client.Do(req)
	if err != nil {
		s.opts.Log.WarnContext(ctx, "fakekc: back-channel logout", "client", n.client, "error", err)
		return
	}
	_ = resp.Body.Close() // nothing of it counts
}

// GET and POST /realms/{realm}/protocol/openid-connect/logout
func (s *Server) logoutPage(r *http.Request) reply {
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		q = postForm(r)
	}
	language := chooseLanguage(r, q.Get("ui_locales"))
	c, session := s.clients[q.Get("client_id")], (*session)(nil)
	if hint := q.Get("id_token_hint"); hint != "" {
		claims, ok := s.verify(hint)
		azp, _ := claims["azp"].(string)
		if !ok || claims["typ"] != "ID" || (q.Get("client_id") != "" && azp != q.Get("client_id")) {
			return s.errorPage(http.StatusBadRequest, language, "Invalid parameter: id_token_hint")
		}
		sid, _ := claims["sid"].(string)
		c, session = s.clients[azp], s.sessions[sid]
	}
	to := q.Get("post_logout_redirect_uri")
	if to != "" && (c == nil || !matches(c.AfterLogout, to)) {
		return s.errorPage(http.StatusBadRequest, language, "Invalid redirect uri")
	}
	if q.Get("id_token_hint") == "" {
		if s.sessionOf(r) != nil {
			return s.confirmLogout(r, language, c, q)
		}
		return s.loggedOut(language, to, q.Get("state"))
	}
	out := s.loggedOut(language, to, q.Get("state"))
	if session == nil {
		return out
	}
	e := Event{Type: "LOGOUT", ClientID: c.ID, UserID: session.user.id, SessionID: session.id}
	if to != "" {
		e.Details = map[string]string{"redirect_uri": to}
	}
	s.record(r, e)
	if own := s.sessionOf(r); own == session {
		out.cookies = append(out.cookies, s.cookie(cookieIdentity, "", -1))
	}
	out.logouts = s.endSession(session)
	return out
}

func (s *Server) confirmLogout(r *http.Request, language string, c *client, q url.Values) reply {
	target := url.Values{"to": {q.Get("post_logout_redirect_uri")}, "state": {q.Get("state")}}
	if c != nil {
		target.Set("client_id", c.ID)
	}
	return s.page(http.StatusOK, pageView{
		ID: "login-logout-confirm", Form: "kc-logout", Language: language, Heading: labels[language]["leave"], Message: textLeave,
		Action: s.Issuer + "/protocol/openid-connect/logout/logout-confirm?" + target.Encode(), Token: s.sessionOf(r).id,
	})
}

// POST /realms/{realm}/protocol/openid-connect/logout/logout-confirm
func (s *Server) logoutConfirm(r *http.Request) reply {
	q := r.URL.Query()
	language := chooseLanguage(r, "")
	session := s.sessionOf(r)
	if session == nil || postForm(r).Get("session_code") != session.id {
		return s.errorPage(http.StatusBadRequest, language, "Logout failed")
	}
	to := q.Get("to")
	if c := s.clients[q.Get("client_id")]; to != "" && (c == nil || !matches(c.AfterLogout, to)) {
		return s.errorPage(http.StatusBadRequest, language, "Invalid redirect uri")
	}
	s.record(r, Event{Type: "LOGOUT", UserID: session.user.id, SessionID: session.id})
	out := s.loggedOut(language, to, q.Get("state"))
	out.cookies = append(out.cookies, s.cookie(cookieIdentity, "", -1))
	out.logouts = s.endSession(session)
	return out
}

func (s *Server) loggedOut(language, to, state string) reply {
	if to == "" {
		return s.page(http.StatusOK, pageView{ID: "login-info", Language: language, Heading: labels[language]["out"], Message: textOut})
	}
	if state != "" {
		separator := "?"
		if strings.Contains(to, "?") {
			separator = "&"
		}
		to += separator + url.Values{"state": {state}}.Encode()
	}
	return redirect(to)
}
