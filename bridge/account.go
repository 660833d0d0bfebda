package bridge

import (
	"fmt"
	"slices"
	"time"
)

// Account is what Keycloak says of one person at one moment.
type Account struct {
	ID              string
	Username        string
	Name            string // given and family name in the realm's order, "" if none
	Locale          string // the person's language in Keycloak, "" if none
	Enabled         bool
	Locked          bool // brute-force protection, temporary or permanent
	ServiceAccount  bool
	Federated       bool // comes from a user storage (LDAP)
	RequiredActions []string
	ProfileGap      bool      // a profile attribute that users must fill in is empty or invalid
	NotBefore       time.Time // sign-ins before this were ended, zero if never
	Email           string
	EmailVerified   bool
	Attributes      map[string][]string
	Groups          []string // full paths of direct groups
	Roles           []string // effective realm roles
	Administrator   bool     // holds a right over the realm itself, by whatever way
	Credentials     []Credential
}

// Credential kinds as Keycloak names them.
const (
	TypePassword      = "password"
	TypeOTP           = "otp"
	TypeRecoveryCodes = "recovery-authn-codes"
)

// Credential is one stored credential of a person, without its secret.
type Credential struct {
	ID        string
	Type      string // TypePassword, TypeOTP, …
	HOTP      bool   // an OTP that counts uses instead of time
	Left      int    `json:",omitempty"` // recovery codes that remain
	Uses      int    `json:",omitempty"` // HOTP: how often it was used, as its counter says
	Label     string
	Created   time.Time
	Federated bool // lives in a user storage and cannot be removed here
}

// Password returns the password credential; ok is false when there is none.
func (a Account) Password() (c Credential, ok bool) {
	i := slices.IndexFunc(a.Credentials, func(c Credential) bool { return c.Type == TypePassword })
	if i < 0 {
		return Credential{}, false
	}
	return a.Credentials[i], true
}

// OTPs returns the OTP credentials in Keycloak's order.
func (a Account) OTPs() []Credential {
	var out []Credential
	for _, c := range a.Credentials {
		if c.Type == TypeOTP {
			out = append(out, c)
		}
	}
	return out
}

// History is what Keycloak's saved events say of one person since a given time.
type History struct {
	WrongCodes     int       // LOGIN_ERROR, or that of an identity provider, with a selected OTP credential
	AddressChanged time.Time // last UPDATE_EMAIL, or UPDATE_PROFILE that touched the address; zero if none
	PasswordReset  time.Time // last UPDATE_PASSWORD or RESET_PASSWORD (credential); zero if none
}

// OTPPolicy is the realm's policy for new authenticators, as Keycloak writes it into a credential.
type OTPPolicy struct {
	Algorithm string // SHA1, SHA256, SHA512
	Digits    int    // 6 or 8
	Period    int    // seconds
}

// Served reports whether new authenticators can be made for the policy.
func (p OTPPolicy) Served() bool {
	return slices.Contains([]string{"SHA1", "SHA256", "SHA512"}, p.Algorithm) && (p.Digits == 6 || p.Digits == 8) && (p.Period == 30 || p.Period == 60)
}

// Common reports whether every authenticator app understands the policy.
func (p OTPPolicy) Common() bool { return p == OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30} }

// RealmFacts is what the flow must know of the realm.
type RealmFacts struct {
	OTP         OTPPolicy
	HOTP        bool            // the realm asks for counter-based codes: not served
	EventsSaved bool            // sign-in events can be counted
	EmailLogin  bool            // people may type their address as a name
	AdminOnly   map[string]bool // attribute → only administrators may edit it (unmanaged ones: never true while users may set them)
	UserEmail   bool            // people may edit their own e-mail address
}

// Served returns CodeOTPPolicy when no authenticator can be made for the realm's policy (ENR-02).
func (f RealmFacts) Served() error {
	if f.HOTP || !f.OTP.Served() {
		return Fault(CodeOTPPolicy, fmt.Sprintf("the realm's OTP policy: counting uses %v, %s, %d digits, %d s", f.HOTP, f.OTP.Algorithm, f.OTP.Digits, f.OTP.Period), nil)
	}
	return nil
}

// Event is a sign-in event that Keycloak saved.
type Event struct {
	ID         string
	Type       string // LOGIN, UPDATE_CREDENTIAL, …
	Person     string
	SessionID  string
	Credential string // details.credential_id or selected_credential_id
	Time       time.Time
}
