package service

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
)

// CLI-06: nothing open is an empty list for a program, too.
func TestNothingOpenIsAnEmptyList(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	if text, err := json.Marshal(listed(t, s)); err != nil || string(text) != "[]" {
		t.Error(string(text), err)
	}
}

const stone = "6f747062-7473-8000-8000-000000000001"

// stoned is a campus on which a tombstone stands.
type stoned struct{ *campus }

func (s stoned) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	all, err := s.campus.Credentials(ctx, person)
	return append(all, bridge.Credential{ID: stone, Type: bridge.TypeOTP}), err
}

// CLI-06, WB-13: a recovery that is open in a locked account does not hide the lock, and show names the tombstone, which an administrator may take away; SWAP-07: with the
// reason and the reference number of the person's page.
func TestAnOpenRecoveryHidesNoLock(t *testing.T) {
	t.Parallel()
	s, kc := afterLoss(t)
	s.flow.Target = stoned{kc}
	now := s.opts.Now()
	for _, kind := range []string{bridge.JobExpiry, bridge.JobWatch} {
		if err := s.store.Jobs.Add(t.Context(), store.Job{Kind: kind, ID: "p", At: now}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.flow.Watches.Update(t.Context(), "p", 0, func(bridge.Watch, bool) (bridge.Watch, error) {
		return bridge.Watch{Person: "p", Recovery: "before", At: now, Shut: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if all := listed(t, s); len(all) != 1 || all[0].State != "locked" || !all[0].Locked.Equal(now) {
		t.Errorf("nothing open: %+v", all)
	}
	_, err = s.flow.Recoveries.Update(t.Context(), "p", 0, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "r", Person: "p", Username: "user-p", State: bridge.Waiting, Way: bridge.WayMail, Reason: bridge.ReasonLost, Reference: "7K4M9QXD",
			StartedAt: now, Expires: now.Add(bridge.DeskLife),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if all := listed(t, s); len(all) != 1 || all[0].State != "waiting" || !all[0].Locked.Equal(now) || all[0].Tombstone != nil || all[0].Reference != "7K4M9QXD" || all[0].Reason != "lost" {
		t.Errorf("list: %+v", all)
	}
	if all, err := s.recoveries(t.Context(), "USER-p"); err != nil || len(all) != 1 || !slices.Equal(all[0].Tombstone, []string{stone}) {
		t.Errorf("show: %+v, %v", all, err)
	}
}
