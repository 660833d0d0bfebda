package keycloak

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"otpbridge/bridge"
)

const (
	// renewEarly is how long before its end a token is replaced.
	renewEarly = 30 * time.Second
	// assertionLife is how long a client assertion can be used; one is made for each request.
	assertionLife = time.Minute
)

// tokens keeps the service account's token. The turn is a lock that waiting callers can leave when their time is up.
type tokens struct {
	turn      chan struct{}
	assertion *assertion // nil: by secret

	value   bridge.Secret // guarded by turn
	renewAt time.Time
}

func newTokens() tokens { return tokens{turn: make(chan struct{}, 1)} }

// forget drops a token that Keycloak refused, unless it was replaced already.
func (t *tokens) forget(refused bridge.Secret) {
	t.turn <- struct{}{}
	if t.value == refused {
		t.value = ""
	}
	<-t.turn
}

// bearer returns a token that lives for a while. One caller fetches, the others wait for it.
func (c *Client) bearer(ctx context.Context) (bridge.Secret, error) {
	t := &c.token
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.turn }()
	if t.value != "" && c.cfg.Now().Before(t.renewAt) {
		return t.value, nil
	}
	value, life, err := c.fetchToken(ctx)
	if err != nil {
		return "", err
	}
	t.value, t.renewAt = value, c.cfg.Now().Add(max(life-renewEarly, life/2))
	return value, nil
}

func (c *Client) fetchToken(ctx context.Context) (value bridge.Secret, life time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Limit) // others wait for it, whatever the call is that it is for
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.cfg.ClientID}}
	if c.token.assertion == nil {
		form.Set("client_secret", c.cfg.Secret.Reveal())
	} else {
		signed, err := c.token.assertion.sign(c.cfg.ClientID, c.cfg.Issuer, c.ServerNow())
		if err != nil {
			return "", 0, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", signed.Reveal())
	}
	endpoint := c.cfg.URL + "/realms/" + url.PathEscape(c.cfg.TokenRealm) + "/protocol/openid-connect/token"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, errors.New("no request can be made")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := c.send(req, &answer); err != nil {
		return "", 0, c.refused(err)
	}
	if answer.AccessToken == "" {
		return "", 0, errors.New("the answer holds no token")
	}
	return bridge.Secret(answer.AccessToken), time.Duration(answer.ExpiresIn) * time.Second, nil
}

// assertion signs client assertions (private_key_jwt) with the first of its keys.
type assertion struct{ signer jose.Signer }

// maxKeys is the key in use and the one before or after it: what a rotation needs.
const maxKeys = 2

// newAssertion reads a JWK or a JWK set. Errors never quote it.
func newAssertion(file []byte) (*assertion, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(file, &set) != nil {
		return nil, errors.New("keys: no JSON object")
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{file}
	}
	if n := len(set.Keys); n < 1 || n > maxKeys {
		return nil, fmt.Errorf("keys: %d where 1 or %d are expected", n, maxKeys)
	}
	var first jose.JSONWebKey
	for i, raw := range set.Keys {
		key, err := privateKey(raw)
		if err != nil {
			return nil, fmt.Errorf("keys: key %d: %w", i+1, err)
		}
		if i == 0 {
			first = key
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: first}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("keys: the first cannot sign")
	}
	return &assertion{signer: signer}, nil
}

// privateKey reads one key. One without an id gets its thumbprint as id, as it is published.
func privateKey(raw []byte) (jose.JSONWebKey, error) {
	var key jose.JSONWebKey
	if json.Unmarshal(raw, &key) != nil {
		return key, errors.New("not a JWK")
	}
	private, ok := key.Key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() || (key.Algorithm != "" && key.Algorithm != string(jose.ES256)) {
		return key, errors.New("not a private key for ES256 (curve P-256)")
	}
	if key.KeyID == "" {
		sum, err := key.Thumbprint(crypto.SHA256)
		if err != nil {
			return key, errors.New("no thumbprint can be made of it")
		}
		key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	}
	return key, nil
}

// sign makes a fresh assertion: one audience, a new id each time.
func (a *assertion) sign(client, issuer string, now time.Time) (bridge.Secret, error) {
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{client, client, issuer, bridge.NewUUID(), now.Unix(), now.Add(assertionLife).Unix()})
	if err != nil {
		return "", fmt.Errorf("assertion: %w", err)
	}
	jws, err := a.signer.Sign(claims)
	if err != nil {
		return "", errors.New("assertion: signing failed")
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return "", errors.New("assertion: no compact form")
	}
	return bridge.Secret(compact), nil
}
