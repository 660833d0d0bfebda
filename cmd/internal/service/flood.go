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
// nothing can be changed at an account. Of each such event, for each of its reasons, a process writes so many a minute for one person, and so many for all; the rest
// is counted, and the count is written.
type flood struct {
	now func() time.Time

	mu      sync.Mutex
	ends    time.Time
	written map[string]int // by event, and by event, person, code and limit, in this minute
	left    map[string]int // by event: not written in this minute
}

const (
	floodSpan      = time.Minute
	floodOfPerson  = 10
	floodOfAll     = 300
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
	if f.written[all] >= floodOfAll || f.written[person] >= floodOfPerson {
		f.left[e.Event]++
		return false, before
	}
	f.written[all]++
	f.written[person]++
	return true, before
}

// turn begins another minute if it is time, and returns what was left out in the last one.
func (f *flood) turn(now time.Time) map[string]int {
	if now.Before(f.ends) && f.written != nil {
		return nil
	}
	left := f.left
	f.ends, f.written, f.left = now.Add(floodSpan), map[string]int{}, map[string]int{}
	return left
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
