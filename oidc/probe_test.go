package oidc

import (
	"net/http"
	"testing"
)

// WB-11: a refusal counts only where the same provider admits a request as it should be; what refuses everything is no lock.
func TestRefusalOfEverythingIsNoLock(t *testing.T) {
	t.Parallel()
	forbid := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	page := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	ticket := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	}
	locked := func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Get("request_uri") == "" || query.Has("kc_action") {
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	for name, tc := range map[string]struct {
		push, authorize http.HandlerFunc
		want            Attempt
		fails           bool
	}{
		"the lock holds":         {nil, locked, Refused, false},
		"there is no lock":       {nil, page, Taken, false},
		"no lock, and Kerberos":  {nil, ticket, Taken, false},
		"the client is off":      {forbid, locked, Unclear, true},
		"something is between":   {nil, forbid, Unclear, true},
		"both refuse everything": {forbid, forbid, Unclear, true},
	} {
		op, rp, _ := setup(t)
		op.locked(func() { op.liePush, op.lieAuthorize = tc.push, tc.authorize })
		if err := rp.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := rp.AttemptUnpushed(t.Context()); got != tc.want || (err != nil) != tc.fails {
			t.Errorf("%s: not pushed: %s, %v", name, got, err)
		}
		if got, err := rp.AttemptExtra(t.Context()); got != tc.want || (err != nil) != tc.fails {
			t.Errorf("%s: something added: %s, %v", name, got, err)
		}
	}
}
