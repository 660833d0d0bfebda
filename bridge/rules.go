package bridge

import (
	"slices"
	"strings"
	"time"
)

// PasswordReset says how people get a new password; it decides whom the mail way may trust (TOK-14).
type PasswordReset string

// How people get a new password. Mail resets name the attribute in Rules.ResetAttribute.
const (
	ResetNone PasswordReset = "none"
	ResetDesk PasswordReset = "desk"
	ResetMail PasswordReset = "mail"
)

// GateRole is the realm role that an open gate gives for minutes. It says nothing about its holder: anybody may open anybody's gate.
const GateRole = "otp-recovery-open"

// AddressSource is where a notification address stands: an attribute that only administrators edit, or the account's confirmed e-mail.
type AddressSource struct {
	Attribute     string
	VerifiedEmail bool
}

// Rules are the configured rules about people.
type Rules struct {
	LinkLife      time.Duration
	KeyLife       time.Duration // of the enrolment page; renewed by one press
	AllowedGroup  string        // full path
	HarmlessRoles []string      // realm roles that anybody may hold
	DeskRoles     []string      // of the console: operators, auditors, administrators of otpbridge; never by mail
	Sources       []AddressSource
	// Marks is the attribute that says when addresses were confirmed and changed in the settings; empty: there are none.
	Marks          string
	RefusedDomains []string // mailboxes behind this very sign-in
	Reset          PasswordReset
	ResetAttribute string
	PasswordAge    time.Duration
	Desk           bool   // the help desk works here
	DeskMailbox    string // is told of what the help desk should look at; empty: not told
	AnnounceCalls  bool   // DeskMailbox is told that somebody is about to call, too
	// NumberAttribute holds the number on record, without which no call-back counts; empty: there are none.
	NumberAttribute string
	Supervisor      string   // mailbox for notices to people without an address
	DeskChecks      []string // ids of the checks that operators may record
	Policies        []Policy // the first that matches rules; the last one matches everybody
	Paused          bool
	TemporaryCodes  bool           // people may have a temporary code mailed
	Zone            *time.Location // of the dates in labels; nil: as the clock tells it
}

// Limits on the past that the gate and the mail way look at.
const (
	HistorySpan   = 72 * time.Hour
	WrongCodeSpan = 24 * time.Hour
	MaxWrongCodes = 10 // wrong second factors in WrongCodeSpan keep the gate shut (OIDC-21)
	MaxResets     = 3  // sign-ins in WrongCodeSpan that are let in although as many direct grants failed: those may be wrong passwords of anybody
)

// LookBack is how far back the events of an account matter.
func (r Rules) LookBack() time.Duration { return max(HistorySpan, r.PasswordAge) }

// Refusal says why this account may not recover at all, nil if it may. The order is from the gravest to the mildest.
func (r Rules) Refusal(a Account) error {
	switch {
	case a.ServiceAccount:
		return Fault(CodeGone, "service account", nil)
	case !a.Enabled:
		return Fault(CodeDisabled, "account", nil)
	case a.Locked:
		return Fault(CodeLocked, "account", nil)
	case len(a.RequiredActions) > 0 || a.ProfileGap:
		return Fault(CodePendingAction, "account", nil)
	case !slices.Contains(a.Groups, r.AllowedGroup):
		return Fault(CodeNotAllowed, "account", nil)
	case a.Administrator:
		return Fault(CodeAdministrator, "rights over the realm", nil)
	}
	for _, role := range a.Roles {
		if role != GateRole && !slices.Contains(r.HarmlessRoles, role) && !slices.Contains(r.DeskRoles, role) {
			return Fault(CodeAdministrator, "role "+role, nil)
		}
	}
	if r.Policy(a).Refuse {
		return Fault(CodePolicy, "policy "+r.Policy(a).Name, nil)
	}
	return nil
}

