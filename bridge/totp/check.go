package totp

import (
	"crypto/subtle"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
)

const (
	window   = 1   // steps to either side of now in which a code is right
	reach    = 20  // steps to either side of now that are searched to explain a wrong code
	maxTyped = 256 // bytes of input that are looked at
)

// Check returns the time step that the typed code belongs to: now's, the one before or the one after. The same step may come
// back twice; the caller remembers which are used. Errors: CodeInternal for a key that is none, CodeOTPPolicy, CodeEmpty, CodeFormat,
// CodeClock (with Minutes) for a code of up to 20 steps away, otherwise CodeWrongCode. How long it takes does not depend on which step matches.
func (Authenticator) Check(key bridge.Secret, p bridge.OTPPolicy, typed string, now time.Time) (step int64, err error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	if err := Served(p); err != nil {
		return 0, err
	}
	code, err := clean(typed, p.Digits)
	if err != nil {
		return 0, err
	}
	current := now.Unix() / int64(p.Period)
	offset, found, err := search(key, p, code, current)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, bridge.Fault(bridge.CodeWrongCode, "check code", nil)
	case offset < -window || offset > window:
		return 0, &bridge.Error{Code: bridge.CodeClock, Op: "check code", Minutes: minutes(offset * p.Period)}
	}
	return current + int64(offset), nil
}

// Matches reports whether the typed code is right for the key now; it explains a code that belongs to a discarded key. A key or policy
// that cannot be served matches nothing.
func (a Authenticator) Matches(key bridge.Secret, p bridge.OTPPolicy, typed string, now time.Time) bool {
	_, err := a.Check(key, p, typed, now)
	return err == nil
}

// clean returns the typed code as ASCII digits. People paste codes with blanks, hyphens, full-width digits and invisible marks.
func clean(typed string, digits int) (string, error) {
	if len(typed) > maxTyped {
		return "", bridge.Fault(bridge.CodeFormat, "typed code: too long", nil)
	}
	code := strings.Map(func(r rune) rune {
		if ignored(r) {
			return -1
		}
		return r
	}, norm.NFKC.String(typed))
	if code == "" {
		return "", bridge.Fault(bridge.CodeEmpty, "typed code", nil)
	}
	if len(code) != digits || strings.Trim(code, "0123456789") != "" {
		return "", bridge.Fault(bridge.CodeFormat, "typed code", nil)
	}
	return code, nil
}

// ignored reports blanks, invisible marks, and everything that people type for a hyphen; a Japanese keyboard gives the long-vowel mark.
func ignored(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf, unicode.Cc) || r == '−' || r == 'ー'
}

// search compares the code with all steps in reach and returns the offset of the nearest that matches, of two equally near ones the later.
func search(key bridge.Secret, p bridge.OTPPolicy, code string, current int64) (offset int, found bool, err error) {
	opts := hotp.ValidateOpts{Digits: otp.Digits(p.Digits), Algorithm: algorithms[p.Algorithm]}
	var match int
	for distance := reach; distance >= 0; distance-- {
		for _, o := range [2]int{-distance, distance} {
			want, err := hotp.GenerateCodeCustom(key.Reveal(), uint64(max(0, current+int64(o))), opts)
			if err != nil {
				return 0, false, bridge.Fault(bridge.CodeInternal, "compute code", err)
			}
			same := subtle.ConstantTimeCompare([]byte(want), []byte(code))
			offset = subtle.ConstantTimeSelect(same, o, offset)
			match |= same
		}
	}
	return offset, match == 1, nil
}

// minutes rounds seconds to whole minutes, away from zero at the half, and never to none.
func minutes(seconds int) int {
	if seconds < 0 {
		return -minutes(-seconds)
	}
	return max(1, (seconds+30)/60)
}
