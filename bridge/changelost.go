package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// finishLostChange ends a change of the settings that the store has lost. Nothing is written: one that stands is told and put on record, like one that was
// finished in order. What moved beside it is not known, which is an alarm where attributes were written.
func (f *Flow) finishLostChange(ctx context.Context, i Intent) error {
	c, err := f.Changes.Get(ctx, i.Person)
	switch found := err == nil && c.ID == i.Recovery; {
	case found && c.State == ChangeAsked:
		return f.Jobs.Add(ctx, Job{Kind: JobChange, ID: i.Person, At: f.Now()})
	case found && c.State == ChangeRefused: // by another replica, whose own trail has the rest
		return f.Audit.Record(ctx, i.event("refused", c.Code))
	case found:
		return f.Audit.Record(ctx, changeEvent(c.Kind.names().done, c))
	case err != nil && !errors.Is(err, ErrAbsent):
		return err
	}
	a, err := f.Accounts.ByID(ctx, i.Person)
	if err = f.gone(ctx, "account", i.Person, err); CodeOf(err) == CodeGone {
		return f.nothingStands(ctx, i)
	}
	if err != nil {
		return err
	}
	realm, err := f.Accounts.Realm(ctx)
	if err != nil {
		return err
	}
	c, stands := f.lostChange(a, realm, i)
	if !stands {
		return f.nothingStands(ctx, i)
	}
	c.Tell = f.hears(a, realm, c)
	return f.endLostChange(ctx, c)
}

// lostChange is what is known of a change from its intent and the account, and whether it stands. The trail holds no address and no name: an address is
// known by the time of its mark.
func (f *Flow) lostChange(a Account, realm RealmFacts, i Intent) (c Change, stands bool) {
	c = Change{ID: i.Recovery, Person: i.Person, Kind: i.Change, Name: a.Name, Language: a.Locale}
	m := f.Rules.marks(a)
	switch i.Change {
	case ChangeAddAddress:
		for _, one := range f.Rules.Addresses(a, History{}, realm, f.Now()) {
			if !i.Marked.IsZero() && m.at(one.Value).Equal(i.Marked) {
				c.Address = one.Value
			}
		}
		return c, c.Address != ""
	case ChangeDropAddress:
		return c, !i.Marked.IsZero() && m.changed.Equal(i.Marked)
	case ChangeAddOTP:
		n := slices.IndexFunc(a.Credentials, func(o Credential) bool { return o.ID == i.Added })
		if n >= 0 {
			c.Credential, c.Label = i.Added, a.Credentials[n].Label
		}
		return c, n >= 0
	case ChangeDropOTP:
		gone := len(i.Removed) == 1 && !slices.ContainsFunc(a.Credentials, func(o Credential) bool { return o.ID == i.Removed[0] })
		if gone {
			c.Credential = i.Removed[0]
		}
		return c, gone
	}
	return c, true // a new name opens nothing, and nobody hears of it
}

// endLostChange tells of a change that was found to stand, and puts its end on record.
func (f *Flow) endLostChange(ctx context.Context, c Change) error {
	if err := f.tellChange(ctx, c); err != nil {
		return err
	}
	if c.Kind.OfAddress() {
		if err := f.Audit.Record(ctx, movedEvent(c.Person, "not compared")); err != nil {
			return err
		}
	}
	if err := f.noneLeft(ctx, c); err != nil {
		return err
	}
	e := changeEvent(c.Kind.names().done, c)
	e.Actor, e.Detail["store"] = "system", "lost"
	if f.unheard(c) {
		e.Detail["told"] = "the new address only"
		f.tellDesk(ctx, NoticeDeskFirst, c.ID)
	}
	return f.Audit.Record(ctx, e)
}

// OfAddress reports whether a change is one of notification addresses.
func (k ChangeKind) OfAddress() bool { return k == ChangeAddAddress || k == ChangeDropAddress }

func (k ChangeKind) undertaking() Undertaking {
	if k.OfAddress() {
		return UndertakingAddress
	}
	return UndertakingAuthenticator
}

// markTime is how an intent says when the marks of its addresses are from.
const markTime = time.RFC3339

// Known reports that the store still has what an intent is about, and its own job ends it: a temporary code stays open for as long as it lives, a change in
// the settings while Keycloak is away.
func (f *Flow) Known(ctx context.Context, i Intent) (bool, error) {
	switch i.What {
	case UndertakingTemporary:
		t, found, err := f.Temporary(ctx, i.Person)
		return found && t.ID == i.Recovery, err
	case UndertakingAddress, UndertakingAuthenticator:
		c, err := f.Changes.Get(ctx, i.Person)
		return err == nil && c.ID == i.Recovery, absentIsFine(err)
	}
	return false, nil
}
