package totp

import (
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"otpbridge/bridge"
)

// Single implements bridge.Authenticator: the HOTP value of the key at counter 0 (RFC 4226).
func (Authenticator) Single(key bridge.Secret) (bridge.Secret, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	code, err := hotp.GenerateCodeCustom(key.Reveal(), 0, hotp.ValidateOpts{Digits: bridge.TemporaryDigits, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", bridge.Fault(bridge.CodeInternal, "compute code", err)
	}
	return bridge.Secret(code), nil
}
