package totp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/phone"
	"otpbridge/bridge/totp"
)

var (
	_ bridge.Authenticator = totp.Authenticator{}

	common = bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}
	noon   = time.Date(2026, 11, 25, 3, 0, 10, 0, time.UTC)
)

// ENR-01
func TestNewKeyIsBase32OfTwentyBytesAndNeverComesTwice(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	seen := make(map[bridge.Secret]bool)
	used := make(map[rune]bool)
	for range 100_000 {
		key := totp.Authenticator{}.NewKey()
		if len(key) != 32 || strings.Trim(key.Reveal(), alphabet) != "" {
			t.Fatalf("key of %d characters, or outside the alphabet", len(key))
		}
		if seen[key] {
			t.Fatal("a key came twice")
		}
		seen[key] = true
		for _, r := range key.Reveal() {
			used[r] = true
		}
	}
	if len(used) != len(alphabet) {
		t.Errorf("only %d of 32 signs appear", len(used))
	}
}

func policies() []bridge.OTPPolicy {
	var out []bridge.OTPPolicy
	for _, a := range []string{"SHA1", "SHA256", "SHA512"} {
		for _, d := range []int{6, 8} {
			for _, p := range []int{30, 60} {
				out = append(out, bridge.OTPPolicy{Algorithm: a, Digits: d, Period: p})
			}
		}
	}
	return out
}

// ENR-02, ENR-06: codes of an independent phone that scanned the URI are right for T-1, T and T+1, under every policy.
func TestCheckAcceptsThreeStepsOfEveryServedPolicy(t *testing.T) {
	t.Parallel()
	for _, p := range policies() {
		key := totp.Authenticator{}.NewKey()
		uri, err := totp.URI(totp.Entry{Issuer: "Example", Account: "a0123456", Secret: key, OTP: p})
		if err != nil {
			t.Fatal(err)
		}
		ph, err := phone.Scan(uri)
		if err != nil {
			t.Fatal(err)
		}
		current := noon.Unix() / int64(p.Period)
		for o := int64(-2); o <= 2; o++ {
			typed := ph.Code(noon.Add(time.Duration(o) * time.Duration(p.Period) * time.Second))
			step, err := totp.Authenticator{}.Check(key, p, typed, noon)
			if o == -2 || o == 2 {
				if bridge.CodeOf(err) != bridge.CodeClock {
					t.Errorf("%v, T%+d: %v", p, o, err)
				}
				continue
			}
			if err != nil || step != current+o {
				t.Errorf("%v, T%+d: step %d, %v", p, o, step-current, err)
			}
		}
	}
}

// ENR-02
func TestPoliciesThatNobodyServesAreRefused(t *testing.T) {
	t.Parallel()
	key := totp.Authenticator{}.NewKey()
	for _, p := range []bridge.OTPPolicy{
		{}, {Algorithm: "MD5", Digits: 6, Period: 30}, {Algorithm: "SHA1", Digits: 0, Period: 30}, {Algorithm: "SHA1", Digits: 7, Period: 30},
		{Algorithm: "SHA1", Digits: 6, Period: 0}, {Algorithm: "SHA1", Digits: 6, Period: 45}, {Algorithm: "sha1", Digits: 6, Period: 30},
		{Algorithm: "SHA384", Digits: 6, Period: 30}, {Algorithm: "SHA1", Digits: 6, Period: -30},
	} {
		if _, err := (totp.Authenticator{}).Check(key, p, "123456", noon); bridge.CodeOf(err) != bridge.CodeOTPPolicy {
			t.Errorf("check %v: %v", p, err)
		}
		if _, err := totp.URI(totp.Entry{Issuer: "E", Account: "a", Secret: key, OTP: p}); bridge.CodeOf(err) != bridge.CodeOTPPolicy {
			t.Errorf("URI %v: %v", p, err)
		}
		if totp.Common(p) {
			t.Errorf("%v is common", p)
		}
	}
	if !totp.Common(common) {
		t.Error("SHA1/6/30 is not common")
	}
}

// The library validates codes of an empty secret: nothing shorter than 20 bytes gets that far (ENR-01).
func TestShortAndMalformedKeysAreRefusedFirst(t *testing.T) {
	t.Parallel()
	for _, key := range []bridge.Secret{
		"", "GEZDGNBV", bridge.Secret(strings.Repeat("A", 30)), bridge.Secret(strings.Repeat("A", 31)), bridge.Secret(strings.Repeat("a", 32)),
		bridge.Secret(strings.Repeat("A", 31) + "1"), bridge.Secret(strings.Repeat("A", 24) + "========"), bridge.Secret(strings.Repeat(" ", 32)),
	} {
		for _, p := range []bridge.OTPPolicy{common, {}} {
			_, err := totp.Authenticator{}.Check(key, p, "123456", noon)
			if bridge.CodeOf(err) != bridge.CodeInternal {
				t.Errorf("key of %d signs: %v", len(key), err)
			}
			if key != "" && strings.Contains(err.Error(), key.Reveal()) {
				t.Error("the error shows the key")
			}
		}
		if (totp.Authenticator{}).Matches(key, common, "123456", noon) {
			t.Error("it matches")
		}
		if _, err := totp.URI(totp.Entry{Issuer: "E", Account: "a", Secret: key, OTP: common}); bridge.CodeOf(err) != bridge.CodeInternal {
			t.Errorf("URI with a key of %d signs: %v", len(key), err)
		}
	}
}

