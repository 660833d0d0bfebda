package config

import (
	"fmt"
	"net/mail"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
)

// CFG-10: what is shipped can be used, and means what it says.
func TestShippedExampleHasNoFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, faults := s.load(s.text)
	if faults != nil {
		t.Fatal(strings.Join(faults, "\n"))
	}
	got := []any{
		c.BaseURL.String(), c.Listen, c.AdminListen, c.TrustedProxies, c.TimeZone.String(), c.Languages, c.Keys.IDs() != nil, c.Paused,
		c.Organisation.Name, c.SignIn.GateGroup, c.SignIn.Auth.Keys.Empty(), c.Keycloak.Addresses, c.Keycloak.PasswordAge,
		c.Store.Bolt, c.Store.Redis == nil, c.Mail.SMTP, c.Mail.Password.Reveal(), c.Mail.From, c.Recovery, c.HelpDesk.Holidays,
		c.HelpDesk.Contacts[0].Label["en"], len(c.Hash),
	}
	want := []any{
		"https://otp.example.ac.jp", ":8080", "127.0.0.1:9090", []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}, "Asia/Tokyo",
		[]string{"ja", "en"}, true, false, map[string]string{"ja": "例示大学", "en": "Example University"},
		"7c0e6a2e-3f0b-4a55-9d43-52c1a6a3d0b1", false, []bridge.AddressSource{{Attribute: "notificationEmail"}}, 72 * time.Hour,
		"/var/lib/otpbridge/state.db", true, SMTPServer{Host: "smtp.example.ac.jp", Port: 465, User: "otpbridge", Implicit: true},
		"correct horse battery", &mail.Address{Name: "Authentication settings", Address: "noreply@example.ac.jp"},
		RecoveryConfig{LinkLife: 30 * time.Minute, KeyLife: 10 * time.Minute, Codes: true, TemporaryCodes: true}, []string{"2026-11-03", "2026-11-23"}, "Contact form", 16,
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

// The defaults are what the example spells out.
func TestDefaultsStandBehindEachKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, faults := s.load(s.text)
	if faults != nil {
		t.Fatal(faults)
	}
	short := s.text
	for _, line := range []string{
		`listen: ":8080"`, "admin_listen: 127.0.0.1:9090", "time_zone: Asia/Tokyo", "languages: [ja, en]", "log: {level: info, format: json}",
		"paused: false", "  client_id: otpbridge-login", "  recovery_scope: otp-recovery", "  full_acr: mfa", "  client_id: otpbridge-admin",
		"  password_age: 72h", "  allowed_group: /otp-recoverable", "  harmless_roles: [default-roles-campus, offline_access, uma_authorization]",
		"store: {bolt: /var/lib/otpbridge/state.db}", "recovery: {link_life: 30m, key_life: 10m}", "  role: otp-helpdesk", "  auditor_role: otp-auditor",
		"audit: {file: /var/lib/otpbridge/audit.jsonl}",
	} {
		short = strings.Replace(short, line, "", 1)
	}
	d, faults := s.load(short)
	if faults != nil {
		t.Fatal(faults)
	}
	if diff := cmp.Diff(fmt.Sprintf("%+v", *d.redact()), fmt.Sprintf("%+v", *c.redact())); diff != "" {
		t.Error(diff)
	}
}

// redact takes out what is another pointer in each configuration.
func (c *Config) redact() *Config {
	c.BaseURL, c.TimeZone, c.Keys, c.Mail.From = nil, nil, nil, nil
	return c
}

// CFG-06: the environment wins over the file, the file over the default.
func TestEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, faults := s.load(s.text, "OTPBRIDGE_LOG_LEVEL=debug", "OTPBRIDGE_TRUSTED_PROXIES=10.0.0.1, fd00::/8", "OTPBRIDGE_ORGANISATION_NAME_EN=Other",
		"OTPBRIDGE_SERVICE_HOST=10.3.4.5", "OTPBRIDGE_PORT_8080_TCP_ADDR=10.3.4.5", "OTPBRIDGE_PORT=tcp://10.3.4.5:80", "OTPBRIDGE_REDIS_SERVICE_PORT_HTTP=1",
		"HOME=/root")
	if faults != nil {
		t.Fatal(faults)
	}
	if c.Log.Level.String() != "DEBUG" || len(c.TrustedProxies) != 2 || c.Organisation.Name["en"] != "Other" || c.Organisation.Name["ja"] == "" {
		t.Errorf("got %v, %v, %v", c.Log.Level, c.TrustedProxies, c.Organisation.Name)
	}
	_, faults = s.load(s.text, "OTPBRIDGE_LOG_LEVEL=loud", "OTPBRIDGE_LOG_LEVEX=debug", "OTPBRIDGE_MAIL_PASSWORD=hunter2", "OTPBRIDGE_PAUSED=")
	want := []string{
		"$OTPBRIDGE_LOG_LEVEL: log.level: is none of the words allowed, allowed: debug, info, warn, error",
		"$OTPBRIDGE_LOG_LEVEX: belongs to no key; the nearest is OTPBRIDGE_LOG_LEVEL",
		"$OTPBRIDGE_MAIL_PASSWORD: is a secret in the environment, allowed: the path of a file in OTPBRIDGE_MAIL_PASSWORD_FILE",
		"$OTPBRIDGE_PAUSED: paused: is none of the words allowed, allowed: true, false",
	}
	if d := cmp.Diff(want, faults); d != "" {
		t.Error(d)
	}
}

