// Package phone is a software authenticator for tests and the local run: it takes a key as people take it (an otpauth URI
// or Base32 text) and shows codes. It is written from RFC 4226 and RFC 6238 with the standard library only, so that it can
// contradict the product, and it must never be used by it.
package phone

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 4226 asks for it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Key is what an authenticator remembers of one account. The zero values of Algorithm, Digits and Period mean SHA1, 6 and 30.
type Key struct {
	Secret    []byte
	Algorithm string // SHA1, SHA256, SHA512
	Digits    int
	Period    int // seconds
	Counter   uint64
	HOTP      bool // codes count uses instead of time
	Issuer    string
	Account   string
}

// ErrKey says that a phone cannot take the key.
var ErrKey = errors.New("no key for an authenticator")

// FromBase32 takes a key that was typed in: blanks, hyphens, lower case and missing padding do not matter.
func FromBase32(text string) (Key, error) {
	clean := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "=", "").Replace(text))
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(clean)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if len(secret) == 0 {
		return Key{}, fmt.Errorf("%w: it is empty", ErrKey)
	}
	return Key{Secret: secret, Algorithm: "SHA1", Digits: 6, Period: 30}, nil
}

// Scan takes the text of a QR code: otpauth://totp/Issuer:account?secret=…&issuer=…&algorithm=…&digits=…&period=…
func Scan(text string) (Key, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if u.Scheme != "otpauth" || (u.Host != "totp" && u.Host != "hotp") {
		return Key{}, fmt.Errorf("%w: not an otpauth URI", ErrKey)
	}
	q := u.Query()
	k, err := FromBase32(q.Get("secret"))
	if err != nil {
		return Key{}, err
	}
	k.HOTP, k.Issuer = u.Host == "hotp", q.Get("issuer")
	k.Account = strings.TrimPrefix(u.Path, "/")
	if before, after, ok := strings.Cut(k.Account, ":"); ok {
		k.Account = strings.TrimSpace(after)
		if k.Issuer == "" {
			k.Issuer = before
		}
	}
	if a := q.Get("algorithm"); a != "" {
		k.Algorithm = a
	}
	return k, k.numbers(q)
}

// numbers reads digits, period and counter of an otpauth URI and refuses what no phone can show.
func (k *Key) numbers(q url.Values) error {
	for name, into := range map[string]*int{"digits": &k.Digits, "period": &k.Period} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%w: %s: %w", ErrKey, name, err)
			}
			*into = n
		}
	}
	if text := q.Get("counter"); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return fmt.Errorf("%w: counter: %w", ErrKey, err)
		}
		k.Counter = n
	}
	if k.Digits < 6 || k.Digits > 9 || k.Period < 1 {
		return fmt.Errorf("%w: %d digits every %d s", ErrKey, k.Digits, k.Period)
	}
	if _, err := hashOf(k.Algorithm); err != nil {
		return err
	}
	return nil
}

// Code is what the phone shows at a time. It panics on an algorithm that Scan would have refused.
func (k Key) Code(at time.Time) string {
	if k.HOTP {
		return k.At(k.Counter)
	}
	return k.At(k.Step(at))
}

// Step is the number of the period a time falls into.
func (k Key) Step(at time.Time) uint64 {
	return uint64(max(0, at.Unix())) / uint64(k.period()) //nolint:gosec // neither is negative
}

// Left is how long the code that is shown at a time stays on the screen.
func (k Key) Left(at time.Time) time.Duration {
	end := time.Unix(int64(k.Step(at)+1)*int64(k.period()), 0) //nolint:gosec // a date
	return end.Sub(at)
}

// At is the code of one step or counter value (RFC 4226, section 5.3).
func (k Key) At(counter uint64) string {
	newHash, err := hashOf(k.Algorithm)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(newHash, k.Secret)
	_ = binary.Write(mac, binary.BigEndian, counter) // a hash takes everything
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[offset:offset+4]) & 0x7fffffff
	digits := k.Digits
	if digits == 0 {
		digits = 6
	}
	limit := uint32(1)
	for range digits {
		limit *= 10
	}
	return fmt.Sprintf("%0*d", digits, number%limit)
}

func (k Key) period() int {
	if k.Period == 0 {
		return 30
	}
	return k.Period
}

func hashOf(name string) (func() hash.Hash, error) {
	switch strings.ToUpper(name) {
	case "", "SHA1":
		return sha1.New, nil
	case "SHA256":
		return sha256.New, nil
	case "SHA512":
		return sha512.New, nil
	default:
		return nil, fmt.Errorf("%w: algorithm %q", ErrKey, name)
	}
}
