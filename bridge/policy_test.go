package bridge_test

import (
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
)

// POL-01: whom a policy is for.
func TestMatchNeedsEveryConditionAndAnyValue(t *testing.T) {
	a := bridge.Account{
		Groups: []string{"/staff/library"}, Roles: []string{"user"}, Attributes: map[string][]string{"kind": {"part-time", "night"}},
	}
	tests := map[string]struct {
		m    bridge.Match
		want bool
	}{
		"everybody":                {bridge.Match{}, true},
		"group itself":             {bridge.Match{Groups: []string{"/staff/library"}}, true},
		"group above":              {bridge.Match{Groups: []string{"/students", "/staff"}}, true},
		"name that begins alike":   {bridge.Match{Groups: []string{"/sta"}}, false},
		"role":                     {bridge.Match{Roles: []string{"admin", "user"}}, true},
		"no such role":             {bridge.Match{Roles: []string{"admin"}}, false},
		"attribute":                {bridge.Match{Attributes: map[string][]string{"kind": {"night"}}}, true},
		"attribute without values": {bridge.Match{Attributes: map[string][]string{"floor": {"1"}}}, false},
		"both":                     {bridge.Match{Groups: []string{"/staff"}, Roles: []string{"user"}}, true},
		"one of both":              {bridge.Match{Groups: []string{"/staff"}, Roles: []string{"admin"}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.m.Fits(a); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestUnreachableNamesTheEarlierPolicy(t *testing.T) {
	staff := bridge.Policy{Name: "staff", Match: bridge.Match{Groups: []string{"/staff"}}}
	library := bridge.Policy{Name: "library", Match: bridge.Match{Groups: []string{"/staff/library"}}}
	night := bridge.Policy{Name: "night", Match: bridge.Match{Groups: []string{"/staff"}, Roles: []string{"night"}}}
	all := bridge.Policy{Name: "all"}
	tests := map[string]struct {
		list []bridge.Policy
		want string
	}{
		"narrow after wide":    {[]bridge.Policy{staff, library}, "staff"},
		"wide after narrow":    {[]bridge.Policy{library, staff}, ""},
		"stricter after wide":  {[]bridge.Policy{staff, night}, "staff"},
		"wide after stricter":  {[]bridge.Policy{night, staff}, ""},
		"anything after all":   {[]bridge.Policy{all, staff}, "all"},
		"all at the end":       {[]bridge.Policy{staff, all}, ""},
		"other group entirely": {[]bridge.Policy{staff, {Name: "x", Match: bridge.Match{Groups: []string{"/students"}}}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := bridge.Unreachable(tt.list, len(tt.list)-1); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// HD-15, TOK-14: where the help desk sets passwords, a young one needs a second operator: one alone could have set it.
func TestAPasswordFromTheDeskNeedsTwo(t *testing.T) {
	t.Parallel()
	facts := safe
	facts.AdminOnly = map[string]bool{"notificationEmail": true, "privateEmail": true}
	for name, x := range map[string]struct {
		reset bridge.PasswordReset
		age   time.Duration
		event time.Duration // how long ago events say that it was reset; 0: never
		want  int
	}{
		"young, set at the desk":     {bridge.ResetDesk, 71 * time.Hour, 0, 2},
		"old":                        {bridge.ResetDesk, 73 * time.Hour, 0, 1},
		"reset in a directory":       {bridge.ResetDesk, 1000 * time.Hour, time.Hour, 2},
		"young, set by mail":         {bridge.ResetMail, time.Hour, 0, 1},
		"young, set by people alone": {bridge.ResetNone, time.Hour, 0, 1},
	} {
		a, r := person(), rules()
		a.Credentials[0].Created = t0.Add(-x.age)
		r.Reset, r.ResetAttribute = x.reset, "privateEmail"
		var h bridge.History
		if x.event != 0 {
			h.PasswordReset = t0.Add(-x.event)
		}
		s := r.Snapshot(a, h, facts, t0)
		got := r.Ruling(a, s)
		if said := slices.Contains(got.Why, bridge.CodePasswordRecent); got.Approvals != x.want || said != (x.want == 2) {
			t.Errorf("%s: %d approvals, %v", name, got.Approvals, got.Why)
		}
	}
}