// ENR-11
func TestCheckForgivesHowACodeIsTyped(t *testing.T) {
	t.Parallel()
	key := totp.Authenticator{}.NewKey()
	ph, err := phone.FromBase32(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	c := ph.Code(noon)
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, c)
	wideRunes := string([]rune(wide)[:3]) + "　" + string([]rune(wide)[3:])
	for _, typed := range []string{
		c, wide, wideRunes, c[:3] + " " + c[3:], c[:3] + "-" + c[3:], " " + c + "\r\n", c[:3] + "\u00a0" + c[3:], c[:3] + "－" + c[3:], c[:3] + "ー" + c[3:],
		c[:3] + "ｰ" + c[3:], c[:3] + "−" + c[3:], c[:3] + "–" + c[3:], "\ufeff" + c, "\u202a" + c + "\u202c", c[:3] + "\u200b" + c[3:], strings.Join(strings.Split(c, ""), " "),
	} {
		if _, err := (totp.Authenticator{}).Check(key, common, typed, noon); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for typed, want := range map[string]bridge.Code{
		"": bridge.CodeEmpty, strings.Repeat("\u3000\t", 2): bridge.CodeEmpty, "--": bridge.CodeEmpty, "\u200b": bridge.CodeEmpty,
		c[:5]: bridge.CodeFormat, c + "0": bridge.CodeFormat, "12345a": bridge.CodeFormat, "+" + c: bridge.CodeFormat, "１２３４５": bridge.CodeFormat,
		c + "\x00\x01.": bridge.CodeFormat, "①23456": bridge.CodeWrongCode, "abcdef": bridge.CodeFormat, "\xff\xfe" + c: bridge.CodeFormat,
		strings.Repeat(" ", 1000) + c: bridge.CodeFormat,
	} {
		if typed == "①23456" && c == "123456" {
			continue
		}
		_, err := totp.Authenticator{}.Check(key, common, typed, noon)
		if got := bridge.CodeOf(err); got != want && (want != bridge.CodeWrongCode || got != bridge.CodeClock) {
			t.Errorf("%q: %v, want %s", typed, err, want)
		}
	}
}

// ENR-12: a phone whose clock is off is told by how much, as far as 20 steps.
func TestCheckExplainsAWrongClock(t *testing.T) {
	t.Parallel()
	key := bridge.Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	ph, err := phone.FromBase32(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for seconds, want := range map[int]int{60: 1, -60: -1, 90: 2, -90: -2, 120: 2, 300: 5, -300: -5, 600: 10, -600: -10} {
		_, err := totp.Authenticator{}.Check(key, common, ph.Code(noon.Add(time.Duration(seconds)*time.Second)), noon)
		var e *bridge.Error
		if !errors.As(err, &e) || e.Code != bridge.CodeClock || e.Minutes != want {
			t.Errorf("%+d s: %v %+v", seconds, err, e)
		}
	}
	for _, seconds := range []int{630, -630} {
		_, err := totp.Authenticator{}.Check(key, common, ph.Code(noon.Add(time.Duration(seconds)*time.Second)), noon)
		if bridge.CodeOf(err) != bridge.CodeWrongCode {
			t.Errorf("%+d s: %v", seconds, err)
		}
	}
}

// ENR-13: RFC 6238, appendix B. The longer seeds are the ones of its erratum: the ASCII digits repeated to the hash's length.
func TestRFC6238Vectors(t *testing.T) {
	t.Parallel()
	seeds := map[string]bridge.Secret{
		"SHA1":   "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		"SHA256": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA",
		"SHA512": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA",
	}
	for unix, codes := range map[int64][3]string{
		59:          {"94287082", "46119246", "90693936"},
		1111111109:  {"07081804", "68084774", "25091201"},
		1111111111:  {"14050471", "67062674", "99943326"},
		1234567890:  {"89005924", "91819424", "93441116"},
		2000000000:  {"69279037", "90698825", "38618901"},
		20000000000: {"65353130", "77737706", "47863826"},
	} {
		for i, name := range []string{"SHA1", "SHA256", "SHA512"} {
			p := bridge.OTPPolicy{Algorithm: name, Digits: 8, Period: 30}
			step, err := totp.Authenticator{}.Check(seeds[name], p, codes[i], time.Unix(unix, 0))
			if err != nil || step != unix/30 {
				t.Errorf("%s at %d: step %d, %v", name, unix, step, err)
			}
		}
	}
}

// ENR-13: RFC 4226, appendix D; a counter is the time step here.
func TestRFC4226Vectors(t *testing.T) {
	t.Parallel()
	codes := strings.Fields("755224 287082 359152 969429 338314 254676 287922 162583 399871 520489")
	for counter, code := range codes {
		step, err := totp.Authenticator{}.Check("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", common, code, time.Unix(int64(counter)*30, 0))
		if err != nil || step != int64(counter) {
			t.Errorf("counter %d: step %d, %v", counter, step, err)
		}
	}
}

// TMP-05: a temporary code is the value at counter 0 of RFC 4226, appendix D, eight digits of it.
func TestSingleIsTheFirstValueOfTheRFC(t *testing.T) {
	t.Parallel()
	code, err := totp.Authenticator{}.Single("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	if err != nil || code.Reveal() != "84755224" {
		t.Errorf("%q, %v", code.Reveal(), err)
	}
	if _, err := (totp.Authenticator{}).Single("GEZDGNBV"); err == nil {
		t.Error("a short key has a code")
	}
}

func TestMatchesTellsTheOldKeyFromTheNew(t *testing.T) {
	t.Parallel()
	a := totp.Authenticator{}
	old := a.NewKey()
	ph, err := phone.FromBase32(old.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if !a.Matches(old, common, ph.Code(noon), noon) {
		t.Error("the old key's own code")
	}
	if a.Matches(old, common, ph.Code(noon.Add(time.Hour)), noon) {
		t.Error("a code of another hour")
	}
}
