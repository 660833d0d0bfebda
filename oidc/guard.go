package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// missPause is the least time between two fetches that unknown key ids cause.
	missPause = time.Minute
	// joinWait is how long a second token with an unknown key id waits for the fetch that the first one caused.
	joinWait = time.Second
	// minRSA is the shortest RSA key that is believed, in bits.
	minRSA = 2048
)

var (
	errUnknownKey   = errors.New("signed with a key that the provider does not publish")
	errAmbiguousKey = errors.New("no key id, and the provider publishes several keys that fit")
	errSignature    = errors.New("the signature does not fit")
	errKeys         = errors.New("the provider's keys cannot be fetched")
)

// keyGuard holds the provider's keys and stands between tokens and fetches: anybody may send us a logout token, and
// must not be able to make us call the provider more than once a minute, nor to make others wait.
type keyGuard struct {
	now   func() time.Time
	fetch func(context.Context) ([]jose.JSONWebKey, error)

	mu       sync.Mutex
	keys     []jose.JSONWebKey
	lastMiss time.Time     // when an unknown key id last caused a fetch
	running  chan struct{} // closed when that fetch ends; nil when there is none
}

func newKeyGuard(now func() time.Time, fetch func(context.Context) ([]jose.JSONWebKey, error)) *keyGuard {
	return &keyGuard{now: now, fetch: fetch}
}

// load fetches the keys now. On failure the old ones stay.
func (g *keyGuard) load(ctx context.Context) error {
	keys, err := g.fetch(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errKeys, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keys = keys
	return nil
}

// VerifySignature returns the payload of a compact JWS signed by the provider. A key id that is not known is looked up
// once, and then not again for a minute; tokens with known key ids never wait. It implements go-oidc's KeySet.
func (g *keyGuard) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, asymmetric)
	if err != nil {
		return nil, errSignature
	}
	payload, err := g.verify(jws)
	if !errors.Is(err, errUnknownKey) {
		return payload, err
	}
	if err := g.lookUp(ctx); err != nil {
		return nil, err
	}
	return g.verify(jws)
}

func (g *keyGuard) verify(jws *jose.JSONWebSignature) ([]byte, error) {
	header := jws.Signatures[0].Header
	g.mu.Lock()
	keys := g.keys
	g.mu.Unlock()
	var fitting []jose.JSONWebKey
	for _, key := range keys {
		if (header.KeyID == "" || key.KeyID == header.KeyID) && fits(key, jose.SignatureAlgorithm(header.Algorithm)) {
			fitting = append(fitting, key)
		}
	}
	switch {
	case len(fitting) == 0:
		return nil, errUnknownKey
	case header.KeyID == "" && len(fitting) > 1:
		return nil, errAmbiguousKey
	}
	for _, key := range fitting {
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errSignature
}

// lookUp fetches the keys because a key id is not known, unless that was done within the last minute. It returns nil
// when the keys may have changed.
func (g *keyGuard) lookUp(ctx context.Context) error {
	g.mu.Lock()
	done, join := g.running, true
	if done == nil {
		if !g.lastMiss.IsZero() && g.now().Sub(g.lastMiss) < missPause {
			g.mu.Unlock()
			return errUnknownKey
		}
		g.lastMiss = g.now()
		done, join = make(chan struct{}), false
		g.running = done
	}
	g.mu.Unlock()
	if join {
		return wait(ctx, done)
	}
	// Whoever caused the fetch may go away; the keys are for everybody.
	fetchCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	failed := make(chan error, 1)
	go func() {
		defer cancel()
		err := g.load(fetchCtx)
		g.mu.Lock()
		g.running = nil
		g.mu.Unlock()
		failed <- err
		close(done)
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errKeys, ctx.Err())
	case err := <-failed:
		return err
	}
}

// wait waits for somebody else's fetch, not longer than joinWait.
func wait(ctx context.Context, done <-chan struct{}) error {
	limit := time.NewTimer(joinWait)
	defer limit.Stop()
	select {
	case <-done:
		return nil
	case <-limit.C:
		return errUnknownKey
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errKeys, ctx.Err())
	}
}

// fits tells whether a key can have made a signature with alg.
func fits(key jose.JSONWebKey, alg jose.SignatureAlgorithm) bool {
	if key.Algorithm != "" && key.Algorithm != string(alg) {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, alg)
	case *ecdsa.PublicKey:
		return map[jose.SignatureAlgorithm]int{jose.ES256: 256, jose.ES384: 384, jose.ES512: 521}[alg] == public.Curve.Params().BitSize
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false
}

// fetchKeys reads the provider's JWK set. Keys that are private, shared, for encryption, too short or of a kind we do
// not know are left out; a set without any usable key is an error.
func (rp *RelyingParty) fetchKeys(ctx context.Context, address string) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := rp.getJSON(ctx, address, &set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && usable(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("GET %s: no key for signatures among %d", address, len(set.Keys))
	}
	return keys, nil
}

func usable(key jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || (key.Use != "" && key.Use != "sig") {
		return false
	}
	if public, ok := key.Key.(*rsa.PublicKey); ok {
		return public.N.BitLen() >= minRSA
	}
	return true
}
