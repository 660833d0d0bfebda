package kcsuite

import (
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// The realm's policy and switches are read as they are. ENR-02
func realmFacts(t *testing.T, w *world) {
	f, err := w.client.Realm(t.Context())
	must(t, err)
	if f.OTP != (bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}) || f.HOTP || !f.EventsSaved || !f.EmailLogin {
		t.Errorf("realm: %+v", f)
	}
	must(t, keycloak.ServedPolicy(f))
	t.Run("counter-based policy", func(t *testing.T) {
		counting := otpFields(plainPolicy())
		counting["otpPolicyType"] = "hotp"
		w.setRealm(t, counting, otpFields(plainPolicy()))
		f, err := w.client.Realm(t.Context())
		if err != nil || !f.HOTP {
			t.Fatalf("%+v, %v, want HOTP", f, err)
		}
		wantCode(t, "HOTP", keycloak.ServedPolicy(f), bridge.CodeOTPPolicy)
	})
	t.Run("events off", func(t *testing.T) {
		w.setRealm(t, map[string]any{"eventsEnabled": false}, map[string]any{"eventsEnabled": true})
		if f, err := w.client.Realm(t.Context()); err != nil || f.EventsSaved {
			t.Errorf("%+v, %v, want events not saved", f, err)
		}
	})
	t.Run("some types not saved", func(t *testing.T) {
		for _, missing := range []string{"", "LOGIN_ERROR", "UPDATE_EMAIL"} {
			types := slices.DeleteFunc(keycloak.EventTypes(), func(name string) bool { return name == missing })
			w.setRealm(t, map[string]any{"enabledEventTypes": types}, map[string]any{"enabledEventTypes": []string{}})
			if f, err := w.client.Realm(t.Context()); err != nil || f.EventsSaved != (missing == "") {
				t.Errorf("without %q: %+v, %v", missing, f, err)
			}
		}
	})
}

// An attribute decides only where nobody but administrators can edit it. WB-14
func profilePermissions(t *testing.T, w *world) {
	w.SetAttribute(t, Attribute{Name: "kcsuiteAdmin", EditBy: []string{"admin"}})
	w.SetAttribute(t, Attribute{Name: "kcsuiteOpen", EditBy: []string{"admin", "user"}})
	f, err := w.client.Realm(t.Context())
	must(t, err)
	for name, want := range map[string]bool{"kcsuiteAdmin": true, "kcsuiteOpen": false, "kcsuiteUnknown": false, "email": false} {
		if f.AdminOnly[name] != want {
			t.Errorf("AdminOnly[%s] = %v, want %v", name, f.AdminOnly[name], want)
		}
	}
	if !f.UserEmail {
		t.Error("people may edit their address in this realm, but the facts say no")
	}
	w.SetAttribute(t, Attribute{Name: "kcsuiteAdmin", EditBy: []string{"admin", "user"}})
	w.renew(t)
	if f, err = w.client.Realm(t.Context()); err != nil || f.AdminOnly["kcsuiteAdmin"] {
		t.Errorf("after the attribute was opened: %v, %v, want not admin-only", f.AdminOnly["kcsuiteAdmin"], err)
	}
}
