package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge/doctor"
	"otpbridge/bridge/view"
)

// guardPause is how long after a look somebody may have another one.
const guardPause = 10 * time.Second

// healthPage is what the page for administrators shows: the guard of this process. It is web.Health.
type healthPage struct{ *service }

// Report implements web.Health.
func (p healthPage) Report() view.Report {
	g := &p.guard
	r := view.Report{Stopped: g.says() != ""}
	if names, since := g.lapsed(); len(names) > 0 {
		r.Silent = since
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r.At, r.Findings = g.at, g.findings()
	for _, one := range g.silent {
		r.Unchecked = append(r.Unchecked, unchecked(one))
	}
	for _, one := range g.results {
		switch {
		case one.Unchecked != nil:
			r.Unchecked = append(r.Unchecked, unchecked(one))
		case one.Passed() && !slices.ContainsFunc(r.Unchecked, func(u view.UncheckedCheck) bool { return u.Check == one.Check }):
			r.Passed = append(r.Passed, one.Check)
		}
	}
	slices.SortFunc(r.Unchecked, func(a, b view.UncheckedCheck) int { return strings.Compare(a.Check, b.Check) })
	slices.Sort(r.Passed)
	return r
}

func unchecked(r doctor.Result) view.UncheckedCheck {
	return view.UncheckedCheck{Check: r.Check, Why: r.Unchecked.Why, Needs: r.Unchecked.Needs, Seen: r.At}
}

// Again implements web.Health. Presses that come together share one look.
func (p healthPage) Again(ctx context.Context) {
	g := &p.guard
	g.mu.Lock()
	if p.opts.Now().Sub(g.at) < guardPause {
		g.mu.Unlock()
		return
	}
	if g.again == nil {
		g.again = make(chan struct{})
	}
	done := g.again
	g.mu.Unlock()
	g.wake()
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
