package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// recoveryScope is what a recovery's sign-in asks for.
const recoveryScope = "openid " + realm.Scope

// openHoles tries, with a browser in which somebody has typed alice's password and nothing else, to get into every other
// application, and returns those that opened or offered to enrol an authenticator.
func openHoles(t *testing.T, r *realm.Realm, b *rig.Browser) []string {
	t.Helper()
	return openHolesAt(t, r, rig.PortalRedirect, b)
}

// openHolesAt is openHoles in a realm whose portal has another address.
func openHolesAt(t *testing.T, r *realm.Realm, portal string, b *rig.Browser) []string {
	t.Helper()
	var holes []string
	for _, try := range []struct {
		name, client, redirect string
		params                 []string
	}{
		{"portal", "portal", portal, nil},
		{"portal, prompt=none", "portal", portal, []string{"prompt", "none"}},
		{"portal, acr_values=pwd", "portal", portal, []string{"acr_values", "pwd"}},
		{"portal, max_age", "portal", portal, []string{"max_age", "36000"}},
		{"portal, essential acr", "portal", portal, []string{"claims", `{"id_token":{"acr":{"essential":true,"values":["pwd"]}}}`}},
		{"portal, kc_action", "portal", portal, []string{"kc_action", "CONFIGURE_TOTP"}},
		{"legacy-app", "legacy-app", rig.LegacyRedirect, nil},
		{"account console", "account-console", r.Issuer + "/account/", nil},
	} {
		client := rig.NewClient(t, r, try.client, try.redirect)
		client.Open(b, try.params...)
		got := client.Finish(b)
		if got.Page == "login-error" && strings.Contains(b.Body, "redirect_uri") {
			t.Fatalf("%s was not tried: %s", try.name, b.Describe())
		}
		if got.Signed || got.Page == "login-login-config-totp" {
			holes = append(holes, try.name)
		}
	}
	if rig.OpenSAML(t, r, b) {
		holes = append(holes, "saml-app")
	}
	return holes
}

// passwordOnly signs alice in at our client with the password only and returns the browser.
func passwordOnly(t *testing.T, r *realm.Realm) *rig.Browser {
	t.Helper()
	b := rig.NewBrowser(t)
	got := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect).SignIn(b, "alice", nil, "scope", recoveryScope)
	if !got.Signed {
		t.Fatalf("password-only sign-in: %+v on %s", got, b.Describe())
	}
	return b
}

// OIDC-11: a password-only sign-in opens no other application, configured or not, by OpenID Connect or SAML.
func TestRealmAttackSSOCookieOfAPasswordOnlySignIn(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	open(t, r, "alice")
	if holes := openHoles(t, r, passwordOnly(t, r)); len(holes) > 0 {
		t.Errorf("opened with the password only: %s", strings.Join(holes, "; "))
	}
}

// OIDC-11: the test above finds the hole where there is one.
func TestRealmAttackSSOCookieFindsTheHoleOfTheBadRealm(t *testing.T) {
	t.Parallel()
	r := rig.NewBadRealm(t)
	b := rig.NewBrowser(t)
	if got := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect).SignIn(b, "alice", nil); !got.Signed {
		t.Fatalf("password-only sign-in: %+v", got)
	}
	holes := strings.Join(openHoles(t, r, b), "; ")
	for _, want := range []string{"portal", "portal, prompt=none", "portal, kc_action", "legacy-app", "account console", "saml-app"} {
		if !strings.Contains("; "+holes+"; ", "; "+want+"; ") {
			t.Errorf("%s did not open in the bad realm (opened: %s)", want, holes)
		}
	}
}

// unpushed are parameters that somebody could add to the address of Keycloak.
var unpushed = []string{
	"kc_action=CONFIGURE_TOTP", "kc_action=UPDATE_PASSWORD", "kc_action=delete_credential", "acr_values=mfa", "claims=%7B%7D", "prompt=login",
	"prompt=none", "max_age=0", "ui_locales=ja", "login_hint=bob", "kc_idp_hint=evil", "foo=bar",
}

// PAR lock: a parameter that was not pushed ends the request.
func TestRealmAttackParametersThatWereNotPushed(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	open(t, r, "alice")
	mustBePushed(t, rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect))
}

// mustBePushed fails the test unless a parameter that the login client did not push ends the request.
func mustBePushed(t *testing.T, login *rig.Client) {
	t.Helper()
	for _, extra := range unpushed {
		b := rig.NewBrowser(t).Get(login.URL(login.Request("scope", recoveryScope)) + "&" + extra).Follow(login.Redirect)
		if b.Status != http.StatusBadRequest || b.Page() != "login-error" {
			t.Errorf("%s: %s, want an error page", extra, b.Describe())
		}
	}
	request := login.Request("scope", recoveryScope)
	if b := rig.NewBrowser(t).Get(login.Endpoint("auth") + "?" + request.Encode()).Follow(login.Redirect); b.Status != http.StatusBadRequest {
		t.Errorf("nothing pushed: %s, want an error page", b.Describe())
	}
	if b := login.Open(rig.NewBrowser(t), "scope", recoveryScope); b.Page() != "login-login" {
		t.Errorf("control, nothing added: %s, want the password page", b.Describe())
	}
}

