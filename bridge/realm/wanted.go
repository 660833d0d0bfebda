package realm

import "otpbridge/bridge"

// Gate is the name of the realm role that opens the gate and of the group that carries it.
const Gate = "otp-recovery-open"

// AccountGroup is the path of the group that stands for the service account where a permission cannot name a user. It gives nothing.
const AccountGroup = "/otpbridge-account"

// Wanted is what a safe realm depends on beyond our own rules: the names and addresses that the configuration gives to things.
type Wanted struct {
	Version string // of the server, "" = not known
	Realm   string
	BaseURL string // of otpbridge, without a slash at the end

	LoginClient   string
	LoginSecret   bridge.Secret // "" = it proves itself with keys, fetched from JWKSURL
	RecoveryScope string
	FullACR       string

	AdminClient string
	AdminSecret bridge.Secret // "" = it proves itself with AdminKeys
	AdminKeys   string        // public JWK set

	GateGroup    string   // id of the gate group as the configuration has it, "" = not known yet
	AllowedGroup string   // full path
	PolicyGroups []string // full paths of the groups that policies name

	ConsoleRoles []string // realm roles of operators, auditors and administrators of otpbridge

	Deciding []Deciding // what decides something or is shown for a decision: only administrators may edit it

	Languages []string // of otpbridge's pages
	Themes    []string // login themes that the server has; none: it does not say
	Theme     string   // login theme with the link to otpbridge; "" = the realm keeps its own
	// ManageUsers: the service account gets the right to manage every user in the place of fine-grained permissions.
	ManageUsers bool
}

// secretOf is the secret of one of our two clients, "" for one that has none.
func (w Wanted) secretOf(client string) bridge.Secret {
	return map[string]bridge.Secret{w.LoginClient: w.LoginSecret, w.AdminClient: w.AdminSecret}[client]
}

// Callback is where a sign-in comes back to.
func (w Wanted) Callback() string { return w.BaseURL + "/oidc/callback" }

// BackChannel is where Keycloak tells us that a session ended.
func (w Wanted) BackChannel() string { return w.BaseURL + "/oidc/backchannel-logout" }

// JWKSURL is where the login client's public keys are.
func (w Wanted) JWKSURL() string { return w.BaseURL + "/.well-known/jwks.json" }

// PostLogout is the pattern of addresses that a sign-out may come back to.
func (w Wanted) PostLogout() string { return w.BaseURL + "/*" }

// Deciding is a user attribute that something depends on; "email" is the account's own address.
type Deciding struct {
	Name    string
	Address bool // it holds mail addresses
	Several bool // it has several values; so have addresses
}
