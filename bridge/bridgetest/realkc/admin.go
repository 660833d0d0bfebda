package realkc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// callLimit is generous: making a realm takes more than a minute while the machine is busy with much else.
const callLimit = 3 * time.Minute

// tries is how often something is read that Keycloak fails at; firstPause is the pause before it is read again, and the next one is twice as long.
const (
	tries      = 3
	firstPause = 100 * time.Millisecond
)

// bodyLimit bounds what is read of an answer.
const bodyLimit = 64 << 20

// Admin calls the Admin REST API as the first administrator of the server. It may be used by many goroutines.
type Admin struct {
	base   string
	client *http.Client

	mu      sync.Mutex
	token   string
	expires time.Time
}

// StatusError is an answer of Keycloak other than 2xx.
type StatusError struct {
	Call   string // method and path
	Status int
	Body   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.Call, e.Status, e.Body)
}

// HTTPStatus implements what bridge/realm asks of errors.
func (e *StatusError) HTTPStatus() int { return e.Status }

// IsStatus reports whether err is an answer with that status.
func IsStatus(err error, status int) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Status == status
}

// Admin returns a client for the Admin REST API of the server.
func (s *Server) Admin() *Admin {
	return &Admin{base: s.URL, client: &http.Client{Timeout: callLimit}}
}

// Do makes one call: method and path below /admin/realms ("GET /campus/users?max=5"; "POST " makes a realm). A body other
// than nil is sent as JSON, json.RawMessage as it stands and a string as plain text; out is filled from the answer
// unless it is nil. Any status other than 2xx is a *StatusError. What Keycloak fails at is read again, as the product does it.
func (a *Admin) Do(ctx context.Context, call string, body, out any) error {
	for try := 1; ; try++ {
		err := a.once(ctx, call, body, out)
		failed, ok := errors.AsType[*StatusError](err)
		if !ok || failed.Status < http.StatusInternalServerError || !strings.HasPrefix(call, "GET ") || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(firstPause << (try - 1)):
		}
	}
}

func (a *Admin) once(ctx context.Context, call string, body, out any) error {
	token, err := a.bearer(ctx)
	if err != nil {
		return err
	}
	method, path, _ := strings.Cut(call, " ")
	content, kind, err := encode(body)
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+"/admin/realms"+path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return a.send(req, call, out)
}

// Version is the server's version.
func (a *Admin) Version(ctx context.Context) (string, error) {
	token, err := a.bearer(ctx)
	if err != nil {
		return "", err
	}
	const call = "GET /admin/serverinfo"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/admin/serverinfo", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("%s: %w", call, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var info struct{ SystemInfo struct{ Version string } }
	err = a.send(req, call, &info)
	return info.SystemInfo.Version, err
}

func encode(body any) (content []byte, kind string, err error) {
	switch b := body.(type) {
	case nil:
		return nil, "", nil
	case string:
		return []byte(b), "text/plain; charset=utf-8", nil
	case json.RawMessage:
		return b, "application/json", nil
	default:
		content, err = json.Marshal(b)
		return content, "application/json", err
	}
}

func (a *Admin) send(req *http.Request, call string, out any) error {
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	if resp.StatusCode/100 != 2 {
		return &StatusError{Call: call, Status: resp.StatusCode, Body: string(content)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("%s: answer: %w", call, err)
	}
	return nil
}

// bearer returns a token with some life left: those of the administrator live for a minute.
func (a *Admin) bearer(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Until(a.expires) > 0 {
		return a.token, nil
	}
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {adminName}, "password": {adminPassword}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/realms/master/protocol/openid-connect/token",
		strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("administrator's token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := a.send(req, "administrator's token", &answer); err != nil {
		return "", err
	}
	const reserve = 20 * time.Second
	a.token = answer.AccessToken
	a.expires = time.Now().Add(time.Duration(answer.ExpiresIn)*time.Second - reserve)
	return a.token, nil
}
