package e2e_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/keycloak"
	safe "otpbridge/bridge/realm"
	"otpbridge/e2e/rig"
)

// wanted is what the product would ask of a realm of the tests.
func wanted(r *realm.Realm) safe.Wanted {
	return safe.Wanted{
		Realm: r.Name, BaseURL: "http://localhost:8088", LoginClient: realm.LoginClient, LoginSecret: realm.LoginSecret,
		RecoveryScope: realm.Scope, FullACR: "mfa", AdminClient: r.AdminClient, AdminSecret: realm.AdminSecret, GateGroup: r.GateGroup,
		AllowedGroup: "/" + realm.Recoverable, ConsoleRoles: []string{realm.OperatorRole, "otp-auditor"},
		Deciding: []safe.Deciding{{Name: realm.Notification, Address: true}}, Languages: []string{"ja", "en"},
	}
}

// Issue 6: the administrator sees every part of the realm that matters.
func TestRealmIsReadWhole(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	s, err := safe.Read(t.Context(), r, wanted(r))
	if err != nil || len(s.Unread) > 0 {
		t.Fatal(err, s.Unread)
	}
	flow := s.Flow(s.Setting("browserFlow"))
	if flow == nil {
		t.Fatal("the bound flow is missing")
	}
	var lines []string
	flow.Walk(true, func(e *safe.Execution) {
		name := e.Provider
		if e.Sub != nil {
			name = e.Sub.Alias
		}
		lines = append(lines, name+" "+e.Requirement+" "+e.ConfigAlias+e.Config["client_scope"]+e.Config["negate"])
	})
	want := []string{
		"otpbridge-browser-who REQUIRED ", "auth-cookie ALTERNATIVE ", "otpbridge-browser-forms ALTERNATIVE ", "auth-username-password-form REQUIRED ",
		"otpbridge-browser-gate CONDITIONAL ", "conditional-client-scope REQUIRED otpbridge-gate-scopeotp-recoveryfalse",
		"conditional-user-role REQUIRED otpbridge-gate-roletrue", "deny-access-authenticator REQUIRED ",
		"otpbridge-browser-2fa CONDITIONAL ", "conditional-client-scope REQUIRED otpbridge-not-recoveryotp-recoverytrue",
		"conditional-level-of-authentication REQUIRED otpbridge-mfa", "otpbridge-browser-2fa-ways REQUIRED ", "auth-otp-form ALTERNATIVE ",
		"auth-recovery-authn-code-form ALTERNATIVE ",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("flow:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	login := s.Client(realm.LoginClient)
	if login == nil || !slices.Equal(login.OptionalScopes, []string{realm.Scope}) || !slices.Equal(login.RealmRoles, []string{realm.OperatorRole}) {
		t.Errorf("login client: %+v", login)
	}
	if s.Account == nil || !slices.Contains(s.Account.ManagementRoles, "view-events") || s.Account.ID == "" {
		t.Errorf("service account: %+v", s.Account)
	}
	if g := s.GroupByID(r.GateGroup); g == nil || !slices.Equal(g.RealmRoles, []string{realm.Gate}) || s.Group("/"+realm.Recoverable) == nil {
		t.Errorf("groups: %+v", s.Groups)
	}
	i := slices.IndexFunc(s.Permissions, func(p safe.Permission) bool { return p.Name == "otpbridge: gate" })
	if i < 0 || !slices.Equal(s.Permissions[i].Resources, []string{r.GateGroup}) || len(s.Permissions[i].Scopes) != 3 ||
		!r.AnyJoins && (len(s.AccessRules) != 1 || !slices.Equal(s.AccessRules[0].Users, []string{s.Account.ID})) ||
		r.AnyJoins && (len(s.AccessRules) != 2 || len(s.AccessRules[0].Groups) != 1 || !slices.Equal(s.Account.Groups, []string{safe.AccountGroup}) ||
			!slices.Equal(s.AccessRules[1].Clients, []string{s.Client(r.AdminClient).ID})) {
		t.Errorf("permissions: %+v %+v", s.Permissions, s.AccessRules)
	}
	if len(s.ClientPolicies) != 1 || len(s.ClientProfiles) != 1 || len(s.Attributes()) != 5 || s.Unmanaged() != "ADMIN_EDIT" || !s.On("eventsEnabled") ||
		s.RealmAttribute("acr.loa.map") == "" || s.Scope(realm.Scope) == nil || len(s.DefaultScopes) == 0 || s.Role(realm.Gate) == nil {
		t.Errorf("%+v", s)
	}
}

// Issue 6: what the service account may not see is never taken for seen: "not checked" never reads "ok".
func TestRealmIsReadAsFarAsTheServiceAccountMay(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	client, err := keycloak.New(keycloak.Config{
		URL: rig.Keycloak(t).URL, Realm: r.Name, ClientID: r.AdminClient, Secret: bridge.Secret(realm.AdminSecret), LoginClient: realm.LoginClient,
		AllowedGroup: "/" + realm.Recoverable, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := safe.Read(t.Context(), keycloak.RealmCalls{Client: client}, wanted(r))
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(s.Unread))
	if want := []safe.Part{safe.PartScopes, safe.PartClients, safe.PartPermissions}; !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("not read: %v, want %v", got, want)
	}
	if len(s.Clients) > 0 || s.Flow("otpbridge-browser") == nil || s.GroupByID(r.GateGroup) == nil || s.Setting("browserFlow") != "otpbridge-browser" {
		t.Errorf("%+v", s)
	}
	if err := r.Withdraw(t.Context(), realm.ViewGroups); err != nil {
		t.Fatal(err)
	}
	if s, err = safe.Read(t.Context(), keycloak.RealmCalls{Client: client}, wanted(r)); err != nil || s.Unread[safe.PartGroups] == nil {
		t.Errorf("%v: without the right to see groups they were read", err)
	}
	if s = safe.ReadInUse(t.Context(), keycloak.RealmCalls{Client: client}, wanted(r)); len(s.Silent) > 0 || s.Unread[safe.PartGroups] == nil {
		t.Errorf("%v: without the right to see groups they were read in use", s.Silent)
	}
	if err := (keycloak.RealmCalls{Client: client}).Do(context.Background(), "PUT ", safe.Object{}, nil); err == nil {
		t.Error("the service's account changed the realm")
	}
}
