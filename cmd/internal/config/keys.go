package config

import (
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"otpbridge/bridge"
)

// fields returns every key of the configuration in the order of the example.
func fields() []*field {
	return slices.Concat(serviceFields(), organisationFields(), signInFields(), keycloakFields(), storeFields(), mailFields(),
		settingsFields(), helpDeskFields(), policyFields(), auditFields())
}

// growers make room for one more entry of a list of sections.
func growers() map[string]func(*Config) {
	return map[string]func(*Config){
		"keycloak.addresses": func(c *Config) { c.Keycloak.Addresses = append(c.Keycloak.Addresses, bridge.AddressSource{}) },
		"help_desk.contacts": func(c *Config) { c.HelpDesk.Contacts = append(c.HelpDesk.Contacts, Contact{}) },
		"help_desk.checks":   func(c *Config) { c.HelpDesk.Checks = append(c.HelpDesk.Checks, Check{}) },
		"help_desk.person_attributes": func(c *Config) {
			c.HelpDesk.Attributes = append(c.HelpDesk.Attributes, PersonAttribute{})
		},
		"policies": func(c *Config) { c.Policies = append(c.Policies, newPolicy()) },
		"policies[].match.attributes": func(c *Config) {
			m := &lastOf(c.Policies).Match
			m.Attributes = append(m.Attributes, MatchAttribute{})
		},
	}
}

// lastOf is the entry of a list that is being read.
func lastOf[T any](list []T) *T { return &list[len(list)-1] }

func serviceFields() []*field {
	return append([]*field{
		one("base_url", baseURL(), func(c *Config) **url.URL { return &c.BaseURL }).
			must("The address that people see. Links in mails begin with it; requests for another host are refused."),
		one("listen", listenAddress(), func(c *Config) *string { return &c.Listen }).as(":8080", "Bind address of the pages."),
		one("tls.cert_file", path(), func(c *Config) *string { return &c.TLS.CertFile }).
			as("", "Certificate chain (PEM). With tls.key_file the pages speak TLS themselves; without both a proxy does."),
		one("tls.key_file", secretPath(), func(c *Config) *string { return &c.TLS.KeyFile }).as("", "Key of the certificate (PEM)."),
		one("admin_listen", listenAddress(), func(c *Config) *string { return &c.AdminListen }).
			as("127.0.0.1:9090", "Bind address of /livez, /readyz and /metrics."),
		one("control_socket", path(), func(c *Config) *string { return &c.ControlSocket }).
			as(stateName+".sock", "Unix socket of `serve`, mode 0600, over which `otpbridge recoveries` talks to it."),
		many("trusted_proxies", prefix(), func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }).
			as("", "Networks of the proxies whose X-Forwarded-For is believed. Never wider than your own proxies: limits count by client address."),
		many("campus_networks", prefix(), func(c *Config) *[]netip.Prefix { return &c.CampusNetworks }).
			as("", "Networks of the campus. With them pages and mails say whether a request came from inside or outside; without them they say neither."),
		one("time_zone", zone(), func(c *Config) **time.Location { return &c.TimeZone }).as("Asia/Tokyo", "Zone of every time shown."),
		many("languages", choice(languages()...), func(c *Config) *[]string { return &c.Languages }).
			as("ja, en", "Languages of pages and mails; the first is the default."),
		one("keys_file", secretPath(), func(c *Config) *string { return &c.KeysFile }).
			as("/etc/otpbridge/keys", "Sealing keys, newest first; made by `otpbridge keys new sealing`. Everything in the store is sealed with them."),
		one("log.level", level(), func(c *Config) *slog.Level { return &c.Log.Level }).as("info", "What is logged at least."),
		one("log.format", choice("json", "text"), func(c *Config) *string { return &c.Log.Format }).as("json", "How log lines are written."),
		one("paused", yesNo(), func(c *Config) *bool { return &c.Paused }).
			as("false", "true: no new recoveries; those under way go on."),
		duration("guard_every", func(c *Config) *time.Duration { return &c.GuardEvery }).
			as("5m", "How often the realm guard looks whether the realm is still safe; while it is not, no new recovery begins."),
		one("admin_role", word(), func(c *Config) *string { return &c.AdminRole }).
			as("", "Realm role of those who read the health report at /admin; they never recover by mail. Like `help_desk.role` it has to be in the ID tokens of full sign-ins. Without it there is no such page."),
	}, inLanguages("pause_text", "What people read while paused; without it a text of our own.",
		func(c *Config) *map[string]string { return &c.PauseText })...)
}

