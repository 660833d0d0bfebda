package web_test

import (
	"context"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// says answers in place of Keycloak while it has something to say.
type says struct {
	bridge.SwapTarget

	code bridge.Code
}

func (s *says) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	if s.code != "" {
		return nil, bridge.Fault(s.code, "says", nil)
	}
	return s.SwapTarget.Credentials(ctx, person)
}

func (s *says) Do(ctx context.Context, person string, a bridge.Action) error {
	if s.code != "" {
		return bridge.Fault(s.code, "says", nil)
	}
	return s.SwapTarget.Do(ctx, person, a)
}

// matter is what goes on with an account: look goes on, ended says that it counts as one of an account that was deleted.
type matter func(t *testing.T, c *campus.Campus) (look func(), ended func() bool)

func lockedMatter(t *testing.T, c *campus.Campus) (look func(), ended func() bool) {
	_, id := lockedBy(t, c, "somebody")
	return func() { _, _ = c.Flow.RunWatch(t.Context(), id) }, func() bool {
		w, err := c.Flow.Watches.Get(t.Context(), id)
		return err != nil || !w.Over.IsZero()
	}
}

// SWAP-07, INV-6: whatever it is about, an account counts as deleted when 404 has lasted for an hour from the first one on; whatever else Keycloak answers, or does
// not answer, begins that hour anew.
func TestWhateverComesInBetweenBeginsTheHourAnew(t *testing.T) {
	t.Parallel()
	const gone, away, refused = bridge.CodeGone, bridge.CodeKeycloakAway, bridge.CodeRefusedByAccount
	for name, of := range map[string]matter{"a lock": lockedMatter} {
		for between, codes := range map[string][]bridge.Code{
			"after an outage": {away, away, away, gone}, "away": {gone, away, away, gone}, "refused": {gone, refused, refused, gone}, "lasting": {gone, gone, gone, gone},
		} {
			t.Run(name+", "+between, func(t *testing.T) {
				t.Parallel()
				c := campus.OpenDesk(t)
				look, ended := of(t, c)
				keycloak := &says{c.Flow.Target, ""}
				c.Flow.Target = keycloak
				for n, code := range codes {
					c.Clock.Add(25 * time.Minute)
					keycloak.code = code
					look()
					if want := between == "lasting" && n == len(codes)-1; ended() != want {
						t.Fatalf("look %d: ended %t", n, ended())
					}
				}
			})
		}
	}
}
