package fakekc_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
)

func TestGateDecidesOnPasswordOnlySignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.login, recovery, "alice", nil)
	r.wantPage(b, 401, loginform.PageError, "Access denied")
	if b.Cookie("KEYCLOAK_IDENTITY") != "" {
		t.Error("a denied sign-in left a session")
	}
	r.openGate("alice")
	r.clock.add(2 * time.Second)
	r.signIn(b, r.login, recovery, "alice", nil)
	c := r.claims(b, r.login)
	if c["acr"] != "pwd" || c["preferred_username"] != "alice" || c["typ"] != "ID" || c["azp"] != "otpbridge-login" || c["nonce"] != "the-nonce" {
		t.Errorf("claims %v", c)
	}
	if got := b.Answer(); got.Get("iss") != r.s.Issuer || got.Get("state") != "the-state" || got.Get("session_state") != c["sid"] {
		t.Errorf("callback %v", got)
	}
	r.shutGate("alice")
	r.clock.add(2 * time.Second)
	r.visit(b, r.login, recovery)
	r.wantPage(b, 401, loginform.PageError, "Access denied")
}

func TestPasswordOnlySessionOpensNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.openGate("alice")
	b := browser()
	r.signIn(b, r.login, recovery, "alice", nil)
	first := r.claims(b, r.login)
	r.visit(b, r.portal, nil)
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
	r.visit(b, r.login, recovery)
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
	r.visit(b, r.login, map[string]string{"scope": "openid", "prompt": "login"})
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
	r.visit(b, r.login, map[string]string{"scope": "openid otp-recovery", "prompt": "login"})
	if err := b.Password(r.context(), "", "carol-password"); err != nil {
		t.Fatal(err)
	}
	if c := r.claims(b, r.login); c["acr"] != "pwd" || c["sid"] != full["sid"] {
		t.Errorf("refreshed by password: %v", c)
	}
	r.visit(b, r.portal, nil)
	if c := r.claims(b, r.portal); c["acr"] != "mfa" {
		t.Errorf("the session keeps its level: %v", c)
	}
}

func TestPromptNoneNeverShowsAPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.visit(b, r.portal, map[string]string{"prompt": "none"})
	if b.Answer().Get("error") != "login_required" {
		t.Errorf("left for %q", b.Left)
	}
	r.signIn(b, r.portal, nil, "alice", r.code("A"))
	r.visit(b, r.portal, map[string]string{"prompt": "none"})
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
	r.visit(b, &direct, recovery)
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
	r.visit(b, r.portal, recovery)
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
	r.signIn(b, r.portal, nil, "erin", nil)
	r.wantPage(b, 400, loginform.PageError, "Invalid username or password.")
	r.openGate("erin")
	r.signIn(b, r.login, recovery, "erin", nil)
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
	r.visit(first, r.login, recovery)
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
	r.visit(&before, r.login, recovery)
	other := before // a second tab of the same browser
	r.signIn(&before, r.login, recovery, "alice", nil)
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
	r.visit(b, r.login, map[string]string{"ui_locales": "ja", "login_hint": "alice"})
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

func TestPushedActionEnrolsBehindThePasswordAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.openGate("alice")
	b := browser()
	r.signIn(b, r.login, map[string]string{"scope": "openid otp-recovery", "kc_action": "CONFIGURE_TOTP"}, "alice", nil)
	r.wantPage(b, 200, "login-login-config-totp", "")
	if err := b.Submit(r.context(), url.Values{"totp": {"000000"}}); err != nil {
		t.Fatal(err)
	}
	r.wantPage(b, 200, "login-login-config-totp", "Invalid authenticator code.")
	_, rest, _ := strings.Cut(b.Body, `name="totpSecret" value="`)
	raw, _, _ := strings.Cut(rest, `"`)
	evil := phone.Key{Secret: []byte(raw)}
	if err := b.Submit(r.context(), url.Values{"totp": {evil.Code(r.clock.Now())}, "userLabel": {"evil"}}); err != nil {
		t.Fatal(err)
	}
	if b.Answer().Get("kc_action_status") != "success" || b.Answer().Get("code") == "" {
		t.Errorf("left for %q", b.Left)
	}
	r.clock.add(time.Minute)
	b = browser()
	r.signIn(b, r.portal, nil, "alice", nil)
	choices := b.Choices()
	if len(choices) != 2 || choices[1].Label != "evil" {
		t.Fatalf("choices %+v", choices)
	}
	if err := b.CodeFor(r.context(), choices[1].ID, evil.Code(r.clock.Now())); err != nil {
		t.Fatal(err)
	}
	r.claims(b, r.portal)
}

func TestPendingActionsAndGapsStopTheSignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for page, p := range map[string]fakekc.Person{
		"login-login-update-password": {Username: "one", First: "O", Last: "E", RequiredActions: []string{"UPDATE_PASSWORD"}},
		"login-login-update-profile":  {Username: "two", First: "T"},
	} {
		p.Password, p.Groups = p.Username+"-password", []string{"otp-recoverable", "otp-recovery-open"}
		r.s.AddPerson(p)
		b := browser()
		r.signIn(b, r.login, recovery, p.Username, nil)
		r.wantPage(b, 200, page, "")
		if err := b.Get(r.context(), b.URL); err != nil {
			t.Fatal(err)
		}
		r.wantPage(b, 200, page, "")
	}
}

func TestTemporaryCodeWorksOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.s.PersonID("alice")
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"
	id := r.s.AddCredential(alice, fakekc.Credential{
		Type: "otp", Label: "temporary", SecretData: `{"value":"` + secret + `"}`,
		Data: `{"subType":"hotp","digits":8,"counter":0,"period":0,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`,
	})
	k, err := phone.FromBase32(secret)
	if err != nil {
		t.Fatal(err)
	}
	k.Digits = 8
	b := browser()
	r.signIn(b, r.portal, nil, "alice", nil)
	if err := b.CodeFor(r.context(), id, k.At(0)); err != nil {
		t.Fatal(err)
	}
	if c := r.claims(b, r.portal); c["acr"] != "mfa" {
		t.Errorf("claims %v", c)
	}
	b = browser()
	r.signIn(b, r.portal, nil, "alice", nil)
	if err := b.CodeFor(r.context(), id, k.At(0)); err != nil {
		t.Fatal(err)
	}
	r.wantPage(b, 200, loginform.PageCode, "Invalid authenticator code.")
	if list := r.s.Credentials(alice); !strings.Contains(list[2].Data, `"counter":1`) {
		t.Errorf("the use cannot be seen: %s", list[2].Data)
	}
}

func TestBrokenCredentialEndsTheSignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, data := range []string{
		`{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"SHA1","secretEncoding":"BASE32"}`,
		`{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"HEX"}`,
	} {
		id := r.s.AddPerson(fakekc.Person{Username: "broken", First: "B", Last: "E", Password: "broken-password"})
		r.s.AddCredential(id, fakekc.Credential{Type: "otp", SecretData: `{"value":"JBSWY3DPEHPK3PXP"}`, Data: data})
		b := browser()
		r.signIn(b, r.portal, nil, "broken", func() string { return "000000" })
		r.wantPage(b, 400, loginform.PageError, "")
	}
}
