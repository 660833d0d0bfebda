package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
)

// maxRetries is how often a repeatable call is tried again.
const maxRetries = 2

// call is one request below the realm's part of the Admin REST API.
type call struct {
	op     string // for the log and errors; never an id, never a name
	method string
	path   []string // segments, not escaped yet
	raw    string   // in place of path and query: what stands behind the realm, escaped
	server string   // in place of all these: a path of the server itself
	query  url.Values
	body   any       // sent as JSON unless nil
	text   string    // in place of body: sent as it is, unless empty
	out    any       // filled from the answer unless nil
	repeat bool      // may be sent again without harm
	until  time.Time // not sent from then on, by the clock on the wall; zero: whenever
	slow   bool      // lists people or looks at a group, and nobody waits for it, or has something else to do: see slowTimes
}

// slowTimes is how many times the limit a slow call may take. With fine-grained permissions it costs Keycloak a hundred times what others cost; a
// busy one goes on with it when we have given up, and the next try comes on top.
const slowTimes = 4

// get is a call that reads.
func get(op string, out any, path ...string) call {
	return call{op: op, method: http.MethodGet, path: path, out: out, repeat: true}
}

// statusError is an answer other than 2xx.
type statusError struct {
	status  int
	field   string // what Keycloak names in a 400, with commas
	reason  string // the first one's message key, "" if the message is no key
	refused string // see Refused
	after   time.Duration
	// foreign says that a refusal is not Keycloak's own, but that of something before it: it says nothing about what the call was for.
	foreign bool
}

func (e *statusError) Error() string {
	text := "status " + strconv.Itoa(e.status)
	if e.foreign {
		text += ", not from this realm of Keycloak"
	}
	if e.field != "" {
		text += ", field " + e.field
	}
	if e.reason != "" {
		text += ", " + e.reason
	}
	return text
}

// HTTPStatus says what Keycloak answered, for whoever reads through RealmCalls; 0: another answered in its place. A 404 counts without a reason too, as
// Keycloak gives none below the settings of authorization services.
func (e *statusError) HTTPStatus() int {
	if e.foreign && e.status != http.StatusNotFound {
		return 0
	}
	return e.status
}

// unsentError wraps what went wrong before the call itself was sent: it may be repeated whatever it is.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return e.cause.Error() }
func (e *unsentError) Unwrap() error { return e.cause }

// HTTPStatus says that nobody answered the call.
func (e *unsentError) HTTPStatus() int { return 0 }

// errPath says that an id cannot be one: it would lead to another place of the API.
var errPath = errors.New("empty or relative id")

// errTooLate says that so much time has passed since a call was decided that it was not sent.
var errTooLate = errors.New("decided too long ago")

// status returns the status that Keycloak answered to the call itself, 0 when it did not answer: a token that is refused, or a page of the proxy before
// it, says nothing about the person that the call is for.
func status(err error) int {
	if _, unsent := errors.AsType[*unsentError](err); unsent {
		return 0
	}
	if e, ok := errors.AsType[*statusError](err); ok && !e.foreign {
		return e.status
	}
	return 0
}

// do makes one call, within the time limit: token, retries and all. The error wraps a *statusError when Keycloak answered.
func (c *Client) do(ctx context.Context, k call) error {
	target, err := c.target(k)
	if err != nil {
		return fmt.Errorf("%s: %w", k.op, err)
	}
	content, err := k.content()
	if err != nil {
		return fmt.Errorf("%s: %w", k.op, err)
	}
	limit := c.cfg.Limit
	if k.slow {
		limit *= slowTimes
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for try := 0; ; try++ {
		err = c.authorised(ctx, k, target, content)
		pause, again := retry(k, err, try)
		if !again || !sleep(ctx, pause) {
			break
		}
		c.log.DebugContext(ctx, "keycloak: again", "op", k.op, "try", try+1, "cause", err.Error())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", k.op, err)
	}
	return nil
}

// content is what the call sends, nil for nothing.
func (k call) content() ([]byte, error) {
	switch {
	case k.text != "":
		return []byte(k.text), nil
	case k.body != nil:
		return json.Marshal(k.body)
	}
	return nil, nil
}

// target is the URL of the call.
func (c *Client) target(k call) (string, error) {
	if k.server != "" {
		return c.cfg.URL + k.server, nil
	}
	var b strings.Builder
	b.WriteString(c.cfg.URL + "/admin/realms/" + url.PathEscape(c.cfg.Realm))
	for _, segment := range k.path {
		if segment == "" || segment == "." || segment == ".." {
			return "", errPath
		}
		b.WriteString("/" + url.PathEscape(segment))
	}
	b.WriteString(k.raw)
	if len(k.query) > 0 {
		b.WriteString("?" + k.query.Encode())
	}
	return b.String(), nil
}

// authorised sends the call with a token, and once more with a new one when Keycloak does not take it.
func (c *Client) authorised(ctx context.Context, k call, target string, content []byte) error {
	for last := false; ; last = true {
		token, err := c.bearer(ctx)
		if err != nil {
			return &unsentError{fmt.Errorf("token: %w", err)}
		}
		var body io.Reader
		if content != nil {
			body = bytes.NewReader(content)
		}
		req, err := http.NewRequestWithContext(ctx, k.method, target, body)
		if err != nil {
			return errPath // the cause would quote the URL
		}
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
		req.Header.Set("Accept", "application/json")
		switch {
		case k.text != "":
			req.Header.Set("Content-Type", "text/plain; charset=utf-8")
		case content != nil:
			req.Header.Set("Content-Type", "application/json")
		}
		if !k.until.IsZero() && !c.cfg.Now().Before(k.until) {
			return &unsentError{errTooLate}
		}
		err = c.send(req, k.out)
		if status(err) != http.StatusUnauthorized || last {
			return err
		}
		c.token.forget(token)
	}
}

// send makes one exchange. It reads at most maxBody of the answer.
func (c *Client) send(req *http.Request, out any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, which holds ids and names
		}
		return err
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.skew.Store(int64(date.Sub(c.cfg.Now())))
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(content) > maxBody:
		return errors.New("the answer is too long")
	case resp.StatusCode/100 != 2:
		return refusal(resp, content)
	case out == nil && req.Method != http.MethodGet && len(content) > 0:
		return errors.New("the answer is not Keycloak's, which says nothing when a change is done")
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return errors.New("the answer is not the JSON that was expected")
	}
	return nil
}

