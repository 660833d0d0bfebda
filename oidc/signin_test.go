package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func setup(t *testing.T) (*evilOP, *RelyingParty, *clock) {
	t.Helper()
	c := newClock()
	op := newEvilOP(t, c.now)
	return op, op.party(), c
}

func TestSignInReturnsWhoSignedIn(t *testing.T) {
	t.Parallel()
	op, rp, c := setup(t)
	got, err := op.try(rp, Request{UILocales: "ja en", LoginHint: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	raw := got.IDToken.Reveal()
	got.IDToken = Secret{}
	want := Identity{
		Issuer: testIssuer, Subject: "user-alice", Username: "alice", Name: "Alice", Locale: "ja", SID: "session-1",
		ACR: "pwd", AuthTime: c.now().Local(), NoLater: c.now().Add(time.Second), Roles: []string{"otp-helpdesk", "uma_authorization"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Secret{})); diff != "" {
		t.Error(diff)
	}
	if strings.Count(raw, ".") != 2 {
		t.Error("the raw ID token is missing")
	}
}

// OIDC-01: 1,000 sign-ins, 1,000 challenges, and every verifier fits (the provider checks it).
// OIDC-13: every client assertion has a fresh jti (the provider checks it).
func TestThousandSignInsHaveThousandChallenges(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	for range 1000 {
		flow, query := op.begin(rp, Request{})
		if n := len(flow.Verifier); n < 43 || n > 128 {
			t.Fatalf("verifier of %d characters", n)
		}
		if _, err := rp.Finish(t.Context(), flow, query); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"code_challenge", "state", "nonce"} {
		seen := map[string]bool{}
		for _, pushed := range op.pushes {
			if pushed.Get("code_challenge_method") != "S256" || len(pushed.Get(name)) < 22 {
				t.Fatalf("pushed %v", pushed)
			}
			seen[pushed.Get(name)] = true
		}
		if len(seen) != 1000 {
			t.Errorf("%d different values of %s", len(seen), name)
		}
	}
}

// OIDC-09, OIDC-13, OIDC-14, OIDC-17: what is pushed, and what the browser gets to see.
func TestOnlyWhatIsAllowedIsPushed(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	protocol := map[string]bool{
		"client_id": true, "client_assertion": true, "client_assertion_type": true, "response_type": true, "redirect_uri": true,
		"state": true, "nonce": true, "code_challenge": true, "code_challenge_method": true,
	}
	tests := map[string]struct {
		req  Request
		want map[string]string
	}{
		"recovery": {
			Request{UILocales: "ja en", LoginHint: "alice"},
			map[string]string{"scope": "openid otp-recovery", "ui_locales": "ja en", "login_hint": "alice"},
		},
		"recovery, bare": {Request{}, map[string]string{"scope": "openid otp-recovery"}},
		"full": {
			Request{Full: true, UILocales: "en"},
			map[string]string{"scope": "openid", "prompt": "login", "ui_locales": "en"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			started, err := rp.Begin(t.Context(), test.req)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for key, values := range op.pushes[len(op.pushes)-1] {
				if !protocol[key] {
					got[key] = strings.Join(values, "|")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			u, err := url.Parse(started.URL)
			if err != nil || len(u.Query()) != 2 || !u.Query().Has("request_uri") || u.Query().Get("client_id") != testClient {
				t.Errorf("the browser's URL is %s (%v)", started.URL, err)
			}
		})
	}
}

// OIDC-02, OIDC-03: callbacks that are refused, all of them before anything is asked of the provider.
func TestCallbackIsRefusedBeforeAnyTokenRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lie  func(flow *Flow, query url.Values, c *clock)
		want Code
	}{
		"state of another browser": {func(f *Flow, _ url.Values, _ *clock) { f.State = randomText() }, CodeState},
		"no state":                 {func(_ *Flow, q url.Values, _ *clock) { q.Del("state") }, CodeState},
		"state doubled":            {func(_ *Flow, q url.Values, _ *clock) { q.Add("state", q.Get("state")) }, CodeState},
		"no flow":                  {func(f *Flow, _ url.Values, _ *clock) { *f = Flow{} }, CodeState},
		"no flow and no state":     {func(f *Flow, q url.Values, _ *clock) { *f = Flow{}; q.Set("state", "") }, CodeState},
		"empty state expected":     {func(f *Flow, q url.Values, _ *clock) { f.State = ""; q.Set("state", "") }, CodeState},
		"empty nonce expected":     {func(f *Flow, _ url.Values, _ *clock) { f.Nonce = "" }, CodeState},
		"empty verifier":           {func(f *Flow, _ url.Values, _ *clock) { f.Verifier = "" }, CodeState},
		"ten minutes and a second": {func(_ *Flow, _ url.Values, c *clock) { c.add(10*time.Minute + time.Second) }, CodeExpired},
		"iss of another realm":     {func(_ *Flow, q url.Values, _ *clock) { q.Set("iss", testIssuer+"2") }, CodeIssuer},
		"iss with a slash":         {func(_ *Flow, q url.Values, _ *clock) { q.Set("iss", testIssuer+"/") }, CodeIssuer},
		"iss one letter larger":    {func(_ *Flow, q url.Values, _ *clock) { q.Set("iss", "https://Sso"+testIssuer[11:]) }, CodeIssuer},
		"iss doubled":              {func(_ *Flow, q url.Values, _ *clock) { q.Add("iss", testIssuer) }, CodeIssuer},
		"iss empty":                {func(_ *Flow, q url.Values, _ *clock) { q.Set("iss", "") }, CodeIssuer},
		"iss missing":              {func(_ *Flow, q url.Values, _ *clock) { q.Del("iss") }, CodeIssuer},
		"error with a wrong iss":   {func(_ *Flow, q url.Values, _ *clock) { q.Set("error", "access_denied"); q.Set("iss", "x") }, CodeIssuer},
		"no code":                  {func(_ *Flow, q url.Values, _ *clock) { q.Del("code") }, CodeCallback},
		"code doubled":             {func(_ *Flow, q url.Values, _ *clock) { q.Add("code", "x") }, CodeCallback},
		"code beside an error":     {func(_ *Flow, q url.Values, _ *clock) { q.Set("error", "access_denied") }, CodeCallback},
		"error doubled":            {func(_ *Flow, q url.Values, _ *clock) { q["error"] = []string{"a", "b"}; q.Del("code") }, CodeCallback},
		"error": {func(_ *Flow, q url.Values, _ *clock) {
			q.Set("error", "access_denied")
			q.Set("error_description", "SECRET <script>")
			q.Del("code")
		}, CodeProvider},
		"error without iss": {func(_ *Flow, q url.Values, _ *clock) {
			q.Set("error", "temporarily_unavailable")
			q.Del("code")
			q.Del("iss")
		}, CodeProvider},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, c := setup(t)
			flow, query := op.begin(rp, Request{})
			test.lie(&flow, query, c)
			id, err := rp.Finish(t.Context(), flow, query)
			wantCode(t, err, test.want)
			if n := op.count("/token"); n != 0 || id.Subject != "" {
				t.Errorf("%d token requests, identity %+v", n, id)
			}
		})
	}
}

