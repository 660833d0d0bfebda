package campus

import (
	"context"
	"sync"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
)

// Clock is the real time plus what a test adds.
type Clock struct {
	mu      sync.Mutex
	offset  time.Duration
	stopped time.Time // zero: the real time
	zone    *time.Location
	skew    time.Duration // of the sign-in service
	working int           // jobs that are being carried out
}

// Now returns the campus time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.stopped.IsZero() {
		now = c.stopped
	}
	now = now.Add(c.offset)
	if c.zone != nil {
		return now.In(c.zone)
	}
	return now
}

// Skew sets how far the clock of the sign-in service is ahead of everybody else's.
func (c *Clock) Skew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = d
}

// away is the sign-in service's time.
func (c *Clock) away() time.Time {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Add(c.skew)
}

// Zone makes the clock tell the same time in another zone, as a server set up differently would.
func (c *Clock) Zone(zone *time.Location) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.zone = zone
}

// Stop makes the clock stand still but for Add, so that nothing comes back while a slow machine is at work.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = time.Now()
}

// Add moves the clock of everybody on the campus. Who leaps over the lease of a job lets those that are being carried out come to their end before, unless they
// wait for the leap: no worker sleeps through its lease without need.
func (c *Clock) Add(d time.Duration) {
	if d >= bridge.WorkLease {
		for patience := time.Now().Add(time.Second); c.atWork() && time.Now().Before(patience); <-time.After(time.Millisecond) {
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

func (c *Clock) atWork() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.working > 0
}

// during carries out a job.
func (c *Clock) during(handle store.Handle) store.Handle {
	count := func(n int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.working += n
	}
	return func(ctx context.Context, j store.Claimed) (time.Time, error) {
		count(1)
		defer count(-1)
		return handle(ctx, j)
	}
}
