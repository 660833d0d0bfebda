package service

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
)

// ENR-02: a policy that cannot be served is refused at the start, an unusual one is warned of by the names of the apps that ignore it.
func TestTheOTPPolicyIsJudgedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		facts        bridge.RealmFacts
		served, warn bool
	}{
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}}, true, false},
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA256", Digits: 6, Period: 30}}, true, true},
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 8, Period: 30}}, true, true},
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 60}}, true, true},
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 45}}, false, false},
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "MD5", Digits: 6, Period: 30}}, false, false},
		{bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}, HOTP: true}, false, false},
	} {
		warning, err := judgeOTP(test.facts)
		if (err == nil) != test.served || strings.Contains(warning, "Google Authenticator") != test.warn {
			t.Errorf("%+v: %q, %v", test.facts, warning, err)
		}
	}
}

// Issue 6: a Keycloak that is too old is refused at the start in so many words; one that is newer than any tried is noted, and one that is not
// known is served.
func TestAnOldKeycloakIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"": "", "26.4.0": "", "26.7.4": "", "26.3.5": "Keycloak 26.3.5 is too old", "25.0.0": "Keycloak 25.0.0 is too old", "26.9.1": "Keycloak 26.9.1 is newer",
	} {
		note, err := judgeRelease(version)
		if refused := strings.HasSuffix(want, "too old"); refused != (err != nil) {
			t.Errorf("%s: %v", version, err)
		} else if refused {
			note = err.Error()
		}
		if !strings.HasPrefix(note, want) || (note == "") != (want == "") {
			t.Errorf("%s: %q", version, note)
		}
	}
}

// ENR-12: clocks more than 30 s apart, either way, raise the alarm.
func TestClocksThatAreApartRaiseTheAlarm(t *testing.T) {
	t.Parallel()
	for offset, want := range map[time.Duration]string{
		0: "", 30 * time.Second: "", -30 * time.Second: "", 31 * time.Second: "31", -90 * time.Second: "-90",
	} {
		got := ""
		s := &service{log: slog.New(slog.DiscardHandler), counted: newCountedAudit(trail(func(e bridge.AuditEvent) error {
			got = e.Detail["seconds"]
			if e.Event != "alarm.clock_off" {
				t.Error(e.Event)
			}
			return nil
		}), metrics.NewSet(), time.Now)}
		s.judgeClock(t.Context(), offset)
		if got != want {
			t.Errorf("%v: %q, want %q", offset, got, want)
		}
	}
}
