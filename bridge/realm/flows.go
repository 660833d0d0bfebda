package realm

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Names of the flows that we make.
const (
	browserFlow = "otpbridge-browser"
	postFlow    = "otpbridge-post-broker"
	ourFlows    = "otpbridge-"
)

// flowError says why a flow is not understood: what it does is left to people.
type flowError Detail

func (e flowError) Error() string { return Detail(e).In(Details()[e.Name]) }

// maker makes a flow out of another.
type maker struct {
	w        Wanted
	level    int
	role     string // that opens the gate
	passkeys bool   // people can sign in with a passkey alone
	source   *Flow
	alias    string          // of the flow on top
	taken    map[string]bool // aliases inside it
	ways     []Node          // second factors that were found, in their order
}

func newMaker(w Wanted, s *State, source *Flow, alias string) *maker {
	m := &maker{w: w, level: s.level(w), role: Gate, passkeys: s.On("webAuthnPolicyPasswordlessPasskeysEnabled"), source: source, alias: alias, taken: map[string]bool{}}
	source.Walk(false, func(e *Execution) { m.passkeys = m.passkeys || e.Provider == passkeyForm })
	return m
}

// odd says why the source is not understood.
func (m *maker) odd(name string, about ...string) error {
	e := flowError{Name: name}
	copy(e.About[:], append([]string{m.source.Alias}, about...))
	return e
}

// name is an alias of our own for something inside the flow.
func (m *maker) name(of string) string {
	base := m.alias + "-" + of
	name := base
	for i := 2; m.taken[name]; i++ {
		name = base + "-" + strconv.Itoa(i)
	}
	m.taken[name] = true
	return name
}

// closedFlow makes a fail-closed browser flow that does whatever the source does to know who signs in, with the source's second factors.
func (m *maker) closedFlow() (*Tree, error) {
	who := &Tree{Alias: m.name("who")}
	for _, name := range []string{"gate", "passkey", "2fa", "2fa-ways"} {
		m.taken[m.alias+"-"+name] = true
	}
	steps, err := m.identify(m.source)
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return nil, m.odd("flow_nobody")
	}
	who.Steps = m.spare(steps)
	if err := m.typed(who); err != nil {
		return nil, err
	}
	top := &Tree{Alias: m.alias, Description: "fail-closed: second factor unless scope " + m.w.RecoveryScope}
	top.Steps = append(top.Steps, Node{Requirement: required, Sub: who}, m.gate())
	if m.passkeys {
		top.Steps = append(top.Steps, m.passkeyLevel())
	}
	top.Steps = append(top.Steps, m.second())
	return top, nil
}

// post makes the flow that runs after the sign-in at an identity provider.
func (m *maker) post(ways []Node) *Tree {
	m.ways = ways
	return &Tree{
		Alias: m.alias, Description: "after an identity provider: second factor unless scope " + m.w.RecoveryScope,
		Steps: []Node{m.gate(), m.second(), {Requirement: required, Provider: allow}},
	}
}

func (m *maker) gate() Node {
	scope := map[string]string{scopeOfCondition: m.w.RecoveryScope, "negate": "false"}
	return Node{Requirement: conditional, Sub: &Tree{Alias: m.alias + "-gate", Steps: []Node{
		{Requirement: required, Provider: byScope, ConfigAlias: m.alias + "-gate-scope", Config: scope},
		{Requirement: required, Provider: byRole, ConfigAlias: m.alias + "-gate-role", Config: map[string]string{roleOfCondition: m.role, "negate": "true"}},
		{Requirement: required, Provider: denies},
	}}}
}

func (m *maker) second() Node {
	scope := map[string]string{scopeOfCondition: m.w.RecoveryScope, "negate": "true"}
	return Node{Requirement: conditional, Sub: &Tree{Alias: m.alias + "-2fa", Steps: []Node{
		{Requirement: required, Provider: byScope, ConfigAlias: m.alias + "-2fa-scope", Config: scope},
		m.levelNode("2fa-level"),
		{Requirement: required, Sub: &Tree{Alias: m.alias + "-2fa-ways", Steps: m.waysOrOTP()}},
	}}}
}

func (m *maker) levelNode(name string) Node {
	const hours = "36000" // how long a session's level lasts, Keycloak's default
	config := map[string]string{"loa-condition-level": strconv.Itoa(m.level), "loa-max-age": hours}
	return Node{Requirement: required, Provider: byLevel, ConfigAlias: m.alias + "-" + name, Config: config}
}

