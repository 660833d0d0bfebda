package campus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/store"
	"otpbridge/bridge/totp"
)

var errDead = errors.New("the process is dead")

// mortal is a process that dies at one of its calls to anything outside, before or after that had its effect; from then on it does nothing.
type mortal struct {
	mu    sync.Mutex
	left  int // calls until then; 0: it lives for ever
	after bool
	dead  bool
}

// call makes one call, or dies.
func (m *mortal) call(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errDead
	}
	m.left--
	if m.dead = m.left == 0; m.dead && !m.after {
		return errDead
	}
	if err := do(); !m.dead {
		return err
	}
	return errDead
}

// ask is call for what answers.
func ask[T any](m *mortal, do func() (T, error)) (out T, err error) {
	err = m.call(func() error {
		out, err = do()
		return err
	})
	return out, err
}

type mortalRecords[T any] struct {
	bridge.Records[T]
	m *mortal
}

func (r mortalRecords[T]) Get(ctx context.Context, key string) (T, error) {
	return ask(r.m, func() (T, error) { return r.Records.Get(ctx, key) })
}

func (r mortalRecords[T]) Update(ctx context.Context, key string, ttl time.Duration, change func(T, bool) (T, error)) (T, error) {
	return ask(r.m, func() (T, error) { return r.Records.Update(ctx, key, ttl, change) })
}

func (r mortalRecords[T]) Delete(ctx context.Context, key string) error {
	return r.m.call(func() error { return r.Records.Delete(ctx, key) })
}

// house is one person's account, with everything that a flow needs of the outside but the store.
type house struct {
	m      *mortal
	list   []bridge.Credential
	ended  time.Time
	writes int
	fault  string
	trail  *memory.Audit
	told   mailbox
	now    func() time.Time
}

func (h *house) Credentials(context.Context, string) ([]bridge.Credential, error) {
	return ask(h.m, func() ([]bridge.Credential, error) { return slices.Clone(h.list), nil })
}

func (h *house) Do(_ context.Context, _ string, a bridge.Action) error {
	return h.m.call(func() error {
		switch a.Kind {
		case bridge.ActionAdd:
			if h.has(a.New.ID) {
				break
			}
			h.writes++
			h.list = append(h.list, bridge.Credential{ID: a.New.ID, Type: bridge.TypeOTP, Created: time.UnixMilli(a.New.CreatedMillis)})
		case bridge.ActionAddCodes:
			if h.has(a.Codes.ID) {
				break
			}
			h.writes++
			h.list = append(h.list, bridge.Credential{ID: a.Codes.ID, Type: bridge.TypeRecoveryCodes, Created: h.now()})
		case bridge.ActionEndSessions:
			h.ended = h.now()
		}
		h.list = a.Apply(h.list)
		if !slices.ContainsFunc(h.list, func(c bridge.Credential) bool { return c.Type == bridge.TypeOTP }) {
			h.fault = "INV-2: no authenticator is left"
		}
		if len(h.trail.Events("")) == 0 {
			h.fault = "INV-9: something was changed without its intent"
		}
		return nil
	})
}

func (h *house) has(id string) bool {
	return slices.ContainsFunc(h.list, func(c bridge.Credential) bool { return c.ID == id })
}

func (h *house) ByID(_ context.Context, id string) (bridge.Account, error) {
	return ask(h.m, func() (bridge.Account, error) {
		return bridge.Account{ID: id, Enabled: true, Groups: []string{"/allowed"}, Credentials: slices.Clone(h.list), NotBefore: h.ended}, nil
	})
}

func (h *house) ByName(ctx context.Context, name string) (bridge.Account, error) {
	return h.ByID(ctx, name)
}

func (h *house) History(context.Context, string, time.Time) (bridge.History, error) {
	return bridge.History{}, nil
}

func (h *house) Realm(context.Context) (bridge.RealmFacts, error) {
	return ask(h.m, func() (bridge.RealmFacts, error) {
		return bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}}, nil
	})
}

func (h *house) Record(ctx context.Context, e bridge.AuditEvent) error {
	return h.m.call(func() error { return h.trail.Record(ctx, e) })
}

