package bridge

import (
	"slices"
	"time"
)

// TemporaryState is where a temporary code stands.
type TemporaryState string

// The states of a temporary code (design.md, "A temporary code").
const (
	TemporaryWriting TemporaryState = "writing" // the credential and the mail are being made
	TemporaryLive    TemporaryState = "live"    // it is in the mail, and can be used once
	TemporaryUsed    TemporaryState = "used"    // it was used and works no more; what it opened stays open until Expires
	TemporaryEnding  TemporaryState = "ending"  // whatever is left of it is being taken away
	TemporaryEnded   TemporaryState = "ended"
)

// TemporaryEnd says why a temporary code ended.
type TemporaryEnd string

// The ends of a temporary code.
const (
	TemporaryExpired   TemporaryEnd = "expired"    // its time was up, used or not
	TemporaryGivenBack TemporaryEnd = "given_back" // the person ended it
	TemporaryVetoed    TemporaryEnd = "vetoed"     // somebody who got a notice stopped it
	TemporaryChanged   TemporaryEnd = "changed"    // a second factor was added or removed while it lived: nobody who means well does
	TemporaryRecovered TemporaryEnd = "recovered"  // a recovery took its place
	TemporaryUnsent    TemporaryEnd = "unsent"     // the mail could not be sent
	TemporaryUnshown   TemporaryEnd = "unshown"    // approved by the help desk, and nobody said in time that they have it
	TemporaryUnwritten TemporaryEnd = "unwritten"  // it never came to be
)

// TemporaryLife is how long a temporary code can be used, and how long what it opened stays open.
const TemporaryLife = 24 * time.Hour

const (
	temporaryShown = 10 * time.Minute // how long the page shows a code that the help desk approved

	temporaryGrace = time.Minute      // how long writing may take before it is given up; no request lives so long
	temporaryWatch = 30 * time.Second // between two looks at a living one

	temporaryOverdue = time.Hour // past its day: the store was away, or came back old
)

// TemporaryCode is one temporary code from the press of the button until nothing is left of it. It is stored under its person, so there is one
// at most. Its key is never in it; the code is while the page shows one that the help desk approved.
type TemporaryCode struct {
	V         int    // version of this record
	ID        string // also of the credential
	Person    string
	Username  string
	Name      string
	Language  string
	Reference string `json:",omitempty"` // of the request that asked for it
	State     TemporaryState
	To        string    // the address that gets the code; empty: the page of the holder shows it
	Request   string    `json:",omitempty"` // id of the recovery with the help desk's approval
	Holder    string    `json:",omitempty"` // of Request: the one browser that sees the code
	Code      Secret    `json:",omitempty"` // of Request: until the holder has it
	ShownTo   time.Time `json:",omitzero"`  // of Code: taken back then, unless the holder has it
	Origin    Origin
	Snapshot  Snapshot
	StartedAt time.Time
	Expires   time.Time
	Factors   []string      // second factors that stood before it was written
	Vetoes    []Veto        // one of each mail
	Mail      MailOutcome   `json:",omitempty"`
	UsedAt    time.Time     `json:",omitzero"` // when it was seen to be used
	Tombstone NewCredential `json:",omitzero"` // what keeps the account shut when no other OTP is left; without a secret
	End       TemporaryEnd  `json:",omitempty"`
	EndedAt   time.Time     `json:",omitzero"`  // when it was decided to end it; what it opened before is not to be trusted
	Objected  time.Time     `json:",omitzero"`  // when somebody objected to one that was used, after its end
	Before    time.Time     `json:",omitzero"`  // the EndedAt of the one before, if that was used
	Swapped   time.Time     `json:",omitzero"`  // when a recovery had done its part with the second factors
	Given     []time.Time   `json:",omitempty"` // when those before it were asked for that count for the week

	Password      bool      `json:",omitempty"` // somebody changed the password after its use
	Late          bool      `json:",omitempty"` // something came after its end
	Asked         bool      `json:",omitempty"` // after it was gone, Keycloak's events were asked for a use
	Undone        bool      `json:",omitempty"` // a second factor that somebody added was removed again
	Stays         bool      `json:",omitempty"` // one that was added after its end stays, since it may be the person's
	SessionsEnded bool      `json:",omitempty"`
	Stuck         Code      `json:",omitempty"` // why it needs an administrator
	StuckSince    time.Time `json:",omitzero"`
}

// TemporaryVersion is the version of the stored record.
const TemporaryVersion = 1

