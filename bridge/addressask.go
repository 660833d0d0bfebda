package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// AddressAsk is a notification address that its owner wants to use and has not confirmed yet: the code in the mail is typed back into the settings.
// The mail holds no link, so whoever follows links in it confirms nothing, and it may be read on any device.
type AddressAsk struct {
	Address string
	Hash    string // of the code, for this person and address
	SentAt  time.Time
	Expires time.Time
	Tries   int // wrong codes
}

// Of a confirmation.
const (
	AddressCodeDigits = 8
	AddressAskLife    = 24 * time.Hour
	AddressTries      = 5 // wrong codes that end it
)

func addressHash(person, address, code string) string {
	return Secret(person + "\n" + strings.ToLower(address) + "\n" + code).Hash()
}

// AddressFault says why an address cannot be one of this account's notification addresses, nil if it can. One that links go to already, as the account's
// own, would change nothing but shut the mail way for a while.
func (s *Settings) AddressFault(a Account, realm RealmFacts, address string) error {
	const op = "notification address"
	switch {
	case address == "":
		return Fault(CodeEmpty, op, nil)
	case !Deliverable(address):
		return Fault(CodeAddressFormat, op, nil)
	case hasAddress(a.Attributes[s.Attribute], address), s.linked(a, realm, address):
		return Fault(CodeAddressSame, op, nil)
	case len(a.Attributes[s.Attribute]) >= MaxAddresses:
		return Fault(CodeAddressMax, op, nil)
	case s.Rules.refusedDomain(address):
		return Fault(CodeAddressCampus, op, nil)
	case s.Rules.getsResets(a, address):
		return Fault(CodeAddressReset, op, nil)
	}
	return nil
}

// linked reports whether links go to an address, or will when the last change is old enough.
func (s *Settings) linked(a Account, realm RealmFacts, address string) bool {
	return slices.ContainsFunc(s.Rules.Addresses(a, History{}, realm, s.Now()), func(o Address) bool {
		return strings.EqualFold(o.Value, address) && (o.Code == "" || o.Code == CodeAddressChanged)
	})
}

// AskAddress mails a code to an address that somebody wants to be told at. It takes the place of one that waits.
func (s *Settings) AskAddress(ctx context.Context, m Member, address string) error {
	a, err := s.mayAddress(ctx, m)
	if err != nil {
		return err
	}
	realm, err := s.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	if err := s.AddressFault(a, realm, address); err != nil {
		return err
	}
	if !s.guarded(realm) {
		return Fault(CodeRealmUnsafe, "notification address", nil)
	}
	if err := s.taken(ctx, m.Person, address); err != nil {
		return err
	}
	return s.sendAsk(ctx, m, a, address)
}

// taken asks Keycloak, before anything is mailed, whether it would take an address of this person's.
func (s *Settings) taken(ctx context.Context, person, address string) error {
	rules, err := s.addressRules(ctx, person)
	local, _, _ := strings.Cut(address, "@")
	switch {
	case err != nil:
		return err
	case rules.Fixed:
		return Fault(CodeAddressFixed, "notification address", nil)
	case rules.Plain && slices.Contains(strings.Split(local, "."), ""):
		return Fault(CodeAddressDots, "notification address", nil)
	}
	return nil
}

func (s *Settings) addressRules(ctx context.Context, person string) (AttributeRules, error) {
	return s.Profiles.Takes(ctx, person, s.Attribute, s.Rules.Marks)
}

// guarded reports whether only administrators may edit what holds addresses and their marks (WB-14).
func (s *Settings) guarded(realm RealmFacts) bool {
	return realm.AdminOnly[s.Attribute] && realm.AdminOnly[s.Rules.Marks]
}

// ResendAddress mails another code to the address that waits; the one before counts no more.
func (s *Settings) ResendAddress(ctx context.Context, m Member) error {
	a, err := s.mayAddress(ctx, m)
	if err != nil {
		return err
	}
	ask, err := s.waitingAsk(ctx, m.Person)
	if err != nil {
		return err
	}
	return s.sendAsk(ctx, m, a, ask.Address)
}

func (s *Settings) sendAsk(ctx context.Context, m Member, a Account, address string) error {
	uses := mailUses(m.Person, strings.ToLower(address), LimitAddressMinute, LimitAddressHour, LimitAddressDay)
	if err := s.take(ctx, m.Person, uses...); err != nil {
		return err
	}
	now, code := s.Now(), NewDigits(AddressCodeDigits)
	ask := AddressAsk{Address: address, Hash: addressHash(m.Person, address, code), SentAt: now, Expires: now.Add(AddressAskLife)}
	_, err := s.Asks.Update(ctx, m.Person, AddressAskLife, func(AddressAsk, bool) (AddressAsk, error) { return ask, nil })
	if err != nil {
		return err
	}
	s.record(ctx, ownEvent("address.asked", m.Person))
	return s.Mail.Send(ctx, Notice{
		Kind: NoticeAddressCode, To: address, Language: or(a.Locale, m.Language), At: now, Expires: ask.Expires, Code: Secret(code),
	})
}

