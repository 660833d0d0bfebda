package service

import (
	"errors"
	"fmt"
	"testing"

	"otpbridge/bridge"
	"otpbridge/oidc"
)

// CLI-08: what people read has no codes of the log where a cause says more, and says everything else.
func TestACauseIsSaidWithoutCodes(t *testing.T) {
	t.Parallel()
	dial := errors.New("dial tcp 127.0.0.1:1: connection refused")
	for want, err := range map[string]error{
		"dial tcp 127.0.0.1:1: connection refused": dial,
		"Keycloak did not answer: read realm: read realm: token: dial tcp 127.0.0.1:1: connection refused": fmt.Errorf("Keycloak did not answer: %w",
			bridge.Fault(bridge.CodeKeycloakAway, "read realm", fmt.Errorf("read realm: token: %w", dial))),
		"store: open st/state.db: not a regular file":                 bridge.Fault(bridge.CodeStoreAway, "store: open st/state.db", errors.New("not a regular file")),
		"keys new --add: keys: oidc: read keys: it is no JSON object": fmt.Errorf("keys new --add: keys: %w", &oidc.Error{Code: oidc.CodeConfig, Op: "read keys", Err: errors.New("it is no JSON object")}),
		"a: b: c\nd":                   errors.Join(bridge.Fault(bridge.CodeStoreAway, "a", bridge.Fault(bridge.CodeAuditFull, "b", errors.New("c"))), errors.New("d")),
		"store: put job: store_away":   bridge.Fault(bridge.CodeStoreAway, "store: put job", nil),
		"oidc: look: metadata (other)": &oidc.Error{Code: "metadata", Op: "look", Provider: "other"},
	} {
		if got := Cause(err); got != want {
			t.Errorf("%q: says %q, want %q", err, got, want)
		}
	}
}
