package campus_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/totp"
)

// robbery is the life of one person's lock after a theft: the model of a swap, with what a thief does meanwhile and what Keycloak refuses.
type robbery struct {
	*life
	bridge.Visits
	refuses  string    // the kind that is not removed now
	sessions bool      // the thief is signed in
	came     int       // second factors that the thief has added
	gone     bool      // Keycloak says of every call that there is no such person
	since    time.Time // gone as far as anybody knows
	deleted  bool      // the lock was given up for that
}

// Credentials implements bridge.SwapTarget.
func (w *robbery) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	if w.gone {
		return nil, errGone
	}
	list, err := w.life.Credentials(ctx, person)
	if err == nil {
		w.since = time.Time{}
	}
	return list, err
}

// ByID implements bridge.Accounts.
func (w *robbery) ByID(ctx context.Context, person string) (bridge.Account, error) {
	if w.gone {
		return bridge.Account{}, errGone
	}
	return w.life.ByID(ctx, person)
}

var errGone = bridge.Fault(bridge.CodeGone, "model", nil)

// Do implements bridge.SwapTarget, before the model of a swap.
func (w *robbery) Do(ctx context.Context, person string, a bridge.Action) error {
	if w.gone {
		if a.Kind == bridge.ActionRemove {
			return nil // what is not there needs no removal
		}
		return errGone
	}
	switch a.Kind {
	case bridge.ActionAdd:
		w.newID = a.New.ID
	case bridge.ActionRemove:
		if i := w.index(a.Credential); i >= 0 && w.list[i].Type == w.refuses {
			return bridge.Fault(bridge.CodeRefusedByAccount, "model", nil)
		}
	}
	err := w.model.Do(ctx, person, a)
	if a.Kind == bridge.ActionEndSessions && err == nil {
		w.sessions = false
	}
	return err
}

