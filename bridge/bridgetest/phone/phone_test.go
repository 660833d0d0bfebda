package phone_test

import (
	"encoding/base32"
	"errors"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/phone"
)

// The values of RFC 4226, appendix D.
func TestHOTPShowsTheValuesOfTheRFC(t *testing.T) {
	t.Parallel()
	k := phone.Key{Secret: []byte("12345678901234567890")}
	want := []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"}
	for counter, code := range want {
		if got := k.At(uint64(counter)); got != code {
			t.Errorf("counter %d: got %s, want %s", counter, got, code)
		}
	}
}

// The values of RFC 6238, appendix B (8 digits, three hashes).
func TestTOTPShowsTheValuesOfTheRFC(t *testing.T) {
	t.Parallel()
	seed := strings.Repeat("1234567890", 7)
	lengths := map[string]int{"SHA1": 20, "SHA256": 32, "SHA512": 64}
	for _, c := range []struct {
		unix      int64
		algorithm string
		want      string
	}{
		{59, "SHA1", "94287082"}, {59, "SHA256", "46119246"}, {59, "SHA512", "90693936"},
		{1111111109, "SHA1", "07081804"}, {1111111109, "SHA256", "68084774"}, {1111111109, "SHA512", "25091201"},
		{1111111111, "SHA1", "14050471"}, {1234567890, "SHA256", "91819424"}, {2000000000, "SHA512", "38618901"},
		{20000000000, "SHA1", "65353130"}, {20000000000, "SHA256", "77737706"}, {20000000000, "SHA512", "47863826"},
	} {
		k := phone.Key{Secret: []byte(seed[:lengths[c.algorithm]]), Algorithm: c.algorithm, Digits: 8}
		if got := k.Code(time.Unix(c.unix, 0)); got != c.want {
			t.Errorf("%s at %d: got %s, want %s", c.algorithm, c.unix, got, c.want)
		}
	}
}

func TestScanReadsEverythingOfTheURI(t *testing.T) {
	t.Parallel()
	k, err := phone.Scan("otpauth://totp/Example:alice?secret=jbswy3dpehpk3pxp&issuer=Example&algorithm=SHA256&digits=8&period=60")
	if err != nil {
		t.Fatal(err)
	}
	if k.Issuer != "Example" || k.Account != "alice" || k.Algorithm != "SHA256" || k.Digits != 8 || k.Period != 60 {
		t.Errorf("read %+v", k)
	}
	at := time.Unix(1000000000, 0)
	if got := k.Left(at); got != 20*time.Second {
		t.Errorf("left: %v", got)
	}
	if len(k.Code(at)) != 8 {
		t.Errorf("code %q", k.Code(at))
	}
}

func TestTypedKeyForgivesBlanksAndCase(t *testing.T) {
	t.Parallel()
	k, err := phone.FromBase32("jbsw y3dp-EHPK 3pxp ====")
	if err != nil {
		t.Fatal(err)
	}
	if got := base32.StdEncoding.EncodeToString(k.Secret); got != "JBSWY3DPEHPK3PXP" {
		t.Errorf("secret %s", got)
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "https://example.net", "otpauth://totp/x", "otpauth://totp/x?secret=", "otpauth://totp/x?secret=1888",
		"otpauth://totp/x?secret=JBSWY3DP&digits=3", "otpauth://totp/x?secret=JBSWY3DP&period=0",
		"otpauth://totp/x?secret=JBSWY3DP&algorithm=MD5", "otpauth://totp/x?secret=JBSWY3DP&digits=six",
	} {
		if _, err := phone.Scan(text); !errors.Is(err, phone.ErrKey) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
