package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxOwnKeys is the current key and the one before it: what a rotation needs, and no more.
	maxOwnKeys = 2
	// assertionLife is how long a client assertion can be used; one is made for each request.
	assertionLife = time.Minute
)

// KeySet holds the client's own private keys (ES256), the newest first: it signs, the others are only published.
// Printing a KeySet shows nothing of it.
type KeySet struct{ keys []jose.JSONWebKey }

// NewKeySet makes a set of one fresh key.
func NewKeySet() (KeySet, error) { return KeySet{}.Rotate() }

// Rotate returns a set with a fresh key in front and the newest old one behind it.
func (k KeySet) Rotate() (KeySet, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return KeySet{}, failf(CodeConfig, "new key", "%w", err)
	}
	fresh, err := withID(jose.JSONWebKey{Key: private})
	if err != nil {
		return KeySet{}, failf(CodeConfig, "new key", "%w", err)
	}
	keys := append([]jose.JSONWebKey{fresh}, k.keys...)
	return KeySet{keys: keys[:min(len(keys), maxOwnKeys)]}, nil
}

// ParseKeySet reads a JWK, or a JWK set with the newest key first: one or two private keys for ES256, as PrivateFile
// writes them. A key without an id gets its thumbprint as id.
func ParseKeySet(file []byte) (KeySet, error) {
	const op = "read keys"
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	// The causes of the decoders are left out: they could quote the file.
	if json.Unmarshal(file, &set) != nil {
		return KeySet{}, failf(CodeConfig, op, "the file is no JSON object")
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{file}
	}
	if n := len(set.Keys); n < 1 || n > maxOwnKeys {
		return KeySet{}, failf(CodeConfig, op, "%d keys where 1 or %d are expected", n, maxOwnKeys)
	}
	var own KeySet
	ids := map[string]bool{}
	for i, raw := range set.Keys {
		key, err := parsePrivate(raw)
		if err != nil {
			return KeySet{}, failf(CodeConfig, op, "key %d: %w", i+1, err)
		}
		if ids[key.KeyID] {
			return KeySet{}, failf(CodeConfig, op, "key %d: its id is used twice", i+1)
		}
		ids[key.KeyID] = true
		own.keys = append(own.keys, key)
	}
	return own, nil
}

func parsePrivate(raw []byte) (jose.JSONWebKey, error) {
	var key jose.JSONWebKey
	if json.Unmarshal(raw, &key) != nil {
		return key, errors.New("not a JWK")
	}
	private, ok := key.Key.(*ecdsa.PrivateKey)
	if !ok {
		return key, errors.New("not a private EC key")
	}
	if private.Curve != elliptic.P256() || (key.Algorithm != "" && key.Algorithm != string(jose.ES256)) {
		return key, errors.New("not a key for ES256 (curve P-256)")
	}
	if key.Use != "" && key.Use != "sig" {
		return key, errors.New("not a key for signing")
	}
	return withID(key)
}

func withID(key jose.JSONWebKey) (jose.JSONWebKey, error) {
	out := jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID, Algorithm: string(jose.ES256), Use: "sig"}
	if out.KeyID != "" {
		return out, nil
	}
	sum, err := out.Thumbprint(crypto.SHA256)
	if err != nil {
		return out, errors.New("no thumbprint can be made of it")
	}
	out.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return out, nil
}

// PrivateFile returns the set as a JWK set with its private parts: what ParseKeySet reads. It is a secret.
func (k KeySet) PrivateFile() ([]byte, error) {
	return json.MarshalIndent(jose.JSONWebKeySet{Keys: k.keys}, "", "  ")
}

// PublicJWKS returns the public halves as a JWK set, for the provider to fetch or to store.
func (k KeySet) PublicJWKS() []byte {
	public := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(k.keys))}
	for _, key := range k.keys {
		public.Keys = append(public.Keys, key.Public())
	}
	out, err := json.Marshal(public)
	if err != nil { // cannot happen: every key was parsed or made here
		return []byte(`{"keys":[]}`)
	}
	return out
}

// KeyIDs returns the ids of the keys, the newest first.
func (k KeySet) KeyIDs() []string {
	ids := make([]string, 0, len(k.keys))
	for _, key := range k.keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}

// Empty tells whether there is no key.
func (k KeySet) Empty() bool { return len(k.keys) == 0 }

// String hides the keys from fmt.
func (k KeySet) String() string { return hidden }

// GoString hides the keys from %#v.
func (k KeySet) GoString() string { return hidden }

// LogValue hides the keys from slog.
func (k KeySet) LogValue() slog.Value { return slog.StringValue(hidden) }

// assertion makes one client assertion (private_key_jwt): a fresh jti, the issuer as its only audience, one minute.
func (k KeySet) assertion(clientID, audience string, now time.Time) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.keys[0]},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": clientID, "sub": clientID, "aud": audience, "jti": randomText(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	return signed.CompactSerialize()
}

// randomText returns 32 random bytes as 43 characters that are safe in URLs.
func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: the process ends when the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b[:])
}
