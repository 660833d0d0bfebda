package keycloak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge"
)

// credential is Keycloak's CredentialRepresentation, without what would hold a secret.
type credential struct {
	ID             string `json:"id"`
	Type           string `json:"type"`
	Label          string `json:"userLabel"`
	CreatedDate    int64  `json:"createdDate"` // milliseconds
	CredentialData string `json:"credentialData"`
	FederationLink string `json:"federationLink"`
}

func credentials(list []credential) []bridge.Credential {
	out := make([]bridge.Credential, 0, len(list))
	for _, c := range list {
		var data struct {
			SubType string `json:"subType"`
			Counter int    `json:"counter"`
			Left    int    `json:"remainingCodes"`
		}
		read := json.Unmarshal([]byte(c.CredentialData), &data) == nil
		hotp := c.Type == bridge.TypeOTP && read && data.SubType == "hotp"
		one := bridge.Credential{
			ID: c.ID, Type: c.Type, HOTP: hotp, Label: c.Label, Created: time.UnixMilli(c.CreatedDate).UTC(), Federated: c.FederationLink != "",
		}
		if hotp {
			one.Uses = data.Counter
		}
		if c.Type == bridge.TypeRecoveryCodes && read {
			one.Left = data.Left
		}
		out = append(out, one)
	}
	return out
}

// Credentials implements bridge.SwapTarget.
func (c *Client) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	const op = "read credentials"
	var list []credential
	if err := c.do(ctx, get(op, &list, "users", person, "credentials")); err != nil {
		return nil, writeFault(op, err) // a person out of reach is not a person who is gone
	}
	return credentials(list), nil
}

// Visited implements bridge.Visits.
func (c *Client) Visited(ctx context.Context, person string) (bool, error) {
	const op = "read sessions"
	var list []struct {
		Clients map[string]string `json:"clients"` // client ids by what Keycloak calls a client inside
	}
	if err := c.do(ctx, get(op, &list, "users", person, "sessions")); err != nil {
		return false, writeFault(op, err)
	}
	for _, one := range list {
		for _, client := range one.Clients {
			if client != c.cfg.LoginClient {
				return true, nil
			}
		}
	}
	return false, nil
}

// Do implements bridge.SwapTarget. ActionFinish needs nothing of Keycloak.
func (c *Client) Do(ctx context.Context, person string, a bridge.Action) error {
	switch a.Kind {
	case bridge.ActionAdd:
		return c.add(ctx, person, a)
	case bridge.ActionAddCodes:
		return c.addCodes(ctx, person, a.Codes)
	case bridge.ActionMove:
		return c.move(ctx, person, a)
	case bridge.ActionRemove:
		return c.remove(ctx, person, a.Credential)
	case bridge.ActionEndSessions:
		const op = "end sessions"
		return writeFault(op, c.do(ctx, call{op: op, method: http.MethodPost, path: []string{"users", person, "logout"}}))
	case bridge.ActionFinish:
		return nil
	}
	return bridge.Fault(bridge.CodeInternal, "swap", fmt.Errorf("unknown action %q", a.Kind))
}

// newCredential is the one shape in which a credential is written. A member "value" would set the password; nothing but these is sent.
type newCredential struct {
	ID             string `json:"id"`
	Type           string `json:"type"`
	Label          string `json:"userLabel"`
	CreatedDate    int64  `json:"createdDate"`
	SecretData     string `json:"secretData"`
	CredentialData string `json:"credentialData"`
}

// credentialData is what Keycloak keeps of an OTP beside its secret.
type credentialData struct {
	SubType   string `json:"subType"`
	Digits    int    `json:"digits"`
	Counter   int    `json:"counter"`
	Period    int    `json:"period"`
	Algorithm string `json:"algorithm"`
	Encoding  string `json:"secretEncoding"`
}

