package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
	"otpbridge/oidc"
)

// The realm of the tests behaves as the product expects: the portal asks for the second factor, and a password-only
// sign-in exists for our client alone and for members of the gate group alone.
func TestRealmAsksForTheSecondFactorEverywhereButAtAnOpenGate(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)

	phone := rig.NewPhone(t, realm.Secret("alice"))
	portal := rig.NewClient(t, r, "portal", rig.PortalRedirect)
	if got := portal.SignIn(rig.NewBrowser(t), "alice", phone); !got.Signed || got.Acr() != "mfa" {
		t.Errorf("portal with password and code: %+v, want tokens with acr mfa", got)
	}
	if got := portal.SignIn(rig.NewBrowser(t), "alice", nil); got.Page != "login-login-otp" {
		t.Errorf("portal with the password only: %+v, want the OTP page", got)
	}

	b := rig.NewBrowser(t)
	if got := login.SignIn(b, "alice", nil, "scope", "openid "+realm.Scope); got.Signed || b.Status != http.StatusUnauthorized {
		t.Errorf("gate shut: %+v on %s, want 401", got, b.Describe())
	}
	if err := r.OpenGate(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	got := login.SignIn(rig.NewBrowser(t), "alice", nil, "scope", "openid "+realm.Scope)
	if !got.Signed || got.Acr() != "pwd" {
		t.Errorf("gate open: %+v, want tokens with acr pwd", got)
	}
	if got.Claims["sub"] != r.Users["alice"] {
		t.Errorf("sub %v, want %v", got.Claims["sub"], r.Users["alice"])
	}
	if err := r.ShutGate(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if got := login.SignIn(rig.NewBrowser(t), "alice", nil, "scope", "openid "+realm.Scope); got.Signed {
		t.Errorf("gate shut again: signed in with acr %s", got.Acr())
	}
	carol := rig.NewPhone(t, realm.Secret("carol"))
	got = login.SignIn(rig.NewBrowser(t), "carol", carol, "prompt", "login")
	if !got.Signed || got.Acr() != "mfa" || fmt.Sprint(got.Claims["roles"]) != "["+realm.OperatorRole+"]" {
		t.Errorf("operator: %+v, want acr mfa and the operator's role", got)
	}
}

// Passwords of the realm are old, and stay old when Keycloak hashes them again at a sign-in (TOK-14 stands on it).
func TestRealmPasswordsAreOldAndWork(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	added := realm.Person{Name: "frank", OTPs: []string{realm.Secret("frank")}}
	young := realm.Person{Name: "grace", PasswordSet: time.Now().Add(-time.Hour), OTPs: []string{realm.Secret("grace")}}
	for _, p := range []realm.Person{added, young} {
		if _, err := r.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	portal := rig.NewClient(t, r, "portal", rig.PortalRedirect)
	for _, tc := range []struct {
		name   string
		oldest time.Duration
		newest time.Duration
	}{
		{"alice", 100 * 365 * 24 * time.Hour, 30 * 24 * time.Hour},
		{"frank", 100 * 365 * 24 * time.Hour, 30 * 24 * time.Hour},
		{"grace", 61 * time.Minute, 59 * time.Minute},
	} {
		if got := portal.SignIn(rig.NewBrowser(t), tc.name, rig.NewPhone(t, realm.Secret(tc.name))); !got.Signed {
			t.Errorf("%s cannot sign in: %+v", tc.name, got)
		}
		credentials, err := r.Credentials(t.Context(), tc.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range credentials {
			if age := time.Since(time.UnixMilli(c.CreatedDate)); c.Type == "password" && (age > tc.oldest || age < tc.newest) {
				t.Errorf("%s: password is %s old", tc.name, age)
			}
		}
	}
}

// The attribute for notification addresses can be edited by administrators only, and writing it keeps everything else.
func TestRealmNotificationAddress(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	if err := r.SetAttribute(t.Context(), "alice", realm.Notification, "alice@example.org", "a2@example.org"); err != nil {
		t.Fatal(err)
	}
	var alice struct {
		Email, FirstName, LastName string
		EmailVerified              bool
		Attributes                 map[string][]string
	}
	if err := r.Do(t.Context(), "GET /users/"+r.Users["alice"], nil, &alice); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(alice); got != "{alice@example.net Alice Example true map[notificationEmail:[alice@example.org a2@example.org]]}" {
		t.Errorf("alice after the change: %s", got)
	}
	if err := r.SetAttribute(t.Context(), "alice", realm.Notification, "nonsense"); err == nil {
		t.Error("a value that is no address was accepted")
	}
}

// Everything that a person can be: each kind can be made and Keycloak agrees.
func TestRealmPeopleOfEveryKind(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	if err := r.MakeAdministratorRole(t.Context(), "faculty-office"); err != nil {
		t.Fatal(err)
	}
	people := []realm.Person{
		{Name: "disabled", Disabled: true},
		{Name: "pending", RequiredActions: []string{"CONFIGURE_TOTP"}},
		{Name: "office", Roles: []string{"faculty-office"}},
		{Name: "three", OTPs: []string{realm.Secret("a"), realm.Secret("b"), realm.Secret("c")}},
		{Name: "outsider", Outside: true},
		{Name: "locked"},
	}
	for _, p := range people {
		if _, err := r.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Lock(t.Context(), "locked"); err != nil {
		t.Error(err)
	}
	var user struct {
		Enabled         bool
		RequiredActions []string
	}
	for name, want := range map[string]string{"disabled": "{false []}", "pending": "{true [CONFIGURE_TOTP]}"} {
		if err := r.Do(t.Context(), "GET /users/"+r.Users[name], nil, &user); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(user); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	var roles []struct{ Name string }
	if err := r.Do(t.Context(), "GET /users/"+r.Users["office"]+"/role-mappings/realm/composite", nil, &roles); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(roles), "{faculty-office}") {
		t.Errorf("office has roles %v", roles)
	}
	if credentials, err := r.Credentials(t.Context(), "three"); err != nil || len(credentials) != 4 {
		t.Errorf("three has %v (%v), want a password and three authenticators", credentials, err)
	}
}

// The service account may do what the product needs for members of the allowed group, and nothing else (WB-07).
func TestRealmServiceAccountIsFineGrained(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{AdminClient: "bridge-account"})
	outsider, err := r.Add(t.Context(), realm.Person{Name: "outsider", Outside: true})
	if err != nil {
		t.Fatal(err)
	}
	account := rig.NewServiceAccount(t, r, realm.AdminSecret)
	clients := map[string]string{}
	var all []struct{ ID, ClientID string }
	if err := r.Do(t.Context(), "GET /clients", nil, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		clients[c.ClientID] = c.ID
	}
	gate := "/groups/" + r.GateGroup
	open(t, r, "alice")
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	session := login.SignIn(rig.NewBrowser(t), "alice", nil, "scope", recoveryScope).Claims["sid"]
	for _, tc := range []struct {
		call string
		want int
	}{
		{"GET ", 200},
		{"GET /events?max=1", 200},
		{"GET /users/profile", 200},
		{"GET /identity-provider/instances", 200},
		{"POST /identity-provider/instances", 403},
		{"GET /users/" + r.Users["alice"] + "/credentials", 200},
		{"GET /users/" + r.Users["alice"] + "/groups", 200},
		{"GET /users/" + r.Users["alice"] + "/role-mappings/realm/composite", 200},
		{"GET /attack-detection/brute-force/users/" + r.Users["alice"], 200},
		{"PUT /users/" + r.Users["alice"] + gate, 204},
		{"GET " + gate + "/members", 200},
		{"DELETE /users/" + r.Users["alice"] + gate, 204},
		{"POST /users/" + r.Users["alice"] + "/logout", 204},
		{fmt.Sprint("DELETE /sessions/", session), 403}, // an undelivered sign-in cannot be ended by itself: design, "A sign-in whose code never came"
		{"GET /users/" + outsider, 403},
		{"GET /users/" + outsider + "/credentials", 403},
		{"PUT /users/" + outsider + "/groups/" + r.Allowed, 403},
		{"GET /clients/" + clients["realm-management"] + "/roles", 200},
		{"GET /users/" + r.Users["alice"] + "/role-mappings/clients/" + clients["realm-management"] + "/composite", 200},
		{"GET /users/" + outsider + "/role-mappings/clients/" + clients["realm-management"] + "/composite", 403},
		{"GET /clients/" + clients["portal"], 403},
		{"GET /clients/" + clients["portal"] + "/client-secret", 403},
		{"PUT /users/" + outsider + gate, map[bool]int{false: 403, true: 204}[r.AnyJoins]},
		{"POST /users/" + outsider + "/logout", 403},
	} {
		if got := account.Status(tc.call); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.call, got, tc.want)
		}
	}
}

// Design "Two clients, two keys": each client proves itself with its own key, and neither key is good for the other client.
func TestRealmClientsProveThemselvesWithKeys(t *testing.T) {
	t.Parallel()
	loginKey, adminKey := rig.NewKey(t, "login"), rig.NewKey(t, "admin")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(loginKey.Public()) })
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	r := rig.NewRealm(t, realm.Options{AppURL: app.URL, LoginKeys: true, AdminJWKS: adminKey.Public()})
	login := rig.NewClient(t, r, realm.LoginClient, app.URL+"/oidc/callback")

	ask := func(path, client string, key rig.Key, form url.Values) int {
		t.Helper()
		form.Set("client_id", client)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", key.Assertion(client, r.Issuer))
		return rig.NewBrowser(t).Post(login.Endpoint(path), form).Status
	}
	service := func() url.Values { return url.Values{"grant_type": {"client_credentials"}} }
	for _, tc := range []struct {
		name      string
		got, want int
	}{
		{"login client pushes with its key", ask("ext/par/request", realm.LoginClient, loginKey, login.Request()), 201},
		{"login client pushes with the admin key", ask("ext/par/request", realm.LoginClient, adminKey, login.Request()), 401},
		{"service account with its key", ask("token", r.AdminClient, adminKey, service()), 200},
		{"service account with the login key", ask("token", r.AdminClient, loginKey, service()), 401},
	} {
		if tc.got != tc.want && (tc.want < 400 || tc.got < 400) {
			t.Errorf("%s: %d, want %d", tc.name, tc.got, tc.want)
		}
	}
}

