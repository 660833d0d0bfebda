package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// OIDC-08, OIDC-04 (discovery, issuer mismatch): metadata that must not be used, and why.
func TestMetadataThatIsRefused(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	drop := func(name string) func(map[string]any) {
		return func(m map[string]any) { delete(m, name) }
	}
	tests := map[string]struct {
		lie  func(map[string]any)
		want Code
	}{
		"issuer with a slash":              {set("issuer", testIssuer+"/"), CodeIssuer},
		"issuer with http":                 {set("issuer", "http"+strings.TrimPrefix(testIssuer, "https")), CodeIssuer},
		"issuer of another realm":          {set("issuer", testIssuer+"2"), CodeIssuer},
		"issuer in capitals":               {set("issuer", strings.ToUpper(testIssuer)), CodeIssuer},
		"issuer missing":                   {drop("issuer"), CodeIssuer},
		"no PAR":                           {drop("pushed_authorization_request_endpoint"), CodeConfig},
		"no end of sessions":               {drop("end_session_endpoint"), CodeConfig},
		"no token endpoint":                {drop("token_endpoint"), CodeConfig},
		"no keys":                          {drop("jwks_uri"), CodeConfig},
		"no authorization endpoint":        {drop("authorization_endpoint"), CodeConfig},
		"no PKCE":                          {drop("code_challenge_methods_supported"), CodeConfig},
		"PKCE plain only":                  {set("code_challenge_methods_supported", []string{"plain"}), CodeConfig},
		"no algorithms":                    {drop("id_token_signing_alg_values_supported"), CodeConfig},
		"symmetric algorithms only":        {set("id_token_signing_alg_values_supported", []string{"HS256", "none"}), CodeConfig},
		"no private_key_jwt":               {set("token_endpoint_auth_methods_supported", []string{"client_secret_basic"}), CodeConfig},
		"token endpoint by http":           {set("token_endpoint", "http://sso.example.test/token"), CodeConfig},
		"keys by http":                     {set("jwks_uri", "http://sso.example.test/jwks"), CodeConfig},
		"keys on our own machine":          {set("jwks_uri", "http://127.0.0.1:8080/jwks"), CodeConfig},
		"PAR relative":                     {set("pushed_authorization_request_endpoint", "/par"), CodeConfig},
		"PAR with a user":                  {set("pushed_authorization_request_endpoint", "https://u:p@sso.example.test/par"), CodeConfig},
		"authorization endpoint by script": {set("authorization_endpoint", "javascript:alert(1)"), CodeConfig},
		"authorization endpoint, fragment": {set("authorization_endpoint", testIssuer+"/auth#x"), CodeConfig},
		"a claim of the wrong kind":        {set("token_endpoint", 7), CodeUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := newEvilOP(t, newClock().now)
			op.lieMeta = test.lie
			rp, err := New(op.config())
			if err != nil {
				t.Fatal(err)
			}
			wantCode(t, rp.refresh(t.Context()), test.want)
			wantCode(t, rp.Ready(), test.want)
			_, err = rp.Begin(t.Context(), Request{})
			wantCode(t, err, test.want)
			_, err = rp.Finish(t.Context(), Flow{}, nil)
			wantCode(t, err, test.want)
			if op.count("/par") != 0 {
				t.Error("a request was pushed")
			}
		})
	}
}

// OIDC-08: something that answers in the place of the metadata is foreign; a provider whose keys alone cannot be had is not, whatever answers where they are.
func TestForeignIsWhatAnswersForTheMetadata(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meta func(map[string]any)
		keys http.HandlerFunc
		want string
	}{
		"metadata of nobody": {func(m map[string]any) { delete(m, "issuer") }, nil, "JSON without an issuer"},
		"keys forbidden":     {nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, ""},
		"keys are a page":    {nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<p>back soon")) }, ""},
	} {
		op := newEvilOP(t, newClock().now)
		op.lieMeta, op.lieJWKS = test.meta, test.keys
		rp, err := New(op.config())
		if err != nil {
			t.Fatal(err)
		}
		if err := rp.refresh(t.Context()); err == nil || Foreign(err) != test.want || Foreign(rp.Ready()) != test.want {
			t.Errorf("%s: %q of %v", name, Foreign(err), err)
		}
	}
}

// OIDC-08, OIDC-05: nothing of what the provider offers beyond the asymmetric list is ever used.
func TestOnlyAsymmetricAlgorithmsRemain(t *testing.T) {
	t.Parallel()
	_, rp, _ := setup(t)
	p, err := rp.provider()
	if err != nil || len(p.algorithms) != 2 {
		t.Errorf("%v, %v", p.algorithms, err)
	}
}

// run starts Run and returns a function that ends it.
func run(t *testing.T, rp *RelyingParty) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- rp.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	}
}

// OIDC-08: down, then up; wrong, then right; the pauses grow and stay bounded.
func TestRunBecomesReadyByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newEvilOP(t, time.Now)
		op.setDown(true)
		rp, err := New(op.config())
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, rp.Ready(), CodeUnavailable)
		before := rp.Tried()
		stop := run(t, rp)
		defer stop()
		time.Sleep(10 * time.Minute)
		wantCode(t, rp.Ready(), CodeUnavailable)
		if before || !rp.Tried() {
			t.Errorf("tried before: %t, after ten minutes: %t", before, rp.Tried())
		}
		if n := op.count("/.well-known/openid-configuration"); n < 15 || n > 40 {
			t.Errorf("%d tries in ten minutes", n)
		}
		op.setDown(false)
		time.Sleep(longestPause + time.Second)
		if err := rp.Ready(); err != nil {
			t.Fatal(err)
		}
		if _, err := op.try(rp, Request{}); err != nil {
			t.Error(err)
		}
	})
}

