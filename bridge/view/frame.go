package view

import (
	"time"

	"otpbridge/bridge"
)

// Frame is what every page carries besides its own content. The zero value is a page for nobody in particular.
type Frame struct {
	Path      string     // path and query of this page: a change of language comes back to it
	CSRF      string     // token for the forms; empty: no session, so the header shows no form either
	Person    *Person    // who is signed in; nil: nobody
	Now       time.Time  // when the page is made: times of the same day are written short
	Reference string     // reference number; shown on error pages and under notices of failure
	Desk      Desk       // whether the help desk answers the phone now
	Session   SessionEnd // of somebody who is signed in

	// Live is the step that this page shows, if GET /recovery/events tells of the next one; empty: the page never moves on by itself. The
	// server sends "event: step" with the step's name as data and its revision as id, at once and after every change, and "event: alive" every
	// LiveBeat.
	Live     bridge.Step
	Revision string // of Live: the same step with another one shows something else

	// Of the settings.
	Own   bool      // it belongs to them: there is no request to come back to
	Until time.Time // this sign-in opens them; zero: it is no page of theirs
	Late  bool      // a press on this page came too late, and its person has signed in again
	Old   bool      // the person wanted this page, and has signed in again for it

	// Console says that an error page belongs to the help desk's console; the console's own pages know it.
	Console bool
	// What the person's roles at the console are; its tabs are those of them.
	Operator, Auditor, Admin bool
}

func (f Frame) frame() Frame { return f }

// Person is the account holder as the header names them.
type Person struct {
	Name string // may be empty
	ID   string // user name
}

// Desk says whether somebody answers the phone. The zero value shows nothing about it.
type Desk struct {
	Known bool      // the opening hours could be computed
	Open  bool      // open now
	Opens time.Time // when it opens again, if that is known
}

// Of the line of a live page.
const (
	LiveBeat  = 25 * time.Second // how often it says that it is alive, so that proxies, browsers and the page itself know
	LiveTouch = 4 * time.Minute  // how often it keeps the session alive (SES-12)
)

// SessionEnd is when a sign-in ends, of which people are warned. The zero value shows nothing.
type SessionEnd struct {
	Ends time.Time // cannot be put off; a new sign-in comes back to the same request
	Idle time.Time // when it ends if nothing is done here; zero: not before Ends
	Do   string    // what a press that puts Idle off posts to Path; empty: any look at a page does
}

// warning is how long before the end of a session, or of the enrolment's page, people are warned.
const warning = 2 * time.Minute

// Near says that the end is so near that the page says so as it is.
func (f Frame) Near() bool { return f.EndIn() == 0 }

// EndIn is the number of seconds after which a page with a script warns of the session's end.
func (f Frame) EndIn() int { return seconds(f.Session.Ends.Sub(f.Now) - warning) }

// IdleIn is the number of seconds after which a page with a script asks whether anybody is there. A live page counts from the last sign of
// life of its line, which may be younger than the session's.
func (f Frame) IdleIn() int {
	left := f.Session.Idle.Sub(f.Now) - warning
	if f.Live != "" {
		left -= LiveTouch
	}
	return seconds(left)
}

// Beat is the number of seconds between two signs of life.
func (f Frame) Beat() int { return seconds(LiveBeat) }

// Fault is one thing wrong in a form: it appears in the summary at the top, which links to the field, and at the field.
type Fault struct {
	Field string      // FieldName, FieldReason, ...; unknown fields are shown in the summary only
	Code  bridge.Code // what is wrong: a code of bridge (code_...) or of this package (CodeMissing...)
	N     int         // tries left (code_wrong) or minutes (code_clock; the sign does not matter)
	Until time.Time   // slow_down, too_many: when the next try counts
}

// The fields that a Fault can name.
const (
	FieldName   = "name"
	FieldReason = "reason"
	FieldWay    = "way"
	FieldCode   = "code"
	FieldLabel  = "label"
	FieldChoice = "choice"
	FieldNumber = "number"
	FieldWords  = "words"
	FieldChecks = "checks"
	FieldCheck  = "check"
	FieldTicket = "ticket"
	FieldSaved  = "saved"

	FieldAddress = "address"
)

// Faults of forms that bridge has no code for.
const (
	CodeMissingName    bridge.Code = "missing_name"     // ID page: nothing typed
	CodeNameTooLong    bridge.Code = "name_too_long"    // ID page: longer than any user name
	CodeMissingReason  bridge.Code = "missing_reason"   // request page: no reason chosen
	CodeMissingWay     bridge.Code = "missing_way"      // request page: no (available) way chosen
	CodeLabelTooLong   bridge.Code = "label_too_long"   // enrolment: the name of the registration is too long
	CodeMissingChoice  bridge.Code = "missing_choice"   // veto page: neither choice
	CodeMissingNumber  bridge.Code = "missing_number"   // veto page: no objection number, or not six digits
	CodeMissingCaller  bridge.Code = "missing_caller"   // console: no user name
	CodeMissingCall    bridge.Code = "missing_call"     // console: no call code, or not eight digits
	CodeMissingWords   bridge.Code = "missing_words"    // console: no match words chosen
	CodeNoAddressTyped bridge.Code = "no_address_typed" // settings: no address
	CodeNoLabel        bridge.Code = "no_label"         // settings: no name for the authenticator
	CodeNumberEmpty    bridge.Code = "number_empty"     // settings: no confirmation number, or not eight digits
	CodeNumberWrong    bridge.Code = "number_wrong"     // settings: another confirmation number than in the mail
	CodeNotSaved       bridge.Code = "not_saved"        // last page: the recovery codes are not said to be kept
)

// Errors of the web layer that bridge has no code for; Failure has a text for each.
const (
	CodeSession     bridge.Code = "session"            // the browser session ended
	CodeCookies     bridge.Code = "cookies"            // the browser keeps no cookies
	CodeForbidden   bridge.Code = "forbidden"          // not for this person
	CodeFormExpired bridge.Code = "form_expired"       // form token missing or of another session
	CodeNotFound    bridge.Code = "not_found"          // 404
	CodeMethod      bridge.Code = "method_not_allowed" // 405
	CodeTooLarge    bridge.Code = "too_large"          // 413
	CodeMisdirected bridge.Code = "misdirected"        // 421
	CodeNotReady    bridge.Code = "not_ready"          // 503 while starting
	CodeSignIn      bridge.Code = "sign_in"            // the sign-in was cancelled or failed
	CodeNoFactor    bridge.Code = "no_factor"          // the settings need a sign-in with the one-time password
	CodeOtherPerson bridge.Code = "other_person"       // signed in at the campus page as somebody else than the typed ID
)

// Codes returns the codes that this package adds to those of bridge, faults of forms first.
func Codes() []bridge.Code {
	return []bridge.Code{
		CodeMissingName, CodeNameTooLong, CodeMissingReason, CodeMissingWay, CodeLabelTooLong,
		CodeMissingChoice, CodeMissingNumber, CodeMissingCaller, CodeMissingCall, CodeMissingWords, CodeNotSaved,
		CodeNoAddressTyped, CodeNoLabel, CodeNumberEmpty, CodeNumberWrong,
		CodeSession, CodeCookies, CodeForbidden, CodeFormExpired, CodeNotFound, CodeMethod, CodeTooLarge, CodeMisdirected,
		CodeNotReady, CodeSignIn, CodeOtherPerson, CodeNoFactor,
	}
}
