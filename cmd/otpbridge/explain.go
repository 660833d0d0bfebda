package main

import (
	"maps"
	"slices"
	"time"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/config"
)

// explanation says which policy rules for a person and why. --json prints it; it is stable and English.
type explanation struct {
	User         string    `json:"user"`
	ID           string    `json:"id"`
	Refusal      string    `json:"refusal,omitempty"` // code: may not recover at all
	Policy       string    `json:"policy"`
	Entry        int       `json:"entry"` // 1 is the first; 0: none are configured
	Everybody    bool      `json:"everybody"`
	Matched      []matched `json:"matched"`
	PassedOver   []passed  `json:"passed_over"`
	HiddenGroups []string  `json:"hidden_groups"` // named by policies, but not seen by the service account
	Mail         wayState  `json:"mail"`
	Desk         wayState  `json:"desk"`
	DeskCode     wayState  `json:"desk_temporary_code"` // the desk may answer with a temporary code
	Approvals    int       `json:"approvals"`
	ApprovalsWhy []string  `json:"approvals_why"` // "policy", or codes of what raises them to two
	Checks       int       `json:"checks"`        // of each approval
	Delay        string    `json:"delay"`
}

// matched is a value of a condition, and what of the person fulfils it.
type matched struct {
	Condition string `json:"condition"` // "groups", "roles", "attributes.NAME"
	Wanted    string `json:"wanted"`
	Has       string `json:"has"`
}

// passed is an earlier policy and its conditions that do not hold.
type passed struct {
	Policy string   `json:"policy"`
	Failed []string `json:"failed"`
}

// wayState says whether a way is open, and if not, by which code.
type wayState struct {
	Open bool   `json:"open"`
	Why  string `json:"why,omitempty"`
}

// Reasons beside the domain's codes.
const (
	whyPolicy   = "policy"
	whyNotNamed = "not_named"
	whyDeskOff  = "desk_off"
	whyNoCode   = "no_desk_codes"
)

// explain applies the rules to a person as the service would at this moment.
func explain(rules bridge.Rules, s subject, now time.Time) explanation {
	a := s.account
	ruling := rules.Ruling(a, rules.Snapshot(a, s.history, s.facts, now))
	e := explanation{
		User: a.Username, ID: a.ID, Refusal: string(bridge.CodeOf(rules.Refusal(a))), Policy: ruling.Policy.Name, Everybody: ruling.Policy.Match.Everybody(),
		Matched: []matched{}, PassedOver: []passed{}, HiddenGroups: append([]string{}, s.hidden...), Approvals: ruling.Approvals, ApprovalsWhy: []string{}, Checks: ruling.Checks,
		Delay: config.DurationText(ruling.Delay),
	}
	for i, p := range rules.Policies {
		failed := failedConditions(p.Match, a)
		if len(failed) == 0 {
			e.Entry = i + 1
			for _, m := range p.Match.By(a) {
				e.Matched = append(e.Matched, matched(m))
			}
			break
		}
		e.PassedOver = append(e.PassedOver, passed{p.Name, failed})
	}
	e.Mail, e.Desk = ways(rules, ruling.Policy, s, now)
	e.DeskCode = deskCode(rules, ruling.Policy, s, now)
	if ruling.Policy.Approvals == ruling.Approvals {
		e.ApprovalsWhy = append(e.ApprovalsWhy, whyPolicy)
	}
	for _, code := range ruling.Why {
		e.ApprovalsWhy = append(e.ApprovalsWhy, string(code))
	}
	return e
}

// ways says which ways are open to the person.
func ways(rules bridge.Rules, p bridge.Policy, s subject, now time.Time) (mail, desk wayState) {
	if code := bridge.CodeOf(rules.Refusal(s.account)); code != "" {
		closed := wayState{Why: string(code)}
		return closed, closed
	}
	mail.Why = string(bridge.CodeOf(rules.MailRefusal(s.account, s.history, s.facts, now)))
	if !slices.Contains(p.Ways, bridge.WayMail) {
		mail.Why = whyNotNamed
	}
	switch {
	case !slices.Contains(p.Ways, bridge.WayDesk):
		desk.Why = whyNotNamed
	case !rules.Desk:
		desk.Why = whyDeskOff
	}
	mail.Open, desk.Open = mail.Why == "", desk.Why == ""
	return mail, desk
}

// deskCode says whether the desk may answer the person with a temporary code.
func deskCode(rules bridge.Rules, p bridge.Policy, s subject, now time.Time) wayState {
	_, desk := ways(rules, p, s, now)
	switch {
	case !desk.Open:
		return desk
	case !p.Temporary:
		return wayState{Why: whyNoCode}
	}
	why := string(bridge.CodeOf(rules.DeskTemporaryRefusal(s.account, s.history, s.facts, now)))
	return wayState{Open: why == "", Why: why}
}

// conditions takes a match apart, one condition each, in a stable order.
func conditions(m bridge.Match) (names []string, each []bridge.Match) {
	if len(m.Groups) > 0 {
		names, each = append(names, "groups"), append(each, bridge.Match{Groups: m.Groups})
	}
	if len(m.Roles) > 0 {
		names, each = append(names, "roles"), append(each, bridge.Match{Roles: m.Roles})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		names = append(names, "attributes."+name)
		each = append(each, bridge.Match{Attributes: map[string][]string{name: m.Attributes[name]}})
	}
	return names, each
}

func failedConditions(m bridge.Match, a bridge.Account) []string {
	var failed []string
	names, each := conditions(m)
	for i, one := range each {
		if !one.Fits(a) {
			failed = append(failed, names[i])
		}
	}
	return failed
}