// MailRefusal says why the mail way is not open to this account, nil if it is. It looks at the account, its past and the realm.
func (r Rules) MailRefusal(a Account, h History, f RealmFacts, now time.Time) error {
	if r.worksAtDesk(a) {
		return Fault(CodeDeskOnly, "mail way", nil)
	}
	if !r.Allows(r.Policy(a), WayMail) {
		return Fault(CodeDeskOnly, "policy", nil)
	}
	if r.Reset != ResetNone && r.youngPassword(a, h, now) {
		return Fault(CodePasswordRecent, "mail way", nil)
	}
	first := CodeNoAddress
	for i, addr := range r.Addresses(a, h, f, now) {
		if addr.Code == "" {
			return nil
		}
		if i == 0 {
			first = addr.Code
		}
	}
	return Fault(first, "mail way", nil)
}

func (r Rules) youngPassword(a Account, h History, now time.Time) bool {
	p, ok := a.Password()
	return (ok && now.Sub(p.Created) < r.PasswordAge) || (!h.PasswordReset.IsZero() && now.Sub(h.PasswordReset) < r.PasswordAge)
}

// Addresses lists all addresses on record, in the order of the sources; Code says why no link may go to one. One that stands in two sources is as good as the
// better of them.
func (r Rules) Addresses(a Account, h History, f RealmFacts, now time.Time) []Address {
	var out []Address
	add := func(value string, code Code) {
		if value == "" {
			return
		}
		if code == "" && r.resetsMovable(f) {
			code = CodeRealmUnsafe
		}
		if code == "" {
			code = r.addressCode(a, h, value, now)
		}
		one := Address{Value: value, Code: code}
		i := slices.IndexFunc(out, func(o Address) bool { return strings.EqualFold(o.Value, value) })
		if i < 0 {
			out = append(out, one)
		} else if out[i].worse(one) {
			out[i].Code = code
		}
	}
	for _, s := range r.Sources {
		if s.VerifiedEmail {
			add(a.Email, emailCode(a, f))
			continue
		}
		for _, v := range a.Attributes[s.Attribute] {
			add(strings.TrimSpace(v), r.attributeCode(f, s.Attribute))
		}
	}
	return out
}

func emailCode(a Account, f RealmFacts) Code {
	switch {
	case !a.EmailVerified:
		return CodeAddressUnproven
	case f.UserEmail:
		return CodeRealmUnsafe
	}
	return ""
}

func (r Rules) attributeCode(f RealmFacts, name string) Code {
	if !f.AdminOnly[name] || r.Marks != "" && !f.AdminOnly[r.Marks] {
		return CodeRealmUnsafe // people could set it, or take away that it was changed (WB-14)
	}
	return ""
}

// addressCode judges the address itself.
func (r Rules) addressCode(a Account, h History, value string, now time.Time) Code {
	if !Deliverable(value) {
		return CodeAddressUnproven
	}
	if r.refusedDomain(value) {
		return CodeAddressCampus
	}
	if r.getsResets(a, value) {
		return CodePasswordRecent // the same mailbox could have set the password (TOK-14)
	}
	changed := r.marks(a).changed
	if changed.Before(h.AddressChanged) {
		changed = h.AddressChanged
	}
	if !changed.IsZero() && now.Sub(changed) < HistorySpan {
		return CodeAddressChanged
	}
	return ""
}

// refusedDomain reports whether a mailbox stands behind this very sign-in.
func (r Rules) refusedDomain(address string) bool {
	domain := strings.ToLower(strings.TrimSuffix(address[strings.LastIndexByte(address, '@')+1:], "."))
	return slices.ContainsFunc(r.RefusedDomains, func(d string) bool { return domain == d || strings.HasSuffix(domain, "."+d) })
}

// getsResets reports whether passwords are reset by mail to this address.
func (r Rules) getsResets(a Account, address string) bool {
	return r.Reset == ResetMail && hasAddress(a.resetAddresses(r.ResetAttribute), address)
}