// PAR lock: the test above notices when the client policy is gone, although the client still has to push.
func TestRealmAttackUnpushedParametersFindTheHoleWithoutThePolicy(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	open(t, r, "alice")
	if err := r.Do(t.Context(), "PUT /client-policies/policies", map[string]any{"policies": []any{}}, nil); err != nil {
		t.Fatal(err)
	}
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	b := rig.NewBrowser(t).Get(login.URL(login.Request("scope", recoveryScope)) + "&kc_action=CONFIGURE_TOTP").Follow(rig.AppRedirect)
	b.Submit("username", "alice", "password", realm.Password("alice")).Follow(rig.AppRedirect)
	if b.Page() != "login-login-config-totp" {
		t.Errorf("%s, want the page that enrols an authenticator: the hole is not found", b.Describe())
	}
}

// A value that differs from the pushed one is ignored.
func TestRealmAttackPushedValuesWin(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	open(t, r, "alice")
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	request := login.Request("scope", "openid") // a full sign-in was asked for
	b := rig.NewBrowser(t).Get(login.URL(request) + "&scope=" + url.QueryEscape(recoveryScope)).Follow(rig.AppRedirect)
	b.Submit("username", "alice", "password", realm.Password("alice")).Follow(rig.AppRedirect)
	if b.Page() != "login-login-otp" {
		t.Errorf("scope changed on the way: %s, want the OTP page", b.Describe())
	}
}

// The scope that lowers the level is our client's alone, and a level that was not reached is never reported.
func TestRealmAttackScopeAndLevel(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	open(t, r, "alice")
	mustRefuseScope(t, rig.NewClient(t, r, "portal", rig.PortalRedirect), rig.NewClient(t, r, "legacy-app", rig.LegacyRedirect))
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	if got := login.SignIn(rig.NewBrowser(t), "alice", nil, "scope", recoveryScope); !got.Signed || got.Acr() != "pwd" {
		t.Fatalf("our client, and nothing else asked for: page %q, error %q, want a sign-in with the password only", got.Page, got.Error)
	}
	mustNotReachTheLevel(t, login, "alice", func() {})
}

// mustNotReachTheLevel asks for the recovery scope and for the full level at once, with the password only. The gate is opened before each try.
func mustNotReachTheLevel(t *testing.T, login *rig.Client, name string, open func()) {
	t.Helper()
	for _, params := range [][]string{
		{"acr_values", "mfa"},
		{"claims", `{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}`},
	} {
		open()
		b := rig.NewBrowser(t)
		if got := login.SignIn(b, name, nil, append(params, "scope", recoveryScope)...); got.Signed && got.Acr() != "pwd" {
			t.Errorf("%s: acr %s without a second factor", params, got.Acr())
		} else if b.Status == http.StatusUnauthorized {
			t.Errorf("%s was not tried: %s", params, b.Describe())
		}
	}
}

// mustRefuseScope fails the test unless these clients are refused the scope.
func mustRefuseScope(t *testing.T, clients ...*rig.Client) {
	t.Helper()
	for _, c := range clients {
		if got := c.SignIn(rig.NewBrowser(t), "alice", nil, "scope", recoveryScope); got.Error != "invalid_scope" {
			t.Errorf("%s asks for the scope: %+v, want invalid_scope", c.ID, got)
		}
	}
}

// actions are what Keycloak may ask for in the midst of a sign-in, and what would let a password thief in.
var actions = []string{"CONFIGURE_TOTP", "UPDATE_PROFILE", "UPDATE_PASSWORD", "CONFIGURE_RECOVERY_AUTHN_CODES", "webauthn-register"}

// pendingPerson is the name of somebody of whom an action is asked.
func pendingPerson(action string) string { return "pending-" + strings.ToLower(action) }

