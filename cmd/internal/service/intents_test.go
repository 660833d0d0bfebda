package service

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/control"
)

// campus is a Keycloak where everybody has a new and an old authenticator, and nothing is removed while it refuses.
type campus struct {
	bridge.Accounts
	clock   *storetest.Clock // of the service and all of its parts
	mu      sync.Mutex
	refuses bool
	gone    map[string]bool // old ones that were removed, by person
	busy    int
	most    int // calls at once
}

func (c *campus) ByID(_ context.Context, id string) (bridge.Account, error) {
	return bridge.Account{ID: id, Username: "user-" + id, Credentials: []bridge.Credential{{ID: "new", Type: bridge.TypeOTP}}}, nil
}

func (c *campus) ByName(_ context.Context, name string) (bridge.Account, error) {
	id, ok := strings.CutPrefix(strings.ToLower(name), "user-")
	if !ok {
		return bridge.Account{}, bridge.Fault(bridge.CodeGone, "find", nil)
	}
	return bridge.Account{ID: id, Username: "user-" + id}, nil
}

func (c *campus) Realm(context.Context) (bridge.RealmFacts, error) { return bridge.RealmFacts{}, nil }

func (c *campus) Credentials(_ context.Context, person string) ([]bridge.Credential, error) {
	c.mu.Lock()
	c.busy++
	c.most = max(c.most, c.busy)
	c.mu.Unlock()
	<-time.After(10 * time.Millisecond) // what a call takes
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	list := []bridge.Credential{{ID: "new", Type: bridge.TypeOTP, Created: time.Now()}}
	if !c.gone[person] {
		list = append(list, bridge.Credential{ID: "old", Type: bridge.TypeOTP})
	}
	return list, nil
}

func (c *campus) Do(_ context.Context, person string, a bridge.Action) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.Kind != bridge.ActionRemove {
		return nil
	}
	if c.refuses {
		return bridge.Fault(bridge.CodeRefusedByAccount, "remove", nil)
	}
	c.gone[person] = true
	return nil
}

func (c *campus) Send(context.Context, bridge.Notice) error { return nil }

