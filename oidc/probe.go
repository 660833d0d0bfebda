package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Look reads the provider's metadata once, for whoever does not call Run, and returns what Ready says afterwards.
func (rp *RelyingParty) Look(ctx context.Context) error {
	if err := rp.refresh(ctx); err != nil {
		return err
	}
	return rp.Ready()
}

// Attempt is what the provider made of a request that it should refuse.
type Attempt string

// Outcomes of an attempt.
const (
	Refused Attempt = "refused"
	Taken   Attempt = "taken" // the request leads to a sign-in page
	Unclear Attempt = "unclear"
)

// AttemptUnpushed asks for a sign-in with a request that was not pushed. Nobody signs in, nothing is changed.
func (rp *RelyingParty) AttemptUnpushed(ctx context.Context) (Attempt, error) {
	if err := rp.attemptPushed(ctx); err != nil {
		return Unclear, err
	}
	form := rp.parameters(Request{}, Flow{State: randomText(), Nonce: randomText(), Verifier: randomText()})
	form.Set("client_id", rp.cfg.ClientID)
	got, _, err := rp.attempt(ctx, form)
	return got, err
}

// AttemptExtra pushes a request and adds a parameter that was not pushed. Whoever can do that with kc_action needs no second factor.
func (rp *RelyingParty) AttemptExtra(ctx context.Context) (Attempt, error) {
	if err := rp.attemptPushed(ctx); err != nil {
		return Unclear, err
	}
	query, err := rp.pushed(ctx)
	if err != nil {
		return Unclear, err
	}
	query.Set("kc_action", "CONFIGURE_TOTP")
	got, _, err := rp.attempt(ctx, query)
	return got, err
}

// attemptPushed fails unless a request as it should be leads to a sign-in page: only then does a refusal speak of what is tried. A client that
// is off, or something between here and the provider, refuses everything.
func (rp *RelyingParty) attemptPushed(ctx context.Context) error {
	query, err := rp.pushed(ctx)
	if err != nil {
		return err
	}
	if got, _, err := rp.attempt(ctx, query); err != nil || got == Taken {
		return err
	}
	return &Error{Code: CodePush, Op: "probe", Err: errors.New("a pushed request is refused, too")}
}

// LacksScope reports whether the provider does not know the recovery scope, after it refused a request. It looks anew, and believes a list of scopes
// only: a provider may keep its own to itself.
func (rp *RelyingParty) LacksScope(ctx context.Context) (bool, error) {
	if err := rp.refresh(ctx); err != nil {
		return false, err
	}
	p, err := rp.provider()
	if err != nil {
		return false, err
	}
	others := slices.ContainsFunc(p.Scopes, func(name string) bool { return name != "openid" })
	return others && !slices.Contains(p.Scopes, rp.cfg.RecoveryScope), nil
}

// pushed pushes a request and returns what the browser would ask with.
func (rp *RelyingParty) pushed(ctx context.Context) (url.Values, error) {
	started, err := rp.Begin(ctx, Request{})
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(started.URL)
	if err != nil {
		return nil, &Error{Code: CodeConfig, Op: "probe", Err: err}
	}
	return address.Query(), nil
}

// AttemptScope asks for a sign-in with the recovery scope at another, public client. A refusal for another reason is Unclear: a client that does
// not exist is refused, too.
func (rp *RelyingParty) AttemptScope(ctx context.Context, client, redirect string) (Attempt, error) {
	challenge := sha256.Sum256([]byte(randomText()))
	got, reason, err := rp.attempt(ctx, url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {"openid " + rp.cfg.RecoveryScope},
		"state": {randomText()}, "nonce": {randomText()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	})
	if got == Refused && reason != "invalid_scope" {
		got = Unclear
	}
	return got, err
}

// attempt sends a request to the authorization endpoint as a browser without any session would. The reason is the provider's code, if it
// sent one.
func (rp *RelyingParty) attempt(ctx context.Context, query url.Values) (got Attempt, reason string, err error) {
	const op = "probe"
	p, err := rp.provider()
	if err != nil {
		return Unclear, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Authorization+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return Unclear, "", &Error{Code: CodeConfig, Op: op, Err: err}
	}
	resp, err := rp.client.Do(req)
	if err != nil {
		return Unclear, "", &Error{Code: CodeUnavailable, Op: op, Err: err}
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests:
		return Unclear, "", &Error{Code: CodeUnavailable, Op: op, Err: fmt.Errorf("status %d", resp.StatusCode)}
	case resp.StatusCode == http.StatusUnauthorized && strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Negotiate"): // a page that leads on by itself
		return Taken, "", nil
	case resp.StatusCode >= http.StatusBadRequest:
		return Refused, "", nil
	case resp.StatusCode >= http.StatusMultipleChoices:
		to, err := resp.Location()
		if err != nil {
			return Unclear, "", nil //nolint:nilerr // a redirection to nowhere says nothing
		}
		if code := to.Query().Get("error"); code != "" {
			return Refused, oauthCode(code), nil
		}
	}
	return Taken, "", nil
}
