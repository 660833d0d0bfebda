package kcsuite

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
)

// The service account of the realm has what it needs and no more. WB-07
func rights(t *testing.T, w *world) {
	warnings, err := w.client.Rights(t.Context())
	if err != nil || len(warnings) > 0 {
		t.Errorf("over the realm: %v, %v, want neither warnings nor an error", warnings, err)
	}
	w.person(t, Person{})
	warnings, err = w.gate(t).Rights(t.Context())
	if err != nil || len(warnings) > 0 {
		t.Errorf("on groups and people: %v, %v, want neither warnings nor an error", warnings, err)
	}
}

// Names are trimmed, normalised, case-blind; an address counts where the realm allows it; nothing else finds anybody. OIDC-19
func byName(t *testing.T, w *world) {
	_, stem := w.person(t, Person{})
	id, name := w.person(t, Person{Name: stem + "x", Email: stem + "@example.net"})
	_, outside := w.person(t, Person{Outside: true})
	for _, typed := range []string{name, upper(name), padded(name), stem + "@example.net", upper(stem + "@example.net"), "ｋｃ" + name[2:]} {
		a, err := w.client.ByName(t.Context(), typed)
		if err != nil || a.ID != id || a.Username != name {
			t.Errorf("ByName(%q) = %q, %v, want %q", typed, a.Username, err, name)
		}
	}
	for _, typed := range []string{
		"", " ", "\u3000", stem[:4], "*", "%", name + "*", "nobody-" + name, outside, "service-account-" + w.facts.Config.ClientID, name + "@", "..",
	} {
		_, err := w.client.ByName(t.Context(), typed)
		wantCode(t, "ByName("+typed+")", err, bridge.CodeGone)
	}
	w.setRealm(t, map[string]any{"loginWithEmailAllowed": false}, map[string]any{"loginWithEmailAllowed": true})
	_, err := w.client.ByName(t.Context(), stem+"@example.net")
	wantCode(t, "address where the realm does not allow it", err, bridge.CodeGone)
}