// Open reports whether anything of the code may be left.
func (t TemporaryCode) Open() bool { return t.State != "" && t.State != TemporaryEnded }

// Lives reports whether it can be used, or what it opened is open.
func (t TemporaryCode) Lives() bool { return t.State == TemporaryLive || t.State == TemporaryUsed }

// BeginTemporary returns a new code in place of an older one that has ended; while that one has not, it stands (CodeTemporary). The new one, for
// which the password is enough, silences no objection to one that was used.
func BeginTemporary(old TemporaryCode, found bool, fresh TemporaryCode) (TemporaryCode, error) {
	if found && old.Open() {
		return old, Fault(CodeTemporary, "temporary code", nil)
	}
	if found && old.Disputed(fresh.StartedAt) { // meanwhile
		return old, Fault(CodeDeskOnly, "temporary code", nil)
	}
	fresh.Vetoes = append(fresh.Vetoes, old.doneVetoes(fresh.StartedAt)...)
	if fresh.Before = old.Before; old.opened() {
		fresh.Before = old.EndedAt
	}
	fresh.Given = old.given(fresh.StartedAt)
	if over := len(fresh.Given) - LimitTemporary.Count; over >= 0 {
		return old, &Error{Code: CodeTooMany, Op: LimitTemporary.Name, Until: fresh.Given[over].Add(LimitTemporary.Per)}
	}
	fresh.V, fresh.State, fresh.Expires = TemporaryVersion, TemporaryWriting, fresh.StartedAt.Add(TemporaryLife)
	return fresh, nil
}

// given are the times of the codes of the last week, this one among them unless it never reached anybody.
func (t TemporaryCode) given(now time.Time) []time.Time {
	all := slices.Clone(t.Given)
	if t.ID != "" && (!t.UsedAt.IsZero() || t.End != TemporaryUnsent && t.End != TemporaryUnwritten) {
		all = append(all, t.StartedAt)
	}
	return slices.DeleteFunc(all, func(at time.Time) bool { return now.Sub(at) >= LimitTemporary.Per })
}

// temporaryKept is how long a code is kept that has ended, and who used it is watched: objections are heard for a part of that, and the week is counted.
const temporaryKept = 30 * 24 * time.Hour

// doneVetoes are the ways to object to codes that were used, and are over.
func (t TemporaryCode) doneVetoes(now time.Time) []Veto {
	var out []Veto
	for _, v := range t.Vetoes {
		if v.Done.IsZero() && !t.UsedAt.IsZero() {
			v.Done = t.EndedAt
		}
		if !v.Done.IsZero() && now.Sub(v.Done) < KeepEnded {
			out = append(out, v)
		}
	}
	return out
}

// Sent notes that the credential stands and the mail is queued.
func (t TemporaryCode) Sent() (TemporaryCode, error) {
	if t.State != TemporaryWriting {
		return t, Fault(CodeNotOpen, "temporary code", nil)
	}
	t.State = TemporaryLive
	return t, nil
}

// Ending begins the end of an open code. The first reason stays, unless somebody is found to have changed the second factors: ending it must not hide that.
func (t TemporaryCode) Ending(why TemporaryEnd, now time.Time) (TemporaryCode, error) {
	found := t.State == TemporaryEnding && why == TemporaryChanged && t.End != TemporaryChanged
	if !found && t.State != TemporaryWriting && !t.Lives() {
		return t, Fault(CodeNotOpen, "temporary code", nil)
	}
	t.State, t.End, t.EndedAt, t.SessionsEnded = TemporaryEnding, why, now, false
	t.Code, t.ShownTo = "", time.Time{}
	return t, nil
}

// Recovered notes that a recovery has done its part: what it did is no change that somebody else made. A living code ends with it.
func (t TemporaryCode) Recovered(at, now time.Time) (TemporaryCode, error) {
	t.Swapped = at
	if !t.Lives() {
		return t, nil
	}
	return t.Ending(TemporaryRecovered, now)
}

