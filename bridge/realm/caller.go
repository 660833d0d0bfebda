package realm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Caller calls the Admin REST API: a call is a method and a path below the realm, escaped, e.g. "GET /users/count"; "GET " is the realm
// itself. A body is sent as JSON, a string as plain text, nil not at all; out is filled from the answer unless it is nil. An answer other
// than 2xx is an error that has the method HTTPStatus() int; any other error means that there was no answer.
type Caller interface {
	Do(ctx context.Context, call string, body, out any) error
}

// status returns what Keycloak answered, 0 when it did not.
func status(err error) int {
	var answered interface {
		error
		HTTPStatus() int
	}
	if errors.As(err, &answered) {
		return answered.HTTPStatus()
	}
	return 0
}

func absent(err error) bool { return status(err) == http.StatusNotFound }

// path joins segments, which are escaped.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// get reads one thing.
func get(ctx context.Context, c Caller, where string, out any) error {
	if err := c.Do(ctx, "GET "+where, nil, out); err != nil {
		return fmt.Errorf("read %s: %w", or(where, "the realm"), err)
	}
	return nil
}

// paged is a list from an entry on.
func paged(where string, first int) string {
	return fmt.Sprintf("%s?first=%d&max=%d", where, first, pageSize)
}
