package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// prepared is a realm as Keycloak makes it, with one administrator, that takes no change.
type prepared struct {
	administrator string // as JSON; "": there is none
	credentials   string
	changes       atomic.Int64
}

// ServeHTTP implements http.Handler.
func (p *prepared) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := strings.HasSuffix(r.URL.Path, "/token")
	if r.Method != http.MethodGet && !token {
		p.changes.Add(1)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	holders := "[]"
	if p.administrator != "" {
		holders = `[{"id":"ada"}]`
	}
	answer, ok := map[string]string{
		"":                                    `{"realm":"campus","browserFlow":"browser","firstBrokerLoginFlow":"first broker login","directGrantFlow":"direct grant"}`,
		"/clients":                            `[{"id":"rm","clientId":"realm-management"}]`,
		"/clients/rm/roles":                   `[{"id":"realm-admin","name":"realm-admin"}]`,
		"/clients/rm/roles/realm-admin/users": holders,
		"/users/ada":                          p.administrator,
		"/users/ada/credentials":              p.credentials,
		"/client-scopes":                      `[{"id":"1","name":"acr"},{"id":"2","name":"basic"},{"id":"3","name":"profile"},{"id":"4","name":"email"},{"id":"5","name":"roles"}]`,
		"/authentication/flows":               `[{"id":"b","alias":"browser","providerId":"basic-flow","builtIn":true}]`,
		"/authentication/flows/browser/executions": `[
			{"id":"1","requirement":"ALTERNATIVE","providerId":"auth-cookie","level":0},
			{"id":"2","requirement":"ALTERNATIVE","displayName":"forms","authenticationFlow":true,"flowId":"f","level":0},
			{"id":"3","requirement":"REQUIRED","providerId":"auth-username-password-form","level":1},
			{"id":"4","requirement":"CONDITIONAL","displayName":"2fa","authenticationFlow":true,"flowId":"g","level":1},
			{"id":"5","requirement":"REQUIRED","providerId":"conditional-user-configured","level":2},
			{"id":"6","requirement":"REQUIRED","providerId":"auth-otp-form","level":2}]`,
		"/authentication/authenticator-providers": `[{"id":"conditional-client-scope"}]`,
		"/users/profile":            `{"attributes":[{"name":"username"},{"name":"email"}]}`,
		"/client-policies/profiles": `{"profiles":[]}`,
		"/client-policies/policies": `{"policies":[]}`,
		"/localization/en":          `{}`,
	}[strings.TrimPrefix(r.URL.Path, "/admin/realms/campus")]
	switch {
	case token:
		answer = `{"access_token":"a","expires_in":300}`
	case r.URL.Path == "/admin/serverinfo":
		answer = `{"systemInfo":{"version":"26.7.4"}}`
	case strings.Contains(r.URL.Path, "/group-by-path/") || strings.Contains(r.URL.Path, "/groups/"):
		w.WriteHeader(http.StatusNotFound)
	case !ok:
		answer = "[]"
	}
	_, _ = io.WriteString(w, answer) // it went away
}

// Issue 6: apply changes nothing when no administrator of the realm would get in afterwards, and says who they are; it goes on with the flag that says so, where
// one of them has a second factor, and where administrators sign in at another realm.
func TestApplyRefusesToLockAdministratorsOut(t *testing.T) {
	t.Parallel()
	const on, off, flag = `{"username":"ada","enabled":true}`, `{"username":"ada","enabled":false}`, "--without-administrator-second-factor"
	const password, otp = `[{"type":"password"}]`, `[{"type":"password"},{"type":"otp"}]`
	for name, tc := range map[string]struct {
		administrator, credentials string
		flags                      []string
		refused                    bool
	}{
		"a password alone":            {on, password, nil, true},
		"an OTP, disabled":            {off, otp, nil, true},
		"an OTP":                      {on, otp, nil, false},
		"nobody of this realm":        {"", "[]", nil, false},
		"a password alone, told so":   {on, password, []string{flag}, false},
		"an OTP, disabled, told so":   {off, otp, []string{flag}, false},
		"another factor, nobody asks": {on, `[{"type":"password"},{"type":"webauthn"}]`, nil, true},
	} {
		p := &prepared{administrator: tc.administrator, credentials: tc.credentials}
		kc := httptest.NewServer(p)
		e, secret := newPlanned(t, kc.URL)
		args := append([]string{
			"realm", "apply", "-c", e.config, "--admin-client", "preparer", "--admin-secret-file", secret, "--undo-file", filepath.Join(t.TempDir(), "undo"), "--format", "json",
		}, tc.flags...)
		code, out, messages := e.run(args...)
		kc.Close()
		var said struct {
			Obstacles []struct{ Kind, What string }
		}
		if err := json.Unmarshal([]byte(out), &said); err != nil {
			t.Fatalf("%s: %v\n%s%s", name, err, out, messages)
		}
		named := len(said.Obstacles) == 1 && said.Obstacles[0].Kind == "administrators" && said.Obstacles[0].What == "ada"
		if code != exitFailed || named != tc.refused || len(said.Obstacles) > 0 != tc.refused || p.changes.Load() > 0 == tc.refused {
			t.Errorf("%s: exit %d, %d changes, obstacles %+v\n%s", name, code, p.changes.Load(), said.Obstacles, messages)
		}
	}
}