func (h *house) Send(ctx context.Context, n bridge.Notice) error {
	return h.m.call(func() error { return h.told.Send(ctx, n) })
}

// mortalJobs are the jobs of the store.
type mortalJobs struct {
	bridge.Jobs
	m *mortal
}

func (j mortalJobs) Add(ctx context.Context, job bridge.Job) error {
	return j.m.call(func() error { return j.Jobs.Add(ctx, job) })
}

func (j mortalJobs) Remove(ctx context.Context, kind, id string) error {
	return j.m.call(func() error { return j.Jobs.Remove(ctx, kind, id) })
}

// mortalFlow is a flow of a process that may die, on a store that does not.
func mortalFlow(st *store.Store, h *house) *bridge.Flow {
	return &bridge.Flow{
		Accounts: h, Target: h, Audit: h, Mail: h, Jobs: mortalJobs{st.Jobs, h.m}, Codes: totp.Authenticator{}, Rules: bridge.Rules{AllowedGroup: "/allowed"},
		Recoveries: mortalRecords[bridge.Recovery]{store.NewTyped[bridge.Recovery](st.KV, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}), h.m},
		Counted:    mortalRecords[bridge.Counted]{store.NewTyped[bridge.Counted](st.KV, store.Kind{Name: "counted", Version: 1}), h.m},
		Watches:    mortalRecords[bridge.Watch]{store.NewTyped[bridge.Watch](st.KV, store.Kind{Name: "watch", Version: 1}), h.m},
		Temporaries: mortalRecords[bridge.TemporaryCode]{
			store.NewTyped[bridge.TemporaryCode](st.KV, store.Kind{Name: "temporary", Version: bridge.TemporaryVersion}), h.m,
		},
		CodeSets: mortalRecords[bridge.CodeSet]{store.NewTyped[bridge.CodeSet](st.KV, store.Kind{Name: "codes", Version: 1}), h.m},
		Now:      h.now, Log: slog.New(slog.DiscardHandler),
	}
}

// undertaking is what a process dies in.
type undertaking struct {
	what  string
	begin func(person string, h *house) (bridge.Recovery, bridge.CodeSet)
	run   func(f *bridge.Flow, person string) (time.Time, error)
	left  []string // kinds of credentials at the end
	over  func(bridge.Recovery, bridge.CodeSet) bool
}

func undertakings() []undertaking {
	ctx := context.Background()
	begun := func(person string, h *house, state bridge.State) bridge.Recovery {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: person, Person: person, State: state, Way: bridge.WayDesk, WritingAt: h.now(), ProvenAt: h.now(), DoneAt: h.now(),
			SignedInAt: h.now(), Expires: h.now().Add(time.Hour), KeyLife: bridge.ProofLife, Key: &bridge.Key{Secret: newSecret},
			Snapshot: bridge.Snapshot{Addresses: []bridge.Address{{Value: "p@example.net"}}, PasswordID: "password", PasswordCreated: h.list[0].Created},
		}
	}
	return []undertaking{
		{"swap", func(person string, h *house) (bridge.Recovery, bridge.CodeSet) {
			r := begun(person, h, bridge.Writing)
			r.Swap = &bridge.Swap{Remove: []string{"old", "older"}, New: bridge.NewCredential{ID: "new", Label: "new", Secret: newSecret, CreatedMillis: h.now().UnixMilli()}}
			return r, bridge.CodeSet{}
		}, func(f *bridge.Flow, person string) (time.Time, error) { return f.RunSwap(ctx, person) },
			[]string{"otp", "password", "recovery-authn-codes"},
			func(r bridge.Recovery, _ bridge.CodeSet) bool { return r.State == bridge.Done && r.Key == nil }},
		{"lock", func(person string, h *house) (bridge.Recovery, bridge.CodeSet) {
			r := begun(person, h, bridge.Proven)
			r.Reason = bridge.ReasonStolen
			return r, bridge.CodeSet{}
		}, func(f *bridge.Flow, person string) (time.Time, error) { return f.RunLock(ctx, person) },
			[]string{"otp", "password"}, func(r bridge.Recovery, _ bridge.CodeSet) bool { return r.Locked() }},
		{"recovery_codes", func(person string, h *house) (bridge.Recovery, bridge.CodeSet) {
			return begun(person, h, bridge.Done), bridge.CodeSet{
				Recovery: person, Person: person, State: bridge.CodesAsked, Until: h.now().Add(bridge.CodesLife),
				New: bridge.NewCodes{ID: "new", Codes: []bridge.Secret{"A"}, CreatedMillis: h.now().UnixMilli()},
			}
		}, func(f *bridge.Flow, person string) (time.Time, error) { return f.RunCodes(ctx, person) },
			[]string{"otp", "otp", "password", "recovery-authn-codes"},
			func(_ bridge.Recovery, s bridge.CodeSet) bool { return s.State == bridge.CodesWritten }},
	}
}

