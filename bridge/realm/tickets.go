package realm

import "strings"

// Kerberos in a sub-flow of its own, as people build it who want a code after the ticket: in a flow of ours that stands for the line alone, since the
// second factor follows whatever somebody signed in by.

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