func organisationFields() []*field {
	links := func(name, meaning string, target func(*Config) *string) *field {
		return one("organisation.links."+name, webLink(), target).as("", meaning)
	}
	return slices.Concat(
		inLanguages("organisation.name", "The university's name.", func(c *Config) *map[string]string { return &c.Organisation.Name }),
		[]*field{
			one("organisation.short_issuer", issuerName(), func(c *Config) *string { return &c.Organisation.ShortIssuer }).
				must("The name that the authenticator app shows."),
			one("organisation.accent", colour(), func(c *Config) *string { return &c.Organisation.Accent }).
				as("", "The university's colour; tones that could not be read are darkened or lightened."),
			links("privacy", "Privacy notice.", func(c *Config) *string { return &c.Organisation.Links.Privacy }),
			links("accessibility", "Accessibility statement.", func(c *Config) *string { return &c.Organisation.Links.Accessibility }),
			links("status", "Status of the campus services.", func(c *Config) *string { return &c.Organisation.Links.Status }),
			links("forgotten_password", "Where people go who lost the password.", func(c *Config) *string { return &c.Organisation.Links.ForgottenPassword }),
			links("transfer", "How a registration is copied from one authenticator app to another; the start page leads there.",
				func(c *Config) *string { return &c.Organisation.Links.Transfer }),
		})
}

func signInFields() []*field {
	s := func(target func(*SignIn) *string) func(*Config) *string {
		return func(c *Config) *string { return target(&c.SignIn) }
	}
	return append([]*field{
		one("sign_in.issuer", issuerURL(), s(func(s *SignIn) *string { return &s.Issuer })).
			must("The realm, byte for byte as it names itself in its discovery document."),
		one("sign_in.client_id", word(), s(func(s *SignIn) *string { return &s.ClientID })).
			as("otpbridge-login", "The client that people sign in with."),
		one("sign_in.client_key_file", secretPath(), s(func(s *SignIn) *string { return &s.Auth.KeyFile })).
			as("", "The client's private keys (private_key_jwt); made by `otpbridge keys new login`. This or sign_in.client_secret_file has to be given."),
		one("sign_in.client_secret_file", secretPath(), s(func(s *SignIn) *string { return &s.Auth.SecretFile })).
			as("", "The client's secret; accepted only when the issuer is on loopback."),
		one("sign_in.recovery_scope", scope(), s(func(s *SignIn) *string { return &s.RecoveryScope })).
			as("otp-recovery", "The client scope that asks for a sign-in without the second factor."),
		one("sign_in.full_acr", word(), s(func(s *SignIn) *string { return &s.FullACR })).
			as("mfa", "What `acr` in the ID token says after a full sign-in."),
		one(gateGroupKey, groupID(), s(func(s *SignIn) *string { return &s.GateGroup })).
			must("Id (not path) of the Keycloak group that opens the gate; `otpbridge realm apply` makes the group and prints it."),
		many("sign_in.brokers", brokerOrigin(), func(c *Config) *[]string { return &c.SignIn.Brokers }).
			as("", "Identity providers that the realm sends people on to without a page of its own in between: browsers stop a form that ends up anywhere but at the issuer and these (CSP `form-action`)."),
	}, inLanguages("sign_in.account_name", "What the campus calls the ID; without it \"ID\".",
		func(c *Config) *map[string]string { return &c.SignIn.AccountName })...)
}

func keycloakFields() []*field {
	k := func(target func(*Keycloak) *string) func(*Config) *string {
		return func(c *Config) *string { return target(&c.Keycloak) }
	}
	last := func(c *Config) *bridge.AddressSource { return lastOf(c.Keycloak.Addresses) }
	return []*field{
		one("keycloak.url", serverURL(), k(func(k *Keycloak) *string { return &k.URL })).must("Base address of the Admin REST API."),
		one("keycloak.realm", word(), k(func(k *Keycloak) *string { return &k.Realm })).must("The realm's name."),
		one("keycloak.client_id", word(), k(func(k *Keycloak) *string { return &k.ClientID })).
			as("otpbridge-admin", "The client with the service account; another one than sign_in.client_id."),
		one("keycloak.client_key_file", secretPath(), k(func(k *Keycloak) *string { return &k.Auth.KeyFile })).
			as("", "The client's private keys; made by `otpbridge keys new admin`, never the keys of the login client. This or keycloak.client_secret_file has to be given."),
		one("keycloak.client_secret_file", secretPath(), k(func(k *Keycloak) *string { return &k.Auth.SecretFile })).
			as("", "The client's secret; accepted only when keycloak.url is on loopback."),
		one("keycloak.addresses[].attribute", word(), func(c *Config) *string { return &last(c).Attribute }).
			as("", "A user attribute that holds the notification address and that only administrators may edit."),
		one("keycloak.addresses[].email", verified(), func(c *Config) *bool { return &last(c).VerifiedEmail }).
			as("", "The account's own address, if Keycloak has verified it and people cannot edit it."),
		many("keycloak.refused_domains", domain(), func(c *Config) *[]string { return &c.Keycloak.RefusedDomains }).
			as("", "Domains whose mailboxes stand behind this very sign-in, subdomains included: no link goes there."),
		passwordReset("keycloak.password_reset").
			must("How people get a new password. `none`: no reset by mail; `desk`: at the help desk; `mail:ATTRIBUTE`: by mail to the address in that attribute (`mail:email`: the account's own), which only administrators may edit and which then never receives a link."),
		duration("keycloak.password_age", func(c *Config) *time.Duration { return &c.Keycloak.PasswordAge }).
			as("72h", "With password_reset desk or mail, a younger password closes the mail way; with desk it needs two approvals there."),
		one("keycloak.allowed_group", groupPath(), k(func(k *Keycloak) *string { return &k.AllowedGroup })).
			as("/otp-recoverable", "Full path of the group of those who may recover; administrators stay out."),
		many("keycloak.harmless_roles", word(), func(c *Config) *[]string { return &c.Keycloak.HarmlessRoles }).
			as("default-roles-"+realmName+", offline_access, uma_authorization",
				"Realm roles that anybody may hold; whoever holds another one counts as an administrator and may not recover."),
		one("keycloak.version", release(), k(func(k *Keycloak) *string { return &k.Version })).
			as("", "The server's release, for `otpbridge doctor` to know its holes, and `serve` whether it is old: Keycloak shows it to administrators only."),
	}
}

