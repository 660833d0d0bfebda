package config

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// The pattern of a range matches each number in it and none beside it.
func TestRangePattern(t *testing.T) {
	t.Parallel()
	for _, r := range [][2]int64{{0, 0}, {0, 9}, {5, 10}, {1, 24}, {5, 1440}, {0, 4320}, {24, 720}, {1440, 43200}, {100, 199}, {97, 1203}} {
		re := regexp.MustCompile("^" + between(r[0], r[1]) + "$")
		for n := range int64(50000) {
			if got, want := re.MatchString(fmt.Sprint(n)), n >= r[0] && n <= r[1]; got != want {
				t.Fatalf("%v: %d matches: %v", r, n, got)
			}
		}
	}
}

// What a parser takes its pattern takes, and what is plainly wrong neither does: of these forms the chart refuses nothing that `otpbridge check` takes.
func TestPatternsAreThoseOfTheParsers(t *testing.T) {
	t.Parallel()
	const host, loopback = "https://otp.example.ac.jp", "http://127.0.0.1:8088"
	for key, values := range map[string]struct{ good, bad []string }{
		"base_url": {
			[]string{host, host + "/", host + ":8443", loopback, "http://localhost", "http://[::1]:8088", "https://[2001:db8::1]"},
			[]string{"", "http://otp.example.ac.jp", host + "/otp", host + "?a", "otp.example.ac.jp", "https://", "http://localhost.example.ac.jp", "https://a@b"},
		},
		"sign_in.issuer": {[]string{host + "/realms/campus", loopback + "/realms/campus", host + "/auth/realms/campus%20a"}, []string{host, host + "/campus", host + "/realms/", host + "/realms/campus/", "http://sso.example.ac.jp/realms/campus", host + "/realms/campus?a"}},
		"keycloak.url":   {[]string{host, host + "/auth", loopback}, []string{"http://sso.example.ac.jp", "sso.example.ac.jp", host + "#a"}},
		"organisation.links.privacy": {
			[]string{host + "/privacy?lang=ja#top", host, "http://localhost/a b"}, []string{"http://www.example.ac.jp/privacy", "/privacy", "ftp://example.ac.jp"},
		},
		"help_desk.contacts[].url": {[]string{host + "/form", "mailto:desk@example.ac.jp"}, []string{"tel:075-000-0000", "mailto:", "mailto:desk", "desk@example.ac.jp"}},
		"help_desk.mailbox":        {[]string{"desk@example.ac.jp", "a+b@localhost"}, []string{"desk", "Desk <desk@example.ac.jp>", "desk@", ""}},
		"mail.from": {
			[]string{"noreply@example.ac.jp", "認証設定 <noreply@example.ac.jp>", `"A <b>" <noreply@example.ac.jp>`}, []string{"Settings", "Settings <noreply>", ""},
		},
		"mail.smtp": {
			[]string{"smtp://smtp.example.ac.jp", "smtps://otp@smtp.example.ac.jp:465", "smtp://127.0.0.1:2525/", "smtps://a%40b@smtp.example.ac.jp", "smtp://noreply@example.ac.jp@smtp.example.ac.jp:587"},
			[]string{"smtp.example.ac.jp", "smtp.example.ac.jp:587", "https://smtp.example.ac.jp", "smtp://a:b@smtp.example.ac.jp", "smtp://a/b", "smtp://"},
		},
		"store.redis.addresses": {[]string{"redis:6379", "10.0.0.1:6379", "[2001:db8::1]:6379"}, []string{"redis", ":6379", "redis://redis:6379", "2001:db8::1:x"}},
		"trusted_proxies": {
			[]string{"10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "2001:db8::1", "::ffff:10.0.0.1"}, []string{"10.0.0.0/99", "10.0.0.0/0", "::/0", "::/129", "proxy", ""},
		},
		"keycloak.password_reset":          {[]string{"none", "desk", "mail:email"}, []string{"mail:", "mail", "no", "mail:a b", ""}},
		"help_desk.risk_analysis.approved": {[]string{"2026-11-01", "2024-02-29"}, []string{"soon", "2026-13-01", "01.11.2026"}},
		"organisation.name.ja":             {[]string{"例示大学", "a b", "x"}, []string{"", " a", "a ", "a\nb"}},
	} {
		f := fieldOf(t, key)
		pattern := regexp.MustCompile(f.form.pattern)
		for i, value := range append(values.good, values.bad...) {
			want := i < len(values.good)
			cfg := &Config{HelpDesk: HelpDesk{Contacts: make([]Contact, 1)}}
			parsed := len(f.set(cfg, []piece{{text: value}})) == 0
			if matched := pattern.MatchString(value); matched != want || parsed != want {
				t.Errorf("%s %q: pattern %v, parser %v, want %v", key, value, matched, parsed, want)
			}
		}
	}
}

func fieldOf(t *testing.T, key string) *field {
	t.Helper()
	i := slices.IndexFunc(fields(), func(f *field) bool { return f.path == key })
	if i < 0 {
		t.Fatalf("%s is no key", key)
	}
	return fields()[i]
}
