package campus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
)

var errLost = bridge.Fault(bridge.CodeKeycloakAway, "model", errors.New("lost by the model"))

// model is a Keycloak of one person: it draws before each call whether the call, or its answer, is lost. It holds INV-2 and INV-8 after each.
type model struct {
	t      *rapid.T
	list   []bridge.Credential
	newID  string
	calm   bool
	writes int
	seen   bool // the new one was there when somebody read
	fault  string
	clock  func() time.Time
	begun  time.Time
	undo   bool      // what came too late may go
	ended  time.Time // when the sessions were
	no     error     // what Keycloak answers to every change, before or after it was made
	other  func()    // another replica, which does all it can while a call of the first one is on its way
}

func (m *model) Credentials(context.Context, string) ([]bridge.Credential, error) {
	if m.lost("read") {
		return nil, errLost
	}
	m.seen = m.seen || m.index(m.newID) >= 0
	return slices.Clone(m.list), nil
}

func (m *model) lost(what string) bool { return !m.calm && rapid.IntRange(0, 3).Draw(m.t, what) == 0 }

func (m *model) index(id string) int {
	return slices.IndexFunc(m.list, func(c bridge.Credential) bool { return c.ID == id })
}

func (m *model) Do(_ context.Context, _ string, a bridge.Action) error {
	if other := m.other; other != nil && rapid.Bool().Draw(m.t, "now") {
		m.other = nil
		other()
	}
	if m.lost("call") {
		return errLost
	}
	if m.no != nil && rapid.Bool().Draw(m.t, "refused before") {
		return m.no
	}
	switch a.Kind {
	case bridge.ActionAdd:
		if m.index(a.New.ID) < 0 {
			m.writes++
			m.list = append(m.list, bridge.Credential{ID: a.New.ID, Type: bridge.TypeOTP, Created: time.UnixMilli(a.New.CreatedMillis)})
		}
	case bridge.ActionRemove:
		if !m.seen {
			m.fault = "INV-8: something was removed before the new one was seen"
		}
		if a.Credential == m.newID && !m.undo || a.Credential == "later" {
			m.fault = "INV-8: " + a.Credential + " was removed"
		}
	}
	if a.Kind == bridge.ActionEndSessions {
		m.ended = m.clock()
	}
	m.list = a.Apply(m.list)
	if !slices.ContainsFunc(m.list, func(c bridge.Credential) bool { return c.Type == bridge.TypeOTP }) {
		m.fault = "INV-2: no authenticator is left"
	}
	if m.lost("answer") {
		return errLost
	}
	return m.no
}

// mailbox remembers which recoveries somebody was told about.
type mailbox map[string]bool

func (m mailbox) Send(_ context.Context, n bridge.Notice) error {
	m[n.ID] = true
	return nil
}

// life is one person's swap on the model, its store in memory, on a clock that jumps.
type life struct {
	*model
	records *memory.Records[bridge.Recovery]
	audit   *memory.Audit
	jobs    *memory.Jobs
	mail    mailbox
	now     time.Time
	flow    *bridge.Flow
	copied  *bridge.Recovery // what the store may come back as
	empty   bool             // the store has forgotten everything
	back    bool             // the store came back old
}

