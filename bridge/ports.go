package bridge

import (
	"context"
	"time"
)

// Accounts reads people and the realm. Every method returns CodeKeycloakAway when Keycloak does not answer in time, and never a
// half-read account.
type Accounts interface {
	// ByName finds the one person with this user name (or address, if the realm allows that). CodeGone: nobody, or several.
	ByName(ctx context.Context, name string) (Account, error)
	// ByID reads one person whole. CodeGone: no such id, or outside what the service account may see.
	ByID(ctx context.Context, id string) (Account, error)
	// History reads the saved events of one person since a time. Unreadable events are an error, never "none":
	// CodeRealmUnsafe when Keycloak will not show them, CodeWrongCodes when there are more than can be read.
	History(ctx context.Context, person string, since time.Time) (History, error)
	// Realm reads what the flow must know of the realm; an answer may be up to a minute old.
	Realm(ctx context.Context) (RealmFacts, error)
}

// Gate lets one person through the realm's password-only sign-in for minutes.
type Gate interface {
	// Open gives one browser a lease on the person's open gate; several leases share one membership.
	Open(ctx context.Context, person string) (lease string, err error)
	// End gives one lease back; the last one shuts the gate. An unknown lease is fine.
	End(ctx context.Context, person, lease string) error
	// Shut takes every lease of the person away and shuts the gate.
	Shut(ctx context.Context, person string) error
}

// SwapTarget is where credentials live. Every action may be repeated: what is there already, or gone already, is success.
type SwapTarget interface {
	// Credentials lists the person's credentials in Keycloak's order. CodeGone: no such person. CodeRefusedByAccount: out of reach for now.
	Credentials(ctx context.Context, person string) ([]Credential, error)
	// Do carries out one action. CodeRefusedByAccount (with Field) or CodeGone: it will never work. CodeKeycloakAway: try again.
	Do(ctx context.Context, person string, a Action) error
}

// Records is typed, sealed access to one kind of record, by key.
type Records[T any] interface {
	// Get returns ErrAbsent when there is none, ErrStoreAway when the store cannot tell.
	Get(ctx context.Context, key string) (T, error)
	// Update applies change atomically to the record (the zero T and found=false when absent) and stores the result for ttl (0 = no
	// end). A conflict repeats change, which must be pure. An error of change stores nothing and is returned as it is.
	Update(ctx context.Context, key string, ttl time.Duration, change func(old T, found bool) (T, error)) (T, error)
	// Delete removes the record; an absent one is fine.
	Delete(ctx context.Context, key string) error
}

// Job is durable work: it survives the process and is done at least once.
type Job struct {
	Kind    string
	ID      string // the same kind and id again replaces the job
	At      time.Time
	Payload []byte
}

// Jobs takes durable work.
type Jobs interface {
	Add(ctx context.Context, j Job) error
	// Remove forgets a job; an absent one is fine.
	Remove(ctx context.Context, kind, id string) error
}

// Kinds of jobs.
const (
	JobExpiry = "expiry" // end a recovery whose time is up; id = person
	JobSwap   = "swap"   // bring a swap to its end; id = person
	JobMail   = "mail"   // send one rendered mail; id = message id
	JobDelay  = "delay"  // go on after a waiting period; id = person
	JobVeto   = "veto"   // tell of an objection, if whoever took it did not; id = person
	JobGate   = "gate"   // shut a gate whose leases ran out; id = person
	JobChange = "change" // carry out a change of the settings; id = person
	JobCodes  = "codes"  // write the recovery codes that a person asked for; id = recovery
)

// Audit takes one event. An error means that it is not durably written: whoever was about to change an account stops.
type Audit interface {
	Record(ctx context.Context, e AuditEvent) error
}

// AuditEvent is one line of the audit trail. Empty fields are left out. It never holds a secret.
type AuditEvent struct {
	Event    string            // e.g. "recovery.started"
	Outcome  string            // "ok", "refused", "failed"
	Actor    string            // user id of who acted, "" for nobody signed in, "system" for jobs
	Target   string            // user id of whose account it is
	Recovery string            // id of the recovery
	Way      string            // mail or desk
	Code     Code              // why, for refusals and failures
	Added    string            // credential id written
	Removed  []string          // credential ids to remove
	Detail   map[string]string // few, documented, without personal data
	About    string            // label of an authenticator, or an address, masked: for the person's journal alone, never in the trail
}

// Mailer takes a notice for delivery. It returns once the mail is durably queued; CodeStoreAway otherwise.
type Mailer interface {
	Send(ctx context.Context, n Notice) error
}

// MailOutcome is what became of a queued mail.
type MailOutcome string

// Outcomes. A mail that is delayed is tried again until its end.
const (
	MailHanded  MailOutcome = "handed"  // a server took it
	MailDelayed MailOutcome = "delayed" // no server took it yet
	MailDropped MailOutcome = "dropped" // given up
)

// NoticeKind says what a mail is about.
type NoticeKind string

