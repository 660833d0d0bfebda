package oidc

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// junk is a logout token with a key id that nobody knows.
func junk(t *testing.T, id string) string {
	t.Helper()
	return (&forged{
		alg: "ES256", key: ecKey(id), header: map[string]any{"typ": "logout+jwt"}, claims: map[string]any{"iss": testIssuer},
	}).sign(t)
}

// OIDC-07, OIDC-04 (key rotation just before signing, and a second time): without restart.
func TestKeyRotationBetweenAuthorizeAndToken(t *testing.T) {
	t.Parallel()
	op, rp, c := setup(t)
	for i := range 3 {
		flow, query := op.begin(rp, Request{})
		op.rotate(fmt.Sprint("rotated", i))
		if _, err := rp.Finish(t.Context(), flow, query); err != nil {
			t.Fatal(err)
		}
		c.add(missPause)
	}
	if n := op.count("/jwks"); n != 4 {
		t.Errorf("%d fetches, want one at the start and one for each rotation", n)
	}
	// The old keys are gone with the set that held them.
	op.lieID = func(f *forged) { f.key = ecKey("first") }
	_, err := op.try(rp, Request{})
	wantCode(t, err, CodeIDToken)
}

// OIDC-07: 1,000 junk key ids cause one fetch, the next one a minute later, and sign-ins go on.
func TestThousandJunkKeyIDsCauseOneFetch(t *testing.T) {
	t.Parallel()
	op, rp, c := setup(t)
	before := op.count("/jwks")
	token := junk(t, "junk")
	flood := func() {
		for i := range 1000 {
			// Another key id each time; the signature is not even looked at.
			_, rest, _ := strings.Cut(token, ".")
			raw := part(t, map[string]any{"alg": "ES256", "typ": "logout+jwt", "kid": fmt.Sprint("junk", i)}) + "." + rest
			_, err := rp.Logout(t.Context(), raw, nil)
			wantCode(t, err, CodeLogoutToken)
		}
	}
	flood()
	if n := op.count("/jwks") - before; n != 1 {
		t.Errorf("%d fetches", n)
	}
	if _, err := op.try(rp, Request{}); err != nil {
		t.Error(err)
	}
	c.add(missPause - time.Second)
	flood()
	if n := op.count("/jwks") - before; n != 1 {
		t.Errorf("%d fetches within a minute", n)
	}
	c.add(time.Second)
	flood()
	if n := op.count("/jwks") - before; n != 2 {
		t.Errorf("%d fetches after a minute", n)
	}
}

// OIDC-07: a bad signature with a known key id is no reason to fetch.
func TestBadSignaturesCauseNoFetch(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	before := op.count("/jwks")
	for range 100 {
		_, err := rp.Logout(t.Context(), junk(t, op.signing.id), nil)
		wantCode(t, err, CodeLogoutToken)
	}
	if n := op.count("/jwks") - before; n != 0 {
		t.Errorf("%d fetches", n)
	}
}

// OIDC-07: a JWKS endpoint that hangs delays neither a sign-in with a known key nor, beyond a second, anybody else.
func TestHungKeysDelayNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newEvilOP(t, time.Now)
		rp := op.party()
		op.lieJWKS = hang
		first := make(chan error, 1)
		start := time.Now()
		go func() {
			_, err := rp.Logout(t.Context(), junk(t, "junk"), nil)
			first <- err
		}()
		synctest.Wait()
		if _, err := op.try(rp, Request{}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a sign-in with a known key took %s", took)
		}
		_, err := rp.Logout(t.Context(), junk(t, "junk2"), nil)
		wantCode(t, err, CodeLogoutToken)
		if took := time.Since(start); took != joinWait {
			t.Errorf("the second unknown key took %s", took)
		}
		wantCode(t, <-first, CodeUnavailable)
		if took := time.Since(start); took != callTimeout {
			t.Errorf("the first unknown key took %s", took)
		}
		_, err = rp.Logout(t.Context(), junk(t, "junk3"), nil)
		wantCode(t, err, CodeLogoutToken)
		if took := time.Since(start); took != callTimeout {
			t.Errorf("an unknown key within the pause took %s", took)
		}
	})
}

// Somebody who sends a junk token and goes away does not spoil the fetch for others, and many at once share one.
func TestConcurrentUnknownKeysShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newEvilOP(t, time.Now)
		rp := op.party()
		flows := make([]Flow, 20)
		queries := make([]map[string][]string, 20)
		for i := range flows {
			flows[i], queries[i] = op.begin(rp, Request{})
		}
		op.rotate("new")
		op.lieJWKS = func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(joinWait / 2)
			op.jwks(w, r)
		}
		gone, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := rp.Logout(gone, junk(t, "junk"), nil)
			wantCode(t, err, CodeUnavailable)
		}()
		synctest.Wait()
		cancel()
		var all sync.WaitGroup
		for i := range flows {
			all.Go(func() {
				if _, err := rp.Finish(t.Context(), flows[i], queries[i]); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := op.count("/jwks"); n != 2 {
			t.Errorf("%d fetches", n)
		}
	})
}

// Keys that are not for signatures, not public, too short or unreadable are left out; the rest still works.
func TestStrangeKeysAreLeftOut(t *testing.T) {
	t.Parallel()
	op, rp, c := setup(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := op.signing.jwk()
	encryption := ecKey("enc").jwk()
	encryption.Use = "enc"
	op.lieJWKS = func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, map[string]any{"keys": []any{
			map[string]any{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, "nonsense", nil,
			jose.JSONWebKey{Key: []byte("shared-secret"), KeyID: "shared"}, encryption,
			jose.JSONWebKey{Key: short, KeyID: "private"}, jose.JSONWebKey{Key: short.Public(), KeyID: "short"}, good,
		}})
	}
	c.add(time.Hour)
	if err := rp.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, _ := rp.provider()
	if len(p.keys.keys) != 1 || p.keys.keys[0].KeyID != good.KeyID {
		t.Errorf("%d keys are used", len(p.keys.keys))
	}
	if _, err := op.try(rp, Request{}); err != nil {
		t.Error(err)
	}
	// A set without any usable key changes nothing.
	op.lieJWKS = func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, map[string]any{"keys": []any{encryption}}) }
	wantCode(t, rp.refresh(t.Context()), CodeUnavailable)
	if _, err := op.try(rp, Request{}); err != nil {
		t.Error(err)
	}
}
