package rig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Key is a client's signing key, ES256, made for one test.
type Key struct {
	t   *testing.T
	jwk jose.JSONWebKey
}

// NewKey makes a key; its id begins with name.
func NewKey(t *testing.T, name string) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := name + "-" + rand.Text()[:8]
	return Key{t: t, jwk: jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}}
}

// Public is the key set with the public half.
func (k Key) Public() json.RawMessage {
	k.t.Helper()
	return k.marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.jwk.Public()}})
}

// Write writes the private key as the product reads it: one JWK.
func (k Key) Write(file string) {
	k.t.Helper()
	if err := os.WriteFile(file, k.marshal(k.jwk), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// Assertion is what a client sends instead of a secret: signed, for one audience, good for a minute and for one use.
func (k Key) Assertion(client, audience string) string {
	k.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.jwk}, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	now := time.Now()
	signed, err := signer.Sign(k.marshal(map[string]any{
		"iss": client, "sub": client, "aud": audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}))
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}

func (k Key) marshal(v any) json.RawMessage {
	k.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}
