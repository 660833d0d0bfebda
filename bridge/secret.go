package bridge

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
)

// Secret is a value that never shows itself: not in logs, formats or errors. Reveal is the only way out.
// It is stored in (sealed) records as it is.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String hides the value.
func (Secret) String() string { return "[secret]" }

// GoString hides the value.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the value.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Hash returns the hexadecimal SHA-256 of the value: what is stored and looked up in its place.
func (s Secret) Hash() string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// NewToken returns 32 random bytes as 43 base64url characters.
func NewToken() Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// NewDigits returns n random decimal digits.
func NewDigits(n int) string {
	out := make([]byte, 0, n)
	var b [1]byte
	for len(out) < n {
		_, _ = rand.Read(b[:])
		if b[0] < 250 { // 250 = 25·10: no digit is more likely than another
			out = append(out, '0'+b[0]%10)
		}
	}
	return string(out)
}

// randomIndex returns an unpredictable number from 0 to n-1, for n up to 256.
func randomIndex(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:])
		if int(b[0]) < 256-256%n {
			return int(b[0]) % n
		}
	}
}

// randomChoices draws k different numbers from 0 to n-1, in random order.
func randomChoices(n, k int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for i := range k {
		j := i + randomIndex(n-i)
		all[i], all[j] = all[j], all[i]
	}
	return all[:k]
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewReference returns a reference number: eight Crockford base-32 characters.
func NewReference() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	for i := range b {
		b[i] = crockford[b[i]%32]
	}
	return string(b[:])
}

// NewUUID returns a random UUID (RFC 9562, version 4).
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Equal compares in constant time; an empty expected value never matches.
func Equal(expected, got string) bool {
	return expected != "" && subtle.ConstantTimeCompare([]byte(expected), []byte(got)) == 1
}
