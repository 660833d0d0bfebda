package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// forged is a token that the evil provider is about to hand out; lies change it.
type forged struct {
	header map[string]any
	claims map[string]any
	key    opKey
	alg    string
	noKID  bool
	// broken flips a bit of the signature.
	broken bool
	// raw replaces the token altogether.
	raw *string
}

// opKey is a signing key of the provider.
type opKey struct {
	id      string
	private crypto.Signer
}

func ecKey(id string) opKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return opKey{id, private}
}

var rsaKey = sync.OnceValue(func() opKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return opKey{"rsa", private}
})

func (k opKey) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Use: "sig"}
}

// sign writes the token by hand, so that no library refuses the lie.
func (f *forged) sign(t *testing.T) string {
	t.Helper()
	if f.raw != nil {
		return *f.raw
	}
	header := maps.Clone(f.header)
	if _, set := header["alg"]; !set {
		header["alg"] = f.alg
	}
	if _, set := header["kid"]; !set && !f.noKID {
		header["kid"] = f.key.id
	}
	input := part(t, header) + "." + part(t, f.claims)
	signature := f.signature(t, input)
	if f.broken {
		signature[len(signature)-1] ^= 1
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (f *forged) signature(t *testing.T, input string) []byte {
	t.Helper()
	switch f.alg {
	case "none":
		return nil
	case "HS256": // the classic: the provider's public key as the shared secret
		mac := hmac.New(sha256.New, []byte("shared-secret"))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	sum := sha256.Sum256([]byte(input))
	if private, ok := f.key.private.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}
	out, err := f.key.private.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func part(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