func newLife(t *rapid.T) *life {
	start := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	w := &life{
		model: &model{t: t, newID: bridge.NewUUID()}, records: &memory.Records[bridge.Recovery]{}, audit: &memory.Audit{}, jobs: &memory.Jobs{},
		mail: mailbox{}, now: start,
	}
	w.begun = start
	w.clock = func() time.Time { return w.now }
	w.records.Now = w.clock
	w.list = []bridge.Credential{{ID: "password", Type: bridge.TypePassword, Created: start.Add(-time.Hour)}}
	var remove []string
	for i := range rapid.IntRange(1, 3).Draw(t, "old ones") {
		id := fmt.Sprint("old", i)
		remove = append(remove, id)
		w.list = append(w.list, bridge.Credential{ID: id, Type: bridge.TypeOTP, Created: start.Add(-time.Hour)})
	}
	w.flow = &bridge.Flow{
		Accounts: w, Target: w.model, Recoveries: w.records, Jobs: w.jobs, Audit: w.audit, Mail: w.mail, Now: w.clock,
		Counted: &memory.Records[bridge.Counted]{Now: w.clock}, Watches: &memory.Records[bridge.Watch]{Now: w.clock}, Log: slog.New(slog.DiscardHandler),
	}
	_, err := w.records.Update(context.Background(), "p", 0, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "r", Person: "p", State: bridge.Writing, Way: bridge.WayMail, WritingAt: start, Label: "new",
			Snapshot: bridge.Snapshot{Addresses: []bridge.Address{{Value: "p@example.net"}}},
			Swap: &bridge.Swap{
				New: bridge.NewCredential{ID: w.newID, Label: "new", Secret: newSecret, CreatedMillis: start.UnixMilli()}, Remove: remove,
			},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ByID, ByName, History and Realm are the account and its realm: bridge.Accounts.
func (w *life) ByID(context.Context, string) (bridge.Account, error) {
	if w.lost("account") {
		return bridge.Account{}, errLost
	}
	return bridge.Account{ID: "p", Enabled: true, Groups: []string{"/allowed"}, Credentials: slices.Clone(w.list), NotBefore: w.ended}, nil
}

func (w *life) ByName(ctx context.Context, _ string) (bridge.Account, error) {
	return w.ByID(ctx, "p")
}

func (w *life) History(context.Context, string, time.Time) (bridge.History, error) {
	return bridge.History{}, nil
}

func (w *life) Realm(context.Context) (bridge.RealmFacts, error) {
	return bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}}, nil
}

// event is one thing that happens.
func (w *life) event() {
	switch event := rapid.SampledFrom([]string{"run", "two runs", "store away", "trail full", "mended", "clock", "somebody adds", "cancel", "copy", "back", "forgotten", "trail", "refuses"}).Draw(w.t, "event"); event {
	case "run":
		w.run()
	case "two runs":
		w.race()
	case "store away":
		w.records.Break(bridge.Fault(bridge.CodeStoreAway, "model", nil))
	case "trail full":
		w.audit.Break(bridge.Fault(bridge.CodeAuditFull, "model", nil))
	case "mended":
		w.mend()
	case "clock":
		w.now = w.now.Add(time.Duration(rapid.IntRange(-5, 7200).Draw(w.t, "seconds")) * time.Second)
	case "somebody adds":
		if w.index("later") < 0 {
			w.list = append(w.list, bridge.Credential{ID: "later", Type: bridge.TypeOTP, Created: w.now.Add(24 * time.Hour)})
		}
	case "copy", "back", "forgotten", "trail":
		w.disaster(event)
	case "refuses":
		w.no = rapid.SampledFrom([]error{
			nil, bridge.Fault(bridge.CodeRefusedByAccount, "model", nil), &bridge.Error{Code: bridge.CodeRefusedByAccount, Field: "userLabel"},
		}).Draw(w.t, "why")
	case "cancel":
		r, err := w.records.Get(context.Background(), "p")
		if err != nil || r.State != bridge.Writing {
			return
		}
		if _, err := r.Cancel(r.Holder, w.now); err == nil {
			w.fault = "INV-7: a swap under way can be cancelled"
		}
	}
}

// disaster is something that happens to the store, or the look at the trail that makes up for it.
func (w *life) disaster(what string) {
	ctx := context.Background()
	switch r, err := w.records.Get(ctx, "p"); {
	case what == "trail":
		w.fromTrail()
	case what == "copy" && err == nil:
		w.copied = &r
	case what == "back" && w.copied != nil && !w.empty:
		_, err := w.records.Update(ctx, "p", 0, func(bridge.Recovery, bool) (bridge.Recovery, error) { return *w.copied, nil })
		w.back = w.back || err == nil
	case what == "forgotten" && err == nil && len(w.audit.Events("swap.intended")) > 0:
		w.empty = w.records.Delete(ctx, "p") == nil
	}
}

// open reports that the trail has a beginning without an end.
func (w *life) open() (yes bool) {
	for _, e := range w.audit.Events("") {
		switch e.Event {
		case "swap.intended":
			yes = true
		case "swap.done", "swap.refused":
			yes = false
		}
	}
	return yes
}

// fromTrail finishes what the trail holds open.
func (w *life) fromTrail() {
	if !w.open() {
		return
	}
	begun := w.audit.Events("swap.intended")
	_ = w.flow.FinishIntent(context.Background(), bridge.Intent{ // a fault brings it back
		What: bridge.UndertakingSwap, Person: "p", Recovery: "r", Added: begun[0].Added, Removed: begun[0].Removed, Begun: w.begun,
	})
}

