package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Settings is what people do with their own account after a full sign-in: notification addresses, authenticators and recovery codes. Whatever changes is a Change,
// carried out by a job.
type Settings struct {
	*Flow
	Profiles  Profiles
	Asks      Records[AddressAsk] // the address that waits for its confirmation, by person
	Journals  Records[Journal]    // by person; whoever wraps the audit trail writes them
	Attribute string              // of notification addresses
}

// SettingsLife is how old a full sign-in may be that opens the settings.
const SettingsLife = 10 * time.Minute

// MaxAddresses is how many notification addresses a person may have.
const MaxAddresses = 3

// Limits of the settings.
var (
	LimitAddressMinute = Limit{"address-minute", 1, time.Minute}
	LimitAddressHour   = Limit{"address-hour", 3, time.Hour}
	LimitAddressDay    = Limit{"address-day", 10, 24 * time.Hour}
)

// Member is somebody in front of their settings.
type Member struct {
	Person     string
	Full       bool
	SignedInAt time.Time
	Session    string // of the campus, whose sign-in this is
	Language   string
}

// Young reports whether a sign-in still opens the settings.
func (m Member) Young(now time.Time) bool { return now.Sub(m.SignedInAt) <= SettingsLife }

// Enter reads the account of somebody who comes to the settings, and refuses whoever may not: the password alone opens nothing here, nor does a
// temporary code, nor a sign-in that the campus ended, or that is older than the password or than SettingsLife (CodeStaleSignIn).
func (s *Settings) Enter(ctx context.Context, m Member) (Account, error) {
	if !m.Young(s.Now()) {
		return Account{}, Fault(CodeStaleSignIn, "settings", nil)
	}
	return s.enter(ctx, m)
}

func (f *Flow) enter(ctx context.Context, m Member) (Account, error) {
	const op = "settings"
	if m.Person == "" || !m.Full {
		return Account{}, Fault(CodeStaleSignIn, op, nil)
	}
	a, err := f.Accounts.ByID(ctx, m.Person)
	if err != nil {
		return a, err
	}
	password, _ := a.Password()
	_, temporary := a.TemporaryCode()
	switch {
	case temporary:
		return a, Fault(CodeTemporary, op, nil)
	case !a.NotBefore.Before(m.SignedInAt.Truncate(time.Second)):
		return a, Fault(CodeLoggedOut, op, nil)
	case password.Created.After(m.SignedInAt):
		return a, Fault(CodePasswordChanged, op, nil)
	}
	// Wrong passwords of anybody lock the account for a while, and what Keycloak asks for at the next sign-in changes nothing about this one.
	lasting := a
	lasting.Locked, lasting.RequiredActions, lasting.ProfileGap = false, nil, false
	return a, f.Rules.Refusal(lasting)
}

// may is Enter for whatever changes something: not in an unsafe realm, where a full sign-in proves nothing.
func (s *Settings) may(ctx context.Context, m Member) (Account, error) {
	if err := s.Safe("settings"); err != nil {
		return Account{}, err
	}
	return s.Enter(ctx, m)
}

// mayFactor is may for whatever makes another authenticator, or lets one look like another: not while somebody says that the last one is not the person's.
// Removal stays, for an owner who finds one that is not theirs.
func (s *Settings) mayFactor(ctx context.Context, m Member) (Account, error) {
	a, err := s.may(ctx, m)
	if err != nil {
		return a, err
	}
	return a, s.undisputed(ctx, m.Person)
}

// mayAddress is may for whatever changes where links and notices go.
func (s *Settings) mayAddress(ctx context.Context, m Member) (Account, error) {
	a, err := s.may(ctx, m)
	if err != nil {
		return a, err
	}
	return a, s.steady(ctx, m.Person)
}

// steady refuses to move addresses while somebody may still object to what a link did: whoever recovered with the password and one mailbox would keep the
// owner from hearing of anything more.
func (s *Settings) steady(ctx context.Context, person string) error {
	const op = "change addresses"
	if err := s.undisputed(ctx, person); err != nil {
		return err
	}
	r, found, err := s.read(ctx, person)
	if until := r.objectable(s.Now()); err == nil && found && !until.IsZero() {
		return &Error{Code: CodeRecovered, Op: op, Until: until}
	}
	return err
}

// quiet refuses what must not be changed while somebody objects to what was done, or may.
func (s *Settings) quiet(ctx context.Context, c Change) error {
	switch c.Kind {
	case ChangeAddAddress, ChangeDropAddress:
		return s.steady(ctx, c.Person)
	case ChangeAddOTP, ChangeLabel:
		return s.undisputed(ctx, c.Person)
	}
	return nil
}

// OwnAddress is a notification address as its owner sees it.
type OwnAddress struct {
	Value     string
	Code      Code      // why no link goes there
	Confirmed time.Time // here; zero: not here, or it is the account's own
	Own       bool      // it can be removed here
}

// Overview is what the settings show.
type Overview struct {
	Addresses      []OwnAddress
	Fixed          bool // no address can be added or removed here: they are kept in a directory
	Unset          bool // none of them leads anywhere: the person should set one
	Authenticators []Credential
	Codes          *Credential // recovery codes, nil: none
	TakesCodes     bool        // new ones can be made
	Ask            *AddressAsk
	Change         *Change   // the latest
	DeskUntil      time.Time // addresses changed lately: until then only the desk helps; zero: not so
}

// Look reads what the settings show. It changes nothing.
func (s *Settings) Look(ctx context.Context, m Member) (Overview, error) {
	a, err := s.Enter(ctx, m)
	if err != nil {
		return Overview{}, err
	}
	realm, err := s.Accounts.Realm(ctx)
	if err != nil {
		return Overview{}, err
	}
	now := s.Now()
	marks := s.Rules.marks(a)
	o := Overview{Authenticators: a.Authenticators(), TakesCodes: s.takesCodes(ctx), Unset: true}
	if a.Federated && s.Rules.Marks != "" {
		rules, err := s.addressRules(ctx, m.Person)
		if err != nil {
			return o, err
		}
		o.Fixed = rules.Fixed
	}
	for _, one := range s.Rules.Addresses(a, History{}, realm, now) {
		o.Unset = o.Unset && !one.leads()
		o.Addresses = append(o.Addresses, OwnAddress{
			Value: one.Value, Code: one.Code, Confirmed: marks.at(one.Value), Own: !o.Fixed && hasAddress(a.Attributes[s.Attribute], one.Value),
		})
	}
	if changed := marks.changed; !changed.IsZero() && now.Sub(changed) < HistorySpan {
		o.DeskUntil = earlier(changed, now).Add(HistorySpan)
	}
	if i := slices.IndexFunc(a.Credentials, func(c Credential) bool { return c.Type == TypeRecoveryCodes }); i >= 0 {
		o.Codes = &a.Credentials[i]
	}
	ask, err := s.Asks.Get(ctx, m.Person)
	switch {
	case err == nil && now.Before(ask.Expires):
		o.Ask = &ask
	case err != nil && !errors.Is(err, ErrAbsent):
		return o, err
	}
	c, err := s.Changes.Get(ctx, m.Person)
	if err == nil {
		o.Change = &c
	}
	return o, absentIsFine(err)
}

// hasAddress reports whether an address is on a list, however it is spelled.
func hasAddress(list []string, address string) bool {
	return slices.ContainsFunc(list, func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), address) })
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
