package realm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// flows makes what is missing of the flows and then, when all are complete, leads to them.
func (p *planner) flows() {
	if !slices.Contains(p.s.Authenticators, byScope) {
		p.stop(ObstacleVersion, byScope)
		return
	}
	browser := p.browser()
	brokers := p.brokers()
	reset := p.reset()
	for _, bind := range []func(){brokers, reset, browser} {
		if bind != nil {
			bind()
		}
	}
}

// unusable notes a flow that is not understood.
func (p *planner) unusable(err error) {
	var unknown flowError
	if errors.As(err, &unknown) {
		p.explain(ObstacleFlow, Detail(unknown))
	}
}

// flow wants a flow to be there, as it is written.
func (p *planner) flow(reason Reason, t *Tree) {
	p.want(reason, Change{Kind: KindFlow, Name: t.Alias}, t)
}

// free is a name for a flow that nothing leads to: ours, or ours with a number while the one before is in use.
func (p *planner) free(alias string) string {
	name := alias
	for i := 2; p.s.used(name); i++ {
		name = fmt.Sprintf("%s-%d", alias, i)
	}
	return name
}

// used reports whether something leads to a flow.
func (s *State) used(alias string) bool { return s.userOf(alias) != nil }

// userOf is what leads to a flow: a setting of the realm, an identity provider or a client; nil when nothing does.
func (s *State) userOf(alias string) *Change {
	for _, binding := range []string{
		"browserFlow", "registrationFlow", "directGrantFlow", "resetCredentialsFlow", "clientAuthenticationFlow", "dockerAuthenticationFlow", "firstBrokerLoginFlow",
	} {
		if s.Setting(binding) == alias {
			return &Change{Kind: KindSetting, Name: binding}
		}
	}
	f := s.Flow(alias)
	if f == nil {
		return nil
	}
	if p := findIn(s.Providers, func(p Provider) bool { return p.FirstFlow == alias || p.PostFlow == alias }); p != nil {
		return &Change{Kind: KindProvider, Name: p.Alias}
	}
	if c := findIn(s.Clients, func(c Client) bool { return slices.Contains(slices.Collect(maps.Values(c.Overrides)), f.ID) }); c != nil {
		return &Change{Kind: KindClient, Name: c.ClientID}
	}
	return nil
}

// browser makes the fail-closed flow out of the one that is bound, unless that is one.
func (p *planner) browser() (bind func()) {
	const setting = "browserFlow"
	bound := p.s.Flow(p.s.Setting(setting))
	if bound == nil {
		p.explain(ObstacleFlow, Detail{"flow_absent", [3]string{p.s.Setting(setting)}})
		return nil
	}
	m := newMaker(p.w, p.s, bound, p.free(browserFlow))
	if role := bound.closedBy(p.w, m.level); (role == Gate || p.s.holds(role, "")) && bound.unasked(Asked{Wanted: p.w}) == "" {
		p.gate = role
		bound.Walk(false, func(e *Execution) { m.collect(*e) })
		p.ways, p.plan.SecondFactors = m.ways, m.types()
		return nil
	}
	t, err := m.closedFlow()
	if err != nil {
		p.unusable(err)
		return nil
	}
	p.ways = m.ways
	p.plan.SecondFactors = m.types()
	reason := ReasonTicket // whom the new flow refuses the bound one refuses, too
	if bound.unasked(Asked{Wanted: p.w}) != "" {
		reason = ReasonPassword
	}
	if role := bound.closedButTickets(p.w, m.level); role != Gate && !p.s.holds(role, "") {
		reason, p.plan.LocksOut = ReasonFlow, true
	}
	p.flow(reason, t)
	return func() { p.setting(reason, setting, t.Alias) }
}

// closed reports whether a flow is fail-closed, by the same role as the browser flow; where that is not there the plan makes it.
func (p *planner) closed(f *Flow) bool { return f.closedBy(p.w, p.s.level(p.w)) == p.gate }

