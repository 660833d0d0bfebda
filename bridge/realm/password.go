package realm

import (
	"cmp"
	"slices"
	"strings"
)

// Whether somebody types a password at a recovery. Of an authenticator that we do not know nobody can say what it lets people in by: it counts as a way in,
// and so does Keycloak's own that asks for a name alone.

// typed are the authenticators that nobody gets past without the password, or without the passkey that stands for both factors.
func typed() []string {
	return []string{"auth-username-password-form", "auth-password-form", passkeyForm, "passkeys-authenticator"}
}

// elsewhere are those by which nobody is known for the first time, or in another way than by a password; what they are worth is found out by itself.
func elsewhere() []string { return append(providing(), "auth-cookie", ticket, denies) }

// providing are those of elsewhere by which people recover who have no password here.
func providing() []string {
	return []string{"identity-provider-redirector", "organization", certificate}
}

// unasked is the line by which somebody gets through the flow in a request with the recovery scope who typed no password; "" = there is none.
func (f *Flow) unasked(a Asked) (line string) {
	return Execution{Sub: f}.passes(a, append(typed(), elsewhere()...))
}

// recovers reports whether somebody gets through the flow in a request with the recovery scope who has no ticket.
func (f *Flow) recovers(a Asked) bool {
	return Execution{Sub: f}.passes(a, []string{"auth-cookie", ticket, denies}) != ""
}

// passes is the line by which somebody gets past the step in a request with the recovery scope, and past none of the authenticators that stop them; "" =
// there is none. Beside a line that is required, or a sub-flow with conditions, Keycloak looks at no alternative; and where no line is left that counts nobody passes.
func (e Execution) passes(a Asked, stops []string) (line string) {
	if e.Sub == nil {
		if slices.Contains(stops, e.Provider) {
			return ""
		}
		return e.Provider
	}
	var ways, some, sure string
	beside := false
	for _, in := range e.Sub.enabled() {
		if in.Requirement == required && slices.Contains(conditions(), in.Provider) {
			continue
		}
		past := ""
		if !in.unlessRecovery(a) {
			past = in.passes(a, stops)
		}
		switch {
		case in.Requirement == alternative:
			ways = cmp.Or(ways, past)
			continue
		case in.Requirement != conditional || in.counts(a):
			if past == "" {
				return ""
			}
			sure = cmp.Or(sure, past)
		default:
			some = cmp.Or(some, past)
		}
		beside = true
	}
	if beside {
		return cmp.Or(sure, some)
	}
	return ways
}

// conditions are Keycloak's own. What only has a name like theirs may be anything.
func conditions() []string {
	return []string{
		byScope, byRole, byLevel, byUsed, byConfigured, "conditional-user-attribute", "conditional-sub-flow-executed",
	}
}

// counts reports whether a sub-flow with conditions counts in every request with the recovery scope, or in each in which no passkey was used.
func (e Execution) counts(a Asked) bool {
	if e.Sub == nil {
		return true
	}
	known := slices.Concat(typed(), elsewhere(), factors())
	met := 0
	for _, in := range e.Sub.enabled() {
		unless := in.Provider == byUsed && in.Config["credentials"] == passkey && in.Config["included"] != "true"
		switch {
		case in.Requirement == required && unless, in.scope(a.RecoveryScope, false):
			met++
		case in.isCondition(), in.Sub == nil && !slices.Contains(known, in.Provider):
			return false
		}
	}
	return met > 0
}

// typed refuses a flow in which not everybody who recovers types the password. Who is known by an identity provider, or by a certificate, may have none here.
func (m *maker) typed(who *Tree) error {
	f, a := flowOf(who), Asked{Wanted: m.w}
	switch line := f.unasked(a); {
	case ticketsAlone(who.Steps):
		return m.odd("flow_ticket")
	case line != "":
		return m.odd("flow_untyped", line)
	case !f.recovers(a):
		return m.odd("flow_typed")
	}
	return nil
}

// spare leaves the ways in that ask for no password to applications: a recovery passes them over.
func (m *maker) spare(lines []Node) []Node {
	a := Asked{Wanted: m.w}
	if flowOf(&Tree{Steps: lines}).unasked(a) == "" {
		return lines
	}
	lines = slices.Clone(lines)
	for i, n := range lines {
		if n.Sub != nil && n.Requirement != conditional && flowOf(n.Sub).has(typed()...) {
			n.Sub.Steps = m.spare(n.Sub.Steps)
		}
		if n.Requirement == alternative && flowOf(&Tree{Steps: []Node{n}}).unasked(a) != "" {
			lines[i] = m.passedOver(n)
		}
	}
	return lines
}

// passedOver is a way in of which a recovery knows nothing.
func (m *maker) passedOver(n Node) Node {
	of := n.Provider
	if n.Sub != nil {
		of = strings.TrimPrefix(n.Sub.Alias, m.alias+"-")
	}
	n.Requirement = alternative
	return m.unlessRecovery(of, n)
}

// keptUnless is a way in that a recovery passes over already, as it is in the flow that is made. Lines that count together stay together: each by itself
// would be a way in.
func (m *maker) keptUnless(e Execution) (ways []Node, err error) {
	if m.only(e, certificate) {
		n, err := m.certificateUnless(e)
		return []Node{n}, err
	}
	way := m.spared(e)
	inside, err := m.identify(way)
	if slices.ContainsFunc(inside, func(n Node) bool { return n.Requirement != alternative }) {
		whole := &Tree{Alias: m.name(slug(m.short(way.Alias))), Description: way.Description, Steps: inside}
		inside = []Node{{Requirement: alternative, Sub: whole}}
	}
	for _, n := range inside {
		ways = append(ways, m.passedOver(n))
	}
	return ways, err
}

// spared is what is inside passedOver, nil of any other line.
func (m *maker) spared(e Execution) *Flow {
	if e.Sub == nil || e.Requirement != alternative || e.Provider != "" {
		return nil
	}
	lines := e.Sub.enabled()
	if len(lines) != 1 || !lines[0].unlessRecovery(Asked{Wanted: m.w}) {
		return nil
	}
	inside := lines[0].Sub.enabled()
	if len(inside) != 2 || inside[1].Sub == nil || inside[1].Requirement != required || inside[1].Sub.has(ticket, certificate) {
		return nil
	}
	return inside[1].Sub
}
