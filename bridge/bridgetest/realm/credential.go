package realm

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"time"
)

// credential is one of Keycloak's credentials. The two data fields hold JSON as text, as Keycloak wants them.
type credential struct {
	Type           string `json:"type"`
	Label          string `json:"userLabel,omitempty"`
	CreatedDate    int64  `json:"createdDate,omitempty"` // milliseconds
	SecretData     string `json:"secretData"`
	CredentialData string `json:"credentialData"`
}

// passwordCredential hashes a password as Keycloak does and dates it: a password given in clear is always new.
func passwordCredential(password string, set time.Time) (credential, error) {
	const iterations = 10_000 // a test's; real ones have many more
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return credential{}, fmt.Errorf("hash a password: %w", err)
	}
	hash, err := pbkdf2.Key(sha512.New, password, salt, iterations, sha512.Size)
	if err != nil {
		return credential{}, fmt.Errorf("hash a password: %w", err)
	}
	c := credential{Type: "password", CreatedDate: set.UnixMilli()}
	err = c.fill(
		object{"value": hash, "salt": salt, "additionalParameters": object{}},
		object{"hashIterations": iterations, "algorithm": "pbkdf2-sha512", "additionalParameters": object{}})
	return c, err
}

// otpCredential is an authenticator with the realm's default policy.
func otpCredential(label, secret string) (credential, error) {
	c := credential{Type: "otp", Label: label}
	err := c.fill(object{"value": secret}, object{
		"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1", "secretEncoding": "BASE32"})
	return c, err
}

func (c *credential) fill(secret, data object) error {
	for _, part := range []struct {
		field *string
		value object
	}{{&c.SecretData, secret}, {&c.CredentialData, data}} {
		text, err := json.Marshal(part.value)
		if err != nil {
			return fmt.Errorf("credential: %w", err)
		}
		*part.field = string(text)
	}
	return nil
}
