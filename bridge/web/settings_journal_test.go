package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

const history = "/settings/history"

// journalOf is what the store has of somebody.
func journalOf(t *testing.T, c *campus.Campus, name string) []bridge.JournalEntry {
	t.Helper()
	j, err := c.Web.Settings.Journals.Get(t.Context(), c.KC.PersonID(name))
	must2(t, err)
	return j.Entries
}

// A person reads what was done to their account, whoever of us did it, newest first, with time, way and reference number; no whole address, no secret, and
// nothing of anybody else. Another person reads none of it.
func TestPeopleReadTheirHistory(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, readsHistory)
}

func readsHistory(t *testing.T, c *campus.Campus) {
	name, other := member(c, "hilda"), member(c, "ida")
	q := owner(t, c, other)
	q.open(history, http.StatusOK)
	q.says("Nothing is recorded yet.")
	p := proven(t, c, name)
	key := p.scan()
	p.send("/enrol", http.StatusOK, "do", "confirm", "code", p.code(key), "label", "my phone")
	p.at("/done")
	c.Clock.Add(bridge.KeepEnded)
	c.Second(t)
	c.StopWork() // from here on the second one does it
	p = newPerson(t, c)
	p.enters(name, key)
	p.wantsMailAt("hilda@example.org", http.StatusOK)
	p.confirmsAddress("hilda@example.org")
	p.adds("laptop")
	p.open(history, http.StatusOK)
	at := 0
	for _, words := range []string{
		"Authenticator app added laptop", "Notification address added h•••@example.org", "Re-registration my phone", "Identity check: Mail Reference number", "Completed",
	} {
		i := strings.Index(text(p.Body)[at:], words)
		if i < 0 {
			t.Fatalf("%q is not there, or not in that order:\n%s", words, text(p.Body))
		}
		at += i
	}
	lines := journalOf(t, c, name)
	for _, l := range lines {
		if l.Reference == "" || !strings.Contains(p.Body, l.Reference) || l.At.IsZero() {
			t.Errorf("%+v has no number, or it is not shown", l)
		}
	}
	if strings.Contains(p.Body, "hilda@") || len(lines) != 3 {
		t.Errorf("%d lines, or a whole address", len(lines))
	}
	q = owner(t, c, other)
	q.open(history, http.StatusOK)
	q.says("Nothing is recorded yet.")
	c.Clock.Add(bridge.JournalLife)
	m := bridge.Member{Person: c.KC.PersonID(name), Full: true, SignedInAt: c.Clock.Now()}
	if left, err := c.Web.Settings.Journal(t.Context(), m); err != nil || len(left) > 0 {
		t.Errorf("after a year: %v, %v", left, err)
	}
	m.Full = false
	if _, err := c.Web.Settings.Journal(t.Context(), m); bridge.CodeOf(err) != bridge.CodeStaleSignIn {
		t.Errorf("with the password alone: %v", err)
	}
}

// A store that is away when something ends stops nothing: it is done, and stands in the history later.
func TestAHistoryWaitsForTheStore(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "jana")
	p := newPerson(t, c)
	p.ask(name)
	c.StopWork() // whose calls count, too
	for after := 0; ; after++ {
		if after > 100 {
			t.Fatal("the history never was what failed")
		}
		before := countEvents(c, "recovery.cancelled")
		c.BreakStore(after)
		p.c.Clock.Add(time.Second)
		a := post("/recovery", p.session(), p.token(), "do", "cancel").to(t, c)
		failed := c.MendStore()
		if countEvents(c, "recovery.cancelled") == before {
			continue // another call failed before it
		}
		if !failed || a.status >= http.StatusInternalServerError {
			t.Fatalf("answered %d, and no call failed: %v", a.status, !failed)
		}
		break
	}
	if _, err := c.Web.Settings.Journals.Get(t.Context(), c.KC.PersonID(name)); bridge.CodeOf(err) != bridge.CodeAbsent {
		t.Fatalf("it is there already: %v", err)
	}
	must2(t, c.FlushJournals(t.Context()))
	if lines := journalOf(t, c, name); len(lines) != 1 || lines[0].Result != bridge.JournalCancelled {
		t.Errorf("%+v", lines)
	}
}
