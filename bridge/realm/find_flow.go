package realm

import (
	"slices"
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// Authenticators as flows name them.
const (
	byScope   = "conditional-client-scope"
	byRole    = "conditional-user-role"
	byLevel   = "conditional-level-of-authentication"
	denies    = "deny-access-authenticator"
	resetMail = "reset-credential-email"
	resetCode = "reset-otp"
)

// What the two conditions go by, in their configuration.
const scopeOfCondition, roleOfCondition = "client_scope", "condUserRole"

// factors are the authenticators that ask for a second factor.
func factors() []string {
	return []string{"auth-otp-form", "auth-recovery-authn-code-form", "webauthn-authenticator", "webauthn-authenticator-passwordless"}
}

// enrollers are the authenticators that do not refuse a person who lacks what they ask for: where they are required, Keycloak offers to set it up, at
// once, and goes on.
func enrollers() []string { return []string{otpForm, codesForm, keyForm, "auth-conditional-otp-form"} }

// askers are the authenticators by which a browser flow has people type a password, once.
func askers() []string {
	return []string{"auth-username-password-form", "auth-password-form", "auth-cookie"}
}

// linkers are the authenticators by which whoever reads a mailbox takes an account over.
func linkers() []string { return []string{"idp-email-verification", "idp-auto-link"} }

func flowLooks() []look {
	return []look{
		{"browser-flow", true, []Part{PartSettings, PartFlows}, findBrowser},
		{"flow-overrides", true, []Part{PartSettings, PartFlows, PartScopes, PartClients}, findOverrides},
		{"identity-providers", true, []Part{PartSettings, PartFlows, PartProviders}, findProviders},
		{"password-reset", true, []Part{PartSettings, PartFlows}, findReset},
		{"direct-grants", false, []Part{PartSettings, PartFlows, PartScopes, PartClients}, findGrants},
		{"recovery-codes", false, []Part{PartSettings, PartFlows}, findCodes},
	}
}

// findBrowser looks at the flow that every sign-in goes through.
func findBrowser(s *State, a Asked) []bridge.Finding {
	return append(s.findOpen(a), s.findEnrolment(s.Setting("browserFlow"))...)
}

// findEnrolment looks whether somebody can set up a second factor in a flow without having shown one.
func (s *State) findEnrolment(alias string) []bridge.Finding {
	if f := s.Flow(alias); f != nil && f.enrols() {
		return []bridge.Finding{bridge.Found(bridge.FindFlowEnrol, f.Alias)}
	}
	return nil
}

func (s *State) findOpen(a Asked) []bridge.Finding {
	bound := s.Flow(s.Setting("browserFlow"))
	level := s.fullLevel(a)
	if level <= noLevel {
		return []bridge.Finding{bridge.Found(bridge.FindFlowLevel, s.Setting("browserFlow"), "acr", a.FullACR)}
	}
	if bound == nil {
		return []bridge.Finding{bridge.Found(bridge.FindFlowOpen, s.Setting("browserFlow"), "reason", "missing")}
	}
	reason := bound.open(a, level)
	if reason == "" {
		var found []bridge.Finding
		if s.gateRole(a) == "" {
			found = append(found, bridge.Found(bridge.FindFlowGate, bound.Alias))
		}
		if line := bound.unasked(a); line != "" {
			found = append(found, bridge.Found(bridge.FindFlowPassword, bound.Alias, "line", line))
		}
		if bound.takesTickets(a) {
			found = append(found, bridge.Found(bridge.FindFlowTicket, bound.Alias))
		}
		if bound.takesCertificates(a) {
			found = append(found, bridge.Found(bridge.FindFlowCertificate, bound.Alias))
		}
		return found
	}
	for i := range s.Flows {
		if f := &s.Flows[i]; f.Alias != bound.Alias && f.Provider == bound.Provider && s.closed(f, a.Wanted) && f.asks() {
			return []bridge.Finding{bridge.Found(bridge.FindFlowUnbound, f.Alias, "bound", bound.Alias)}
		}
	}
	return []bridge.Finding{bridge.Found(bridge.FindFlowOpen, bound.Alias, "reason", reason)}
}

// noLevel is the number by which Keycloak names the level of a session that has none on record, as a password-only sign-in leaves it.
const noLevel = 1

// fullLevel is the number of the level that a full sign-in has, 0 when the realm has none for it.
func (s *State) fullLevel(a Asked) int {
	levels, err := s.levels()
	if err != nil {
		return 0
	}
	return levels[a.FullACR].number
}

// open says why a flow is not fail-closed; "" = it is: whatever it did before, it asks for a second factor unless the session has one on
// record, or the request carries the recovery scope.
func (f *Flow) open(a Asked, level int) (reason string) {
	closed, unlessScope := false, false
	for _, e := range f.enabled() {
		switch {
		case e.Requirement == alternative:
			return "alternative"
		case e.Sub == nil, isPasskeyLevel(e, level):
		case e.Sub.records():
			reason, scoped := e.secondFactor(a, level)
			if reason != "" {
				return reason
			}
			closed, unlessScope = true, unlessScope || scoped
		case e.Sub.recordsBelow():
			return "level"
		}
	}
	switch {
	case !closed:
		return "second_factor"
	case !unlessScope:
		return "scope"
	}
	return ""
}

// records reports whether a level is put on record when this flow has been gone through, recordsBelow whether one is anywhere in it.
func (f *Flow) records() bool {
	return slices.ContainsFunc(f.Steps, func(e Execution) bool { return e.Enabled() && e.Provider == byLevel })
}

func (f *Flow) recordsBelow() bool {
	below := false
	f.Walk(false, func(e *Execution) { below = below || e.Provider == byLevel })
	return below
}

// secondFactor says what is wrong with the step that asks for the second factor; "" = nothing. unlessScope: not of whoever carries the scope.
func (e Execution) secondFactor(a Asked, level int) (reason string, unlessScope bool) {
	if e.Requirement != conditional && e.Requirement != required {
		return "alternative", false
	}
	asks := false
	for _, in := range e.Sub.enabled() {
		switch {
		case in.Provider == byLevel:
			if in.Config["loa-condition-level"] != strconv.Itoa(level) {
				return "level", false
			}
		case in.Provider == byScope:
			if !in.scope(a.RecoveryScope, true) {
				return "condition", false
			}
			unlessScope = e.Requirement == conditional
		case in.isCondition():
			return "condition", false
		case in.Requirement == alternative:
			return "alternative", false
		case in.Requirement == required && in.proves():
			asks = true
		}
	}
	if !asks {
		return "second_factor", false
	}
	return "", unlessScope
}

// isCondition reports whether a line only decides whether the sub-flow that it stands in counts. It does so where that one is CONDITIONAL.
func (e Execution) isCondition() bool { return strings.HasPrefix(e.Provider, "conditional-") }

// proves reports whether nobody comes past the step without a second factor that they have, or set up there: see enrols.
func (e Execution) proves() bool { return e.needs(factors()) }

// needs reports whether nobody comes past the step without one of the authenticators. Beside a line that is required, or a sub-flow with conditions,
// Keycloak looks at no alternative.
func (e Execution) needs(providers []string) bool {
	if e.Sub == nil {
		return e.Enabled() && slices.Contains(providers, e.Provider)
	}
	asks, ways, all, beside := false, 0, true, false
	for _, in := range e.Sub.enabled() {
		switch {
		case in.isCondition():
		case in.Requirement == alternative:
			ways++
			all = all && in.needs(providers)
		default:
			asks = asks || in.Requirement == required && in.needs(providers)
			beside = true
		}
	}
	return asks || !beside && ways > 0 && all
}

// enrols reports whether somebody who has shown no second factor can set one up in the flow. What is an alternative refuses those who lack it, and
// what counts only for those who have it asks nobody else.
func (f *Flow) enrols() bool { return Execution{Sub: f}.enrols() }

func (e Execution) enrols() bool {
	if e.Sub == nil {
		return e.Requirement == required && slices.Contains(enrollers(), e.Provider)
	}
	lines := e.Sub.enabled()
	spared := e.Requirement == conditional && slices.ContainsFunc(lines, func(in Execution) bool { return in.Provider == byConfigured })
	return slices.ContainsFunc(lines, func(in Execution) bool { return in.enrols() && (in.Sub != nil || !spared) })
}

// scope reports whether the step is the condition on a client scope, negated or not.
func (e Execution) scope(name string, negated bool) bool {
	return e.Provider == byScope && e.Requirement == "REQUIRED" && e.Config[scopeOfCondition] == name && (e.Config["negate"] == "true") == negated
}

// gateRole is the role that opens the flow's gate, "" when it has no gate. It holds only if there is that role, see State.holds, and where it stands behind
// the line by which somebody is known: before it Keycloak lets pass whoever comes with a cookie (measured).
func (f *Flow) gateRole(a Asked) string {
	known := !f.asks()
	for _, e := range f.enabled() {
		known = known || (&Flow{Steps: []Execution{e}}).asks()
		if e.Sub == nil || e.Requirement != "CONDITIONAL" || !known {
			continue
		}
		role, scoped, refuses, whole := "", false, false, true
		for _, in := range e.Sub.Steps {
			switch {
			case !in.Enabled():
			case in.scope(a.RecoveryScope, false):
				scoped = true
			case in.Provider == byRole && in.Requirement == "REQUIRED" && in.Config["negate"] == "true":
				role = in.Config[roleOfCondition]
			case in.Provider == denies && in.Requirement == "REQUIRED":
				refuses = true
			default:
				whole = false
			}
		}
		if scoped && refuses && whole && role != "" {
			return role
		}
	}
	return ""
}

// asks reports whether people type a password somewhere in the flow: a post-broker flow is no browser flow.
func (f *Flow) asks() bool {
	return f.has(askers()...)
}

// findOverrides looks at the flows that clients have in the place of the realm's: where one of them lets somebody in without a second factor, they
// have a level on record for every application, or set up an authenticator (kc_action).
func findOverrides(s *State, a Asked) (found []bridge.Finding) {
	for _, c := range s.Clients {
		id := c.Overrides["browser"]
		if id == "" {
			continue
		}
		f := s.FlowByID(id)
		switch {
		case c.ClientID == a.LoginClient:
			found = append(found, bridge.Found(bridge.FindFlowLogin, c.ClientID))
		case f == nil, f.free(a, s.fullLevel(a)):
			alias := id
			if f != nil {
				alias = f.Alias
			}
			found = append(found, bridge.Found(bridge.FindFlowOverride, c.ClientID, "flow", alias))
		case f.enrols():
			found = append(found, bridge.Found(bridge.FindFlowEnrol, f.Alias))
		}
	}
	return found
}

// free reports whether a password is enough for a client's own flow, or the session that a password-only sign-in leaves: where the cookie is a way in
// of its own. A certificate is no password, and who comes by an identity provider goes through the flow after it.
func (f *Flow) free(a Asked, level int) bool {
	if f.recordsFreely() {
		return true
	}
	reason := f.open(a, level)
	more := append(factors(), denies, "identity-provider-redirector", certificate)
	return reason != "" && reason != "scope" && !Execution{Sub: f}.needs(more)
}

// recordsFreely reports whether any part of the flow puts a level on record without asking for a second factor.
func (f *Flow) recordsFreely() bool {
	if f.records() {
		asks := slices.ContainsFunc(f.Steps, func(e Execution) bool { return e.Requirement == "REQUIRED" && e.proves() })
		if !asks {
			return true
		}
	}
	return slices.ContainsFunc(f.Steps, func(e Execution) bool { return e.Enabled() && e.Sub != nil && e.Sub.recordsFreely() })
}

// findProviders looks at what brokered sign-ins go through instead of the browser flow, and whether wrong codes there can be counted.
func findProviders(s *State, a Asked) (found []bridge.Finding) {
	for _, p := range s.Providers {
		if !p.Enabled {
			continue
		}
		after := s.Flow(p.PostFlow)
		if !p.LinkOnly && (after == nil || after.open(a, s.fullLevel(a)) != "" || !s.holds(after.gateRole(a), s.gateRole(a))) {
			found = append(found, bridge.Found(bridge.FindProviderFlow, p.Alias))
		}
		first := p.FirstFlow
		if first == "" {
			first = s.Setting("firstBrokerLoginFlow")
		}
		found = slices.Concat(found, s.findEnrolment(p.PostFlow), s.findEnrolment(first), s.findWritten(p, a))
		if f := s.Flow(first); f != nil && f.has(linkers()...) {
			found = append(found, bridge.Found(bridge.FindProviderLinking, p.Alias, "flow", first))
		}
		if p.silent() {
			found = append(found, bridge.Found(bridge.FindProviderSilent, p.Alias))
		}
	}
	used := slices.ContainsFunc(s.Providers, func(p Provider) bool { return p.Enabled && !p.LinkOnly })
	if missing := s.unsaved(typesOfProviders()); used && s.On("eventsEnabled") && len(missing) > 0 {
		found = append(found, bridge.Found(bridge.FindEventsTypes, strings.Join(missing, ", ")))
	}
	return found
}

// has reports whether one of the authenticators is switched on in the flow.
func (f *Flow) has(providers ...string) bool {
	found := false
	f.Walk(false, func(e *Execution) { found = found || slices.Contains(providers, e.Provider) })
	return found
}

// findReset looks at the reset of passwords by mail, which does not go through the browser flow.
func findReset(s *State, a Asked) (found []bridge.Finding) {
	if !s.On("resetPasswordAllowed") {
		return nil
	}
	if a.Reset == bridge.ResetNone {
		found = append(found, bridge.Found(bridge.FindResetConfig, ""))
	}
	f := s.Flow(s.Setting("resetCredentialsFlow"))
	if f == nil {
		return append(found, bridge.Found(bridge.FindResetOpen, s.Setting("resetCredentialsFlow")))
	}
	forced := true
	f.Walk(false, func(e *Execution) {
		if e.Provider == resetMail && e.Config["force-login"] != "true" {
			forced = false
		}
	})
	if !forced {
		found = append(found, bridge.Found(bridge.FindResetOpen, f.Alias))
	}
	if f.has(resetCode) {
		found = append(found, bridge.Found(bridge.FindResetOTP, f.Alias))
	}
	found = append(found, s.findEnrolment(f.Alias)...)
	if len(found) == 0 && f.has(resetMail) && !f.has(factors()...) { // the least of what a mailbox may open
		found = append(found, bridge.Found(bridge.FindResetPushed, f.Alias))
	}
	return found
}

// unknownReset names a step of the flow for forgotten passwords that is not Keycloak's own: it may mail anything to anybody. "" = there is none.
func (s *State) unknownReset() (name string) {
	f := s.Flow(s.Setting("resetCredentialsFlow"))
	if f == nil || !s.On("resetPasswordAllowed") {
		return ""
	}
	known := append(factors(), resetMail, resetCode, denies, "reset-credentials-choose-user", "reset-password")
	f.Walk(false, func(e *Execution) {
		if e.Sub == nil && !e.isCondition() && !slices.Contains(known, e.Provider) {
			name = e.Provider
		}
	})
	return name
}

// findCodes says when recovery codes are offered by the configuration and never asked for by the flow, if that is safe at all.
func findCodes(s *State, a Asked) []bridge.Finding {
	f := s.Flow(s.Setting("browserFlow"))
	if a.Codes && f != nil && f.open(a, s.fullLevel(a)) == "" && !f.has("auth-recovery-authn-code-form") {
		return []bridge.Finding{bridge.Found(bridge.FindCodesUnused, f.Alias)}
	}
	return nil
}
