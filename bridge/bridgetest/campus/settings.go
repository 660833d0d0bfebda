package campus

import (
	"context"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

// Attributes of the notification addresses, and of when they were confirmed and changed.
const (
	AddressAttribute = "notificationEmail"
	MarksAttribute   = "notificationEmailConfirmed"
)

// journals are what people read of the trail.
func (c *Campus) journals() bridge.Records[bridge.Journal] {
	return store.NewTyped[bridge.Journal](c.Store.KV, store.Kind{Name: "journal", Version: 1})
}

// FlushJournals writes what the store did not take; the service does so every few seconds.
func (c *Campus) FlushJournals(ctx context.Context) error {
	if j, ok := c.Flow.Audit.(*audit.Journals); ok {
		return j.Flush(ctx)
	}
	return nil
}

// openSettings gives the pages the settings.
func (c *Campus) openSettings(s *web.Server, flow *bridge.Flow) {
	c.KC.SetProfileAttribute(fakekc.ProfileAttribute{
		Name: MarksAttribute, Permissions: fakekc.ProfileRights{View: []string{"admin", "user"}, Edit: []string{"admin"}}, Multivalued: true,
	})
	kv := c.Store.KV
	s.Settings = &bridge.Settings{
		Flow: flow, Attribute: AddressAttribute,
		Asks:     store.NewTyped[bridge.AddressAsk](kv, store.Kind{Name: "address", Version: 1}),
		Journals: c.journals(),
	}
	if profiles, ok := flow.Target.(bridge.Profiles); ok {
		s.Settings.Profiles = profiles
	}
}
