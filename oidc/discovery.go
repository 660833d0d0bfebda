package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Pauses of Run: between looks at a provider that is well, between tries while it is not, and the least time between
// two looks however many people ask to hurry.
const (
	refreshEvery = 10 * time.Minute
	firstPause   = time.Second
	longestPause = 30 * time.Second
	hurryGap     = 10 * time.Second
)

// asymmetric are the only algorithms an ID token or logout token may be signed with. No shared secret, no "none".
var asymmetric = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512, jose.EdDSA,
}

// metadata is the part of the discovery document that we use.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Push          string   `json:"pushed_authorization_request_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Scopes        []string `json:"scopes_supported"`
	PromisesIss   bool     `json:"authorization_response_iss_parameter_supported"`
}

// provider is a provider whose metadata passed every check.
type provider struct {
	metadata

	algorithms []jose.SignatureAlgorithm
	keys       *keyGuard
}

// refresh looks at the provider once and swaps what is known about it.
func (rp *RelyingParty) refresh(ctx context.Context) error {
	old := rp.state.Load()
	found, err := rp.discover(ctx, old.provider)
	if err == nil {
		rp.state.Store(&state{provider: found})
		if old.err != nil {
			rp.log.InfoContext(ctx, "sign-in is ready", "issuer", rp.cfg.Issuer)
		}
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	rp.log.WarnContext(ctx, "the provider cannot be used", "issuer", rp.cfg.Issuer, "code", err.Code,
		"error", err, "in_use", old.provider != nil && err.Code == CodeUnavailable)
	if old.provider == nil || err.Code != CodeUnavailable {
		rp.state.Store(&state{err: err})
	}
	return err
}

func (rp *RelyingParty) discover(ctx context.Context, old *provider) (*provider, *Error) {
	const op = "discovery"
	var m metadata
	err := rp.getJSON(ctx, strings.TrimSuffix(rp.cfg.Issuer, "/")+"/.well-known/openid-configuration", &m)
	if err != nil {
		found := &Error{Code: CodeUnavailable, Op: op, Err: err}
		if answer, foreign := errors.AsType[*answerError](err); foreign {
			found.Foreign = answer.what
		}
		return nil, found
	}
	if m.Issuer == "" {
		const what = "JSON without an issuer"
		return nil, &Error{Code: CodeIssuer, Op: op, Foreign: what, Err: &answerError{rp.cfg.Issuer, what}}
	}
	if m.Issuer != rp.cfg.Issuer {
		return nil, failf(CodeIssuer, op, "the provider calls itself %.200q, configured is %q", m.Issuer, rp.cfg.Issuer)
	}
	p := &provider{metadata: m, algorithms: allowed(m.Algorithms)}
	if err := p.check(rp.cfg); err != nil {
		return nil, &Error{Code: CodeConfig, Op: op, Err: err}
	}
	if old != nil && old.JWKS == m.JWKS {
		p.keys = old.keys
	} else {
		p.keys = newKeyGuard(rp.cfg.Now, func(ctx context.Context) ([]jose.JSONWebKey, error) { return rp.fetchKeys(ctx, m.JWKS) })
	}
	if err := p.keys.load(ctx); err != nil {
		return nil, &Error{Code: CodeUnavailable, Op: op, Err: err}
	}
	return p, nil
}

// check tells what the metadata lacks.
func (p *provider) check(cfg Config) error {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return err
	}
	// A provider out in the world that sends us to our own machine is not believed.
	local := loopback(issuer)
	for name, endpoint := range map[string]string{
		"authorization_endpoint": p.Authorization, "token_endpoint": p.Token, "jwks_uri": p.JWKS,
		"pushed_authorization_request_endpoint": p.Push, "end_session_endpoint": p.EndSession,
	} {
		if _, err := checkURL(name, endpoint, local); err != nil {
			return err
		}
	}
	if !slices.Contains(p.Challenges, "S256") {
		return errors.New("code_challenge_methods_supported lacks S256")
	}
	if len(p.algorithms) == 0 {
		return errors.New("id_token_signing_alg_values_supported has no asymmetric algorithm")
	}
	if method := cfg.authMethod(); len(p.AuthMethods) > 0 && !slices.Contains(p.AuthMethods, method) {
		return fmt.Errorf("token_endpoint_auth_methods_supported lacks %s", method)
	}
	return nil
}

func allowed(offered []string) []jose.SignatureAlgorithm {
	var out []jose.SignatureAlgorithm
	for _, alg := range asymmetric {
		if slices.Contains(offered, string(alg)) {
			out = append(out, alg)
		}
	}
	return out
}

// getJSON reads one document. Its errors never repeat the body.
func (rp *RelyingParty) getJSON(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := rp.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("GET %s: status %d", address, resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return &answerError{address, fmt.Sprintf("HTTP %d", resp.StatusCode)}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("GET %s: read: %w", address, err)
	}
	if json.Unmarshal(body, into) != nil {
		return &answerError{address, "no JSON"}
	}
	return nil
}
