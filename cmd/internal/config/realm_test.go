package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/realm"
)

// Issue 6: all that a safe realm depends on stands in the configuration.
func TestConfigurationSaysWhatTheRealmMustHave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, faults := s.load(s.text)
	if faults != nil {
		t.Fatal(faults)
	}
	got := c.WantedRealm()
	if got.AdminKeys == "" || got.AdminKeys == string(c.SignIn.Auth.Keys.PublicJWKS()) {
		t.Errorf("admin client's keys: %q", got.AdminKeys)
	}
	got.AdminKeys = ""
	want := realm.Wanted{
		Realm: "campus", BaseURL: "https://otp.example.ac.jp", LoginClient: "otpbridge-login", RecoveryScope: "otp-recovery", FullACR: "mfa",
		AdminClient: "otpbridge-admin", GateGroup: "7c0e6a2e-3f0b-4a55-9d43-52c1a6a3d0b1", AllowedGroup: "/otp-recoverable",
		PolicyGroups: []string{"/staff"}, ConsoleRoles: []string{"otp-helpdesk", "otp-auditor"}, Languages: []string{"ja", "en"},
		Deciding: []realm.Deciding{{Name: "notificationEmail", Address: true}, {Name: "notificationEmailConfirmed", Several: true}, {Name: "phone"}, {Name: "department"}, {Name: "room"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for address, want := range map[string]string{
		got.Callback(): "https://otp.example.ac.jp/oidc/callback", got.BackChannel(): "https://otp.example.ac.jp/oidc/backchannel-logout",
		got.JWKSURL(): "https://otp.example.ac.jp/.well-known/jwks.json",
	} {
		if address != want {
			t.Errorf("%s, want %s", address, want)
		}
	}
}

// WB-14, TOK-14: where password mails go decides which address gets no link.
func TestAttributeOfPasswordMailsDecides(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, faults := s.load(strings.Replace(s.text, "password_reset: none", "password_reset: mail:email", 1))
	if faults != nil {
		t.Fatal(faults)
	}
	if got := c.WantedRealm().Deciding; !slices.Contains(got, realm.Deciding{Name: "email"}) {
		t.Errorf("deciding: %+v", got)
	}
}