// Every key has a variable of its own.
func TestVariablesAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, f := range fields() {
		if name := f.env(); name != "" && seen[name] != "" {
			t.Errorf("%s and %s share %s", f.path, seen[name], name)
		}
		seen[f.env()] = f.path
	}
}

// CFG-02: at each level of nesting an unknown and a doubled key are refused, with the nearest name.
func TestUnknownAndDoubledKeysAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct{ old, fresh, want string }{
		{"time_zone:", "timezone:", "timezone: is no key; the nearest is time_zone"},
		{"mail:\n", "mial:\n", "mial: is no key; the nearest is mail"},
		{"  from:", "  form:", "mail.form: is no key; the nearest is mail.from"},
		{"    privacy:", "    privcay:", "organisation.links.privcay: is no key; the nearest is organisation.links.privacy"},
		{"{attribute: not", "{attribut: not", "keycloak.addresses[0].attribut: is no key; the nearest is keycloak.addresses[0].attribute"},
		{"{label: {ja: お", "{label: {jp: お", "help_desk.contacts[0].label.jp: is no key; the nearest is help_desk.contacts[0].label.ja"},
		{"paused: false", "link_life: 30m", "link_life: is no key; there is recovery.link_life"},
		{"paused: false", "rules: []", "rules: is no key"},
		{"paused: false", "listen: :80", "listen: is given twice, first in line 5"},
		{"  full_acr: mfa", "  client_id: other", "sign_in.client_id: is given twice, first in line 28"},
		{"{ja: 全学ID", "{ja: a, ja: 全学ID", "sign_in.account_name.ja: is given twice, first in line 33"},
		{"paused: false", "\"pass word\": 1", "has a key that is no plain word"},
	} {
		_, faults := s.load(s.with(c.old, c.fresh))
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasSuffix(f, ": "+c.want) }) {
			t.Errorf("%s: want %q, got\n%s", c.fresh, c.want, strings.Join(faults, "\n"))
		}
	}
}

// CFG-08: a wrong type and a bare number keep their line and column.
func TestWrongTypesKeepTheirPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct{ old, fresh, want string }{
		{"link_life: 30m", "link_life: 30", "23: recovery.link_life: is a bare number; a time needs a unit"},
		{"link_life: 30m", "link_life: 30 m", "23: recovery.link_life: is no time with units"},
		{"link_life: 30m", "link_life: 0.5h", "23: recovery.link_life: is no time with units"},
		{"link_life: 30m", "link_life: [30m]", "23: recovery.link_life: is a list"},
		{"paused: false", "paused: \"false\"", "9: paused: is a text, allowed: true, false"},
		{"paused: false", "paused: no", "9: paused: is a text, allowed: true, false"},
		{`extension: "7840"`, "extension: 7840", "14: help_desk.extension: is a bare number"},
		{"time_zone: Asia/Tokyo", "time_zone: Asia/Tokio", "12: time_zone: is no time zone"},
		{"time_zone: Asia/Tokyo", "time_zone: Local", "12: time_zone: is no time zone"},
		{"time_zone: Asia/Tokyo", "time_zone:", "11: time_zone: is empty"},
		{"languages: [ja, en]", "languages: ja", "12: languages: is a text, allowed: a list, each ja, en"},
		{"languages: [ja, en]", "languages: [ja, fr]", "17: languages: is none of the words allowed"},
		{"languages: [ja, en]", "languages: [ja, ja]", "17: languages: stands here twice"},
		{"{level: info, format: json}", "debug", "6: log: is a text, allowed: keys with values"},
		{"[{attribute: notificationEmail}]", "{attribute: a}", "keycloak.addresses: is a section; a text with a colon needs quotes, allowed: a list"},
		{"paused: false", "paused: &a false", "9: paused: uses an anchor"},
	} {
		_, faults := s.load(s.with(c.old, c.fresh))
		line := fmt.Sprintf("otpbridge.yaml:%d:", s.lineOf(c.old))
		if len(faults) == 0 || !strings.HasPrefix(faults[0], line) || !strings.Contains(faults[0], c.want) {
			t.Errorf("%s: want %s…%s, got\n%s", c.fresh, line, c.want, strings.Join(faults, "\n"))
		}
	}
}

func TestSyntaxErrorsHaveAPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, text := range []string{
		"a: [", "a: {b", "a: \"b", "a:\n\t- b", "- a\nb: c", "a: b: c", "%", "a: *b", strings.Repeat("[", 100_000), "\x00", "a: !!binary x",
		"? a\n: b", "---\na: b\n---\nc: d", "", "# nothing",
	} {
		_, faults := s.load(text)
		if len(faults) == 0 || !strings.HasPrefix(faults[0], "otpbridge.yaml:") {
			t.Errorf("%.20q: %q", text, faults)
		}
	}
	if _, err := Load(s.path("absent.yaml"), nil); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("an absent file: %v", err)
	}
	s.write("long.yaml", strings.Repeat("#", maxFile+1), 0o600)
	if _, err := Load(s.path("long.yaml"), nil); err == nil {
		t.Error("a file without end is read")
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err
		}
		err = u.Unwrap()
	}
}
