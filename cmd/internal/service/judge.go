package service

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"otpbridge/bridge"
)

// maxOffset is how far our clock and Keycloak's may be apart: codes are judged by both.
const maxOffset = 30 * time.Second

// judge looks at what the realm asks of new authenticators and at its clock. An error says that nobody can be served (ENR-02).
func (s *service) judge(ctx context.Context) error {
	facts, err := s.kc.Settings(ctx)
	if err != nil {
		return err
	}
	warning, err := judgeOTP(facts)
	if warning != "" {
		s.log.WarnContext(ctx, "OTP policy", "finding", warning)
	}
	s.judgeClock(ctx, s.kc.Offset())
	return err
}

// judgeServer refuses a Keycloak that is too old. Its version is shown to every account by old ones, and known from the configuration of others.
// What it stands in is the longest answer of all, so nothing waits for it.
func (s *service) judgeServer(ctx context.Context) error {
	version, err := s.kc.Version(ctx)
	if err != nil {
		return err
	}
	note, err := judgeRelease(version)
	if note != "" {
		s.log.InfoContext(ctx, "Keycloak", "finding", note)
	}
	return err
}

// judgeRelease says whether a release of Keycloak is recent enough; one that is not known is believed to be.
func judgeRelease(version string) (note string, err error) {
	switch r := bridge.ParseRelease(version); {
	case version == "":
		return "", nil
	case r.Before(bridge.Oldest):
		return "", fmt.Errorf("Keycloak %s is too old: the sign-in rests on what came with %s; upgrade it", version, bridge.Oldest)
	case bridge.Newest.Before(r):
		return fmt.Sprintf("Keycloak %s is newer than any that this program was tried with, which ends at %s", version, bridge.Newest), nil
	}
	return "", nil
}

// judgeOTP says whether new authenticators can be made for the realm's policy, and warns of one that some apps do not follow.
func judgeOTP(f bridge.RealmFacts) (warning string, err error) {
	if err := f.Served(); err != nil {
		return "", err
	}
	if !f.OTP.Common() {
		return "the realm's OTP policy is not SHA1, 6 digits, 30 s: Google Authenticator and Microsoft Authenticator, in some versions, ignore " +
			"another algorithm, number of digits or period and show wrong codes", nil
	}
	return "", nil
}

// judgeClock raises the alarm when the clocks are too far apart (ENR-12).
func (s *service) judgeClock(ctx context.Context, offset time.Duration) {
	if offset.Abs() <= maxOffset {
		return
	}
	s.log.ErrorContext(ctx, "our clock and Keycloak's are too far apart", "ahead", offset.String())
	e := bridge.AuditEvent{
		Event: "alarm.clock_off", Outcome: "failed", Actor: "system", Detail: map[string]string{"seconds": strconv.Itoa(int(offset.Seconds()))},
	}
	if err := s.counted.Record(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "audit event lost", "event", e.Event, "err", err)
	}
}