// OIDC-02: an empty expected value never matches.
func TestEmptyNeverMatches(t *testing.T) {
	t.Parallel()
	if sameText("", "") || sameText("", "a") || sameText("a", "") || sameText("a", "ab") || !sameText("ab", "ab") {
		t.Error("texts are compared wrongly")
	}
}

// OIDC-03: the log names the Keycloak switch that drops iss; a provider that promises none may leave it out.
func TestMissingIssuerNamesTheSwitch(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	flow, query := op.begin(rp, Request{})
	query.Del("iss")
	_, err := rp.Finish(t.Context(), flow, query)
	if err == nil || !strings.Contains(err.Error(), "exclude.issuer.from.auth.response") {
		t.Errorf("the error does not help: %v", err)
	}
	op.lieMeta = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
	if err := rp.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	flow, query = op.begin(rp, Request{})
	query.Del("iss")
	if _, err = rp.Finish(t.Context(), flow, query); err != nil {
		t.Error(err)
	}
}

// OIDC-02: the same callback a second time.
func TestReplayedCallbackIsRefused(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	flow, query := op.begin(rp, Request{})
	if _, err := rp.Finish(t.Context(), flow, query); err != nil {
		t.Fatal(err)
	}
	// The caller has removed the flow: nothing reaches the provider.
	_, err := rp.Finish(t.Context(), Flow{}, query)
	wantCode(t, err, CodeState)
	if n := op.count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
	// A caller that forgot is saved by the provider, and its body stays hidden.
	_, err = rp.Finish(t.Context(), flow, query)
	wantCode(t, err, CodeToken)
	var refused *Error
	if !errors.As(err, &refused) || refused.Provider != "invalid_grant" {
		t.Errorf("%v", err)
	}
}

