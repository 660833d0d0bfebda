// Package config is the configuration: file, environment and defaults, read strictly and checked as a whole.
package config

import (
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/oidc"
)

// Config is the whole configuration, read and checked: file, environment and defaults together, secrets read from their files. Every
// value is within its bounds. docs/configuration.md says what each key means.
type Config struct {
	Path string // of the file it was read from
	Hash string // of all values and of the secret files' contents: equal configurations have equal hashes

	BaseURL        *url.URL       // https, or http on loopback; no path, query or user
	Listen         string         // host:port of the pages
	TLS            TLSFiles       // empty: plain HTTP behind a proxy
	AdminListen    string         // host:port of /livez, /readyz, /metrics
	ControlSocket  string         // path of the Unix socket for `otpbridge recoveries`
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	CampusNetworks []netip.Prefix // empty: nothing is said of inside and outside
	TimeZone       *time.Location
	Languages      []string // of "ja" and "en", the first is the default
	KeysFile       string
	Keys           *store.KeyRing // read from KeysFile
	Log            LogConfig
	Paused         bool
	GuardEvery     time.Duration     // how often the realm guard looks
	AdminRole      string            // of those who read the health report; empty: nobody does
	PauseText      map[string]string // by language; empty: a text of our own

	Organisation Organisation
	SignIn       SignIn
	Keycloak     Keycloak
	Store        StoreConfig
	Mail         Mail
	Recovery     RecoveryConfig
	Settings     SettingsConfig
	HelpDesk     HelpDesk
	Policies     []PolicyConfig // the first that matches rules; empty: both ways with one approval and one check
	Audit        AuditConfig
}

// TLSFiles names the certificate chain and its key, both PEM. Both are given or neither.
type TLSFiles struct{ CertFile, KeyFile string }

// LogConfig says what is logged and how.
type LogConfig struct {
	Level  slog.Level
	Format string // "json" or "text"
}

// Organisation is the university as pages and mails show it.
type Organisation struct {
	Name        map[string]string // by language
	ShortIssuer string            // in the otpauth URI
	Accent      string            // "#rrggbb"; empty: the style sheet's own
	Links       Links
}

// Links lead to other pages of the university; an empty one is not shown.
type Links struct{ Privacy, Accessibility, Status, ForgottenPassword, Transfer string }

// ClientAuth is how one of the two clients proves itself: by keys, or on loopback by a secret. Exactly one is set.
type ClientAuth struct {
	KeyFile    string
	KeyData    bridge.Secret // the contents of KeyFile: a private JWK set
	Keys       oidc.KeySet   // the same, parsed
	SecretFile string
	Secret     bridge.Secret
}

// SignIn is the campus SSO as people sign in there.
type SignIn struct {
	Issuer        string // byte for byte as the provider names itself
	ClientID      string
	Auth          ClientAuth
	RecoveryScope string
	FullACR       string
	GateGroup     string            // id of the Keycloak group
	AccountName   map[string]string // by language; empty: "ID"
	Brokers       []string          // origins
}

// Keycloak is the Admin REST API and the rules about people.
type Keycloak struct {
	URL            string // without a slash at the end
	Realm          string
	ClientID       string
	Auth           ClientAuth
	Addresses      []bridge.AddressSource // at least one
	RefusedDomains []string               // lower case
	Reset          bridge.PasswordReset
	ResetAttribute string // with Reset = bridge.ResetMail; "email": the account's own address
	PasswordAge    time.Duration
	AllowedGroup   string // full path
	HarmlessRoles  []string
	Version        string // of the server, as an administrator knows it; empty: not known
}

// StoreConfig is where state lives: exactly one of the two is set.
type StoreConfig struct {
	Bolt  string // path of the file
	Redis *RedisServer
}

// RedisServer is one Redis server, a watched one, or a cluster.
type RedisServer struct {
	Addresses        []string
	Master           string // Sentinel: the name of the watched server; Addresses are the sentinels
	Cluster          bool
	Database         int
	Username         string
	PasswordFile     string
	Password         bridge.Secret
	SentinelUsername string
	SentinelFile     string
	SentinelPassword bridge.Secret
	TLS              bool
	Prefix           string
}

// Mail is the way out for mail.
type Mail struct {
	SMTP         SMTPServer
	PasswordFile string
	Password     bridge.Secret // empty: no sign-in
	From         *mail.Address
}

// SMTPServer is taken from a URL: smtps://user@host:465 (TLS from the start) or smtp://user@host:587 (STARTTLS).
type SMTPServer struct {
	Host     string
	Port     int
	User     string // empty: no sign-in
	Implicit bool   // TLS from the first byte
	Plain    bool   // loopback: TLS may be missing
}

// RecoveryConfig holds the configurable figures of a recovery.
type RecoveryConfig struct {
	LinkLife, KeyLife time.Duration
	Codes             bool // recovery codes are offered
	TemporaryCodes    bool // people may have a temporary code mailed
}

// SettingsConfig is what people may do with their own account after a full sign-in.
type SettingsConfig struct {
	Enabled bool
	Marks   string // the attribute that says when addresses were confirmed and changed
}

// AddressAttribute is where the settings put notification addresses: the first attribute that holds some, "" when none does.
func (c *Config) AddressAttribute() string {
	for _, a := range c.Keycloak.Addresses {
		if a.Attribute != "" {
			return a.Attribute
		}
	}
	return ""
}

// marks is the attribute beside the addresses, "" when the settings are off.
func (c *Config) marks() string {
	if !c.Settings.Enabled {
		return ""
	}
	return c.Settings.Marks
}

// AuditConfig is where the audit trail goes, beside standard output.
type AuditConfig struct{ File string }

// consoleRoles are the roles with which somebody sees more than what is their own.
func (c *Config) consoleRoles() []string {
	return slices.DeleteFunc([]string{c.HelpDesk.Role, c.HelpDesk.AuditorRole, c.AdminRole}, func(role string) bool { return role == "" })
}

// Rules are the rules about people, as the domain takes them.
func (c *Config) Rules() bridge.Rules {
	return bridge.Rules{
		LinkLife: c.Recovery.LinkLife, KeyLife: c.Recovery.KeyLife, AllowedGroup: c.Keycloak.AllowedGroup, HarmlessRoles: c.Keycloak.HarmlessRoles,
		DeskRoles: c.consoleRoles(), Sources: c.Keycloak.Addresses, Marks: c.marks(),
		RefusedDomains: c.Keycloak.RefusedDomains, Reset: c.Keycloak.Reset, ResetAttribute: c.Keycloak.ResetAttribute,
		PasswordAge: c.Keycloak.PasswordAge, Paused: c.Paused,
		Desk: c.HelpDesk.Enabled, DeskMailbox: c.HelpDesk.Mailbox, AnnounceCalls: c.HelpDesk.AnnounceCalls, Supervisor: c.HelpDesk.Supervisor, DeskChecks: c.HelpDesk.checkIDs(), NumberAttribute: c.HelpDesk.Number.Attribute,
		Policies: c.policies(), Zone: c.TimeZone, TemporaryCodes: c.Recovery.TemporaryCodes,
	}
}
