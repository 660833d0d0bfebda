package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory remembers token ids, as a store would.
type memory map[string]time.Time

func (m memory) remember(_ context.Context, jti string, until time.Time) (bool, error) {
	_, seen := m[jti]
	m[jti] = until
	return !seen, nil
}

// logoutToken is a good logout token as Keycloak sends it, changed by lie.
func (op *evilOP) logoutToken(lie func(*forged)) string {
	now := op.now().Unix()
	f := &forged{key: op.signing, alg: "ES256", header: map[string]any{"typ": "logout+jwt"}, claims: map[string]any{
		"iss": op.issuer, "aud": testClient, "sub": "user-alice", "sid": "session-1", "jti": "token-1", "iat": now,
		"exp": now + 120, "typ": "Logout", "events": map[string]any{logoutEvent: map[string]any{}},
	}}
	if lie != nil {
		lie(f)
	}
	return f.sign(op.t)
}

// OIDC-16: what is accepted, and that the id is remembered for as long as the token could be used.
func TestLogoutTokenIsAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lie  func(*forged)
		want Logout
	}{
		"as Keycloak sends it": {nil, Logout{Subject: "user-alice", SID: "session-1"}},
		"sub only":             {without("sid"), Logout{Subject: "user-alice"}},
		"sid only":             {without("sub"), Logout{SID: "session-1"}},
		"no typ claim":         {without("typ"), Logout{Subject: "user-alice", SID: "session-1"}},
		"aud a list":           {claim("aud", []string{testClient}), Logout{Subject: "user-alice", SID: "session-1"}},
		"two minutes old":      {all(seconds("iat", -120), seconds("exp", 0)), Logout{Subject: "user-alice", SID: "session-1"}},
		"iat 59 s ahead":       {seconds("iat", 59), Logout{Subject: "user-alice", SID: "session-1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, c := setup(t)
			seen := memory{}
			raw := op.logoutToken(test.lie)
			got, err := rp.Logout(t.Context(), raw, seen.remember)
			if err != nil {
				t.Fatal(err)
			}
			until := seen["token-1"]
			if until.Sub(got.IssuedAt) < logoutAge || until.Before(c.now()) {
				t.Errorf("remembered until %s", until)
			}
			got.IssuedAt = time.Time{}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			_, err = rp.Logout(t.Context(), raw, seen.remember)
			wantCode(t, err, CodeReplay)
			// Forgotten only when the token itself is too old.
			c.add(until.Sub(c.now()))
			_, err = rp.Logout(t.Context(), raw, memory{}.remember)
			wantCode(t, err, CodeLogoutToken)
		})
	}
}

// OIDC-16: the conformance cases for back-channel logout, and more; no id is remembered.
func TestLogoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*forged){
		"alg none":          func(f *forged) { f.alg = "none" },
		"wrong alg":         func(f *forged) { f.alg = "HS256" },
		"bad signature":     func(f *forged) { f.broken = true },
		"unknown key":       func(f *forged) { f.key = ecKey("unknown") },
		"wrong issuer":      claim("iss", testIssuer+"/"),
		"wrong aud":         claim("aud", "portal"),
		"no aud":            without("aud"),
		"no event":          without("events"),
		"wrong event":       claim("events", map[string]any{logoutEvent + "2": map[string]any{}}),
		"event a text":      claim("events", logoutEvent),
		"event null":        claim("events", map[string]any{logoutEvent: nil}),
		"event a number":    claim("events", map[string]any{logoutEvent: 1}),
		"with nonce":        claim("nonce", "n"),
		"with empty nonce":  claim("nonce", ""),
		"nonce null":        claim("nonce", nil),
		"no sub, no sid":    all(without("sub"), without("sid")),
		"empty sub, no sid": all(claim("sub", ""), without("sid")),
		"sid a list":        claim("sid", []string{"session-1"}),
		"sub a number":      claim("sub", 1),
		"no jti":            without("jti"),
		"jti empty":         claim("jti", ""),
		"jti endless":       claim("jti", strings.Repeat("x", maxJTI+1)),
		"no iat":            without("iat"),
		"iat too old":       seconds("iat", -121),
		"iat ahead":         seconds("iat", 61),
		"no exp":            without("exp"),
		"expired":           seconds("exp", -61),
		"nbf ahead":         seconds("nbf", 61),
		"typ ID":            claim("typ", "ID"),
		"header typ JWT":    header("typ", "JWT"),
		"header without typ": func(f *forged) {
			delete(f.header, "typ")
		},
		"an ID token": all(header("typ", "JWT"), claim("typ", "ID"), claim("nonce", "n"), without("events")),
		"empty":       func(f *forged) { empty := ""; f.raw = &empty },
	}
	for name, lie := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			seen := memory{}
			got, err := rp.Logout(t.Context(), op.logoutToken(lie), seen.remember)
			wantCode(t, err, CodeLogoutToken)
			if len(seen) != 0 || got != (Logout{}) {
				t.Errorf("remembered %v, logout %+v", seen, got)
			}
		})
	}
}

