package doctor_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
)

func check(name string, run func(context.Context) ([]bridge.Finding, error)) bridge.Check {
	return bridge.Check{Name: name, Run: run}
}

// OPS-09, CLI-08: one black hole costs its own limit and hides nothing; what was not looked at is "not checked", never "nothing".
func TestOneBlackHoleHidesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		release := make(chan struct{})
		report := doctor.Run(t.Context(), []bridge.Check{
			check("deaf", func(context.Context) ([]bridge.Finding, error) { <-release; return nil, nil }),
			check("slow", func(ctx context.Context) ([]bridge.Finding, error) {
				<-ctx.Done()
				return []bridge.Finding{bridge.Found(bridge.FindClockOff, "")}, ctx.Err()
			}),
			check("found", func(context.Context) ([]bridge.Finding, error) {
				return []bridge.Finding{bridge.Found(bridge.FindFilesOld, "keys"), bridge.Found(bridge.FindFlowOpen, "", "reason", "cookie")}, nil
			}),
			check("rights", func(context.Context) ([]bridge.Finding, error) {
				return nil, bridge.NotChecked(bridge.UncheckedRights, "view-clients")
			}),
			check("away", func(context.Context) ([]bridge.Finding, error) { return nil, errors.New("connection refused") }),
			check("fine", func(context.Context) ([]bridge.Finding, error) { return nil, nil }),
		}, 10*time.Second, time.Now)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %s", took)
		}
		close(release)
		why := map[string]string{}
		for _, r := range report.Unchecked() {
			why[r.Check] = r.Unchecked.Why
		}
		for name, want := range map[string]string{"deaf": bridge.UncheckedTime, "slow": bridge.UncheckedTime, "rights": bridge.UncheckedRights, "away": bridge.UncheckedAnswer} {
			if why[name] != want {
				t.Errorf("%s: %q, want %q", name, why[name], want)
			}
		}
		var passed, silent []string
		for _, r := range report.Results {
			if r.Passed() {
				passed = append(passed, r.Check)
			}
			if r.Unanswered() {
				silent = append(silent, r.Check)
			}
		}
		if !slices.Equal(passed, []string{"fine"}) || !slices.Equal(silent, []string{"away", "deaf", "slow"}) {
			t.Errorf("passed %v, unanswered %v", passed, silent)
		}
		var ids []bridge.FindingID
		for _, f := range report.Findings() {
			ids = append(ids, f.ID)
		}
		if len(ids) < 2 || ids[0] != bridge.FindFlowOpen || ids[len(ids)-1] != bridge.FindFilesOld {
			t.Errorf("the worst does not come first: %v", ids)
		}
	})
}

// OIDC-18, INV-6: a later run takes back what an earlier one found only by having looked, and says when each thing was last seen.
func TestOnlyALookSaysThatItIsMended(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return time.Date(2026, 11, 29, hour, 0, 0, 0, time.UTC) }
	found := func(client string) []bridge.Finding {
		return []bridge.Finding{bridge.Found(bridge.FindScopeShared, client)}
	}
	unchecked := func(check, why string) doctor.Result {
		return doctor.Result{Check: check, Unchecked: &bridge.Unchecked{Why: why}}
	}
	first := doctor.Report{At: at(9), Results: []doctor.Result{
		{Check: "late", Findings: found("a")}, {Check: "hidden", Findings: found("b")}, {Check: "mended", Findings: found("c")},
	}}
	second := doctor.Report{At: at(10), Results: []doctor.Result{
		unchecked("late", bridge.UncheckedTime), unchecked("hidden", bridge.UncheckedRights), {Check: "mended"}, unchecked("new", bridge.UncheckedAnswer),
	}}
	third := doctor.Report{At: at(11), Results: second.Results}
	got := third.Keep(second.Keep(first))
	seen := map[string]time.Time{}
	for _, r := range got.Results {
		if r.Unchecked == nil {
			seen[r.Check] = r.At
		}
	}
	if n := len(got.Findings()); n != 2 || !got.Oldest().Equal(at(9)) {
		t.Errorf("%d findings, oldest %s", n, got.Oldest())
	}
	if len(seen) != 3 || !seen["late"].Equal(at(9)) || !seen["hidden"].Equal(at(9)) || !seen["mended"].IsZero() {
		t.Errorf("seen %v", seen)
	}
}

// INV-6: what a run found before a check's answers stopped is kept, beside what an earlier run saw to its end; a look to the end takes it back.
func TestWhatHalfARunFoundIsKept(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	one := func(unchecked *bridge.Unchecked, clients ...string) doctor.Report {
		r := doctor.Result{Check: "gate-role", Unchecked: unchecked}
		for _, client := range clients {
			r.Findings = append(r.Findings, bridge.Found(bridge.FindGateSpread, client))
		}
		return doctor.Report{At: at, Results: []doctor.Result{r}}
	}
	cut := &bridge.Unchecked{Why: bridge.UncheckedTime}
	for name, x := range map[string]struct {
		now, before doctor.Report
		want        int
	}{
		"over a clean one":       {one(cut, "a"), one(nil), 1},
		"over another":           {one(cut, "a"), one(nil, "a", "b"), 2},
		"over half a one":        {one(cut), one(cut, "a"), 1},
		"not looked at":          {doctor.Report{At: at}, one(cut, "a"), 1},
		"looked at to the end":   {one(nil), one(cut, "a"), 0},
		"and again to the end":   {one(nil, "b"), one(nil, "a"), 1},
		"half, and found before": {one(cut), one(nil, "a"), 1},
	} {
		if found := x.now.Keep(x.before).Findings(); len(found) != x.want {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