func newRobbery(t *rapid.T) *robbery {
	w := &robbery{life: newLife(t), sessions: true}
	password := w.list[0]
	for i, kind := range []string{bridge.TypeRecoveryCodes, "webauthn", "webauthn-passwordless"} {
		if rapid.Bool().Draw(t, kind) {
			w.list = append(w.list, bridge.Credential{ID: fmt.Sprint("other", i), Type: kind, Created: w.now.Add(-time.Hour)})
		}
	}
	w.newID = ""
	w.flow = &bridge.Flow{
		Accounts: w, Target: w, Visits: w, Recoveries: w.records, Jobs: &memory.Jobs{}, Audit: w.audit, Mail: w.mail, Codes: totp.Authenticator{},
		Counted: &memory.Records[bridge.Counted]{Now: func() time.Time { return w.now }},
		Watches: &memory.Records[bridge.Watch]{Now: func() time.Time { return w.now }},
		Rules:   bridge.Rules{AllowedGroup: "/allowed"}, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	}
	_, err := w.records.Update(context.Background(), "p", 0, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "r", Person: "p", State: bridge.Proven, Way: bridge.WayDesk, Reason: bridge.ReasonStolen, Holder: "holder",
			StartedAt: w.now, ProvenAt: w.now, SignedInAt: w.now, Expires: w.now.Add(bridge.ProofLife), KeyLife: bridge.ProofLife,
			Snapshot: bridge.Snapshot{
				Addresses: []bridge.Address{{Value: "p@example.net"}}, PasswordID: password.ID, PasswordCreated: password.Created,
			},
			Key: &bridge.Key{Secret: newSecret},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// run lets the job of the lock do what it can.
func (w *robbery) run() time.Time {
	next, _ := w.flow.RunLock(context.Background(), "p") // a fault brings the job back
	return next
}

var lockEvents = []string{
	"run", "run", "two runs", "thief meanwhile", "store away", "trail full", "mended", "clock", "thief", "refuses", "gone", "for hours", "for long", "cancel", "expiry",
}

// event is one thing that happens.
func (w *robbery) event() {
	ctx := context.Background()
	switch rapid.SampledFrom(lockEvents).Draw(w.t, "event") {
	case "run":
		w.run()
	case "two runs":
		w.other = func() { w.run() }
		w.run()
		w.other = nil
	case "thief meanwhile":
		w.other = w.thief
		w.run()
		w.other = nil
	case "store away":
		w.records.Break(bridge.Fault(bridge.CodeStoreAway, "model", nil))
	case "trail full":
		w.audit.Break(bridge.Fault(bridge.CodeAuditFull, "model", nil))
	case "mended":
		w.mend()
		w.gone = false
	case "clock":
		w.now = w.now.Add(time.Duration(rapid.IntRange(-5, 300).Draw(w.t, "seconds")) * time.Second)
	case "thief":
		w.thief()
	case "refuses":
		w.refuses = rapid.SampledFrom([]string{"", bridge.TypeOTP, bridge.TypeRecoveryCodes, "webauthn"}).Draw(w.t, "kind")
	case "gone":
		w.gone = true
		if w.since.IsZero() {
			w.since = w.now
		}
	case "for hours": // as it is
		for range 4 {
			w.run()
			w.check()
			w.now = w.now.Add(25 * time.Minute)
		}
	case "for long": // and nothing else is wrong
		w.mend()
		w.calm = true
		w.run()
		w.now = w.now.Add(3 * time.Minute)
		w.run()
		w.calm = false
	case "cancel":
		_ = w.flow.Cancel(ctx, bridge.Viewer{Person: "p", Holder: "holder"})
	case "expiry":
		_, _ = w.flow.Expire(ctx, "p")
	}
}

// thief signs in with what there is, and adds another second factor: as long as the lock has not ended. Who signs in by what is known to stay, after the
// sessions were ended, does so as after the lock: the watch tells.
func (w *robbery) thief() {
	r, err := w.records.Get(context.Background(), "p")
	opens := func(c bridge.Credential) bool { return c.Type != bridge.TypePassword && c.ID != w.newID }
	if err != nil || r.Locked() || !slices.ContainsFunc(w.list, opens) {
		return
	}
	stays := func(c bridge.Credential) bool {
		return !opens(c) || r.Lock != nil && r.Lock.SessionsEnded && slices.Contains(r.Lock.Left, c.ID)
	}
	w.sessions = w.sessions || slices.ContainsFunc(w.list, func(c bridge.Credential) bool { return !stays(c) })
	if w.came < 2 {
		w.came++
		w.list = append(w.list, bridge.Credential{ID: fmt.Sprint("thief", w.came), Type: rapid.SampledFrom([]string{bridge.TypeOTP, "webauthn"}).Draw(w.t, "adds"), Created: w.now})
	}
}

// check holds what must be true at every instant.
func (w *robbery) check() {
	if w.fault == "" && w.writes > 0 && len(w.audit.Events("lock.intended")) == 0 {
		w.fault = "INV-9: a tombstone without its intent"
	}
	if w.fault == "" && w.writes > 1 {
		w.fault = "INV-8: written more than once"
	}
	if w.fault != "" {
		w.t.Fatal(w.fault)
	}
	r, err := w.records.Get(context.Background(), "p")
	if err != nil {
		return
	}
	if r.State == bridge.Ended && r.Key != nil {
		w.t.Fatal("INV-10: a key in a recovery that has ended")
	}
	if deleted := r.Lock != nil && r.Lock.Refused == bridge.CodeGone; deleted && !w.deleted && (!w.gone || w.now.Sub(w.since) < time.Hour-time.Minute) { // the clock goes back, too
		w.t.Fatal("WB-13: given up as that of somebody deleted")
	} else if deleted {
		w.deleted = true
	}
	v := bridge.Viewer{Person: "p", Holder: "holder", Recovery: "r", SignedInAt: w.now}
	if bridge.Next(r, true, v, w.now) == bridge.StepEnrol && !r.Locked() {
		w.t.Fatal("WB-13: the key is shown before the lock")
	}
	if r.Locked() {
		w.locked(r)
	}
}

// locked looks at the end of a lock: nothing of the thief's opens anything, but for what is known to stay and is no OTP.
func (w *robbery) locked(r bridge.Recovery) {
	for _, c := range w.list {
		kept := slices.ContainsFunc(r.Lock.Kept, func(k bridge.Credential) bool { return k.ID == c.ID })
		if c.ID != w.newID && c.Type != bridge.TypePassword && (!kept || c.Type == bridge.TypeOTP) {
			w.t.Fatalf("WB-13: locked beside %s, kept %v", c.ID, r.Lock.Kept)
		}
	}
	if w.index(w.newID) < 0 {
		w.t.Fatal("INV-2: locked without a second factor")
	}
	if w.sessions {
		w.t.Fatal("WB-13: locked, and the thief is still signed in")
	}
	if len(w.audit.Events("lock.done")) == 0 || !w.mail["r"] {
		w.t.Fatal("INV-9: the end is not on record, or nobody was told")
	}
}

// end lets the life be well; the lock comes to its end, whoever stopped the recovery.
func (w *robbery) end() {
	w.mend()
	w.calm, w.refuses, w.gone = true, "", false
	for range 5 {
		next := w.run()
		w.check()
		if next.IsZero() {
			break
		}
		w.now = next
	}
	r, err := w.records.Get(context.Background(), "p")
	if err != nil {
		w.t.Fatal(err)
	}
	if deleted := r.Lock != nil && r.Lock.Refused == bridge.CodeGone; !r.Locked() && !deleted {
		w.t.Fatalf("INV-7: the lock does not end: %s %+v", r.State, r.Lock)
	} else if !deleted {
		w.goesOn()
	}
}

// Visited implements bridge.Visits.
func (w *robbery) Visited(context.Context, string) (bool, error) { return w.sessions, nil }

// goesOn lets the thief go on after the lock, with a sign-in from before it, whatever becomes of the recovery: the watch leaves what the lock has left.
func (w *robbery) goesOn() {
	ctx, left := context.Background(), slices.Clone(w.list)
	for i := range rapid.IntRange(1, 5).Draw(w.t, "goes on") {
		switch rapid.SampledFrom([]string{"adds", "takes the tombstone", "visits", "forgotten"}).Draw(w.t, "after the lock") {
		case "adds":
			kind := rapid.SampledFrom([]string{bridge.TypeOTP, bridge.TypeRecoveryCodes, "webauthn"}).Draw(w.t, "kind")
			w.list = append(w.list, bridge.Credential{ID: fmt.Sprint("late", i), Type: kind, Created: w.now})
		case "takes the tombstone":
			w.list = slices.DeleteFunc(w.list, bridge.Credential.Tombstone)
		case "visits":
			w.sessions = true
		case "forgotten":
			if err := w.records.Delete(ctx, "p"); err != nil {
				w.t.Fatal(err)
			}
		}
		if rapid.Bool().Draw(w.t, "not yet") {
			continue
		}
		w.looksAgain(left)
	}
	w.looksAgain(left)
}

// looksAgain is a look of the watch, after which the account is shut as the lock left it.
func (w *robbery) looksAgain(left []bridge.Credential) {
	w.now = w.now.Add(time.Minute)
	if next, err := w.flow.RunWatch(context.Background(), "p"); err != nil || next.IsZero() {
		w.t.Fatalf("WB-13: watched no more: %v %v", next, err)
	}
	for _, c := range w.list {
		if !c.Tombstone() && !slices.ContainsFunc(left, func(l bridge.Credential) bool { return l.ID == c.ID }) {
			w.t.Fatalf("WB-13: %s came after the lock and stays", c.ID)
		}
	}
	if n := slices.IndexFunc(w.list, bridge.Credential.Tombstone); n < 0 || w.sessions {
		w.t.Fatalf("WB-13: open again: tombstone at %d, signed in %t", n, w.sessions)
	}
}

// WB-13, INV-2, INV-7, INV-8, INV-9, INV-10 for the lock: random faults, clock jumps, two replicas at once, a thief who goes on, also after it, and removals that
// Keycloak refuses, against a small model.
func TestRandomLivesOfALock(t *testing.T) {
	t.Parallel()
	lives(t, newRobbery, 30)
}
