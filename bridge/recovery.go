package bridge

import "time"

// State is where a recovery stands.
type State string

// The states of a recovery (design.md, "The way of a recovery").
const (
	Waiting State = "waiting" // for the proof
	Proven  State = "proven"  // the holder may enrol
	Writing State = "writing" // the swap is under way; ends by itself
	Done    State = "done"
	Ended   State = "ended"
)

// End says how a recovery ended without a new authenticator.
type End string

// The ways a recovery ends early.
const (
	EndCancelled  End = "cancelled"
	EndVetoed     End = "vetoed"
	EndDenied     End = "denied"
	EndExpired    End = "expired"
	EndSuperseded End = "superseded"
	EndTooMany    End = "too_many"
	EndRefused    End = "refused"
	EndStopped    End = "stopped"   // by an administrator
	EndTemporary  End = "temporary" // a temporary code is the answer: ReasonToday
)

// Reason is why the old authenticators do not work.
type Reason string

// The reasons that the page offers.
const (
	ReasonChanged Reason = "changed"
	ReasonLost    Reason = "lost"
	ReasonStolen  Reason = "stolen"

	// ReasonToday is not offered there: the authenticator works and is elsewhere, and the help desk is asked for a temporary code.
	ReasonToday Reason = "today"
)

// Valid reports whether the reason is one of those offered.
func (r Reason) Valid() bool { return r == ReasonChanged || r == ReasonLost || r == ReasonStolen }

// Lives of the states that the configuration does not set.
const (
	WaitAfterLink = 30 * time.Minute // Waiting by mail lasts for the link's life and this
	ProofLife     = 10 * time.Minute // Proven, at most
	SignInLife    = 15 * time.Minute // how old a sign-in may be that starts, redeems, or sees the key
	KeepEnded     = 72 * time.Hour   // Done and Ended are kept; an objection to Done is heard, and holds
	NoticeLife    = 24 * time.Hour   // a notice is not sent after this
	KeyTries      = 5                // wrong codes that discard a key
	MaxExtensions = 12               // presses of "extend" for one proof
)

// Recovery is one attempt to replace lost authenticators: the aggregate. It is stored under its person, so one is open at most.
type Recovery struct {
	V          int // version of this record
	ID         string
	Person     string
	Username   string
	Name       string
	Language   string
	Reference  string `json:",omitempty"` // of the request that began it
	State      State
	Way        Way
	Reason     Reason
	Origin     Origin
	From       string `json:",omitempty"` // client address that asked
	Other      bool   `json:",omitempty"` // the other way was open too, when this began
	Shut       bool   `json:",omitempty"` // the account was locked when this began
	Asker      string // the browser that asked (its holder id)
	StartedAt  time.Time
	Expires    time.Time // Waiting, Proven: ends then
	Snapshot   Snapshot
	Link       *Link     `json:",omitempty"`
	Vetoes     []Veto    `json:",omitempty"` // of further notices; each can stop
	Untold     []string  `json:",omitempty"` // addresses on record that have yet to hear of it; a link proves nothing until they have
	Call       *Call     `json:",omitempty"` // WayDesk
	WrongWords int       `json:",omitempty"` // wrong picks of match words before this recovery, or before its end
	NotBefore  time.Time `json:",omitzero"`  // a delay runs: proven once, to be proven again after this
	Holder     string    `json:",omitempty"` // the one browser that may enrol
	ProvenAt   time.Time `json:",omitzero"`
	SignedInAt time.Time `json:",omitzero"` // of the latest sign-in that this rests on
	AuthTime   time.Time `json:",omitzero"` // of the same one, by the campus's own clock
	KeyLife    time.Duration
	Extended   int       `json:",omitempty"`
	Key        *Key      `json:",omitempty"`
	OldKeys    []Secret  `json:",omitempty"` // discarded in this recovery, to explain a code of an earlier QR code
	Swap       *Swap     `json:",omitempty"`
	Lock       *Lock     `json:",omitempty"` // ReasonStolen: from the proof on
	Theft      *Theft    `json:",omitempty"` // reported before this recovery
	LockStuck  Code      `json:",omitempty"` // why the lock needs an administrator
	LockSince  time.Time `json:",omitzero"`  // of LockStuck
	Intended   bool      `json:",omitempty"` // the audit trail holds the intent
	Label      string    `json:",omitempty"`
	First      bool      `json:",omitempty"` // there was no old authenticator
	WritingAt  time.Time `json:",omitzero"`
	Stuck      Code      `json:",omitempty"` // Writing: why the swap needs an administrator
	Field      string    `json:",omitempty"` // of Stuck or EndCode: the profile fields that Keycloak named
	Step       string    `json:",omitempty"` // of Stuck, LockStuck or EndCode: what could not be done
	Unwanted   bool      `json:",omitempty"` // Writing: an administrator asked for its end, to be decided by whoever holds the swap
	Strange    []string  `json:",omitempty"` // of an earlier release: Known of the Watch
	End        End       `json:",omitempty"`
	EndCode    Code      `json:",omitempty"` // EndRefused: why
	EndedAt    time.Time `json:",omitzero"`
	DoneAt     time.Time `json:",omitzero"`
	Unsaid     []string  `json:",omitempty"` // what is to be done yet about an objection
	UnsaidAt   time.Time `json:",omitzero"`  // when the latest one came
	UnsaidWhy  Code      `json:",omitempty"` // why that needs an administrator
	Objected   time.Time `json:",omitzero"`  // somebody objected to a recovery of this person that was done, or nearly
	Added      string    `json:",omitempty"` // Done: credential id of the new authenticator
	Beside     bool      `json:",omitempty"` // Done: an authenticator of a directory works beside it
}

