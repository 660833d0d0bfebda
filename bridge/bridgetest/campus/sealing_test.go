package campus_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/store"
)

// onBothStores runs a test on each store.
func onBothStores(t *testing.T, run func(*testing.T, storetest.World)) {
	t.Parallel()
	t.Run("bolt", func(t *testing.T) { t.Parallel(); run(t, storetest.Bolt(t)) })
	t.Run("redis", func(t *testing.T) { t.Parallel(); run(t, storetest.OnRedis(t, storetest.StartRedis(t))) })
}

// account is a Keycloak of one person: a password, an old authenticator, and what a swap makes of them.
type account struct {
	list []bridge.Credential
	away bool // after the next change
}

func newAccount() *account {
	return &account{list: []bridge.Credential{{ID: "password", Type: bridge.TypePassword}, {ID: "old", Type: bridge.TypeOTP, Created: time.Unix(1, 0)}}}
}

func (a *account) Credentials(context.Context, string) ([]bridge.Credential, error) {
	if a.away {
		return nil, errLost
	}
	return slices.Clone(a.list), nil
}

func (a *account) Do(_ context.Context, _ string, do bridge.Action) error {
	if do.Kind == bridge.ActionAdd {
		a.list = append(a.list, bridge.Credential{ID: do.New.ID, Type: bridge.TypeOTP, Created: time.UnixMilli(do.New.CreatedMillis)})
	}
	a.list = do.Apply(a.list)
	return nil
}

// sealing is a flow on a real store, and the sealed records themselves.
type sealing struct {
	*bridge.Flow
	store   *store.Store
	records *store.Typed[bridge.Recovery]
	clock   *storetest.Clock
}

func openSealing(t *testing.T, w storetest.World, ring *store.KeyRing, target bridge.SwapTarget) *sealing {
	t.Helper()
	s := &sealing{clock: storetest.NewClock()}
	s.store = w.Open(t, ring, s.clock.Now)
	s.records = store.NewTyped[bridge.Recovery](s.store.KV, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion})
	s.Flow = &bridge.Flow{
		Target: target, Recoveries: s.records, Jobs: s.store.Jobs, Audit: &memory.Audit{}, Mail: mailbox{}, Now: s.clock.Now,
		Watches: store.NewTyped[bridge.Watch](s.store.KV, store.Kind{Name: "watch", Version: 1}),
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return s
}

// put stores a recovery of a person whose key is shown: Proven.
func (s *sealing) put(t *testing.T, person string) bridge.Recovery {
	t.Helper()
	now := s.clock.Now()
	return s.change(t, person, func(bridge.Recovery) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "R-" + person, Person: person, State: bridge.Proven, Way: bridge.WayMail, Holder: "holder",
			Expires: now.Add(10 * time.Minute), Key: &bridge.Key{Secret: newSecret, Made: now},
		}, nil
	})
}

