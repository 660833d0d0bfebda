package audit_test

import (
	"log/slog"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
	"otpbridge/bridge/bridgetest/memory"
)

// A store that is away stops no event and loses no line: it waits, keeps its time and its reference number, and is written by a later try. What the trail
// did not take is no line.
func TestJournalsWaitForTheStore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	trail, records := &memory.Audit{}, &memory.Records[bridge.Journal]{}
	j := &audit.Journals{Next: trail, Records: records, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	ctx := bridge.WithRequest(t.Context(), bridge.Request{Reference: "7Q4F0000"})
	e := bridge.AuditEvent{Event: "swap.done", Outcome: "ok", Target: "p1", Recovery: "r1"}
	records.Break(bridge.Fault(bridge.CodeStoreAway, "store", nil))
	if err := j.Record(ctx, e); err != nil || j.Waiting() != 1 || len(trail.Events("swap.done")) != 1 {
		t.Fatalf("%v, %d wait", err, j.Waiting())
	}
	if err := j.Flush(t.Context()); bridge.CodeOf(err) != bridge.CodeStoreAway || j.Waiting() != 1 {
		t.Fatalf("while it is away: %v, %d wait", err, j.Waiting())
	}
	records.Break(nil)
	now = now.Add(time.Hour)
	if err := j.Flush(t.Context()); err != nil || j.Waiting() != 0 {
		t.Fatalf("%v, %d wait", err, j.Waiting())
	}
	got, err := records.Get(t.Context(), "p1")
	if err != nil || len(got.Entries) != 1 || !got.Entries[0].At.Equal(now.Add(-time.Hour)) || got.Entries[0].Reference != "7Q4F0000" {
		t.Fatalf("%+v, %v", got, err)
	}
	trail.Break(bridge.Fault(bridge.CodeAuditFull, "audit", nil))
	e.Recovery = "r2"
	if err := j.Record(ctx, e); bridge.CodeOf(err) != bridge.CodeAuditFull {
		t.Errorf("%v", err)
	}
	if got, err := records.Get(t.Context(), "p1"); err != nil || len(got.Entries) != 1 || j.Waiting() != 0 {
		t.Errorf("%+v, %v, %d wait", got, err, j.Waiting())
	}
}

// Every event that a person reads of is one of the catalogue.
func TestJournalsNameEventsOfTheCatalogue(t *testing.T) {
	t.Parallel()
	const journalEvents = 26
	found := 0
	for _, k := range audit.Catalogue() {
		if _, ok := bridge.JournalLine(bridge.AuditEvent{Event: k.Name, Target: "p1"}, "", time.Time{}); ok {
			found++
		}
	}
	if found != journalEvents {
		t.Errorf("%d events of the catalogue make a line, want %d", found, journalEvents)
	}
}