// RecoveryVersion is the version of the stored record.
const RecoveryVersion = 1

// Snapshot is what decides later, read before the sign-in that it belongs to.
type Snapshot struct {
	Taken           time.Time
	Addresses       []Address
	Numbers         []string `json:",omitempty"` // on record, for call-backs
	PasswordID      string
	PasswordCreated time.Time
	PasswordRecent  bool      `json:",omitempty"` // it was younger than password_age (TOK-14)
	NotBefore       time.Time `json:",omitzero"`
	Ending          time.Time `json:",omitzero"` // since then we are about to end the sessions ourselves, which will move NotBefore
}

// Address is a notification address on record. Code says why no link may go there, "" if one may.
type Address struct {
	Value string
	Code  Code `json:",omitempty"`
}

// Link is the single-use link of the mail way. Tokens are kept as hashes only.
type Link struct {
	Hash      string
	VetoHash  string
	Objection string // six digits, printed in the mail, not in the URL
	To        string
	SentAt    time.Time
	Expires   time.Time
	Objected  int // wrong objection numbers with VetoHash
	Resent    int
	Unsent    bool `json:",omitempty"` // no mail is under way: it is not queued yet, could not be, or was given up
	// Mail is what became of the mail; "": not known yet.
	Mail MailOutcome `json:",omitempty"`
}

// Key is the new TOTP secret, pending until one right code is typed.
type Key struct {
	Secret  Secret
	OTP     OTPPolicy
	Made    time.Time
	Tries   int   // wrong codes
	Stopped bool  // five wrong codes: the secret is erased
	Step    int64 // last time step that was accepted
}

// Open reports whether the recovery is under way.
func (r Recovery) Open() bool { return r.State == Waiting || r.State == Proven || r.State == Writing }

// At returns the recovery as it stands at now: one whose time is up has ended.
func (r Recovery) At(now time.Time) Recovery {
	if (r.State == Waiting || r.State == Proven) && !now.Before(r.Expires) {
		return r.ended(EndExpired, "", now)
	}
	return r
}