// Veto ends a code from one of its notices with the right objection number, without a sign-in. After its end: CodeTooLate if it was used, so
// that the caller says to phone, else CodeLinkInvalid. A wrong number is CodeObjection, and counts: the returned code is stored all the same.
func (t TemporaryCode) Veto(hash, number string, now time.Time) (TemporaryCode, error) {
	i := slices.IndexFunc(t.Vetoes, func(v Veto) bool { return Equal(v.Hash, hash) })
	if i < 0 || t.Vetoes[i].Objected >= MaxObjections {
		return t, Fault(CodeLinkInvalid, "veto", nil)
	}
	if !Equal(t.Vetoes[i].Objection, number) {
		t.Vetoes = slices.Clone(t.Vetoes)
		t.Vetoes[i].Objected++
		return t, Fault(CodeObjection, "veto", nil)
	}
	before := t.Vetoes[i].Done
	over := before
	if before.IsZero() && !t.Open() {
		over = t.EndedAt
	}
	if !over.IsZero() && now.Sub(over) >= KeepEnded {
		return t, Fault(CodeLinkInvalid, "veto", nil)
	}
	ending, err := t.Ending(TemporaryVetoed, now)
	switch {
	case before.IsZero() && err == nil:
		return ending, nil
	case before.IsZero() && t.UsedAt.IsZero() && t.End == TemporaryVetoed: // pressed again
		return t, nil
	case before.IsZero() && t.UsedAt.IsZero():
		return t, Fault(CodeLinkInvalid, "veto", nil)
	case err == nil: // whoever used the one before may have this one
		t = ending
	case before.IsZero() && t.End != TemporaryChanged: // the graver one
		t.End, t.EndedAt = TemporaryVetoed, now // nothing is mailed to whoever it was
	}
	t.Objected = now
	return t, Fault(CodeTooLate, "veto", nil)
}

// event fills in what an event of a temporary code always says.
func (t TemporaryCode) event(name string) AuditEvent {
	e := AuditEvent{Event: name, Outcome: "ok", Actor: t.Person, Target: t.Person, Recovery: t.ID, Added: t.ID}
	if t.Request != "" {
		e.Way, e.Detail = string(WayDesk), map[string]string{"request": t.Request}
	}
	if t.toldOnlyCode() && (name == "temporary.sent" || name == "temporary.used") {
		e.Detail = map[string]string{"told": "the address of the code only"}
	}
	return e
}

// toldOnlyCode reports that nobody hears of the code but the one mailbox that gets it (MAIL-01).
func (t TemporaryCode) toldOnlyCode() bool { return t.To != "" && len(t.Snapshot.Others(t.To)) == 0 }

// Failed reports that the code never reached the person.
func (t TemporaryCode) Failed() bool {
	return t.End == TemporaryUnsent || t.End == TemporaryUnwritten || t.End == TemporaryUnshown
}

// names reports whether the veto link with this hash is one of the code's.
func (t TemporaryCode) names(hash string) bool {
	return slices.ContainsFunc(t.Vetoes, func(v Veto) bool { return Equal(v.Hash, hash) })
}

// Look returns an open code as it stands after a look at the person's credentials. One that nobody of ours took away counts as a second factor
// that was removed; but nobody has looked for long when its day is over by an hour, and what stands then may have come after it.
func (t TemporaryCode) Look(seen []Credential, now time.Time) TemporaryCode {
	i := slices.IndexFunc(seen, func(c Credential) bool { return c.ID == t.ID })
	why := TemporaryEnd("")
	switch {
	case i < 0 && (t.Lives() || t.End == TemporaryExpired) && !now.Before(t.Expires.Add(temporaryOverdue)):
		why = TemporaryExpired
	case t.changed(seen), t.State == TemporaryLive && i < 0 && now.Before(t.Expires):
		why = TemporaryChanged
	case t.State == TemporaryLive && i >= 0 && seen[i].Uses > 0:
		t.State, t.UsedAt = TemporaryUsed, now
		return t
	case t.Lives() && !now.Before(t.Expires):
		why = TemporaryExpired
	case t.State == TemporaryLive && t.Code != "" && !now.Before(t.ShownTo):
		why = TemporaryUnshown
	default:
		return t
	}
	t, _ = t.Ending(why, now)
	return t
}

// otherPassword reports that the password was changed after a use: a sign-in with the code is good for that at Keycloak, too. What a directory does not say
// counts as unchanged.
func (t TemporaryCode) otherPassword(seen []Credential) bool {
	p, ok := Account{Credentials: seen}.Password()
	return ok && !t.UsedAt.IsZero() && (p.ID != t.Snapshot.PasswordID || !p.Created.Equal(t.Snapshot.PasswordCreated))
}

