package totp_test

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pquerna/otp"
	"pgregory.net/rapid"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/phone"
	"otpbridge/bridge/totp"
)

// seen is what an app would store after reading a URI.
type seen struct{ issuer, prefix, account, secret string }

var errStrict = errors.New("strict parser")

var strictForm = regexp.MustCompile(`^otpauth://totp/((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+):((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)` +
	`\?secret=([A-Z2-7]{32})&issuer=((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)((?:&algorithm=SHA(?:1|256|512)&digits=[68]&period=[36]0)?)$`)

func byStrict(uri string) (seen, error) {
	m := strictForm.FindStringSubmatch(uri)
	if m == nil {
		return seen{}, errStrict
	}
	return seen{issuer: unescape(m[4]), prefix: unescape(m[1]), account: unescape(m[2]), secret: m[3]}, nil
}

func unescape(text string) string {
	var b []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			n, _ := strconv.ParseUint(text[i+1:i+3], 16, 8)
			b = append(b, byte(n))
			i += 2
			continue
		}
		b = append(b, text[i])
	}
	return string(b)
}

func byURL(uri string) (seen, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return seen{}, err
	}
	prefix, account, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), ":")
	return seen{u.Query().Get("issuer"), prefix, account, u.Query().Get("secret")}, nil
}

func byLibrary(uri string) (seen, error) {
	k, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return seen{}, err
	}
	return seen{k.Issuer(), k.Issuer(), k.AccountName(), k.Secret()}, nil
}

func byPhone(uri string) (seen, error) {
	k, err := phone.Scan(uri)
	if err != nil {
		return seen{}, err
	}
	u, err := byURL(uri)
	return seen{k.Issuer, k.Issuer, k.Account, u.secret}, err
}

// checkURI holds a URI against four parsers that know nothing of one another.
func checkURI(t interface{ Fatalf(string, ...any) }, e totp.Entry, uri string) {
	if len(uri) > totp.MaxURI || strings.ContainsAny(uri, "+ ") {
		t.Fatalf("%d bytes, or a plus sign or blank: %s", len(uri), uri)
	}
	var first seen
	for i, parse := range []func(string) (seen, error){byStrict, byURL, byLibrary, byPhone} {
		got, err := parse(uri)
		if err != nil {
			t.Fatalf("parser %d: %v: %s", i, err, uri)
		}
		if i == 0 {
			first = got
		}
		if got != first || got.issuer != got.prefix || strings.Contains(got.issuer+got.account, ":") || got.secret != e.Secret.Reveal() {
			t.Fatalf("parser %d reads %+v, parser 0 %+v", i, got, first)
		}
	}
}

// ENR-03
func TestURIReadsAlikeInFourParsers(t *testing.T) {
	t.Parallel()
	key := totp.Authenticator{}.NewKey()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9 +:%&?#/@=;,'"<>\\.~-]{1,40}`), rapid.StringOfN(rapid.RuneFrom([]rune("髙﨑①㈱〜～－ｶﾅ𠮷：:+ ％")), 1, 60, -1))
		e := totp.Entry{
			Issuer: rapid.StringMatching(`[A-Za-z0-9 :+&%-]{0,20}`).Draw(t, "issuer") + "E", Account: text.Draw(t, "account"), Secret: key,
			OTP: rapid.SampledFrom(policies()).Draw(t, "policy"),
		}
		uri, err := totp.URI(e)
		if err != nil {
			if clean := strings.ToValidUTF8(e.Account, ""); utf8.RuneCountInString(clean) > 0 && strings.ContainsAny(clean, "abcdefghij0123456789") {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		checkURI(t, e, uri)
	})
}

func TestURIIsExactForAnOrdinaryPerson(t *testing.T) {
	t.Parallel()
	got, err := totp.URI(totp.Entry{Issuer: "Example U", Account: "a0123456", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", OTP: common})
	want := "otpauth://totp/Example%20U:a0123456?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20U&algorithm=SHA1&digits=6&period=30"
	if err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}

// ENR-04: a long account loses its end, an uncommon policy never.
func TestURIStaysShortEnoughForTheQRCode(t *testing.T) {
	t.Parallel()
	for _, p := range []bridge.OTPPolicy{common, {Algorithm: "SHA512", Digits: 8, Period: 60}} {
		e := totp.Entry{Issuer: "Example", Account: strings.Repeat("髙橋", 120), Secret: totp.Authenticator{}.NewKey(), OTP: p}
		uri, err := totp.URI(e)
		if err != nil {
			t.Fatal(err)
		}
		checkURI(t, e, uri)
		if p != common && !strings.HasSuffix(uri, "&algorithm=SHA512&digits=8&period=60") {
			t.Errorf("policy missing: %s", uri)
		}
		if len(uri) < totp.MaxURI-20 {
			t.Errorf("only %d bytes used", len(uri))
		}
	}
	for _, e := range []totp.Entry{{Issuer: "", Account: "a"}, {Issuer: "E", Account: " \u200b"}, {Issuer: strings.Repeat("E", 200), Account: "a"}} {
		e.Secret, e.OTP = totp.Authenticator{}.NewKey(), common
		if _, err := totp.URI(e); bridge.CodeOf(err) != bridge.CodeInternal {
			t.Errorf("%q, %q: %v", e.Issuer, e.Account, err)
		}
	}
}

func FuzzURI(f *testing.F) {
	f.Add("Example", "a0123456")
	f.Add("Ex:am+ple %", "髙﨑 ①@example.ac.jp:x\r\n\u202e")
	f.Add("\xff", "\xc3\x28&issuer=Evil")
	key := totp.Authenticator{}.NewKey()
	f.Fuzz(func(t *testing.T, issuer, account string) {
		e := totp.Entry{Issuer: issuer, Account: account, Secret: key, OTP: common}
		uri, err := totp.URI(e)
		if err != nil {
			return
		}
		checkURI(t, e, uri)
		if _, err := totp.SVG(uri); err != nil {
			t.Fatal(err)
		}
	})
}
