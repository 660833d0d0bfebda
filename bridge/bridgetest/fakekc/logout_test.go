package fakekc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

// listener takes back-channel logouts of the login client.
func (r *rig) listener() <-chan map[string]any {
	r.t.Helper()
	got := make(chan map[string]any, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		claims, err := loginform.Claims(req.PostFormValue("logout_token"))
		if err != nil {
			r.t.Error(err)
		}
		got <- claims
	}))
	r.t.Cleanup(server.Close)
	r.s.ChangeClient(fakekc.ClientLogin, func(c *fakekc.Client) { c.Backchannel = server.URL })
	return got
}

func TestIDTokenHintEndsTheSessionFromTheServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.openGate("alice")
	got := r.listener()
	b := browser()
	r.signIn(b, r.login, recovery, "alice", nil)
	tokens, err := r.login.Redeem(r.context(), b.Answer().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.login.End(r.context(), tokens.IDToken); err != nil {
		t.Fatal(err)
	}
	select {
	case claims := <-got:
		if claims["sid"] != tokens.ID["sid"] || claims["sub"] != tokens.ID["sub"] || claims["typ"] != "Logout" || claims["events"] == nil || claims["nonce"] != nil {
			t.Errorf("logout token %v", claims)
		}
	default:
		t.Error("the answer came before the client was told")
	}
	r.visit(b, r.portal, nil)
	r.wantPage(b, 200, loginform.PagePassword, "")
	if r.s.Sessions(r.s.PersonID("alice")) != 0 {
		t.Error("the session lives")
	}
	if err := r.login.End(r.context(), tokens.IDToken); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := r.portal.End(r.context(), tokens.IDToken); !loginform.IsStatus(err, 400, "") {
		t.Errorf("another client: %v", err)
	}
}

func TestLogoutOfAPersonEndsEverySession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.listener()
	r.openGate("alice")
	r.signIn(browser(), r.login, recovery, "alice", nil)
	b := browser()
	r.signIn(b, r.portal, nil, "alice", r.code("A"))
	tokens, err := r.portal.Redeem(r.context(), b.Answer().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := r.portal.Renew(r.context(), tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	alice := r.s.PersonID("alice")
	r.fine().want("GET /users/"+alice+"/sessions", "", 200, `"portal"`)
	r.fine().want("POST /users/"+alice+"/logout", "", 204, "")
	if len(got) != 1 {
		t.Errorf("%d clients told, want the login client once", len(got))
	}
	if _, err := r.portal.Renew(r.context(), renewed.Refresh); !loginform.IsStatus(err, 400, "invalid_grant") {
		t.Errorf("refresh after logout: %v", err)
	}
	r.visit(b, r.portal, nil)
	r.wantPage(b, 200, loginform.PagePassword, "")
}

func TestLogoutInTheBrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.portal, nil, "alice", r.code("A"))
	tokens, err := r.portal.Redeem(r.context(), b.Answer().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	end := r.s.Issuer + "/protocol/openid-connect/logout"
	if err := b.Get(r.context(), end); err != nil {
		t.Fatal(err)
	}
	r.wantPage(b, 200, loginform.PageLogout, "Do you want to log out?")
	for to, want := range map[string]string{"http://evil.example/": "", "http://localhost:8089/cb": "http://localhost:8089/cb?state=q"} {
		q := url.Values{"id_token_hint": {tokens.IDToken}, "post_logout_redirect_uri": {to}, "state": {"q"}}
		if err := b.Get(r.context(), end+"?"+q.Encode()); err != nil {
			t.Fatal(err)
		}
		if b.Left != want {
			t.Errorf("%s: left for %q", to, b.Left)
		}
	}
	r.visit(b, r.portal, nil)
	r.wantPage(b, 200, loginform.PagePassword, "")
	r.clock.add(31 * time.Second)
	if err := b.Password(r.context(), "alice", "alice-password"); err != nil {
		t.Fatal(err)
	}
	if err := b.Code(r.context(), r.code("A")()); err != nil {
		t.Fatal(err)
	}
	if err := b.Get(r.context(), end); err != nil {
		t.Fatal(err)
	}
	if err := b.Submit(r.context(), nil); err != nil {
		t.Fatal(err)
	}
	r.wantPage(b, 200, loginform.PageInfo, "You are logged out")
}

func TestCodesAndTokensAreRefusedLikeTheRealServerDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := browser()
	r.signIn(b, r.portal, nil, "alice", r.code("A"))
	code := b.Answer().Get("code")
	if _, err := r.portal.Redeem(r.context(), code); err != nil {
		t.Fatal(err)
	}
	if _, err := r.portal.Redeem(r.context(), code); !loginform.IsStatus(err, 400, "invalid_grant") {
		t.Errorf("a used code: %v", err)
	}
	r.visit(b, r.portal, nil)
	code = b.Answer().Get("code")
	if _, err := r.portal.Start(r.context(), nil); err != nil { // another verifier
		t.Fatal(err)
	}
	if _, err := r.portal.Redeem(r.context(), code); !loginform.IsStatus(err, 400, "invalid_grant") {
		t.Errorf("the wrong verifier: %v", err)
	}
	r.visit(b, r.portal, nil)
	r.clock.add(61 * time.Second)
	if _, err := r.portal.Redeem(r.context(), b.Answer().Get("code")); !loginform.IsStatus(err, 400, "invalid_grant") {
		t.Errorf("an old code: %v", err)
	}
	r.s.RotateKeys(false)
	r.visit(b, r.portal, nil)
	if c := r.claims(b, r.portal); c["acr"] != "mfa" {
		t.Errorf("after a change of keys: %v", c)
	}
}