func (s *sealing) change(t *testing.T, person string, change func(bridge.Recovery) (bridge.Recovery, error)) bridge.Recovery {
	t.Helper()
	r, err := s.records.Update(t.Context(), person, time.Hour, func(old bridge.Recovery, _ bool) (bridge.Recovery, error) { return change(old) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write takes the right code.
func (s *sealing) write(t *testing.T, person string) {
	t.Helper()
	s.change(t, person, func(r bridge.Recovery) (bridge.Recovery, error) {
		swap := bridge.Swap{Remove: []string{"old"}, New: bridge.NewCredential{
			ID: "new", Label: "new", Secret: newSecret, CreatedMillis: s.clock.Now().UnixMilli(),
		}}
		return r.Write("holder", swap, 1, s.clock.Now())
	})
}

// plain is what is stored of a person, unsealed.
func (s *sealing) plain(t *testing.T, person string) string {
	t.Helper()
	raw, _, err := s.store.Raw().Get(t.Context(), s.records.Key(person))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), newSecret) {
		t.Error("the key stands in the store as it is")
	}
	text, err := s.store.Keys().Open(s.records.Key(person), raw)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Issue 5, STO-10: the sealed key opens neither in another person's recovery nor as a record of another purpose. Of which recovery of its person it is stands beside it under
// the same seal: it moves to another one only with all of its record ("The store" in docs/design.md).
func TestSealedKeyBelongsToItsPersonAndPurpose(t *testing.T) {
	onBothStores(t, func(t *testing.T, w storetest.World) {
		s := openSealing(t, w, storetest.NewRing(t, "k1"), newAccount())
		raw := s.store.Raw()
		sealed := map[string][]byte{}
		for _, person := range []string{"alice", "bob"} {
			s.put(t, person)
			value, _, err := raw.Get(t.Context(), s.records.Key(person))
			if err != nil {
				t.Fatal(err)
			}
			sealed[person] = value
		}
		codes := store.NewTyped[bridge.CodeSet](s.store.KV, store.Kind{Name: "codes", Version: 1})
		for key, from := range map[string]string{s.records.Key("alice"): "bob", s.records.Key("bob"): "alice", codes.Key("alice"): "alice"} {
			if _, err := raw.Put(t.Context(), key, sealed[from], store.PutOptions{If: store.Any, TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		for _, person := range []string{"alice", "bob"} {
			if _, err := s.records.Get(t.Context(), person); !errors.Is(err, store.ErrBroken) {
				t.Errorf("%s with the other's record: %v", person, err)
			}
		}
		if _, err := codes.Get(t.Context(), "alice"); !errors.Is(err, store.ErrBroken) {
			t.Errorf("a recovery as recovery codes: %v", err)
		}
	})
}

// Issue 5, INV-10: the key is erased from what is stored at Done, at an end before it, by a refusal and when the time is up.
func TestSealedKeyIsErasedWhenDoneOrExpired(t *testing.T) {
	ends := map[string]func(*testing.T, *sealing){
		"done": func(t *testing.T, s *sealing) {
			s.write(t, "alice")
			if _, err := s.RunSwap(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
		},
		"cancelled": func(t *testing.T, s *sealing) {
			s.change(t, "alice", func(r bridge.Recovery) (bridge.Recovery, error) { return r.Cancel("holder", s.clock.Now()) })
		},
		"refused": func(t *testing.T, s *sealing) {
			s.write(t, "alice")
			s.change(t, "alice", func(r bridge.Recovery) (bridge.Recovery, error) { return r.Refuse(bridge.CodeGone, s.clock.Now()), nil })
		},
		"expired": func(t *testing.T, s *sealing) {
			s.clock.Advance(11 * time.Minute)
			if _, err := s.Expire(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
		},
	}
	onBothStores(t, func(t *testing.T, w storetest.World) {
		s := openSealing(t, w, storetest.NewRing(t, "k1"), newAccount())
		for name, end := range ends {
			s.Target = newAccount()
			s.put(t, "alice")
			if !strings.Contains(s.plain(t, "alice"), newSecret) {
				t.Fatal("no key to erase")
			}
			end(t, s)
			r, err := s.records.Get(t.Context(), "alice")
			if err != nil || r.Open() {
				t.Fatalf("%s: %v, state %s", name, err, r.State)
			}
			if strings.Contains(s.plain(t, "alice"), newSecret) {
				t.Errorf("%s: the key is still there", name)
			}
		}
	})
}

// Issue 5: the sealing key is rotated while one recovery is open and the swap of another one is under way: nobody is lost, and when both are done the
// old key may go.
func TestSealingKeyRotationLosesNobody(t *testing.T) {
	onBothStores(t, func(t *testing.T, w storetest.World) {
		older, newer := storetest.NewKey(t, "2025"), storetest.NewKey(t, "2026")
		bob := newAccount()
		s := openSealing(t, w, storetest.Ring(t, older), bob)
		s.put(t, "alice")
		s.put(t, "bob")
		if err := s.store.Jobs.Add(t.Context(), bridge.Job{Kind: bridge.JobSwap, ID: "bob", At: s.clock.Now()}); err != nil {
			t.Fatal(err)
		}
		s.write(t, "bob")
		bob.away = true
		if _, err := s.RunSwap(t.Context(), "bob"); err == nil || len(bob.list) != 3 {
			t.Fatalf("the swap should stop when the new credential stands: %v, %v", err, bob.list)
		}
		must(t, s.store.Close())

		s = openSealing(t, w, storetest.Ring(t, newer, older), bob)
		bob.away = false
		c, err := s.store.Jobs.Claim(t.Context(), []string{bridge.JobSwap}, s.clock.Now().Add(time.Minute), time.Minute)
		must(t, err)
		_, err = s.RunSwap(t.Context(), c.ID)
		must(t, err)
		must(t, s.store.Jobs.Done(t.Context(), c))
		s.write(t, "alice") // with the key that was shown
		s.Target = newAccount()
		_, err = s.RunSwap(t.Context(), "alice")
		must(t, err)
		must(t, s.store.Close())

		s = openSealing(t, w, storetest.Ring(t, newer), bob)
		for _, person := range []string{"alice", "bob"} {
			if r, err := s.records.Get(t.Context(), person); err != nil || r.State != bridge.Done {
				t.Errorf("%s: %s, %v", person, r.State, err)
			}
		}
		if len(bob.list) != 2 || bob.list[1].ID != "new" {
			t.Errorf("bob's credentials: %v", bob.list)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
