package campus

import (
	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

// Attributes of the notification addresses, and of when they were confirmed and changed.
const (
	AddressAttribute = "notificationEmail"
	MarksAttribute   = "notificationEmailConfirmed"
)

// openSettings gives the pages the settings.
func (c *Campus) openSettings(s *web.Server, flow *bridge.Flow) {
	c.KC.SetProfileAttribute(fakekc.ProfileAttribute{
		Name: MarksAttribute, Permissions: fakekc.ProfileRights{View: []string{"admin", "user"}, Edit: []string{"admin"}}, Multivalued: true,
	})
	kv := c.Store.KV
	s.Settings = &bridge.Settings{
		Flow: flow, Attribute: AddressAttribute,
		Asks: store.NewTyped[bridge.AddressAsk](kv, store.Kind{Name: "address", Version: 1}),
	}
	if profiles, ok := flow.Target.(bridge.Profiles); ok {
		s.Settings.Profiles = profiles
	}
}