// types are the credentials that let people in.
func (m *maker) types() []string {
	var types []string
	for _, n := range m.waysOrOTP() {
		types = append(types, map[string]string{otpForm: "otp", codesForm: "recovery-authn-codes", keyForm: "webauthn"}[n.Provider])
	}
	if m.passkeys {
		types = append(types, passkey)
	}
	return types
}

// brokers lets every identity provider end in the gate and the second factor, and links nobody by the mailbox.
func (p *planner) brokers() (bind func()) {
	var binds []func()
	made := map[string]string{} // safe flows by those that they stand for
	for _, b := range p.s.Providers {
		post, ok := p.post(b, made)
		if !ok {
			continue
		}
		first := p.first(b, made)
		p.plan.LocksOut = p.plan.LocksOut || b.Enabled && post != b.PostFlow
		binds = append(binds, func() {
			p.want(ReasonBrokers, Change{Kind: KindProvider, Name: b.Alias}, Object{firstFlowField: first, postFlowField: post})
		})
	}
	return func() {
		for _, b := range binds {
			b()
		}
	}
}

// post is the flow that has to run after the sign-in at a provider.
func (p *planner) post(b Provider, made map[string]string) (alias string, ok bool) {
	here := p.s.Flow(b.PostFlow)
	if here != nil && p.closed(here) {
		return b.PostFlow, true
	}
	if b.PostFlow != "" && !strings.HasPrefix(b.PostFlow, postFlow) {
		p.stop(ObstaclePostFlow, b.Alias+": "+b.PostFlow)
		return "", false
	}
	if made[postFlow] == "" {
		made[postFlow] = p.makePost()
	}
	return made[postFlow], true
}

// makePost wants the flow of ours, and takes one that is there and safe.
func (p *planner) makePost() string {
	if here := p.s.Flow(postFlow); p.s.used(postFlow) && here != nil && p.closed(here) {
		return postFlow
	}
	m := newMaker(p.w, p.s, &Flow{}, p.free(postFlow))
	m.role = p.gate
	t := m.post(p.ways)
	p.flow(ReasonBrokers, t)
	return t.Alias
}

// first is the flow that has to run at the first sign-in from a provider, "" for the realm's.
func (p *planner) first(b Provider, made map[string]string) string {
	alias := b.FirstFlow
	if alias == "" {
		alias = p.s.Setting("firstBrokerLoginFlow")
	}
	here := p.s.Flow(alias)
	if here == nil || here.links() {
		return b.FirstFlow
	}
	if made[alias] == "" {
		name := ourFlows + strings.TrimPrefix(slug(alias), ourFlows)
		if ours := p.s.Flow(name); p.s.used(name) && ours != nil && ours.links() {
			made[alias] = name
			return name
		}
		t := newMaker(p.w, p.s, here, p.free(name)).link()
		p.flow(ReasonBrokers, t)
		made[alias] = t.Alias
	}
	return made[alias]
}

// reset makes the flow for forgotten passwords safe, where there is one.
func (p *planner) reset() (bind func()) {
	const setting = "resetCredentialsFlow"
	here := p.s.Flow(p.s.Setting(setting))
	if !p.s.On("resetPasswordAllowed") || here == nil || here.resets() {
		return nil
	}
	t := newMaker(p.w, p.s, here, p.free(ourFlows+strings.TrimPrefix(slug(here.Alias), ourFlows))).reset()
	p.flow(ReasonReset, t)
	return func() { p.setting(ReasonReset, setting, t.Alias) }
}

// overrides: no client has a browser flow of its own that lets somebody in, or set up a second factor, without having shown one.
func (p *planner) overrides() {
	const override = "browser"
	for _, c := range p.s.Clients {
		f := p.s.FlowByID(c.Overrides[override])
		if c.ClientID != p.w.LoginClient && f != nil && (f.free(Asked{Wanted: p.w}, p.s.level(p.w)) || f.enrols()) {
			p.want(ReasonOverride, Change{Kind: KindClientSetting, Of: c.ClientID}, Object{inOverrides + override: ""})
			p.plan.LocksOut = true
		}
	}
}
