// Package doctor runs the checks that the adapters export: all of them, in one run, and knows nothing of what they look at.
package doctor

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"otpbridge/bridge"
)

// Result is what one check came to. Without findings and without Unchecked nothing is wrong there.
type Result struct {
	Check     string            `json:"check"`
	Findings  []bridge.Finding  `json:"findings"`
	Unchecked *bridge.Unchecked `json:"unchecked,omitempty"` // it was not carried out, or not to its end
	At        time.Time         `json:"at,omitzero"`         // of the look, if that was an earlier run
}

// Unanswered reports that nobody knows what the check would have found. That a right is missing for it is an answer, and so is that nobody can read it.
func (r Result) Unanswered() bool {
	return r.Unchecked != nil && r.Unchecked.Why != bridge.UncheckedRights && r.Unchecked.Why != bridge.UncheckedUnknown
}

// Passed reports that the check was carried out and found nothing.
func (r Result) Passed() bool { return len(r.Findings) == 0 && r.Unchecked == nil }

// Report is one run.
type Report struct {
	At      time.Time `json:"at"`
	Results []Result  `json:"results"` // by the name of the check
}

// Run carries out all checks at once, each with its own time limit: what does not answer hides nothing else. A check that does not heed its
// context is left behind and counts as not checked.
func Run(ctx context.Context, checks []bridge.Check, limit time.Duration, now func() time.Time) Report {
	report := Report{At: now().UTC(), Results: make([]Result, len(checks))}
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { report.Results[i] = run(ctx, check, limit) })
	}
	all.Wait()
	slices.SortStableFunc(report.Results, func(a, b Result) int { return cmp.Compare(a.Check, b.Check) })
	return report
}

func run(ctx context.Context, check bridge.Check, limit time.Duration) Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan Result, 1)
	go func() {
		found, err := check.Run(ctx)
		done <- Result{Check: check.Name, Findings: found, Unchecked: bridge.UncheckedFrom(err)}
	}()
	var r Result
	select {
	case r = <-done:
	case <-ctx.Done():
		select {
		case r = <-done: // it was in time after all
		default:
			r = Result{Check: check.Name, Unchecked: bridge.UncheckedFrom(ctx.Err())}
		}
	}
	r.Findings = append([]bridge.Finding{}, r.Findings...)
	bridge.SortFindings(r.Findings)
	return r
}

// Keep is the report with what an earlier one saw beside what this one did not look at to its end: only a look says that something was mended.
func (r Report) Keep(earlier Report) Report {
	r.Results = slices.Clone(r.Results)
	for _, old := range earlier.Results {
		if old.At.IsZero() && old.Unchecked == nil {
			old.At = earlier.At
		}
		switch i := slices.IndexFunc(r.Results, func(one Result) bool { return one.Check == old.Check }); {
		case i < 0 && (old.Unchecked == nil || len(old.Findings) > 0):
			r.Results = append(r.Results, old)
		case i >= 0:
			r.Results[i] = r.Results[i].Beside(old)
		}
	}
	return r
}

// Beside is a result with an earlier one of the same check. One that looked to its end stands alone; what another found until then is as true as what was
// found before.
func (r Result) Beside(earlier Result) Result {
	if r.Unchecked == nil {
		return r
	}
	found := bridge.Distinct(earlier.Findings, r.Findings)
	if earlier.Unchecked == nil {
		r = earlier
	}
	r.Findings = found
	return r
}

// Oldest is when the check was looked at whose last look is longest ago.
func (r Report) Oldest() time.Time {
	at := r.At
	for _, one := range r.Results {
		if !one.At.IsZero() && one.At.Before(at) {
			at = one.At
		}
	}
	return at
}

// Findings returns all findings, the worst first.
func (r Report) Findings() []bridge.Finding {
	var all []bridge.Finding
	for _, one := range r.Results {
		all = append(all, one.Findings...)
	}
	return bridge.Distinct(all)
}

// Unchecked returns the checks that were not carried out to their end.
func (r Report) Unchecked() []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(one Result) bool { return one.Unchecked == nil })
}
