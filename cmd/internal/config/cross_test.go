package config

import (
	"slices"
	"strings"
	"testing"
)

// change is one text of the example in the place of another.
type change struct{ old, fresh string }

// CFG-07: values that do not go together, one case each.
func TestCrossFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("tls.crt", "no certificate", 0o644)
	s.write("tls.key", "no key", 0o600)
	s.renamed("login.jwk", "renamed.jwk")
	const store, redis = "store: {bolt: /var/lib/otpbridge/state.db}", "store: {redis: {addresses: "
	loginKey, adminKey := "  client_key_file: ./login.jwk", "  client_key_file: ./admin.jwk"
	for want, c := range map[string][]change{
		"base_url: is not https":                    {{"base_url: https://otp.example.ac.jp ", "base_url: http://otp.example.ac.jp "}},
		"base_url: has a path other than /":         {{"base_url: https://otp.example.ac.jp ", "base_url: https://otp.example.ac.jp/otp "}},
		"base_url: has a query":                     {{"base_url: https://otp.example.ac.jp ", "base_url: https://otp.example.ac.jp/?a "}},
		"base_url: has a user":                      {{"base_url: https://otp.example.ac.jp ", "base_url: https://me@otp.example.ac.jp "}},
		"sign_in.issuer: is not https":              {{"issuer: https://sso", "issuer: http://sso"}},
		"sign_in.issuer: does not end with a realm": {{"/realms/campus", "/campus"}},
		"keycloak.realm: is another realm than the one that sign_in.issuer ends with": {{"  realm: campus", "  realm: campus-test"}},
		"keycloak.url: has a realm in it":                                             {{"url: https://sso.example.ac.jp", "url: https://sso.example.ac.jp/realms/campus"}},
		"sign_in.gate_group: is the group's name, not its id":                         {{"7c0e6a2e-3f0b-4a55-9d43-52c1a6a3d0b1", "otp-recovery-open"}},
		"is no YAML: ":                                                                 {{"sign_in:", "\tsign_in:"}},
		"keycloak.url: is not https":                                                   {{"url: https://sso", "url: http://sso"}},
		"tls.cert_file: stands without":                                                {{"# tls: {cert_file: ./tls.crt, key_file: ./tls.key}", "tls: {cert_file: ./tls.crt}"}},
		"tls.key_file: stands without":                                                 {{"# tls: {cert_file: ./tls.crt, key_file: ./tls.key}", "tls: {key_file: ./tls.key}"}},
		"tls.cert_file: and tls.key_file are no":                                       {{"# tls: {", "tls: {"}},
		"admin_listen: is the address of listen":                                       {{"admin_listen: 127.0.0.1:9090", `admin_listen: ":8080"`}},
		"keycloak.client_id: is the client":                                            {{"client_id: otpbridge-admin", "client_id: otpbridge-login"}},
		"keycloak.client_key_file: holds a key":                                        {{adminKey, loginKey}},
		"keycloak.client_key_file: holds a key of sign_in.client_key_file":             {{adminKey, "  client_key_file: ./renamed.jwk"}},
		"sign_in.client_key_file: is missing":                                          {{loginKey, ""}},
		"keycloak.client_key_file: is missing":                                         {{adminKey, ""}},
		"sign_in.client_secret_file: stands beside sign_in.client_key_file":            {{loginKey, loginKey + "\n  client_secret_file: secret"}},
		"sign_in.client_secret_file: is a shared secret, and sign_in.issuer is not":    {{loginKey, "  client_secret_file: secret"}},
		"keycloak.client_secret_file: is a shared secret, and keycloak.url is not":     {{adminKey, "  client_secret_file: secret"}},
		"keycloak.password_reset: is missing":                                          {{"  password_reset: none", ""}},
		"keycloak.password_reset: names the only address":                              {{"password_reset: none", "password_reset: mail:notificationEmail"}},
		"keycloak.addresses: is missing":                                               {{"[{attribute: notificationEmail}]", "[]"}},
		"keycloak.addresses[0]: needs one of attribute and email":                      {{"{attribute: n", "{email: verified, attribute: n"}},
		"help_desk.contacts: is empty":                                                 {{"    - {label: {ja: お問い合わせフォーム, en: Contact form}, url: https://www.example.ac.jp/helpdesk}", ""}},
		"help_desk.contacts: is missing":                                               {{"contacts:  ", "contacts: []"}, {"    - {label: {ja: お問い合わせフォーム, en: Contact form}, url: https://www.example.ac.jp/helpdesk}", ""}},
		"store.redis.addresses: is a section; a text with a colon needs quotes":        {{store, redis + "[r:1]}}"}},
		"help_desk.contacts[0].url: is missing":                                        {{", url: https://www.example.ac.jp/helpdesk", ""}},
		"help_desk.contacts[0].url: is no complete address":                            {{"url: https://www.example.ac.jp/helpdesk", "url: tel:075"}},
		"help_desk.contacts[0].label.en: is missing":                                   {{", en: Contact form", ""}},
		"help_desk.counter.en: is missing":                                             {{`, en: "Information Technology Centre, 1st floor"`, ""}},
		"organisation.name.en: is missing":                                             {{", en: Example University", ""}},
		"organisation.accent: is not written that way":                                 {{`"#17508f"`, `"#17508"`}},
		"languages: is an empty list":                                                  {{"languages: [ja, en]", "languages: []"}},
		"admin_role: is help_desk.role":                                                {{"paused: false", "paused: false\nadmin_role: otp-helpdesk"}},
		"admin_role: is help_desk.auditor_role":                                        {{"paused: false", "paused: false\nadmin_role: otp-auditor"}},
		"help_desk.auditor_role: is help_desk.role":                                    {{"auditor_role: otp-auditor", "auditor_role: otp-helpdesk"}},
		"help_desk.role: is one of keycloak.harmless_roles":                            {{"  role: otp-helpdesk", "  role: offline_access"}},
		"help_desk.hours: ends before it begins":                                       {{"Mon-Fri 09:00-17:00", "Mon-Fri 17:00-09:00"}},
		"mail.from: is missing":                                                        {{`  from: "Authentication settings <noreply@example.ac.jp>"`, ""}},
		"mail.smtp: is missing":                                                        {{"  smtp: smtps://otpbridge@smtp.example.ac.jp:465", ""}},
		"mail.smtp: has a password in it":                                              {{"smtps://otpbridge@", "smtps://otpbridge:hunter2@"}},
		"mail.password_file: is missing":                                               {{"  password_file: ./smtp", ""}},
		"mail.password_file: is given, but mail.smtp names no user":                    {{"smtps://otpbridge@", "smtps://"}},
		"store.bolt: stands beside store.redis":                                        {{store, "store: {bolt: a, redis: {addresses: [\"r:1\"]}}"}},
		"store.redis.addresses: is missing":                                            {{store, "store: {redis: {tls: true}}"}},
		"store.redis.addresses: has several servers":                                   {{store, redis + "[\"r:1\", \"s:1\"]}}"}},
		"store.redis.cluster: stands beside store.redis.master":                        {{store, redis + "[\"r:1\"], master: m, cluster: true}}"}},
		"store.redis.database: is not 0 in a cluster":                                  {{store, redis + "[\"r:1\"], database: 1, cluster: true}}"}},
		"store.redis.prefix: is not written that way":                                  {{store, redis + "[\"r:1\"], prefix: \"a{b}\"}}"}},
		"store.redis.username: stands without store.redis.password_file":               {{store, redis + "[\"r:1\"], username: u}}"}},
		"store.redis.sentinel_password_file: stands without store.redis.master":        {{store, redis + "[\"r:1\"], sentinel_password_file: redis}}"}},
		"store.redis.sentinel_username: stands without store.redis.sentinel_password_": {{store, redis + "[\"r:1\"], master: m, sentinel_username: u}}"}},
		"trusted_proxies: is the whole internet":                                       {{"10.1.2.0/24", `"::/0"`}},
		"trusted_proxies: has bits behind its length; write 10.0.0.0/8":                {{"10.1.2.0/24", "10.1.2.0/8"}},
		"help_desk.holidays_file: names a file whose line 1 is no date":                {{"holidays_file: ./holidays", "holidays_file: smtp"}},
		"sign_in.gate_group: is a path, not an id":                                     {{"7c0e6a2e-3f0b-4a55-9d43-52c1a6a3d0b1", "/otp-recovery-open"}},
		"sign_in.brokers: has a path other than /":                                     {{"full_acr: mfa", "brokers: [\"https://idp.example.ac.jp/realms\"]"}},
		"sign_in.brokers: is not https":                                                {{"full_acr: mfa", "brokers: [\"http://idp.example.ac.jp\"]"}},
		"sign_in.brokers: is no complete address":                                      {{"full_acr: mfa", "brokers: [\"https://a.example;script-src\"]"}},
		"sign_in.recovery_scope: is a scope of OpenID Connect itself":                  {{"recovery_scope: otp-recovery", "recovery_scope: openid"}},
	} {
		text := s.text
		for _, one := range c {
			text = strings.Replace(text, one.old, one.fresh, 1)
		}
		if text == s.text {
			t.Errorf("%s: the case changes nothing", want)
		}
		_, faults := s.load(text)
		if len(faults) != 1 || !strings.Contains(faults[0], ": "+want) {
			t.Errorf("want one fault %q, got\n%s", want, strings.Join(faults, "\n"))
		}
	}
}

