package realm

import "strings"

// Kerberos in a flow of ours: a ticket stands for the password, but at a recovery. People who want a code after the ticket build a sub-flow of its own for
// both: that stands for the line alone here, since the second factor follows whatever somebody signed in by. A client certificate stays as it is: whoever
// comes by one may have no password here.

// unlessRecovery lets a line stand for the password in every request but one with the recovery scope: in that one the password is typed. A
// sub-flow whose condition is not met is passed over where it is the only line of an alternative; beside others it would switch them off.
func (m *maker) unlessRecovery(of string, line Node) Node {
	scope := map[string]string{scopeOfCondition: m.w.RecoveryScope, "negate": "true"}
	name := m.name(of)
	way := Node{Requirement: required, Sub: &Tree{Alias: m.name(of + "-way"), Steps: []Node{line}}}
	return Node{Requirement: alternative, Sub: &Tree{Alias: name, Steps: []Node{{Requirement: conditional, Sub: &Tree{Alias: m.name(of + "-unless"), Steps: []Node{
		{Requirement: required, Provider: byScope, ConfigAlias: m.name(of + "-scope"), Config: scope}, way,
	}}}}}}
}

// ticketUnless is such a line of Kerberos.
func (m *maker) ticketUnless() Node {
	return m.unlessRecovery("kerberos", Node{Requirement: alternative, Provider: ticket})
}

// ticketOnly: what ticketUnless made.
func (m *maker) ticketOnly(e Execution) bool { return m.only(e, ticket) }

// certificateUnless is such a line of a client certificate, which people build by hand, with the configuration that it has there.
func (m *maker) certificateUnless(e Execution) (n Node, err error) {
	if e.takes(certificate, func(in Execution) bool { return in.unlessRecovery(Asked{Wanted: m.w}) }) {
		return n, m.scoped(e)
	}
	e.Sub.Walk(false, func(in *Execution) {
		if in.Provider == certificate {
			n = m.copied(*in)
		}
	})
	n.Requirement = alternative
	return m.unlessRecovery("certificate", n), nil
}

// scoped says that people decide what a certificate is for at a recovery.
func (m *maker) scoped(e Execution) error {
	return m.odd("flow_scoped", e.Sub.Alias, certificate)
}

// only reports whether a line is one way in beside others that knows people by one authenticator, and holds the condition on the recovery and nothing else.
func (m *maker) only(e Execution, provider string) bool {
	lines, scoped, others := 0, 0, 0
	if e.Sub == nil || e.Requirement != alternative {
		return false
	}
	e.Sub.Walk(false, func(p *Execution) {
		switch {
		case p.Sub != nil:
		case p.Provider == provider:
			lines++
		case p.scope(m.w.RecoveryScope, true):
			scoped++
		default:
			others++
		}
	})
	return lines == 1 && scoped == 1 && others == 0
}

// ticketLine reports whether a line is a sub-flow that is one way in beside others and takes one ticket, with nothing but second factors beside that.
func ticketLine(e Execution) bool {
	tickets, others := ticketsIn(e)
	return e.Requirement == alternative && tickets == 1 && others == 0
}

// ticketsIn counts the tickets that a sub-flow takes without a condition, and what else is in it but second factors.
func ticketsIn(e Execution) (tickets, others int) {
	if e.Sub == nil || e.Provider != "" || e.Requirement == conditional {
		return 0, 1
	}
	for _, in := range e.Sub.enabled() {
		switch {
		case in.Provider == ticket:
			tickets++
		case isSecond(in.Provider), secondOnly(in):
		default:
			t, o := ticketsIn(in)
			tickets, others = tickets+t, others+o
		}
	}
	return tickets, others
}

// secondsBeside notes the second factors beside a ticket.
func (m *maker) secondsBeside(e Execution) error {
	if e.Sub == nil {
		return nil
	}
	for _, in := range e.Sub.enabled() {
		if !isSecond(in.Provider) && !secondOnly(in) {
			if err := m.secondsBeside(in); err != nil {
				return err
			}
			continue
		}
		if err := m.plain(in); err != nil {
			return err
		}
		m.collect(in)
	}
	return nil
}

// ticketsAlone reports whether all that these lines let somebody in by is a ticket, and the session that it began: nobody would recover.
func ticketsAlone(lines []Node) bool {
	tickets, others := countWays(lines)
	return tickets > 0 && others == 0
}

func countWays(lines []Node) (tickets, others int) {
	for _, n := range lines {
		switch {
		case n.Sub != nil:
			t, o := countWays(n.Sub.Steps)
			tickets, others = tickets+t, others+o
		case n.Provider == ticket:
			tickets++
		case n.Provider != "auth-cookie" && !strings.HasPrefix(n.Provider, "conditional-"):
			others++
		}
	}
	return tickets, others
}