func storeFields() []*field {
	r := func(target func(*RedisServer) *string) func(*Config) *string {
		return func(c *Config) *string { return target(c.redis()) }
	}
	return []*field{
		one("store.bolt", path(), func(c *Config) *string { return &c.Store.Bolt }).
			as("/var/lib/otpbridge/state.db", "The embedded store's file: one process only. Not together with store.redis."),
		many("store.redis.addresses", hostPort(), func(c *Config) *[]string { return &c.redis().Addresses }).
			as("", "The server; or, with master, the sentinels; or, with cluster, some of its nodes. Has to be given when anything of store.redis is."),
		one("store.redis.master", word(), r(func(r *RedisServer) *string { return &r.Master })).
			as("", "Sentinel's name of the watched server."),
		one("store.redis.cluster", yesNo(), func(c *Config) *bool { return &c.redis().Cluster }).as("false", "true: the addresses are a Redis Cluster."),
		whole("store.redis.database", func(c *Config) *int { return &c.redis().Database }).as("0", "Number of the database; always 0 in a cluster."),
		one("store.redis.username", word(), r(func(r *RedisServer) *string { return &r.Username })).as("", "ACL user."),
		one("store.redis.password_file", secretPath(), r(func(r *RedisServer) *string { return &r.PasswordFile })).as("", "Its password."),
		one("store.redis.sentinel_username", word(), r(func(r *RedisServer) *string { return &r.SentinelUsername })).as("", "ACL user at the sentinels."),
		one("store.redis.sentinel_password_file", secretPath(), r(func(r *RedisServer) *string { return &r.SentinelFile })).as("", "Its password."),
		one("store.redis.tls", yesNo(), func(c *Config) *bool { return &c.redis().TLS }).as("true", "TLS to the server."),
		one("store.redis.prefix", redisPrefix(), r(func(r *RedisServer) *string { return &r.Prefix })).
			as("otpbridge:", "Begin of every key and channel."),
	}
}

func mailFields() []*field {
	return []*field{
		one("mail.smtp", smtpURL(), func(c *Config) *SMTPServer { return &c.Mail.SMTP }).
			must("The mail server. `smtps`: TLS from the start (465); `smtp`: STARTTLS (587), which the server must offer unless it is on loopback."),
		one("mail.password_file", secretPath(), func(c *Config) *string { return &c.Mail.PasswordFile }).
			as("", "Password of the user in mail.smtp."),
		one("mail.from", sender(), func(c *Config) **mail.Address { return &c.Mail.From }).must("Sender of all mail."),
		duration("recovery.link_life", func(c *Config) *time.Duration { return &c.Recovery.LinkLife }).as("30m", "How long a mailed link can be used."),
		duration("recovery.key_life", func(c *Config) *time.Duration { return &c.Recovery.KeyLife }).
			as("10m", "How long a person has, after the proof, to scan the key and type a code."),
		one("recovery.codes", yesNo(), func(c *Config) *bool { return &c.Recovery.Codes }).
			as("true", "The last page and the settings offer recovery codes where the realm's browser flow asks for them (Keycloak's Recovery Authentication Code Form). false: never."),
		one("recovery.temporary_codes", yesNo(), func(c *Config) *bool { return &c.Recovery.TemporaryCodes }).
			as("false", "true: who has the password and a notification address, and an authenticator that is not at hand, can have a temporary code mailed: eight digits for one sign-in within 24 hours. Only where the policy lets mail alone prove a person, without a delay."),
	}
}

func settingsFields() []*field {
	return []*field{
		one("settings.enabled", yesNo(), func(c *Config) *bool { return &c.Settings.Enabled }).
			as("false", "true: people change their notification addresses, authenticators and recovery codes at /settings, after a full sign-in. Addresses go into the first attribute of `keycloak.addresses`."),
		one("settings.marks_attribute", word(), func(c *Config) *string { return &c.Settings.Marks }).
			as("notificationEmailConfirmed", "A user attribute with several values, which only administrators may edit: when each address was confirmed, and when they were changed last. `otpbridge realm apply` makes it."),
	}
}

func auditFields() []*field {
	return []*field{
		one("audit.file", path(), func(c *Config) *string { return &c.Audit.File }).
			as("/var/lib/otpbridge/audit.jsonl", "The audit trail: one JSON line an event, also written to standard output."),
	}
}
