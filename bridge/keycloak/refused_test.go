package keycloak_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// turnstile answers at the token endpoint of one realm, and lets everything else through.
type turnstile struct {
	*place

	realm string
	said  func() *http.Response
	asked int
}

func (s *turnstile) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/realms/"+s.realm+"/protocol/openid-connect/token" {
		s.asked++
		return s.said(), nil
	}
	return s.place.RoundTrip(req)
}

func refusal(status int, code string) func() *http.Response {
	return func() *http.Response {
		return answer(status, map[string]any{"error": code, "error_description": "Invalid client credentials of somebody"})
	}
}

// Issue 6: a token that Keycloak refuses is a finding, with Keycloak's code; every other check says that it waits for that, and nothing says that Keycloak is
// away. What stands before a Keycloak that is away refuses nothing.
func TestRefusedTokenIsAFinding(t *testing.T) {
	for name, x := range map[string]struct {
		said   func() *http.Response
		reason string // "": no refusal
	}{
		"wrong key":         {refusal(http.StatusBadRequest, "invalid_client"), "invalid_client"},
		"wrong client":      {refusal(http.StatusUnauthorized, "invalid_client"), "invalid_client"},
		"no account":        {refusal(http.StatusUnauthorized, "unauthorized_client"), "unauthorized_client"},
		"plain http":        {refusal(http.StatusForbidden, "invalid_request"), "invalid_request"},
		"another realm":     {refusal(http.StatusNotFound, "Realm does not exist"), "HTTP 404"},
		"a proxy's page":    {func() *http.Response { return answer(http.StatusNotFound, "nothing here") }, ""},
		"without a reason":  {func() *http.Response { return answer(http.StatusForbidden, map[string]any{}) }, ""},
		"busy":              {refusal(http.StatusTooManyRequests, "slow_down"), ""},
		"a fault":           {refusal(http.StatusInternalServerError, "server_error"), ""},
		"unavailable":       {refusal(http.StatusServiceUnavailable, "temporarily_unavailable"), ""},
		"a page of success": {func() *http.Response { return answer(http.StatusOK, "welcome") }, ""},
	} {
		t.Log(name)
		synctest.Test(t, func(t *testing.T) {
			gate := &turnstile{place: newPlace(), realm: "campus", said: x.said}
			c := newClient(t, gate, newClock())
			for _, one := range c.Checks(keycloak.Asked{GateGroup: "gate", PolicyGroups: []string{"/staff"}}) {
				if one.Name == "applications" { // which nobody can look at
					continue
				}
				found, err := one.Run(t.Context())
				if one.Name == "service-account" && x.reason != "" {
					if err != nil || len(found) != 1 || found[0].ID != bridge.FindAdminRefused || found[0].Object != "otpbridge-admin" || found[0].Values["code"] != x.reason {
						t.Errorf("found %+v, %v", found, err)
					}
					continue
				}
				mustWaitForAToken(t, one.Name, found, err, x.reason)
			}
			asked := gate.asked
			_, err := c.Settings(t.Context())
			wantCode(t, "read the realm", err, bridge.CodeKeycloakAway)
			if once := gate.asked == asked+1; x.reason != "" && !once {
				t.Error("a refusal was asked for again")
			}
			if said := "Keycloak refuses the token of the service account: " + x.reason; x.reason != "" && (!strings.HasSuffix(err.Error(), said) || strings.Contains(err.Error(), "away")) {
				t.Errorf("says %q", err)
			}
		})
	}
}

// mustWaitForAToken wants a check that found nothing, for want of a token.
func mustWaitForAToken(t *testing.T, name string, found []bridge.Finding, err error, reason string) {
	t.Helper()
	want := bridge.Unchecked{Why: bridge.UncheckedRefused, Needs: "otpbridge-admin: " + reason}
	if reason == "" {
		want = bridge.Unchecked{Why: bridge.UncheckedAnswer}
	}
	u := bridge.UncheckedFrom(err)
	if len(found) > 0 || u == nil || u.Why != want.Why || u.Needs != want.Needs {
		t.Errorf("%s: found %+v, %v", name, found, err)
	}
	if err != nil && strings.Contains(err.Error(), "somebody") {
		t.Errorf("%s: says Keycloak's own words: %v", name, err)
	}
}

// Issue 6: the client of an administrator may be one of another realm; what is wrong with it is another finding.
func TestAdministratorsTokenIsItsOwnRealms(t *testing.T) {
	clock := newClock()
	elsewhere := &turnstile{place: newPlace(), realm: "master"}
	config := clientConfig(elsewhere, clock)
	config.ClientID, config.Administrator, config.TokenRealm = "preparer", true, "master"
	admin, err := keycloak.New(config)
	must(t, err)
	checks := newClient(t, newPlace(), clock).Checks(keycloak.Asked{GateGroup: "gate", Administrator: admin})
	check := checks[slices.IndexFunc(checks, func(c bridge.Check) bool { return c.Name == "administrator" })]
	elsewhere.said = refusal(http.StatusUnauthorized, "invalid_client")
	found, err := check.Run(t.Context())
	if err != nil || len(found) != 1 || found[0].ID != bridge.FindAdministratorRefused || found[0].Object != "preparer" || found[0].Values["realm"] != "master" {
		t.Errorf("refused: found %+v, %v", found, err)
	}
	elsewhere.said = func() *http.Response {
		return answer(http.StatusOK, map[string]any{"access_token": elsewhere.token(), "expires_in": 300})
	}
	if found, err = check.Run(t.Context()); err != nil || len(found) > 0 || elsewhere.asked != 2 {
		t.Errorf("given: found %+v, %v, asked %d times", found, err, elsewhere.asked)
	}
}
