package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	testIssuer   = "https://sso.example.test/realms/campus"
	testClient   = "otpbridge-login"
	testCallback = "https://bridge.example.test/oidc/callback"
	testScope    = "otp-recovery"
)

// clock is a clock that stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// grant is a code waiting to be redeemed.
type grant struct {
	request  url.Values
	authTime time.Time
}

// evilOP is an OpenID Provider that behaves well until it is told to lie.
type evilOP struct {
	t      *testing.T
	issuer string
	now    func() time.Time
	client KeySet
	secret string

	mu        sync.Mutex
	down      bool
	published []jose.JSONWebKey
	signing   opKey
	requests  map[string]url.Values
	grants    map[string]grant
	jtis      map[string]bool
	calls     map[string]int
	pushes    []url.Values
	ended     []string

	// Lies, set before the call they are for.
	lieMeta      func(map[string]any)
	liePush      http.HandlerFunc
	lieAuthorize http.HandlerFunc
	lieToken     http.HandlerFunc
	lieJWKS      http.HandlerFunc
	lieEnd       http.HandlerFunc
	lieID        func(*forged)
	lieReply     func(map[string]any)
}

func newEvilOP(t *testing.T, now func() time.Time) *evilOP {
	t.Helper()
	client, err := NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	op := &evilOP{
		t: t, issuer: testIssuer, now: now, client: client, signing: ecKey("first"),
		requests: map[string]url.Values{}, grants: map[string]grant{}, jtis: map[string]bool{}, calls: map[string]int{},
	}
	op.published = []jose.JSONWebKey{op.signing.jwk()}
	return op
}

// rotate makes a new signing key and publishes it alone.
func (op *evilOP) rotate(id string) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.signing = ecKey(id)
	op.published = []jose.JSONWebKey{op.signing.jwk()}
}

// locked changes the provider while others call it.
func (op *evilOP) locked(change func()) {
	op.mu.Lock()
	defer op.mu.Unlock()
	change()
}

func (op *evilOP) setDown(down bool) { op.locked(func() { op.down = down }) }

func (op *evilOP) count(path string) int {
	op.mu.Lock()
	defer op.mu.Unlock()
	return op.calls[path]
}

