package realm

import (
	"encoding/json"
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

// factors are the authenticators that ask for a second factor.
func factors() []string {
	return []string{"auth-otp-form", "auth-recovery-authn-code-form", "webauthn-authenticator", "webauthn-authenticator-passwordless"}
}

// linkers are the authenticators by which whoever reads a mailbox takes an account over.
func linkers() []string { return []string{"idp-email-verification", "idp-auto-link"} }

func flowLooks() []look {
	return []look{
		{"browser-flow", []Part{PartSettings, PartFlows}, findBrowser},
		{"flow-overrides", []Part{PartSettings, PartFlows, PartScopes, PartClients}, findOverrides},
		{"identity-providers", []Part{PartSettings, PartFlows, PartProviders}, findProviders},
		{"password-reset", []Part{PartSettings, PartFlows}, findReset},
		{"recovery-codes", []Part{PartSettings, PartFlows}, findCodes},
	}
}

// findBrowser looks at the flow that every sign-in goes through.
func findBrowser(s *State, a Asked) []bridge.Finding {
	bound := s.Flow(s.Setting("browserFlow"))
	level := s.fullLevel(a)
	if level == 0 {
		return []bridge.Finding{bridge.Found(bridge.FindFlowLevel, s.Setting("browserFlow"), "acr", a.FullACR)}
	}
	if bound == nil {
		return []bridge.Finding{bridge.Found(bridge.FindFlowOpen, s.Setting("browserFlow"), "reason", "missing")}
	}
	reason := bound.open(a, level)
	if reason == "" {
		if !bound.gated(a) {
			return []bridge.Finding{bridge.Found(bridge.FindFlowGate, bound.Alias)}
		}
		return nil
	}
	for i := range s.Flows {
		if f := &s.Flows[i]; f.Alias != bound.Alias && f.Provider == bound.Provider && f.open(a, level) == "" && f.gated(a) && f.asks() {
			return []bridge.Finding{bridge.Found(bridge.FindFlowUnbound, f.Alias, "bound", bound.Alias)}
		}
	}
	return []bridge.Finding{bridge.Found(bridge.FindFlowOpen, bound.Alias, "reason", reason)}
}

// fullLevel is the number of the level that a full sign-in has, 0 when the realm has none for it.
func (s *State) fullLevel(a Asked) int {
	var levels map[string]any
	if json.Unmarshal([]byte(s.RealmAttribute("acr.loa.map")), &levels) != nil {
		return 0
	}
	switch n := levels[a.FullACR].(type) {
	case float64:
		return int(n)
	case string:
		level, _ := strconv.Atoi(n)
		return level
	}
	return 0
}

// open says why a flow is not fail-closed; "" = it is: whatever it did before, it asks for a second factor unless the session has one on
// record, or the request carries the recovery scope.
func (f *Flow) open(a Asked, level int) (reason string) {
	closed := false
	for _, e := range f.Steps {
		switch {
		case !e.Enabled():
		case e.Requirement == "ALTERNATIVE":
			return "alternative"
		case e.Sub == nil, isPasskeyLevel(e, level):
		case e.Sub.records():
			if reason := e.secondFactor(a, level); reason != "" {
				return reason
			}
			closed = true
		case e.Sub.recordsBelow():
			return "level"
		}
	}
	if !closed {
		return "second_factor"
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

// secondFactor says what is wrong with the step that asks for the second factor; "" = nothing.
func (e Execution) secondFactor(a Asked, level int) (reason string) {
	if e.Requirement != "CONDITIONAL" && e.Requirement != "REQUIRED" {
		return "alternative"
	}
	asks, unlessScope := false, false
	for _, in := range e.Sub.Steps {
		switch {
		case !in.Enabled():
		case in.Provider == byLevel:
			if in.Config["loa-condition-level"] != strconv.Itoa(level) {
				return "level"
			}
		case in.Provider == byScope:
			if !in.scope(a.RecoveryScope, true) {
				return "condition"
			}
			unlessScope = true
		case strings.HasPrefix(in.Provider, "conditional-"):
			return "condition"
		case in.Requirement == "ALTERNATIVE":
			return "alternative"
		case in.proves():
			asks = true
		}
	}
	switch {
	case !asks:
		return "second_factor"
	case !unlessScope:
		return "scope"
	}
	return ""
}

// proves reports whether nobody comes past the step without a second factor.
func (e Execution) proves() bool {
	switch {
	case !e.Enabled():
		return false
	case e.Sub == nil:
		return slices.Contains(factors(), e.Provider)
	}
	required, alternatives, all := false, 0, true
	for _, in := range e.Sub.Steps {
		switch in.Requirement {
		case "REQUIRED":
			required = required || in.proves()
		case "ALTERNATIVE":
			alternatives++
			all = all && in.proves()
		case "CONDITIONAL":
			all = false
		}
	}
	return required || alternatives > 0 && all
}

// scope reports whether the step is the condition on a client scope, negated or not.
func (e Execution) scope(name string, negated bool) bool {
	return e.Provider == byScope && e.Requirement == "REQUIRED" && e.Config["client_scope"] == name && (e.Config["negate"] == "true") == negated
}

// gated reports whether a sign-in with the recovery scope is refused unless the gate is open.
func (f *Flow) gated(a Asked) bool { return f.gateRole(a) != "" }

// gateRole is the role that opens the flow's gate, "" when it has no gate that holds.
func (f *Flow) gateRole(a Asked) string {
	for _, e := range f.Steps {
		if e.Sub == nil || e.Requirement != "CONDITIONAL" {
			continue
		}
		role, scoped, refuses, whole := "", false, false, true
		for _, in := range e.Sub.Steps {
			switch {
			case !in.Enabled():
			case in.scope(a.RecoveryScope, false):
				scoped = true
			case in.Provider == byRole && in.Requirement == "REQUIRED" && in.Config["negate"] == "true":
				role = in.Config["condUserRole"]
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
	asks := false
	f.Walk(false, func(e *Execution) {
		asks = asks || e.Provider == "auth-username-password-form" || e.Provider == "auth-password-form" || e.Provider == "auth-cookie"
	})
	return asks
}

// findOverrides looks at the flows that clients have in the place of the realm's: one that puts a level on record without a second factor opens
// every application.
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
		case f == nil, f.recordsFreely():
			alias := id
			if f != nil {
				alias = f.Alias
			}
			found = append(found, bridge.Found(bridge.FindFlowOverride, c.ClientID, "flow", alias))
		}
	}
	return found
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

// findProviders looks at what brokered sign-ins go through instead of the browser flow.
func findProviders(s *State, a Asked) (found []bridge.Finding) {
	for _, p := range s.Providers {
		if !p.Enabled {
			continue
		}
		after := s.Flow(p.PostFlow)
		if !p.LinkOnly && (after == nil || after.open(a, s.fullLevel(a)) != "" || !after.gated(a)) {
			found = append(found, bridge.Found(bridge.FindProviderFlow, p.Alias))
		}
		first := p.FirstFlow
		if first == "" {
			first = s.Setting("firstBrokerLoginFlow")
		}
		if f := s.Flow(first); f != nil && f.has(linkers()...) {
			found = append(found, bridge.Found(bridge.FindProviderLinking, p.Alias, "flow", first))
		}
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
	return found
}

// findCodes says when recovery codes are offered by the configuration and never asked for by the flow, if that is safe at all.
func findCodes(s *State, a Asked) []bridge.Finding {
	f := s.Flow(s.Setting("browserFlow"))
	if a.Codes && f != nil && f.open(a, s.fullLevel(a)) == "" && !f.has("auth-recovery-authn-code-form") {
		return []bridge.Finding{bridge.Found(bridge.FindCodesUnused, f.Alias)}
	}
	return nil
}
