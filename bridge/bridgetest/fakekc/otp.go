package fakekc

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"otpbridge/bridge/bridgetest/phone"
)

// lookAround is how many steps before and after the present one count, as the realm's policy says.
const lookAround = 1

// errCredential says that a stored OTP cannot be used: Keycloak then ends the sign-in with an error page.
var errCredential = errors.New("stored credential cannot be used")

// accept reports whether a code is right now, and uses it up.
func (c *credential) accept(text string, now time.Time) (bool, error) {
	key, data, err := c.key()
	if err != nil {
		return false, err
	}
	if data.SubType == "hotp" {
		for ahead := range int64(lookAround + 1) {
			if key.At(uint64(data.Counter+ahead)) == text { //nolint:gosec // counters are small
				data.Counter += ahead + 1
				c.data = compact(data)
				return true, nil
			}
		}
		return false, nil
	}
	for _, offset := range []int{-lookAround, 0, lookAround} {
		step := key.Step(now.Add(time.Duration(offset*data.Period) * time.Second))
		if key.At(step) == text && !c.used[step] {
			if c.used == nil {
				c.used = map[uint64]bool{}
			}
			c.used[step] = true
			return true, nil
		}
	}
	return false, nil
}

// key reads the stored texts as Keycloak does when a code is checked, not when they are written.
func (c *credential) key() (phone.Key, otpData, error) {
	var data otpData
	var secret struct {
		Value string `json:"value"`
	}
	if json.Unmarshal([]byte(c.data), &data) != nil || json.Unmarshal([]byte(c.secret), &secret) != nil {
		return phone.Key{}, data, errCredential
	}
	algorithm, ok := strings.CutPrefix(data.Algorithm, "Hmac")
	if !ok || (algorithm != "SHA1" && algorithm != "SHA256" && algorithm != "SHA512") {
		return phone.Key{}, data, errCredential
	}
	key := phone.Key{Secret: []byte(secret.Value), Algorithm: algorithm, Digits: data.Digits, Period: data.Period}
	switch data.SecretEncoding {
	case "":
		return key, data, nil
	case "BASE32":
		decoded, err := phone.FromBase32(secret.Value)
		if err != nil {
			return phone.Key{}, data, errCredential
		}
		key.Secret = decoded.Secret
		return key, data, nil
	default:
		return phone.Key{}, data, errCredential
	}
}
