package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// ChangeKind says what a change in the settings does.
type ChangeKind string

// The changes.
const (
	ChangeAddAddress  ChangeKind = "address_added"
	ChangeDropAddress ChangeKind = "address_removed"
	ChangeAddOTP      ChangeKind = "authenticator_added"
	ChangeDropOTP     ChangeKind = "authenticator_removed"
	ChangeLabel       ChangeKind = "authenticator_renamed"
	ChangeCodes       ChangeKind = "recovery_codes"
)

// ChangeState is how far a change has come.
type ChangeState string

// The states of a change.
const (
	ChangeAsked   ChangeState = "asked" // a job carries it out
	ChangeDone    ChangeState = "done"
	ChangeRefused ChangeState = "refused" // Code says why; nothing was changed
)

// Change is one change that somebody asked for in the settings. It is stored under its person, so that one is under way at most; whoever carries it
// out holds it, so that nobody else of us writes that person meanwhile.
type Change struct {
	ID         string
	Person     string
	Session    string // of the campus, whose sign-in asked for it
	SignedInAt time.Time
	Language   string
	Reference  string `json:",omitempty"` // of the request that asked for it
	Kind       ChangeKind
	Address    string         `json:",omitempty"`
	Credential string         `json:",omitempty"` // to be removed or renamed, or the new one's id; of recovery codes, their set's, too
	With       string         `json:",omitempty"` // the authenticator whose code opened the sign-in: it stays
	Label      string         `json:",omitempty"`
	New        *NewCredential `json:",omitempty"`
	At         time.Time      // asked for
	Until      time.Time      // not begun after this
	State      ChangeState
	Code       Code      `json:",omitempty"` // ChangeRefused: why
	Field      string    `json:",omitempty"` // of Code: what Keycloak named
	Tell       []string  `json:",omitempty"` // addresses that hear of it, as they were before
	Name       string    `json:",omitempty"` // of the person
	Intended   bool      `json:",omitempty"` // the audit trail holds the intent
	Sent       bool      `json:",omitempty"` // it may stand
	Unanswered time.Time `json:",omitzero"`  // when it was last sent without an answer: it may come to stand for a while
	Compared   bool      `json:",omitempty"` // after the write, with what stood before
	Tries      int       `json:",omitempty"` // refusals by Keycloak
	Holder     string    `json:",omitempty"` // who carries it out
	Held       time.Time
}

// Lives of a change.
const (
	ChangeLife   = 5 * time.Minute
	changeHold   = 30 * time.Second // longer than one run may take
	changeRun    = 20 * time.Second
	changeMemory = 30 * time.Minute // how long the page may still say what came of it; one that is under way is kept until its end
	changeTries  = 3
)

// unanswered notes a fault of its write after which it may come to stand yet.
func (c *Change) unanswered(err error, now time.Time) {
	if CodeOf(err) != CodeRefusedByAccount {
		c.Unanswered = now
	}
}

// begin makes a change a job. The same change again, by a second press, is nil; another one while one is under way is CodeChangeOpen.
func (s *Settings) begin(ctx context.Context, m Member, c Change) error {
	now := s.Now()
	c.ID, c.Person, c.Session, c.SignedInAt, c.Language = NewUUID(), m.Person, m.Session, m.SignedInAt, m.Language
	c.Reference = RequestFrom(ctx).Reference
	c.State, c.At, c.Until = ChangeAsked, now.Truncate(time.Second), now.Add(ChangeLife)
	job := Job{Kind: JobChange, ID: m.Person, At: now.Add(2 * time.Second)}
	if err := s.Jobs.Add(ctx, job); err != nil {
		return err
	}
	_, err := s.Changes.Update(ctx, m.Person, 0, func(old Change, found bool) (Change, error) {
		switch {
		case found && old.same(c) && (old.State == ChangeAsked || old.State == ChangeDone && c.Kind == ChangeAddOTP): // its key makes no other one
			return old, errSame
		case !found || old.State != ChangeAsked:
			return c, nil
		}
		return old, Fault(CodeChangeOpen, "change", nil)
	})
	if errors.Is(err, errSame) {
		return nil
	}
	if err != nil {
		return err
	}
	job.At = now
	if err := s.Jobs.Add(ctx, job); err != nil {
		s.Log.WarnContext(ctx, "the change begins two seconds later", "err", err)
	}
	return nil
}

// same reports whether two changes ask for the same.
func (c Change) same(d Change) bool {
	return c.Kind == d.Kind && strings.EqualFold(c.Address, d.Address) && c.Credential == d.Credential && (c.Kind != ChangeLabel || c.Label == d.Label)
}

func movedEvent(person, fields string) AuditEvent {
	e := ownEvent("alarm.account_moved", person)
	e.Outcome, e.Actor, e.Detail = "failed", "system", map[string]string{"fields": fields}
	return e
}

// NewOTP is an authenticator that is about to be added: it stays with the browser session that shows its key, until a right code was typed.
type NewOTP struct {
	ID      string // of the credential
	Key     Key
	OldKeys []Secret
	Until   time.Time
}

// BeginOTP draws the key of another authenticator. old is the one before, whose codes are explained as such.
func (s *Settings) BeginOTP(ctx context.Context, m Member, old *NewOTP) (NewOTP, error) {
	if _, err := s.mayFactor(ctx, m); err != nil {
		return NewOTP{}, err
	}
	key, err := s.newKey(ctx)
	if err != nil {
		return NewOTP{}, err
	}
	n := NewOTP{ID: NewUUID(), Key: key, Until: s.Now().Add(ProofLife)}
	if old != nil && old.Key.Secret != "" {
		n.OldKeys = append([]Secret{old.Key.Secret}, old.OldKeys[:min(len(old.OldKeys), 2)]...)
	}
	return n, nil
}

