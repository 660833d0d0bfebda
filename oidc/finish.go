package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Identity is who signed in, and how. A person is Issuer and Subject together; nothing else identifies them.
type Identity struct {
	Issuer   string
	Subject  string
	Username string
	Name     string
	Locale   string
	// SID is the session at the provider; the logout token names it.
	SID string
	// ACR is what the provider says about the level; Full tells whether it is exactly the configured full level.
	ACR  string
	Full bool
	// AuthTime is when the person signed in, in whole seconds of the provider's clock. By ours it was NoLater than that, whatever the difference.
	AuthTime time.Time
	NoLater  time.Time
	Roles    []string
	// IDToken is the raw token, for EndSession and LogoutURL. It stays on the server.
	IDToken Secret
}

// Finish takes what the browser brought to the callback and returns who signed in. Nothing is asked of the provider
// before state, age of the flow and iss are right.
//
// On CodeStale (the person signed in before this request was pushed) and CodeLevel (a full sign-in was asked for and did
// not come back as one) the identity is returned beside the error, so that the caller can end that session with
// EndSession; it must not be used for anything else.
func (rp *RelyingParty) Finish(ctx context.Context, flow Flow, query url.Values) (Identity, error) {
	p, err := rp.provider()
	if err != nil {
		return Identity{}, err
	}
	code, err := rp.checkCallback(p, flow, query)
	if err != nil {
		return Identity{}, err
	}
	asked := rp.cfg.Now()
	token, err := rp.exchange(ctx, p, flow, code)
	if err != nil {
		return Identity{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, failf(CodeToken, "token request", "no ID token in the answer")
	}
	claims, err := rp.verifyIDToken(ctx, p, raw, expected{nonce: flow.Nonce, accessToken: token.AccessToken, asked: asked})
	if err != nil {
		return Identity{}, err
	}
	return rp.identify(claims, raw, flow, span{asked, rp.cfg.Now()})
}

// span is the time of the token request, by our clock.
type span struct{ asked, answered time.Time }

// identify reads the identity out of verified claims and decides about freshness and level.
func (rp *RelyingParty) identify(c claims, raw string, flow Flow, s span) (Identity, error) {
	id := Identity{
		Issuer: rp.cfg.Issuer, Subject: c.text("sub"), Username: c.text("preferred_username"), Name: c.text("name"),
		Locale: c.text("locale"), SID: c.text("sid"), ACR: c.text("acr"), Roles: c.texts("roles"), IDToken: NewSecret(raw),
	}
	id.Full = id.ACR == rp.cfg.FullACR
	var err error
	var age time.Duration
	if id.AuthTime, age, err = freshAuthTime(c, s.asked.Sub(flow.PushedAt)); err != nil {
		return id, &Error{Code: CodeStale, Op: "ID token", Err: err}
	}
	id.NoLater = s.answered.Add(time.Second - age) // both ends of age are whole seconds
	if flow.Full && !id.Full {
		return id, failf(CodeLevel, "ID token", "acr is not the configured full level")
	}
	return id, nil
}

// checkCallback returns the authorization code of a callback that belongs to this flow and this provider.
func (rp *RelyingParty) checkCallback(p *provider, flow Flow, query url.Values) (string, error) {
	const op = "callback"
	state, err := once(query, "state")
	switch {
	case err != nil:
		return "", &Error{Code: CodeState, Op: op, Err: err}
	case !sameText(flow.State, state) || flow.Nonce == "" || flow.Verifier == "" || flow.PushedAt.IsZero():
		return "", failf(CodeState, op, "no sign-in of this browser has this state")
	case !rp.cfg.Now().Before(flow.Expires):
		return "", failf(CodeExpired, op, "the sign-in began at %s", flow.PushedAt.UTC().Format(time.RFC3339))
	}
	sentErr, errErr := once(query, "error")
	if err := rp.checkIssuer(p, query, sentErr != ""); err != nil {
		return "", &Error{Code: CodeIssuer, Op: op, Err: err}
	}
	code, err := once(query, "code")
	switch {
	case err != nil || errErr != nil || (code != "" && sentErr != ""):
		return "", failf(CodeCallback, op, "code or error are doubled")
	case sentErr != "":
		return "", &Error{Code: CodeProvider, Op: op, Provider: oauthCode(sentErr)}
	case code == "":
		return "", failf(CodeCallback, op, "neither code nor error")
	}
	return code, nil
}

// checkIssuer compares iss (RFC 9207). An error answer may lack it: nothing is redeemed then.
func (rp *RelyingParty) checkIssuer(p *provider, query url.Values, isError bool) error {
	sent, present := query["iss"]
	switch {
	case len(sent) > 1:
		return errors.New("iss is doubled")
	case !present && p.PromisesIss && !isError:
		return errors.New("iss is missing although the provider promises it; in Keycloak the client's switch" +
			" \"Exclude Issuer From Authentication Response\" (exclude.issuer.from.auth.response) drops it: turn it off")
	case present && sent[0] != rp.cfg.Issuer:
		return fmt.Errorf("iss is %.200q", sent[0])
	}
	return nil
}

// once returns the value of a parameter that is there at most once.
func once(query url.Values, name string) (string, error) {
	switch values := query[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	default:
		return "", fmt.Errorf("%s is doubled", name)
	}
}

// sameText compares in constant time; an empty expected text never matches.
func sameText(expected, got string) bool {
	return expected != "" && subtle.ConstantTimeCompare([]byte(expected), []byte(got)) == 1
}

// exchange redeems the code.
func (rp *RelyingParty) exchange(ctx context.Context, p *provider, flow Flow, code string) (*oauth2.Token, error) {
	const op = "token request"
	cfg := oauth2.Config{
		ClientID: rp.cfg.ClientID, ClientSecret: rp.cfg.Secret.Reveal(), RedirectURL: rp.cfg.RedirectURL,
		Endpoint: oauth2.Endpoint{TokenURL: p.Token, AuthStyle: oauth2.AuthStyleInHeader},
	}
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(flow.Verifier)}
	if !rp.cfg.Keys.Empty() {
		cfg.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		form := url.Values{}
		if err := rp.addAssertion(form); err != nil {
			return nil, &Error{Code: CodeConfig, Op: op, Err: err}
		}
		for name := range form {
			options = append(options, oauth2.SetAuthURLParam(name, form.Get(name)))
		}
	}
	token, err := cfg.Exchange(gooidc.ClientContext(ctx, rp.client), code, options...)
	if err != nil {
		return nil, rp.exchangeError(op, err)
	}
	return token, nil
}

// exchangeError tells a provider that is away from one that refuses, and leaves bodies out.
func (rp *RelyingParty) exchangeError(op string, err error) *Error {
	var refused *oauth2.RetrieveError
	var network *url.Error
	switch {
	case errors.As(err, &refused) && refused.Response != nil:
		status := refused.Response.StatusCode
		if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
			rp.suspect()
			return failf(CodeUnavailable, op, "status %d", status)
		}
		return &Error{Code: CodeToken, Op: op, Provider: oauthCode(refused.ErrorCode), Err: fmt.Errorf("status %d", status)}
	case errors.As(err, &network):
		rp.suspect()
		return &Error{Code: CodeUnavailable, Op: op, Err: network}
	}
	return failf(CodeToken, op, "the answer cannot be read")
}
