package loginform

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// App is an application that signs people in: as much of OpenID Connect as a test needs to start a sign-in and to look at
// what came of it. It checks no signature: the product does.
type App struct {
	Issuer   string // e.g. http://127.0.0.1:18080/realms/campus
	ID       string
	Secret   string // "" = a public client
	Redirect string
	Push     bool // send the request to the PAR endpoint first

	verifier string // of the last request
}

// Tokens are what an application got.
type Tokens struct {
	ID      map[string]any // claims of the ID token
	IDToken string
	Access  string
	Refresh string
}

// StatusError is an answer of a token or PAR endpoint other than success.
type StatusError struct {
	Status            int
	Code, Description string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Description)
}

// IsStatus reports whether err is an answer with that status and, unless it is "", that error code.
func IsStatus(err error, status int, code string) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Status == status && (code == "" || e.Code == code)
}

// Start makes a request with PKCE and returns the address to open. Values of extra replace the usual parameters (scope
// openid, state, nonce); an empty value leaves one out.
func (a *App) Start(ctx context.Context, extra map[string]string) (string, error) {
	a.verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(a.verifier))
	fields := map[string]string{
		"client_id": a.ID, "response_type": "code", "redirect_uri": a.Redirect, "scope": "openid", "state": "the-state", "nonce": "the-nonce",
		"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256",
	}
	maps.Copy(fields, extra)
	query := url.Values{}
	for name, value := range fields {
		if value != "" {
			query.Set(name, value)
		}
	}
	if a.Push {
		if a.Secret != "" {
			query.Set("client_secret", a.Secret)
		}
		var answer struct {
			URI string `json:"request_uri"`
		}
		if err := a.post(ctx, "/ext/par/request", query, &answer); err != nil {
			return "", fmt.Errorf("push the request: %w", err)
		}
		query = url.Values{"client_id": {a.ID}, "request_uri": {answer.URI}}
	}
	return a.Issuer + "/protocol/openid-connect/auth?" + query.Encode(), nil
}

// Redeem exchanges a code of the last request.
func (a *App) Redeem(ctx context.Context, code string) (Tokens, error) {
	return a.tokens(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.Redirect}, "code_verifier": {a.verifier},
	})
}

// Renew uses a refresh token.
func (a *App) Renew(ctx context.Context, refresh string) (Tokens, error) {
	return a.tokens(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
}

// Service gets a token for the application's service account.
func (a *App) Service(ctx context.Context) (string, error) {
	t, err := a.tokens(ctx, url.Values{"grant_type": {"client_credentials"}})
	return t.Access, err
}

// End ends the session of an ID token from the server, without a browser.
func (a *App) End(ctx context.Context, idToken string) error {
	return a.post(ctx, "/logout", url.Values{"client_id": {a.ID}, "id_token_hint": {idToken}}, nil)
}

func (a *App) tokens(ctx context.Context, form url.Values) (Tokens, error) {
	form.Set("client_id", a.ID)
	if a.Secret != "" {
		form.Set("client_secret", a.Secret)
	}
	var answer struct {
		ID      string `json:"id_token"`
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := a.post(ctx, "/token", form, &answer); err != nil {
		return Tokens{}, fmt.Errorf("token: %w", err)
	}
	out := Tokens{IDToken: answer.ID, Access: answer.Access, Refresh: answer.Refresh}
	if answer.ID == "" {
		return out, nil
	}
	claims, err := Claims(answer.ID)
	out.ID = claims
	return out, err
}

// Claims reads the claims of a token without checking it.
func Claims(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("claims: not a signed token")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	return claims, nil
}

func (a *App) post(ctx context.Context, path string, form url.Values, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Issuer+"/protocol/openid-connect"+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageLimit))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		failed := &StatusError{Status: resp.StatusCode}
		var fault struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(body, &fault) == nil { // else: a page, and the status says enough
			failed.Code, failed.Description = fault.Code, fault.Description
		}
		return failed
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}
