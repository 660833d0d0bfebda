package keycloak

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"otpbridge/bridge"
)

// recoveryForm is the part of a flow that asks for a recovery code.
const recoveryForm = "auth-recovery-authn-code-form"

// execution is one line of a flow as the Admin REST API lists it, sub-flows flattened.
type execution struct {
	Requirement string `json:"requirement"`
	Level       int    `json:"level"`
	Provider    string `json:"providerId"`
}

// TakesCodes reports whether recovery codes sign in: the realm's browser flow asks for them. The answer may be up to a minute old.
func (c *Client) TakesCodes(ctx context.Context) (bool, error) {
	const op = "read browser flow"
	if takes, ok := c.codes.get(c.cfg.Now()); ok {
		return takes, nil
	}
	p, err := c.realmParts(ctx)
	if err != nil {
		return false, err
	}
	var list []execution
	if err := c.do(ctx, get(op, &list, "authentication", "flows", p.BrowserFlow, "executions")); err != nil {
		return false, away(op, err)
	}
	takes := asksForCodes(list)
	c.codes.set(takes, c.cfg.Now().Add(realmAge))
	return takes, nil
}

// asksForCodes reports whether a flow holds the form and nothing above it is switched off.
func asksForCodes(list []execution) bool {
	off := -1 // level of the sub-flow that is switched off, -1 for none
	for _, e := range list {
		if off >= 0 && e.Level > off {
			continue
		}
		off = -1
		if e.Requirement == "DISABLED" {
			off = e.Level
			continue
		}
		if e.Provider == recoveryForm {
			return true
		}
	}
	return false
}

// newCodes is the one shape in which recovery codes are written. They have no label: there is one set.
type newCodes struct {
	ID             string `json:"id"`
	Type           string `json:"type"`
	CreatedDate    int64  `json:"createdDate"`
	SecretData     string `json:"secretData"`
	CredentialData string `json:"credentialData"`
}

// hashedCode is one code as Keycloak keeps it: Base64 of its SHA-512, without a salt, as the code itself is random.
type hashedCode struct {
	Number int    `json:"number"`
	Hash   string `json:"encodedHashedValue"`
}

func representCodes(n bridge.NewCodes) (newCodes, error) {
	const op = "add recovery codes"
	if n.ID == "" || len(n.Codes) == 0 || n.CreatedMillis <= 0 || slices.Contains(n.Codes, "") {
		return newCodes{}, bridge.Fault(bridge.CodeInternal, op, errors.New("the recovery codes are incomplete"))
	}
	hashed := make([]hashedCode, 0, len(n.Codes))
	for i, code := range n.Codes {
		sum := sha512.Sum512([]byte(code.Reveal()))
		hashed = append(hashed, hashedCode{i + 1, base64.StdEncoding.EncodeToString(sum[:])})
	}
	secret, err := json.Marshal(struct {
		Codes []hashedCode `json:"codes"`
	}{hashed})
	if err != nil {
		return newCodes{}, bridge.Fault(bridge.CodeInternal, op, errors.New("no secret data"))
	}
	data, err := json.Marshal(struct {
		Iterations int    `json:"hashIterations"`
		Algorithm  string `json:"algorithm"`
		Total      int    `json:"totalCodes"`
		Remaining  int    `json:"remainingCodes"`
	}{1, "RS512", len(n.Codes), len(n.Codes)})
	if err != nil {
		return newCodes{}, bridge.Fault(bridge.CodeInternal, op, errors.New("no credential data"))
	}
	return newCodes{n.ID, bridge.TypeRecoveryCodes, n.CreatedMillis, string(secret), string(data)}, nil
}

// addCodes writes a set of recovery codes; Keycloak puts it in the place of an older one, and takes the same id again without a change.
func (c *Client) addCodes(ctx context.Context, person string, n *bridge.NewCodes) error {
	const op = "add recovery codes"
	if n == nil {
		return bridge.Fault(bridge.CodeInternal, op, errors.New("no codes to add"))
	}
	body, err := representCodes(*n)
	if err != nil {
		return err
	}
	err = c.do(ctx, call{
		op: op, method: http.MethodPut, path: []string{"users", person}, repeat: true,
		body: struct {
			Credentials []newCodes `json:"credentials"`
		}{[]newCodes{body}},
	})
	if status(err) == http.StatusConflict { // a repeat that overtook itself: the caller looks again
		return away(op, err)
	}
	return writeFault(op, err)
}
