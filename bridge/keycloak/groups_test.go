package keycloak_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
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
		case "GET /groups":
			return answer(http.StatusOK, []any{map[string]any{}, map[string]any{}, map[string]any{}})
		}
		return nil
	}, nil)
	client := newClient(t, p, newClock())
	got, untold, err := client.HiddenGroups(t.Context(), []string{"/otp-recoverable", "/staff/law school", "/Staff", "/it", "/gone"})
	must(t, err)
	if d := cmp.Diff([]string{"/Staff", "/it", "/gone"}, got); d != "" || len(untold) > 0 {
		t.Error(d, untold)
	}
	p.hook(func(string) *http.Response { return answer(http.StatusInternalServerError, nil) }, nil)
	_, _, err = client.HiddenGroups(t.Context(), []string{"/it"})
	wantCode(t, "a server that fails", err, bridge.CodeKeycloakAway)
}

// INV-6: before 26.7 an account that may view every group finds only those that it has a permission of their own for. What it may not view is hidden.
func TestGroupsThatKeycloakDoesNotFindAreUntold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		found          int // groups in a list
		allowed        int // the answer about the allowed group
		administrator  bool
		member         string // a group of the only person who is seen; "" = nobody is
		hidden, untold []string
	}{
		"finds few, may view all":     {2, http.StatusOK, false, "", []string{"/it"}, []string{"/gone"}},
		"finds few, may view those":   {2, http.StatusForbidden, false, "/otp-recoverable", []string{"/it", "/gone"}, nil},
		"finds one, may view all":     {1, http.StatusNotFound, false, "/otp-recoverable", []string{"/it"}, []string{"/gone"}},
		"finds one, members of below": {1, http.StatusNotFound, false, "/otp-recoverable/law", []string{"/it"}, []string{"/gone"}},
		"finds one, may view that":    {1, http.StatusNotFound, false, "/otp-recoverable-not", []string{"/it", "/gone"}, nil},
		"finds one, and sees nobody":  {1, http.StatusNotFound, false, "", []string{"/it", "/gone"}, nil},
		"finds all":                   {3, http.StatusOK, false, "", []string{"/it", "/gone"}, nil},
		"administrator":               {2, http.StatusOK, true, "", []string{"/it", "/gone"}, nil},
	} {
		p := newPlace()
		p.hook(func(call string) *http.Response {
			switch call {
			case "GET /group-by-path/it":
				return answer(http.StatusForbidden, nil)
			case "GET /group-by-path/otp-recoverable":
				return answer(tc.allowed, map[string]any{"path": "/otp-recoverable", "error": "unknown_error"})
			case "GET /groups":
				return answer(http.StatusOK, slices.Repeat([]any{map[string]any{}}, tc.found))
			case "GET /users":
				return answer(http.StatusOK, slices.Repeat([]any{map[string]any{"id": "p"}}, min(len(tc.member), 1)))
			case "GET /users/p/groups":
				return answer(http.StatusOK, []any{map[string]any{"path": tc.member}})
			}
			return nil
		}, nil)
		cfg := clientConfig(p, newClock())
		cfg.Administrator = tc.administrator
		client, err := keycloak.New(cfg)
		must(t, err)
		hidden, untold, err := client.HiddenGroups(t.Context(), []string{"/it", "/gone"})
		must(t, err)
		if d := cmp.Diff([][]string{tc.hidden, tc.untold}, [][]string{hidden, untold}); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
