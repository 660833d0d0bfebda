package totp

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"

	"github.com/pquerna/otp"

	"otpbridge/bridge"
)

// KeyBytes is the length of a key: 160 bits, what RFC 4226 recommends and every app takes.
const KeyBytes = 20

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Authenticator implements bridge.Authenticator.
type Authenticator struct{}

// NewKey returns a random key in Base32: 32 upper-case characters without padding.
func (Authenticator) NewKey() bridge.Secret {
	var b [KeyBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return bridge.Secret(encoding.EncodeToString(b[:]))
}

// checkKey refuses what is no key of ours, above all a short or empty one. The error never holds the key.
func checkKey(key bridge.Secret) error {
	raw, err := encoding.DecodeString(key.Reveal())
	if err != nil {
		return bridge.Fault(bridge.CodeInternal, "key: not Base32", nil)
	}
	if len(raw) < KeyBytes {
		return bridge.Fault(bridge.CodeInternal, fmt.Sprintf("key: %d bytes", len(raw)), nil)
	}
	return nil
}

// Served returns CodeOTPPolicy unless p is one that this package serves: SHA1, SHA256 or SHA512, 6 or 8 digits, 30 or 60 seconds.
func Served(p bridge.OTPPolicy) error {
	_, known := algorithms[p.Algorithm]
	if !known || (p.Digits != 6 && p.Digits != 8) || (p.Period != 30 && p.Period != 60) {
		return bridge.Fault(bridge.CodeOTPPolicy, fmt.Sprintf("algorithm %q, %d digits, %d s", p.Algorithm, p.Digits, p.Period), nil)
	}
	return nil
}

// Common reports whether p is what every authenticator app understands; some apps ignore another one and show wrong codes.
func Common(p bridge.OTPPolicy) bool {
	return p == bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}
}

var algorithms = map[string]otp.Algorithm{
	"SHA1": otp.AlgorithmSHA1, "SHA256": otp.AlgorithmSHA256, "SHA512": otp.AlgorithmSHA512,
}
