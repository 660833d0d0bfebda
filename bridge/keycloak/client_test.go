package keycloak_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// own is how Keycloak refuses.
const own = `{"error":"unknown_error"}`

// canary stands for everything that must not appear in a log or an error.
const canary = "CANARY"

// evil is a server that answers admin calls as a test says, and counts.
type evil struct {
	*httptest.Server
	mu      sync.Mutex
	calls   []string
	bodies  []string
	tokens  int
	forms   []map[string][]string
	answers []func(w http.ResponseWriter) // one after the other; the last one stays
}

func newEvil(t *testing.T, answers ...func(w http.ResponseWriter)) *evil {
	t.Helper()
	e := &evil{answers: answers}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *evil) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/token") {
		_ = r.ParseForm()
		e.tokens++
		e.forms = append(e.forms, r.PostForm)
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "t." + canary, "expires_in": 300})
		return
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	e.calls = append(e.calls, r.Method+" "+r.URL.EscapedPath())
	e.bodies = append(e.bodies, body.String())
	now := e.answers[0]
	if len(e.answers) > 1 {
		e.answers = e.answers[1:]
	}
	now(w)
}

// said returns the calls so far.
func (e *evil) said() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// issued counts the tokens so far.
func (e *evil) issued() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tokens
}

// next says what is answered from now on, and forgets the calls.
func (e *evil) next(answers ...func(http.ResponseWriter)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers, e.calls = answers, nil
}

