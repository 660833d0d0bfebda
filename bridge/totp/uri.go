package totp

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"otpbridge/bridge"
)

// MaxURI is the longest URI, in bytes, that fits into a QR code of version 15 at level M.
const MaxURI = 412

// Entry is what an authenticator app stores.
type Entry struct {
	Issuer  string // short; every byte outside ASCII takes three in the QR code
	Account string // the user name, so that several accounts of one issuer can be told apart
	Secret  bridge.Secret
	OTP     bridge.OTPPolicy
}

// URI returns the otpauth URI. Colons in issuer and account become hyphens, because they separate the two, and control characters and
// invisible marks are dropped. A URI that would be longer than MaxURI leaves out what apps assume anyway, then loses the end of the account.
// CodeInternal: no issuer, no account, an issuer too long, or no key; CodeOTPPolicy: see Served.
func URI(e Entry) (string, error) {
	if err := checkKey(e.Secret); err != nil {
		return "", err
	}
	if err := Served(e.OTP); err != nil {
		return "", err
	}
	issuer, account := label(e.Issuer), label(e.Account)
	if issuer == "" || account == "" {
		return "", bridge.Fault(bridge.CodeInternal, "otpauth URI: issuer or account is empty", nil)
	}
	n := policyPart(e.OTP)
	if uri := compose(issuer, account, e.Secret, n); len(uri) <= MaxURI {
		return uri, nil
	}
	if Common(e.OTP) {
		n = "" // what every app assumes
	}
	for account != "" {
		uri := compose(issuer, account, e.Secret, n)
		if len(uri) <= MaxURI {
			return uri, nil
		}
		_, size := utf8.DecodeLastRuneInString(account)
		account = strings.TrimSpace(account[:len(account)-size])
	}
	return "", bridge.Fault(bridge.CodeInternal, "otpauth URI: the issuer is too long", nil)
}

func policyPart(p bridge.OTPPolicy) string {
	return fmt.Sprintf("&algorithm=%s&digits=%d&period=%d", p.Algorithm, p.Digits, p.Period)
}

func compose(issuer, account string, key bridge.Secret, policy string) string {
	issuer = escape(issuer)
	return "otpauth://totp/" + issuer + ":" + escape(account) + "?secret=" + key.Reveal() + "&issuer=" + issuer + policy
}

// label makes text fit for either side of the colon.
func label(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == ':':
			return '-'
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, text)
	return strings.TrimSpace(text)
}

const hexDigits = "0123456789ABCDEF"

// escape writes everything but the unreserved characters of RFC 3986 as %XX: a blank is never "+", which apps show as it stands.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string(hexDigits[c>>4]) + string(hexDigits[c&15]))
	}
	return b.String()
}
