package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"otpbridge/bridge"
)

// line is what an event makes.
func line(t *testing.T, e bridge.AuditEvent, at time.Time) bridge.JournalEntry {
	t.Helper()
	l, ok := bridge.JournalLine(e, "REF", at)
	if !ok {
		t.Fatalf("%s makes no line", e.Event)
	}
	return l
}

// Whoever has the password alone begins recoveries and stops them as often as they like, and drives out nothing that changed the account.
func TestAJournalForgetsAttemptsBeforeWhatWasDone(t *testing.T) {
	t.Parallel()
	var j bridge.Journal
	at := t0
	add := func(event, id string) {
		at = at.Add(time.Minute)
		j = j.With(line(t, bridge.AuditEvent{Event: event, Target: "p1", Recovery: id}, at))
	}
	for i := range bridge.JournalMost + 5 {
		add("authenticator.added", fmt.Sprint("added ", i))
	}
	for i := range 3 * bridge.JournalMost {
		add([]string{"recovery.cancelled", "authenticator.renamed", "recovery.expired"}[i%3], fmt.Sprint("try ", i))
	}
	count := map[bridge.JournalWhat]int{}
	for i, e := range j.Entries {
		count[e.What]++
		if i > 0 && e.At.After(j.Entries[i-1].At) {
			t.Error("not the newest first")
		}
	}
	if count[bridge.JournalOTPAdded] != bridge.JournalMost || len(j.Entries) != 2*bridge.JournalMost || j.Entries[len(j.Entries)-1].ID != "added 5" {
		t.Errorf("kept %v", count)
	}
	at = at.Add(bridge.JournalLife - 2*time.Minute)
	add("swap.done", "r1")
	if len(j.Entries) != 2 { // and the last try, which is as young as that
		t.Errorf("after a year: %d lines", len(j.Entries))
	}
}

// What is repeated, by a replica that goes on with another one's work, is one line; with the time at which it was told first.
func TestAJournalHoldsEachThingOnce(t *testing.T) {
	t.Parallel()
	var j bridge.Journal
	done := bridge.AuditEvent{Event: "swap.done", Target: "p1", Recovery: "r1", Way: "mail", About: "phone"}
	other := done
	other.Recovery = "r2"
	for i, e := range []bridge.AuditEvent{done, other, done, done} {
		j = j.With(line(t, e, t0.Add(time.Duration(i)*time.Hour)))
	}
	if len(j.Entries) != 2 || j.Entries[1].ID != "r1" || !j.Entries[1].At.Equal(t0) || j.Entries[1].About != "phone" || j.Entries[1].Reference != "REF" {
		t.Errorf("%+v", j)
	}
}

// What a line says depends on more than the event's name; an event of nobody makes none.
func TestLinesOfAJournal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event bridge.AuditEvent
		want  string
	}{
		"a recovery":                         {bridge.AuditEvent{Event: "recovery.cancelled", Actor: "p1"}, "recovery cancelled"},
		"by an administrator":                {bridge.AuditEvent{Event: "recovery.cancelled", Actor: bridge.Administrator}, "recovery administrator"},
		"one that asked for a code":          {bridge.AuditEvent{Event: "desk.denied", Detail: map[string]string{"asks": "temporary_code"}}, "temporary denied"},
		"a code that was not used":           {bridge.AuditEvent{Event: "temporary.done", Detail: map[string]string{"why": "expired"}}, "temporary expired"},
		"one that was stopped":               {bridge.AuditEvent{Event: "temporary.done", Detail: map[string]string{"why": "vetoed"}}, "temporary not_me"},
		"one that a recovery replaced":       {bridge.AuditEvent{Event: "temporary.done", Detail: map[string]string{"why": "recovered"}}, "temporary ended"},
		"codes that were refused as expired": {bridge.AuditEvent{Event: "recovery_codes.refused", Code: bridge.CodeExpired}, "codes not_done"},
	} {
		tt.event.Target = "p1"
		if l := line(t, tt.event, t0); string(l.What)+" "+string(l.Result) != tt.want {
			t.Errorf("%s: %s %s, want %s", name, l.What, l.Result, tt.want)
		}
	}
	for _, e := range []bridge.AuditEvent{{Event: "swap.done"}, {Event: "swap.intended", Target: "p1"}, {Event: "signin.started", Target: "p1"}} {
		if _, ok := bridge.JournalLine(e, "", t0); ok {
			t.Errorf("%+v makes a line", e)
		}
	}
}