func (m *maker) passkeyLevel() Node {
	used := map[string]string{"credentials": passkey, "included": "true"}
	return Node{Requirement: conditional, Sub: &Tree{Alias: m.alias + "-passkey", Steps: []Node{
		{Requirement: required, Provider: byUsed, ConfigAlias: m.alias + "-passkey-used", Config: used},
		m.levelNode("passkey-level"),
		{Requirement: required, Provider: allow},
	}}}
}

// waysOrOTP are the second factors that were found; a one-time password is always one.
func (m *maker) waysOrOTP() []Node {
	var ways []Node
	add := func(provider string) {
		if !slices.ContainsFunc(ways, func(n Node) bool { return n.Provider == provider }) {
			ways = append(ways, Node{Requirement: alternative, Provider: provider})
		}
	}
	if !slices.ContainsFunc(m.ways, func(n Node) bool { return n.Provider == otpForm }) {
		add(otpForm)
	}
	for _, n := range m.ways {
		add(n.Provider)
	}
	return ways
}

// identify copies what a flow does to know who signs in, and takes the second factors out.
func (m *maker) identify(f *Flow) ([]Node, error) {
	var out []Node
	for _, e := range f.enabled() {
		switch {
		case e.Provider == ticket && e.Requirement != alternative:
			return nil, m.odd("flow_tickets", ticket, f.Alias)
		case e.Provider == ticket, m.ticketOnly(e), ticketLine(e):
			if err := m.secondsBeside(e); err != nil {
				return nil, err
			}
			out = append(out, m.ticketUnless())
		case m.only(e, certificate), m.spared(e) != nil:
			ways, err := m.keptUnless(e)
			if err != nil {
				return nil, err
			}
			out = append(out, ways...)
		case m.ours(e), secondOnly(e):
			if err := m.takeOut(e); err != nil {
				return nil, err
			}
		case e.Sub != nil && e.Provider != "":
			return nil, m.odd("flow_parts", e.Sub.Alias)
		case e.Sub != nil:
			inside, err := m.identify(e.Sub)
			if err != nil {
				return nil, err
			}
			if m.wrapper(e) {
				out = append(out, inside...)
			} else if len(inside) > 0 {
				out = append(out, Node{Requirement: e.Requirement, Sub: &Tree{Alias: m.name(slug(m.short(e.Sub.Alias))), Description: e.Sub.Description, Steps: inside}})
			}
		case isSecond(e.Provider) || e.Provider == byLevel || e.Provider == "auth-conditional-otp-form":
			return nil, m.odd("flow_beside", e.Provider, f.Alias)
		default:
			out = append(out, m.copied(e))
		}
	}
	return out, nil
}

// takeOut notes the second factors of a line that is left out, and refuses one that is more than that.
func (m *maker) takeOut(e Execution) error {
	if !m.ours(e) {
		if err := m.plain(e); err != nil {
			return err
		}
	} else if e.Sub.has(certificate) { // who has no password here would not get in any more
		return m.scoped(e)
	} else if line := m.beyond(e); line != "" {
		return m.odd("flow_scoped", e.Sub.Alias, line)
	}
	m.collect(e)
	return nil
}

// beyond is a line of a sub-flow with our scope, made by hand, that does more than ours do and would be gone; "" = there is none.
func (m *maker) beyond(e Execution) (line string) {
	if m.named(e) {
		return ""
	}
	does := append(conditions(), denies, allow)
	e.Sub.Walk(false, func(p *Execution) {
		if p.Sub == nil && !isSecond(p.Provider) && !slices.Contains(does, p.Provider) {
			line = cmp.Or(line, p.Provider)
		}
	})
	return line
}

// copied is a line as it is, with a configuration of its own.
func (m *maker) copied(e Execution) Node {
	n := Node{Requirement: e.Requirement, Provider: e.Provider}
	if len(e.Config) > 0 {
		n.Config, n.ConfigAlias = e.Config, m.name(slug(m.short(e.ConfigAlias)))
	}
	return n
}

// short is an alias without the name of the flow of ours that it comes from.
func (m *maker) short(alias string) string {
	if m.mine() {
		alias = strings.TrimPrefix(alias, m.source.Alias+"-")
	}
	return alias
}

// mine reports whether the source is a flow that we made, now broken.
func (m *maker) mine() bool { return strings.HasPrefix(m.source.Alias, ourFlows) }

// wrapper: what a flow of ours puts around what it copied.
func (m *maker) wrapper(e Execution) bool { return m.mine() && e.Sub.Alias == m.source.Alias+"-who" }

// ours: what a flow of ours adds, recognised by its name or by our scope.
func (m *maker) ours(e Execution) bool {
	return e.Sub != nil && (m.named(e) || slices.ContainsFunc(e.Sub.Steps, func(p Execution) bool {
		return p.Provider == byScope && p.Config[scopeOfCondition] == m.w.RecoveryScope
	}))
}

