package oidc

import (
	"context"
	"net/url"
	"testing"
	"time"
)

// FuzzCallback throws any query at a waiting flow: nothing but the one right answer reaches the token endpoint, and no
// error repeats what was sent. (OIDC-02, OIDC-03)
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		"", "code=c&state=s&iss=i", "state=STATE&code=c", "state=STATE&code=c&iss=" + url.QueryEscape(testIssuer),
		"state=STATE&state=STATE&code=c&iss=" + url.QueryEscape(testIssuer), "state=STATE&error=access_denied&error_description=eyJx",
		"state=STATE&iss=%00&code=c", "state=STATE&iss=" + url.QueryEscape(testIssuer) + "&error=eyJx", "%", "a;b", "state=STATE&code=",
	} {
		f.Add(seed)
	}
	flow := Flow{State: "STATE", Nonce: "NONCE", Verifier: "VERIFIER"}
	f.Fuzz(func(t *testing.T, raw string) {
		c := newClock()
		op := newEvilOP(t, c.now)
		rp := op.party()
		flow.PushedAt, flow.Expires = c.now(), c.now().Add(flowLife)
		query, _ := url.ParseQuery(raw)
		id, err := rp.Finish(context.Background(), flow, query)
		if err == nil || id.Subject != "" {
			t.Fatalf("%q signed somebody in", raw)
		}
		wantCode(t, err, CodeOf(err))
		may := len(query["state"]) == 1 && query.Get("state") == "STATE" && len(query["iss"]) == 1 &&
			query.Get("iss") == testIssuer && len(query["code"]) == 1 && query.Get("code") != "" && query.Get("error") == ""
		if reached := op.count("/token") > 0; reached != may {
			t.Fatalf("%q: token endpoint reached %t, allowed %t (%v)", raw, reached, may, err)
		}
	})
}

// FuzzLogoutToken throws any text at the back-channel endpoint: nothing is accepted that the provider did not sign, and
// nothing panics. (OIDC-16)
func FuzzLogoutToken(f *testing.F) {
	c := newClock()
	op := newEvilOP(&testing.T{}, c.now)
	good := op.logoutToken(nil)
	for _, seed := range []string{"", "..", "a.b.c", good + "x", good[:len(good)-2], "e30.e30.e30", `{"payload":"e30"}`} {
		f.Add(seed)
	}
	f.Add(op.logoutToken(func(f *forged) { f.alg = "none" }))
	rp := op.party()
	f.Fuzz(func(t *testing.T, raw string) {
		// The last character of a Base64 text has spare bits, so the good token has other spellings. Its jti does not.
		_, err := rp.Logout(context.Background(), raw, func(_ context.Context, jti string, _ time.Time) (bool, error) {
			if jti != "token-1" {
				t.Fatalf("accepted %q with jti %q", raw, jti)
			}
			return false, nil
		})
		if CodeOf(err) != CodeReplay {
			wantCode(t, err, CodeLogoutToken)
		}
	})
}
