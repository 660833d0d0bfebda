package store

import (
	"sync/atomic"
	"time"
)

// company tells a writer of the file that is alone from those who come side by side. These share one wait for the disk, for which the first of them
// waits a millisecond; who is alone would wait that in vain.
type company struct {
	writing atomic.Int64 // writers under way
	met     atomic.Int64 // when one last found another, Unix nanoseconds
}

// sideBySide is how long those who met are expected to meet again: a wait for the disk, and what a request does between two writes.
const sideBySide = 20 * time.Millisecond

// enter begins a write and reports that it has company, or had some a moment ago.
func (c *company) enter(now time.Time) bool {
	if c.writing.Add(1) > 1 {
		c.met.Store(now.UnixNano())
		return true
	}
	return now.UnixNano()-c.met.Load() < int64(sideBySide)
}

// leave ends a write.
func (c *company) leave() { c.writing.Add(-1) }
