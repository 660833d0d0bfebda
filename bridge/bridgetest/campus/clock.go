package campus

import (
	"sync"
	"time"
)

// Clock is the real time plus what a test adds.
type Clock struct {
	mu      sync.Mutex
	offset  time.Duration
	stopped time.Time // zero: the real time
	zone    *time.Location
	skew    time.Duration // of the sign-in service
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

// Add moves the clock of everybody on the campus.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}
