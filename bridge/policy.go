package bridge

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Policy is one entry of the configured rules about ways: the first that matches the person rules.
type Policy struct {
	Name      string
	Match     Match
	Ways      []Way
	Approvals int           // by different operators: 1 or 2
	Checks    int           // that each approval records at least
	Delay     time.Duration // between the proof and a second proof, 0 = none
	Refuse    bool          // nobody who matches may recover here
	Temporary bool          // the help desk may answer with a temporary code, for whoever asks for one
}

// Match says whom a policy is for. Conditions that are given must all hold; within one, any value does. No condition matches everybody.
type Match struct {
	Groups     []string            // full paths; members of groups below count
	Roles      []string            // effective realm roles
	Attributes map[string][]string // attribute → accepted values
}

// Everybody reports whether the match has no condition.
func (m Match) Everybody() bool {
	return len(m.Groups) == 0 && len(m.Roles) == 0 && len(m.Attributes) == 0
}

// Fits reports whether the account fulfils every condition.
func (m Match) Fits(a Account) bool {
	return m.fitsGroups(a) && m.fitsRoles(a) && m.fitsAttributes(a)
}

func (m Match) fitsGroups(a Account) bool {
	if len(m.Groups) == 0 {
		return true
	}
	return slices.ContainsFunc(a.Groups, func(g string) bool {
		return slices.ContainsFunc(m.Groups, func(want string) bool { return g == want || strings.HasPrefix(g, want+"/") })
	})
}

func (m Match) fitsRoles(a Account) bool {
	return len(m.Roles) == 0 || slices.ContainsFunc(m.Roles, func(r string) bool { return slices.Contains(a.Roles, r) })
}

func (m Match) fitsAttributes(a Account) bool {
	for name, accepted := range m.Attributes {
		if !slices.ContainsFunc(a.Attributes[name], func(v string) bool { return slices.Contains(accepted, v) }) {
			return false
		}
	}
	return true
}

// Matched is a value of a match, and what of the account fulfils it.
type Matched struct {
	Condition string // as in the configuration: "groups", "roles", "attributes.NAME"
	Wanted    string
	Has       string // for a group, the one below it that the person is in
}

// By lists which values of a match that fits the account has, and by what.
func (m Match) By(a Account) []Matched {
	var out []Matched
	for _, wanted := range m.Groups {
		for _, group := range a.Groups {
			if (Match{Groups: []string{wanted}}).Fits(Account{Groups: []string{group}}) {
				out = append(out, Matched{"groups", wanted, group})
			}
		}
	}
	for _, role := range m.Roles {
		if slices.Contains(a.Roles, role) {
			out = append(out, Matched{"roles", role, role})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		for _, value := range m.Attributes[name] {
			if slices.Contains(a.Attributes[name], value) {
				out = append(out, Matched{AttributeCondition + name, value, value})
			}
		}
	}
	return out
}

// AttributeCondition precedes the attribute's name in a condition on one.
const AttributeCondition = "attributes."

// covers reports whether every account that fits other fits m too, as far as the conditions themselves tell.
func (m Match) covers(other Match) bool {
	if m.Everybody() {
		return true
	}
	if len(m.Groups) > 0 && !coversList(m.Groups, other.Groups, func(a, b string) bool { return a == b || strings.HasPrefix(b, a+"/") }) {
		return false
	}
	if len(m.Roles) > 0 && !coversList(m.Roles, other.Roles, func(a, b string) bool { return a == b }) {
		return false
	}
	for name, accepted := range m.Attributes {
		if !coversList(accepted, other.Attributes[name], func(a, b string) bool { return a == b }) {
			return false
		}
	}
	return true
}

func coversList(wide, narrow []string, covers func(a, b string) bool) bool {
	if len(narrow) == 0 {
		return false
	}
	return !slices.ContainsFunc(narrow, func(n string) bool {
		return !slices.ContainsFunc(wide, func(w string) bool { return covers(w, n) })
	})
}

// Unreachable returns the name of an earlier policy that already rules everybody whom the one at i could rule, "" if there is none.
func Unreachable(policies []Policy, i int) string {
	for _, earlier := range policies[:i] {
		if earlier.Match.covers(policies[i].Match) {
			return earlier.Name
		}
	}
	return ""
}

// Ruling is what a policy, the account and its addresses ask of the desk.
type Ruling struct {
	Policy    Policy
	Approvals int // by different operators
	Checks    int // for each approval
	Delay     time.Duration
	Why       []Code // why it is more than the policy's own: CodeDeskOnly (operators, auditors), CodeNoAddress, CodePasswordRecent
}

// Policy returns the first policy that matches. Without any configured, both ways are open with one approval and one check.
func (r Rules) Policy(a Account) Policy {
	for _, p := range r.Policies {
		if p.Match.Fits(a) {
			return p
		}
	}
	return Policy{Name: "default", Ways: []Way{WayMail, WayDesk}, Approvals: 1, Checks: 1}
}

// Ruling returns what rules for the account. Operators, auditors, people without a notification address, and those whose password may just have been set
// at the help desk always need two approvals.
func (r Rules) Ruling(a Account, s Snapshot) Ruling {
	p := r.Policy(a)
	out := Ruling{Policy: p, Approvals: max(1, p.Approvals), Checks: max(1, p.Checks), Delay: p.Delay}
	if r.worksAtDesk(a) {
		out.Approvals, out.Why = 2, append(out.Why, CodeDeskOnly)
	}
	if _, ok := s.LinkAddress(); !ok {
		out.Approvals, out.Why = 2, append(out.Why, CodeNoAddress)
	}
	if r.Reset == ResetDesk && s.PasswordRecent { // the same operator could have set it
		out.Approvals, out.Why = 2, append(out.Why, CodePasswordRecent)
	}
	return out
}

// Allows reports whether the way is open under the ruling; the desk only where it is run.
func (r Rules) Allows(p Policy, w Way) bool {
	return !p.Refuse && slices.Contains(p.Ways, w) && (w != WayDesk || r.Desk)
}

func (r Rules) worksAtDesk(a Account) bool {
	return slices.ContainsFunc(a.Roles, func(role string) bool { return slices.Contains(r.DeskRoles, role) })
}
