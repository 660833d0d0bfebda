package realm_test

import (
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

func settingBreakings() []breaking {
	profile := func(change func(realm.Object)) func(*realm.State, *realm.Asked) {
		return func(s *realm.State, _ *realm.Asked) {
			all, _ := s.Profile["attributes"].([]any)
			for _, one := range all {
				if a, _ := one.(map[string]any); a["name"] == "notificationEmail" {
					change(a)
				}
			}
		}
	}
	return []breaking{
		{bridge.FindRealmTLS, set("sslRequired", "none")},
		{bridge.FindEventsOff, set("eventsEnabled", false)},
		{bridge.FindEventsTypes, set("enabledEventTypes", []any{"LOGIN"})},
		{bridge.FindEventsShort, set("eventsExpiration", 3600.0)},
		{bridge.FindEventsShort, set("eventsExpiration", 25*3600.0)},
		{bridge.FindEventsShort, func(s *realm.State, a *realm.Asked) {
			s.Settings["eventsExpiration"], a.LookBack = 4*24*3600.0, 7*24*time.Hour
		}},
		{bridge.FindEventsAdmin, set("adminEventsEnabled", false)},
		{bridge.FindEventsDetails, set("adminEventsDetailsEnabled", true)},
		{bridge.FindGuessingOff, set("bruteForceProtected", false)},
		{bridge.FindGuessingWeak, set("failureFactor", 100000.0)},
		{bridge.FindGuessingWeak, set("waitIncrementSeconds", 0.0)},
		{bridge.FindGuessingWeak, set("maxFailureWaitSeconds", 0.0)},
		{bridge.FindGuessingWeak, set("maxDeltaTimeSeconds", 0.0)},
		{bridge.FindOTPUnserved, set("otpPolicyType", "hotp")},
		{bridge.FindOTPUncommon, set("otpPolicyAlgorithm", "HmacSHA256")},
		{bridge.FindOTPUncommon, set("otpPolicyPeriod", 60.0)},
		{bridge.FindOTPReusable, set("otpPolicyCodeReusable", true)},
		{bridge.FindOTPLookAhead, set("otpPolicyLookAheadWindow", 3.0)},
		{bridge.FindProfileUnmanaged, func(s *realm.State, a *realm.Asked) {
			s.Profile["unmanagedAttributePolicy"], a.Deciding = "ENABLED", nil
		}},
		{bridge.FindProfileAddress, profile(func(a realm.Object) { a["permissions"] = map[string]any{"edit": []any{"admin", "user"}} })},
		{bridge.FindProfileDeciding, func(_ *realm.State, a *realm.Asked) {
			a.Deciding = append(a.Deciding, realm.Deciding{Name: "firstName"})
		}},
		{bridge.FindProfileMissing, func(_ *realm.State, a *realm.Asked) {
			a.Deciding = append(a.Deciding, realm.Deciding{Name: "notificationEmailConfirmed", Several: true})
		}},
		{bridge.FindProfileMissing, func(s *realm.State, a *realm.Asked) {
			s.Profile["unmanagedAttributePolicy"] = "ADMIN_EDIT"
			a.Deciding = append(a.Deciding, realm.Deciding{Name: "phoen"})
		}},
		{bridge.FindProfileMissing, func(_ *realm.State, a *realm.Asked) { a.Deciding[0].Name = "notificationEmial" }},
		{bridge.FindProfileDeciding, func(_ *realm.State, a *realm.Asked) {
			a.Deciding = append(a.Deciding, realm.Deciding{Name: "email"})
		}},
		{bridge.FindProfileEmail, func(_ *realm.State, a *realm.Asked) {
			a.Deciding = append(a.Deciding, realm.Deciding{Name: "email", Address: true})
		}},
		{bridge.FindGateMissing, func(_ *realm.State, a *realm.Asked) { a.GateGroup = "other" }},
		{bridge.FindGateRole, func(s *realm.State, _ *realm.Asked) { s.Group("/otp-recovery-open").RealmRoles = nil }},
		{bridge.FindGateDefault, set("defaultGroups", []any{"/otp-recovery-open"})},
		{bridge.FindGateDefault, set("defaultGroups", []any{"/otp-recovery-open/new"})},
		{bridge.FindGateSpread, func(s *realm.State, _ *realm.Asked) { s.Group("/otp-recovery-open").Below = 1 }},
		{bridge.FindAllowedDefault, set("defaultGroups", []any{"/otp-recoverable/students"})},
		{bridge.FindAllowedDefault, set("defaultGroups", []any{"/otp-recoverable"})},
		{bridge.FindAllowedMissing, func(_ *realm.State, a *realm.Asked) { a.AllowedGroup = "/other" }},
		{bridge.FindThemeMissing, set("loginTheme", "")},
		{bridge.FindThemeElsewhere, func(s *realm.State, _ *realm.Asked) {
			s.Texts["ja"] = map[string]string{"otpRecoveryUrl": "http://localhost:1/"}
		}},
	}
}