// ended returns the recovery ended, without its key and link.
func (r Recovery) ended(why End, code Code, now time.Time) Recovery {
	r.State, r.End, r.EndCode, r.EndedAt, r.WrongWords = Ended, why, code, now, r.wrongWords()
	r.Key, r.OldKeys, r.Swap, r.Call, r.Stuck, r.Field, r.Unwanted = nil, nil, nil, nil, "", "", false
	return r
}

// Start is what a new recovery begins from.
type Start struct {
	ID, Person, Username, Name, Language string
	Reference                            string // of the request
	Way                                  Way
	Reason                               Reason
	Origin                               Origin
	Asker                                string
	SignedInAt, AuthTime                 time.Time
	Snapshot                             Snapshot
	Link                                 Link
	KeyLife                              time.Duration // 0 = ProofLife
	Other                                bool          // the other way was open too
	Shut                                 bool          // the account is locked
	Call                                 *Call         // WayDesk
	From                                 string        // client address, for HD-15
}

// Begin returns a new recovery in Waiting. An open one without a proof or approval is superseded; one with either stands (CodeActive), also
// while a waiting period runs, and one that is being written or locked too (CodeTooLate). A theft that was reported stays one: the password
// alone supersedes or ends the report, and must not talk it down. found says whether old exists.
func Begin(old Recovery, found bool, s Start, now time.Time) (Recovery, error) {
	var theft *Theft
	if found {
		theft = old.At(now).theft(now)
		switch was := old.At(now); {
		case was.State == Proven, was.State == Waiting && (!was.NotBefore.IsZero() || was.Call != nil && len(was.Call.Approvals) > 0):
			return old, Fault(CodeActive, "begin", nil)
		case was.State == Writing, was.Locking():
			return old, Fault(CodeTooLate, "begin", nil)
		case was.State == Waiting && was.Reason == ReasonStolen && s.Reason == ReasonToday:
			return old, Fault(CodeActive, "begin", nil)
		case len(was.Unsaid) > 0: // an objection came a moment ago, and is not to be forgotten
			return old, Fault(CodeStoreAway, "begin", nil)
		case theft != nil && s.Reason != ReasonToday:
			s.Reason = ReasonStolen
		}
	}
	if now.Sub(s.SignedInAt) > SignInLife {
		return old, Fault(CodeStaleSignIn, "begin", nil)
	}
	if s.KeyLife <= 0 || s.KeyLife > ProofLife {
		s.KeyLife = ProofLife
	}
	guessed := 0
	if found && old.State != Done { // a new start forgets no guess
		guessed = old.wrongWords()
	}
	expires := s.Link.Expires.Add(WaitAfterLink)
	if s.Way == WayDesk {
		expires = now.Add(DeskLife)
	}
	return Recovery{
		V: RecoveryVersion, ID: s.ID, Person: s.Person, Username: s.Username, Name: s.Name, Language: s.Language,
		State: Waiting, Way: s.Way, Reason: s.Reason, Origin: s.Origin, Asker: s.Asker, SignedInAt: s.SignedInAt, AuthTime: s.AuthTime,
		StartedAt: now, Expires: expires, Snapshot: s.Snapshot, Link: &s.Link, Untold: s.Snapshot.Others(s.Link.To),
		KeyLife: s.KeyLife, Other: s.Other, Shut: s.Shut, Call: s.Call, From: s.From, WrongWords: guessed,
		Vetoes: old.doneVetoes(now), Objected: old.Objected, Theft: theft, Reference: s.Reference,
	}, nil
}

// Resend replaces the link; the earlier one no longer works.
func (r Recovery) Resend(l Link, now time.Time) (Recovery, error) {
	r = r.At(now)
	if r.State != Waiting || r.Way != WayMail || now.Before(r.NotBefore) {
		return r, Fault(CodeNotOpen, "resend", nil)
	}
	l.Resent = r.Link.Resent + 1
	r = r.withVeto(r.Link.veto()) // what was told before can still stop
	r.Link, r.Expires = &l, later(r.Expires, l.Expires.Add(WaitAfterLink))
	if r.NotBefore.IsZero() {
		r.Expires = l.Expires.Add(WaitAfterLink)
	}
	return r, nil
}

