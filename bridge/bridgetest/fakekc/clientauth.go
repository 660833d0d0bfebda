package fakekc

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientError is why a client is not believed.
type clientError struct {
	status            int
	code, description string
}

func (e *clientError) Error() string { return e.code + ": " + e.description }

var (
	errClient    = &clientError{http.StatusUnauthorized, "invalid_client", "Invalid client or Invalid client credentials"}
	errSecret    = &clientError{http.StatusUnauthorized, "unauthorized_client", "Invalid client or Invalid client credentials"}
	errAssertion = func(why string) *clientError { return &clientError{http.StatusBadRequest, "invalid_client", why} }
)

// authenticate says which client sends a form: by secret, by private_key_jwt, or a public one by its name.
func (s *Server) authenticate(r *http.Request, form url.Values) (*client, *clientError) {
	if form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		return s.byAssertion(form)
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = unescape(user), unescape(password)
	}
	c := s.clients[id]
	switch {
	case c == nil:
		return nil, errClient
	case c.Public:
		return c, nil
	case c.Secret == "" || c.Keys != nil || c.JWKSURL != "" || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1:
		return nil, errSecret
	}
	return c, nil
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

type assertion struct {
	Issuer  string          `json:"iss"`
	Subject string          `json:"sub"`
	Aud     json.RawMessage `json:"aud"`
	JTI     string          `json:"jti"`
	Expires int64           `json:"exp"`
	Issued  int64           `json:"iat"`
}

// byAssertion checks a private_key_jwt as Keycloak does: known key, this audience, alive, never seen.
func (s *Server) byAssertion(form url.Values) (*client, *clientError) {
	if form.Get("client_assertion_type") != assertionType {
		return nil, errAssertion("Parameter client_assertion_type has unexpected value")
	}
	claims, ok := unverified(form.Get("client_assertion"))
	if !ok {
		return nil, errAssertion("Invalid client assertion")
	}
	c := s.clients[claims.Subject]
	if c == nil || claims.Issuer != claims.Subject || (form.Get("client_id") != "" && form.Get("client_id") != claims.Subject) {
		return nil, errClient
	}
	if !c.signed(form.Get("client_assertion")) {
		return nil, errAssertion("Client authentication with signed JWT failed: Signature on JWT token failed validation")
	}
	if err := s.checkAssertion(claims); err != nil {
		return nil, err
	}
	return c, nil
}

func unverified(token string) (assertion, bool) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA})
	if err != nil {
		return assertion{}, false
	}
	var claims assertion
	err = json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claims)
	return claims, err == nil
}

// signed reports whether one of the client's keys made the token.
func (c *client) signed(token string) bool {
	set := c.Keys
	if c.JWKSURL != "" {
		set = c.keys
	}
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA})
	if set == nil || err != nil {
		return false
	}
	for _, key := range set.Key(signed.Signatures[0].Header.KeyID) {
		if _, err := signed.Verify(key.Key); err == nil {
			return true
		}
	}
	return false
}

func (s *Server) checkAssertion(claims assertion) *clientError {
	var audiences []string
	var one string
	if json.Unmarshal(claims.Aud, &one) == nil {
		audiences = []string{one}
	} else if json.Unmarshal(claims.Aud, &audiences) != nil {
		return errAssertion("Invalid token audience")
	}
	oidc := s.Issuer + "/protocol/openid-connect"
	known := []string{s.Issuer, oidc + "/token", oidc + "/ext/par/request"}
	now := s.now()
	switch {
	case len(audiences) > 1:
		return errAssertion("Multiple audiences not allowed")
	case len(audiences) == 0 || !slices.Contains(known, audiences[0]):
		return errAssertion("Invalid token audience")
	case claims.JTI == "":
		return errAssertion("Missing jti claim")
	case claims.Expires == 0 || !now.Before(time.Unix(claims.Expires, 0)):
		return errAssertion("Token is not active")
	}
	if until, seen := s.seenJTI[claims.JTI]; seen && now.Before(until) {
		return errAssertion("Token reuse detected")
	}
	s.seenJTI[claims.JTI] = time.Unix(claims.Expires, 0)
	return nil
}

// fetchClientKeys reads the key set of the client that a request names, when its keys stand at a URL and the one used is
// not known yet. It runs before the realm is locked: the key set may be served by whoever is calling.
func (s *Server) fetchClientKeys(r *http.Request, body []byte) {
	if r.Method != http.MethodPost || !strings.Contains(string(body), "client_assertion") {
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return
	}
	token := form.Get("client_assertion")
	claims, ok := unverified(token)
	if !ok {
		return
	}
	s.mu.Lock()
	c := s.clients[claims.Subject]
	from := ""
	if c != nil && !c.signed(token) {
		from = c.JWKSURL
	}
	s.mu.Unlock()
	if from == "" {
		return
	}
	set, err := s.fetchKeys(r, from)
	if err != nil {
		s.opts.Log.WarnContext(r.Context(), "fakekc: key set of a client", "client", claims.Subject, "error", err)
		return
	}
	s.mu.Lock()
	c.keys = set
	s.mu.Unlock()
}

func (s *Server) fetchKeys(r *http.Request, from string) (*jose.JSONWebKeySet, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := s.opts.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("status " + resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return nil, err
	}
	set := new(jose.JSONWebKeySet)
	return set, json.Unmarshal(body, set)
}

// postForm reads the form of a POST; parameters of the URL do not count.
func postForm(r *http.Request) url.Values {
	if err := r.ParseForm(); err != nil {
		return url.Values{}
	}
	return r.PostForm
}
