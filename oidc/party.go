package oidc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// callTimeout is the limit of every call to the provider, connection and body included.
	callTimeout = 5 * time.Second
	// maxBody is the limit of every answer of the provider.
	maxBody = 1 << 20
)

// Config is what a RelyingParty needs to know.
type Config struct {
	// Issuer is the provider, byte for byte as it names itself. https, except on loopback.
	Issuer   string
	ClientID string
	// Keys authenticate the client (private_key_jwt). Exactly one of Keys and Secret is given.
	Keys KeySet
	// Secret authenticates the client, and is accepted only for an issuer on loopback.
	Secret Secret
	// RedirectURL is our callback, byte for byte as the provider knows it.
	RedirectURL string
	// RecoveryScope is the scope that a sign-in without the second factor asks for.
	RecoveryScope string
	// FullACR is what the claim acr says after a full sign-in.
	FullACR string

	// Now is the clock.
	Now func() time.Time
	// Transport carries the calls; nil takes one of its own. Time and size limits are put around it in any case.
	Transport http.RoundTripper
	// Log gets a line when the provider becomes usable or stops being so; nil discards.
	Log *slog.Logger
}

// RelyingParty signs people in at one provider. It is safe for concurrent use.
type RelyingParty struct {
	cfg    Config
	client *http.Client
	log    *slog.Logger
	state  atomic.Pointer[state]
	// hurry asks Run to look at the metadata again soon.
	hurry chan struct{}
}

// state is what is known about the provider: either provider is set or err says why not.
type state struct {
	provider *provider
	err      *Error
	untried  bool // nobody has looked for it yet
}

// New checks the configuration. The result is not ready before Run has found the provider.
func New(cfg Config) (*RelyingParty, error) {
	if err := cfg.check(); err != nil {
		return nil, &Error{Code: CodeConfig, Op: "configure", Err: err}
	}
	rp := &RelyingParty{cfg: cfg, client: newClient(cfg.Transport), log: cfg.Log, hurry: make(chan struct{}, 1)}
	if rp.log == nil {
		rp.log = slog.New(slog.DiscardHandler)
	}
	rp.state.Store(&state{err: failf(CodeUnavailable, "discovery", "not done yet"), untried: true})
	return rp, nil
}

// Ready returns nil when people can sign in, else an error with the reason: CodeUnavailable while the provider has not
// been found, CodeIssuer or CodeConfig when it was found and cannot be used.
func (rp *RelyingParty) Ready() error {
	_, err := rp.provider()
	return err
}

// Tried reports whether a first look for the provider has come to its end, whatever it found.
func (rp *RelyingParty) Tried() bool { return !rp.state.Load().untried }

// JWKS returns the client's public keys as a JWK set, for the route the provider fetches them from.
func (rp *RelyingParty) JWKS() []byte { return rp.cfg.Keys.PublicJWKS() }

func (rp *RelyingParty) provider() (*provider, error) {
	s := rp.state.Load()
	if s.err != nil {
		return nil, s.err
	}
	return s.provider, nil
}

func (c Config) check() error {
	issuer, err := checkURL("issuer", c.Issuer, true)
	if err != nil {
		return err
	}
	if _, err := checkURL("redirect URL", c.RedirectURL, true); err != nil {
		return err
	}
	switch {
	case issuer.RawQuery != "" || issuer.ForceQuery:
		return errors.New("issuer: must not have a query")
	case c.ClientID == "":
		return errors.New("client id: is missing")
	case c.FullACR == "":
		return errors.New("full acr: is missing")
	case c.Now == nil:
		return errors.New("clock: is missing")
	case !scopeToken(c.RecoveryScope) || c.RecoveryScope == "openid" || c.RecoveryScope == "offline_access":
		return errors.New("recovery scope: must be one scope of its own")
	case c.Keys.Empty() && c.Secret.Empty():
		return errors.New("client authentication: neither key nor secret is given")
	case !c.Keys.Empty() && !c.Secret.Empty():
		return errors.New("client authentication: both key and secret are given")
	case !c.Secret.Empty() && !loopback(issuer):
		return errors.New("client authentication: a secret is accepted only for an issuer on loopback; use a key")
	}
	return nil
}

// scopeToken tells whether s is a single scope as RFC 6749 §3.3 writes it.
func scopeToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// checkURL accepts an absolute https URL without user and fragment, and plain http on loopback when that is allowed.
func checkURL(what, raw string, plainOnLoopback bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%s: is not an absolute URL", what)
	case u.User != nil || u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, fmt.Errorf("%s: must not have a user or a fragment", what)
	case u.Scheme == "https", u.Scheme == "http" && plainOnLoopback && loopback(u):
		return u, nil
	}
	return nil, fmt.Errorf("%s: must begin with https:// (http:// only on loopback)", what)
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// newClient puts the limits around the transport: no redirect is followed, no cookie is kept, five seconds, one MiB.
func newClient(next http.RoundTripper) *http.Client {
	if next == nil {
		next = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: callTimeout}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     30 * time.Second,
			TLSHandshakeTimeout: callTimeout,
		}
	}
	return &http.Client{
		Transport:     limited{next},
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limited cuts every body off after maxBody bytes with an error.
type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxBody)
	}
	return resp, err
}

// Run finds the provider and keeps looking at its metadata and keys until ctx ends; it returns ctx's error. While the
// provider cannot be found it tries again with growing pauses. What was good stays in use while the provider cannot be
// reached, and is dropped when the provider says something else than it must.
func (rp *RelyingParty) Run(ctx context.Context) error {
	pause := firstPause
	for {
		err := rp.refresh(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait := refreshEvery
		if err != nil {
			wait, pause = pause, min(2*pause, longestPause)
		} else {
			pause = firstPause
		}
		if err := rp.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// sleep waits, at most until somebody asks to hurry, but then still hurryGap.
func (rp *RelyingParty) sleep(ctx context.Context, wait time.Duration) error {
	gap := time.NewTimer(min(wait, hurryGap))
	defer gap.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-gap.C:
	}
	rest := time.NewTimer(wait - min(wait, hurryGap))
	defer rest.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-rest.C:
	case <-rp.hurry:
	}
	return nil
}

// suspect asks Run to look again: an endpoint we were told of does not answer as it should.
func (rp *RelyingParty) suspect() {
	select {
	case rp.hurry <- struct{}{}:
	default:
	}
}
