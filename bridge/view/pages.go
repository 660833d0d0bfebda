package view

import (
	"html/template"
	"time"

	"otpbridge/bridge"
)

// Page is one page: a struct of this package that embeds Frame. View.Render turns it into HTML.
type Page interface {
	frame() Frame
	template() string         // name of its file under templates/pages, without ".html"
	heading(l *locale) string // its h1, also the first part of the title
}

// faulty is a page with a form that came back.
type faulty interface{ faults() []Fault }

// Start is GET /: what is wrong, and what helps. Only what works here has a tile.
type Start struct {
	Frame
	Temporary bool   // people may have a temporary code mailed
	Settings  bool   // people may change their settings
	Paused    bool   // nobody can begin a recovery
	PauseText string // the administrator's own words about that, in the page's language; empty: ours
}

// Identify is GET /start, and the answer 422 of POST /start: the person types their ID. It looks the same for every ID.
type Identify struct {
	Frame
	Name   string // what was typed
	Denied bool   // the campus sign-in page refused a moment ago: the advice comes first
	Unseen bool   // the sign-in service did not answer in time a moment ago
	To     string // what the sign-in is for, when it is no recovery: "temporary"
	Again  bool   // the recovery is proven, but the sign-in is too old: the key is shown after another one
	Faults []Fault
}

// Request is GET /recovery for a signed-in person without an open recovery, and the answer 422 of do=start.
// Without any way there is nothing to ask: show Failure with the code that stands against it.
type Request struct {
	Frame
	Address string        // the address that would get the link, whole; it is masked here. Empty: no mail way
	Desk    bool          // the phone way is offered
	NoMail  bridge.Code   // why there is only the phone way
	Reason  bridge.Reason // what was chosen; empty on the first visit
	Way     bridge.Way    // what was chosen; empty on the first visit
	First   bool          // the person has no authenticator yet: nothing will be replaced
	Several bool          // the person has several authenticators: all of them will be removed
	Locked  bool          // a tombstone keeps the account shut: a new authenticator lifts that
	Faults  []Fault
}

// RequestActive is GET /recovery when a recovery is open that another browser goes on with. Before the proof its buttons post
// do=check (by mail only: a call code is shown where it was asked for) and do=restart; after it (Proven) nothing can be done here but
// looking again.
type RequestActive struct {
	Frame
	Started time.Time
	Way     bridge.Way
	Proven  bool
	Expires time.Time // Proven: when it ends by itself
}

// MailSent is GET /recovery while the link is under way. Its buttons: "check now" (GET /recovery), do=resend, do=cancel and, with Phone,
// do=deskinstead.
type MailSent struct {
	Frame
	Address    string    // whole; masked here
	Sender     string    // address of the sender, to look for in the spam folder
	Sent       time.Time // zero while Delayed
	Expires    time.Time // end of the link
	ResendFrom time.Time // when the mail can be sent again
	Left       int       // how often it can be sent again; negative: not said; 0: no button
	Opened     bool      // somebody opened the link
	Resent     bool      // the button was pressed and a new mail is under way
	TooEarly   bool      // the button was pressed before ResendFrom
	Delayed    bool      // the mail server has not taken the mail yet; it is tried again
	Unsent     bool      // no mail is under way: it could not even be queued
	Phone      bool      // the phone way is open too
}

// Elsewhere is GET /recovery in the browser that asked, once the enrolment goes on in another one.
type Elsewhere struct{ Frame }

// Ended is GET /recovery after the recovery ended without a new authenticator.
type Ended struct {
	Frame
	How  bridge.End
	Code bridge.Code // EndRefused: why; EndTooMany: call_pair for wrong call codes
}

// Link is GET /link before the sign-in: the same for every token (TOK-08). Its button posts do=continue.
type Link struct{ Frame }

// LinkAsked is GET /link after the sign-in: what was asked, when, from where. Its buttons post do=redeem and do=notme.
type LinkAsked struct {
	Frame
	Started time.Time
	From    bridge.Origin
	Expires time.Time
	Reason  bridge.Reason
	Mine    bool // the theft was reported in this browser, which alone may withdraw that
}

// Stolen reports that the complete proof locks the account.
func (p LinkAsked) Stolen() bool { return p.Reason == bridge.ReasonStolen }

// LinkStopped is the answer to do=notme: the request is cancelled, the password may be known to somebody.
type LinkStopped struct{ Frame }

// Enrol is GET /enrol, and the answer 422 of do=confirm: QR code, key and the field for the first one-time password.
// The forms post do=confirm (code, label), do=new, do=extend and do=cancel.
type Enrol struct {
	Frame
	QR        template.HTML       // <svg viewBox=...> made by the server; its text alternative is added here
	URI       template.URL        // otpauth: link, built by our own code
	Key       string              // Base32 without spaces
	Account   string              // as the app will show it
	Digits    int                 // 6 or 8
	Period    int                 // seconds
	Algorithm string              // "SHA1", "SHA256", "SHA512"; anything but SHA1/6/30 is spelled out for typing
	Until     time.Time           // end of this page
	Verified  bool                // the proof was completed a moment ago
	Soon      bool                // less than two minutes remain: offer to extend
	Extended  bool                // the time was extended a moment ago
	LockedAt  time.Time           // after a theft: since when the old authenticators are useless
	Kept      []bridge.Credential // after a theft: what could not be removed
	Unlocked  bool                // after a theft: the old authenticators could not be made useless yet
	Add       bool                // another authenticator, from the settings: the forms post to /settings/add
	Code      string              // what was typed
	Label     string              // what was typed
	Faults    []Fault
}

