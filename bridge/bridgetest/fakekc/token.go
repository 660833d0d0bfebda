package fakekc

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// POST /realms/{realm}/protocol/openid-connect/token
func (s *Server) token(r *http.Request) reply {
	form := postForm(r)
	c, failed := s.authenticate(r, form)
	if failed != nil {
		s.record(r, Event{Type: "CLIENT_LOGIN_ERROR", ClientID: form.Get("client_id"), Error: "invalid_client_credentials"})
		return oauthError(failed.status, failed.code, failed.description)
	}
	switch form.Get("grant_type") {
	case "":
		return oauthError(http.StatusBadRequest, "invalid_request", "Missing form parameter: grant_type")
	case "authorization_code":
		return s.redeem(r, c, form)
	case "refresh_token":
		return s.renew(r, c, form)
	case "client_credentials":
		return s.serviceToken(r, c)
	default:
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type")
	}
}

// redeem exchanges a code. A code that was shown once is used up, whatever came of it.
func (s *Server) redeem(r *http.Request, c *client, form url.Values) reply {
	given := form.Get("code")
	if given == "" {
		return oauthError(http.StatusBadRequest, "invalid_request", "Missing parameter: code")
	}
	found := s.codes[given]
	delete(s.codes, given)
	fault := ""
	switch {
	case found == nil || found.client.ID != c.ID || s.now().Sub(found.issued) >= codeLife:
		fault = "Code not valid"
	case form.Get("redirect_uri") != found.redirect:
		fault = "Incorrect redirect_uri"
	case s.sessions[found.session.id] == nil || !s.alive(found.session):
		fault = "Session not active"
	case found.params["code_challenge"] != "" && form.Get("code_verifier") == "":
		fault = "PKCE code verifier not specified"
	case found.params["code_challenge"] != "" && !verifies(found.params, form.Get("code_verifier")):
		fault = "PKCE verification failed: Code mismatch"
	}
	if fault != "" {
		s.record(r, Event{Type: "CODE_TO_TOKEN_ERROR", ClientID: c.ID, Error: "invalid_code", Details: map[string]string{"reason": fault}})
		return oauthError(http.StatusBadRequest, "invalid_grant", fault)
	}
	s.record(r, Event{
		Type: "CODE_TO_TOKEN", ClientID: c.ID, UserID: found.session.user.id, SessionID: found.session.id,
		Details: map[string]string{"grant_type": "authorization_code", "scope": grantedScope(found.params), "code_id": found.session.id},
	})
	return s.tokens(c, &refreshToken{client: c, session: found.session, params: found.params, level: found.level})
}

func verifies(p params, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return p["code_challenge"] == base64.RawURLEncoding.EncodeToString(sum[:])
}

// renew exchanges a refresh token as long as its session lives.
func (s *Server) renew(r *http.Request, c *client, form url.Values) reply {
	found := s.refresh[form.Get("refresh_token")]
	if found == nil || found.client.ID != c.ID {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid refresh token")
	}
	delete(s.refresh, form.Get("refresh_token"))
	if s.sessions[found.session.id] == nil || !s.alive(found.session) {
		s.record(r, Event{Type: "REFRESH_TOKEN_ERROR", ClientID: c.ID, UserID: found.session.user.id, Error: "invalid_token"})
		return oauthError(http.StatusBadRequest, "invalid_grant", "Session not active")
	}
	found.session.last = s.now()
	return s.tokens(c, found)
}

func grantedScope(p params) string {
	out := []string{}
	for _, scope := range []string{"openid", scopeGate} {
		if slices.Contains(p.scopes(), scope) {
			out = append(out, scope)
		}
	}
	return strings.Join(append(out, "email", "profile"), " ")
}

func (s *Server) tokens(c *client, grant *refreshToken) reply {
	scope := grantedScope(grant.params)
	base := s.claims(grant)
	access := s.sign("JWT", with(base, map[string]any{"typ": "Bearer", "scope": scope, "jti": newID()}))
	s.bearers[access] = &bearer{client: c, session: grant.session, scope: scope, expires: s.now().Add(tokenLife)}
	out := map[string]any{
		"access_token": access, "expires_in": int(tokenLife.Seconds()), "refresh_expires_in": 0, "token_type": "Bearer",
		"not-before-policy": 0, "session_state": grant.session.id, "scope": scope,
	}
	if slices.Contains(grant.params.scopes(), "openid") {
		own := map[string]any{"typ": "ID", "aud": c.ID, "jti": newID(), "at_hash": halfHash(access)}
		if nonce := grant.params["nonce"]; nonce != "" {
			own["nonce"] = nonce
		}
		if c.HelpdeskOnly {
			s.addRoles(own, grant)
		}
		out["id_token"] = s.sign("JWT", with(base, own))
	}
	if c.Public { // the login client's refresh tokens are switched off
		token := randomText()
		s.refresh[token] = grant
		out["refresh_token"], out["refresh_expires_in"] = token, int(ssoIdle.Seconds())
	}
	return jsonReply(http.StatusOK, out)
}