// An account is read whole: who it is, what stands against it, groups, effective roles, credentials in their order.
func byID(t *testing.T, w *world) {
	otps := append(oldPhone(), OTP{Label: "token", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXB", HOTP: true})
	email := "a-" + strings.ToLower(rawName(t)) + "@example.net"
	id, name := w.person(t, Person{Email: email, OTPs: otps})
	a := w.account(t, id)
	if !slices.Contains(a.Groups, w.facts.Config.AllowedGroup) {
		t.Errorf("groups %q, want %q among them", a.Groups, w.facts.Config.AllowedGroup)
	}
	if !slices.Contains(a.Roles, "default-roles-"+w.facts.Config.Realm) {
		t.Errorf("effective roles %q lack the default role", a.Roles)
	}
	password, ok := a.Password()
	if !ok || password.ID == "" || password.Created.IsZero() || password.Created.After(w.facts.Now().Add(time.Minute)) {
		t.Errorf("password credential: %+v", password)
	}
	var got []string
	for _, c := range a.OTPs() {
		got = append(got, fmt.Sprint(c.Label, " ", c.HOTP))
	}
	if want := []string{"old phone false", "token true"}; !slices.Equal(got, want) {
		t.Errorf("authenticators %q, want %q", got, want)
	}
	a.Groups, a.Roles, a.Credentials, a.RequiredActions, a.Attributes = nil, nil, nil, nil, nil
	want := bridge.Account{ID: id, Username: name, Name: "Given Family", Enabled: true, Email: email, EmailVerified: true}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("account %+v, want %+v", a, want)
	}
}

// staff is a group that policies could name.
const staff = "kcsuite-staff"

// Groups that policies name are seen, and told from those that are not there; seeing a group brings nobody into reach. INV-6
func policyGroups(t *testing.T, w *world) {
	id, _ := w.person(t, Person{Groups: []string{staff}})
	outside, _ := w.person(t, Person{Groups: []string{staff}, Outside: true})
	if a := w.account(t, id); !slices.Contains(a.Groups, "/"+staff) || !slices.Contains(a.Groups, w.facts.Config.AllowedGroup) {
		t.Errorf("groups %q", a.Groups)
	}
	hidden, untold, err := w.client.HiddenGroups(t.Context(), []string{w.facts.Config.AllowedGroup, "/" + staff, "/kcsuite-nowhere", "/" + staff + "/below"})
	if w.facts.AnyJoins { // what was looked for before, Keycloak finds in its memory
		hidden = slices.DeleteFunc(untold, func(path string) bool { return path == "/"+staff })
	}
	if err != nil || !slices.Equal(hidden, []string{"/kcsuite-nowhere", "/" + staff + "/below"}) || !w.facts.AnyJoins && len(untold) > 0 {
		t.Errorf("hidden %q, untold %q, %v", hidden, untold, err)
	}
	_, err = w.client.ByID(t.Context(), outside)
	wantCode(t, "a member of a group that is seen", err, bridge.CodeGone)
}

// Whoever holds a right over the realm is seen, whichever way it came: as a role of the client, for no realm role need say so. POL-06, WB-08
func administrators(t *testing.T, w *world) {
	for _, way := range []Way{ByRole, ByGroup, ByComposite, ""} {
		id, _ := w.person(t, Person{Administrator: way})
		if a := w.account(t, id); a.Administrator != (way != "") {
			t.Errorf("by %q: administrator %v", way, a.Administrator)
		}
	}
}

func rawName(t *testing.T) string {
	t.Helper()
	return bridge.NewReference()
}

// Nobody, somebody out of reach, and what cannot be an id look alike, and never like a failure. Only a swap tells somebody who is gone from
// somebody who is out of reach for now, where Keycloak does.
func gone(t *testing.T, w *world) {
	outside, _ := w.person(t, Person{Outside: true})
	for _, id := range []string{"", ".", "..", "../users", "count", bridge.NewUUID(), outside} {
		_, err := w.client.ByID(t.Context(), id)
		wantCode(t, "ByID("+id+")", err, bridge.CodeGone)
		_, err = w.client.Credentials(t.Context(), id)
		if code := bridge.CodeOf(err); code != bridge.CodeGone && code != bridge.CodeRefusedByAccount {
			t.Errorf("Credentials(%q): %v", id, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.client.ByID(ended, outside)
	wantCode(t, "a call that was given up", err, bridge.CodeKeycloakAway)
}

// What Keycloak would ask for at the password-only sign-in is seen before. OIDC-19
func obstacles(t *testing.T, w *world) {
	for _, action := range []string{"CONFIGURE_TOTP", "UPDATE_PASSWORD", "UPDATE_PROFILE", "VERIFY_EMAIL"} {
		id, _ := w.person(t, Person{RequiredActions: []string{action}})
		if a := w.account(t, id); !slices.Equal(a.RequiredActions, []string{action}) {
			t.Errorf("required actions %q, want %q", a.RequiredActions, action)
		}
	}
	id, _ := w.person(t, Person{Disabled: true})
	if w.account(t, id).Enabled {
		t.Error("a disabled account looks enabled")
	}
	id, _ = w.person(t, Person{NoFamilyName: true})
	if a := w.account(t, id); !a.ProfileGap || a.Name != "Given" {
		t.Errorf("without a family name: gap %v, name %q, want a gap", a.ProfileGap, a.Name)
	}
}

// A gap is seen exactly when Keycloak would show the profile page, with the whole profile to be edited, behind the password alone. OIDC-19
func profileGap(t *testing.T, w *world) {
	w.profileGaps(t, map[string]gapCase{
		"required of users who may edit it":   {Attribute{EditBy: []string{"admin", "user"}, RequiredOf: []string{"user"}}, true},
		"required of administrators":          {Attribute{EditBy: []string{"admin", "user"}, RequiredOf: []string{"admin"}}, false},
		"required of nobody, edited by users": {Attribute{EditBy: []string{"admin", "user"}}, false},
	})
}

// gapCase is an attribute that the person does not have, and whether that is a gap.
type gapCase struct {
	attribute Attribute
	gap       bool
}

func (w *world) profileGaps(t *testing.T, cases map[string]gapCase) {
	t.Helper()
	id, name := w.person(t, Person{})
	t.Cleanup(func() { w.SetAttribute(t, Attribute{Name: "kcsuiteGap", EditBy: []string{"admin", "user"}}) })
	g := w.gate(t)
	for what, a := range cases {
		a.attribute.Name = "kcsuiteGap"
		w.SetAttribute(t, a.attribute)
		w.renew(t)
		if got := w.account(t, id); got.ProfileGap != a.gap {
			t.Errorf("%s: gap %v, want %v", what, got.ProfileGap, a.gap)
		}
		_, err := g.Open(t.Context(), id)
		must(t, err)
		b := w.login(t, name, "openid "+w.facts.Scope, nil, nil)
		if asked := b.Page() == "login-login-update-profile"; asked != a.gap {
			t.Errorf("%s: page %q, want the profile asked for: %v", what, b.Page(), a.gap)
		}
	}
	must(t, g.Shut(t.Context(), id))
}

// Wrong passwords lock an account, and that is seen; reading clears nothing. WB-08
func lock(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	for range 5 {
		if in, _ := w.portal(t, name, "wrong", nil); in {
			t.Fatal("a wrong password was taken")
		}
	}
	for range 2 {
		if a := w.account(t, id); !a.Locked || !a.Enabled {
			t.Errorf("after five wrong passwords: locked %v, enabled %v, want both", a.Locked, a.Enabled)
		}
	}
}

// History counts wrong second factors at any application, not wrong passwords. OIDC-21
func history(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	start := w.facts.Now().Add(-time.Minute)
	if in, _ := w.portal(t, name, "wrong", nil); in {
		t.Fatal("a wrong password was taken")
	}
	for range 2 {
		w.wrongCode(t, id, name)
	}
	h, err := w.client.History(t.Context(), id, start)
	must(t, err)
	if h.WrongCodes != 2 || !h.AddressChanged.IsZero() || !h.PasswordReset.IsZero() {
		t.Errorf("history %+v, want two wrong codes and nothing else", h)
	}
	h, err = w.client.History(t.Context(), id, w.facts.Now().Add(time.Minute))
	if err != nil || h.WrongCodes != 0 {
		t.Errorf("history since later: %+v, %v, want none", h, err)
	}
	other, _ := w.person(t, Person{})
	h, err = w.client.History(t.Context(), other, start)
	if err != nil || h.WrongCodes != 0 {
		t.Errorf("history of somebody else: %+v, %v, want none", h, err)
	}
	_, err = w.client.History(t.Context(), "", start)
	wantCode(t, "history of nobody", err, bridge.CodeGone)
}

// wrongCode types a wrong code in a fresh browser, more than a second after the last failure: two within one second lock the account.
func (w *world) wrongCode(t *testing.T, id, name string) {
	t.Helper()
	for last := w.facts.Now(); w.facts.Now().Sub(last) < 2500*time.Millisecond; { // Keycloak counts a little later than it answers
		if w.account(t, id).Locked {
			t.Fatal("the account is locked")
		}
	}
	if in, _ := w.portal(t, name, Password(name), func() string { return "000000" }); in {
		t.Fatal("a wrong code was taken")
	}
}