// OPS-09: that the provider refuses the client itself is told from a request that it does not take, and from a page of whatever stands between.
func TestARefusedClientIsTold(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`401 {"error":"invalid_request","error_description":"Authentication failed."}`: "invalid_request", // Keycloak, to a key that is not the client's
		`401 {"error":"invalid_client"}`:                                               "invalid_client",
		`400 {"error":"invalid_client"}`:                                               "invalid_client",
		`400 {"error":"unauthorized_client"}`:                                          "unauthorized_client",
		`400 {"error":"invalid_request"}`:                                              "",
		`400 {"error":"invalid_scope"}`:                                                "",
		`401 <html>`:                                                                   "",
		`503 {"error":"invalid_client"}`:                                               "",
	} {
		status, body, _ := strings.Cut(answer, " ")
		code, err := strconv.Atoi(status)
		if err != nil {
			t.Fatal(err)
		}
		op, rp, _ := setup(t)
		op.liePush = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
		if _, err = rp.Begin(t.Context(), Request{}); err == nil || ClientRefused(err) != want {
			t.Errorf("%s: %v, refused %q, want %q", answer, err, ClientRefused(err), want)
		}
	}
}

// OIDC-13: PAR away or refusing means no sign-in at all; there is no other way to ask.
func TestPushFailures(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	tests := map[string]struct {
		push http.HandlerFunc
		want Code
	}{
		"500": {answer(500, "SECRET"), CodeUnavailable},
		"503": {answer(503, ""), CodeUnavailable},
		"429": {answer(429, ""), CodeUnavailable},
		"400": {answer(400, `{"error":"invalid_scope","error_description":"SECRET"}`), CodePush},
		"401": {answer(401, `SECRET`), CodePush},
		"404": {answer(404, `{"error":"SECRET"}`), CodePush},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/par", http.StatusTemporaryRedirect)
		}, CodePush},
		"no JSON":             {answer(201, "SECRET"), CodePush},
		"no request_uri":      {answer(201, `{"expires_in":60}`), CodePush},
		"expired request_uri": {answer(201, `{"request_uri":"urn:x","expires_in":0}`), CodePush},
		"endless request_uri": {answer(201, `{"request_uri":"`+strings.Repeat("x", 2000)+`","expires_in":60}`), CodePush},
		"endless body":        {answer(201, `{"request_uri":"`+strings.Repeat("x", 2<<20)+`"}`), CodeUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			op.liePush = test.push
			started, err := rp.Begin(t.Context(), Request{})
			wantCode(t, err, test.want)
			if started.URL != "" || op.count("/par") != 1 {
				t.Errorf("URL %q, %d pushes", started.URL, op.count("/par"))
			}
		})
	}
	op, rp, _ := setup(t)
	op.setDown(true)
	_, err := rp.Begin(t.Context(), Request{})
	wantCode(t, err, CodeUnavailable)
}

func TestTokenEndpointFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lie  func(op *evilOP)
		want Code
	}{
		"500": {func(op *evilOP) { op.lieToken = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) } }, CodeUnavailable},
		"no JSON": {func(op *evilOP) {
			op.lieToken = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("SECRET")) }
		}, CodeToken},
		"no id_token":       {func(op *evilOP) { op.lieReply = func(m map[string]any) { delete(m, "id_token") } }, CodeToken},
		"id_token a number": {func(op *evilOP) { op.lieReply = func(m map[string]any) { m["id_token"] = 1 } }, CodeToken},
		"another access token": {func(op *evilOP) {
			op.lieReply = func(m map[string]any) { m["access_token"] = "swapped" }
		}, CodeIDToken},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, rp, _ := setup(t)
			test.lie(op)
			_, err := op.try(rp, Request{})
			wantCode(t, err, test.want)
			if n := op.count("/token"); n != 1 {
				t.Errorf("%d token requests", n)
			}
		})
	}
	op, rp, _ := setup(t)
	flow, query := op.begin(rp, Request{})
	op.setDown(true)
	_, err := rp.Finish(t.Context(), flow, query)
	wantCode(t, err, CodeUnavailable)
}

// A flow survives the session store, and neither it nor an identity can be printed by accident (INV-5).
func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	op, rp, _ := setup(t)
	flow, query := op.begin(rp, Request{Full: true})
	stored, err := json.Marshal(flow)
	if err != nil {
		t.Fatal(err)
	}
	var back Flow
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	id, err := rp.Finish(t.Context(), back, query)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	log := slog.New(slog.NewJSONHandler(&printed, nil))
	log.Info("x", "flow", flow, "token", id.IDToken, "id", id, "keys", op.client, "started", Started{Flow: flow})
	slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "flow", flow, "token", id.IDToken, "keys", op.client)
	fmt.Fprintf(&printed, "%v %+v %#v %s %v %#v %v %#v", id, id, id, id.IDToken, flow, flow, op.client, op.client)
	for name, secret := range map[string]string{
		"ID token": id.IDToken.Reveal(), "verifier": flow.Verifier, "key": fmt.Sprint(op.client.keys[0].Key),
	} {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("%s is printed", name)
		}
	}
}
