package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
	"otpbridge/e2e/rig"
)

// records is the product's store, opened by the side of the product or before it: people who wait are written down, not signed in one by one.
type records struct {
	sessions   *store.Typed[web.State]
	recoveries *store.Typed[bridge.Recovery]
}

// openRecords opens the store that a configuration of the rig names, with the same sealing key.
func openRecords(t *testing.T, b *rig.Bridge, redis *rig.Redis) (r records, done func()) {
	t.Helper()
	dir := filepath.Dir(b.Config)
	text, err := os.ReadFile(filepath.Join(dir, "keys"))
	must(t, err)
	keys, err := store.ParseKeys(text)
	must(t, err)
	c := store.Config{Keys: keys, Now: time.Now}
	if redis == nil {
		c.Path = filepath.Join(dir, "state.db")
	} else {
		c.Redis = &store.RedisConfig{Addrs: []string{redis.Addr}, Prefix: "otpbridge:", Limit: 5 * time.Second}
	}
	s, err := store.Open(t.Context(), c)
	must(t, err)
	return records{
		sessions:   store.NewTyped[web.State](s.KV, store.Kind{Name: "session", Version: 1}),
		recoveries: store.NewTyped[bridge.Recovery](s.KV, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}),
	}, func() { must(t, s.Close()) }
}

// visitor is one person with a browser session.
type visitor struct {
	id, name string
	cookie   bridge.Secret
	csrf     string
	state    web.State
}

func (v visitor) header() string { return "__Host-otpbridge=" + v.cookie.Reveal() }

// newVisitor is somebody who has just signed in. kc is asked for the password's id; nil: nobody will look at the account.
func newVisitor(kc *fakekc.Server, id, name string) visitor {
	now := time.Now()
	v := visitor{id: id, name: name, cookie: bridge.NewToken(), csrf: bridge.NewToken().Reveal()}
	address := bridge.Address{Value: name + "@example.net"}
	v.state = web.State{
		CSRF: v.csrf, Started: now, Seen: now, Person: id, Username: name, Name: "Person " + name, SignedInAt: now, AuthTime: now, SID: bridge.NewUUID(),
		Holder: bridge.NewToken().Reveal(), Snapshot: bridge.Snapshot{Taken: now, Addresses: []bridge.Address{address}},
	}
	if kc == nil {
		return v
	}
	for _, c := range kc.Credentials(id) {
		if c.Type == bridge.TypePassword {
			v.state.Snapshot.PasswordID, v.state.Snapshot.PasswordCreated = c.ID, c.Created.UTC()
		}
	}
	return v
}

// waiting is the recovery of somebody who waits for the help desk, or, without a call, for the mail.
func (v *visitor) waiting(way bridge.Way) bridge.Recovery {
	now := time.Now()
	r := bridge.Recovery{
		V: bridge.RecoveryVersion, ID: bridge.NewUUID(), Person: v.id, Username: v.name, Name: v.state.Name, Language: "ja", State: bridge.Waiting,
		Way: way, Reason: bridge.ReasonLost, Asker: v.state.Holder, StartedAt: now, Expires: now.Add(time.Hour), Snapshot: v.state.Snapshot,
		SignedInAt: now, KeyLife: bridge.ProofLife,
		Link: &bridge.Link{
			Hash: bridge.NewToken().Hash(), VetoHash: bridge.NewToken().Hash(), Objection: bridge.NewDigits(6), To: v.name + "@example.net",
			SentAt: now, Expires: now.Add(30 * time.Minute),
		},
	}
	if way == bridge.WayDesk {
		r.Call = &bridge.Call{Code: bridge.NewDigits(bridge.CallCodeDigits), Serial: 1, Expires: now.Add(bridge.CallCodeLife)}
	}
	v.state.Recovery = r.ID
	return r
}

// write stores a visitor, and the recovery if there is one.
func (r records) write(ctx context.Context, v visitor, rec *bridge.Recovery) error {
	const life = 14 * time.Minute
	if err := r.sessions.Create(ctx, v.cookie.Hash(), life, v.state); err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	if rec == nil {
		return nil
	}
	return r.recoveries.Create(ctx, v.id, time.Hour, *rec)
}

// approve is what the last approval does to the record: the page that waits gets the key.
func (r records) approve(ctx context.Context, person string) error {
	_, err := r.recoveries.Modify(ctx, person, time.Hour, func(old bridge.Recovery) (bridge.Recovery, error) {
		now := time.Now()
		old.State, old.Holder, old.ProvenAt, old.Expires = bridge.Proven, old.Asker, now, now.Add(bridge.ProofLife)
		old.Key = &bridge.Key{Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}, Made: now}
		return old, nil
	})
	return err
}