// afterLoss is a service whose store knows nothing of the swaps that its trail has begun for these people.
func afterLoss(t *testing.T, people ...string) (*service, *campus) {
	t.Helper()
	clock, path := storetest.NewClock(), filepath.Join(t.TempDir(), "audit.log")
	trail, err := audit.Open(audit.Config{Path: path, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = trail.Close() }) // nothing is written any more
	kc := &campus{clock: clock, refuses: true, gone: map[string]bool{}}
	s := &service{
		opts: Options{Now: clock.Now}, log: slog.New(slog.DiscardHandler), audit: trail, counted: newCountedAudit(trail, metrics.NewSet(), clock.Now),
		store: storetest.Bolt(t).Open(t, storetest.NewRing(t, "k1"), clock.Now), cfg: config.Config{Audit: config.AuditConfig{File: path}},
	}
	s.flow = &bridge.Flow{
		Accounts: kc, Target: kc, Mail: kc, Audit: s.counted, Recoveries: &memory.Records[bridge.Recovery]{Now: clock.Now}, Jobs: &memory.Jobs{},
		Counted: &memory.Records[bridge.Counted]{Now: clock.Now}, Watches: &memory.Records[bridge.Watch]{Now: clock.Now}, Changes: &memory.Records[bridge.Change]{Now: clock.Now}, Now: clock.Now, Log: s.log,
	}
	for _, p := range people {
		err := trail.Record(t.Context(), bridge.AuditEvent{
			Event: "swap.intended", Outcome: "ok", Actor: p, Target: p, Recovery: "r-" + p, Way: "mail", Added: "new", Removed: []string{"old"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(listAfter)
	return s, kc
}

func listed(t *testing.T, s *service) []control.Recovery {
	t.Helper()
	all, err := s.recoveries(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// OPS-10, SWAP-11: what the trail has begun and the store has lost is on the administrators' list, with the reason when Keycloak refuses it; it goes on by
// retry, and is closed by cancel, on record.
func TestWhatIsLostIsListed(t *testing.T) {
	t.Parallel()
	s, kc := afterLoss(t, "a", "b")
	if err := s.finishIntents(t.Context()); bridge.CodeOf(err) != bridge.CodeRefusedByAccount {
		t.Fatal(err)
	}
	all := listed(t, s)
	if len(all) != 2 || all[0].State != "lost" || all[0].User != "user-a" || all[0].Attention != "refused_by_account" || all[0].Swap.Added != "new" {
		t.Fatalf("%+v", all)
	}
	if after, err := s.administer(t.Context(), "r-a", "a", bridge.AdminRetry); err == nil || after.State == "ended" {
		t.Errorf("%+v, %v", after, err)
	}
	kc.refuses = false
	for id, do := range map[string]bridge.ActionName{"r-a": bridge.AdminRetry, "r-b": bridge.AdminCancel} {
		if after, err := s.administer(t.Context(), id, "", do); err != nil || after.State != "ended" {
			t.Errorf("%s: %+v, %v", do, after, err)
		}
	}
	if !kc.gone["a"] || kc.gone["b"] || len(listed(t, s)) != 0 {
		t.Errorf("removed for %v, %d are listed", kc.gone, len(listed(t, s)))
	}
	for recovery, want := range map[string]string{"r-a": "done", "r-b": "refused"} {
		if how, err := s.audit.Ended(t.Context(), bridge.UndertakingSwap, recovery); how != want || err != nil {
			t.Errorf("%s: %q, %v", recovery, how, err)
		}
	}
}

// INV-8: a change in the settings that the store has lost is listed and finished like a swap; one that the store has is left to its job.
func TestALostChangeIsListed(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	for person, added := range map[string]string{"a": "new", "b": "never", "c": "never"} {
		err := s.audit.Record(t.Context(), bridge.AuditEvent{
			Event: "authenticator.intended", Outcome: "ok", Actor: person, Target: person, Recovery: "c-" + person, Added: added,
			Detail: map[string]string{"change": string(bridge.ChangeAddOTP)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.flow.Changes.Update(t.Context(), "c", 0, func(bridge.Change, bool) (bridge.Change, error) {
		return bridge.Change{ID: "c-c", Person: "c", Kind: bridge.ChangeAddOTP, State: bridge.ChangeAsked}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	now := s.opts.Now
	s.opts.Now = func() time.Time { return now().Add(listAfter) }
	all := listed(t, s)
	if len(all) != 2 || all[0].State != "lost" || all[0].Lost != "authenticator" || all[0].User != "user-a" || all[1].User != "user-b" {
		t.Fatalf("%+v", all)
	}
	if err := s.finishIntents(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"c-a": "done", "c-b": "", "c-c": ""} {
		if how, err := s.audit.Ended(t.Context(), bridge.UndertakingAuthenticator, id); how != want || err != nil {
			t.Errorf("%s: %q, %v", id, how, err)
		}
	}
	if after, err := s.administer(t.Context(), "c-b", "b", bridge.AdminCancel); err != nil || after.State != "ended" || len(listed(t, s)) != 0 {
		t.Errorf("%+v, %v", after, err)
	}
}

// WB-13: whom a tombstone keeps out is on the administrators' list; a cancel there, which is on record, leaves the account to them.
func TestALockedAccountIsListed(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	s.flow.Jobs = s.store.Jobs
	for person, opened := range map[string]time.Time{"robbed": {}, "back": s.opts.Now()} {
		w := bridge.Watch{Person: person, Recovery: "r-" + person, At: s.opts.Now(), Shut: true, Opened: opened}
		if err := s.flow.StartWatch(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	all := listed(t, s)
	if len(all) != 1 || all[0].State != control.Locked || all[0].User != "user-robbed" || all[0].Attention != "" {
		t.Fatalf("%+v", all)
	}
	if after, err := s.administer(t.Context(), "r-robbed", "robbed", bridge.AdminRetry); bridge.CodeOf(err) != bridge.CodeTooLate {
		t.Errorf("%+v, %v", after, err)
	}
	if after, err := s.administer(t.Context(), "r-robbed", "robbed", bridge.AdminCancel); err != nil || after.State != "ended" || len(listed(t, s)) != 0 {
		t.Errorf("%+v, %v", after, err)
	}
	if jobs, err := s.store.Jobs.List(t.Context(), bridge.JobWatch, 10); err != nil || len(jobs) != 1 {
		t.Error("watched on", jobs, err)
	}
}

// OPS-10, WB-13: a store that is new, or has lost its last writes, does not know whose account is locked: the trail does, and the watch goes on. One that ended is not
// begun again, whatever the trail says.
func TestAStoreThatForgotWatchesOnOverLockedAccounts(t *testing.T) {
	t.Parallel()
	s, _ := afterLoss(t)
	clock := s.opts.Now().Add(ownWork)
	s.opts.Now = func() time.Time { return clock }
	err := s.audit.Record(t.Context(), bridge.AuditEvent{Event: "lock.done", Outcome: "ok", Actor: "system", Target: "robbed", Recovery: "r", Added: "stone"})
	if err != nil {
		t.Fatal(err)
	}
	jobs := s.flow.Jobs.(*memory.Jobs) //nolint:errcheck // as afterLoss made it
	for range 2 {
		if err := s.finishIntents(t.Context()); err != nil || len(jobs.List(bridge.JobWatch)) != 1 {
			t.Fatal("not watched", err)
		}
	}
	if w, err := s.flow.Watches.Get(t.Context(), "robbed"); err != nil || w.Recovery != "r" || w.At.IsZero() || w.Shut {
		t.Errorf("%+v, %v", w, err)
	}
	if err := s.flow.EndWatch(t.Context(), "robbed"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.finishIntents(t.Context()); err != nil || len(jobs.List(bridge.JobWatch)) != 0 {
			t.Fatal("watched again", err)
		}
	}
}

// WB-13: when the mark of an end is gone the trail has forgotten the lock, also where nothing ended since: the account is whose an administrator gave it to.
func TestAWatchThatEndedIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	s, kc := afterLoss(t)
	done := bridge.AuditEvent{Event: "lock.done", Outcome: "ok", Actor: "system", Target: "robbed", Recovery: "r", Added: "stone"}
	if err := s.audit.Record(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	kc.clock.Advance(listAfter)
	if err := errors.Join(s.finishIntents(t.Context()), s.flow.EndWatch(t.Context(), "robbed")); err != nil {
		t.Fatal(err)
	}
	for day := range 12 {
		kc.clock.Advance(24 * time.Hour)
		err := s.finishIntents(t.Context())
		if jobs, ok := s.flow.Jobs.(*memory.Jobs); err != nil || !ok || len(jobs.List(bridge.JobWatch)) != 0 {
			t.Fatalf("%d days after the end: watched again, %v", day+1, err)
		}
	}
	if _, err := s.flow.Watches.Get(t.Context(), "robbed"); !errors.Is(err, bridge.ErrAbsent) {
		t.Errorf("%v, want the mark gone", err)
	}
}

// SWAP-11, WB-13: what the store knows of an earlier lock of the same person, over or not, hides no later one, and what it knows of a later one stays.
func TestAnOlderWatchHidesNoNewerLock(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		at, over time.Duration // of what is known, before the second lock
		want     string
	}{
		"open again":             {at: 48 * time.Hour, want: "second"},
		"over":                   {at: 48 * time.Hour, over: 24 * time.Hour, want: "second"},
		"ended since":            {at: 48 * time.Hour, over: -time.Minute, want: "known"},
		"of a lock of elsewhere": {at: -time.Minute, want: "known"},
	} {
		s, kc := afterLoss(t)
		now := s.opts.Now()
		for _, recovery := range []string{"first", "second"} {
			e := bridge.AuditEvent{Event: "lock.done", Outcome: "ok", Actor: "system", Target: "robbed", Recovery: recovery, Added: "stone"}
			if err := s.audit.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			now = s.opts.Now()
			kc.clock.Advance(time.Second)
		}
		w := bridge.Watch{Person: "robbed", Recovery: "known", At: now.Add(-tc.at), Shut: true, Opened: now.Add(time.Hour - tc.at)}
		if tc.over != 0 {
			w.Over = now.Add(-tc.over)
		}
		if err := s.flow.StartWatch(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		kc.clock.Advance(listAfter)
		for range 2 {
			if err := s.finishIntents(t.Context()); err != nil {
				t.Fatal(err)
			}
			if w, err := s.flow.Watches.Get(t.Context(), "robbed"); err != nil || w.Recovery != tc.want {
				t.Errorf("%s: %q is watched, want %q; %v", name, w.Recovery, tc.want, err)
			}
		}
	}
}

// SWAP-11: many are finished at once, eight at a time, so that all of them end within a minute.
func TestManyIntentsAreFinishedAtOnce(t *testing.T) {
	t.Parallel()
	var people []string
	for p := 'a'; p <= 'x'; p++ {
		people = append(people, string(p))
	}
	s, kc := afterLoss(t, people...)
	kc.refuses = false
	if err := s.finishIntents(t.Context()); err != nil || len(kc.gone) != len(people) || kc.most < 2 || kc.most > intentsAtOnce {
		t.Errorf("%v: %d of %d, %d at once", err, len(kc.gone), len(people), kc.most)
	}
	if i := slices.IndexFunc(listed(t, s), func(control.Recovery) bool { return true }); i >= 0 {
		t.Error("one is left")
	}
}

// Issue 5: a swap whose job the store has lost is found by its person, and goes on by retry.
func TestASwapWithoutItsJobIsFound(t *testing.T) {
	t.Parallel()
	s, kc := afterLoss(t)
	kc.refuses = false
	_, err := s.flow.Recoveries.Update(t.Context(), "p", 0, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "r", Person: "p", Username: "user-p", State: bridge.Writing, WritingAt: s.opts.Now(), StartedAt: s.opts.Now(),
			Swap: &bridge.Swap{New: bridge.NewCredential{ID: "new"}, Remove: []string{"old"}},
		}, nil
	})
	if err != nil || len(listed(t, s)) != 0 {
		t.Fatal(err, listed(t, s))
	}
	for _, whose := range []string{"p", "USER-p"} {
		if all, err := s.recoveries(t.Context(), whose); err != nil || len(all) != 1 || all[0].ID != "r" || all[0].State != "writing" {
			t.Errorf("%s: %+v, %v", whose, all, err)
		}
	}
	if all, err := s.recoveries(t.Context(), "nobody"); err != nil || len(all) != 0 {
		t.Errorf("nobody: %+v, %v", all, err)
	}
	if _, err := s.administer(t.Context(), "r", "p", bridge.AdminRetry); err != nil {
		t.Error(err)
	}
	if jobs, ok := s.flow.Jobs.(*memory.Jobs); !ok || len(jobs.List(bridge.JobSwap)) != 1 {
		t.Error("no job")
	}
}
