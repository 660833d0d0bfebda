package store

import (
	"context"

	"otpbridge/bridge"
)

// Check looks whether the store answers, can be read with our keys, and is run so that it loses nothing.
func (s *Store) Check() bridge.Check {
	return bridge.Check{Name: "store", Run: func(ctx context.Context) ([]bridge.Finding, error) {
		if err := s.Ping(ctx); err != nil {
			return []bridge.Finding{bridge.Found(bridge.FindStoreAway, "")}, nil //nolint:nilerr // that is what was found
		}
		return s.raw.examine(ctx)
	}}
}
