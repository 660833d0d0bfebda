package fakekc

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// recoverySecret is how the codes are stored: one hash for each, in the order in which they are asked for.
type recoverySecret struct {
	Codes []recoveryCode `json:"codes"`
}

type recoveryCode struct {
	Number int    `json:"number"`
	Hash   string `json:"encodedHashedValue"`
}

func (s *Server) recoveryPage(t *tab, message string) reply {
	return s.form(t, pageView{
		ID: "login-login-recovery-authn-code-input", Form: "kc-recovery-code-login-form", Heading: labels[t.language]["signIn"],
		Message: message, Faulty: message != "", Fixed: true, User: t.user.username,
	})
}

// submitRecovery takes the next code of the set and no other; hyphens do not matter.
func (s *Server) submitRecovery(r *http.Request, t *tab, typed string) reply {
	sets := t.user.byType("recovery-authn-codes")
	if len(sets) == 0 {
		return s.askSecondFactor(r, t, "")
	}
	var secret recoverySecret
	if json.Unmarshal([]byte(sets[0].secret), &secret) != nil || len(secret.Codes) == 0 {
		delete(s.tabs, t.id)
		return s.errorPage(http.StatusBadRequest, t.language, textBroken)
	}
	sum := sha512.Sum512([]byte(strings.ReplaceAll(typed, "-", "")))
	if s.locked(t.user) || secret.Codes[0].Hash != base64.StdEncoding.EncodeToString(sum[:]) {
		e := t.event("LOGIN_ERROR", "invalid_user_credentials", map[string]string{"credential_type": "recovery-authn-codes"})
		e.UserID = t.user.id
		s.record(r, e)
		s.fail(r, t.user, true)
		return s.recoveryPage(t, textWrongCode)
	}
	secret.Codes = secret.Codes[1:]
	sets[0].secret = compact(secret)
	t.credential, t.second = sets[0].id, true
	return s.advance(r, t)
}