// resetsMovable reports whether people could say where passwords are reset, and so which address gets no link (WB-14).
func (r Rules) resetsMovable(f RealmFacts) bool {
	if r.Reset != ResetMail {
		return false
	}
	if r.ResetAttribute == "email" {
		return f.UserEmail
	}
	return !f.AdminOnly[r.ResetAttribute]
}

// resetAddresses lists where password mails go: an attribute, or "email" for the account's own address.
func (a Account) resetAddresses(attribute string) []string {
	if attribute == "email" {
		return []string{a.Email}
	}
	return a.Attributes[attribute]
}

// Snapshot takes what decides later.
func (r Rules) Snapshot(a Account, h History, f RealmFacts, now time.Time) Snapshot {
	p, _ := a.Password()
	return Snapshot{
		Taken: now, Addresses: r.Addresses(a, h, f, now),
		PasswordID: p.ID, PasswordCreated: p.Created, PasswordRecent: r.youngPassword(a, h, now), NotBefore: a.NotBefore, Numbers: r.Numbers(a, f),
	}
}

// Numbers are the numbers on record, none when people could set them themselves (WB-14).
func (r Rules) Numbers(a Account, f RealmFacts) []string {
	if !f.AdminOnly[r.NumberAttribute] {
		return nil
	}
	return a.Attributes[r.NumberAttribute]
}

// Protected says which attribute that a policy looks at could be set by people themselves, nil if there is none (WB-14).
func (r Rules) Protected(f RealmFacts) error {
	for _, p := range r.Policies {
		for name := range p.Match.Attributes {
			if !f.AdminOnly[name] {
				return Fault(CodeRealmUnsafe, "policy "+p.Name+" looks at "+name, nil)
			}
		}
	}
	return nil
}

// LinkAddress is the address that the link goes to.
func (s Snapshot) LinkAddress() (string, bool) {
	for _, a := range s.Addresses {
		if a.Code == "" {
			return a.Value, true
		}
	}
	return "", false
}

// leads reports whether a link can go to the address, now or once its time or the realm allows it. A mailbox behind this very sign-in, one that new
// passwords are sent to, or one that nobody confirmed leads nowhere however long its person waits (TOK-12, TOK-14).
func (a Address) leads() bool {
	return a.Code != CodeAddressCampus && a.Code != CodeAddressUnproven && a.Code != CodePasswordRecent
}

// worse reports that another source says better of the same address: that a link goes there, will go there, or at least that it is somebody's mailbox.
func (a Address) worse(b Address) bool {
	return a.Code != "" && (b.Code == "" || b.leads() && !a.leads() || a.Code == CodeAddressUnproven)
}

// Unset reports whether no address on record leads anywhere: the person should set one.
func (s Snapshot) Unset() bool { return !slices.ContainsFunc(s.Addresses, Address.leads) }

// Others lists all addresses on record except one, for notices. What no mail can be sent to is none.
func (s Snapshot) Others(address string) []string {
	var out []string
	for _, a := range s.Addresses {
		if a.Value != address && a.Code != CodeAddressUnproven && Deliverable(a.Value) {
			out = append(out, a.Value)
		}
	}
	return out
}

// Changed says what moved at the account since the snapshot and the sign-in that rests on it, nil if nothing did. authTime and the account's
// NotBefore are of one clock, Keycloak's, in whole seconds: in the same second the end of the sessions counts as the later one.
func (s Snapshot) Changed(a Account, authTime time.Time) error {
	p, _ := a.Password()
	if p.ID != s.PasswordID || !p.Created.Equal(s.PasswordCreated) {
		return Fault(CodePasswordChanged, "account", nil)
	}
	if !a.NotBefore.Before(authTime) && !a.NotBefore.Equal(s.NotBefore) && !s.ours(a) {
		return Fault(CodeLoggedOut, "account", nil)
	}
	return nil
}
