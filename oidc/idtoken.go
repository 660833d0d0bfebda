package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// leeway is how far the provider's clock may be from ours.
	leeway = time.Minute
	// freshSlack covers rounding to seconds and the way of the token request. It is far below leeway on purpose: a full
	// session left in the browser half a minute ago is not fresh. See freshAuthTime.
	freshSlack = 5 * time.Second
	// maxToken is the longest token that is looked at.
	maxToken = 32 << 10
)

// claims are the claims of a token whose signature was checked, by their exact names.
type claims map[string]json.RawMessage

func (c claims) has(name string) bool { _, ok := c[name]; return ok }

// text returns a claim that is a string, else "".
func (c claims) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// texts returns the strings of a claim that is a list of strings or one string, else nil.
func (c claims) texts(name string) []string {
	if s := c.text(name); s != "" {
		return []string{s}
	}
	var list []string
	if json.Unmarshal(c[name], &list) != nil {
		return nil
	}
	return list
}

// time returns a claim that is a number of seconds. Missing, text, null and absurd numbers are errors.
func (c claims) time(name string) (time.Time, error) {
	if !c.has(name) {
		return time.Time{}, fmt.Errorf("%s is missing", name)
	}
	var seconds *float64
	if json.Unmarshal(c[name], &seconds) != nil || seconds == nil || *seconds < 1 || *seconds > math.MaxInt32*4.0 {
		return time.Time{}, fmt.Errorf("%s is not a time", name)
	}
	return time.Unix(int64(*seconds), 0), nil
}

// expected is what the ID token of one sign-in has to fit.
type expected struct {
	nonce       string
	accessToken string
	asked       time.Time
}

// verifyIDToken returns the claims of an ID token that is signed by the provider, for us, now, and for this request:
// go-oidc's checks, and in checkIDClaims what go-oidc leaves out.
func (rp *RelyingParty) verifyIDToken(ctx context.Context, p *provider, raw string, want expected) (claims, error) {
	const op = "ID token"
	if err := checkHeader(raw, p.algorithms, "", "jwt"); err != nil {
		return nil, &Error{Code: CodeIDToken, Op: op, Err: err}
	}
	watched := &watchedKeys{keys: p.keys}
	token, err := rp.verifier(p, watched).Verify(ctx, raw)
	if watched.err != nil {
		return nil, tokenError(CodeIDToken, op, watched.err)
	}
	if err != nil {
		return nil, failf(CodeIDToken, op, "%.300s", err.Error())
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return nil, failf(CodeIDToken, op, "the claims are no object")
	}
	if err := rp.checkIDClaims(c, want); err != nil {
		return nil, &Error{Code: CodeIDToken, Op: op, Err: err}
	}
	if token.AccessTokenHash != "" && token.VerifyAccessToken(want.accessToken) != nil {
		return nil, failf(CodeIDToken, op, "at_hash does not fit the access token")
	}
	if !sameText(want.nonce, c.text("nonce")) {
		return nil, failf(CodeNonce, op, "the nonce is missing or another one")
	}
	return c, nil
}

// verifier is go-oidc's, with our clock set back by the leeway (it has none for exp), our keys and our algorithms.
func (rp *RelyingParty) verifier(p *provider, keys gooidc.KeySet) *gooidc.IDTokenVerifier {
	algorithms := make([]string, 0, len(p.algorithms))
	for _, alg := range p.algorithms {
		algorithms = append(algorithms, string(alg))
	}
	return gooidc.NewVerifier(rp.cfg.Issuer, keys, &gooidc.Config{
		ClientID: rp.cfg.ClientID, SupportedSigningAlgs: algorithms,
		Now: func() time.Time { return rp.cfg.Now().Add(-leeway) },
	})
}