// represent makes the representation. Keycloak stores what it does not know and fails at the next sign-in, so all is checked here.
func represent(n bridge.NewCredential) (newCredential, error) {
	const op = "add credential"
	kind := credentialData{"totp", n.OTP.Digits, 0, n.OTP.Period, "Hmac" + n.OTP.Algorithm, "BASE32"}
	if n.Temporary {
		kind = credentialData{"hotp", bridge.TemporaryDigits, 0, 0, "HmacSHA1", "BASE32"}
	} else if err := policyFault(op, n.OTP); err != nil {
		return newCredential{}, err
	}
	if n.ID == "" || n.Label == "" || !isBase32(n.Secret.Reveal()) || n.CreatedMillis <= 0 {
		return newCredential{}, bridge.Fault(bridge.CodeInternal, op, errors.New("the new credential is incomplete"))
	}
	secret, err := json.Marshal(struct {
		Value string `json:"value"`
	}{n.Secret.Reveal()})
	if err != nil {
		return newCredential{}, bridge.Fault(bridge.CodeInternal, op, errors.New("no secret data"))
	}
	data, err := json.Marshal(kind)
	if err != nil {
		return newCredential{}, bridge.Fault(bridge.CodeInternal, op, errors.New("no credential data"))
	}
	return newCredential{
		ID: n.ID, Type: bridge.TypeOTP, Label: n.Label, CreatedDate: n.CreatedMillis, SecretData: string(secret), CredentialData: string(data),
	}, nil
}

// isBase32 reports whether s is Base32 without padding, in capitals.
func isBase32(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// add writes the new credential. Keycloak takes the same id again without a change.
func (c *Client) add(ctx context.Context, person string, a bridge.Action) error {
	const op = "add credential"
	n := a.New
	if n == nil {
		return bridge.Fault(bridge.CodeInternal, op, errors.New("no credential to add"))
	}
	body, err := represent(*n)
	if err != nil {
		return err
	}
	err = c.do(ctx, call{
		op: op, method: http.MethodPut, path: []string{"users", person}, repeat: true, until: a.Until,
		body: struct {
			Credentials []newCredential `json:"credentials"`
		}{[]newCredential{body}},
	})
	if status(err) == http.StatusConflict {
		return c.judgeConflict(ctx, person, *n, err)
	}
	return writeFault(op, err)
}

// judgeConflict finds out what a 409 means, whose text is the same for everything: ours is there already (nil), the label is taken, or neither: the
// id belongs to somebody else, or the answer is not Keycloak's.
func (c *Client) judgeConflict(ctx context.Context, person string, n bridge.NewCredential, conflict error) error {
	const (
		op   = "add credential"
		look = 2 // a call of another worker with the same id may be about to become visible
	)
	field := ""
	for range look {
		seen, err := c.Credentials(ctx, person)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(seen, func(o bridge.Credential) bool { return o.ID == n.ID }) {
			return nil
		}
		if slices.ContainsFunc(seen, func(o bridge.Credential) bool { return sameLabel(o.Label, n.Label) }) {
			field = "userLabel"
			break
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return away(op, ctx.Err())
		}
	}
	return &bridge.Error{Code: bridge.CodeRefusedByAccount, Op: op, Err: conflict, Field: field}
}

// sameLabel compares labels as Keycloak does.
func sameLabel(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// move puts a credential behind another one, or first.
func (c *Client) move(ctx context.Context, person string, a bridge.Action) error {
	const op = "move credential"
	path := []string{"users", person, "credentials", a.Credential, "moveToFirst"}
	if a.After != "" {
		path = []string{"users", person, "credentials", a.Credential, "moveAfter", a.After}
	}
	err := c.do(ctx, call{op: op, method: http.MethodPost, path: path})
	if status(err) != http.StatusNotFound {
		return writeFault(op, err)
	}
	// The person, the credential, or the one it should stand behind is gone: only the first is for good. The caller looks again.
	if _, gone := c.Credentials(ctx, person); gone != nil {
		return gone
	}
	return away(op, err)
}

// remove removes one credential; one that is gone already is fine.
func (c *Client) remove(ctx context.Context, person, id string) error {
	const op = "remove credential"
	err := c.do(ctx, call{op: op, method: http.MethodDelete, path: []string{"users", person, "credentials", id}, repeat: true})
	if status(err) != http.StatusNotFound {
		return writeFault(op, err)
	}
	if _, gone := c.Credentials(ctx, person); gone != nil {
		return gone // not the credential, the person is gone
	}
	return nil
}

// writeFault is the fault of a call that changes one person.
func writeFault(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case status(err) == http.StatusNotFound:
		return bridge.Fault(bridge.CodeGone, op, err)
	case status(err) == http.StatusBadRequest, status(err) == http.StatusForbidden:
		e, _ := errors.AsType[*statusError](err)
		return &bridge.Error{Code: bridge.CodeRefusedByAccount, Op: op, Err: err, Field: e.field}
	case errors.Is(err, errPath):
		return bridge.Fault(bridge.CodeGone, op, err)
	}
	return away(op, err)
}