// INV-6: a memory that is broken refuses.
func TestLogoutFailsClosedWithoutMemory(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	_, err := rp.Logout(t.Context(), op.logoutToken(nil), func(context.Context, string, time.Time) (bool, error) {
		return true, errors.New("store is away")
	})
	wantCode(t, err, CodeUnavailable)
}

func TestLogoutBeforeTheProviderIsKnown(t *testing.T) {
	t.Parallel()
	op := newEvilOP(t, newClock().now)
	rp, err := New(op.config())
	if err != nil {
		t.Fatal(err)
	}
	_, err = rp.Logout(t.Context(), op.logoutToken(nil), memory{}.remember)
	wantCode(t, err, CodeUnavailable)
	wantCode(t, rp.EndSession(t.Context(), NewSecret("x")), CodeUnavailable)
	_, err = rp.LogoutURL(Secret{}, "https://bridge.example.test/", "s")
	wantCode(t, err, CodeUnavailable)
}

// OIDC-16: ending a session from the server: no redirect followed, what counts as done.
func TestEndSession(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Code{
		200: "", 204: "", 302: "", 303: "", 400: CodeEndSession, 404: CodeEndSession, 307: CodeEndSession, 500: CodeUnavailable,
	} {
		op, rp, _ := setup(t)
		op.lieEnd = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", op.issuer+"/elsewhere")
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(status)
			op.end(w, r)
		}
		wantCode(t, rp.EndSession(t.Context(), NewSecret("SECRET-hint")), want)
		wantCode(t, rp.EndSession(t.Context(), NewSecret("SECRET-hint")), want) // no cookie comes along (the provider checks)
		if len(op.ended) != 2 || op.ended[0] != "SECRET-hint" || op.count("/elsewhere") != 0 {
			t.Errorf("status %d: ended %v, followed %d", status, op.ended, op.count("/elsewhere"))
		}
	}
	_, rp, _ := setup(t)
	wantCode(t, rp.EndSession(t.Context(), Secret{}), CodeEndSession)
}

// OIDC-16: where the browser goes to sign out.
func TestLogoutURL(t *testing.T) {
	t.Parallel()
	_, rp, _ := setup(t)
	for _, hint := range []string{"", "a.b.c"} {
		address, err := rp.LogoutURL(NewSecret(hint), "https://bridge.example.test/signed-out?x=1", "st&te")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{
			"client_id": {testClient}, "post_logout_redirect_uri": {"https://bridge.example.test/signed-out?x=1"}, "state": {"st&te"},
		}
		if hint != "" {
			want.Set("id_token_hint", hint)
		}
		if diff := cmp.Diff(want, u.Query()); diff != "" {
			t.Error(diff)
		}
	}
}
