package realm

import (
	"crypto/ecdsa"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
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

// codesCredential is a set of recovery codes.
func codesCredential(codes []string) (credential, error) {
	c := credential{Type: "recovery-authn-codes"}
	hashed := make([]object, 0, len(codes))
	for i, code := range codes {
		sum := sha512.Sum512([]byte(code))
		hashed = append(hashed, object{"number": i + 1, "encodedHashedValue": sum[:]})
	}
	err := c.fill(object{"codes": hashed},
		object{"hashIterations": 1, "algorithm": "RS512", "totalCodes": len(codes), "remainingCodes": len(codes)})
	return c, err
}

// Passkey is what Keycloak knows of a passkey.
type Passkey struct {
	ID     []byte
	Public *ecdsa.PublicKey // on P-256
	Alone  bool             // it stands for the password, too
}

// passkeyCredential is a passkey as a second factor, or as both.
func passkeyCredential(p Passkey) (credential, error) {
	point, err := p.Public.Bytes()
	if err != nil {
		return credential{}, fmt.Errorf("passkey: %w", err)
	}
	const half = 32
	// COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
	key := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, half}, point[1:1+half]...)
	key = append(append(key, 0x22, 0x58, half), point[1+half:]...)
	c := credential{Type: "webauthn", Label: "my passkey"}
	if p.Alone {
		c.Type = "webauthn-passwordless"
	}
	err = c.fill(object{}, object{
		"aaguid": "00000000-0000-0000-0000-000000000000", "credentialId": p.ID, "counter": 1, "transports": []string{"internal"},
		"attestationStatementFormat": "none", "credentialPublicKey": base64.RawURLEncoding.EncodeToString(key),
	})
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
