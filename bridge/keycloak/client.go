// Package keycloak talks to Keycloak's Admin REST API: it reads people and the realm, changes credentials, opens and shuts the gate,
// and watches the sign-in events. It is bridge.Accounts, bridge.SwapTarget and bridge.Gate for a real realm. It needs the rights
// view-realm, view-events and query-users, and fine-grained permissions on the members of the allowed group and on the gate group; with
// query-clients and the permission to view the client realm-management it sees every administrator. It never needs more.
package keycloak

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"otpbridge/bridge"
)

const (
	// maxLimit is the most that one call may take, its retries and its token included.
	maxLimit = 5 * time.Second
	// maxBody is the most that is read of an answer.
	maxBody = 8 << 20
)

// Config is what a Client needs to know.
type Config struct {
	// URL is the server's base URL, e.g. https://sso.example.ac.jp. https, except on loopback.
	URL   string
	Realm string
	// Issuer is the realm as it names itself; "" = URL + "/realms/" + Realm.
	Issuer   string
	ClientID string
	// Keys is a JWK or JWK set with one or two private ES256 keys, the first signs. Exactly one of Keys and Secret is given.
	Keys []byte
	// Secret is the client's secret, accepted for a server on loopback only.
	Secret bridge.Secret
	// Administrator: the client is an administrator's, used by one command and then forgotten. Its secret may go to any server, over TLS.
	Administrator bool
	// TokenRealm is the realm of the client; "" = Realm. Only an administrator's may be of another.
	TokenRealm string
	// LoginClient is the client id that people sign in with; its events are watched.
	LoginClient string
	// LoginScopes are the client scopes of a password-only sign-in; nil = those of the realm that we set up.
	LoginScopes []string
	// AllowedGroup is the full path of the group of people who may recover, e.g. /otp-recoverable.
	AllowedGroup string
	// Version of the server, for an account that may not see it; "" = not known.
	Version string

	// Limit is the time limit of one call with its retries; 0, or more than five seconds = five seconds.
	Limit time.Duration
	// Transport carries the calls; nil takes one of its own.
	Transport http.RoundTripper
	// Now is the clock.
	Now func() time.Time
	// Log gets a line for each retry; nil discards. Bodies are never logged.
	Log *slog.Logger
}

// Client is a thin client of the Admin REST API. It is safe for concurrent use.
type Client struct {
	cfg   Config
	http  *http.Client
	log   *slog.Logger
	token tokens

	settings   cache[realmSettings]
	profiles   cache[profile]
	management cache[string] // see managementClient
	codes      cache[bool]   // whether recovery codes sign in

	failures failures
	// skew is how far the server's clock is ahead of ours, in nanoseconds, as last seen in an answer.
	skew atomic.Int64
}

var (
	_ bridge.Accounts   = (*Client)(nil)
	_ bridge.SwapTarget = (*Client)(nil)
	_ bridge.Profiles   = (*Client)(nil)
)

// BasicScopes lists what every sign-in at the login client carries beside the recovery scope.
func BasicScopes() []string {
	return []string{"openid", "basic", "acr", "profile", "email", "roles", "web-origins"}
}

// New checks the configuration; it makes no call.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("keycloak: configure: %w", err)
	}
	c := &Client{cfg: cfg, log: cfg.Log, token: newTokens()}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.cfg.Limit <= 0 || c.cfg.Limit > maxLimit {
		c.cfg.Limit = maxLimit
	}
	if c.cfg.LoginScopes == nil {
		c.cfg.LoginScopes = append(BasicScopes(), "otp-recovery")
	}
	c.cfg.URL, c.cfg.TokenRealm = strings.TrimRight(cfg.URL, "/"), cmp.Or(cfg.TokenRealm, cfg.Realm)
	if c.cfg.Issuer == "" {
		c.cfg.Issuer = c.cfg.URL + "/realms/" + url.PathEscape(cfg.Realm)
	}
	if cfg.Keys != nil {
		signer, err := newAssertion(cfg.Keys)
		if err != nil {
			return nil, fmt.Errorf("keycloak: configure: %w", err)
		}
		c.token.assertion = signer
	}
	transport := cfg.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 3 * time.Second,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     60 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func (c *Config) check() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the URL of Keycloak must be absolute, without user, query or fragment")
	}
	local := bridge.Loopback(u.Hostname())
	var faults []error
	for _, f := range []struct {
		bad  bool
		text string
	}{
		{u.Scheme != "https" && (u.Scheme != "http" || !local), "the URL of Keycloak must be https (http is accepted for loopback only)"},
		{c.Realm == "", "the realm is missing"},
		{c.ClientID == "", "the client id is missing"},
		{c.LoginClient == "", "the login client's id is missing"},
		{!strings.HasPrefix(c.AllowedGroup, "/"), "the allowed group must be a full path, beginning with /"},
		{(c.Keys == nil) == (c.Secret == ""), "either keys or a secret must be given"},
		{c.Secret != "" && !local && !c.Administrator, "a client secret is accepted for loopback only; use keys"},
		{c.Now == nil, "the clock is missing"},
	} {
		if f.bad {
			faults = append(faults, errors.New(f.text))
		}
	}
	return errors.Join(faults...)
}

// ServerNow is the time on Keycloak's clock. Answers tell it to the second, so less than two seconds is no difference.
func (c *Client) ServerNow() time.Time {
	const noise = 2 * time.Second
	skew := time.Duration(c.skew.Load())
	if skew.Abs() <= noise {
		skew = 0
	}
	return c.cfg.Now().Add(skew)
}

// cache keeps one value for a while. It holds its lock for the value only, never for the call that fetches it.
type cache[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
}

func (c *cache[T]) get(now time.Time) (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, now.Before(c.until)
}

func (c *cache[T]) set(value T, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.until = value, until
}

// Offset is how far Keycloak's clock is ahead of ours, as last seen in an answer; zero before the first.
func (c *Client) Offset() time.Duration { return time.Duration(c.skew.Load()) }
