package service

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
)

// floods records each event so often for one person and returns the trail behind, with a clock to move.
func floods(t *testing.T) (a *countedAudit, lines *[]bridge.AuditEvent, pass func(time.Duration)) {
	t.Helper()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	lines = &[]bridge.AuditEvent{}
	a = newCountedAudit(trail(func(e bridge.AuditEvent) error {
		*lines = append(*lines, e)
		return nil
	}), metrics.NewSet(), func() time.Time { return now })
	return a, lines, func(d time.Duration) { now = now.Add(d) }
}

// What anybody can cause fills no disk: so many lines a minute, and what was left out is counted on the trail. What somebody signed in for
// is written whole.
func TestAFloodOfSignInsIsCounted(t *testing.T) {
	t.Parallel()
	a, lines, pass := floods(t)
	const presses = 5000
	for i := range presses {
		for _, e := range []bridge.AuditEvent{
			{Event: "signin.started", Target: fmt.Sprint(i % 1000)}, {Event: "limit.reached"}, {Event: "recovery.started", Target: "alice"},
		} {
			if err := a.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	written := map[string]int{}
	for _, e := range *lines {
		written[e.Event]++
	}
	if written["signin.started"] != floodOfAll || written["limit.reached"] != floodOfPerson || written["recovery.started"] != presses {
		t.Errorf("%v", written)
	}
	before := len(*lines)
	if err := a.flush(t.Context()); err != nil || len(*lines) != before {
		t.Errorf("%v, %d lines before the minute is over", err, len(*lines)-before)
	}
	pass(floodSpan)
	if err := a.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	counted := map[string]string{}
	for _, e := range (*lines)[before:] {
		counted[e.Detail["event"]] = e.Detail["count"]
	}
	if len(counted) != 2 || counted["signin.started"] != strconv.Itoa(presses-floodOfAll) || counted["limit.reached"] != strconv.Itoa(presses-floodOfPerson) {
		t.Errorf("%v", counted)
	}
	before = len(*lines)
	if err := a.Record(t.Context(), bridge.AuditEvent{Event: "signin.started", Target: "alice"}); err != nil || len(*lines) != before+1 {
		t.Errorf("a new minute writes again: %v, %d", err, len(*lines)-before)
	}
}

// RL-07: presses at one limit hide no other one.
func TestOneLimitHidesNoOther(t *testing.T) {
	t.Parallel()
	a, lines, _ := floods(t)
	for _, limit := range []string{"one", "other"} {
		for range 2 * floodOfPerson {
			e := bridge.AuditEvent{Event: "limit.reached", Target: "alice", Code: bridge.CodeTooMany, Detail: map[string]string{"limit": limit}}
			if err := a.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(*lines); n != 2*floodOfPerson || (*lines)[n-1].Detail["limit"] != "other" {
		t.Errorf("%d lines: %+v", n, *lines)
	}
}

// A count that cannot be written is a record that cannot be written.
func TestACountThatCannotBeWrittenIsSaid(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	now := time.Now()
	a := newCountedAudit(trail(func(e bridge.AuditEvent) error {
		if e.Event == countedEvent {
			return full
		}
		return nil
	}), metrics.NewSet(), func() time.Time { return now })
	for range floodOfPerson + 1 {
		if err := a.Record(t.Context(), bridge.AuditEvent{Event: "limit.reached"}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(floodSpan)
	if err := a.Record(t.Context(), bridge.AuditEvent{Event: "limit.reached"}); !errors.Is(err, full) {
		t.Error(err)
	}
}
