package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutAge is how old a logout token may be.
	logoutAge = 2 * time.Minute
	// maxJTI is the longest token id that is remembered.
	maxJTI = 256
)

// EndSession ends the session at the provider that an ID token belongs to, from our side, without a browser. The
// provider may call our back-channel logout before it answers: hold no lock.
func (rp *RelyingParty) EndSession(ctx context.Context, idToken Secret) error {
	const op = "end session"
	p, err := rp.provider()
	if err != nil {
		return err
	}
	if idToken.Empty() {
		return failf(CodeEndSession, op, "no ID token")
	}
	form := url.Values{"client_id": {rp.cfg.ClientID}, "id_token_hint": {idToken.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.EndSession, strings.NewReader(form.Encode()))
	if err != nil {
		return &Error{Code: CodeConfig, Op: op, Err: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := rp.client.Do(req)
	if err != nil {
		return &Error{Code: CodeUnavailable, Op: op, Err: err}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	switch {
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusFound,
		resp.StatusCode == http.StatusSeeOther:
		return nil
	case resp.StatusCode >= http.StatusInternalServerError:
		return failf(CodeUnavailable, op, "status %d", resp.StatusCode)
	}
	return failf(CodeEndSession, op, "status %d", resp.StatusCode)
}

// LogoutURL returns where a browser goes to sign out at the provider and come back to returnTo, which the provider must
// know byte for byte, with state, which the caller checks; empty: none. With an ID token the provider does not ask the person; the
// URL then holds that token, so wherever tokens must stay on the server, call EndSession instead or leave it empty.
func (rp *RelyingParty) LogoutURL(idToken Secret, returnTo, state string) (string, error) {
	p, err := rp.provider()
	if err != nil {
		return "", err
	}
	address, err := url.Parse(p.EndSession)
	if err != nil {
		return "", &Error{Code: CodeConfig, Op: "logout", Err: err}
	}
	query := address.Query()
	query.Set("client_id", rp.cfg.ClientID)
	query.Set("post_logout_redirect_uri", returnTo)
	if state != "" {
		query.Set("state", state)
	}
	if !idToken.Empty() {
		query.Set("id_token_hint", idToken.Reveal())
	}
	address.RawQuery = query.Encode()
	return address.String(), nil
}

// Logout is an accepted back-channel logout: all sessions of Subject, or the one session SID. One of them may be empty.
type Logout struct {
	Subject  string
	SID      string
	IssuedAt time.Time
}

// Remember records a token id until the given time and tells whether it was new. It must be atomic over all replicas.
type Remember func(ctx context.Context, jti string, until time.Time) (isNew bool, err error)

// Logout checks a back-channel logout token. Its id is recorded last, when everything else is right. It fails with
// CodeLogoutToken or CodeReplay (answer 400), or with CodeUnavailable when the keys or the memory of ids cannot be reached.
func (rp *RelyingParty) Logout(ctx context.Context, raw string, remember Remember) (Logout, error) {
	const op = "logout token"
	p, err := rp.provider()
	if err != nil {
		return Logout{}, err
	}
	c, err := rp.verifyLogout(ctx, p, raw)
	if err != nil {
		return Logout{}, err
	}
	issued, err := c.time("iat")
	if err != nil {
		return Logout{}, &Error{Code: CodeLogoutToken, Op: op, Err: err}
	}
	isNew, err := remember(ctx, c.text("jti"), issued.Add(logoutAge+leeway))
	switch {
	case err != nil:
		return Logout{}, &Error{Code: CodeUnavailable, Op: op, Err: err}
	case !isNew:
		return Logout{}, failf(CodeReplay, op, "its jti was seen before")
	}
	return Logout{Subject: c.text("sub"), SID: c.text("sid"), IssuedAt: issued}, nil
}

func (rp *RelyingParty) verifyLogout(ctx context.Context, p *provider, raw string) (claims, error) {
	const op = "logout token"
	if err := checkHeader(raw, p.algorithms, "logout+jwt"); err != nil {
		return nil, &Error{Code: CodeLogoutToken, Op: op, Err: err}
	}
	watched := &watchedKeys{keys: p.keys}
	token, err := rp.verifier(p, watched).VerifyLogout(ctx, raw)
	if watched.err != nil {
		return nil, tokenError(CodeLogoutToken, op, watched.err)
	}
	if err != nil {
		return nil, failf(CodeLogoutToken, op, "%.300s", err.Error())
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return nil, failf(CodeLogoutToken, op, "the claims are no object")
	}
	if err := rp.checkLogoutClaims(c); err != nil {
		return nil, &Error{Code: CodeLogoutToken, Op: op, Err: err}
	}
	return c, nil
}

// checkLogoutClaims is everything about a logout token that go-oidc does not check, or checks more loosely.
func (rp *RelyingParty) checkLogoutClaims(c claims) error {
	var events map[string]map[string]any
	switch jti := c.text("jti"); {
	case c.has("typ") && c.text("typ") != "Logout":
		return errors.New("typ is not Logout: another kind of token")
	case json.Unmarshal(c["events"], &events) != nil || events[logoutEvent] == nil:
		return errors.New("events does not name the logout event")
	case c.text("iss") != rp.cfg.Issuer:
		return errors.New("iss is not the provider")
	case jti == "" || len(jti) > maxJTI:
		return errors.New("jti is missing or too long")
	case c.has("sub") && c.text("sub") == "", c.has("sid") && c.text("sid") == "", !c.has("sub") && !c.has("sid"):
		return errors.New("neither sub nor sid name a session")
	}
	return rp.checkTimes(c, rp.cfg.Now().Add(-logoutAge))
}
