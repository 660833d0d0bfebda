package realm

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Authenticators that we put into flows, beside those that are looked at.
const (
	byUsed       = "conditional-credential"
	byConfigured = "conditional-user-configured"
	allow        = "allow-access-authenticator"
	otpForm      = "auth-otp-form"
	codesForm    = "auth-recovery-authn-code-form"
	keyForm      = "webauthn-authenticator"
	ticket       = "auth-spnego"
	certificate  = "auth-x509-client-username-form"
	passkeyForm  = "webauthn-authenticator-passwordless" //nolint:gosec // a name of Keycloak's
)

// passkey is the type of credential that stands for both factors.
const passkey = "webauthn-passwordless" //nolint:gosec // a name of Keycloak's

// isSecond reports whether an authenticator asks for a second factor and for nothing else.
func isSecond(provider string) bool {
	return provider == otpForm || provider == codesForm || provider == keyForm
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// enabled are the lines of a flow that count.
func (f *Flow) enabled() []Execution {
	return slices.DeleteFunc(slices.Clone(f.Steps), func(e Execution) bool { return !e.Enabled() })
}

// closed reports whether a browser flow is fail-closed, has a gate that holds, lets nobody set up what they cannot show and asks for the password at a recovery.
func (s *State) closed(f *Flow, w Wanted) bool {
	return s.holds(f.closedBy(w, s.level(w)), "") && f.unasked(Asked{Wanted: w}) == ""
}

// closedBy is the role that opens the gate of a fail-closed flow, "" of one that is not.
func (f *Flow) closedBy(w Wanted, level int) string {
	if f.takesTickets(Asked{Wanted: w}) {
		return ""
	}
	return f.closedButTickets(w, level)
}

// closedButTickets is the same, whatever a ticket stands for in it.
func (f *Flow) closedButTickets(w Wanted, level int) string {
	a := Asked{Wanted: w}
	if f.open(a, level) != "" || f.enrols() {
		return ""
	}
	return f.gateRole(a)
}

// takesTickets reports whether a Kerberos ticket, which a browser shows without a word, can stand for the password in a request with the recovery scope.
func (f *Flow) takesTickets(a Asked) bool {
	return Execution{Sub: f}.takes(ticket, func(e Execution) bool { return e.unlessRecovery(a) })
}

// takesCertificates reports whether a client certificate can stand for the password in such a request: it does not where the password is asked for beside it.
func (f *Flow) takesCertificates(a Asked) bool {
	return Execution{Sub: f}.takes(certificate, func(e Execution) bool {
		return e.unlessRecovery(a) || slices.ContainsFunc(e.Sub.enabled(), func(in Execution) bool { return in.Requirement == required && in.needs(askers()) })
	})
}

// takes reports whether an authenticator counts in a line, outside the sub-flows that are spared.
func (e Execution) takes(provider string, spared func(e Execution) bool) bool {
	if e.Sub == nil {
		return e.Enabled() && e.Provider == provider
	}
	return !spared(e) && slices.ContainsFunc(e.Sub.enabled(), func(in Execution) bool { return in.takes(provider, spared) })
}

// unlessRecovery reports whether a sub-flow counts in no request with the recovery scope.
func (e Execution) unlessRecovery(a Asked) bool {
	return e.Requirement == conditional && e.Sub != nil && slices.ContainsFunc(e.Sub.enabled(), func(in Execution) bool { return in.scope(a.RecoveryScope, true) })
}

// resets reports whether a flow for forgotten passwords leads to a new password only and signs nobody in.
func (f *Flow) resets() bool {
	safe := !f.has(resetCode) && !f.enrols()
	f.Walk(false, func(e *Execution) { safe = safe && (e.Provider != resetMail || e.Config["force-login"] == "true") })
	return safe
}

// links reports whether a flow for the first sign-in from an identity provider leads to an account by a second factor, or not at all.
func (f *Flow) links() bool { return !f.has(linkers()...) && !f.enrols() }

// isPasskeyLevel: who came with a passkey has shown both factors, and this says so.
func isPasskeyLevel(e Execution, level int) bool {
	if e.Sub == nil || e.Requirement != conditional || len(e.Sub.enabled()) != 3 {
		return false
	}
	used, records, allows := false, false, false
	for _, p := range e.Sub.enabled() {
		must := p.Requirement == required
		used = used || must && p.Provider == byUsed && p.Config["credentials"] == passkey && p.Config["included"] == "true"
		records = records || must && p.Provider == byLevel && p.Config["loa-condition-level"] == strconv.Itoa(level)
		allows = allows || must && p.Provider == allow
	}
	return used && records && allows
}

// levels reads the realm's names of levels, as they are written: Keycloak's console writes numbers as texts, and Keycloak reads both.
func (s *State) levels() (found map[string]level, err error) {
	found = map[string]level{}
	if text := s.RealmAttribute(levelMap); text != "" {
		err = json.Unmarshal([]byte(text), &found)
	}
	return found, err
}

const levelMap = "acr.loa.map"

// level is a level as it is written, and its number.
type level struct {
	written json.RawMessage
	number  int
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *level) UnmarshalJSON(text []byte) (err error) {
	l.written = slices.Clone(text)
	l.number, err = strconv.Atoi(strings.TrimSpace(strings.Trim(string(text), `"`)))
	return err
}

// MarshalJSON implements json.Marshaler.
func (l level) MarshalJSON() ([]byte, error) { return l.written, nil }

func levelOf(n int) level { return level{json.RawMessage(strconv.Itoa(n)), n} }

// level is the level behind a full sign-in, as the realm names it or, where it does not, as it would. What cannot be read is none: see planner.levels.
func (s *State) level(w Wanted) int {
	found, _ := s.levels()
	if l, ok := found[w.FullACR]; ok {
		return l.number
	}
	n := 1
	for _, other := range found {
		n = max(n, other.number)
	}
	return n + 1
}

// levelsWanted are the realm's names of levels, as they are written, with ours where it lacks them.
func (s *State) levelsWanted(w Wanted) (map[string]level, error) {
	found, err := s.levels()
	n := s.level(w)
	if _, named := found[w.FullACR]; !named {
		found[w.FullACR] = levelOf(n)
	}
	for name, other := range found {
		if name != w.FullACR && other.number < n {
			return found, err
		}
	}
	found["pwd"] = levelOf(n - 1)
	return found, err
}

// jsonText is a text that holds JSON.
type jsonText string

// MarshalJSON implements json.Marshaler.
func (t jsonText) MarshalJSON() ([]byte, error) { return []byte(strings.TrimSpace(string(t))), nil }
