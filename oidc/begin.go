package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// flowLife is how long a sign-in may take.
	flowLife = 10 * time.Minute
	// maxRequestURI is the longest request_uri that is put into a URL.
	maxRequestURI = 1024

	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// Request says which of the two kinds of sign-in is wanted.
type Request struct {
	// Full asks for a full sign-in, anew (prompt=login, without the recovery scope). Otherwise the recovery scope is
	// asked for, and neither prompt nor max_age.
	Full bool
	// UILocales are the languages of the sign-in page, best first, separated by blanks. Optional.
	UILocales string
	// LoginHint is the user name the person typed. Optional.
	LoginHint string
}

// Flow is what has to be remembered until the person comes back. It belongs on the server side of the browser's session,
// and out of there before Finish is called.
type Flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	PushedAt time.Time `json:"pushed_at"`
	Expires  time.Time `json:"expires"`
	Full     bool      `json:"full"`
}

// String hides state, nonce and verifier from fmt.
func (f Flow) String() string {
	return fmt.Sprintf("{full:%t pushed:%s}", f.Full, f.PushedAt.UTC().Format(time.RFC3339))
}

// GoString hides state, nonce and verifier from %#v.
func (f Flow) GoString() string { return f.String() }

// LogValue hides state, nonce and verifier from slog.
func (f Flow) LogValue() slog.Value { return slog.StringValue(f.String()) }

// Started is a sign-in that the provider knows of.
type Started struct {
	// URL is where the browser goes. It holds the client id and the request_uri and nothing else.
	URL  string
	Flow Flow
}

// String hides the flow's secrets and the request_uri from fmt.
func (s Started) String() string { return s.Flow.String() }

// GoString hides the same from %#v.
func (s Started) GoString() string { return s.Flow.String() }

// LogValue hides the same from slog.
func (s Started) LogValue() slog.Value { return s.Flow.LogValue() }

// Begin pushes the authorization request to the provider. It fails with CodeUnavailable when the provider cannot be
// reached, CodePush when it refuses; there is no other way to ask.
func (rp *RelyingParty) Begin(ctx context.Context, req Request) (Started, error) {
	p, err := rp.provider()
	if err != nil {
		return Started{}, err
	}
	flow := Flow{State: randomText(), Nonce: randomText(), Verifier: randomText(), Full: req.Full}
	requestURI, err := rp.push(ctx, p, rp.parameters(req, flow))
	if err != nil {
		return Started{}, err
	}
	// The clock is read after the answer: nobody can have signed in for this request before.
	flow.PushedAt = rp.cfg.Now()
	flow.Expires = flow.PushedAt.Add(flowLife)
	address, err := url.Parse(p.Authorization)
	if err != nil {
		return Started{}, &Error{Code: CodeConfig, Op: "push", Err: err}
	}
	query := address.Query()
	query.Set("client_id", rp.cfg.ClientID)
	query.Set("request_uri", requestURI)
	address.RawQuery = query.Encode()
	return Started{URL: address.String(), Flow: flow}, nil
}

func (rp *RelyingParty) parameters(req Request, flow Flow) url.Values {
	challenge := sha256.Sum256([]byte(flow.Verifier))
	form := url.Values{
		"response_type":         {"code"},
		"redirect_uri":          {rp.cfg.RedirectURL},
		"scope":                 {"openid " + rp.cfg.RecoveryScope},
		"state":                 {flow.State},
		"nonce":                 {flow.Nonce},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}
	if req.Full {
		form.Set("scope", "openid")
		form.Set("prompt", "login")
	}
	if req.UILocales != "" {
		form.Set("ui_locales", req.UILocales)
	}
	if req.LoginHint != "" {
		form.Set("login_hint", req.LoginHint)
	}
	return form
}

// push sends one authorization request and returns its request_uri.
func (rp *RelyingParty) push(ctx context.Context, p *provider, form url.Values) (string, error) {
	const op = "push"
	resp, err := rp.post(ctx, p.Push, form)
	if err != nil {
		rp.suspect()
		return "", &Error{Code: CodeUnavailable, Op: op, Err: err}
	}
	var answer struct {
		RequestURI string  `json:"request_uri"`
		ExpiresIn  float64 `json:"expires_in"`
		Error      string  `json:"error"`
	}
	parsed := json.Unmarshal(resp.body, &answer) == nil
	switch {
	case resp.status >= 500 || resp.status == http.StatusTooManyRequests:
		rp.suspect()
		return "", failf(CodeUnavailable, op, "status %d", resp.status)
	case resp.status != http.StatusCreated && resp.status != http.StatusOK:
		rp.suspect()
		return "", &Error{
			Code: CodePush, Op: op, Provider: oauthCode(answer.Error), Client: refusesClient(resp.status, answer.Error), Err: fmt.Errorf("status %d", resp.status),
		}
	case !parsed || answer.RequestURI == "" || len(answer.RequestURI) > maxRequestURI:
		return "", failf(CodePush, op, "status %d without a usable request_uri", resp.status)
	case answer.ExpiresIn < 1:
		return "", failf(CodePush, op, "the request_uri has expired already")
	}
	return answer.RequestURI, nil
}

// refusesClient reports whether an answer is about the client itself. Keycloak has 401 for that, with whatever code; a page with 401 is a proxy's.
func refusesClient(status int, code string) bool {
	return status == http.StatusUnauthorized && code != "" || code == "invalid_client" || code == "unauthorized_client"
}

type answer struct {
	status int
	body   []byte
}

// post sends a form with client authentication and reads the whole answer.
func (rp *RelyingParty) post(ctx context.Context, address string, form url.Values) (answer, error) {
	form.Set("client_id", rp.cfg.ClientID)
	if !rp.cfg.Keys.Empty() {
		if err := rp.addAssertion(form); err != nil {
			return answer{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !rp.cfg.Secret.Empty() {
		req.SetBasicAuth(url.QueryEscape(rp.cfg.ClientID), url.QueryEscape(rp.cfg.Secret.Reveal()))
	}
	resp, err := rp.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("POST %s: read: %w", address, err)
	}
	return answer{status: resp.StatusCode, body: body}, nil
}

func (rp *RelyingParty) addAssertion(form url.Values) error {
	assertion, err := rp.cfg.Keys.assertion(rp.cfg.ClientID, rp.cfg.Issuer, rp.cfg.Now())
	if err != nil {
		return err
	}
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return nil
}

// authMethod is the name of our client authentication in the provider's metadata.
func (c Config) authMethod() string {
	if c.Keys.Empty() {
		return "client_secret_basic"
	}
	return "private_key_jwt"
}