// OPS-09: Keycloak's answer to a login client that it refuses, of whatever cause, is told from one to a request that it does not take.
func TestRealmRefusesALoginClient(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	rp, err := oidc.New(oidc.Config{
		Issuer: p.Issuer, ClientID: realm.LoginClient, Secret: oidc.NewSecret(realm.LoginSecret), RedirectURL: rig.AppRedirect, RecoveryScope: realm.Scope,
		FullACR: "mfa", Now: time.Now,
	})
	if err == nil {
		err = rp.Look(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	is := func(cause string, refused bool) {
		t.Helper()
		_, err := rp.Begin(t.Context(), oidc.Request{})
		t.Logf("%s: %v", cause, err)
		if (oidc.ClientRefused(err) != "") != refused {
			t.Errorf("%s: %v, refused %q", cause, err, oidc.ClientRefused(err))
		}
	}
	is("as it should be", false)
	for cause, change := range map[string]object{
		"off":              {"enabled": false},
		"no sign-ins":      {"standardFlowEnabled": false},
		"another secret":   {"secret": "another one"},
		"keys, not secret": {"clientAuthenticatorType": "client-jwt", "attributes": object{"use.jwks.url": "true", "jwks.url": "http://localhost:1/"}},
	} {
		mend := changed("", realm.LoginClient, change).does(t, p)
		is(cause, true)
		mend()
	}
	is("mended", false)
	mend := without("", realm.Scope).does(t, p)
	is("without its scope", false)
	mend()
	p.must(t, "DELETE /clients/"+idOf(p.client(t, realm.LoginClient)), nil, nil)
	is("gone", true)
}

// WB-07: a recovery needs no more than view-realm, view-events, query-users and the permissions on the allowed group and the gate; a warning
// says what is not seen without the others.
func TestJourneyWithTheLeastRights(t *testing.T) {
	t.Parallel()
	campus := rig.NewCampus(t)
	for _, more := range []string{realm.ViewGroups, realm.ViewAdministrators} {
		if err := campus.Withdraw(t.Context(), more); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, func(setup *rig.Setup) { setup.Campus = campus })
	phone := s.hand("alice").recovers()
	s.mustHaveOnly("alice", phone)
	s.bridge.MustHaveLogged(t, "the service account does not see who has rights over the realm")
}