// noRealm is what Keycloak says about a realm that it has not: another server's answer, or one that is being restored.
const noRealm = "Realm not found."

// refusal makes an error of an answer. Of its body only names of fields and message keys are kept. Keycloak says in JSON why it refuses something.
func refusal(resp *http.Response, content []byte) error {
	type fault struct {
		Field        string `json:"field"`
		ErrorMessage string `json:"errorMessage"`
	}
	var body struct {
		fault
		Error  string  `json:"error"`
		Errors []fault `json:"errors"`
	}
	e := &statusError{status: resp.StatusCode, refused: Refused(resp.StatusCode, content)}
	read := json.Unmarshal(content, &body) == nil
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict:
		e.foreign = !read || body.Error+body.ErrorMessage+body.Field == "" && len(body.Errors) == 0 || body.Error == noRealm
	}
	if read {
		if body.Field == "" && len(body.Errors) > 0 {
			body.ErrorMessage = body.Errors[0].ErrorMessage
			names := make([]string, len(body.Errors))
			for i, f := range body.Errors {
				names[i] = f.Field
			}
			body.Field = strings.Join(names, ", ")
		}
		e.field = body.Field
		if strings.HasPrefix(body.ErrorMessage, "error-") && !strings.ContainsAny(body.ErrorMessage, " \r\n\t") {
			e.reason = body.ErrorMessage
		}
	}
	e.after = retryAfter(resp.Header)
	return e
}

// retryAfter is how long a server asks to be left alone: in seconds, or until a date, which is on its own clock.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(s, 24*3600))) * time.Second
	}
	until, err := http.ParseTime(text)
	now, wrong := http.ParseTime(h.Get("Date"))
	if err != nil || wrong != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// retry says whether the call is tried again and after which pause.
func retry(k call, err error, try int) (pause time.Duration, again bool) {
	if err == nil || try >= maxRetries {
		return 0, false
	}
	_, unsent := errors.AsType[*unsentError](err)
	if !k.repeat && !unsent {
		return 0, false
	}
	const first = 100 * time.Millisecond
	pause = first<<try + rand.N(first) //nolint:gosec // jitter
	e, answered := errors.AsType[*statusError](err)
	if _, refused := errors.AsType[*RefusedError](err); refused {
		return 0, false
	}
	if !answered {
		return pause, !errors.Is(err, errTooLate) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errPath)
	}
	return max(pause, e.after), e.status == http.StatusTooManyRequests || e.status >= 500 || e.foreign
}

// sleep waits; false when ctx ends first, or would end before the pause is over.
func sleep(ctx context.Context, pause time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// readFault is the fault of a call that read one person: 403 and 404 mean that there is nobody for us.
func readFault(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case status(err) == http.StatusNotFound, status(err) == http.StatusForbidden, errors.Is(err, errPath):
		return bridge.Fault(bridge.CodeGone, op, err)
	}
	return away(op, err)
}

// away is the fault of a call without which nothing can be decided.
func away(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, refused := errors.AsType[*RefusedError](err); refused {
		return e.of(op, err)
	}
	fault := bridge.Fault(bridge.CodeKeycloakAway, op, err)
	if e, answered := errors.AsType[*statusError](err); answered {
		fault.After = e.after
	}
	return fault
}
