package fakekc_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/loginform"
)

func TestGateDecidesOnPasswordOnlySignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.login, recovery, "alice")
	r.wantPage(b, 401, loginform.PageError, "Access denied")
	if b.Cookie("KEYCLOAK_IDENTITY") != "" {
		t.Error("a denied sign-in left a session")
	}
	r.openGate("alice")
	r.clock.add(2 * time.Second)
	r.signIn(b, r.login, recovery, "alice")
	c := r.claims(b, r.login)
	if c["acr"] != "pwd" || c["preferred_username"] != "alice" || c["typ"] != "ID" || c["azp"] != "otpbridge-login" || c["nonce"] != "the-nonce" {
		t.Errorf("claims %v", c)
	}
	if got := b.Answer(); got.Get("iss") != r.s.Issuer || got.Get("state") != "the-state" || got.Get("session_state") != c["sid"] {
		t.Errorf("callback %v", got)
	}
	r.shutGate("alice")
	r.clock.add(2 * time.Second)
	r.signIn(b, r.login, recovery)
	r.wantPage(b, 401, loginform.PageError, "Access denied")
}

func TestPasswordOnlySessionOpensNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.openGate("alice")
	b := browser()
	r.signIn(b, r.login, recovery, "alice")
	first := r.claims(b, r.login)
	r.signIn(b, r.portal, nil)
	r.wantPage(b, 200, loginform.PageCode, "")
	if b.Link("Lost your authenticator?") != "http://localhost:8088/start" {
		t.Error("no link to the recovery")
	}
	r.clock.add(time.Minute)
	if err := b.Code(r.context(), r.code("A")()); err != nil {
		t.Fatal(err)
	}
	c := r.claims(b, r.portal)
	if c["acr"] != "mfa" || c["auth_time"] != first["auth_time"] || c["sid"] != first["sid"] {
		t.Errorf("step-up: %v after %v", c, first)
	}
	r.signIn(b, r.login, recovery)
	if c := r.claims(b, r.login); c["acr"] != "mfa" {
		t.Errorf("the left-over full session says %v", c["acr"])
	}
}

func TestPromptLoginAsksForEverythingAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.openGate("carol")
	b := browser()
	r.signIn(b, r.portal, nil, "carol", r.code("C"))
	full := r.claims(b, r.portal)
	r.clock.add(time.Minute)
	r.signIn(b, r.login, map[string]string{"scope": "openid", "prompt": "login"})
	r.wantPage(b, 200, loginform.PagePassword, "Please re-authenticate to continue")
	if err := b.Password(r.context(), "", "carol-password"); err != nil {
		t.Fatal(err)
	}
	r.wantPage(b, 200, loginform.PageCode, "")
	if err := b.Code(r.context(), r.code("C")()); err != nil {
		t.Fatal(err)
	}
	c := r.claims(b, r.login)
	if c["acr"] != "mfa" || c["sid"] != full["sid"] || c["auth_time"] == full["auth_time"] {
		t.Errorf("fresh full sign-in: %v", c)
	}
	if roles, _ := c["roles"].([]any); len(roles) != 1 || roles[0] != "otp-helpdesk" {
		t.Errorf("roles %v", c["roles"])
	}
	r.signIn(b, r.login, map[string]string{"scope": "openid otp-recovery", "prompt": "login"})
	if err := b.Password(r.context(), "", "carol-password"); err != nil {
		t.Fatal(err)
	}
	if c := r.claims(b, r.login); c["acr"] != "pwd" || c["sid"] != full["sid"] {
		t.Errorf("refreshed by password: %v", c)
	}
	r.signIn(b, r.portal, nil)
	if c := r.claims(b, r.portal); c["acr"] != "mfa" {
		t.Errorf("the session keeps its level: %v", c)
	}
}

func TestPromptNoneNeverShowsAPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.portal, map[string]string{"prompt": "none"})
	if b.Answer().Get("error") != "login_required" {
		t.Errorf("left for %q", b.Left)
	}
	r.signIn(b, r.portal, nil, "alice", r.code("A"))
	r.signIn(b, r.portal, map[string]string{"prompt": "none"})
	if b.Answer().Get("code") == "" {
		t.Errorf("left for %q", b.Left)
	}
}

func TestPARLock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	direct := *r.login
	direct.Push = false
	b := browser()
	r.signIn(b, &direct, recovery)
	r.wantPage(b, 400, loginform.PageError, "PAR request_uri not included.")

	address, err := r.login.Start(r.context(), recovery)
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{"&kc_action=CONFIGURE_TOTP", "&prompt=login", "&foo=1"} {
		fresh, err := r.login.Start(r.context(), recovery)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Get(r.context(), fresh+extra); err != nil {
			t.Fatal(err)
		}
		r.wantPage(b, 400, loginform.PageError, "PAR request did not include query parameter")
		if err := b.Get(r.context(), fresh); err != nil {
			t.Fatal(err)
		}
		r.wantPage(b, 400, loginform.PageError, "PAR not found, not issued or used multiple times.")
	}
	if err := b.Get(r.context(), address+"&state=planted&scope=openid"); err != nil {
		t.Fatal(err)
	}
	r.openGate("alice")
	if err := b.Password(r.context(), "alice", "alice-password"); err != nil {
		t.Fatal(err)
	}
	if b.Answer().Get("state") != "the-state" {
		t.Errorf("a pushed value was overruled: %q", b.Left)
	}
	if err := b.Get(r.context(), address+"&client_id=portal"); err != nil {
		t.Fatal(err)
	}
	r.wantPage(b, 400, loginform.PageError, "Invalid Request")
}

func TestPARRefusesWhatKeycloakRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct {
		extra  map[string]string
		secret string
		status int
		text   string
	}{
		{nil, "wrong", 401, "Authentication failed."},
		{map[string]string{"code_challenge": ""}, "", 400, "Missing parameter: code_challenge"},
		{map[string]string{"code_challenge_method": ""}, "", 400, "Missing parameter: code_challenge_method"},
		{map[string]string{"code_challenge_method": "plain"}, "", 400, "not matching the configured one"},
		{map[string]string{"redirect_uri": "http://evil.example/"}, "", 400, "Invalid parameter: redirect_uri"},
		{map[string]string{"scope": "openid offline_access"}, "", 400, "Invalid scopes: openid offline_access"},
		{map[string]string{"request_uri": "urn:x"}, "", 400, "It is not allowed to include request_uri to PAR."},
	} {
		app := *r.login
		if c.secret != "" {
			app.Secret = c.secret
		}
		_, err := app.Start(r.context(), c.extra)
		if !loginform.IsStatus(err, c.status, "invalid_request") || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: %v", c.extra, err)
		}
	}
	b := browser()
	r.signIn(b, r.portal, recovery)
	if b.Answer().Get("error") != "invalid_scope" {
		t.Errorf("another client asked for the scope and got %q", b.Left)
	}
}

func TestCodesAreUsedOnceAndStepsAround(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old := r.code("A")()
	r.clock.add(30 * time.Second)
	b := browser()
	r.signIn(b, r.portal, nil, "alice", func() string { return old })
	r.claims(b, r.portal)
	b = browser()
	r.clock.add(2 * time.Second)
	r.signIn(b, r.portal, nil, "alice", func() string { return old })
	r.wantPage(b, 200, loginform.PageCode, "Invalid authenticator code.")
	r.clock.add(2 * time.Second)
	if err := b.Code(r.context(), r.code("A")()); err != nil {
		t.Fatal(err)
	}
	r.claims(b, r.portal)
	b = browser()
	late := r.code("A")()
	r.clock.add(90 * time.Second)
	r.signIn(b, r.portal, nil, "alice", func() string { return late })
	r.wantPage(b, 200, loginform.PageCode, "Invalid authenticator code.")
}

func TestNobodyGetsInWithoutSecondFactor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.portal, nil, "erin")
	r.wantPage(b, 400, loginform.PageError, "Invalid username or password.")
	r.openGate("erin")
	r.signIn(b, r.login, recovery, "erin")
	if c := r.claims(b, r.login); c["acr"] != "pwd" {
		t.Errorf("claims %v", c)
	}
}

func TestFormsSurviveBackButtonAndSecondTab(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.openGate("alice")
	r.openGate("bob")
	first, second := browser(), browser()
	r.signIn(first, r.login, recovery)
	before := *first
	if err := first.Password(r.context(), "alice", "wrong"); err != nil {
		t.Fatal(err)
	}
	r.wantPage(first, 200, loginform.PagePassword, "Invalid username or password.")
	if err := before.Password(r.context(), "alice", "alice-password"); err != nil { // the page from before
		t.Fatal(err)
	}
	r.wantPage(&before, 200, loginform.PagePassword, "Action expired. Please continue with login now.")
	r.clock.add(2 * time.Second)
	r.signIn(&before, r.login, recovery)
	other := before // a second tab of the same browser
	r.signIn(&before, r.login, recovery, "alice")
	r.claims(&before, r.login)
	if err := other.Password(r.context(), "bob", "bob-password"); err != nil {
		t.Fatal(err)
	}
	r.wantPage(&other, 400, loginform.PageError, "")
	if !strings.Contains(other.Message(), "different user") {
		t.Errorf("message %q", other.Message())
	}
	if err := second.Get(r.context(), before.URL); err != nil { // another browser has no cookie
		t.Fatal(err)
	}
	r.wantPage(second, 400, loginform.PageError, "")
}

func TestPagesSpeakTheLanguageThatWasPushed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.login, map[string]string{"ui_locales": "ja", "login_hint": "alice"})
	if b.Lang() != "ja" || !strings.Contains(b.Body, `value="alice"`) {
		t.Errorf("language %q, page %s", b.Lang(), b.Body)
	}
	if err := b.Submit(r.context(), url.Values{"username": {"alice"}, "password": {"alice-password"}}); err != nil {
		t.Fatal(err)
	}
	if b.Page() != loginform.PageCode || b.Link("認証アプリを紛失した場合") == "" {
		t.Errorf("page %q: no link in Japanese", b.Page())
	}
}
