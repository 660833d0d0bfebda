package campus_test

import (
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
)

// SWAP-03: a process stands still right before it sends the new credential, as on a machine that is put to sleep. Meanwhile another replica finishes the swap,
// and another recovery replaces that authenticator, which may be a stolen one by then: it does not come back.
func TestASleeperBringsNothingBack(t *testing.T) {
	t.Parallel()
	var s *swapper
	var id string
	slept := false
	flow, s, id := handmade(t, hooked{action: func(a bridge.Action) {
		if a.Kind == bridge.ActionAdd && !slept {
			slept = true
			s.advance(9*time.Second, 0)
			s.replaced(t, id)
		}
	}})
	if _, err := flow.RunSwap(t.Context(), id); bridge.CodeOf(err) != bridge.CodeKeycloakAway || !slept {
		t.Errorf("%v, slept %t", err, slept)
	}
	if got := s.otps(id); !slices.Equal(got, []string{"later"}) {
		t.Errorf("authenticators %v", got)
	}
	if next, err := flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() {
		t.Errorf("%v, %v", next, err)
	}
}

// replaced is what became of somebody's swap by other replicas: it is done, and so is another one since.
func (s *swapper) replaced(t *testing.T, id string) {
	t.Helper()
	_, err := s.flow.Recoveries.Update(t.Context(), id, time.Hour, func(old bridge.Recovery, _ bool) (bridge.Recovery, error) { return old.Finish(s.now()) })
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range s.otps(id) {
		if err := s.flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: old}); err != nil {
			t.Fatal(err)
		}
	}
	s.kc.AddCredential(id, fakekc.Credential{ID: "later", Type: bridge.TypeOTP, Label: "later", Created: s.idpNow(), Data: "{}", SecretData: "{}"})
}