// withPassword is the code when the password that stands now was found to be another one: it is no other one from now on.
func (t TemporaryCode) withPassword(seen []Credential) TemporaryCode {
	if t.Password = t.otherPassword(seen); t.Password {
		p, _ := Account{Credentials: seen}.Password()
		t.Snapshot.PasswordID, t.Snapshot.PasswordCreated = p.ID, p.Created
	}
	return t
}

// changed reports that somebody else added or removed a second factor, or set the password. After a recovery only what it leaves alone tells.
func (t TemporaryCode) changed(seen []Credential) bool {
	if t.otherPassword(seen) {
		return true
	}
	gone := func(id string) bool { return !slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == id }) }
	return slices.ContainsFunc(seen, t.strange) || t.Swapped.IsZero() && slices.ContainsFunc(t.Factors, gone)
}

// over is a code of which nothing is left.
func (t TemporaryCode) over(now time.Time) TemporaryCode {
	if t.State != TemporaryEnding {
		t, _ = t.Ending(TemporaryExpired, now)
	}
	t.State, t.Stuck, t.Tombstone = TemporaryEnded, "", NewCredential{}
	return t
}

// strange is a second factor that came under the code, and that no recovery wrote.
func (t TemporaryCode) strange(c Credential) bool {
	return t.foreign(c) && (t.Swapped.IsZero() || c.Type != TypeOTP && !c.Created.After(t.Swapped))
}

// foreign is a second factor that is not known to be the person's.
func (t TemporaryCode) foreign(c Credential) bool {
	return slices.Contains(factors, c.Type) && !c.Temporary() && !c.Tombstone() && !c.Federated && !slices.Contains(t.Factors, c.ID)
}

// factorIDs lists the second factors among credentials, sorted, without temporary codes and without what lives elsewhere.
func factorIDs(seen []Credential) []string {
	ids := []string{}
	for _, c := range seen {
		if slices.Contains(factors, c.Type) && !c.Temporary() && !c.Federated {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// suspicious: somebody else than the person may have had a hand in it.
func (t TemporaryCode) suspicious() bool {
	return t.End == TemporaryChanged || t.End == TemporaryVetoed
}

// Disputed reports that somebody else seems to have used the code, who then has the password and reads the mail: until it is cleared up nothing that
// opens the account is mailed.
func (t TemporaryCode) Disputed(now time.Time) bool {
	objected := !t.Objected.IsZero() && now.Sub(t.Objected) < KeepEnded
	return objected || (t.End == TemporaryChanged || t.End == TemporaryVetoed && !t.UsedAt.IsZero()) && now.Sub(t.EndedAt) < KeepEnded
}

// opened reports that sessions may stem from it which nobody else ends.
func (t TemporaryCode) opened() bool {
	return !t.UsedAt.IsZero() && t.End != TemporaryRecovered || t.suspicious()
}

// unseenUse reports that a code whose end has begun was used, and that nobody has noted it.
func (t TemporaryCode) unseenUse(seen []Credential) bool {
	return t.State == TemporaryEnding && t.UsedAt.IsZero() && slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == t.ID && c.Uses > 0 })
}

// NextTemporary decides the next step from the credentials seen just now. The code goes when it was used or ends; after a change that nobody of
// ours made, whatever was added goes, too. Nothing is removed that would leave the person without an OTP: a tombstone comes first (TMP-03).
func NextTemporary(t TemporaryCode, seen []Credential) Action {
	if t.State != TemporaryUsed && t.State != TemporaryEnding {
		return Action{Kind: ActionFinish}
	}
	remove := slices.IndexFunc(seen, t.removes)
	keeps := slices.ContainsFunc(seen, func(c Credential) bool { return c.Type == TypeOTP && !t.removes(c) })
	switch {
	case !keeps && len(t.Factors) > 0:
		return Action{Kind: ActionAdd, Credential: t.Tombstone.ID, New: &t.Tombstone}
	case remove >= 0:
		return Action{Kind: ActionRemove, Credential: seen[remove].ID}
	case t.State == TemporaryEnding && t.opened() && !t.SessionsEnded:
		return Action{Kind: ActionEndSessions}
	}
	return Action{Kind: ActionFinish}
}

func (t TemporaryCode) removes(c Credential) bool {
	if c.Federated || c.ID == t.Tombstone.ID {
		return false
	}
	return c.Temporary() || t.End == TemporaryChanged && t.strange(c)
}

// bare is a tombstone that is yet to be named.
func (t TemporaryCode) bare() bool { return t.Tombstone.ID == "" }