// named reports whether a sub-flow has the name of one that a flow of ours adds.
func (m *maker) named(e Execution) bool {
	part, ofSource := strings.CutPrefix(e.Sub.Alias, m.source.Alias)
	return m.mine() && ofSource && slices.Contains([]string{"-gate", "-2fa", "-passkey"}, part)
}

// secondOnly reports whether a line is about a second factor and nothing else: one of the forms, or a sub-flow of those and conditions.
func secondOnly(e Execution) bool {
	if e.Sub == nil {
		return isSecond(e.Provider) && e.Requirement == required
	}
	seconds, others := 0, 0
	e.Sub.Walk(false, func(p *Execution) {
		switch {
		case p.Sub != nil, strings.HasPrefix(p.Provider, "conditional-"):
		case isSecond(p.Provider):
			seconds++
		default:
			others++
		}
	})
	return seconds > 0 && others == 0
}

// plain refuses a second factor that depends on more than whether the person has one: whoever made that condition has to decide.
func (m *maker) plain(e Execution) (err error) {
	if e.Sub == nil {
		return nil
	}
	e.Sub.Walk(false, func(p *Execution) {
		known := p.Provider == byConfigured || p.Provider == byUsed && p.Config["credentials"] == passkey && p.Config["included"] != "true"
		if p.Sub == nil && !isSecond(p.Provider) && !known {
			err = m.odd("flow_depends", e.Sub.Alias, p.Provider)
		}
	})
	return err
}

// collect notes the second factors of a line.
func (m *maker) collect(e Execution) {
	if e.Sub == nil {
		e.Sub = &Flow{Steps: []Execution{{Provider: e.Provider, Requirement: e.Requirement}}}
	}
	e.Sub.Walk(false, func(p *Execution) {
		if isSecond(p.Provider) {
			m.ways = append(m.ways, Node{Provider: p.Provider})
		}
	})
}

// cut says which lines of a flow go, and what becomes of the others.
type cut struct {
	gone   func(provider string) bool
	change func(n *Node)
	refuse bool // where a line that is required goes, nobody passes
}

// without copies a whole flow but for some lines, what is switched off too. A sub-flow of which only conditions are left goes with them.
func (m *maker) without(f *Flow, c cut) []Node {
	var out []Node
	acts := false
	for _, e := range f.Steps {
		n, stays := m.kept(e, c)
		if !stays && (!c.refuse || e.Requirement != required) {
			continue
		}
		if !stays {
			n = Node{Requirement: required, Provider: denies}
		}
		if c.change != nil {
			c.change(&n)
		}
		acts = acts || e.Enabled() && !strings.HasPrefix(n.Provider, "conditional-")
		out = append(out, n)
	}
	if !acts {
		return nil
	}
	return out
}

// kept is what is left of a line, if anything is.
func (m *maker) kept(e Execution, c cut) (n Node, stays bool) {
	if e.Sub == nil {
		if e.Enabled() && c.gone(e.Provider) {
			return n, false
		}
		n = m.copied(e)
		if e.enrols() { // as the only alternative it refuses those who lack it
			n.Requirement = alternative
			n = Node{Requirement: required, Sub: &Tree{Alias: m.name("way"), Steps: []Node{n}}}
		}
		return n, true
	}
	name := m.name(slug(m.short(e.Sub.Alias)))
	inside := m.without(e.Sub, c)
	n = Node{Requirement: e.Requirement, Provider: e.Provider, Sub: &Tree{Alias: name, Description: e.Sub.Description, Steps: inside}}
	return n, inside != nil
}

// reset makes a flow for forgotten passwords whose mail leads to a new password only.
func (m *maker) reset() *Tree {
	return &Tree{Alias: m.alias, Description: m.source.Description, Steps: m.without(m.source, cut{
		gone: func(provider string) bool { return provider == resetCode },
		change: func(n *Node) {
			if n.Provider != resetMail {
				return
			}
			config := map[string]string{"force-login": "true"}
			for name, value := range n.Config {
				if name != "force-login" {
					config[name] = value
				}
			}
			n.Config = config
			if n.ConfigAlias == "" {
				n.ConfigAlias = m.name("mail")
			}
		},
	})}
}

// link makes a flow for the first sign-in from an identity provider that links no account by its mailbox.
func (m *maker) link() *Tree {
	return &Tree{Alias: m.alias, Description: m.source.Description, Steps: m.without(m.source, cut{
		gone: func(provider string) bool { return slices.Contains(linkers(), provider) }, refuse: true,
	})}
}
