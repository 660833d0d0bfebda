package oidc

import (
	"errors"
	"fmt"
)

// Code says what went wrong in one stable word; texts for people are looked up by it.
type Code string

// The codes of this package. The first group is answered with "try again later", the second means that this sign-in is
// refused, the third belongs to logout, the last to whoever runs the service.
const (
	// CodeUnavailable: the provider is not known yet, cannot be reached, answered with 5xx or too late.
	CodeUnavailable Code = "unavailable"

	// CodeState: state is missing, doubled or not the one of this browser's flow, or there is no flow.
	CodeState Code = "state"
	// CodeExpired: the flow began more than ten minutes ago.
	CodeExpired Code = "expired"
	// CodeCallback: the callback has no code, two of them, or a code beside an error.
	CodeCallback Code = "callback"
	// CodeIssuer: iss of the callback, or issuer of the metadata, is not exactly the configured issuer.
	CodeIssuer Code = "issuer"
	// CodeProvider: the provider answered with an error; Error.Provider holds its OAuth code.
	CodeProvider Code = "provider_error"
	// CodeToken: the token endpoint refused the code or answered with nothing usable.
	CodeToken Code = "token_endpoint"
	// CodeIDToken: the ID token is not one for us, or not one we accept.
	CodeIDToken Code = "id_token"
	// CodeNonce: the ID token belongs to another request.
	CodeNonce Code = "nonce"
	// CodeStale: the person signed in before we asked, or the provider does not say when. See RelyingParty.Finish.
	CodeStale Code = "stale"
	// CodeLevel: a full sign-in was asked for and did not come back as one. See RelyingParty.Finish.
	CodeLevel Code = "level"

	// CodeEndSession: the provider refused to end the session.
	CodeEndSession Code = "end_session"
	// CodeLogoutToken: the logout token is not one we accept.
	CodeLogoutToken Code = "logout_token"
	// CodeReplay: the logout token was seen before.
	CodeReplay Code = "replay"

	// CodePush: the provider refused the pushed request: client, redirect URI or scope are not as configured there.
	CodePush Code = "push"
	// CodeConfig: configuration or metadata of the provider cannot be used.
	CodeConfig Code = "config"
)

// Error is what every function of this package returns when it fails. The cause is for logs, never for pages.
type Error struct {
	Code Code
	// Op is what was being done.
	Op string
	// Provider is the OAuth error code the provider gave, one of the registered ones or "other"; else empty.
	Provider string
	// Client says that the provider refuses the client itself, whatever it asks for.
	Client bool
	// Foreign is what answers in the place of the provider's metadata, in a word or two; "" where nothing answers, or a provider.
	Foreign string
	// Err is the cause, or nil. It never holds a token or a body.
	Err error
}

// Error returns operation, code and cause.
func (e *Error) Error() string {
	text := fmt.Sprintf("oidc: %s: %s", e.Op, e.Code)
	if e.Provider != "" {
		text += " (" + e.Provider + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClientRefused returns the provider's code when it refuses the client itself: its proof, or that it signs anybody in. "" for every other error.
func ClientRefused(err error) (code string) {
	var e *Error
	if errors.As(err, &e) && e.Client {
		return e.Provider
	}
	return ""
}

// answerError is an answer where a document was expected.
type answerError struct{ address, what string }

func (e *answerError) Error() string { return "GET " + e.address + ": " + e.what }

// Foreign returns what answers in the place of the provider's metadata, in a word or two: "" where nothing answers, or a provider, whatever answers where
// its keys are.
func Foreign(err error) (what string) {
	var e *Error
	if errors.As(err, &e) {
		return e.Foreign
	}
	return ""
}

// CodeOf returns the code of the first *Error in err's chain, or "" when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func failf(code Code, op, format string, args ...any) *Error {
	return &Error{Code: code, Op: op, Err: fmt.Errorf(format, args...)}
}

// knownOAuth are the registered error codes a provider may send to us. Anything else is written by somebody we do not
// know and is not repeated.
var knownOAuth = map[string]bool{
	"access_denied": true, "account_selection_required": true, "consent_required": true, "interaction_required": true,
	"invalid_client": true, "invalid_grant": true, "invalid_request": true, "invalid_request_object": true,
	"invalid_request_uri": true, "invalid_scope": true, "login_required": true, "registration_not_supported": true,
	"request_not_supported": true, "request_uri_not_supported": true, "server_error": true,
	"temporarily_unavailable": true, "unauthorized_client": true, "unmet_authentication_requirements": true,
	"unsupported_grant_type": true, "unsupported_response_type": true,
}

func oauthCode(sent string) string {
	if knownOAuth[sent] {
		return sent
	}
	return "other"
}
