package store

import (
	"context"
	"errors"
	"time"
)

// Tally is how often something happened in a row, and when last.
type Tally struct {
	N    int       `json:"n"`
	Last time.Time `json:"last"`
}

// Counter counts failures in a row, durably and shared by all replicas. Add before the check and Reset after a success: then guesses
// made at the same moment cannot slip past the limit.
type Counter struct {
	records *Typed[Tally]
	ttl     time.Duration
	now     func() time.Time
}

// Counter returns the counter of that name; a tally is forgotten ttl after the last Add (Forever = never).
func (s *Store) Counter(name string, ttl time.Duration) *Counter {
	return &Counter{NewTyped[Tally](s.KV, Kind{Name: "count-" + name, Version: 1}), ttl, s.now}
}

// Add counts one and returns the tally as it was before and as it is now.
func (c *Counter) Add(ctx context.Context, id string) (before, now Tally, err error) {
	now, err = c.records.Update(ctx, id, c.ttl, func(old Tally, _ bool) (Tally, error) {
		before = old
		return Tally{N: old.N + 1, Last: c.now().UTC()}, nil
	})
	return before, now, err
}

// Get returns the tally; zero when nothing was counted.
func (c *Counter) Get(ctx context.Context, id string) (Tally, error) {
	t, err := c.records.Get(ctx, id)
	if errors.Is(err, ErrAbsent) {
		return Tally{}, nil
	}
	return t, err
}

// Reset begins again at zero.
func (c *Counter) Reset(ctx context.Context, id string) error { return c.records.Delete(ctx, id) }