func says(status int, body string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func (e *evil) config(c *clock) keycloak.Config {
	return keycloak.Config{
		URL: e.URL, Realm: "campus", ClientID: "otpbridge-admin", Secret: "secret-" + canary, LoginClient: "otpbridge-login",
		AllowedGroup: "/otp-recoverable", Now: c.now, // and the longest limit, within which a busy machine makes all tries
	}
}

func (e *evil) client(t *testing.T, c *clock) *keycloak.Client {
	t.Helper()
	client, err := keycloak.New(e.config(c))
	must(t, err)
	return client
}

var newOTP = bridge.NewCredential{
	ID: "new-id", Label: "label", Secret: "JBSWY3DPEHPK3PXP", OTP: bridge.OTPPolicy{Algorithm: "SHA256", Digits: 8, Period: 60}, CreatedMillis: 1700000000000,
}

// The credential PUT is exactly the measured body and nothing else. WB-04, WB-03
func TestCredentialBodyHoldsNothingElse(t *testing.T) {
	e := newEvil(t, says(http.StatusNoContent, ""))
	must(t, e.client(t, newClock()).Do(t.Context(), "person", bridge.Action{Kind: bridge.ActionAdd, New: &newOTP}))
	want := `{"credentials":[{"id":"new-id","type":"otp","userLabel":"label","createdDate":1700000000000,` +
		`"secretData":"{\"value\":\"JBSWY3DPEHPK3PXP\"}",` +
		`"credentialData":"{\"subType\":\"totp\",\"digits\":8,\"counter\":0,\"period\":60,\"algorithm\":\"HmacSHA256\",\"secretEncoding\":\"BASE32\"}"}]}`
	if !slices.Equal(e.bodies, []string{want}) || e.said()[0] != "PUT /admin/realms/campus/users/person" {
		t.Errorf("%s with %s\nwant %s", e.said(), e.bodies, want)
	}
}

// Repeatable calls are tried three times at most, the others once, and only for what may pass. WB-12
func TestRetriesOnlyWhatMayBeRepeated(t *testing.T) {
	read := func(t *testing.T, c *keycloak.Client) error {
		t.Helper()
		_, err := c.Credentials(t.Context(), "person")
		return err
	}
	do := func(a bridge.Action) func(*testing.T, *keycloak.Client) error {
		return func(t *testing.T, c *keycloak.Client) error {
			t.Helper()
			return c.Do(t.Context(), "person", a)
		}
	}
	hangUp := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	elsewhere := func(w http.ResponseWriter) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	for name, tc := range map[string]struct {
		call   func(*testing.T, *keycloak.Client) error
		answer func(http.ResponseWriter)
		calls  int
		code   bridge.Code
	}{
		"read, 503":       {read, says(503, ""), 3, bridge.CodeKeycloakAway},
		"read, 429":       {read, says(429, ""), 3, bridge.CodeKeycloakAway},
		"add, reset":      {do(bridge.Action{Kind: bridge.ActionAdd, New: &newOTP}), hangUp, 3, bridge.CodeKeycloakAway},
		"read, 404":       {read, says(404, own), 1, bridge.CodeGone},
		"read, 403":       {read, says(403, own), 1, bridge.CodeRefusedByAccount},
		"read, a proxy's": {read, says(404, "404 page not found"), 3, bridge.CodeKeycloakAway},
		"read, redirect":  {read, elsewhere, 1, bridge.CodeKeycloakAway},
		"read, no JSON":   {read, says(200, "<html>"+canary), 3, bridge.CodeKeycloakAway},
		"add, 500":        {do(bridge.Action{Kind: bridge.ActionAdd, New: &newOTP}), says(500, ""), 3, bridge.CodeKeycloakAway},
		"add, 400":        {do(bridge.Action{Kind: bridge.ActionAdd, New: &newOTP}), says(400, own), 1, bridge.CodeRefusedByAccount},
		"remove, 502":     {do(bridge.Action{Kind: bridge.ActionRemove, Credential: "c"}), says(502, ""), 3, bridge.CodeKeycloakAway},
		"move, 503":       {do(bridge.Action{Kind: bridge.ActionMove, Credential: "c"}), says(503, ""), 1, bridge.CodeKeycloakAway},
		"sessions, 503":   {do(bridge.Action{Kind: bridge.ActionEndSessions}), says(503, ""), 1, bridge.CodeKeycloakAway},
		"sessions, reset": {do(bridge.Action{Kind: bridge.ActionEndSessions}), hangUp, 1, bridge.CodeKeycloakAway},
		"sessions, page":  {do(bridge.Action{Kind: bridge.ActionEndSessions}), says(200, "<html>"+canary), 1, bridge.CodeKeycloakAway},
		"401 for ever":    {read, says(401, ""), 2, bridge.CodeKeycloakAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEvil(t, tc.answer)
			err := tc.call(t, e.client(t, newClock()))
			wantCode(t, "call", err, tc.code)
			if n := len(e.said()); n != tc.calls {
				t.Errorf("%d calls, want %d", n, tc.calls)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
}

// Issue 5: what a busy server asks for reaches whoever tries again later, in seconds or as a date.
func TestABusyServerSaysWhen(t *testing.T) {
	now := time.Now()
	for name, text := range map[string]string{"seconds": "30", "date": now.Add(30 * time.Second).UTC().Format(http.TimeFormat)} {
		e := newEvil(t, func(w http.ResponseWriter) {
			w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		c := e.client(t, newClock())
		_, look := c.Credentials(t.Context(), "person")
		for what, err := range map[string]error{
			"look": look, "end sessions": c.Do(t.Context(), "person", bridge.Action{Kind: bridge.ActionEndSessions}),
		} {
			if got := bridge.PauseOf(err, 0); got != 30*time.Second || bridge.CodeOf(err) != bridge.CodeKeycloakAway {
				t.Errorf("%s, %s: %v, %v", name, what, got, err)
			}
		}
	}
}

// A slow server, a long pause that it asks for, and an endless answer cost no more than the limit. WB-12
func TestLimitsHold(t *testing.T) {
	stop := make(chan struct{})
	for name, answer := range map[string]func(http.ResponseWriter){
		"slow": func(http.ResponseWriter) { <-stop },
		"later": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"endless": func(w http.ResponseWriter) {
			for range 10 << 10 {
				_, _ = w.Write(bytes.Repeat([]byte("["), 1<<10))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvil(t, answer)
			cfg := e.config(newClock())
			cfg.Limit = 300 * time.Millisecond
			if name == "endless" {
				cfg.Limit = 5 * time.Second
			}
			c, err := keycloak.New(cfg)
			must(t, err)
			began := time.Now()
			_, err = c.Credentials(t.Context(), "person")
			wantCode(t, "call", err, bridge.CodeKeycloakAway)
			if took := time.Since(began); took > cfg.Limit+10*time.Second { // a busy machine takes a while
				t.Errorf("it took %s", took)
			}
			if name == "slow" {
				close(stop)
			}
		})
	}
}

// The token is renewed half a minute before its end, and once when it is refused. WB-12
func TestTokenIsRenewedEarlyAndAfterARefusal(t *testing.T) {
	e := newEvil(t, says(200, "[]"))
	clock := newClock()
	c := e.client(t, clock)
	for _, step := range []struct {
		wait   time.Duration
		tokens int
	}{{0, 1}, {269 * time.Second, 1}, {2 * time.Second, 2}, {time.Minute, 2}} {
		clock.move(step.wait)
		if _, err := c.Credentials(t.Context(), "person"); err != nil || e.issued() != step.tokens {
			t.Errorf("%s later: %d tokens, %v, want %d", step.wait, e.issued(), err, step.tokens)
		}
	}
	e.next(says(401, ""), says(200, "[]"))
	if _, err := c.Credentials(t.Context(), "person"); err != nil || e.issued() != 3 {
		t.Errorf("after a refusal: %d tokens, %v, want a third", e.issued(), err)
	}
	e.next(says(401, ""), says(204, ""))
	if err := c.Do(t.Context(), "person", bridge.Action{Kind: bridge.ActionEndSessions}); err != nil || e.issued() != 4 {
		t.Errorf("a call that is not repeatable, refused: %d tokens, %v, want it sent again", e.issued(), err)
	}
}

// Client assertions are signed by the first of two keys, for one audience, each with an id of its own. OIDC-11, WB-12
func TestAssertionsAreFreshAndSignedByTheFirstKey(t *testing.T) {
	e := newEvil(t, says(200, "[]"))
	clock := newClock()
	first, file := keyFile(t, "first", "second")
	cfg := e.config(clock)
	cfg.Secret, cfg.Keys, cfg.Issuer = "", file, "https://sso.example.ac.jp/realms/campus"
	c, err := keycloak.New(cfg)
	must(t, err)
	ids := map[string]bool{}
	for range 3 {
		_, err := c.Credentials(t.Context(), "person")
		must(t, err)
		clock.move(time.Hour)
	}
	for _, form := range e.forms {
		jws, err := jose.ParseSignedCompact(form["client_assertion"][0], []jose.SignatureAlgorithm{jose.ES256})
		must(t, err)
		payload, err := jws.Verify(first)
		must(t, err)
		var claims map[string]any
		must(t, json.Unmarshal(payload, &claims))
		id, _ := claims["jti"].(string)
		if claims["aud"] != cfg.Issuer || claims["iss"] != "otpbridge-admin" || claims["sub"] != "otpbridge-admin" || id == "" || ids[id] {
			t.Errorf("claims %v", claims)
		}
		ids[id] = true
		if jws.Signatures[0].Header.KeyID != "first" || form["client_secret"] != nil {
			t.Errorf("key id %q, secret %q", jws.Signatures[0].Header.KeyID, form["client_secret"])
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d assertions, want 3", len(ids))
	}
}

func keyFile(t *testing.T, ids ...string) (first *ecdsa.PublicKey, file []byte) {
	t.Helper()
	var set jose.JSONWebKeySet
	for i, id := range ids {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		if i == 0 {
			first = &private.PublicKey
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: private, KeyID: id})
	}
	file, err := json.Marshal(set)
	must(t, err)
	return first, file
}

// Ids cannot lead to another place of the API. WB-12
func TestIdsAreEscaped(t *testing.T) {
	e := newEvil(t, says(200, "[]"))
	c := e.client(t, newClock())
	for id, want := range map[string]string{
		"a/../b": "a%2F..%2Fb", "a?b#c": "a%3Fb%23c", "日 本": "%E6%97%A5%20%E6%9C%AC", "%2e%2e": "%252e%252e",
	} {
		e.next(says(200, "[]"))
		_, err := c.Credentials(t.Context(), id)
		if err != nil || !slices.Equal(e.said(), []string{"GET /admin/realms/campus/users/" + want + "/credentials"}) {
			t.Errorf("%q: %q, %v", id, e.said(), err)
		}
	}
	for _, id := range []string{"", ".", ".."} {
		e.next(says(200, "[]"))
		_, err := c.Credentials(t.Context(), id)
		wantCode(t, "id "+id, err, bridge.CodeGone)
		if len(e.said()) > 0 {
			t.Errorf("%q: %q was called", id, e.said())
		}
	}
}

// At the most talkative level neither tokens, secrets, names nor bodies are in the log. WB-12, AUD-02
func TestNothingSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	e := newEvil(t, says(500, `{"errorMessage":"`+canary+`"}`))
	cfg := e.config(newClock())
	cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := keycloak.New(cfg)
	must(t, err)
	n := newOTP
	n.Secret, n.Label = "CANARY", canary
	err = c.Do(t.Context(), canary, bridge.Action{Kind: bridge.ActionAdd, New: &n})
	if log.Len() == 0 || strings.Contains(log.String(), canary) || strings.Contains(err.Error(), canary) {
		t.Errorf("log %q, error %q, want lines without the canary", log.String(), err)
	}
}

// Every fault of the configuration is told, and keys are never quoted.
func TestConfigurationFaults(t *testing.T) {
	_, three := keyFile(t, "a", "b", "c")
	_, one := keyFile(t, "a")
	good := keycloak.Config{
		URL: "https://sso.example.ac.jp", Realm: "campus", ClientID: "a", Keys: one, LoginClient: "l", AllowedGroup: "/g", Now: newClock().now,
	}
	if _, err := keycloak.New(good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*keycloak.Config){
		"https":                 func(c *keycloak.Config) { c.URL = "http://sso.example.ac.jp" },
		"absolute":              func(c *keycloak.Config) { c.URL = "sso" },
		"realm is missing":      func(c *keycloak.Config) { c.Realm = "" },
		"full path":             func(c *keycloak.Config) { c.AllowedGroup = "g" },
		"either keys":           func(c *keycloak.Config) { c.Secret = "s" },
		"loopback only":         func(c *keycloak.Config) { c.Keys, c.Secret = nil, "s" },
		"3 where 1 or 2":        func(c *keycloak.Config) { c.Keys = three },
		"no JSON object":        func(c *keycloak.Config) { c.Keys = []byte(canary) },
		"not a private key":     func(c *keycloak.Config) { c.Keys = []byte(`{"kty":"oct","k":"Q0FOQVJZ"}`) },
		"login client":          func(c *keycloak.Config) { c.LoginClient = "" },
		"the clock is missing":  func(c *keycloak.Config) { c.Now = nil },
		"client id is missing":  func(c *keycloak.Config) { c.ClientID = "" },
		"without user, query o": func(c *keycloak.Config) { c.URL = "https://u:p@sso.example.ac.jp" },
	} {
		cfg := good
		spoil(&cfg)
		_, err := keycloak.New(cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