// addPending adds somebody for each action, of whom it is asked.
func addPending(t *testing.T, r *realm.Realm) {
	t.Helper()
	for _, action := range actions {
		p := realm.Person{Name: pendingPerson(action), OTPs: []string{realm.Secret("p")}, RequiredActions: []string{action}, Outside: r.Allowed == ""}
		if _, err := r.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// reachedActions tries to reach each action with a password only at our client, as something pending of those whom addPending added and as something
// pushed, and returns those whose page was shown.
func reachedActions(t *testing.T, r *realm.Realm, login *rig.Client, params ...string) (reached []string) {
	t.Helper()
	for _, action := range actions {
		for who, params := range map[string][]string{pendingPerson(action): params, "bob": append([]string{"kc_action", action}, params...)} {
			b := rig.NewBrowser(t)
			if got := login.SignIn(b, who, nil, params...); got.Signed || b.Status != http.StatusUnauthorized {
				reached = append(reached, action+" of "+who+": "+b.Page())
			}
			// A denial counts as a failure of the person: two in a row would lock bob, and hide what the next one does.
			if err := r.Unlock(t.Context(), who); err != nil {
				t.Fatal(err)
			}
		}
	}
	return reached
}

// OIDC-19: the gate, shut, keeps pending actions and a stolen login key away from the pages that change an account.
func TestRealmAttackActionsBehindAShutGate(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	addPending(t, r)
	if reached := reachedActions(t, r, rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect), "scope", recoveryScope); len(reached) > 0 {
		t.Errorf("not denied: %s", strings.Join(reached, "; "))
	}
}

// OIDC-19: the test above finds the hole where there is no gate.
func TestRealmAttackActionsFindTheHoleOfTheBadRealm(t *testing.T) {
	t.Parallel()
	r := rig.NewBadRealm(t)
	addPending(t, r)
	reached := strings.Join(reachedActions(t, r, rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)), "; ")
	for _, want := range []string{
		"CONFIGURE_TOTP of pending-configure_totp: login-login-config-totp", "CONFIGURE_TOTP of bob: login-login-config-totp",
		"UPDATE_PROFILE of pending-update_profile: login-login-update-profile", "UPDATE_PASSWORD of bob: login-login-update-password",
	} {
		if !strings.Contains(reached, want) {
			t.Errorf("%s was not reached (reached: %s)", want, reached)
		}
	}
}

// OIDC-19: after the last recovery code Keycloak has the account make new ones at its next sign-in, and lets the password alone do that wherever no second factor is asked
// for. Behind an open gate a thief gets codes so that open the portal: for such an account it has to stay shut.
func TestRealmAttackSpentRecoveryCodes(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	if _, err := r.Add(t.Context(), realm.Person{Name: "spent", Codes: []string{"ABCDEFGHJKMN"}}); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, campus: &rig.Campus{Realm: r}}
	portal, login := rig.NewClient(t, r, "portal", rig.PortalRedirect), rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	if b := s.typesCode(portal, "spent", "ABCDEFGHJKMN"); b.Page() != codesPage {
		t.Fatalf("after the last code: %s", b.Describe())
	}
	b := rig.NewBrowser(t)
	if got := login.SignIn(b, "spent", nil, "scope", recoveryScope); got.Signed || b.Status != http.StatusUnauthorized {
		t.Fatalf("behind the shut gate: %s, want access denied", b.Describe())
	}
	if err := r.Unlock(t.Context(), "spent"); err != nil {
		t.Fatal(err)
	}
	open(t, r, "spent")
	b = rig.NewBrowser(t)
	login.SignIn(b, "spent", nil, "scope", recoveryScope)
	if b.Page() != codesPage {
		t.Fatalf("behind the open gate: %s, want the page that makes recovery codes", b.Describe())
	}
	first, _, _ := strings.Cut(b.Value("generatedRecoveryAuthnCodes"), ",")
	b.SubmitTo("", "userLabel", "thief").Follow(login.Redirect)
	b = s.typesCode(portal, "spent", first)
	if got := portal.Finish(b); !got.Signed || got.Acr() != "mfa" {
		t.Errorf("the thief's code does not open the portal any more (%s): a person who spent the last code can be let in then", b.Describe())
	}
}

// overtype asks for alice and types bob's name and password.
func overtype(t *testing.T, r *realm.Realm, params ...string) (rig.Result, *rig.Browser) {
	t.Helper()
	b := rig.NewBrowser(t)
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	return login.SignIn(b, "bob", nil, append([]string{"login_hint", "alice"}, params...)...), b
}

// OIDC-20: the gate that was opened for one person lets nobody else in, whatever is typed over the name.
func TestRealmAttackOvertypedName(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	open(t, r, "alice")
	if got, b := overtype(t, r, "scope", recoveryScope); got.Signed || b.Status != http.StatusUnauthorized {
		t.Errorf("%s, want access denied", b.Describe())
	}
}

// OIDC-20: the test above finds the hole where there is no gate.
func TestRealmAttackOvertypedNameFindsTheHoleOfTheBadRealm(t *testing.T) {
	t.Parallel()
	if got, b := overtype(t, rig.NewBadRealm(t)); got.Claims["preferred_username"] != "bob" {
		t.Errorf("%+v on %s, want bob signed in", got, b.Describe())
	}
}

// open opens the gate for a person.
func open(t *testing.T, r *realm.Realm, name string) {
	t.Helper()
	if err := r.OpenGate(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}
