// Package adminapi calls Keycloak's Admin REST API as a client that may change the realm, for the few minutes in which somebody prepares it.
// The service has a client of its own, which may do far less.
package adminapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// maxBody is the most that is read of an answer: a realm may have thousands of clients.
const maxBody = 64 << 20

// Client is a realm.Caller.
type Client struct {
	// URL is the server, without a slash at the end; Realm the realm that is looked at and changed.
	URL, Realm string
	// ID and Secret are the client's; AdminRealm is the realm that it belongs to.
	ID, AdminRealm string
	Secret         bridge.Secret
	// Limit is how long one answer may take.
	Limit time.Duration
	Now   func() time.Time
	// Transport carries the calls; nil takes one of its own.
	Transport http.RoundTripper

	mu      sync.Mutex // of what follows
	token   bridge.Secret
	expires time.Time
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Status int
	// Said is what Keycloak says of it, one line.
	Said string

	refused string // see keycloak.Refused
}

func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("Keycloak answers %d %s", e.Status, e.Said))
}

// AwayError says that nothing answers where Keycloak should.
type AwayError struct{ Err error }

func (e *AwayError) Error() string { return "Keycloak does not answer: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *AwayError) Unwrap() error { return e.Err }

// RefusedError says that Keycloak answered and gives the client no token, by the code of that answer.
type RefusedError struct{ ID, AdminRealm, Reason string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("Keycloak gives client %s of realm %s no token: %s", e.ID, e.AdminRealm, e.Reason)
}

// HTTPStatus implements what realm.Caller asks of errors.
func (e *StatusError) HTTPStatus() int { return e.Status }

// tries is how often something is read that Keycloak fails at; firstPause is the pause before it is read again, and the next one is twice as long.
const (
	tries      = 3
	firstPause = 100 * time.Millisecond
)

// Do implements realm.Caller. What Keycloak failed at is read again. A change is made once: how far it came the next plan sees.
func (c *Client) Do(ctx context.Context, call string, body, out any) error {
	if !strings.HasPrefix(call, "GET ") {
		return c.once(ctx, call, body, out)
	}
	return reading(ctx, func() error { return c.once(ctx, call, body, out) })
}

// reading reads until Keycloak has an answer, whatever that is, a few times.
func reading(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := read()
		refused, ok := errors.AsType[*StatusError](err)
		if !ok || refused.Status < http.StatusInternalServerError || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(firstPause << (try - 1)):
		}
	}
}

// once makes one call.
func (c *Client) once(ctx context.Context, call string, body, out any) error {
	if err := c.signIn(ctx); err != nil {
		return err
	}
	method, path, _ := strings.Cut(call, " ")
	content, kind, err := encode(body)
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/admin/realms/"+url.PathEscape(c.Realm)+path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return c.send(c.own(req), out)
}

// own makes a request one of the client's own.
func (c *Client) own(req *http.Request) *http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	return req
}

// Server is what the server says of itself; nothing to a client that may not see it.
type Server struct {
	Version string
	Themes  []string // for sign-in pages
}

// Server asks the server what it is.
func (c *Client) Server(ctx context.Context) (s Server, err error) {
	if err := c.signIn(ctx); err != nil {
		return s, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/admin/serverinfo", http.NoBody)
	if err != nil {
		return s, fmt.Errorf("read the version: %w", err)
	}
	var info struct {
		System struct{ Version string } `json:"systemInfo"`
		Themes struct{ Login []struct{ Name string } }
	}
	err = reading(ctx, func() error { return c.send(c.own(req), &info) })
	var refused *StatusError
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		return s, nil
	}
	s.Version = info.System.Version
	for _, t := range info.Themes.Login {
		s.Themes = append(s.Themes, t.Name)
	}
	return s, err
}

func encode(body any) (content []byte, kind string, err error) {
	switch b := body.(type) {
	case nil:
		return nil, "", nil
	case string:
		return []byte(b), "text/plain; charset=utf-8", nil
	}
	content, err = json.Marshal(body)
	return content, "application/json", err
}

// signIn gets a token when there is none that lasts for another call.
func (c *Client) signIn(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Now().Before(c.expires) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/realms/"+url.PathEscape(c.AdminRealm)+"/protocol/openid-connect/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken bridge.Secret `json:"access_token"`
		ExpiresIn   int           `json:"expires_in"`
	}
	err = c.send(req, &answer)
	if e, ok := errors.AsType[*StatusError](err); ok && e.refused != "" {
		return &RefusedError{c.ID, c.AdminRealm, e.refused}
	}
	if err != nil {
		return fmt.Errorf("token of client %s in realm %s: %w", c.ID, c.AdminRealm, err)
	}
	const reserve = 10 * time.Second
	c.token, c.expires = answer.AccessToken, c.Now().Add(time.Duration(answer.ExpiresIn)*time.Second-reserve)
	return nil
}

func (c *Client) send(req *http.Request, out any) error {
	carrier := c.Transport
	if carrier == nil {
		carrier = transport
	}
	client := http.Client{Transport: carrier, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return &AwayError{err}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(content) > maxBody:
		return errors.New("the answer is too long")
	case resp.StatusCode/100 != 2:
		return &StatusError{resp.StatusCode, said(content), keycloak.Refused(resp.StatusCode, content)}
	case out == nil || len(content) == 0:
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return errors.New("the answer is not the JSON that was expected")
	}
	return nil
}

// said is what an answer says of a fault; other bodies, which may hold anything, say nothing.
func said(content []byte) string {
	var body struct {
		Error       string `json:"error"`
		Message     string `json:"errorMessage"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(content, &body) != nil {
		return ""
	}
	return strings.Join(strings.Fields(body.Error+" "+body.Message+" "+body.Description), " ")
}

// transport is like the service's: TLS as of today, no redirects.
var transport = &http.Transport{
	Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4,
}
