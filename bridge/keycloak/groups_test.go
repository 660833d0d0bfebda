package keycloak_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
)

// INV-6: a group that cannot be seen is told from one that can, and neither from a server that does not answer.
func TestHiddenGroupsAreFound(t *testing.T) {
	t.Parallel()
	p := newPlace()
	p.hook(func(call string) *http.Response {
		switch call {
		case "GET /group-by-path/staff/law%20school":
			return answer(http.StatusOK, map[string]any{"path": "/staff/law school"})
		case "GET /group-by-path/Staff":
			return answer(http.StatusOK, map[string]any{"path": "/staff"})
		case "GET /group-by-path/it":
			return answer(http.StatusForbidden, map[string]any{"error": "HTTP 403 Forbidden"})
		}
		return nil
	}, nil)
	client := newClient(t, p, newClock())
	got, err := client.HiddenGroups(t.Context(), []string{"/otp-recoverable", "/staff/law school", "/Staff", "/it", "/gone"})
	must(t, err)
	if d := cmp.Diff([]string{"/Staff", "/it", "/gone"}, got); d != "" {
		t.Error(d)
	}
	p.hook(func(string) *http.Response { return answer(http.StatusInternalServerError, nil) }, nil)
	_, err = client.HiddenGroups(t.Context(), []string{"/it"})
	wantCode(t, "a server that fails", err, bridge.CodeKeycloakAway)
}
