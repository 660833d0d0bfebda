package rig

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
)

// Client is an OpenID Connect client as Keycloak sees it, played by a test.
type Client struct {
	ID       string
	Redirect string // redirect URI; nothing needs to listen there
	Secret   string // "" = public client
	PAR      bool   // push requests before they are made
	Key      *Key   // signs in place of the secret; nil = none

	t        *testing.T
	issuer   string
	verifier string
}

// Result is how a sign-in ended.
type Result struct {
	Signed bool           // the client got tokens
	Claims map[string]any // of the ID token
	Token  string         // the ID token itself
	Access string         // the access token
	Renew  string         // the refresh token; "" = none was given
	Error  string         // "error" of the redirect back, when there was one
	Page   string         // Keycloak's page the browser is left on otherwise
	Typed  bool           // SignIn typed a code
}

// Acr is the level in the ID token; "" without one.
func (r Result) Acr() string {
	acr, _ := r.Claims["acr"].(string)
	return acr
}

// NewClient returns a client of the realm. Its name decides about the rest: otpbridge-login has a secret and pushes, the others are public.
func NewClient(t *testing.T, r *realm.Realm, id, redirect string) *Client {
	t.Helper()
	c := &Client{ID: id, Redirect: redirect, t: t, issuer: r.Issuer}
	if id == realm.LoginClient {
		c.Secret, c.PAR = realm.LoginSecret, true
	}
	return c
}

// Request is an authorization request with the usual parameters, PKCE among them, changed and extended by those given: names and values alternate.
func (c *Client) Request(namesAndValues ...string) url.Values {
	c.verifier = rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(c.verifier))
	p := url.Values{
		"client_id": {c.ID}, "response_type": {"code"}, "redirect_uri": {c.Redirect}, "scope": {"openid"}, "state": {rand.Text()},
		"nonce": {rand.Text()}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		p.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return p
}

// URL is the address that a browser is sent to for a request; the request is pushed first when the client pushes.
func (c *Client) URL(request url.Values) string {
	c.t.Helper()
	if c.PAR {
		uri := c.Push(request)
		request = url.Values{"client_id": {c.ID}, "request_uri": {uri}}
	}
	return c.Endpoint("auth") + "?" + request.Encode()
}

// Push pushes a request and returns its request_uri.
func (c *Client) Push(request url.Values) string {
	c.t.Helper()
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	pushed := url.Values{}
	c.prove(pushed)
	for name, values := range request {
		pushed[name] = values
	}
	b := NewBrowser(c.t).Post(c.Endpoint("ext/par/request"), pushed)
	if b.Status != http.StatusCreated {
		c.t.Fatalf("push: %d %s", b.Status, b.Body)
	}
	if err := json.Unmarshal([]byte(b.Body), &answer); err != nil {
		c.t.Fatal(err)
	}
	return answer.RequestURI
}

// prove adds what shows that the client is who it says.
func (c *Client) prove(form url.Values) {
	c.t.Helper()
	switch {
	case c.Key != nil:
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", c.Key.Assertion(c.ID, c.issuer))
	case c.Secret != "":
		form.Set("client_secret", c.Secret)
	}
}

// Endpoint is the URL of a protocol endpoint: auth, token, logout, ext/par/request.
func (c *Client) Endpoint(name string) string {
	return c.issuer + "/protocol/openid-connect/" + name
}

// Open sends a browser to Keycloak with a request and follows redirects until a page is shown or the client is reached.
func (c *Client) Open(b *Browser, namesAndValues ...string) *Browser {
	c.t.Helper()
	return b.Get(c.URL(c.Request(namesAndValues...))).Follow(c.Redirect)
}

// SignIn opens Keycloak with a request, answers its password form and, when otp is not nil, its OTP form, and says how it ended.
func (c *Client) SignIn(b *Browser, name string, otp *Phone, namesAndValues ...string) Result {
	c.t.Helper()
	c.Open(b, namesAndValues...)
	if b.Page() == "login-login" {
		b.Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
	}
	typed := b.Page() == "login-login-otp" && b.Location == "" && otp != nil
	if typed {
		b.Submit("otp", otp.Code()).Follow(c.Redirect)
	}
	r := c.Finish(b)
	r.Typed = typed
	return r
}

// Finish redeems the code that the browser brings back, or says where it was left.
func (c *Client) Finish(b *Browser) Result {
	c.t.Helper()
	if !strings.HasPrefix(b.Location, c.Redirect) {
		return Result{Page: b.Page()}
	}
	back, err := url.Parse(b.Location)
	if err != nil {
		c.t.Fatal(err)
	}
	q := back.Query()
	if q.Get("code") == "" {
		return Result{Error: q.Get("error")}
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {c.Redirect},
		"client_id": {c.ID}, "code_verifier": {c.verifier}}
	c.prove(form)
	answer := NewBrowser(c.t).Post(c.Endpoint("token"), form)
	if answer.Status != http.StatusOK {
		c.t.Fatalf("token: %d %s", answer.Status, answer.Body)
	}
	var tokens struct {
		ID     string `json:"id_token"`
		Access string `json:"access_token"`
		Renew  string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &tokens); err != nil {
		c.t.Fatal(err)
	}
	claims, err := readClaims(tokens.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return Result{Signed: true, Claims: claims, Token: tokens.ID, Access: tokens.Access, Renew: tokens.Renew}
}

// Renews reports whether a refresh token still gets new tokens.
func (c *Client) Renews(token string) bool {
	c.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {c.ID}}
	c.prove(form)
	return NewBrowser(c.t).Post(c.Endpoint("token"), form).Status == http.StatusOK
}

// readClaims reads a token without checking it: it came straight from the server.
func readClaims(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a token: %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	found := map[string]any{}
	return found, json.Unmarshal(text, &found)
}