// OIDC-08: what was good stays in use while the provider is away, and is dropped when it says something else.
func TestRunKeepsAndDropsAProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newEvilOP(t, time.Now)
		rp, err := New(op.config())
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, rp)
		defer stop()
		synctest.Wait()
		if err := rp.Ready(); err != nil {
			t.Fatal(err)
		}
		op.setDown(true)
		time.Sleep(refreshEvery + time.Minute)
		if err := rp.Ready(); err != nil {
			t.Errorf("not ready although only unreachable: %v", err)
		}
		op.locked(func() { op.lieMeta = func(m map[string]any) { m["issuer"] = testIssuer + "/" } })
		op.setDown(false)
		time.Sleep(time.Minute)
		wantCode(t, rp.Ready(), CodeIssuer)
		op.locked(func() { op.lieMeta = nil })
		time.Sleep(time.Minute)
		if err := rp.Ready(); err != nil {
			t.Errorf("not ready again: %v", err)
		}
	})
}

// A provider whose endpoints moved is looked at again when one fails, not ten minutes later, and not more than once in
// ten seconds.
func TestRunLooksAgainWhenAnEndpointFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newEvilOP(t, time.Now)
		rp, err := New(op.config())
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, rp)
		defer stop()
		time.Sleep(time.Minute)
		op.locked(func() { op.liePush = http.NotFound })
		for range 100 {
			_, err := rp.Begin(t.Context(), Request{})
			wantCode(t, err, CodePush)
		}
		time.Sleep(15 * time.Second)
		if n := op.count("/.well-known/openid-configuration"); n < 2 || n > 3 {
			t.Errorf("%d looks at the metadata", n)
		}
	})
}

// A provider that hangs holds nobody longer than the limit.
func TestHungProviderIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := newEvilOP(t, time.Now)
		rp := op.party()
		flow, query := op.begin(rp, Request{})
		op.liePush, op.lieToken, op.lieEnd = hang, hang, hang
		calls := map[string]func() error{
			"push":  func() error { _, err := rp.Begin(t.Context(), Request{}); return err },
			"token": func() error { _, err := rp.Finish(t.Context(), flow, query); return err },
			"end":   func() error { return rp.EndSession(t.Context(), NewSecret("x")) },
		}
		for name, call := range calls {
			before := time.Now()
			wantCode(t, call(), CodeUnavailable)
			if took := time.Since(before); took != callTimeout {
				t.Errorf("%s took %s", name, took)
			}
		}
	})
}

// The same over a real connection with the transport of our own.
func TestSignInOverRealHTTP(t *testing.T) {
	t.Parallel()
	op := newEvilOP(t, time.Now)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { op.serve(w, r, r.URL.Path) }))
	defer server.Close()
	op.issuer = server.URL
	cfg := op.config()
	cfg.Transport = nil
	rp, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := rp.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := op.try(rp, Request{Full: true})
	if err != nil || !id.Full {
		t.Fatalf("%+v, %v", id, err)
	}
	if err := rp.EndSession(t.Context(), id.IDToken); err != nil {
		t.Error(err)
	}
	if _, err := rp.Logout(t.Context(), op.logoutToken(nil), memory{}.remember); err != nil {
		t.Error(err)
	}
	rp.client.CloseIdleConnections()
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Config){
		"no issuer":                  func(c *Config) { c.Issuer = "" },
		"issuer by http":             func(c *Config) { c.Issuer = "http://sso.example.test/realms/campus" },
		"issuer like loopback":       func(c *Config) { c.Issuer = "http://localhost.example.test/realms/campus" },
		"issuer with a query":        func(c *Config) { c.Issuer += "?x" },
		"issuer with a fragment":     func(c *Config) { c.Issuer += "#x" },
		"issuer with a user":         func(c *Config) { c.Issuer = "https://u@sso.example.test" },
		"no client id":               func(c *Config) { c.ClientID = "" },
		"no redirect URL":            func(c *Config) { c.RedirectURL = "" },
		"redirect by http":           func(c *Config) { c.RedirectURL = "http://bridge.example.test/cb" },
		"no recovery scope":          func(c *Config) { c.RecoveryScope = "" },
		"two recovery scopes":        func(c *Config) { c.RecoveryScope = "otp-recovery profile" },
		"offline_access":             func(c *Config) { c.RecoveryScope = "offline_access" },
		"openid as recovery scope":   func(c *Config) { c.RecoveryScope = "openid" },
		"no full level":              func(c *Config) { c.FullACR = "" },
		"no clock":                   func(c *Config) { c.Now = nil },
		"no key":                     func(c *Config) { c.Keys = KeySet{} },
		"key and secret":             func(c *Config) { c.Secret = NewSecret("s") },
		"secret outside of loopback": func(c *Config) { c.Keys, c.Secret = KeySet{}, NewSecret("s") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := newEvilOP(t, newClock().now).config()
			spoil(&cfg)
			_, err := New(cfg)
			wantCode(t, err, CodeConfig)
		})
	}
	for _, issuer := range []string{"http://localhost:1/x", "http://127.0.0.1/x", "http://[::1]:8/x", "https://a.example.test"} {
		cfg := newEvilOP(t, newClock().now).config()
		cfg.Issuer = issuer
		if _, err := New(cfg); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}
