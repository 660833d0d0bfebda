package keycloak_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// busy is a Keycloak that needs eight seconds for what has this in its path, and none for the rest.
type busy string

func (b busy) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, string(b)) {
		select {
		case <-time.After(8 * time.Second):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: r,
		Body: io.NopCloser(bytes.NewReader([]byte(`{"access_token":"a.e30.c","expires_in":300}`))),
	}, nil
}

// A busy Keycloak gets the time it needs for what the guard reads: it would go on with it after we gave up, and be asked again on top. What people
// wait for keeps its limit, and so does the token, whatever call it is fetched for.
func TestOnlyWhatNobodyWaitsForMayTakeLonger(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		slow string
		call func(context.Context, *keycloak.Client) error
		took time.Duration
		late bool
	}{
		"the realm, for the guard": {"/admin/", func(ctx context.Context, c *keycloak.Client) error {
			return keycloak.RealmCalls{Client: c}.Do(ctx, "GET /roles", nil, nil)
		}, 8 * time.Second, false},
		"the realm, for a person": {"/admin/", func(ctx context.Context, c *keycloak.Client) error {
			_, err := c.Realm(ctx)
			return err
		}, 5 * time.Second, true},
		"a token": {"/token", func(ctx context.Context, c *keycloak.Client) error {
			return keycloak.RealmCalls{Client: c}.Do(ctx, "GET /roles", nil, nil)
		}, 5 * time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := keycloak.New(keycloak.Config{
				URL: "http://localhost", Realm: "campus", ClientID: "bridge", Secret: "secret", LoginClient: "login", AllowedGroup: "/people",
				Transport: busy(x.slow), Now: time.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err = x.call(t.Context(), c)
			if took := time.Since(began); took != x.took || errors.Is(err, context.DeadlineExceeded) != x.late || !x.late && err != nil {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		})
	}
}

// People type their password while they are looked for, so a list with them in it may take longer, too.
func TestSomebodyIsFoundByNameInABusyKeycloak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace()
		p.hook(func(call string) *http.Response {
			if call != "GET /users" {
				return nil
			}
			time.Sleep(8 * time.Second)
			return answer(http.StatusOK, []any{})
		}, nil)
		_, err := newClient(t, p, newClock()).ByName(t.Context(), "alice")
		wantCode(t, "nobody of that name", err, bridge.CodeGone)
	})
}

// SWAP-03: a credential is not sent, nor sent again, when the clock on the wall says that whoever decided it stood still meanwhile.
func TestACredentialIsNotSentTooLate(t *testing.T) {
	c := newClock()
	e := newEvil(t, func(w http.ResponseWriter) { c.move(time.Hour); w.WriteHeader(http.StatusServiceUnavailable) }, says(http.StatusNoContent, ""))
	client := e.client(t, c)
	a := bridge.Action{Kind: bridge.ActionAdd, New: &newOTP, Until: c.now().Add(bridge.WorkLease)}
	for _, what := range []string{"again", "at first"} {
		if err := client.Do(t.Context(), "person", a); bridge.CodeOf(err) != bridge.CodeKeycloakAway || len(e.said()) != 1 {
			t.Errorf("%s: %v, %s", what, err, e.said())
		}
	}
	a.Until = c.now().Add(time.Second)
	must(t, client.Do(t.Context(), "person", a))
}

// Issue 6: what the doctor and the guard read of the realm is read again where Keycloak fails at it, as 26.4.7 did once at a permission's resources.
func TestTheRealmIsReadAgainWhereKeycloakFails(t *testing.T) {
	e := newEvil(t, says(http.StatusOK, "[]"))
	realm := keycloak.RealmCalls{Client: e.client(t, newClock())}
	fails := says(http.StatusInternalServerError, `{"error":"unknown_error"}`)
	for n, refused := range map[int]bool{1: false, 2: false, 3: true} {
		e.next(append(slices.Repeat([]func(http.ResponseWriter){fails}, n), says(http.StatusOK, "[]"))...)
		if err := realm.Do(t.Context(), "GET /roles", nil, &[]struct{}{}); (err != nil) != refused {
			t.Errorf("%d failures: %v", n, err)
		}
	}
}
