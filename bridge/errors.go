package bridge

import (
	"errors"
	"time"
)

// Code names a fault for machines. Texts for people are looked up by code in the catalogue ("error.CODE").
type Code string

// Faults of the outside world and of the request.
const (
	CodeInternal     Code = "internal"      // a fault of ours
	CodeAbsent       Code = "absent"        // there is no such record
	CodeStoreAway    Code = "store_away"    // the store did not answer: no decision
	CodeKeycloakAway Code = "keycloak_away" // Keycloak did not answer: nothing was changed
	CodeMailAway     Code = "mail_away"     // the mail server did not answer
	CodeAuditFull    Code = "audit_full"    // the audit record could not be written: nothing was changed
	CodeTooMany      Code = "too_many"      // a rate limit; Until says when to try again
)

// Refusals: what stands against a recovery of this account, or against this way.
const (
	CodeGone             Code = "gone"               // no such account (any more)
	CodeDisabled         Code = "disabled"           // the account is switched off
	CodeLocked           Code = "locked"             // brute-force protection holds the account
	CodePendingAction    Code = "pending_action"     // Keycloak would ask for something else at the sign-in
	CodeNotAllowed       Code = "not_allowed"        // outside the allowed group
	CodeAdministrator    Code = "administrator"      // holds a role that is not on the list of harmless ones
	CodeDeskOnly         Code = "desk_only"          // operators, auditors: never by mail
	CodeNoAddress        Code = "no_address"         // no notification address on record
	CodeAddressUnproven  Code = "address_unproven"   // the address was never confirmed
	CodeAddressCampus    Code = "address_campus"     // the mailbox stands behind this very sign-in
	CodeAddressChanged   Code = "address_changed"    // changed within the last 72 hours
	CodePasswordRecent   Code = "password_recent"    // the password is younger than password_age
	CodePasswordChanged  Code = "password_changed"   // another password than at the sign-in
	CodeLoggedOut        Code = "logged_out"         // Keycloak ended this sign-in meanwhile
	CodeWrongCodes       Code = "wrong_codes"        // too many wrong second factors lately: the gate stays shut
	CodeRealmUnsafe      Code = "realm_unsafe"       // the realm does not protect what decides
	CodeOTPPolicy        Code = "otp_policy"         // the realm's OTP policy cannot be served
	CodeRefusedByAccount Code = "refused_by_account" // Keycloak refused the credential for good
	CodePaused           Code = "paused"             // no new recoveries for now
	CodeNoAuthenticator  Code = "no_authenticator"   // there is none that a temporary code could stand in for
	CodeRecovered        Code = "recovered_lately"   // by mail, at most 72 hours ago: addresses stay as they are
	CodeTemporary        Code = "temporary_code"     // the account has a temporary code, or the sign-in may stem from one
)

// Faults of the flow.
const (
	CodeStaleSignIn Code = "stale_sign_in" // older than 15 minutes, or before the link
	CodeWrongPerson Code = "wrong_person"  // signed in as somebody else
	CodeActive      Code = "active"        // a proven recovery is open: it ends by its holder, veto, completion, expiry
	CodeNotOpen     Code = "not_open"      // no recovery in the state that this needs
	CodeNotHolder   Code = "not_holder"    // another browser holds the recovery
	CodeExpired     Code = "expired"       // the time is up
	CodeLinkInvalid Code = "link_invalid"  // unknown, used, expired or foreign: one answer for all
	CodeObjection   Code = "objection"     // wrong objection number
	CodeTooLate     Code = "too_late"      // the credential is being or was written
)

// Faults of the settings.
const (
	CodeChangeOpen    Code = "change_open"         // another change of this account is under way
	CodeAddressFormat Code = "address_format"      // no mail address
	CodeAddressSame   Code = "address_same"        // on record already
	CodeAddressMax    Code = "address_max"         // as many as there may be
	CodeAddressReset  Code = "address_reset"       // the mailbox that gets new passwords
	CodeAddressFixed  Code = "address_fixed"       // those of this account are kept in a directory that Keycloak only reads
	CodeAddressDots   Code = "address_dots"        // dots where Keycloak takes none
	CodeLastOTP       Code = "last_authenticator"  // the only one
	CodeOtherOTP      Code = "other_authenticator" // the sign-in was not opened by a code of one that stays
	CodeLabelTaken    Code = "label_taken"         // another authenticator has this name
)

// Faults of a typed one-time password.
const (
	CodeEmpty      Code = "code_empty"
	CodeFormat     Code = "code_format"
	CodeWrongCode  Code = "code_wrong"     // Left says how many tries remain
	CodeClock      Code = "code_clock"     // right for another time; Minutes says how far
	CodeUsed       Code = "code_used"      // the time step was counted already
	CodeOldKey     Code = "code_old_key"   // belongs to the key before this one
	CodeKeyStopped Code = "key_stopped"    // five wrong codes: the key was discarded
	CodeTooManyBad Code = "too_many_codes" // ten wrong codes in a row over all sessions
	CodeSlowDown   Code = "slow_down"      // a wrong code was typed a moment ago; Until says when the next one counts
)

