package bridge

import (
	"slices"
	"strings"
	"time"
)

// TemporaryDigits is the length of a temporary code.
const TemporaryDigits = 8

// Marks begin the ids of what we write and have to know again, whatever the store has forgotten: a valid UUID (RFC 9562, version 8) that only an administrator can
// write. A label is no mark, since people may change theirs.
const (
	markTemporary = "6f747062-746d-8" // "otpbtm"
	markTombstone = "6f747062-7473-8" // "otpbts"
	markRecovered = "6f747062-6e77-8" // "otpbnw": this one is an authenticator, which a swap wrote
)

func newMarked(mark string) string { return mark + NewUUID()[len(mark):] }

// NewTemporary is the credential of a temporary code. The code is the key's Single one; nobody needs the key after the write.
func NewTemporary(label string, key Secret, now time.Time) NewCredential {
	return NewCredential{ID: newMarked(markTemporary), Label: label, Secret: key, Temporary: true, CreatedMillis: now.UnixMilli()}
}

// Temporary reports whether the credential is a temporary code of ours.
func (c Credential) Temporary() bool {
	return c.Type == TypeOTP && strings.HasPrefix(c.ID, markTemporary)
}

// Tombstone reports whether the credential keeps an account shut, and nobody has its secret.
func (c Credential) Tombstone() bool {
	return c.Type == TypeOTP && strings.HasPrefix(c.ID, markTombstone)
}

// Recovered reports whether a swap of ours wrote the credential, after the whole proof.
func (c Credential) Recovered() bool {
	return c.Type == TypeOTP && strings.HasPrefix(c.ID, markRecovered)
}

// TemporaryCode returns the temporary code that the account holds; ok is false when there is none.
func (a Account) TemporaryCode() (c Credential, ok bool) { return temporaryCode(a.Credentials) }

func temporaryCode(seen []Credential) (c Credential, ok bool) {
	i := slices.IndexFunc(seen, Credential.Temporary)
	if i < 0 {
		return Credential{}, false
	}
	return seen[i], true
}

// Authenticators returns the OTPs that the person has: no temporary code and no tombstone is one.
func (a Account) Authenticators() []Credential {
	return slices.DeleteFunc(a.OTPs(), func(c Credential) bool { return c.Temporary() || c.Tombstone() })
}

// TemporaryRefusal says why this account may have no temporary code by mail, nil if it may: only where the mail way is open by itself, for
// somebody who has an authenticator to come back to, and never soon after a change of the password or the address (TMP-01).
func (r Rules) TemporaryRefusal(a Account, h History, f RealmFacts, now time.Time) error {
	if err := r.noTemporary(a, h, now); err != nil {
		return err
	}
	return r.MailRefusal(a, h, f, now)
}

// noTemporary says why this account may have no temporary code, whoever is the one to allow it.
func (r Rules) noTemporary(a Account, h History, now time.Time) error {
	const op = "temporary code"
	p, _ := a.Password()
	switch {
	case !r.TemporaryCodes:
		return Fault(CodeNotOpen, op, nil)
	case len(a.Authenticators()) == 0:
		return Fault(CodeNoAuthenticator, op, nil)
	case r.Policy(a).Delay > 0:
		return Fault(CodeDeskOnly, op, nil)
	case now.Sub(later(p.Created, h.PasswordReset)) < HistorySpan:
		return Fault(CodePasswordRecent, op, nil)
	case now.Sub(later(r.marks(a).changed, h.AddressChanged)) < HistorySpan:
		return Fault(CodeAddressChanged, op, nil)
	}
	return nil
}
