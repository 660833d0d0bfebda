package bridge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Severity says how bad a finding is.
type Severity string

// Severities, the worst first.
const (
	Deadly   Severity = "deadly"   // the password alone, or the mailbox alone, may be enough: new recoveries stop
	Critical Severity = "critical" // a defence is missing, or people cannot be served
	Warning  Severity = "warning"  // weaker than it should be
	Info     Severity = "info"     // worth knowing
)

// Severities returns all of them, the worst first.
func Severities() []Severity { return []Severity{Deadly, Critical, Warning, Info} }

// FindingID names a finding for machines. Its texts for people are in the catalogue of findings.
type FindingID string

// Finding is one thing that is wrong.
type Finding struct {
	ID       FindingID         `json:"id"`
	Severity Severity          `json:"severity"`
	Object   string            `json:"object,omitempty"` // what it is about: a client, an attribute, a file; never a person
	Values   map[string]string `json:"values,omitempty"` // for its text
}

// Found makes a finding. Values are name, value, name, value…
func Found(id FindingID, object string, values ...string) Finding {
	f := Finding{ID: id, Severity: findings()[id], Object: object}
	for i := 0; i+1 < len(values); i += 2 {
		if f.Values == nil {
			f.Values = map[string]string{}
		}
		f.Values[values[i]] = values[i+1]
	}
	return f
}

const usersObject = " × user"

// UsersObject is the object of a finding about people: they are counted, never named.
func UsersObject(n int) string { return strconv.Itoa(n) + usersObject }

// UsersIn returns how many people the object of a finding counts.
func UsersIn(object string) (count string, counts bool) {
	return strings.CutSuffix(object, usersObject)
}

// FindingIDs returns every finding there can be, in a stable order.
func FindingIDs() []FindingID { return slices.Sorted(maps.Keys(findings())) }

// SeverityOf returns how bad a finding is, "" for one that there is not.
func SeverityOf(id FindingID) Severity { return findings()[id] }

// SortFindings puts the worst first.
func SortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int {
		if d := slices.Index(Severities(), a.Severity) - slices.Index(Severities(), b.Severity); d != 0 {
			return d
		}
		if d := strings.Compare(string(a.ID), string(b.ID)); d != 0 {
			return d
		}
		return strings.Compare(a.Object, b.Object)
	})
}

// Distinct are the findings of several lists, each once, the worst first: two checks may come upon the same.
func Distinct(lists ...[]Finding) []Finding {
	all := slices.Concat(lists...)
	SortFindings(all)
	return slices.CompactFunc(all, func(a, b Finding) bool { return a.ID == b.ID && a.Object == b.Object && maps.Equal(a.Values, b.Values) })
}

// Check looks at one thing.
type Check struct {
	Name   string // stable, e.g. "login-client"
	Deadly bool   // what it finds may be deadly: without an answer nobody is let in
	// Run returns what is wrong. With an error the check was not carried out, or not to its end: that never means that nothing is wrong.
	// An *Unchecked says why; any other error means that something did not answer. What was found before the error counts.
	Run func(context.Context) ([]Finding, error)
}

// Why something was not checked.
const (
	UncheckedRights  = "rights"  // Needs names the role that is missing
	UncheckedAnswer  = "answer"  // something did not answer, or not as expected
	UncheckedTime    = "time"    // the check's time was up
	UncheckedRefused = "refused" // Keycloak gives a client no token, which is a finding; Needs says to whom, and why
	UncheckedUnknown = "unknown" // what would have to be known cannot be read by anybody; Needs names what would tell it
)

// Unchecked is the third outcome of a check beside findings and none.
type Unchecked struct {
	Why   string `json:"why"`
	Needs string `json:"needs,omitempty"`
	Err   error  `json:"-"` // the cause, for the log
}

// NotChecked makes the error of a check that could not look.
func NotChecked(why, needs string) error { return &Unchecked{Why: why, Needs: needs} }

func (u *Unchecked) Error() string {
	text := "not checked: " + u.Why
	if u.Needs != "" {
		text += " " + u.Needs
	}
	if u.Err != nil {
		text += ": " + u.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (u *Unchecked) Unwrap() error { return u.Err }

// UncheckedFrom returns what the error of a check means, nil for nil.
func UncheckedFrom(err error) *Unchecked {
	if err == nil {
		return nil
	}
	if u, ok := errors.AsType[*Unchecked](err); ok {
		return u
	}
	why := UncheckedAnswer
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		why = UncheckedTime
	}
	return &Unchecked{Why: why, Err: err}
}