// Faults at the help desk.
const (
	CodeCallPair     Code = "call_pair"          // no such pair of user name and call code: one answer for all
	CodeDeskLocked   Code = "desk_locked"        // five wrong pairs of this operator; Until says when it works again
	CodeNotOperator  Code = "not_operator"       // lacks the role, or the full sign-in
	CodeCaseClosed   Code = "case_closed"        // this operator has not opened it, or 15 minutes passed
	CodeSelf         Code = "self_approval"      // the operator's own recovery
	CodeSameOperator Code = "same_operator"      // the second approval must be another person's
	CodeChecks       Code = "checks_missing"     // fewer checks than the policy asks for; Left says how many
	CodeTicket       Code = "ticket_missing"     // no ticket reference
	CodeCallBack     Code = "callback_unmatched" // the call-back was not confirmed by its match words
	CodeCallBackOver Code = "callback_over"      // wrong match words were picked too often: no call-back counts any more
	CodeNoNumber     Code = "no_number"          // no number on record to call back at
	CodeWrongWords   Code = "wrong_words"        // another pair of match words than on the caller's page
	CodePolicy       Code = "policy_refused"     // the policy for this person refuses
)

// Codes returns every code in a stable order; the catalogue is tested against it.
func Codes() []Code {
	return []Code{
		CodeInternal, CodeAbsent, CodeStoreAway, CodeKeycloakAway, CodeMailAway, CodeAuditFull, CodeTooMany,
		CodeGone, CodeDisabled, CodeLocked, CodePendingAction, CodeNotAllowed, CodeAdministrator, CodeDeskOnly,
		CodeNoAddress, CodeAddressUnproven, CodeAddressCampus, CodeAddressChanged, CodePasswordRecent,
		CodePasswordChanged, CodeLoggedOut, CodeWrongCodes, CodeRealmUnsafe, CodeOTPPolicy, CodeRefusedByAccount, CodePaused,
		CodeNoAuthenticator, CodeRecovered, CodeTemporary,
		CodeStaleSignIn, CodeWrongPerson, CodeActive, CodeNotOpen, CodeNotHolder, CodeExpired, CodeLinkInvalid,
		CodeObjection, CodeTooLate,
		CodeChangeOpen, CodeAddressFormat, CodeAddressSame, CodeAddressMax, CodeAddressReset, CodeAddressFixed, CodeAddressDots, CodeLastOTP, CodeOtherOTP, CodeLabelTaken,
		CodeEmpty, CodeFormat, CodeWrongCode, CodeClock, CodeUsed, CodeOldKey, CodeKeyStopped, CodeTooManyBad, CodeSlowDown,
		CodeCallPair, CodeDeskLocked, CodeNotOperator, CodeCaseClosed, CodeSelf, CodeSameOperator, CodeChecks, CodeTicket, CodeCallBack,
		CodeWrongWords, CodeCallBackOver, CodeNoNumber, CodePolicy,
	}
}

// Error is the one error type of the product: a code for machines, a cause for the log, and the few facts a page may show.
type Error struct {
	Code    Code
	Op      string        // what was being done, for the log
	Err     error         // the cause, for the log; never shown
	Until   time.Time     // CodeTooMany, CodeSlowDown: when it works again
	After   time.Duration // CodeKeycloakAway: how long Keycloak asks to be left alone; 0: it does not say
	Left    int           // CodeWrongCode: tries that remain
	Minutes int           // CodeClock: how far the clock is off, negative = behind
	Field   string        // CodeRefusedByAccount: the profile fields that Keycloak names, with commas
}

// Fault returns an Error with a code and, for the log, the operation and its cause (either may be empty).
func Fault(code Code, op string, cause error) *Error {
	return &Error{Code: code, Op: op, Err: cause}
}

func (e *Error) Error() string {
	text := string(e.Code)
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// ErrAbsent and the like are for errors.Is.
var (
	ErrAbsent    error = &Error{Code: CodeAbsent}
	ErrStoreAway error = &Error{Code: CodeStoreAway}
)

// fieldOf returns what Keycloak named when it refused something, "" when it named nothing.
func fieldOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Field
	}
	return ""
}

// stepOf returns what was being done, "" when nothing says so.
func stepOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Op
	}
	return ""
}

// maxAfter bounds how long somebody else's word makes us wait.
const maxAfter = time.Minute

// PauseOf returns how long to wait after a fault: what Keycloak asked for, a minute at most, or otherwise if that is longer.
func PauseOf(err error, otherwise time.Duration) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return max(otherwise, min(e.After, maxAfter))
	}
	return otherwise
}

// named is what an audit event says of the fields that Keycloak named.
func named(field string) map[string]string {
	if field == "" {
		return nil
	}
	return map[string]string{"field": field}
}

// CodeOf returns the outermost code in err, CodeInternal when it has none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
