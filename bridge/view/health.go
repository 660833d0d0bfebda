package view

import (
	"slices"
	"time"

	"otpbridge/bridge"
)

// Health is GET /admin: what is wrong with the realm and the service, for administrators. POST /admin looks again.
type Health struct {
	Frame
	Process string // name of the process that answers: each looks for itself
	Paused  bool   // the configuration lets nobody begin a recovery
	Report  Report
}

// Report is what the realm guard last saw.
type Report struct {
	At        time.Time // of the last look; zero: it has not looked yet
	Stopped   bool      // no new recovery begins
	Silent    time.Time // since when Keycloak does not answer about a part of the realm, if that stops them
	Findings  []bridge.Finding
	Unchecked []UncheckedCheck
	Passed    []string // names of checks
}

// UncheckedCheck is a check that was not carried out, or not to its end.
type UncheckedCheck struct {
	Check string
	Why   string // bridge.UncheckedRights…
	Needs string
	Seen  time.Time // when the doctor saw it with an administrator's client; zero: never
}

func (Health) template() string { return "health" }
func (Health) tab() string      { return "/admin" }

var severities = map[bridge.Severity]badge{
	bridge.Deadly: {"bad", "health.deadly"}, bridge.Critical: {"bad", "health.critical"}, bridge.Warning: {"warn", "health.warning"}, bridge.Info: {"", "health.info"},
}

// findingLine is a finding in words.
type findingLine struct {
	Badge badge
	Text  FindingText
}

func (l *locale) finding(f bridge.Finding) (findingLine, error) {
	texts, err := l.findings()
	if err != nil {
		return findingLine{}, err
	}
	return findingLine{badge{severities[f.Severity].Class, l.text(severities[f.Severity].Text)}, texts.Text(l.tag, f)}, nil
}

// waiting are checks that were not carried out for one reason.
type waiting struct {
	UncheckedCheck

	Names string // of the checks, in words
}

// waitingFor puts checks together that wait for the same: one line to read, and one thing to mend.
func (l *locale) waitingFor(all []UncheckedCheck) (lines []waiting, err error) {
	for _, u := range all {
		name, err := l.checkName(u.Check)
		if err != nil {
			return nil, err
		}
		u.Check = ""
		i := slices.IndexFunc(lines, func(w waiting) bool { return w.UncheckedCheck == u })
		if i < 0 {
			lines = append(lines, waiting{u, name})
			continue
		}
		lines[i].Names = l.text("health.also", "before", lines[i].Names, "name", name)
	}
	return lines, nil
}

// checkName is a check in words.
func (l *locale) checkName(name string) (string, error) {
	texts, err := l.findings()
	if err != nil {
		return "", err
	}
	return texts.Check(l.tag, clean(name)), nil
}

// uncheckedWhy says why a check was not carried out.
func (l *locale) uncheckedWhy(u UncheckedCheck) (string, error) {
	texts, err := l.findings()
	if err != nil {
		return "", err
	}
	return texts.Unchecked(l.tag, &bridge.Unchecked{Why: u.Why, Needs: clean(u.Needs)}), nil
}

// summary counts the findings by severity, what was not checked and what passed.
func (l *locale) summary(r Report) (string, error) {
	texts, err := l.findings()
	if err != nil {
		return "", err
	}
	return texts.Summary(l.tag, r.Findings, len(r.Unchecked), len(r.Passed)), nil
}
