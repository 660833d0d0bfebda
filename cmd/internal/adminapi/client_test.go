package adminapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/cmd/internal/adminapi"
)

// shut refuses every token.
type shut struct{ body string }

func (s shut) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(s.body))}, nil
}

// Issue 6: a token that is refused names the client, its realm and the code, and nothing else of what Keycloak says.
func TestRefusedTokenNamesTheClient(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":"invalid_client","error_description":"of somebody"}`: "Keycloak gives client plan of realm master no token: invalid_client",
		`{"error":"Realm does not exist"}`:                             "Keycloak gives client plan of realm master no token: HTTP 401",
		`sign in at the proxy`:                                         "token of client plan in realm master: Keycloak answers 401",
	} {
		c := &adminapi.Client{URL: "http://localhost", Realm: "campus", ID: "plan", AdminRealm: "master", Limit: time.Minute, Now: time.Now, Transport: shut{body}}
		if _, err := c.Server(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// failing answers with these statuses, one after the other, and with 200 from then on; tokens it always gives.
type failing struct {
	statuses []int
	calls    int
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body := http.StatusOK, `{"access_token":"a","expires_in":300}`
	if strings.HasPrefix(r.URL.Path, "/admin/") {
		body = `{"systemInfo":{"version":"26.7.4"}}`
		if f.calls < len(f.statuses) {
			code = f.statuses[f.calls]
		}
		f.calls++
	}
	return &http.Response{StatusCode: code, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// Issue 6: 26.4.7 answered 500 once while somebody read a permission. A plan reads such a thing again, a few times; what Keycloak refuses it believes, and a change is
// made once.
func TestWhatKeycloakFailsAtIsReadAgain(t *testing.T) {
	t.Parallel()
	server := func(ctx context.Context, c *adminapi.Client) error {
		_, err := c.Server(ctx)
		return err
	}
	call := func(call string) func(context.Context, *adminapi.Client) error {
		return func(ctx context.Context, c *adminapi.Client) error { return c.Do(ctx, call, nil, nil) }
	}
	for name, x := range map[string]struct {
		do       func(context.Context, *adminapi.Client) error
		statuses []int
		calls    int
		says     int // 0: no error
	}{
		"once":             {call("GET /roles"), []int{500}, 2, 0},
		"twice":            {call("GET /roles"), []int{500, 503}, 3, 0},
		"always":           {call("GET /roles"), []int{500, 500, 500, 500}, 3, 500},
		"refused":          {call("GET /roles"), []int{403, 200}, 1, 403},
		"absent":           {call("GET /roles"), []int{404, 200}, 1, 404},
		"a change":         {call("PUT /roles"), []int{500, 200}, 1, 500},
		"a removal":        {call("DELETE /roles"), []int{500, 200}, 1, 500},
		"the server":       {server, []int{500}, 2, 0},
		"the server, long": {server, []int{500, 500, 500, 500}, 3, 500},
	} {
		synctest.Test(t, func(t *testing.T) {
			kc := &failing{statuses: x.statuses}
			c := &adminapi.Client{URL: "http://localhost", Realm: "campus", ID: "plan", AdminRealm: "master", Limit: time.Minute, Now: time.Now, Transport: kc}
			err, says := x.do(t.Context(), c), 0
			if refused, ok := errors.AsType[*adminapi.StatusError](err); ok {
				says = refused.Status
			}
			if kc.calls != x.calls || says != x.says || (err != nil) != (x.says != 0) {
				t.Errorf("%s: %d calls, %v", name, kc.calls, err)
			}
		})
	}
}
