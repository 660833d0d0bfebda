package oidc

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func claim(name string, value any) func(*forged) {
	return func(f *forged) { f.claims[name] = value }
}

func without(name string) func(*forged) {
	return func(f *forged) { delete(f.claims, name) }
}

func header(name string, value any) func(*forged) {
	return func(f *forged) { f.header[name] = value }
}

// seconds moves a time claim away from now.
func seconds(name string, offset int64) func(*forged) {
	return func(f *forged) { f.claims[name] = newClock().now().Unix() + offset }
}

func all(lies ...func(*forged)) func(*forged) {
	return func(f *forged) {
		for _, lie := range lies {
			lie(f)
		}
	}
}

// badTokens are ID tokens that must be refused; the values are relative to the clock of newClock.
func badTokens() map[string]func(*forged) {
	text := func(s string) *string { return &s }
	jwe := text(strings.Repeat("e30.", 4) + "e30")
	return map[string]func(*forged){
		// OIDC-05
		"alg none":                 func(f *forged) { f.alg = "none" },
		"alg None":                 func(f *forged) { f.alg = "None" },
		"alg none, signature kept": header("alg", "none"),
		"HS256":                    func(f *forged) { f.alg = "HS256" },
		"HS256 without kid":        func(f *forged) { f.alg, f.noKID = "HS256", true },
		"algorithm of another key": func(f *forged) { f.alg = "RS256" },
		"algorithm nobody offered": func(f *forged) { f.alg = "ES384" },
		"signature broken":         func(f *forged) { f.broken = true },
		"signed by another key":    func(f *forged) { f.key = ecKey("first") },
		"signed by an unknown key": func(f *forged) { f.key = ecKey("unknown") },
		"key brought along":        func(f *forged) { f.key = ecKey("first"); f.header["jwk"] = f.key.jwk() },
		"critical header":          all(header("crit", []string{"x"}), header("x", 1)),
		"encrypted":                func(f *forged) { f.raw = jwe },
		"JSON form":                func(f *forged) { f.raw = text(`{"payload":"e30","signatures":[]}`) },
		"empty parts":              func(f *forged) { f.raw = text("..") },
		"header no Base64":         func(f *forged) { f.raw = text("%.e30.e30") },
		"endless":                  func(f *forged) { f.raw = text(strings.Repeat("e", maxToken) + ".e30.e30") },
		"claims a list":            func(f *forged) { f.claims = nil },
		// OIDC-06
		"iss missing":                 without("iss"),
		"iss with a slash":            claim("iss", testIssuer+"/"),
		"aud missing":                 without("aud"),
		"aud another client":          all(claim("aud", "portal"), without("azp")),
		"aud empty list":              claim("aud", []string{}),
		"aud several without azp":     all(claim("aud", []string{testClient, "portal"}), without("azp")),
		"azp another client":          claim("azp", "portal"),
		"azp no text":                 claim("azp", []string{testClient}),
		"sub missing":                 without("sub"),
		"sub empty":                   claim("sub", ""),
		"sub a number":                claim("sub", 7),
		"exp missing":                 without("exp"),
		"exp a text":                  claim("exp", "tomorrow"),
		"expired by 61 s":             seconds("exp", -61),
		"iat missing":                 without("iat"),
		"iat a text":                  claim("iat", "2026"),
		"iat null":                    claim("iat", nil),
		"iat 61 s in the future":      seconds("iat", 61),
		"iat 61 s before the request": all(seconds("iat", -61), seconds("auth_time", -61)),
		"nbf 61 s in the future":      seconds("nbf", 61),
		"nbf a text":                  claim("nbf", "x"),
		"access token by typ":         claim("typ", "Bearer"),
		"access token by header":      header("typ", "at+jwt"),
		"logout token by typ":         claim("typ", "Logout"),
		"logout token by header":      header("typ", "logout+jwt"),
		"logout token by events":      claim("events", map[string]any{logoutEvent: map[string]any{}}),
		"refresh token by typ":        claim("typ", "Refresh"),
		"typ null":                    claim("typ", nil),
		"header typ a number":         header("typ", 1),
		"at_hash of another token":    claim("at_hash", atHash("another")),
		"claim sources in the air":    claim("_claim_names", map[string]string{"sub": "elsewhere"}),
	}
}