// checkIDClaims is everything about the claims that go-oidc does not check, or checks more loosely; nonce, at_hash,
// auth_time and acr have codes of their own and follow.
func (rp *RelyingParty) checkIDClaims(c claims, want expected) error {
	audience := c.texts("aud")
	switch {
	case c.has("events"):
		return errors.New("it has events: a logout token")
	case c.has("typ") && c.text("typ") != "ID":
		return errors.New("typ is not ID: another kind of token")
	case c.text("iss") != rp.cfg.Issuer:
		return errors.New("iss is not the provider")
	case c.text("sub") == "":
		return errors.New("sub is missing or empty")
	case !slices.Contains(audience, rp.cfg.ClientID):
		return errors.New("aud is not us")
	case len(audience) > 1 && !c.has("azp"):
		return errors.New("several audiences without azp")
	case c.has("azp") && c.text("azp") != rp.cfg.ClientID:
		return errors.New("azp is not us")
	}
	return rp.checkTimes(c, want.asked.Add(-leeway))
}

// checkTimes checks exp, iat and nbf with the leeway; iat must not be before oldest.
func (rp *RelyingParty) checkTimes(c claims, oldest time.Time) error {
	now := rp.cfg.Now()
	expires, err := c.time("exp")
	if err != nil {
		return err
	}
	issued, err := c.time("iat")
	if err != nil {
		return err
	}
	switch {
	case now.After(expires.Add(leeway)):
		return errors.New("it has expired")
	case issued.After(now.Add(leeway)):
		return errors.New("iat is in the future")
	case issued.Before(oldest.Truncate(time.Second)):
		return errors.New("iat is too long ago")
	}
	if !c.has("nbf") {
		return nil
	}
	from, err := c.time("nbf")
	if err != nil {
		return err
	}
	if from.After(now.Add(leeway)) {
		return errors.New("nbf is in the future")
	}
	return nil
}

// freshAuthTime returns auth_time if the person signed in after the request was pushed, sincePush ago. It compares two
// spans, each measured on one clock: how long before the token was made the person signed in (the provider's clock), and
// how long ago the request was pushed (ours). So clocks that differ neither let an older session in nor keep a new one out.
// An auth_time after iat is no time at all. age is how long before the token it was.
func freshAuthTime(c claims, sincePush time.Duration) (signedIn time.Time, age time.Duration, err error) {
	if signedIn, err = c.time("auth_time"); err != nil {
		return time.Time{}, 0, err
	}
	issued, err := c.time("iat")
	if err != nil {
		return time.Time{}, 0, err
	}
	age = issued.Sub(signedIn)
	switch {
	case age < -freshSlack:
		return signedIn, age, errors.New("auth_time is in the future")
	case age > sincePush+freshSlack:
		return signedIn, age, fmt.Errorf("the person signed in %s before the token, the request is %s old",
			age, sincePush.Round(time.Second))
	}
	return signedIn, age, nil
}

// checkHeader looks at the header before anything is verified: compact form, an allowed algorithm, an allowed typ (in
// lower case; "" allows none). Its errors repeat nothing that was sent.
func checkHeader(raw string, algorithms []jose.SignatureAlgorithm, types ...string) error {
	parts := strings.Split(raw, ".")
	if len(raw) > maxToken || len(parts) != 3 {
		return errors.New("not a signed token in compact form")
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return errors.New("the header is not Base64")
	}
	var header claims
	if json.Unmarshal(decoded, &header) != nil {
		return errors.New("the header is no object")
	}
	if !slices.Contains(algorithms, jose.SignatureAlgorithm(header.text("alg"))) {
		return errors.New("alg is not an allowed asymmetric algorithm")
	}
	if header.has("typ") && header.text("typ") == "" {
		return errors.New("typ is not a text")
	}
	if !slices.Contains(types, strings.ToLower(header.text("typ"))) {
		return errors.New("typ of the header is that of another kind of token")
	}
	return nil
}

// watchedKeys remembers why a signature was not accepted: go-oidc flattens the cause into a text.
type watchedKeys struct {
	keys gooidc.KeySet
	err  error
}

func (w *watchedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.keys.VerifySignature(ctx, token)
	w.err = err
	return payload, err
}

// tokenError tells keys that could not be fetched from a bad token.
func tokenError(code Code, op string, err error) *Error {
	if errors.Is(err, errKeys) {
		code = CodeUnavailable
	}
	return &Error{Code: code, Op: op, Err: err}
}
