package realm

import (
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

// closed reports whether a flow is fail-closed, has a gate that holds and lets nobody set up what they cannot show.
func (s *State) closed(f *Flow, w Wanted) bool { return s.holds(f.closedBy(w, s.level(w)), "") }

// closedBy is the role that opens the gate of a fail-closed flow, "" of one that is not.
func (f *Flow) closedBy(w Wanted, level int) string {
	a := Asked{Wanted: w}
	if f.open(a, level) != "" || f.enrols() {
		return ""
	}
	return f.gateRole(a)
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

// levels reads the realm's names of levels; what cannot be read is none.
func (s *State) levels() map[string]int {
	found := map[string]int{}
	if text := s.RealmAttribute(levelMap); text != "" {
		if err := remake(jsonText(text), &found); err != nil {
			return map[string]int{}
		}
	}
	return found
}

const levelMap = "acr.loa.map"

// level is the level behind a full sign-in, as the realm names it or, where it does not, as it would.
func (s *State) level(w Wanted) int {
	found := s.levels()
	if n, ok := found[w.FullACR]; ok {
		return n
	}
	n := 1
	for _, other := range found {
		n = max(n, other)
	}
	return n + 1
}

// levelsWanted are the realm's names of levels, with ours.
func (s *State) levelsWanted(w Wanted) map[string]int {
	found := s.levels()
	n := s.level(w)
	found[w.FullACR] = n
	for name, other := range found {
		if name != w.FullACR && other < n {
			return found
		}
	}
	found["pwd"] = n - 1
	return found
}

// jsonText is a text that holds JSON.
type jsonText string

// MarshalJSON implements json.Marshaler.
func (t jsonText) MarshalJSON() ([]byte, error) { return []byte(strings.TrimSpace(string(t))), nil }
