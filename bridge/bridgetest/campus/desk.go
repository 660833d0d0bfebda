package campus

import (
	"context"
	"encoding/json"
	"net/netip"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/store"
	"otpbridge/bridge/view"
	"otpbridge/bridge/web"
)

// Supervisor is the mailbox that operators do not read.
const Supervisor = "supervisor@example.ac.jp"

// PhoneAttribute holds the number on record. Only administrators edit it.
const PhoneAttribute = "phone"

// OpenDesk starts a campus whose help desk works: carol and dave are operators. Browsers may say in X-Forwarded-For where they come from.
func OpenDesk(t *testing.T) *Campus {
	t.Helper()
	return open(t, storetest.Bolt(t), true)
}

func deskChecks() []view.Check {
	return []view.Check{
		{ID: bridge.CheckCallBack, Label: view.Words{"en": "Call-back to the number on record", "ja": "登録番号への折り返し"}},
		{ID: bridge.CheckInPerson, Label: view.Words{"en": "Photo ID in person", "ja": "対面での写真付き身分証"}},
		{ID: "video", Label: view.Words{"en": "ID by video", "ja": "ビデオでの身分証"}},
	}
}

func deskRules(r *bridge.Rules) {
	r.Desk, r.NumberAttribute, r.Supervisor = true, PhoneAttribute, Supervisor
	for _, c := range deskChecks() {
		r.DeskChecks = append(r.DeskChecks, c.ID)
	}
}

// openDesk gives the pages what the help desk needs, and the realm the number on record and groups that can be seen.
func (c *Campus) openDesk(s *web.Server, accounts bridge.Accounts) {
	c.KC.ChangeClient(fakekc.ClientAdmin, func(k *fakekc.Client) { k.Service.Groups = true })
	c.KC.SetProfileAttribute(fakekc.ProfileAttribute{
		Name: PhoneAttribute, Permissions: fakekc.ProfileRights{View: []string{"admin", "user"}, Edit: []string{"admin"}},
	})
	kv := c.Store.KV
	roles := &web.RoleCache{Accounts: accounts, Now: c.Clock.Now, Seen: store.NewTyped[web.RoleSeen](kv, store.Kind{Name: "roles", Version: 1})}
	s.DeskRole, s.HasRole, s.Zone, s.Waiting = "otp-helpdesk", roles.Has, tokyo(), c.waiting
	s.AuditorRole, s.Trail, s.TrailName = "otp-auditor", c, "campus"
	s.AdminRole, s.Health = "otp-admin", &c.Health
	s.DeskLogs = store.NewTyped[web.DeskLog](kv, store.Kind{Name: "desk-log", Version: 1})
	s.Looks = store.NewTyped[web.Look](kv, store.Kind{Name: "look", Version: 1})
	s.PersonAttributes = []web.PersonAttribute{
		{Name: "affiliation", Label: view.Words{"en": "Affiliation"}}, {Name: "studentNumber", Label: view.Words{"en": "Student number"}, Mask: true},
	}
	s.Number = web.PersonAttribute{Name: PhoneAttribute, Label: view.Words{"en": "Number on record"}, Mask: true}
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// Health is what administrators see of a campus.
type Health struct {
	mu    sync.Mutex
	shown view.Report
	looks int
}

// Show changes what they see.
func (h *Health) Show(r view.Report) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shown = r
}

// Looks is how often somebody asked for another look.
func (h *Health) Looks() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.looks
}

// Report implements web.Health.
func (h *Health) Report() view.Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.shown
}

// Again implements web.Health.
func (h *Health) Again(context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks++
}

// Look implements bridge.AuditReader over what was recorded.
func (c *Campus) Look(_ context.Context, l bridge.AuditLook) (found []bridge.AuditRecord, older int64, err error) {
	all := c.Events("")
	for i := len(all); i > 0; i-- {
		r := bridge.AuditRecord{AuditEvent: all[i-1], Sequence: int64(i), Time: c.Clock.Now()}
		if (l.Before > 0 && r.Sequence >= l.Before) || !l.Wants(r) {
			continue
		}
		if found = append(found, r); len(found) == l.Most {
			return found, r.Sequence, nil
		}
	}
	return found, 0, nil
}

// waiting lists since when people wait for the desk.
func (c *Campus) waiting(ctx context.Context) ([]time.Time, error) {
	calls, err := c.Store.Jobs.List(ctx, bridge.JobCall, web.MaxWaiting+1)
	if err != nil {
		return nil, err
	}
	var out []time.Time
	for _, j := range calls {
		var call bridge.WaitingCall
		if err := json.Unmarshal(j.Payload, &call); err != nil {
			return nil, err
		}
		out = append(out, call.Since)
	}
	return out, nil
}

// Rules changes the rules of every replica, as a new configuration does.
func (c *Campus) Rules(change func(*bridge.Rules)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.replicas {
		change(&r.Flow.Rules)
	}
}