// RoundTrip serves the call in memory, so that tests with a fake clock can wait for it.
func (op *evilOP) RoundTrip(r *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(r.URL.Scheme+"://"+r.URL.Host+r.URL.Path, op.issuer)
	op.mu.Lock()
	op.calls[path]++
	down := op.down
	op.mu.Unlock()
	if down {
		return nil, errors.New("connection refused")
	}
	if r.Header.Get("Cookie") != "" {
		op.t.Error("a call to the provider carries a cookie")
	}
	recorder := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		op.serve(recorder, r, path)
	}()
	select {
	case <-done:
		return recorder.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (op *evilOP) serve(w http.ResponseWriter, r *http.Request, path string) {
	op.mu.Lock()
	lieJWKS, liePush, lieAuthorize, lieToken, lieEnd := op.lieJWKS, op.liePush, op.lieAuthorize, op.lieToken, op.lieEnd
	op.mu.Unlock()
	switch path {
	case "/.well-known/openid-configuration":
		reply(w, 200, op.metadata())
	case "/jwks":
		serveOr(lieJWKS, op.jwks)(w, r)
	case "/par":
		serveOr(liePush, op.push)(w, r)
	case "/auth":
		serveOr(lieAuthorize, http.NotFound)(w, r)
	case "/token":
		serveOr(lieToken, op.token)(w, r)
	case "/logout":
		serveOr(lieEnd, op.end)(w, r)
	default:
		http.NotFound(w, r)
	}
}

func serveOr(lie, truth http.HandlerFunc) http.HandlerFunc {
	if lie != nil {
		return lie
	}
	return truth
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// hang answers nothing until the caller gives up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func (op *evilOP) metadata() map[string]any {
	meta := map[string]any{
		"issuer":                                         op.issuer,
		"authorization_endpoint":                         op.issuer + "/auth",
		"token_endpoint":                                 op.issuer + "/token",
		"userinfo_endpoint":                              op.issuer + "/userinfo",
		"pushed_authorization_request_endpoint":          op.issuer + "/par",
		"end_session_endpoint":                           op.issuer + "/logout",
		"jwks_uri":                                       op.issuer + "/jwks",
		"code_challenge_methods_supported":               []string{"plain", "S256"},
		"id_token_signing_alg_values_supported":          []string{"HS256", "none", "ES256", "RS256"},
		"token_endpoint_auth_methods_supported":          []string{"private_key_jwt", "client_secret_basic"},
		"authorization_response_iss_parameter_supported": true,
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.lieMeta != nil {
		op.lieMeta(meta)
	}
	return meta
}

func (op *evilOP) jwks(w http.ResponseWriter, _ *http.Request) {
	op.mu.Lock()
	defer op.mu.Unlock()
	reply(w, 200, jose.JSONWebKeySet{Keys: op.published})
}

func (op *evilOP) push(w http.ResponseWriter, r *http.Request) {
	if !op.authenticated(r) {
		reply(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	uri := "urn:ietf:params:oauth:request_uri:" + randomText()
	op.requests[uri] = r.PostForm
	op.pushes = append(op.pushes, r.PostForm)
	reply(w, 201, map[string]any{"request_uri": uri, "expires_in": 60})
}

// authenticated checks the client's secret or assertion, as a strict provider does.
func (op *evilOP) authenticated(r *http.Request) bool {
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.URL.RawQuery != "" {
		return false
	}
	if op.secret != "" {
		id, secret, ok := r.BasicAuth()
		return ok && id == testClient && secret == op.secret && !r.PostForm.Has("client_secret")
	}
	jws, err := jose.ParseSignedCompact(r.PostForm.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || r.PostForm.Get("client_assertion_type") != assertionType || r.Header.Get("Authorization") != "" {
		return false
	}
	newest := op.client.keys[0]
	payload, err := jws.Verify(newest.Public())
	var c struct {
		Iss, Sub, Aud, JTI string
		Iat, Exp           int64
	}
	if err != nil || json.Unmarshal(payload, &c) != nil || jws.Signatures[0].Header.KeyID != newest.KeyID {
		return false
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	seen := op.jtis[c.JTI]
	op.jtis[c.JTI] = true
	return !seen && len(c.JTI) >= 22 && c.Iss == testClient && c.Sub == testClient && c.Aud == op.issuer && c.Exp-c.Iat <= 60
}

// signIn is the person at the provider's pages: it takes the browser URL and returns the callback's query.
func (op *evilOP) signIn(address string) url.Values {
	op.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		op.t.Fatal(err)
	}
	query := u.Query()
	op.mu.Lock()
	defer op.mu.Unlock()
	pushed, known := op.requests[query.Get("request_uri")]
	if !known || len(query) != 2 || query.Get("client_id") != testClient {
		op.t.Fatalf("the browser's URL does not fit a pushed request: %s", address)
	}
	code := randomText()
	op.grants[code] = grant{request: pushed, authTime: op.now()}
	return url.Values{"code": {code}, "state": {pushed.Get("state")}, "iss": {op.issuer}, "session_state": {"s"}}
}

func (op *evilOP) token(w http.ResponseWriter, r *http.Request) {
	if !op.authenticated(r) {
		reply(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	given, ok := op.grants[r.PostForm.Get("code")]
	delete(op.grants, r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case !ok, r.PostForm.Get("grant_type") != "authorization_code", r.PostForm.Get("redirect_uri") != testCallback,
		base64.RawURLEncoding.EncodeToString(sum[:]) != given.request.Get("code_challenge"):
		reply(w, 400, map[string]string{"error": "invalid_grant", "error_description": "SECRET-BODY"})
		return
	}
	access := "access-" + randomText()
	body := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 60, "scope": "openid"}
	body["id_token"] = op.idToken(given, access)
	if op.lieReply != nil {
		op.lieReply(body)
	}
	reply(w, 200, body)
}

func (op *evilOP) idToken(given grant, access string) string {
	now := op.now().Unix()
	acr := "mfa"
	if strings.Contains(given.request.Get("scope"), testScope) {
		acr = "pwd"
	}
	f := &forged{key: op.signing, alg: "ES256", header: map[string]any{"typ": "JWT"}, claims: map[string]any{
		"iss": op.issuer, "aud": testClient, "azp": testClient, "sub": "user-alice", "typ": "ID", "acr": acr,
		"iat": now, "exp": now + 300, "auth_time": given.authTime.Unix(), "nonce": given.request.Get("nonce"),
		"sid": "session-1", "preferred_username": "alice", "name": "Alice", "locale": "ja", "at_hash": atHash(access),
		"roles": []string{"otp-helpdesk", "uma_authorization"}, "email": "a@example.test",
	}}
	if op.lieID != nil {
		op.lieID(f)
	}
	return f.sign(op.t)
}

func atHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (op *evilOP) end(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil || r.Method != http.MethodPost || r.PostForm.Get("client_id") != testClient {
		w.WriteHeader(400)
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	op.ended = append(op.ended, r.PostForm.Get("id_token_hint"))
	w.WriteHeader(200)
}

// config is a configuration that fits the provider.
func (op *evilOP) config() Config {
	cfg := Config{
		Issuer: op.issuer, ClientID: testClient, RedirectURL: testCallback, RecoveryScope: testScope, FullACR: "mfa",
		Keys: op.client, Now: op.now, Transport: op,
	}
	if op.secret != "" {
		cfg.Keys, cfg.Secret = KeySet{}, NewSecret(op.secret)
	}
	return cfg
}

// party returns a relying party that has found the provider.
func (op *evilOP) party() *RelyingParty {
	op.t.Helper()
	rp, err := New(op.config())
	if err != nil {
		op.t.Fatal(err)
	}
	if err := rp.refresh(context.Background()); err != nil {
		op.t.Fatal(err)
	}
	return rp
}

// begin starts a sign-in and signs in; what comes back is ready for Finish.
func (op *evilOP) begin(rp *RelyingParty, req Request) (Flow, url.Values) {
	op.t.Helper()
	started, err := rp.Begin(context.Background(), req)
	if err != nil {
		op.t.Fatal(err)
	}
	return started.Flow, op.signIn(started.URL)
}

// try does one whole sign-in.
func (op *evilOP) try(rp *RelyingParty, req Request) (Identity, error) {
	op.t.Helper()
	flow, query := op.begin(rp, req)
	return rp.Finish(context.Background(), flow, query)
}

var jwtPattern = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.`)

// wantCode fails unless err has exactly this code and tells no secret.
func wantCode(t *testing.T, err error, want Code) {
	t.Helper()
	if got := CodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
	if err != nil && (strings.Contains(err.Error(), "SECRET") || jwtPattern.MatchString(err.Error())) {
		t.Errorf("the error tells too much: %v", err)
	}
}
