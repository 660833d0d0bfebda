package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// OIDC-13: key files: what is written is read again, the newest key signs, two are kept.
func TestKeySetRotatesAndSurvivesItsFile(t *testing.T) {
	t.Parallel()
	set, err := NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	first := set.KeyIDs()[0]
	if len(first) != 43 {
		t.Errorf("key id %q is no SHA-256 thumbprint", first)
	}
	for range 3 {
		before := set.KeyIDs()[0]
		if set, err = set.Rotate(); err != nil {
			t.Fatal(err)
		}
		if ids := set.KeyIDs(); len(ids) != 2 || ids[1] != before || ids[0] == before {
			t.Fatalf("key ids %v after %q", ids, before)
		}
	}
	file, err := set.PrivateFile()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseKeySet(file)
	if err != nil || !slices.Equal(back.KeyIDs(), set.KeyIDs()) {
		t.Fatalf("%v, %v", back.KeyIDs(), err)
	}
	assertion, err := back.assertion(testClient, testIssuer, newClock().now())
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || jws.Signatures[0].Header.KeyID != set.KeyIDs()[0] {
		t.Errorf("signed by another key (%v)", err)
	}
}

func TestPublicKeysHoldNothingPrivate(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(rp.JWKS(), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s (%v)", rp.JWKS(), err)
	}
	key := set.Keys[0]
	if key["d"] != nil || key["kid"] != op.client.KeyIDs()[0] || key["alg"] != "ES256" || key["use"] != "sig" || key["crv"] != "P-256" {
		t.Errorf("%v", key)
	}
	if got := string((KeySet{}).PublicJWKS()); got != `{"keys":[]}` {
		t.Errorf("without keys: %s", got)
	}
}

func TestParseKeySet(t *testing.T) {
	t.Parallel()
	file := func(keys ...jose.JSONWebKey) string {
		raw, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	private := func(k opKey) jose.JSONWebKey { return jose.JSONWebKey{Key: k.private, KeyID: k.id} }
	a, b, c := private(ecKey("a")), private(ecKey("b")), private(ecKey("c"))
	single, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	wrong, encryption := a, a
	wrong.Algorithm, encryption.Use = "ES384", "enc"
	larger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		file string
		ids  string // empty: refused
	}{
		"one key alone":      {string(single), "a"},
		"a set of one":       {file(a), "a"},
		"a set of two":       {file(b, a), "b a"},
		"three":              {file(c, b, a), ""},
		"none":               {`{"keys":[]}`, ""},
		"empty file":         {"", ""},
		"no JSON":            {"SECRET", ""},
		"a list":             {"[]", ""},
		"an empty object":    {"{}", ""},
		"same id twice":      {file(a, a), ""},
		"public":             {file(a.Public()), ""},
		"RSA":                {file(private(rsaKey())), ""},
		"P-384":              {file(jose.JSONWebKey{Key: larger}), ""},
		"another algorithm":  {file(wrong), ""},
		"for encryption":     {file(encryption), ""},
		"a shared secret":    {file(jose.JSONWebKey{Key: []byte("SECRET")}), ""},
		"a point off":        {`{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","d":"SECRET"}`, ""},
		"trailing text":      {file(a) + "SECRET", ""},
		"second is nonsense": {strings.Replace(file(a), "]", `,"SECRET"]`, 1), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := ParseKeySet([]byte(test.file))
			if test.ids == "" {
				wantCode(t, err, CodeConfig)
				return
			}
			if err != nil || strings.Join(set.KeyIDs(), " ") != test.ids {
				t.Errorf("%v, %v", set.KeyIDs(), err)
			}
		})
	}
}
