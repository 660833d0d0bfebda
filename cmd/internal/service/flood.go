package service

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"otpbridge/bridge"
)

// flood bounds the lines of events that anybody can cause without a sign-in, so that nobody fills the disk of the audit trail: without one
// nothing can be changed at an account. Of each such event, for each of its reasons, a process writes so many a minute and so many a day for one person, and so many for
// all; the rest is counted, and the count is written.
type flood struct {
	now func() time.Time

	mu          sync.Mutex
	minute, day floodWindow
	left        map[string]int // by event: not written in this minute
}

// floodWindow is a span of time with what was written in it.
type floodWindow struct {
	ends    time.Time
	written map[string]int // by event, and by event, person, code and limit
}

// floodBounds are how many lines of one event a window takes.
type floodBounds struct{ ofPerson, ofAll int }

// What these let through is 10 MB on the worst day, with the counts of each minute; and who knows few user names drives out nobody else's lines.
var (
	floodOfMinute = floodBounds{10, 300}
	floodOfDay    = floodBounds{100, 5000}
)

const (
	floodSpan      = time.Minute
	floodDay       = 24 * time.Hour
	countedEvent   = "audit.counted"
	floodSeparator = "\n"
)

// floodable are the events that anybody can cause.
var floodable = map[string]bool{
	"signin.started": true, "signin.refused": true, "gate.opened": true, "gate.shut": true, "gate.counted": true, "limit.reached": true,
	"alarm.realm_unsafe": true,
}

// takes reports whether an event is written, and what of the minute before was not, by event; the caller writes that first.
func (f *flood) takes(e bridge.AuditEvent) (write bool, before map[string]int) {
	if !floodable[e.Event] {
		return true, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before = f.turn(f.now())
	all, person := e.Event, strings.Join([]string{e.Event, e.Target, string(e.Code), e.Detail[bridge.DetailLimit]}, floodSeparator)
	if !f.minute.hasRoom(all, person, floodOfMinute) || !f.day.hasRoom(all, person, floodOfDay) {
		f.left[e.Event]++
		return false, before
	}
	for _, w := range []floodWindow{f.minute, f.day} {
		w.written[all]++
		w.written[person]++
	}
	return true, before
}

// turn begins another minute, and another day, if it is time, and returns what was left out in the last minute.
func (f *flood) turn(now time.Time) map[string]int {
	f.day.begin(now, floodDay)
	if !f.minute.begin(now, floodSpan) {
		return nil
	}
	left := f.left
	f.left = map[string]int{}
	return left
}

// begin begins another window if the one before is over.
func (w *floodWindow) begin(now time.Time, span time.Duration) bool {
	if now.Before(w.ends) && w.written != nil {
		return false
	}
	w.ends, w.written = now.Add(span), map[string]int{}
	return true
}

func (w *floodWindow) hasRoom(all, person string, of floodBounds) bool {
	return w.written[all] < of.ofAll && w.written[person] < of.ofPerson
}

// ended returns what was left out of a minute that is over.
func (f *flood) ended() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.turn(f.now())
}

// flush writes what was left out of a minute that is over.
func (a *countedAudit) flush(ctx context.Context) error { return a.count(ctx, a.flood.ended()) }

// count writes how many events of each kind were left out.
func (a *countedAudit) count(ctx context.Context, left map[string]int) error {
	for event, n := range left {
		e := bridge.AuditEvent{
			Event: countedEvent, Outcome: "ok", Actor: "system", Detail: map[string]string{"event": event, "count": strconv.Itoa(n)},
		}
		if err := a.write(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
