package bridge_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

func rules() bridge.Rules {
	return bridge.Rules{
		LinkLife: 30 * time.Minute, AllowedGroup: "/otp-recoverable", HarmlessRoles: []string{"default-roles-campus"}, DeskRoles: []string{"otp-helpdesk"},
		Sources: []bridge.AddressSource{{Attribute: "notificationEmail"}, {VerifiedEmail: true}}, RefusedDomains: []string{"example.ac.jp"},
		Reset: bridge.ResetDesk, PasswordAge: 72 * time.Hour,
	}
}

func person() bridge.Account {
	return bridge.Account{
		ID: "p1", Username: "alice", Enabled: true, Groups: []string{"/otp-recoverable"}, Roles: []string{"default-roles-campus"},
		Attributes:  map[string][]string{"notificationEmail": {"alice@example.net"}},
		Credentials: []bridge.Credential{{ID: "pw", Type: bridge.TypePassword, Created: t0.Add(-1000 * time.Hour)}},
	}
}

var safe = bridge.RealmFacts{EventsSaved: true, AdminOnly: map[string]bool{"notificationEmail": true}}

// WB-08, OIDC-19: who may not recover, by the gravest reason.
func TestRefusalNamesTheReason(t *testing.T) {
	tests := map[string]struct {
		change func(*bridge.Account)
		want   bridge.Code
	}{
		"fine":                   {func(*bridge.Account) {}, ""},
		"operator":               {func(a *bridge.Account) { a.Roles = append(a.Roles, "otp-helpdesk") }, ""},
		"disabled":               {func(a *bridge.Account) { a.Enabled = false }, bridge.CodeDisabled},
		"locked":                 {func(a *bridge.Account) { a.Locked = true }, bridge.CodeLocked},
		"pending action":         {func(a *bridge.Account) { a.RequiredActions = []string{"CONFIGURE_TOTP"} }, bridge.CodePendingAction},
		"profile gap":            {func(a *bridge.Account) { a.ProfileGap = true }, bridge.CodePendingAction},
		"no group":               {func(a *bridge.Account) { a.Groups = nil }, bridge.CodeNotAllowed},
		"group of the same name": {func(a *bridge.Account) { a.Groups = []string{"/x/otp-recoverable"} }, bridge.CodeNotAllowed},
		"rights over the realm":  {func(a *bridge.Account) { a.Administrator = true }, bridge.CodeAdministrator},
		"unknown role":           {func(a *bridge.Account) { a.Roles = append(a.Roles, "realm-owner") }, bridge.CodeAdministrator},
		"service account":        {func(a *bridge.Account) { a.ServiceAccount = true }, bridge.CodeGone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := person()
			tt.change(&a)
			wantCode(t, rules().Refusal(a), tt.want)
		})
	}
}

// TOK-12, TOK-14, WB-14, POL-06: when the mail way is shut.
func TestMailRefusalNamesTheReason(t *testing.T) {
	type facts struct {
		a bridge.Account
		h bridge.History
		f bridge.RealmFacts
		r bridge.Rules
	}
	tests := map[string]struct {
		change func(*facts)
		want   bridge.Code
	}{
		"fine":                                 {func(*facts) {}, ""},
		"operator":                             {func(f *facts) { f.a.Roles = append(f.a.Roles, "otp-helpdesk") }, bridge.CodeDeskOnly},
		"no address":                           {func(f *facts) { f.a.Attributes = nil }, bridge.CodeNoAddress},
		"campus address":                       {func(f *facts) { f.a.Attributes["notificationEmail"] = []string{"a@mail.EXAMPLE.ac.jp"} }, bridge.CodeAddressCampus},
		"campus domain itself, dot at the end": {func(f *facts) { f.a.Attributes["notificationEmail"] = []string{"a@example.ac.jp."} }, bridge.CodeAddressUnproven},
		"domain that only ends alike":          {func(f *facts) { f.a.Attributes["notificationEmail"] = []string{"a@notexample.ac.jp"} }, ""},
		"not an address":                       {func(f *facts) { f.a.Attributes["notificationEmail"] = []string{"a@x, b@y"} }, bridge.CodeAddressUnproven},
		"attribute that people may edit":       {func(f *facts) { f.f.AdminOnly = nil }, bridge.CodeRealmUnsafe},
		"unverified e-mail only":               {func(f *facts) { f.a.Attributes = nil; f.a.Email = "a@example.net" }, bridge.CodeAddressUnproven},
		"verified e-mail":                      {func(f *facts) { f.a.Attributes = nil; f.a.Email, f.a.EmailVerified = "a@example.net", true }, ""},
		"verified e-mail that people may edit": {func(f *facts) {
			f.a.Attributes, f.a.Email, f.a.EmailVerified, f.f.UserEmail = nil, "a@example.net", true, true
		}, bridge.CodeRealmUnsafe},
		"changed 71 hours ago":                   {func(f *facts) { f.h.AddressChanged = t0.Add(-71 * time.Hour) }, bridge.CodeAddressChanged},
		"changed 73 hours ago":                   {func(f *facts) { f.h.AddressChanged = t0.Add(-73 * time.Hour) }, ""},
		"young password":                         {func(f *facts) { f.a.Credentials[0].Created = t0.Add(-72*time.Hour + time.Second) }, bridge.CodePasswordRecent},
		"password of 72 hours":                   {func(f *facts) { f.a.Credentials[0].Created = t0.Add(-72 * time.Hour) }, ""},
		"reset event":                            {func(f *facts) { f.h.PasswordReset = t0.Add(-time.Hour) }, bridge.CodePasswordRecent},
		"young password where there is no reset": {func(f *facts) { f.r.Reset = bridge.ResetNone; f.a.Credentials[0].Created = t0 }, ""},
		"password mails go to the same mailbox": {func(f *facts) {
			f.r.Reset, f.r.ResetAttribute, f.a.Email = bridge.ResetMail, "email", "Alice@example.net"
		}, bridge.CodePasswordRecent},
		"people may move where password mails go": {func(f *facts) {
			f.r.Reset, f.r.ResetAttribute, f.a.Email, f.f.UserEmail = bridge.ResetMail, "email", "other@example.net", true
		}, bridge.CodeRealmUnsafe},
		"so may they by an attribute": {func(f *facts) {
			f.r.Reset, f.r.ResetAttribute = bridge.ResetMail, "privateMail"
		}, bridge.CodeRealmUnsafe},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := facts{person(), bridge.History{}, safe, rules()}
			tt.change(&f)
			wantCode(t, f.r.MailRefusal(f.a, f.h, f.f, t0), tt.want)
		})
	}
}