// ownEvent is an event of somebody's own account.
func ownEvent(name, person string) AuditEvent {
	return AuditEvent{Event: name, Outcome: "ok", Actor: person, Target: person}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// waitingAsk returns what waits for its confirmation; CodeNotOpen: nothing does.
func (s *Settings) waitingAsk(ctx context.Context, person string) (AddressAsk, error) {
	ask, err := s.Asks.Get(ctx, person)
	if errors.Is(err, ErrAbsent) || err == nil && !s.Now().Before(ask.Expires) {
		return ask, Fault(CodeNotOpen, "confirm address", nil)
	}
	return ask, err
}

// ConfirmAddress takes the code that was mailed and begins the change. Each try is counted before its outcome is used, so that parallel guesses cannot
// outrun the count; a right one that comes while another change is under way (CodeChangeOpen) counts no more. CodeWrongCode says how many tries are left; after the last one it is CodeKeyStopped, and another mail is needed.
func (s *Settings) ConfirmAddress(ctx context.Context, m Member, typed string) error {
	a, err := s.mayAddress(ctx, m)
	if err != nil {
		return err
	}
	if typed == "" {
		return Fault(CodeEmpty, "confirm address", nil)
	}
	if _, err := s.waitingAsk(ctx, m.Person); err != nil {
		return err
	}
	now := s.Now()
	ask, err := s.Asks.Update(ctx, m.Person, AddressAskLife, func(old AddressAsk, found bool) (AddressAsk, error) {
		switch {
		case !found || !now.Before(old.Expires):
			return old, Fault(CodeNotOpen, "confirm address", nil)
		case old.Tries >= AddressTries:
			return old, Fault(CodeKeyStopped, "confirm address", nil)
		}
		old.Tries++
		return old, nil
	})
	if err != nil {
		return err
	}
	if !Equal(ask.Hash, addressHash(m.Person, ask.Address, typed)) {
		return s.wrongAddressCode(ctx, m.Person, ask)
	}
	realm, err := s.Accounts.Realm(ctx)
	if err != nil {
		return errors.Join(err, s.uncount(ctx, m.Person, ask.Hash))
	}
	if err := s.AddressFault(a, realm, ask.Address); err != nil {
		return errors.Join(err, s.ForgetAddress(ctx, m))
	}
	if err := s.begin(ctx, m, Change{Kind: ChangeAddAddress, Address: ask.Address}); err != nil {
		return errors.Join(err, s.uncount(ctx, m.Person, ask.Hash))
	}
	return s.Asks.Delete(ctx, m.Person)
}

// uncount takes back the try of a right code that could not be used.
func (s *Settings) uncount(ctx context.Context, person, hash string) error {
	_, err := s.Asks.Update(ctx, person, AddressAskLife, func(old AddressAsk, found bool) (AddressAsk, error) {
		if !found || old.Hash != hash || old.Tries == 0 {
			return old, errSame
		}
		old.Tries--
		return old, nil
	})
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

func (s *Settings) wrongAddressCode(ctx context.Context, person string, ask AddressAsk) error {
	err := &Error{Code: CodeWrongCode, Op: "confirm address", Left: AddressTries - ask.Tries}
	if err.Left == 0 {
		err.Code = CodeKeyStopped
	}
	e := ownEvent("address.wrong_code", person)
	e.Outcome, e.Code = "refused", err.Code
	s.record(ctx, e)
	return err
}

// ForgetAddress forgets the address that waits for its confirmation.
func (s *Settings) ForgetAddress(ctx context.Context, m Member) error {
	return s.Asks.Delete(ctx, m.Person)
}

// RemoveAddress begins the removal of a notification address.
func (s *Settings) RemoveAddress(ctx context.Context, m Member, address string) error {
	a, err := s.mayAddress(ctx, m)
	if err != nil {
		return err
	}
	if !hasAddress(a.Attributes[s.Attribute], address) {
		return Fault(CodeAbsent, "remove address", nil)
	}
	if rules, err := s.addressRules(ctx, m.Person); err != nil || rules.Fixed {
		return firstError(err, Fault(CodeAddressFixed, "remove address", nil))
	}
	return s.begin(ctx, m, Change{Kind: ChangeDropAddress, Address: address})
}
