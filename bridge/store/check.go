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
		found, err := s.raw.examine(ctx)
		if err == nil && s.ID() == "" { // never begun, or emptied: `serve` says which
			err = bridge.NotChecked(bridge.UncheckedRights, "serve")
		}
		return found, err
	}}
}
