package view

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge"
)

// speech is a piece of text in a language.
type speech struct{ Lang, Text string }

// words are a pair of match words, first as the page's own language has it, then in the others.
func (l *locale) words(index int) []speech {
	out := []speech{{l.tag, MatchWords(l.tag, index)}}
	for _, tag := range supported {
		if tag != l.tag {
			out = append(out, speech{tag, MatchWords(tag, index)})
		}
	}
	return out
}

// spell puts a blank between the signs of a string, so that speech output reads them one by one.
func spell(s string) string {
	return strings.Join(strings.Split(clean(s), ""), " ")
}

// code is a call code as it is shown and as it is spoken.
type code struct{ Shown, Spoken string }

// digits cuts a call code into two groups.
func digits(s string) code {
	s = clean(s)
	if len(s) != bridge.CallCodeDigits {
		return code{s, spell(s)}
	}
	return code{s[:4] + " " + s[4:], spell(s[:4]) + ", " + spell(s[4:])}
}

// attribute is a thing on record as the operator may see it.
func attribute(a Attribute) string {
	if a.Mask {
		return MaskValue(a.Value)
	}
	return clean(a.Value)
}

var reasons = map[bridge.Reason]string{
	bridge.ReasonChanged: "request.reason.changed", bridge.ReasonLost: "request.reason.lost", bridge.ReasonStolen: "request.reason.stolen",
	bridge.ReasonToday: "request.reason.today",
}

// reason is a reason in the words of the request page; one that it does not offer is shown as it is.
func (l *locale) reason(r bridge.Reason) string {
	if key, ok := reasons[r]; ok {
		return l.text(key)
	}
	return clean(string(r))
}

var riskTexts = map[Risk]string{
	RiskOutside: "case.risk.outside", RiskAddress: "case.risk.address", RiskShared: "case.risk.shared", RiskOperator: "case.risk.operator",
	RiskFailures: "case.risk.failures", RiskStolen: "case.risk.stolen",
}

// risks are the hints in words; unknown ones are left out.
func (l *locale) risks(risks []Risk) []string {
	var out []string
	for _, r := range risks {
		if key, ok := riskTexts[r]; ok {
			out = append(out, l.text(key))
		}
	}
	return out
}

var whyTexts = map[bridge.Code]string{
	bridge.CodeDeskOnly: "case.rule.why.desk", bridge.CodeNoAddress: "case.rule.why.address", bridge.CodePasswordRecent: "case.rule.why.password",
}

// whys are the reasons of a ruling in words; unknown ones are left out.
func (l *locale) whys(codes []bridge.Code) []string {
	var out []string
	for _, c := range codes {
		if key, ok := whyTexts[c]; ok {
			out = append(out, l.text(key))
		}
	}
	return out
}

// matches is by what a person falls under a rule, in words.
func (l *locale) matches(all []RuleMatch) []string {
	var out []string
	for _, m := range all {
		value := attribute(Attribute{Value: m.Value, Mask: m.Mask})
		name, ok := strings.CutPrefix(m.Condition, bridge.AttributeCondition)
		switch {
		case ok:
			out = append(out, l.text("case.rule.by.attribute", "name", clean(name), "value", value))
		case m.Condition == "groups":
			out = append(out, l.text("case.rule.by.group", "name", value))
		case m.Condition == "roles":
			out = append(out, l.text("case.rule.by.role", "name", value))
		}
	}
	if len(all) == 0 {
		out = append(out, l.text("case.rule.by.everybody"))
	}
	return out
}

// Risky says that the second approval is asked for because of a hint (HD-15).
func (p Case) Risky() bool {
	return slices.Contains(p.Risks, RiskAddress) || slices.Contains(p.Risks, RiskShared) || slices.Contains(p.Risks, RiskOperator)
}

// checkTexts name the checks that the product knows, if the site does not.
var checkTexts = map[string]string{bridge.CheckCallBack: "case.check.callback", bridge.CheckInPerson: "case.check.photo"}

// check is a check in the site's words.
func (l *locale) check(id string) checkLine {
	for _, c := range l.site.Checks {
		if label := c.Label.in(l.tag); c.ID == id && label != "" {
			return checkLine{id, label}
		}
	}
	if key, ok := checkTexts[id]; ok {
		return checkLine{id, l.text(key)}
	}
	return checkLine{id, clean(id)}
}

type checkLine struct{ ID, Label string }

// checks are several checks in one line.
func (l *locale) checks(ids []string) string {
	var out []string
	for _, id := range ids {
		out = append(out, l.check(id).Label)
	}
	return first(strings.Join(out, ", "), "–")
}

// permitChecks are the checks that a permit may rest on.
func (l *locale) permitChecks() []checkLine {
	var out []checkLine
	for _, id := range bridge.PermitChecks() {
		out = append(out, l.check(id))
	}
	return out
}

// badge is a word in a coloured frame.
type badge struct{ Class, Text string }

var badges = map[CaseResult]struct{ class, text string }{
	CaseApproved: {"ok", "console.result.approved"}, CaseSecond: {"warn", "console.result.second"},
	CaseCode: {"ok", "console.result.code"}, CaseDelay: {"warn", "console.result.delay"}, CaseDenied: {"", "console.result.denied"}, CaseSuspicious: {"bad", "console.result.suspicious"},
}

// result is what a case came to; one that is not known is shown as it is.
func (l *locale) result(r CaseResult) badge {
	if b, ok := badges[r]; ok {
		return badge{b.class, l.text(b.text)}
	}
	return badge{"", clean(string(r))}
}

// span is a length of time in whole hours, or in minutes.
func (l *locale) span(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return l.text("case.rule.hours", "n", int(d/time.Hour))
	}
	return l.text("console.stats.minutes", "n", int(d/time.Minute))
}

// consoleFuncs are what the templates of calls and of the console may call besides those of every page.
func (l *locale) consoleFuncs() template.FuncMap {
	return template.FuncMap{
		"words":        l.words,
		"spell":        spell,
		"digits":       digits,
		"own":          func(w Words) string { return clean(w.in(l.tag)) },
		"attribute":    attribute,
		"reason":       l.reason,
		"risks":        l.risks,
		"whys":         l.whys,
		"matches":      l.matches,
		"checks":       l.checks,
		"permitchecks": l.permitChecks,
		"result":       l.result,
		"span":         l.span,
		"second":       l.second,
		"auditoutcome": l.auditOutcome,
		"auditdetails": auditDetails,
		"finding":      l.finding,
		"checkname":    l.checkName,
		"waitingfor":   l.waitingFor,
		"unchecked":    l.uncheckedWhy,
		"summary":      l.summary,
	}
}
