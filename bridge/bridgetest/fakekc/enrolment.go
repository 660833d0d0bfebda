package fakekc

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"otpbridge/bridge/bridgetest/phone"
)

// configureTOTP is the required action that stores a new authenticator after the password alone when the client asks for it: an
// attack that the product has to notice.
const configureTOTP = "CONFIGURE_TOTP"

func (s *Server) enrolmentPage(t *tab, message string) reply {
	if t.secret == "" {
		t.secret = randomText()[:20]
	}
	return s.form(t, pageView{
		ID: actionPages[configureTOTP], Form: "kc-totp-settings-form", Heading: labels[t.language]["action"], Message: message,
		Faulty: message != "", Fixed: true, User: t.user.username, Token: t.secret,
	})
}

// submitEnrolment stores the authenticator when its code is right, and goes on with the sign-in.
func (s *Server) submitEnrolment(r *http.Request, t *tab, form url.Values) reply {
	data := s.policy()
	digits, period := data.Digits, data.Period
	key := phone.Key{Secret: []byte(t.secret), Algorithm: strings.TrimPrefix(data.Algorithm, "Hmac"), Digits: digits, Period: period}
	step := key.Step(s.now())
	if !slices.Contains([]string{key.At(step - 1), key.At(step), key.At(step + 1)}, form.Get("totp")) {
		return s.enrolmentPage(t, textWrongCode)
	}
	t.user.credentials = append(slices.Clone(t.user.credentials), &credential{
		id: newID(), typ: "otp", label: form.Get("userLabel"), created: s.now().UnixMilli(),
		data: compact(data), secret: compact(map[string]string{"value": t.secret}),
	})
	t.user.requiredActions = slices.DeleteFunc(slices.Clone(t.user.requiredActions), func(a string) bool { return a == configureTOTP })
	details := map[string]string{"credential_type": "otp", "custom_required_action": configureTOTP, "username": t.user.username}
	for _, typ := range []string{"UPDATE_TOTP", "UPDATE_CREDENTIAL"} {
		e := t.event(typ, "", details) // the id of the credential is not in it, as on the real server
		e.UserID = t.user.id
		s.record(r, e)
	}
	t.action = ""
	if t.params["kc_action"] == configureTOTP {
		t.acted = configureTOTP
	}
	return s.advance(r, t)
}

// policy is the realm's policy as it stands in a new credential.
func (s *Server) policy() otpData {
	algorithm, _ := s.realm["otpPolicyAlgorithm"].(string)
	return otpData{SubType: "totp", Digits: asInt(s.realm["otpPolicyDigits"]), Period: asInt(s.realm["otpPolicyPeriod"]), Algorithm: algorithm}
}

// asInt reads a number of the realm's representation, whatever form a test gave it.
func asInt(v any) int {
	switch n := v.(type) {
	case int:
		return n
	case float64:
		return int(n)
	case string:
		i, _ := strconv.Atoi(n) // 0 for nonsense
		return i
	default:
		return 0
	}
}
