package e2e_test

import (
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// park signs a thief in at the sample application with the stolen authenticator, as far as the page of an action of Keycloak's own, and leaves it there.
func (s *site) park(name string) (c *rig.Client, b *rig.Browser) {
	s.t.Helper()
	c = s.portal()
	b = c.Open(rig.NewBrowser(s.t), "kc_action", "CONFIGURE_TOTP")
	b.Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
	b.Submit("otp", rig.NewPhone(s.t, realm.Secret(name)).Code()).Follow(c.Redirect)
	if b.Page() != "login-login-config-totp" {
		s.t.Fatalf("the sign-in does not wait: %s", b.Describe())
	}
	return c, b
}

// tombstones are those of somebody.
func (s *site) tombstones(name string) []string {
	s.t.Helper()
	return slices.DeleteFunc(s.otps(name), func(id string) bool { return !bridge.Credential{ID: id, Type: bridge.TypeOTP}.Tombstone() })
}

// WB-13: a sign-in that waited behind the stolen authenticator outlives the lock, and Keycloak still lets it add an authenticator, sign in, and take the
// tombstone away, here while nobody looks: the hole is shown first. The next look writes another tombstone and takes away what was brought, and the
// person's recovery goes on.
func TestRealmAttackParkedSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.robbed("parker")
	c, b := s.park("parker")
	theirs := thiefsPhone(t, b)
	h.reports().locks()
	stone := s.tombstones("parker")[0]
	s.bridge.Replicas[0].Pause()
	b.SubmitTo("", "totp", theirs.Code(), "userLabel", "thief").Follow(c.Redirect)
	if r := c.Finish(b); !r.Signed {
		t.Fatalf("the attack does not work any more: %s", b.Describe())
	}
	c.Open(b, "kc_action", "delete_credential:"+stone)
	b.Submit("accept", "Yes").Follow(c.Redirect)
	if len(s.tombstones("parker")) != 0 || len(s.otps("parker")) != 1 {
		t.Fatalf("the tombstone cannot be taken away any more: %s", b.Describe())
	}
	s.bridge.Replicas[0].Resume()
	rig.Eventually(t, "the account is shut again", func() bool {
		now := s.tombstones("parker")
		return len(now) == 1 && now[0] != stone && slices.Equal(s.kinds("parker"), []string{"otp"}) && s.sessions("parker") == 0
	})
	if s.opensPortal("parker", theirs) {
		t.Error("the thief's authenticator opens the portal")
	}
	if !s.trailHas(func(e auditEvent) bool { return e.Event == "lock.intruder" && e.Target == s.campus.Users["parker"] }) {
		t.Error("no alarm")
	}
	s.mustHaveOnly("parker", h.due().enrol())
}