// What differs from the example and is right all the same.
func TestOtherConfigurationsWithoutFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const store, redis = "store: {bolt: /var/lib/otpbridge/state.db}", "store: {redis: {addresses: "
	for name, c := range map[string]change{
		"inside":          {"url: https://sso.example.ac.jp", "url: https://sso.internal/auth"},
		"loopback":        {"base_url: https://otp.example.ac.jp ", "base_url: http://127.0.0.1:8080/ "},
		"IPv6 loopback":   {"base_url: https://otp.example.ac.jp ", "base_url: \"http://[::1]:8080\" "},
		"redis":           {store, redis + "[\"r:1\"], username: u, password_file: redis, tls: false, database: 15}}"},
		"sentinel":        {store, redis + "[\"r:1\", \"s:1\"], master: m, sentinel_username: u, sentinel_password_file: redis}}"},
		"cluster":         {store, redis + "[\"r:1\", \"s:1\"], cluster: true}}"},
		"mail reset":      {"password_reset: none", "password_reset: mail:email"},
		"desk reset":      {"password_reset: none", "password_reset: desk"},
		"verified":        {"{attribute: notificationEmail}", "{attribute: a}, {email: verified}"},
		"contact by mail": {"url: https://www.example.ac.jp/helpdesk", "url: mailto:helpdesk@example.ac.jp"},
		"starttls":        {"smtps://otpbridge@smtp.example.ac.jp:465", "smtp://otpbridge@smtp.example.ac.jp"},
		"several lines":   {"counter: {ja: 情報基盤センター 1階, ", "counter: {ja: \"情報基盤センター\\\n    1階\", "},
	} {
		if _, faults := s.load(s.with(c.old, c.fresh)); faults != nil {
			t.Errorf("%s: %s", name, strings.Join(faults, "\n"))
		}
	}
}

// A client secret is for loopback, where tests run.
func TestClientSecretsOnLoopback(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("other", "the secret of the other client", 0o600)
	text := s.text
	for _, c := range []change{
		{"client_key_file: ./login.jwk", "client_secret_file: secret"}, {"client_key_file: ./admin.jwk", "client_secret_file: other"},
		{"issuer: https://sso.example.ac.jp/", "issuer: http://127.0.0.1:8180/"}, {"url: https://sso.example.ac.jp", "url: http://127.0.0.1:8180/"},
	} {
		text = strings.Replace(text, c.old, c.fresh, 1)
	}
	cfg, faults := s.load(text)
	if faults != nil {
		t.Fatal(strings.Join(faults, "\n"))
	}
	if cfg.Keycloak.URL != "http://127.0.0.1:8180" || cfg.SignIn.Auth.Secret.Reveal() != "a client secret of its own" {
		t.Errorf("got %s", cfg.Keycloak.URL)
	}
	_, faults = s.load(strings.Replace(text, "client_secret_file: other", "client_secret_file: secret", 1))
	if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, "holds the secret of sign_in") }) {
		t.Errorf("one secret for both clients: %q", faults)
	}
}