// Kinds of mail on the mail path.
const (
	NoticeLink      NoticeKind = "link"       // the link itself
	NoticeRequest   NoticeKind = "request"    // a recovery was started (to the other addresses)
	NoticeCompleted NoticeKind = "completed"  // a new authenticator was registered
	NoticeCancelled NoticeKind = "cancelled"  // stopped by a veto
	NoticeGateShut  NoticeKind = "gate_shut"  // too many wrong second factors
	NoticeCall      NoticeKind = "call"       // to the help desk: somebody is about to call
	NoticeApproved  NoticeKind = "approved"   // an operator confirmed who the person is
	NoticeDenied    NoticeKind = "denied"     // an operator did not
	NoticeDelay     NoticeKind = "delay"      // proven; the waiting period runs
	NoticeLocked    NoticeKind = "locked"     // after a theft: the old authenticators are useless from now on
	NoticeCodes     NoticeKind = "codes"      // recovery codes were made
	NoticeCodesBack NoticeKind = "codes_back" // recovery codes were not made in time and taken back
	NoticePermit    NoticeKind = "permit"     // two operators opened the sign-in until NotAfter

	NoticeAddressCode NoticeKind = "address_code" // the code that confirms an address, to that address
	NoticeChanged     NoticeKind = "changed"      // addresses or authenticators were changed in the settings

	NoticeTemporary      NoticeKind = "temporary"       // the temporary code itself
	NoticeTemporaryAsked NoticeKind = "temporary_asked" // a temporary code was sent (to the other addresses)
	NoticeTemporaryBack  NoticeKind = "temporary_back"  // a temporary code was taken back

	NoticeDeskVetoed    NoticeKind = "desk_vetoed"    // to the help desk: somebody stopped a recovery as not theirs
	NoticeDeskFirst     NoticeKind = "desk_first"     // to the help desk: somebody set an address, and no other one heard of it
	NoticeDeskCode      NoticeKind = "desk_code"      // to the help desk: somebody stopped a temporary code as not theirs
	NoticeDeskToday     NoticeKind = "desk_today"     // to the help desk: a temporary code was mailed, and only that mailbox heard of it
	NoticeDeskTemporary NoticeKind = "desk_temporary" // to the help desk: second factors were changed with a temporary code, or after it
	NoticeDeskObjected  NoticeKind = "desk_objected"  // to the help desk: somebody objected to a recovery that is done
	NoticeDeskOne       NoticeKind = "desk_one"       // to the help desk: only the mailbox that got the link heard of the end
	NoticeDeskGate      NoticeKind = "desk_gate"      // to the help desk: too many wrong second factors
)

// Notice is one mail before it is rendered: facts only.
type Notice struct {
	Kind      NoticeKind
	To        string
	Person    string // NoticeLink, NoticeTemporary: who waits for it
	Language  string // "" = unknown: all languages in one mail
	Name      string // of the person
	At        time.Time
	Expires   time.Time // never sent after this
	Way       Way
	Origin    Origin
	NotBefore time.Time        // NoticeDelay: end of the waiting period
	NotAfter  time.Time        // NoticePermit: end of the permit; NoticeTemporary…: of the code
	Link      Secret           // token, only for NoticeLink
	Veto      Secret           // token that can only stop
	Objection string           // six digits, printed beside the veto link
	Label     string           // NoticeCompleted: the new authenticator's name
	Kept      int              // NoticeLocked: how many second factors stay
	Code      Secret           // NoticeAddressCode, NoticeTemporary: eight digits
	Change    ChangeKind       // NoticeChanged
	Address   string           // NoticeChanged: the one that was added or removed
	Today     bool             // of a recovery that asks for a temporary code; NoticeTemporaryAsked: its code
	Outcome   TemporaryOutcome // NoticeTemporaryBack
	ID        string           // not empty: the same id and address again is the same mail, sent once
	Reference string
}

// TemporaryOutcome is what a temporary code that was taken back means for the account.
type TemporaryOutcome struct {
	Vetoed   bool // somebody objected; otherwise second factors or the password were changed
	Password bool // the password was changed
	Undone   bool // what was added was removed again
	Kept     bool // what was added after its end stays, since it may be the person's
	Gone     bool // a second factor that stood before is gone
	Locked   bool // no authenticator was left, and the account is shut
}

// Limiter counts uses. ok=false: refused until retry has passed. An error is no decision: the caller refuses.
type Limiter interface {
	// Allow: Count at once, then one every Per/Count, so that what is used up comes back at the limit's own rate.
	Allow(ctx context.Context, limit Limit, key string) (ok bool, retry time.Duration, err error)
	// AllowAtMost: no span of limit.Per ever sees more than limit.Count uses.
	AllowAtMost(ctx context.Context, limit Limit, key string) (ok bool, retry time.Duration, err error)
	// AllowEach takes uses in their order until one is refused, after which none is: taken is how many were, and says nothing beside an error. On the embedded store all are one write.
	AllowEach(ctx context.Context, uses []Use) (taken int, retry time.Duration, err error)
}

// Use is one use of a limit: as Allow counts, or as AllowAtMost does.
type Use struct {
	Limit  Limit
	Key    string
	AtMost bool
}

// Limit is a named rate.
type Limit struct {
	Name  string
	Count int
	Per   time.Duration
}

// Authenticator makes keys and judges codes.
type Authenticator interface {
	NewKey() Secret
	// Check returns the time step that the typed code belongs to. CodeEmpty and CodeFormat: it is no code at all. CodeClock (with
	// Minutes): right for another time. CodeWrongCode otherwise.
	Check(key Secret, p OTPPolicy, typed string, now time.Time) (step int64, err error)
	// Single returns the one temporary code of a key: its first counted one, TemporaryDigits long.
	Single(key Secret) (Secret, error)
}
