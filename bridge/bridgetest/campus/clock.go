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
	leapt   time.Duration // since the first of these began
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

// Add moves the clock of everybody on the campus. Before the lease of a job is leapt over, at once or little by little, those that are being carried out come to
// their end, unless they wait for the leap: no worker sleeps through its lease without need.
func (c *Clock) Add(d time.Duration) {
	const room = bridge.WorkLease / 2 // the rest is for what passes until a claim is renewed
	for patience := time.Now().Add(5 * time.Second); c.during(d) >= room && time.Now().Before(patience); <-time.After(time.Millisecond) {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	c.leapt += d
}

// during is how far a leap leads from the beginning of the jobs that are being carried out, zero if there are none.
func (c *Clock) during(leap time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.working == 0 {
		return 0
	}
	return c.leapt + leap
}

// counted is a handle whose jobs the clock knows of.
func (c *Clock) counted(handle store.Handle) store.Handle {
	count := func(n int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.working == 0 {
			c.leapt = 0
		}
		c.working += n
	}
	return func(ctx context.Context, j store.Claimed) (time.Time, error) {
		count(1)
		defer count(-1)
		return handle(ctx, j)
	}
}