// WarnIn is the number of seconds after which a page with a script offers to extend.
func (p Enrol) WarnIn() int { return seconds(p.Until.Sub(p.Now) - warning) }

// EnrolStopped is GET /enrol when the key is gone while the proof still holds. Its buttons post do=new and do=cancel.
type EnrolStopped struct {
	Frame
	Add    bool // another authenticator, from the settings
	TimeUp bool // the time is up; otherwise five wrong codes
}

// Writing is GET /recovery while the credential is written. "Check now" is GET /recovery.
type Writing struct {
	Frame
	Slow   bool // longer than usual
	Stuck  bool // it does not go on without an administrator
	Locked bool // the old authenticator was locked before: it is no way to sign in meanwhile
}

// Done is GET /done; it survives a reload.
type Done struct {
	Frame
	Label     string         // name of the registration; may be empty
	Partial   bool           // the old authenticators are still being removed
	Beside    bool           // an authenticator of a directory works on: it cannot be removed
	First     bool           // there was no old authenticator
	Noticed   bool           // a notice was queued for at least one address
	SignedOut bool           // the person's other sessions were ended
	Unset     bool           // there is no notification address that a link can go to: the settings take one
	Codes     *RecoveryCodes // nil: nothing about recovery codes
	Faults    []Fault
}

// RecoveryCodes is the part of a page about recovery codes. Its buttons post do=codes (after) and do=saved (saved) to that page.
type RecoveryCodes struct {
	Offer    bool   // they can be made
	After    string // the set that this browser asked for before
	Replaces bool   // old ones stop working then
	Writing  bool   // they are being made
	Refused  bool   // they could not be made
	List     []string
	Made     time.Time
	Until    time.Time // shown no longer than this
}

// Veto is GET /veto and the answer 422 of POST /veto: two choices, none preset, and the objection number (MAIL-11).
type Veto struct {
	Frame
	Asked  *Asked // what was asked; nil: not shown
	Choice string // "stop", "keep": what was chosen
	Number string // what was typed
	Faults []Fault
}

// Asked is a request as a notice and the veto page describe it.
type Asked struct {
	When time.Time
	From bridge.Origin
	Way  bridge.Way // empty: not shown
}

// VetoDone is the page after POST /veto.
type VetoDone struct {
	Frame
	Outcome VetoOutcome
}

// VetoOutcome is what came of it.
type VetoOutcome string

// The outcomes. An unknown, used or expired veto link is VetoInvalid, the same words for all.
const (
	VetoStopped VetoOutcome = "stopped"
	VetoKept    VetoOutcome = "kept"
	VetoLate    VetoOutcome = "late"
	VetoInvalid VetoOutcome = "invalid"
)

// SignedOut is the page after POST /signout.
type SignedOut struct{ Frame }

func (Start) template() string         { return "start" }
func (Identify) template() string      { return "identify" }
func (Request) template() string       { return "request" }
func (RequestActive) template() string { return "active" }
func (MailSent) template() string      { return "sent" }
func (Elsewhere) template() string     { return "elsewhere" }
func (Ended) template() string         { return "ended" }
func (Link) template() string          { return "link" }
func (LinkAsked) template() string     { return "asked" }
func (LinkStopped) template() string   { return "stopped" }
func (Enrol) template() string         { return "enrol" }
func (EnrolStopped) template() string  { return "enrolstopped" }
func (Writing) template() string       { return "writing" }
func (Done) template() string          { return "done" }
func (Veto) template() string          { return "veto" }
func (VetoDone) template() string      { return "vetodone" }
func (SignedOut) template() string     { return "signedout" }

// ReasonChosen is the reason to preset: the most frequent one on the first visit, none when none was chosen.
func (p Request) ReasonChosen() bridge.Reason {
	if p.Reason == "" && len(p.Faults) == 0 {
		return bridge.ReasonChanged
	}
	return p.Reason
}

// WayChosen is the way to preset: what was chosen, else the first that is offered.
func (p Request) WayChosen() bridge.Way {
	switch {
	case p.Way != "" || len(p.Faults) > 0:
		return p.Way
	case p.Address != "":
		return bridge.WayMail
	}
	return bridge.WayDesk
}

// Uncommon says that an app would assume other figures than the realm's when the key is typed.
func (p Enrol) Uncommon() bool {
	return p.Algorithm != "SHA1" || p.Digits != 6 || p.Period != 30
}

// Again says that a new start may help.
func (p Ended) Again() bool {
	return p.How == bridge.EndCancelled || p.How == bridge.EndExpired
}

// Unproven says that the help desk could not tell who the person is.
func (p Ended) Unproven() bool {
	return p.How == bridge.EndDenied || p.How == bridge.EndTooMany && p.Code == bridge.CodeCallPair
}

// Unchanged says that nothing was changed and the old authenticator works: a refusal has words of its own, unless Keycloak refused the new one.
func (p Ended) Unchanged() bool {
	return p.How != bridge.EndRefused || p.Code == bridge.CodeRefusedByAccount
}

// Vetoed says that somebody stopped the request as not theirs.
func (p Ended) Vetoed() bool { return p.How == bridge.EndVetoed }

func (p Identify) faults() []Fault { return p.Faults }
func (p Request) faults() []Fault  { return p.Faults }
func (p Enrol) faults() []Fault    { return p.Faults }
func (p Done) faults() []Fault     { return p.Faults }
func (p Veto) faults() []Fault     { return p.Faults }
