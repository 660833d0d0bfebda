package realm_test

import (
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// writes is an identity provider whose only mapper has this configuration.
func writes(sync string, config map[string]string) realm.Provider {
	p := realm.Provider{FirstFlow: "browser", PostFlow: "after", Mappers: []realm.ProviderMapper{{Name: "m", Config: config}}}
	p.Config.Sync = sync
	return p
}

// WB-14: what an identity provider writes at the first sign-in only, or of what decides nothing, is no finding; the address that every provider says is one
// where it is taken over each time.
func TestWhatProvidersMayWrite(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		provider realm.Provider
		found    int
	}{
		"at the first sign-in":       {writes("IMPORT", map[string]string{"user.attribute": "email", "syncMode": "INHERIT"}), 0},
		"by its own mode":            {writes("FORCE", map[string]string{"user.attribute": "notificationEmail", "syncMode": "IMPORT"}), 1}, // the e-mail
		"decides nothing":            {writes("LEGACY", map[string]string{"user.attribute": "department"}), 0},
		"another role":               {writes("LEGACY", map[string]string{"role": "staff", "group": "/staff"}), 0},
		"the address, and another":   {writes("FORCE", map[string]string{"user.attribute": "notificationEmail"}), 2},
		"nothing, and every address": {writes("FORCE", nil), 1},
		"every address once":         {writes("IMPORT", nil), 0},
	} {
		s, a := campus(t)
		a.Deciding = append(a.Deciding, realm.Deciding{Name: "email", Address: true})
		after := *s.Flow("otpbridge-browser")
		after.Alias, after.Steps = "after", slices.Clone(after.Steps[1:])
		s.Flows, tc.provider.Alias, tc.provider.Enabled = append(s.Flows, after), "idp", true
		s.Providers = append(s.Providers, tc.provider)
		n := 0
		for _, f := range realm.Find(s, a) {
			if f.ID == bridge.FindProviderWrites {
				n++
			}
		}
		if n != tc.found {
			t.Errorf("%s: found %+v", name, realm.Find(s, a))
		}
	}
}