// Proof is a redeemed link: who redeemed it, in which browser, after which sign-in.
type Proof struct {
	LinkHash   string
	Person     string
	Holder     string
	SignedInAt time.Time
	AuthTime   time.Time
	Delay      time.Duration // of the policy; the first proof begins it, the second one completes
}

// Prove redeems the link once: Waiting → Proven, with a fresh key for the holder. The sign-in must be younger than the link and at
// most 15 minutes old. Every other fault of the link is CodeLinkInvalid.
func (r Recovery) Prove(p Proof, key Key, now time.Time) (Recovery, error) {
	r = r.At(now)
	if !r.redeemable(p.LinkHash, now) || p.Person != r.Person || p.Holder == "" {
		return r, Fault(CodeLinkInvalid, "prove", nil)
	}
	if !p.SignedInAt.After(r.Link.SentAt) || now.Sub(p.SignedInAt) > SignInLife {
		return r, Fault(CodeStaleSignIn, "prove", nil)
	}
	r.SignedInAt, r.AuthTime = p.SignedInAt, p.AuthTime
	return r.proven(p.Holder, key, p.Delay, now), nil
}

// DelayGrace is how long a recovery stays open after its delay has run.
const DelayGrace = 24 * time.Hour

// proven takes a complete proof. With a delay that has not begun yet it begins it: nothing is kept of the proof, and another one is needed
// after NotBefore. Otherwise the holder gets the key.
func (r Recovery) proven(holder string, key Key, delay time.Duration, now time.Time) Recovery {
	if delay > 0 && r.NotBefore.IsZero() {
		l := *r.Link
		l.Hash = ""
		r.NotBefore, r.Link = now.Add(delay), &l
		r.Expires = r.NotBefore.Add(DelayGrace)
		if r.Call != nil {
			r.Call = r.Call.again()
		}
		return r
	}
	r.State, r.Holder, r.ProvenAt = Proven, holder, now
	if !r.Today() {
		key.Made = now
		r.Key = &key
	}
	r.Expires = now.Add(r.KeyLife)
	return r
}

// redeemable reports whether the link with this hash would prove the recovery now.
func (r Recovery) redeemable(hash string, now time.Time) bool {
	return r.State == Waiting && r.Way == WayMail && r.Link != nil && Equal(r.Link.Hash, hash) && now.Before(r.Link.Expires)
}

// advanced reports that a waiting recovery has a first approval or a waiting period behind it: the password alone no longer ends it.
func (r Recovery) advanced() bool {
	return !r.NotBefore.IsZero() || len(callOf(r).Approvals) > 0
}

// Cancel ends a waiting recovery for its person, an advanced one for the browser that asked, a proven one for its holder only.
func (r Recovery) Cancel(holder string, now time.Time) (Recovery, error) {
	r = r.At(now)
	switch {
	case r.State == Waiting && (!r.advanced() || Equal(r.Asker, holder)), r.State == Proven && Equal(r.Holder, holder):
		return r.cancelled(holder, now), nil
	case r.State == Waiting, r.State == Proven:
		return r, Fault(CodeNotHolder, "cancel", nil)
	case r.State == Writing:
		return r, Fault(CodeTooLate, "cancel", nil)
	}
	return r, Fault(CodeNotOpen, "cancel", nil)
}

// Disown ends a waiting recovery by "This wasn't me" of its own person, who opened its link and signed in.
func (r Recovery) Disown(linkHash string, now time.Time) (Recovery, error) {
	r = r.At(now)
	if !r.redeemable(linkHash, now) {
		return r, Fault(CodeLinkInvalid, "disown", nil)
	}
	return r.ended(EndVetoed, "", now), nil
}

// Refuse ends a recovery before anything was written, because the account no longer allows it.
func (r Recovery) Refuse(code Code, now time.Time) Recovery {
	if !r.Open() {
		return r
	}
	return r.ended(EndRefused, code, now)
}
