package realm

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
)

// Asked is what findings rest on beside the realm itself.
type Asked struct {
	Wanted

	Reset      bridge.PasswordReset // how people get a new password, as the configuration has it
	Codes      bool                 // recovery codes are offered
	EventTypes []string             // what has to be saved
	LookBack   time.Duration        // for how long at least; a thief's traces are looked for that far back
	Local      bool                 // everything is on this machine: secrets and plain HTTP will do

	Administrator string // the client that reads in place of the service account, "" for none
}

// look is one thing that can be said of a state once certain parts of it were read.
type look struct {
	name   string
	deadly bool // see bridge.Check
	parts  []Part
	find   func(*State, Asked) []bridge.Finding
}

// rights says which right shows a part. What view-realm shows, the service account has to see: it is a finding when it does not.
func rights(p Part) string {
	switch p {
	case PartClients, PartScopes:
		return "view-clients"
	case PartProviders:
		return "view-identity-providers"
	case PartPermissions:
		return "view-authorization"
	case PartGroups:
		return "query-groups"
	}
	return viewRealm
}

const viewRealm = "view-realm"

// Checks returns everything that is looked at in a realm. Each of them calls read, which has to read once for all of them.
func Checks(read func(context.Context) (*State, error), a Asked) []bridge.Check {
	checks := []bridge.Check{{Name: "realm", Deadly: true, Run: func(ctx context.Context) ([]bridge.Finding, error) {
		s, err := read(ctx)
		if err != nil {
			return nil, err
		}
		return findRealm(s, a), s.silent(PartSettings)
	}}}
	for _, l := range looks() {
		checks = append(checks, bridge.Check{Name: l.name, Deadly: l.deadly, Run: func(ctx context.Context) ([]bridge.Finding, error) {
			s, err := read(ctx)
			if err != nil {
				return nil, err
			}
			return l.at(s, a)
		}})
	}
	return checks
}

// Find returns everything that is wrong with a state, for whoever has one already.
func Find(s *State, a Asked) []bridge.Finding {
	found := findRealm(s, a)
	for _, l := range looks() {
		more, _ := l.at(s, a) // what was not read says nothing
		found = append(found, more...)
	}
	bridge.SortFindings(found)
	return found
}

func (l look) at(s *State, a Asked) ([]bridge.Finding, error) {
	for _, p := range l.parts {
		if s.Unread[p] != nil {
			return nil, bridge.NotChecked(bridge.UncheckedRights, rights(p))
		}
	}
	if err := s.silent(l.parts...); err != nil {
		return nil, err
	}
	if name := l.unclear(s, a); name != "" {
		return l.find(s, a), bridge.NotChecked(bridge.UncheckedUnknown, name)
	}
	return l.find(s, a), nil
}

// silent says which of the parts got no usable answer, and why; nil: each has one.
func (s *State) silent(parts ...Part) error {
	for _, p := range parts {
		err := s.Silent[p]
		if err == nil {
			continue
		}
		u := bridge.UncheckedFrom(err)
		if u.Why == bridge.UncheckedRefused {
			return u
		}
		needs := string(p)
		if code := status(err); code != 0 {
			needs += ": HTTP " + strconv.Itoa(code)
		}
		return &bridge.Unchecked{Why: u.Why, Needs: needs, Err: err}
	}
	return nil
}

// unclear names what nobody can judge from here, "" for nothing.
func (l look) unclear(s *State, a Asked) string {
	switch l.name {
	case "password-reset":
		return s.unknownReset()
	case "theme":
		return s.unknownLink(a)
	}
	return ""
}

// lacking names the rights without which something was not read.
func (s *State) lacking() (names []string) {
	for p := range s.Unread {
		names = append(names, rights(p))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func looks() []look {
	return slices.Concat(flowLooks(), clientLooks(), settingLooks())
}

// findRealm names the parts that view-realm shows and that were refused all the same, and looks at the transport. What an administrator's client may not see
// says nothing of the realm, nor of the service account.
func findRealm(s *State, a Asked) (found []bridge.Finding) {
	for _, p := range []Part{PartSettings, PartFlows, PartProfile, PartPolicies, PartRoles, PartTexts} {
		if s.Unread[p] != nil {
			found = append(found, bridge.Found(bridge.FindRealmUnreadable, string(p)))
		}
	}
	if len(found) > 0 && a.Administrator != "" {
		found = []bridge.Finding{bridge.Found(bridge.FindAdministratorRights, a.Administrator, "needed", strings.Join(s.lacking(), ", "))}
	}
	if s.Unread[PartSettings] == nil && s.Setting("sslRequired") == "none" && !a.Local {
		found = append(found, bridge.Found(bridge.FindRealmTLS, ""))
	}
	return found
}
