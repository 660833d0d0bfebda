package keycloak

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"otpbridge/bridge"
)

// RefusedError says that Keycloak answered and gives a client no token. Nothing can be read or written as long as that is so, as if Keycloak were away; but
// somebody has to mend it.
type RefusedError struct {
	// Client is its id, Reason the code of Keycloak's answer, or its status where it has none. What else Keycloak says is not kept.
	Client, Reason string

	who   string
	op    string
	fault error // what the domain makes of it
}

func (e *RefusedError) Error() string {
	text := "Keycloak refuses the token of " + e.who + ": " + e.Reason
	if e.op != "" {
		text = e.op + ": " + text
	}
	return text
}

// Unwrap says what it is for a check, and for the domain. It is no answer to the call that the token was for.
func (e *RefusedError) Unwrap() []error {
	all := []error{bridge.NotChecked(bridge.UncheckedRefused, e.Client+": "+e.Reason)}
	if e.fault != nil {
		all = append(all, e.fault)
	}
	return all
}

// of is the fault of an operation that needed the token.
func (e *RefusedError) of(op string, err error) error {
	whole := *e
	whole.op, whole.fault = op, bridge.Fault(bridge.CodeKeycloakAway, op, err)
	return &whole
}

// errorCode is what a code of RFC 6749 looks like: anything else may hold anything.
var errorCode = regexp.MustCompile(`^[a-z][a-z_]{0,39}$`)

// Refused says what a token endpoint's answer other than 2xx comes to: why it gives no token. It is empty for what is no refusal: Keycloak gives a reason
// with each, and what stands before a Keycloak that is away gives none.
func Refused(status int, body []byte) (reason string) {
	var said struct {
		Error string `json:"error"`
	}
	switch {
	case status/100 != 4 || status == http.StatusTooManyRequests || json.Unmarshal(body, &said) != nil || said.Error == "":
		return ""
	case errorCode.MatchString(said.Error):
		return said.Error
	}
	return "HTTP " + strconv.Itoa(status)
}

// refused makes a refusal of an answer of the token endpoint, and leaves every other error as it is.
func (c *Client) refused(err error) error {
	e, ok := errors.AsType[*statusError](err)
	if !ok || e.refused == "" {
		return err
	}
	who := "the service account"
	if c.cfg.Administrator {
		who = "the administrator's client"
	}
	return &RefusedError{Client: c.cfg.ClientID, Reason: e.refused, who: who}
}

// checkToken finds a client that gets no token: every other check could say no more than that.
func (c *Client) checkToken(ctx context.Context) ([]bridge.Finding, error) {
	id := bridge.FindAdminRefused
	if c.cfg.Administrator {
		id = bridge.FindAdministratorRefused
	}
	_, err := c.bearer(ctx)
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return []bridge.Finding{bridge.Found(id, e.Client, "code", e.Reason, "realm", c.cfg.TokenRealm)}, nil
	}
	return nil, away("sign in", err)
}