// SWAP-02, WB-05, WB-13, INV-2, INV-7, INV-8, INV-9: a process dies at each of its calls to store, trail, Keycloak, jobs and mail, before and after it had its
// effect: the next one brings the swap, the lock or the recovery codes to their end, once.
func TestDeathAtEveryCall(t *testing.T) {
	onBothStores(t, func(t *testing.T, w storetest.World) {
		st := w.Open(t, storetest.NewRing(t, "k1"), time.Now)
		for _, u := range undertakings() {
			for _, after := range []bool{false, true} {
				n, died := 1, true
				for ; died && n < 100; n++ {
					died = diesIn(t, st, u, &mortal{left: n, after: after})
				}
				if n < 8 || died {
					t.Errorf("%s: %d calls", u.what, n)
				}
			}
		}
	})
}

// diesIn lets one process die, and another one go on.
func diesIn(t *testing.T, st *store.Store, u undertaking, m *mortal) (died bool) {
	t.Helper()
	what := fmt.Sprintf("%s, call %d, after %v", u.what, m.left, m.after)
	person := fmt.Sprintf("%s-%d-%v", u.what, m.left, m.after)
	h := &house{m: &mortal{}, trail: &memory.Audit{}, told: mailbox{}, now: time.Now, list: []bridge.Credential{
		{ID: "password", Type: bridge.TypePassword, Created: time.Now().Add(-time.Hour)}, {ID: "old", Type: bridge.TypeOTP}, {ID: "older", Type: bridge.TypeOTP},
		{ID: "codes", Type: bridge.TypeRecoveryCodes},
	}}
	r, set := u.begin(person, h)
	f := mortalFlow(st, h)
	_, err := f.Recoveries.Update(t.Context(), person, 0, func(bridge.Recovery, bool) (bridge.Recovery, error) { return r, nil })
	_, bad := f.CodeSets.Update(t.Context(), person, time.Hour, func(bridge.CodeSet, bool) (bridge.CodeSet, error) { return set, nil })
	if err != nil || bad != nil {
		t.Fatal(err, bad)
	}
	h.m = m
	_, _ = u.run(mortalFlow(st, h), person) // it may be dead
	died, h.m = m.dead, &mortal{}
	f = mortalFlow(st, h)
	for range 3 {
		if next, err := u.run(f, person); err != nil {
			t.Fatalf("%s: %v", what, err)
		} else if next.IsZero() {
			break
		}
	}
	r, err = f.Recoveries.Get(t.Context(), person)
	set, bad = f.CodeSets.Get(t.Context(), person)
	if err != nil || bad != nil || !u.over(r, set) {
		t.Errorf("%s: INV-7: it does not end: %v %v %s", what, err, bad, r.State)
	}
	h.mustBeOver(t, what, u)
	return died
}

func (h *house) mustBeOver(t *testing.T, what string, u undertaking) {
	t.Helper()
	var kinds []string
	for _, c := range h.list {
		kinds = append(kinds, c.Type)
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, u.left) || h.writes != 1 || h.fault != "" {
		t.Errorf("%s: %v, %d writes, %s", what, kinds, h.writes, h.fault)
	}
	if len(h.trail.Events(u.what+".intended")) == 0 || len(h.trail.Events(u.what+".done")) == 0 || len(h.told) != 1 {
		t.Errorf("%s: INV-9: audit or notice is missing", what)
	}
}