// AddOTP takes the first code of another authenticator and begins the change. CodeOldKey: it belongs to a key before this one.
func (s *Settings) AddOTP(ctx context.Context, m Member, n NewOTP, typed, label string) error {
	const op = "add authenticator"
	if _, err := s.mayFactor(ctx, m); err != nil {
		return err
	}
	now := s.Now()
	if !now.Before(n.Until) || n.Key.Secret == "" {
		return Fault(CodeExpired, op, nil)
	}
	if _, err := s.Codes.Check(n.Key.Secret, n.Key.OTP, typed, now); err != nil {
		for _, old := range n.OldKeys {
			if _, wrong := s.Codes.Check(old, n.Key.OTP, typed, now); wrong == nil {
				return Fault(CodeOldKey, op, nil)
			}
		}
		return err
	}
	return s.begin(ctx, m, Change{
		Kind: ChangeAddOTP, Credential: n.ID, Label: label,
		New: &NewCredential{ID: n.ID, Secret: n.Key.Secret, OTP: n.Key.OTP, CreatedMillis: now.UnixMilli()},
	})
}

// authenticator reports whether an id is that of one of the account's own.
func authenticator(a Account, id string) bool {
	return slices.ContainsFunc(a.Authenticators(), func(c Credential) bool { return c.ID == id && !c.Federated })
}

// RemoveOTP begins the removal of an authenticator. It needs a sign-in that was opened by a code of one that stays: CodeOtherOTP says that it was
// not, or that it is not known. CodeLastOTP: there is no other one.
func (s *Settings) RemoveOTP(ctx context.Context, m Member, id string) error {
	const op = "remove authenticator"
	a, err := s.may(ctx, m)
	if err != nil {
		return err
	}
	if !authenticator(a, id) {
		return Fault(CodeAbsent, op, nil)
	}
	if len(a.Authenticators()) < 2 {
		return Fault(CodeLastOTP, op, nil)
	}
	with, err := s.Profiles.SignedInWith(ctx, m.Person, m.Session, m.SignedInAt.Add(-time.Minute))
	if err != nil {
		return err
	}
	if !authenticator(a, with) || with == id {
		return Fault(CodeOtherOTP, op, nil)
	}
	i := slices.IndexFunc(a.Credentials, func(c Credential) bool { return c.ID == id })
	return s.begin(ctx, m, Change{Kind: ChangeDropOTP, Credential: id, With: with, Label: a.Credentials[i].Label})
}

// noneLeft raises the alarm when a removal has left nobody an authenticator: the other one was taken away elsewhere at the same moment.
func (f *Flow) noneLeft(ctx context.Context, c Change) error {
	if c.Kind != ChangeDropOTP {
		return nil
	}
	seen, err := f.seen(ctx, c.Person)
	if CodeOf(err) == CodeGone {
		return nil
	}
	if err != nil || len(Account{Credentials: seen}.Authenticators()) > 0 {
		return err
	}
	e := changeEvent("alarm.authenticator_last", c)
	e.Outcome, e.Actor = "failed", "system"
	return f.Audit.Record(ctx, e)
}

// RenameOTP begins to give an authenticator another label. CodeLabelTaken: another one has it.
func (s *Settings) RenameOTP(ctx context.Context, m Member, id, label string) error {
	const op = "rename authenticator"
	a, err := s.mayFactor(ctx, m)
	if err != nil {
		return err
	}
	if !authenticator(a, id) {
		return Fault(CodeAbsent, op, nil)
	}
	label = cleanLabel(label)
	if label == "" {
		return Fault(CodeEmpty, op, nil)
	}
	if slices.ContainsFunc(a.Credentials, func(c Credential) bool { return c.ID != id && strings.EqualFold(strings.TrimSpace(c.Label), label) }) {
		return Fault(CodeLabelTaken, op, nil)
	}
	return s.begin(ctx, m, Change{Kind: ChangeLabel, Credential: id, Label: label})
}

// changeNames are what the audit trail calls a change.
type changeNames struct{ intended, done, refused string }

func (k ChangeKind) names() changeNames {
	switch k {
	case ChangeAddAddress:
		return changeNames{"address.intended", "address.added", "address.refused"}
	case ChangeDropAddress:
		return changeNames{"address.intended", "address.removed", "address.refused"}
	case ChangeAddOTP:
		return changeNames{"authenticator.intended", "authenticator.added", "authenticator.refused"}
	case ChangeDropOTP:
		return changeNames{"authenticator.intended", "authenticator.removed", "authenticator.refused"}
	case ChangeCodes:
		return changeNames{"recovery_codes.intended", "recovery_codes.done", "recovery_codes.refused"}
	}
	return changeNames{"authenticator.intended", "authenticator.renamed", "authenticator.refused"}
}

func changeEvent(name string, c Change) AuditEvent {
	e := ownEvent(name, c.Person)
	e.Recovery, e.About = c.ID, c.Label
	e.Detail = map[string]string{"change": string(c.Kind)}
	if c.New != nil {
		e.About = c.New.Label
	}
	switch c.Kind {
	case ChangeAddOTP:
		e.Added = c.Credential
	case ChangeDropOTP:
		e.Removed = []string{c.Credential}
	case ChangeCodes:
		e.Recovery = c.Credential
	case ChangeAddAddress, ChangeDropAddress:
		e.About = MaskAddress(c.Address)
	}
	return e
}