// addRoles puts the roles that the login client's tokens carry into one: those of the scope mappings of the realm file, and otp-auditor and otp-admin as the
// product asks for.
func (s *Server) addRoles(claims map[string]any, grant *refreshToken) {
	claims["amr"] = []string{}
	var roles []string
	for _, role := range s.effectiveRoles(grant.session.user) {
		if slices.Contains([]string{"otp-helpdesk", "otp-auditor", "otp-admin"}, role) {
			roles = append(roles, role)
		}
	}
	if roles != nil {
		claims["roles"] = roles
	}
}

// claims are those that ID tokens and access tokens share.
func (s *Server) claims(grant *refreshToken) map[string]any {
	u, now, acr := grant.session.user, s.now().Unix(), "pwd"
	if grant.level >= fullLevel {
		acr = "mfa"
	}
	out := map[string]any{
		"iss": s.Issuer, "sub": u.id, "azp": grant.client.ID, "sid": grant.session.id, "acr": acr, "iat": now, "exp": now + int64(tokenLife/time.Second),
		"auth_time": grant.session.authAt.Unix(), "preferred_username": u.username, "email_verified": u.emailVerified,
	}
	for name, value := range map[string]string{
		"email": u.email, "given_name": u.first, "family_name": u.last, "name": strings.TrimSpace(u.first + " " + u.last),
	} {
		if value != "" {
			out[name] = value
		}
	}
	if locale := u.attributes["locale"]; len(locale) > 0 {
		out["locale"] = locale[0]
	}
	return out
}

func with(base, more map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range []map[string]any{base, more} {
		for name, value := range m {
			out[name] = value
		}
	}
	return out
}

// halfHash is at_hash of OpenID Connect for the hash of both algorithms.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// serviceToken is the client credentials grant: a token for the client's service account.
func (s *Server) serviceToken(r *http.Request, c *client) reply {
	if c.Public {
		return oauthError(http.StatusUnauthorized, "unauthorized_client", "Public client not allowed to retrieve service account")
	}
	account := s.userByName("service-account-" + c.ID)
	if !c.Service.any() || account == nil {
		return oauthError(http.StatusUnauthorized, "unauthorized_client", "Client not enabled to retrieve service account")
	}
	now := s.now()
	access := s.sign("JWT", map[string]any{
		"iss": s.Issuer, "sub": account.id, "aud": "realm-management", "typ": "Bearer", "azp": c.ID, "scope": "", "jti": newID(),
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"resource_access": map[string]any{"realm-management": map[string]any{"roles": append(c.Service.names(), c.ExtraRoles...)}},
	})
	s.bearers[access] = &bearer{client: c, expires: now.Add(tokenLife)}
	s.record(r, Event{Type: "CLIENT_LOGIN", ClientID: c.ID, UserID: account.id, Details: map[string]string{"grant_type": "client_credentials", "username": account.username}})
	return jsonReply(http.StatusOK, map[string]any{
		"access_token": access, "expires_in": int(tokenLife.Seconds()), "refresh_expires_in": 0, "token_type": "Bearer", "not-before-policy": 0, "scope": "",
	})
}

// GET and POST /realms/{realm}/protocol/openid-connect/userinfo
func (s *Server) userinfo(r *http.Request) reply {
	refuse := func(why string) reply {
		challenge := `Bearer realm="` + s.opts.Realm + `", error="invalid_token", error_description="` + why + `"`
		return reply{status: http.StatusUnauthorized, header: http.Header{"Www-Authenticate": {challenge}}}
	}
	b := s.bearers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	switch {
	case b == nil || !s.now().Before(b.expires):
		return refuse("Token verification failed")
	case b.session == nil || s.sessions[b.session.id] == nil || !s.alive(b.session):
		return refuse("user_session_not_found")
	}
	u := b.session.user
	out := map[string]any{"sub": u.id, "preferred_username": u.username, "email_verified": u.emailVerified}
	if u.email != "" {
		out["email"] = u.email
	}
	return jsonReply(http.StatusOK, out)
}