// TOK-12, WB-14: an address that stands in two sources is as good as the better of them, whichever comes first; what speaks against the address itself holds
// in both.
func TestAnAddressInTwoSourcesIsAsGoodAsTheBetter(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*bridge.Account, *bridge.RealmFacts, *bridge.Rules)
		want   bridge.Code
	}{
		"unverified e-mail": {func(*bridge.Account, *bridge.RealmFacts, *bridge.Rules) {}, ""},
		"e-mail that people may edit": {func(a *bridge.Account, f *bridge.RealmFacts, _ *bridge.Rules) {
			a.EmailVerified, f.UserEmail = true, true
		}, ""},
		"attribute that people may edit": {func(a *bridge.Account, f *bridge.RealmFacts, r *bridge.Rules) {
			a.EmailVerified, f.AdminOnly = true, nil
			r.Sources[0], r.Sources[1] = r.Sources[1], r.Sources[0]
		}, ""},
		"neither": {func(_ *bridge.Account, f *bridge.RealmFacts, _ *bridge.Rules) { f.AdminOnly = nil }, bridge.CodeRealmUnsafe},
		"campus": {func(a *bridge.Account, _ *bridge.RealmFacts, _ *bridge.Rules) {
			a.Email, a.Attributes["notificationEmail"] = "a@example.ac.jp", []string{"a@example.ac.jp"}
		}, bridge.CodeAddressCampus},
		"password mails": {func(_ *bridge.Account, _ *bridge.RealmFacts, r *bridge.Rules) {
			r.Reset, r.ResetAttribute = bridge.ResetMail, "email"
		}, bridge.CodePasswordRecent},
	} {
		t.Run(name, func(t *testing.T) {
			a, r := person(), rules()
			f := bridge.RealmFacts{EventsSaved: true, AdminOnly: safe.AdminOnly}
			a.Email = "Alice@example.net"
			r.Sources = []bridge.AddressSource{{VerifiedEmail: true}, {Attribute: "notificationEmail"}}
			tt.change(&a, &f, &r)
			got := r.Addresses(a, bridge.History{}, f, t0)
			if len(got) != 1 || got[0].Code != tt.want {
				t.Errorf("%+v, want one with %q", got, tt.want)
			}
		})
	}
}

// TOK-07: what moved at the account since the sign-in.
func TestSnapshotSeesWhatChanged(t *testing.T) {
	a := person()
	s := rules().Snapshot(a, bridge.History{}, safe, t0)
	signedIn := t0.Add(time.Minute)
	if err := s.Changed(a, signedIn); err != nil {
		t.Error(err)
	}
	b := person()
	b.Credentials[0].ID = "pw2"
	wantCode(t, s.Changed(b, signedIn), bridge.CodePasswordChanged)
	b = person()
	b.Credentials[0].Created = t0
	wantCode(t, s.Changed(b, signedIn), bridge.CodePasswordChanged)
	b = person()
	b.NotBefore = signedIn.Add(time.Second)
	wantCode(t, s.Changed(b, signedIn), bridge.CodeLoggedOut)
	b.NotBefore = signedIn // whole seconds: it may have been later
	wantCode(t, s.Changed(b, signedIn), bridge.CodeLoggedOut)
	b.NotBefore = signedIn.Add(-time.Second)
	wantCode(t, s.Changed(b, signedIn), "")
}
