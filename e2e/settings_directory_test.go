package e2e_test

import (
	"slices"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// WB-14, TOK-12: the notification address of somebody in a directory that Keycloak only reads comes from there: another one is refused before any mail, and nothing is changed
// at the person or in the directory. Where Keycloak keeps changes for itself (UNSYNCED) one is added, and the directory is not written either.
func TestJourneySettingsOfADirectory(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	ldap := rig.NewDirectory(t, "lena")
	ldap.Federate(s.campus.Realm, false, "lena")
	s.keycloak("PUT "+s.path("lena"), map[string]any{"credentials": []any{credential("otp", "phone", map[string]any{"value": realm.Secret("lena")}, map[string]any{
		"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1", "secretEncoding": "BASE32",
	})}}, nil)
	entries, before := ldap.Text(), s.rest("lena")
	o, phone := s.owner(rig.Look{Language: "en"}), rig.NewPhone(t, realm.Secret("lena"))
	o.enters("lena", phone)
	o.page.See(o.say["address.error.fixed"]).Screenshot("settings-directory")
	o.page.Go(s.bridge.URL+"/settings/address").Fill("address", "lena@example.org").Click(o.say["address.add.submit"]).See(o.say["address.error.fixed"]).MustBeAccessible()
	s.unchanged("lena", before)
	if got := ldap.Text(); got != entries {
		t.Errorf("the directory was\n%s\nand is\n%s", entries, got)
	}
	ldap.Unsynced(s.campus.Realm)
	o.page.Go(s.bridge.URL + "/settings").Click(o.say["settings.address.add"])
	o.page.Fill("address", "lena..x@example.org").Click(o.say["address.add.submit"]).See(o.say["address.error.dots"])
	o.page.Fill("address", "lena@example.org").Click(o.say["address.add.submit"]).See(o.say["address.sent.title"])
	o.page.Fill("code", s.confirmation("lena@example.org", 1)).Click(o.say["address.confirm"]).SeeURL(s.bridge.URL + "/settings")
	s.bridge.MustHaveLogged(t, "address.added")
	if got := s.attributes("lena")["notificationEmail"]; !slices.Equal(got, []string{"lena@example.net", "lena@example.org"}) {
		t.Errorf("addresses %q", got)
	}
	if got := ldap.Text(); got != entries {
		t.Errorf("the directory was\n%s\nand is\n%s", entries, got)
	}
	if !s.opensPortal("lena", phone) {
		t.Error("the authenticator does not open the portal")
	}
}
