package fakekc

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Sizes of the columns that Keycloak stores a credential in.
const (
	maxCredentialID = 36
	maxLabel        = 255
)

// textClash is what Keycloak says of a label or id that is taken.
const textClash = "User exists with same username or email"

// credentialBody is a credential as PUT users/{id} takes it.
type credentialBody struct {
	ID         string  `json:"id"`
	Type       string  `json:"type"`
	Label      string  `json:"userLabel"`
	Created    *int64  `json:"createdDate"`
	Data       *string `json:"credentialData"`
	Secret     *string `json:"secretData"`
	Value      string  `json:"value"`
	Temporary  bool    `json:"temporary"`
	Priority   *int    `json:"priority"`
	Federation string  `json:"federationLink"`
}

// applyCredential stores one credential of a PUT as the real server does, traps included: a value replaces the password
// whatever the type says, an unknown type is thrown away, a known id changes nothing.
func (c *call) applyCredential(u *user, given credentialBody) *reply {
	bad := c.message(http.StatusBadRequest, "Could not update user!")
	if given.Value != "" {
		copied := *u
		copied.credentials = nil
		for _, old := range u.credentials {
			own := *old
			copied.credentials = append(copied.credentials, &own)
		}
		copied.setPassword(given.Value, c.s.now())
		*u = copied
		return nil
	}
	if u.credential(given.ID) != nil && given.ID != "" {
		return nil
	}
	if !slices.Contains([]string{"otp", "password", "recovery-authn-codes", "webauthn", "webauthn-passwordless"}, given.Type) {
		return nil
	}
	if !given.readable() || len(given.ID) > maxCredentialID || len([]rune(given.Label)) > maxLabel {
		return &bad
	}
	if c.s.takenID(given.ID) || u.takenLabel(given.Label) {
		out := c.message(http.StatusConflict, textClash)
		return &out
	}
	stored := &credential{id: given.ID, typ: given.Type, label: given.Label, created: c.s.now().UnixMilli(), data: *given.Data, secret: *given.Secret}
	if stored.id == "" {
		stored.id = newID()
	}
	if given.Created != nil {
		stored.created = *given.Created
	}
	if stored.typ == "recovery-authn-codes" { // there is one set at most
		u.credentials = slices.DeleteFunc(u.credentials, func(old *credential) bool { return old.typ == stored.typ })
	}
	u.credentials = append(u.credentials, stored)
	return nil
}

// readable reports whether the texts are JSON of the right form; what stands in them is not looked at.
func (b credentialBody) readable() bool {
	if b.Data == nil || b.Secret == nil {
		return false
	}
	var secret struct {
		Value string `json:"value"`
	}
	if b.Type != "otp" {
		return b.Type != "password" && json.Valid([]byte(*b.Data)) && json.Valid([]byte(*b.Secret))
	}
	d := json.NewDecoder(strings.NewReader(*b.Data))
	d.DisallowUnknownFields()
	var data otpData
	return d.Decode(&data) == nil && json.Unmarshal([]byte(*b.Secret), &secret) == nil
}

func (s *Server) takenID(id string) bool {
	if id == "" {
		return false
	}
	for _, u := range s.users {
		if u.credential(id) != nil {
			return true
		}
	}
	return false
}

// takenLabel compares labels as Keycloak does: case and outer blanks do not matter, and no label clashes with nothing.
func (u *user) takenLabel(label string) bool {
	wanted := strings.ToLower(strings.TrimSpace(label))
	return wanted != "" && slices.ContainsFunc(u.credentials, func(c *credential) bool {
		return strings.ToLower(strings.TrimSpace(c.label)) == wanted
	})
}

// GET /admin/realms/{realm}/users/{id}/credentials: in order, without secrets.
func (c *call) listCredentials() reply {
	out := []map[string]any{}
	for _, one := range c.user.credentials {
		v := map[string]any{"id": one.id, "type": one.typ, "createdDate": one.created, "credentialData": one.data}
		if one.label != "" {
			v["userLabel"] = one.label
		}
		if one.federation != "" {
			v["federationLink"] = one.federation
		}
		out = append(out, v)
	}
	return c.ok(out)
}

// place is where the credential of the path stands, -1 when it is not there.
func (c *call) place(id string) int {
	return slices.IndexFunc(c.user.credentials, func(one *credential) bool { return one.id == id })
}

func (c *call) noCredential() reply { return c.fault(http.StatusNotFound, "Credential not found") }

// DELETE /admin/realms/{realm}/users/{id}/credentials/{cid}
func (c *call) deleteCredential() reply {
	at := c.place(c.r.PathValue("cid"))
	if at < 0 {
		return c.noCredential()
	}
	c.record("ACTION", "USER", "users/"+c.user.id+"/credentials/"+c.r.PathValue("cid"))
	c.user.credentials = slices.Delete(slices.Clone(c.user.credentials), at, at+1)
	return c.done()
}

// POST /admin/realms/{realm}/users/{id}/credentials/{cid}/moveToFirst and …/moveAfter/{after}. An unknown place to move to is
// no fault: nothing moves.
func (c *call) moveCredential() reply {
	at := c.place(c.r.PathValue("cid"))
	if at < 0 {
		return c.noCredential()
	}
	moved, list := c.user.credentials[at], slices.Clone(c.user.credentials)
	list = slices.Delete(list, at, at+1)
	to := 0
	if after := c.r.PathValue("after"); after != "" {
		found := slices.IndexFunc(list, func(one *credential) bool { return one.id == after })
		if found < 0 {
			return c.done()
		}
		to = found + 1
	}
	c.user.credentials = slices.Insert(list, to, moved)
	return c.done()
}

// PUT /admin/realms/{realm}/users/{id}/credentials/{cid}/userLabel
func (c *call) labelCredential() reply {
	at := c.place(c.r.PathValue("cid"))
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	if kind != "text/plain" {
		return c.fault(http.StatusUnsupportedMediaType, "The content-type header value did not match the value in @Consumes")
	}
	if at < 0 {
		return c.noCredential()
	}
	label, err := io.ReadAll(c.r.Body)
	if err != nil || strings.TrimSpace(string(label)) == "" {
		return jsonReply(http.StatusBadRequest, map[string]string{
			"error": "missingCredentialLabel", "error_description": "Credential label must not be empty",
		})
	}
	c.user.credentials[at].label = string(label)
	return c.done()
}
