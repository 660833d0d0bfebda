package service

import (
	"context"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
)

// newSettings is what people do with their own account. It is there also when the pages are not: what was begun is brought to its end.
func (s *service) newSettings() *bridge.Settings {
	kv := s.store.KV
	return &bridge.Settings{
		Flow: s.flow, Profiles: s.kc, Attribute: s.cfg.AddressAttribute(),
		Asks:     store.NewTyped[bridge.AddressAsk](kv, store.Kind{Name: "address", Version: 1}),
		Journals: s.journals.Records,
	}
}

func (s *service) runChange(ctx context.Context, c store.Claimed) (time.Time, error) {
	return s.settings.RunChange(ctx, c.ID)
}
