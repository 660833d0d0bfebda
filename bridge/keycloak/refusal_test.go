package keycloak_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// The fields that Keycloak names are handed on, of one fault or several. SWAP-07
func TestRefusalNamesTheField(t *testing.T) {
	for body, want := range map[string]string{
		`{"field":"email","errorMessage":"error-user-attribute-required","params":["email"]}`:                "email",
		`{"errors":[{"field":"email","errorMessage":"error-x"},{"field":"phone","errorMessage":"error-y"}]}`: "email, phone",
	} {
		e := newEvil(t, says(400, body))
		err := e.client(t, newClock()).Do(t.Context(), "person", bridge.Action{Kind: bridge.ActionAdd, New: &newOTP})
		fault, ok := err.(*bridge.Error) //nolint:errorlint // returned as it is
		if !ok || fault.Code != bridge.CodeRefusedByAccount || fault.Field != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// A refusal that is not Keycloak's own, or is about a realm that it has not, says nothing about a person: it is as if Keycloak were away. OIDC-24, WB-05
func TestAnothersRefusalSaysNothing(t *testing.T) {
	t.Parallel()
	for body, ours := range map[string]bool{
		`{"error":"User not found"}`: true, `{"errorMessage":"no"}`: true, `{"field":"email"}`: true,
		"": false, `{}`: false, `[]`: false, `"error"`: false, "404 page not found": false, "<html>404</html>": false, `{"error":"Realm not found."}`: false,
		`{"message":"no Route matched with those values"}`: false,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			for status, code := range map[int]bridge.Code{400: bridge.CodeRefusedByAccount, 403: bridge.CodeRefusedByAccount, 404: bridge.CodeGone} {
				if !ours {
					code = bridge.CodeKeycloakAway
				}
				c := newEvil(t, says(status, body)).client(t, newClock())
				wantCode(t, fmt.Sprint("a change, ", status), c.Do(t.Context(), "person", bridge.Action{Kind: bridge.ActionEndSessions}), code)
				if status == http.StatusNotFound {
					_, err := c.Credentials(t.Context(), "person")
					wantCode(t, "credentials", err, code)
					_, err = c.ByID(t.Context(), "person")
					wantCode(t, "person", err, code)
					continue
				}
				var told interface{ HTTPStatus() int }
				err := keycloak.RealmCalls{Client: c}.Do(t.Context(), "GET /roles", nil, nil)
				if want := map[bool]int{true: status}[ours]; !errors.As(err, &told) || told.HTTPStatus() != want {
					t.Errorf("whoever reads the realm is told %v, want %d", err, want)
				}
			}
		})
	}
}