// run lets the job of the swap do what it can: a fault brings it back, soon enough that the swap ends within ten seconds of that fault's end, of which the
// worker's look at its jobs takes one.
func (w *life) run() {
	next, err := w.flow.RunSwap(context.Background(), "p")
	rests := bridge.PauseOf(err, 0)
	if !next.IsZero() {
		rests = max(rests, next.Sub(w.now))
	}
	if w.fault == "" && rests > 9*time.Second {
		w.fault = fmt.Sprintf("INV-7: rests for %v: %v", rests, err)
	}
}

// race lets another replica work while a call of the first one is on its way, as after a lease that ran out.
func (w *life) race() {
	w.other = func() { _, _ = w.flow.RunSwap(context.Background(), "p") }
	_, _ = w.flow.RunSwap(context.Background(), "p")
	w.other = nil
}

func (w *life) mend() {
	w.records.Break(nil)
	w.audit.Break(nil)
}

// check holds what must be true at every instant.
func (w *life) check() {
	if w.fault == "" && w.writes > 1 {
		w.fault = "INV-8: written more than once"
	}
	if w.fault == "" && w.writes > 0 && len(w.audit.Events("swap.intended")) == 0 {
		w.fault = "INV-9: a credential without its intent"
	}
	if w.fault != "" {
		w.t.Fatal(w.fault)
	}
}

// end lets the life be well, and looks what came of it.
func (w *life) end() {
	w.mend()
	w.calm, w.no = true, nil
	if _, err := w.flow.RunSwap(context.Background(), "p"); err != nil {
		w.t.Fatalf("INV-7: with everything well: %v", err)
	}
	w.check()
	if w.empty {
		w.now = w.now.Add(4 * time.Hour)
		w.fromTrail()
	}
	w.tooLate()
	w.check()
	r, err := w.records.Get(context.Background(), "p")
	if w.empty {
		if w.open() {
			w.t.Fatal("SWAP-11: the trail is not closed")
		}
		if w.index(w.newID) < 0 {
			w.oldOnes()
			return
		}
		w.newOne()
		return
	}
	switch {
	case err != nil:
		w.t.Fatal(err)
	case r.State == bridge.Proven && (w.writes == 0 || w.back): // the trail was full before the first write: the person tries again
		return
	case r.State == bridge.Ended && r.End == bridge.EndRefused:
		w.oldOnes()
		return
	case r.State != bridge.Done:
		w.t.Fatalf("INV-7: the end is %s", r.State)
	case r.Key != nil || r.Swap != nil:
		w.t.Fatal("INV-10: the key is still there")
	case len(w.audit.Events("swap.done")) == 0 || !w.mail["r"]:
		w.t.Fatal("INV-9: the end is not on record, or nobody was told")
	}
	w.newOne()
}

// tooLate looks for what came too late.
func (w *life) tooLate() {
	w.undo = true
	for _, j := range w.jobs.List(bridge.JobLeftover) {
		if err := w.flow.RunLeftover(context.Background(), j.ID, j.Payload); err != nil {
			w.t.Fatal(err)
		}
	}
}

// oldOnes wants everything to be as it was.
func (w *life) oldOnes() {
	if w.index(w.newID) >= 0 || w.index("old0") < 0 {
		w.t.Fatalf("INV-7: refused with %v", w.list)
	}
}

// newOne wants the new authenticator alone, but for one that somebody added later.
func (w *life) newOne() {
	for _, c := range w.list {
		if c.Type == bridge.TypeOTP && c.ID != w.newID && c.ID != "later" {
			w.t.Fatalf("INV-7: %s is still there", c.ID)
		}
	}
	if w.index(w.newID) != 1 {
		w.t.Fatal("INV-7: the new one is not right behind the password")
	}
}

// lives lets random lives begin, of as many events as that at most, and checks each after every event and at its end.
func lives[L interface {
	event()
	check()
	end()
}](t *testing.T, begin func(*rapid.T) L, events int) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		l := begin(t)
		for range rapid.IntRange(1, events).Draw(t, "events") {
			l.event()
			l.check()
		}
		l.end()
	})
}

// SWAP-01, SWAP-03, SWAP-05, SWAP-06, INV-2, INV-7, INV-8, INV-9, INV-10: random events, faults, clock jumps and two replicas at once, against a
// small model.
func TestRandomLivesOfASwap(t *testing.T) {
	t.Parallel()
	lives(t, newLife, 25)
}