// OIDC-05, OIDC-06: mutated ID tokens; no identity, no second call.
func TestMutatedIDTokensAreRefused(t *testing.T) {
	t.Parallel()
	for name, lie := range badTokens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			op.lieID = lie
			id, err := op.try(rp, Request{})
			wantCode(t, err, CodeIDToken)
			if n := op.count("/token"); n != 1 || id.Subject != "" || !id.IDToken.Empty() {
				t.Errorf("%d token requests, identity %+v", n, id)
			}
		})
	}
}

// OIDC-02, OIDC-06: the nonce of the ID token.
func TestNonceMustFit(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*forged){
		"missing": without("nonce"), "empty": claim("nonce", ""), "another": claim("nonce", randomText()),
		"only in capitals": func(f *forged) {
			f.claims["NONCE"] = f.claims["nonce"]
			delete(f.claims, "nonce")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			op.lieID = lie
			_, err := op.try(rp, Request{})
			wantCode(t, err, CodeNonce)
		})
	}
}

// OIDC-06: what has to be accepted.
func TestUnusualIDTokensAreAccepted(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*forged){
		"several audiences with azp": claim("aud", []string{"portal", testClient}),
		"one audience as a list":     claim("aud", []string{testClient}),
		"no azp":                     without("azp"),
		"no typ":                     all(without("typ"), func(f *forged) { delete(f.header, "typ") }),
		"typ jwt":                    header("typ", "jwt"),
		"no at_hash":                 without("at_hash"),
		"expired by 59 s":            seconds("exp", -59),
		"iat 59 s in the future":     all(seconds("iat", 59), seconds("auth_time", 59)),
		"iat 59 s in the past":       all(seconds("iat", -59), seconds("auth_time", -59)),
		"nbf 59 s in the future":     seconds("nbf", 59),
		"no roles, no names":         all(without("roles"), without("name"), without("preferred_username"), without("locale")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			op.lieID = lie
			if _, err := op.try(rp, Request{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// OIDC-04: the cases of the conformance plans for relying parties, Basic and Config, by their names there where they
// have one. client_secret_basic, discovery and key rotation follow in tests of their own.
func TestConformanceBasic(t *testing.T) {
	t.Parallel()
	withRSA := func(op *evilOP) {
		op.signing = rsaKey()
		op.published = append(op.published, op.signing.jwk(), jose.JSONWebKey{
			Key: op.signing.private.Public(), KeyID: "enc", Use: "enc", Algorithm: "RSA-OAEP",
		})
	}
	rs256 := func(f *forged) { f.alg = "RS256" }
	tests := map[string]struct {
		prepare func(op *evilOP)
		lie     func(*forged)
		want    Code
	}{
		"happy path":               {nil, nil, ""},
		"nonce invalid":            {nil, claim("nonce", "1-another"), CodeNonce},
		"invalid iss":              {nil, claim("iss", testIssuer+"1"), CodeIDToken},
		"invalid aud":              {nil, claim("aud", testClient+"1"), CodeIDToken},
		"missing aud":              {nil, without("aud"), CodeIDToken},
		"missing sub":              {nil, without("sub"), CodeIDToken},
		"missing iat":              {nil, without("iat"), CodeIDToken},
		"idtoken sig rs256":        {withRSA, rs256, ""},
		"invalid sig rs256":        {withRSA, all(rs256, func(f *forged) { f.broken = true }), CodeIDToken},
		"invalid sig es256":        {nil, func(f *forged) { f.broken = true }, CodeIDToken},
		"invalid sig hs256":        {nil, func(f *forged) { f.alg = "HS256" }, CodeIDToken},
		"idtoken sig none":         {nil, func(f *forged) { f.alg = "none" }, CodeIDToken},
		"kid absent single jwks":   {nil, func(f *forged) { f.noKID = true }, ""},
		"kid absent one that fits": {withRSA, all(rs256, func(f *forged) { f.noKID = true }), ""},
		"kid absent multiple jwks": {
			func(op *evilOP) { op.published = append(op.published, ecKey("second").jwk()) },
			func(f *forged) { f.noKID = true }, CodeIDToken,
		},
		"scope claims": {nil, all(claim("email", "a@example.test"), claim("address", map[string]any{"country": "JP"})), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := newEvilOP(t, newClock().now)
			if test.prepare != nil {
				test.prepare(op)
			}
			rp := op.party()
			op.lieID = test.lie
			_, err := op.try(rp, Request{})
			wantCode(t, err, test.want)
		})
	}
}

// OIDC-04: "userinfo invalid sub" cannot happen: userinfo is never asked, and the subject is the ID token's.
func TestConformanceUserinfoIsNeverAsked(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	op.lieReply = func(m map[string]any) { m["sub"] = "mallory" }
	id, err := op.try(rp, Request{})
	if err != nil || id.Subject != "user-alice" || op.count("/userinfo") != 0 {
		t.Errorf("%v, %+v, %d userinfo calls", err, id, op.count("/userinfo"))
	}
}

// OIDC-04 and OIDC-13: client_secret_basic, on loopback only; a wrong secret is sent once.
func TestConformanceClientSecretBasic(t *testing.T) {
	t.Parallel()
	op := newEvilOP(t, newClock().now)
	op.issuer, op.secret = "http://127.0.0.1:18080/realms/campus", "s3cr:t+%&"
	// RFC 6749 §2.3.1: both parts are form-encoded first.
	sent := op.secret
	op.secret = strings.NewReplacer(":", "%3A", "+", "%2B", "%", "%25", "&", "%26").Replace(sent)
	cfg := op.config()
	cfg.Secret = NewSecret(sent)
	rp, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := rp.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := op.try(rp, Request{}); err != nil {
		t.Fatal(err)
	}
	flow, query := op.begin(rp, Request{})
	op.secret = "another"
	_, err = rp.Finish(t.Context(), flow, query)
	wantCode(t, err, CodeToken)
	if n := op.count("/token"); n != 2 {
		t.Errorf("%d token requests, want one for each callback", n)
	}
}

// OIDC-09: fresh or not at all, whatever the provider's clock says.
func TestStaleSignInsComeBackWithTheirSession(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lie  func(*forged)
		want Code
	}{
		"signed in for this request":    {nil, ""},
		"an hour ago":                   {seconds("auth_time", -3600), CodeStale},
		"half a minute before the push": {seconds("auth_time", -50), CodeStale},
		"6 s before the push":           {seconds("auth_time", -26), CodeStale},
		"20 s ago, as the push":         {seconds("auth_time", -20), ""},
		"missing":                       {without("auth_time"), CodeStale},
		"null":                          {claim("auth_time", nil), CodeStale},
		"text":                          {claim("auth_time", "1795510800"), CodeStale},
		"zero":                          {claim("auth_time", 0), CodeStale},
		"negative":                      {claim("auth_time", -1), CodeStale},
		"absurd":                        {claim("auth_time", 1e300), CodeStale},
		"in the future":                 {seconds("auth_time", 60), CodeStale},
		"fraction":                      {func(f *forged) { f.claims["auth_time"] = 0.5 + float64(newClock().now().Unix()) }, ""},
		"provider 50 s ahead, fresh":    {all(seconds("auth_time", 45), seconds("iat", 50)), ""},
		"provider 50 s ahead, stale":    {all(seconds("auth_time", 20), seconds("iat", 50)), CodeStale},
		"provider 50 s behind, fresh":   {all(seconds("auth_time", -55), seconds("iat", -50)), ""},
		"provider 50 s behind, stale":   {all(seconds("auth_time", -80), seconds("iat", -50)), CodeStale},
	}
	for _, full := range []bool{false, true} {
		for name, test := range tests {
			t.Run(fmt.Sprintf("%s, full %t", name, full), func(t *testing.T) {
				t.Parallel()
				c := newClock()
				c.add(-20 * time.Second)
				op := newEvilOP(t, c.now)
				rp := op.party()
				started, err := rp.Begin(t.Context(), Request{Full: full})
				if err != nil {
					t.Fatal(err)
				}
				c.add(20 * time.Second) // the clock of the lies
				op.lieID = test.lie
				id, err := rp.Finish(t.Context(), started.Flow, op.signIn(started.URL))
				wantCode(t, err, test.want)
				if id.IDToken.Empty() {
					t.Fatal("without the ID token that session cannot be ended")
				}
				if err := rp.EndSession(t.Context(), id.IDToken); err != nil || op.ended[0] != id.IDToken.Reveal() {
					t.Errorf("end session: %v", err)
				}
			})
		}
	}
}

// OIDC-12: the level of a sign-in.
func TestLevelMatrix(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lie      func(*forged)
		isFull   bool
		wantFull Code // of a full sign-in
	}{
		"mfa":     {claim("acr", "mfa"), true, ""},
		"pwd":     {claim("acr", "pwd"), false, CodeLevel},
		"missing": {without("acr"), false, CodeLevel},
		"empty":   {claim("acr", ""), false, CodeLevel},
		"unknown": {claim("acr", "gold"), false, CodeLevel},
		"capital": {claim("acr", "MFA"), false, CodeLevel},
		"blank":   {claim("acr", "mfa "), false, CodeLevel},
		"list":    {claim("acr", []string{"mfa"}), false, CodeLevel},
		"number":  {claim("acr", 2), false, CodeLevel},
		"amr":     {all(without("acr"), claim("amr", []string{"pwd", "otp", "mfa"})), false, CodeLevel},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			op.lieID = test.lie
			id, err := op.try(rp, Request{})
			wantCode(t, err, "")
			if id.Full != test.isFull {
				t.Errorf("full %t", id.Full)
			}
			id, err = op.try(rp, Request{Full: true})
			wantCode(t, err, test.wantFull)
			if id.Full != test.isFull || id.IDToken.Empty() {
				t.Errorf("full %t, token there %t", id.Full, !id.IDToken.Empty())
			}
		})
	}
}

// OIDC-10: the identity is issuer and subject, whatever the names say.
func TestNamesDoNotMakeAnIdentity(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	op.lieID = all(claim("sub", "user-mallory"), claim("preferred_username", "alice"), claim("Sub", "user-alice"))
	id, err := op.try(rp, Request{})
	if err != nil || id.Subject != "user-mallory" || id.Issuer != testIssuer {
		t.Errorf("subject %q, error %v", id.Subject, err)
	}
}

func TestHeaderErrorsRepeatNothing(t *testing.T) {
	t.Parallel()
	raw := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"SECRET","typ":"JWT"}`)) + ".e30.e30"
	if err := checkHeader(raw, asymmetric, "jwt"); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Error(err)
	}
}

// OIDC-13: what is sent to the token endpoint is an authorization code and nothing else (OIDC-14: no password grant).
func TestTokenRequestHoldsTheCodeOnly(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	op.lieToken = func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		for _, name := range []string{"client_secret", "scope", "username", "password", "refresh_token"} {
			if r.PostForm.Has(name) {
				t.Errorf("the token request holds %s", name)
			}
		}
		op.token(w, r)
	}
	if _, err := op.try(rp, Request{}); err != nil {
		t.Error(err)
	}
}
