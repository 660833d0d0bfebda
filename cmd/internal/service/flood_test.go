package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
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
	if written["signin.started"] != floodOfMinute.ofAll || written["limit.reached"] != floodOfMinute.ofPerson || written["recovery.started"] != presses {
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
	if len(counted) != 2 || counted["signin.started"] != strconv.Itoa(presses-floodOfMinute.ofAll) || counted["limit.reached"] != strconv.Itoa(presses-floodOfMinute.ofPerson) {
		t.Errorf("%v", counted)
	}
	before = len(*lines)
	if err := a.Record(t.Context(), bridge.AuditEvent{Event: "signin.started", Target: "alice"}); err != nil || len(*lines) != before+1 {
		t.Errorf("a new minute writes again: %v, %d", err, len(*lines)-before)
	}
}

// pressed is what each press at the ID page and a forged return leave on record.
func pressed(person string) []bridge.AuditEvent {
	return []bridge.AuditEvent{
		{Event: "gate.opened", Outcome: "ok", Target: person}, {Event: "signin.started", Outcome: "ok", Target: person},
		{Event: "gate.shut", Outcome: "ok", Target: person, Detail: map[string]string{"reason": "returned"}},
		{Event: "signin.refused", Outcome: "refused", Target: person, Detail: map[string]string{"why": "provider"}},
		{Event: "limit.reached", Outcome: "refused", Target: person, Code: bridge.CodeTooMany, Detail: map[string]string{"limit": "sign-ins by address"}},
		{Event: "gate.counted", Outcome: "refused", Target: person, Code: bridge.CodeWrongCodes},
		{Event: "alarm.realm_unsafe", Outcome: "failed", Target: person, Code: bridge.CodeRealmUnsafe},
	}
}

// What people without an account cause all day long, under many names, is some megabytes a day, and all of it is on record or counted. Who knows few names drives
// out nobody else's lines.
func TestADayOfPressesFillsNoDisk(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		names int
		alone bool // somebody else has lines then
	}{"few names": {36, true}, "many names": {1000, false}} {
		a, lines, pass := floods(t)
		caused, onRecord, bytes := 0, 0, 0
		press := func(person string) {
			for _, e := range pressed(person) {
				caused++
				if err := a.Record(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
		alone := func() int {
			before := len(*lines)
			press("alice")
			return len(*lines) - before
		}
		const aMinute, minutes = 20, int(floodDay / floodSpan)
		for minute := range minutes {
			for i := range aMinute {
				press(fmt.Sprintf("5b1c1d0e-0000-4000-8000-%012d", (minute*aMinute+i)%x.names))
			}
			if minute == minutes-1 {
				if n := alone(); (n > 0) != x.alone {
					t.Errorf("%s: %d lines of somebody else", name, n)
				}
			}
			pass(floodSpan)
		}
		if err := a.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, e := range *lines {
			onRecord++
			if n, err := strconv.Atoi(e.Detail["count"]); err == nil {
				onRecord += n - 1
			}
			text, err := json.Marshal(audit.Line{
				Time: audit.Time, Sequence: 1e9, Event: e.Event, Outcome: e.Outcome, Target: e.Target, Code: e.Code, Detail: e.Detail, Address: "2001:db8::1234:5678",
				Reference: bridge.NewReference(), Version: "1.0.0",
			})
			if err != nil {
				t.Fatal(err)
			}
			bytes += len(text)
		}
		const most = 12 << 20
		t.Logf("%s: %d events, %d lines, %d bytes", name, caused, len(*lines), bytes)
		if onRecord != caused || bytes > most {
			t.Errorf("%s: %d of %d are on record, with %d bytes", name, onRecord, caused, bytes)
		}
		if n := alone(); n != len(pressed("")) {
			t.Errorf("%s: %d lines on another day", name, n)
		}
	}
}

// RL-07: presses at one limit hide no other one.
func TestOneLimitHidesNoOther(t *testing.T) {
	t.Parallel()
	a, lines, _ := floods(t)
	for _, limit := range []string{"one", "other"} {
		for range 2 * floodOfMinute.ofPerson {
			e := bridge.AuditEvent{Event: "limit.reached", Target: "alice", Code: bridge.CodeTooMany, Detail: map[string]string{"limit": limit}}
			if err := a.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(*lines); n != 2*floodOfMinute.ofPerson || (*lines)[n-1].Detail["limit"] != "other" {
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
	for range floodOfMinute.ofPerson + 1 {
		if err := a.Record(t.Context(), bridge.AuditEvent{Event: "limit.reached"}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(floodSpan)
	if err := a.Record(t.Context(), bridge.AuditEvent{Event: "limit.reached"}); !errors.Is(err, full) {
		t.Error(err)
	}
}
