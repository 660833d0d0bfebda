package fakekc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	pushedURN       = "urn:ietf:params:oauth:request_uri:"
	challengeLength = 43 // SHA-256 in Base64
)

// requestFault is what is wrong with an authorization request.
type requestFault struct{ code, description string }

// POST /realms/{realm}/protocol/openid-connect/ext/par/request
func (s *Server) push(r *http.Request) reply {
	form := postForm(r)
	c, failed := s.authenticate(r, form)
	if failed != nil {
		if failed.status == http.StatusUnauthorized {
			return oauthError(http.StatusUnauthorized, "invalid_request", "Authentication failed.")
		}
		return oauthError(failed.status, failed.code, failed.description)
	}
	p := params{}
	for name, values := range form {
		if len(values) > 1 {
			return oauthError(http.StatusBadRequest, "invalid_request", "duplicated parameter")
		}
		if !slices.Contains([]string{"client_secret", "client_assertion", "client_assertion_type"}, name) {
			p[name] = values[0]
		}
	}
	p["client_id"] = c.ID
	if p["request_uri"] != "" {
		return oauthError(http.StatusBadRequest, "invalid_request", "It is not allowed to include request_uri to PAR.")
	}
	if !c.redirects(p["redirect_uri"]) {
		return oauthError(http.StatusBadRequest, "invalid_request", "Invalid parameter: redirect_uri")
	}
	if fault := s.checkRequest(c, p); fault != nil {
		return oauthError(http.StatusBadRequest, "invalid_request", fault.description)
	}
	uri := pushedURN + newID()
	p["request_uri"] = uri
	s.pushed[uri] = &pushedRequest{client: c.ID, params: p, expires: s.now().Add(pushLife)}
	return jsonReply(http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": int(pushLife.Seconds())})
}

func (c *client) redirects(uri string) bool { return matches(c.Redirects, uri) }

func matches(patterns []string, uri string) bool {
	return uri != "" && slices.ContainsFunc(patterns, func(p string) bool {
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			return strings.HasPrefix(uri, prefix)
		}
		return p == uri
	})
}

// scopes are those that a client may ask for: SetRealm takes the recovery scope away.
func (s *Server) scopes() []string {
	all := []string{"openid", "basic", "acr", "profile", "email"}
	if s.realm["recoveryScope"] != false {
		all = append(all, scopeGate)
	}
	return all
}

// checkRequest checks what a redirect can answer.
func (s *Server) checkRequest(c *client, p params) *requestFault {
	switch {
	case p["response_type"] == "":
		return &requestFault{"invalid_request", "Missing parameter: response_type"}
	case p["response_type"] != "code":
		return &requestFault{"unsupported_response_type", ""}
	}
	allowed := slices.DeleteFunc(s.scopes(), func(name string) bool { return name == scopeGate && !c.RecoveryDesk })
	for _, scope := range p.scopes() {
		if !slices.Contains(allowed, scope) {
			return &requestFault{"invalid_scope", "Invalid scopes: " + p["scope"]} // the PAR endpoint says invalid_request
		}
	}
	if !c.PKCE {
		return nil
	}
	switch {
	case p["code_challenge"] == "":
		return &requestFault{"invalid_request", "Missing parameter: code_challenge"}
	case p["code_challenge_method"] == "":
		return &requestFault{"invalid_request", "Missing parameter: code_challenge_method"}
	case p["code_challenge_method"] != "S256":
		return &requestFault{"invalid_request", "Invalid parameter: code challenge method is not matching the configured one"}
	case len(p["code_challenge"]) < challengeLength:
		return &requestFault{"invalid_request", "Invalid parameter: code_challenge"}
	}
	return nil
}

// lockedParams applies the PAR lock to a front-channel request: only pushed parameters count. It returns "" or the text
// of the error page.
func (s *Server) lockedParams(c *client, query url.Values) (p params, fault string) {
	uri := query.Get("request_uri")
	if uri == "" {
		if c.RecoveryDesk {
			return nil, "PAR request_uri not included."
		}
		p = params{}
		for name := range query {
			p[name] = query.Get(name)
		}
		return p, ""
	}
	pushed := s.pushed[uri]
	if pushed == nil || pushed.client != c.ID || !s.now().Before(pushed.expires) {
		return nil, "PAR not found, not issued or used multiple times."
	}
	for name := range query {
		if _, known := pushed.params[name]; !known && c.RecoveryDesk {
			delete(s.pushed, uri)
			return nil, "PAR request did not include query parameter"
		}
	}
	return pushed.params, ""
}
