package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
)

const (
	keyBytes   = 32
	maxKeys    = 16
	sealFormat = 1
	saltBytes  = 16
)

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// Key is one sealing key with the name that sealed records mention. It never shows itself in logs.
type Key struct {
	ID     string
	secret [keyBytes]byte
}

// NewKey makes a random key named id (letters, digits, '.', '_', '-'; at most 32).
func NewKey(id string) (Key, error) {
	k := Key{ID: id}
	if !keyIDPattern.MatchString(id) {
		return Key{}, errors.New("the name of a key has 1 to 32 letters, digits, dots, dashes or underscores")
	}
	_, _ = rand.Read(k.secret[:]) // never fails: crypto/rand ends the program instead
	return k, nil
}

// Line returns the key as a line of a keys file. It holds the secret.
func (k Key) Line() string {
	return k.ID + " " + base64.StdEncoding.EncodeToString(k.secret[:])
}

// String hides the secret.
func (k Key) String() string { return "key " + k.ID }

// GoString hides the secret.
func (k Key) GoString() string { return k.String() }

// LogValue hides the secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// KeyRing seals with its newest key and opens with any of its keys. It may be used, and taught others, by any number of goroutines.
type KeyRing struct {
	held atomic.Pointer[[]Key] // newest first, never empty
}

// keys returns the keys of this moment, newest first.
func (r *KeyRing) keys() []Key { return *r.held.Load() }

// Take replaces the keys by those of another ring, and returns a ring of those before.
func (r *KeyRing) Take(other *KeyRing) (before *KeyRing) {
	keys, before := other.keys(), &KeyRing{}
	before.held.Store(r.held.Swap(&keys))
	return before
}

// NewKeyRing takes the newest key first.
func NewKeyRing(keys ...Key) (*KeyRing, error) {
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("there must be 1 to %d sealing keys, found %d", maxKeys, len(keys))
	}
	seen := map[string]bool{}
	for _, k := range keys {
		if seen[k.ID] {
			return nil, fmt.Errorf("two sealing keys are named %q", k.ID)
		}
		seen[k.ID] = true
	}
	r, held := &KeyRing{}, append([]Key(nil), keys...)
	r.held.Store(&held)
	return r, nil
}

// ParseKeys reads one key a line, newest first: its name, a space, 32 bytes in base64. Empty lines and lines that begin with # are
// skipped. Errors name the line, never its text.
func ParseKeys(text []byte) (*KeyRing, error) {
	var keys []Key
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		keys = append(keys, k)
	}
	return NewKeyRing(keys...)
}

func parseKey(line string) (Key, error) {
	fields := strings.Fields(line)
	if len(fields) != 2 {
		return Key{}, errors.New("expected a name, a space and a key")
	}
	if !keyIDPattern.MatchString(fields[0]) {
		return Key{}, errors.New("the name has other characters than letters, digits, dots, dashes and underscores, or more than 32")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil || len(raw) != keyBytes {
		return Key{}, errors.New("the key is not 32 bytes in base64")
	}
	k := Key{ID: fields[0]}
	copy(k.secret[:], raw)
	if k.secret == [keyBytes]byte{} {
		return Key{}, errors.New("the key is all zero")
	}
	return k, nil
}

// IDs returns the names of the keys, newest first.
func (r *KeyRing) IDs() []string {
	var ids []string
	for _, k := range r.keys() {
		ids = append(ids, k.ID)
	}
	return ids
}

// Seal encrypts plain so that it opens only under the same name. Layout: format, length of key name, key name, salt, nonce and
// ciphertext. Every message has a key of its own, derived from the salt, so the number of messages is no worry.
func (r *KeyRing) Seal(name string, plain []byte) []byte {
	k := r.keys()[0]
	head := append([]byte{sealFormat, byte(len(k.ID))}, k.ID...) //nolint:gosec // at most 32
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt)
	out := append(append([]byte(nil), head...), salt...)
	return k.aead(salt).Seal(out, nil, plain, append(head, name...)) //nolint:gosec // this AEAD makes its own nonce
}

// Open decrypts what Seal made under the same name. ErrBroken: altered, or of another record; with ErrUnknownKey: its key is gone.
func (r *KeyRing) Open(name string, sealed []byte) ([]byte, error) {
	head, id, ok := sealHead(sealed)
	if !ok {
		return nil, broken("unseal "+kindOf(name), errors.New("not a sealed value"))
	}
	k, ok := r.find(id)
	if !ok {
		return nil, broken("unseal "+kindOf(name),
			fmt.Errorf("%w: the value was sealed with key %q, which is not in the keys file", ErrUnknownKey, id))
	}
	rest := sealed[len(head):]
	if len(rest) < saltBytes {
		return nil, broken("unseal "+kindOf(name), errors.New("the value is cut short"))
	}
	data := append(bytes.Clone(head), name...)
	plain, err := k.aead(rest[:saltBytes]).Open(nil, nil, rest[saltBytes:], data)
	if err != nil {
		return nil, broken("unseal "+kindOf(name), errors.New("the value was altered or belongs to another record"))
	}
	return plain, nil
}

// sealHead splits off the part of a sealed value that names its key.
func sealHead(sealed []byte) (head []byte, id string, ok bool) {
	if len(sealed) < 2 || sealed[0] != sealFormat || len(sealed) < 2+int(sealed[1]) {
		return nil, "", false
	}
	head = sealed[:2+int(sealed[1])]
	id = string(head[2:])
	return head, id, keyIDPattern.MatchString(id)
}

// newest reports that the value was sealed with the key that new values get.
func (r *KeyRing) newest(sealed []byte) bool {
	_, id, ok := sealHead(sealed)
	return ok && id == r.keys()[0].ID
}

func (r *KeyRing) find(id string) (Key, bool) {
	for _, k := range r.keys() {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// Index turns a secret that is looked up (a token, a call code) into the tail of a key; without the sealing key nobody can try all
// codes. Kind keeps equal secrets of different use apart.
func (r *KeyRing) Index(kind, secret string) string {
	return r.keys()[0].index(kind, secret)
}

func (k Key) index(kind, secret string) string {
	mac := hmac.New(sha256.New, k.derive("index "+kind))
	mac.Write([]byte(secret))
	return hex.EncodeToString(mac.Sum(nil))
}

// aead is AES-256-GCM with a random nonce, under a key for this salt alone.
func (k Key) aead(salt []byte) cipher.AEAD {
	block, err := aes.NewCipher(k.derive("seal " + string(salt)))
	if err != nil {
		panic("store: " + err.Error()) // a key of 32 bytes always fits
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("store: " + err.Error())
	}
	return gcm
}

// derive makes the key for one purpose; the secret itself is never used for anything else.
func (k Key) derive(purpose string) []byte {
	out, err := hkdf.Expand(sha256.New, k.secret[:], "otpbridge store 1: "+purpose, keyBytes)
	if err != nil {
		panic("store: " + err.Error()) // 32 bytes are always to be had
	}
	return out
}
