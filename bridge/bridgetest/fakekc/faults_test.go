package fakekc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"otpbridge/bridge/bridgetest/fakekc"
)

func TestFaultsHitTheRightCallWithAndWithoutEffect(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	erin := r.s.PersonID("erin")
	const users = "/admin/realms/campus/users/*"
	try := func(body string, limit time.Duration) (int, error) {
		ctx, cancel := context.WithTimeout(r.context(), limit)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, r.s.URL+"/admin/realms/campus/users/"+erin, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+a.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode, err
	}
	for _, c := range []struct {
		name   string
		fault  fakekc.Fault
		status int // 0 = no answer
		stored bool
	}{
		{"reset before", fakekc.Fault{Kind: fakekc.Reset}, 0, false},
		{"reset after", fakekc.Fault{Kind: fakekc.Reset, AfterEffect: true}, 0, true},
		{"hang before", fakekc.Fault{Kind: fakekc.Hang}, 0, false},
		{"hang after", fakekc.Fault{Kind: fakekc.Hang, AfterEffect: true}, 0, true},
		{"cut", fakekc.Fault{Kind: fakekc.Truncate}, 0, true},
		{"status", fakekc.Fault{Status: 503, RetryAfter: "2"}, 503, false},
		{"status after", fakekc.Fault{Status: 502, AfterEffect: true}, 502, true},
		{"page", fakekc.Fault{Kind: fakekc.NotJSON}, 200, false},
	} {
		c.fault.Method, c.fault.Path, c.fault.Times = http.MethodPut, users, 1
		r.s.Inject(c.fault)
		limit := time.Minute
		if c.fault.Kind == fakekc.Hang {
			limit = 2 * time.Second
		}
		status, err := try(put(c.name, c.name, ""), limit)
		if (err != nil) != (c.status == 0) || status != c.status {
			t.Errorf("%s: %d, %v", c.name, status, err)
		}
		list := r.s.Credentials(erin)
		if stored := list[len(list)-1].ID == c.name; stored != c.stored {
			t.Errorf("%s: stored %v", c.name, stored)
		}
	}
	if status, err := try(put("last", "last", ""), time.Minute); status != http.StatusNoContent || err != nil {
		t.Errorf("after the faults: %d, %v", status, err)
	}
}

func TestSkipTimesAndRemove(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	remove := r.s.Inject(fakekc.Fault{Path: "/admin/realms/campus/users", Skip: 1, Times: 2, Status: 500, Body: "{}"})
	for _, want := range []int{200, 500, 500, 200} {
		a.want("GET /users", "", want, "")
	}
	remove()
	remove = r.s.Inject(fakekc.Fault{Status: 429})
	a.want("GET /users", "", 429, "")
	remove()
	a.want("GET /users", "", 200, "")
	var seen []string
	for _, c := range r.s.Calls() {
		seen = append(seen, c.String())
	}
	if len(seen) != 7 || seen[6] != "GET /admin/realms/campus/users" {
		t.Errorf("calls %q", seen)
	}
}

func TestHeldCallWaitsForItsRelease(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	erin := r.s.PersonID("erin")
	hold := r.s.Hold(http.MethodPut, "/admin/realms/campus/users/*", true)
	done := make(chan int, 1)
	go func() {
		status, _ := a.do("PUT /users/"+erin, put("held", "held", ""))
		done <- status
	}()
	if c, err := hold.Arrived(r.context()); err != nil || c.Method != http.MethodPut {
		t.Fatalf("%v, %v", c, err)
	}
	if list := r.s.Credentials(erin); list[len(list)-1].ID != "held" {
		t.Error("the effect should be there")
	}
	select {
	case status := <-done:
		t.Errorf("answered %d while held", status)
	default:
	}
	hold.Release()
	if status := <-done; status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
}

func TestDownRefusesAndUpRemembers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	r.s.Down()
	req, err := http.NewRequestWithContext(r.context(), http.MethodGet, r.s.URL+"/realms/campus/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Error("it answered while down")
	}
	if err := r.s.Up(); err != nil {
		t.Fatal(err)
	}
	a.want("GET /users?username=alice&exact=true", "", 200, "alice")
}

// signer makes client assertions.
func signer(t *testing.T, id string) (jose.Signer, *jose.JSONWebKeySet) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"}}}
}

func TestClientKeysReplaceTheSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sign, set := signer(t, "one")
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(set) }))
	t.Cleanup(keys.Close)
	r.s.ChangeClient(fakekc.ClientAdmin, func(c *fakekc.Client) { c.JWKSURL = keys.URL })
	now := r.clock.Now().Unix()
	claims := func(change map[string]any) string {
		all := map[string]any{"iss": fakekc.ClientAdmin, "sub": fakekc.ClientAdmin, "aud": r.s.Issuer, "jti": rand.Text(), "exp": now + 60}
		for name, value := range change {
			all[name] = value
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := sign.Sign(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ask := func(assertion string) (int, string) {
		resp, err := http.PostForm(r.s.Issuer+"/protocol/openid-connect/token", url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	good := claims(nil)
	for _, c := range []struct {
		assertion, part string
		status          int
	}{
		{good, "access_token", 200},
		{good, "Token reuse detected", 400},
		{claims(map[string]any{"aud": []string{r.s.Issuer + "/protocol/openid-connect/token"}}), "access_token", 200},
		{claims(map[string]any{"aud": []string{r.s.Issuer, "x"}}), "Multiple audiences not allowed", 400},
		{claims(map[string]any{"aud": "x"}), "audience", 400},
		{claims(map[string]any{"exp": now - 1}), "not active", 400},
		{claims(map[string]any{"sub": "nobody", "iss": "nobody"}), "Invalid client", 401},
		{"garbage", "Invalid client assertion", 400},
	} {
		if status, body := ask(c.assertion); status != c.status || !strings.Contains(body, c.part) {
			t.Errorf("%d %s, want %d …%s…", status, body, c.status, c.part)
		}
	}
	sign, set = signer(t, "two") // the client changes its key: its set is read again
	if status, body := ask(claims(nil)); status != http.StatusOK {
		t.Errorf("after the change of keys: %d %s", status, body)
	}
	sign, _ = signer(t, "two")
	if status, _ := ask(claims(nil)); status != http.StatusBadRequest {
		t.Errorf("a stranger's key: %d", status)
	}
}
