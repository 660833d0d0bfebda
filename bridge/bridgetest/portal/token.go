package portal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const answerLimit = 1 << 20

// redeem exchanges a code and returns who it stands for.
func (a *app) redeem(ctx context.Context, code string, one attempt) (signedIn, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.o.URL + "/cb"},
		"client_id": {ClientID}, "code_verifier": {one.verifier},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint("token"), strings.NewReader(form.Encode()))
	if err != nil {
		return signedIn{}, fmt.Errorf("exchange the code: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := a.client.Do(req)
	if err != nil {
		return signedIn{}, fmt.Errorf("exchange the code: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"id_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(&answer); err != nil {
		return signedIn{}, fmt.Errorf("exchange the code: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return signedIn{}, fmt.Errorf("exchange the code: %d %s", resp.StatusCode, answer.Error)
	}
	return read(answer.Token, one.nonce)
}

// read takes the claims out of an ID token that came straight from the server.
func read(token, nonce string) (signedIn, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return signedIn{}, errToken
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return signedIn{}, errToken
	}
	var claims struct {
		Audience string `json:"aud"`
		Nonce    string `json:"nonce"`
		Level    string `json:"acr"`
		Username string `json:"preferred_username"`
		Name     string `json:"name"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Audience != ClientID || claims.Nonce != nonce || claims.Username == "" {
		return signedIn{}, errToken
	}
	return signedIn{Username: claims.Username, Name: claims.Name, Level: claims.Level, token: token}, nil
}
