package campus_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/totp"
)

const stoneID = "stone" // of the first tombstone, behind its mark

// shut is the life of an account that was locked after a theft: a Keycloak of one person that loses calls and answers, a thief with a sign-in from before the
// lock, a person who may come back, and the watch.
type shut struct {
	t        *rapid.T
	list     []bridge.Credential
	sessions bool          // the thief is signed in at an application
	ended    time.Time     // when the sessions were, last
	skew     time.Duration // of Keycloak's clock
	now      time.Time
	calm     bool
	gone     bool
	since    time.Time // gone as far as anybody knows
	refuses  string    // the kind that is not removed now
	came     int       // of the thief's
	opened   time.Time // when the person had a new authenticator
	watching bool      // who calls is the watch
	stood    bool      // which has seen that something keeps the account shut, or has written it
	over     bool      // it has ended
	other    func()    // what happens while a call is on its way
	fault    string

	records *memory.Records[bridge.Recovery]
	watches *memory.Records[bridge.Watch]
	audit   *memory.Audit
	flow    *bridge.Flow
}

func (w *shut) theirs() time.Time { return w.now.Add(w.skew) }

func newShut(t *rapid.T) *shut {
	w := &shut{t: t, now: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC), audit: &memory.Audit{}}
	w.skew = time.Duration(rapid.IntRange(-20, 20).Draw(t, "skew")) * time.Second
	clock := func() time.Time { return w.now }
	w.records, w.watches = &memory.Records[bridge.Recovery]{Now: clock}, &memory.Records[bridge.Watch]{Now: clock}
	w.list = []bridge.Credential{
		{ID: "password", Type: bridge.TypePassword, Created: w.theirs().Add(-time.Hour)},
		{ID: tombstoneID(stoneID), Type: bridge.TypeOTP, Created: w.theirs()},
		{ID: "kept", Type: "webauthn", Created: w.theirs().Add(-time.Hour)},
	}
	w.flow = &bridge.Flow{
		Accounts: w, Target: w, Visits: w, Recoveries: w.records, Watches: w.watches, Jobs: &memory.Jobs{}, Audit: w.audit, Mail: mailbox{},
		Codes: totp.Authenticator{}, Rules: bridge.Rules{AllowedGroup: "/allowed"}, Now: clock, Theirs: w.theirs, Log: slog.New(slog.DiscardHandler),
	}
	w.put(bridge.Recovery{
		ID: "r", State: bridge.Proven, Reason: bridge.ReasonStolen, ProvenAt: w.now, Expires: w.now.Add(bridge.ProofLife),
		Lock: &bridge.Lock{Done: true, At: w.theirs(), Kept: []bridge.Credential{{ID: "kept"}}, Tombstone: bridge.NewCredential{ID: tombstoneID(stoneID)}},
	})
	first := bridge.Watch{Person: "p", Recovery: "r", At: w.theirs(), Kept: []string{"kept"}, Listed: true, Shut: true}
	if err := w.flow.StartWatch(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	return w
}

// tombstoneID and recoveredID are ids that nobody but an administrator can write.
func tombstoneID(rest string) string { return "6f747062-7473-8000-8" + rest }
func recoveredID(rest string) string { return "6f747062-6e77-8000-8" + rest }

func (w *shut) put(r bridge.Recovery) {
	r.V, r.Person, r.StartedAt = bridge.RecoveryVersion, "p", w.now
	r.Snapshot.NotBefore = w.ended
	_, err := w.records.Update(context.Background(), "p", 0, func(bridge.Recovery, bool) (bridge.Recovery, error) { return r, nil })
	if err != nil {
		w.t.Fatal(err)
	}
}

// call is what happens to each call before Keycloak gets it.
func (w *shut) call() error {
	if other := w.other; other != nil && rapid.Bool().Draw(w.t, "now") {
		w.other = nil
		was, stood := w.watching, w.stood
		other()
		w.watching, w.stood = was, stood
	}
	if w.gone {
		return errGone
	}
	w.since = time.Time{} // a call that is lost says nothing of the account, and that it was gone does not last
	if w.lost("call") {
		return errLost
	}
	return nil
}

func (w *shut) lost(what string) bool { return !w.calm && rapid.IntRange(0, 4).Draw(w.t, what) == 0 }

// Credentials implements bridge.SwapTarget.
func (w *shut) Credentials(context.Context, string) ([]bridge.Credential, error) {
	if err := w.call(); err != nil {
		return nil, err
	}
	w.stood = slices.ContainsFunc(w.list, keepsShut)
	return slices.Clone(w.list), nil
}

// keepsShut reports whether nobody gets in for want of what is no thief's.
func keepsShut(c bridge.Credential) bool { return c.Tombstone() || c.Recovered() }

// Do implements bridge.SwapTarget.
func (w *shut) Do(_ context.Context, _ string, a bridge.Action) error {
	watching := w.watching
	if err := w.call(); err != nil {
		return err
	}
	if i := w.index(a.Credential); a.Kind == bridge.ActionRemove && i >= 0 && w.list[i].Type == w.refuses {
		return bridge.Fault(bridge.CodeRefusedByAccount, "model", nil)
	}
	if watching {
		w.judge(a)
	}
	switch a.Kind {
	case bridge.ActionAdd:
		w.stood = true
		if w.index(a.New.ID) < 0 {
			w.list = append(w.list, bridge.Credential{ID: a.New.ID, Type: bridge.TypeOTP, Created: time.UnixMilli(a.New.CreatedMillis)})
		}
	case bridge.ActionEndSessions:
		w.sessions, w.ended = false, w.theirs()
	default:
		w.list = a.Apply(w.list)
	}
	if w.lost("answer") {
		return errLost
	}
	return nil
}

// judge holds what the watch does against what it may do.
func (w *shut) judge(a bridge.Action) {
	switch {
	case !w.opened.IsZero():
		w.fault = fmt.Sprint("the person has a new authenticator, and the watch does ", a.Kind)
	case a.Kind == bridge.ActionAdd && !w.rang(a.New.ID):
		w.fault = "INV-9: a tombstone that is not on record"
	case a.Kind == bridge.ActionAdd && w.index(a.New.ID) < 0 && slices.ContainsFunc(w.list, keepsShut):
		w.fault = "INV-8: a tombstone beside what stands already"
	case a.Kind == bridge.ActionRemove && !w.stood:
		w.fault = "INV-2: something is removed before a tombstone stands"
	case a.Kind == bridge.ActionRemove && !strings.HasPrefix(a.Credential, "thief"):
		w.fault = "INV-2: the watch removes " + a.Credential
	}
}

// rang reports whether a second factor, or a tombstone, was an alarm.
func (w *shut) rang(id string) bool {
	return slices.ContainsFunc(w.audit.Events("lock.intruder"), func(e bridge.AuditEvent) bool {
		return e.Added == id || slices.Contains(strings.Fields(e.Detail["found"]), id)
	})
}

func (w *shut) index(id string) int {
	return slices.IndexFunc(w.list, func(c bridge.Credential) bool { return c.ID == id })
}

// Visited and OpenedBy implement bridge.Visits.
func (w *shut) Visited(context.Context, string) (bool, error) {
	err := w.call()
	return w.sessions, err
}

func (w *shut) OpenedBy(context.Context, string, string, time.Time) (bool, error) { return false, nil }

// ByID, ByName, History and Realm implement bridge.Accounts.
func (w *shut) ByID(context.Context, string) (bridge.Account, error) {
	if err := w.call(); err != nil {
		return bridge.Account{}, err
	}
	return bridge.Account{ID: "p", Enabled: true, Groups: []string{"/allowed"}, Credentials: slices.Clone(w.list), NotBefore: w.ended}, nil
}

func (w *shut) ByName(ctx context.Context, _ string) (bridge.Account, error) { return w.ByID(ctx, "p") }

func (w *shut) History(context.Context, string, time.Time) (bridge.History, error) {
	return bridge.History{}, nil
}

func (w *shut) Realm(context.Context) (bridge.RealmFacts, error) {
	if err := w.call(); err != nil {
		return bridge.RealmFacts{}, err
	}
	return bridge.RealmFacts{OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}}, nil
}

// look is what the job of the watch does. It may end in two ways only.
func (w *shut) look() {
	if w.over {
		return
	}
	w.watching = true
	next, err := w.flow.RunWatch(context.Background(), "p")
	w.watching = false
	deleted := w.gone && w.now.Sub(w.since) >= time.Hour-time.Minute // the clock goes back, too
	late := !w.opened.IsZero() && w.now.Sub(w.opened) > 71*time.Hour
	if w.over = err == nil && next.IsZero(); w.over && !deleted && !late {
		w.fault = "WB-13: watched no more"
	}
}

// thief goes on with a sign-in from before the lock.
func (w *shut) thief() {
	switch rapid.SampledFrom([]string{"adds", "takes the tombstone", "visits"}).Draw(w.t, "thief") {
	case "adds":
		if w.came < 4 {
			w.came++
			kind := rapid.SampledFrom([]string{bridge.TypeOTP, bridge.TypeRecoveryCodes, "webauthn", "webauthn-passwordless"}).Draw(w.t, "kind")
			w.list = append(w.list, bridge.Credential{ID: fmt.Sprint("thief", w.came), Type: kind, Created: w.theirs()})
		}
	case "takes the tombstone":
		w.list = slices.DeleteFunc(w.list, bridge.Credential.Tombstone)
	case "visits":
		w.sessions = true
	}
}

var watchEvents = []string{
	"look", "look", "two looks", "thief", "thief meanwhile", "start", "forgotten", "recovers", "store away", "trail full", "mended", "clock", "for hours", "refuses", "gone",
}

// event is one thing that happens.
func (w *shut) event() {
	switch rapid.SampledFrom(watchEvents).Draw(w.t, "event") {
	case "look":
		w.look()
	case "two looks":
		if rapid.Bool().Draw(w.t, "at a tombstone that is gone") {
			w.list = slices.DeleteFunc(w.list, bridge.Credential.Tombstone)
		}
		w.other = w.look
		w.look()
		w.other = nil
	case "thief":
		w.thief()
	case "thief meanwhile":
		w.other = w.thief
		w.look()
		w.other = nil
	case "start", "forgotten", "recovers":
		w.person()
	case "store away":
		w.records.Break(bridge.Fault(bridge.CodeStoreAway, "model", nil))
		w.watches.Break(bridge.Fault(bridge.CodeStoreAway, "model", nil))
	case "trail full":
		w.audit.Break(bridge.Fault(bridge.CodeAuditFull, "model", nil))
	case "mended":
		w.mend()
	case "clock":
		w.now = w.now.Add(time.Duration(rapid.IntRange(-5, 300).Draw(w.t, "seconds")) * time.Second)
	case "for hours": // as it is
		for range 4 {
			w.look()
			w.now = w.now.Add(25 * time.Minute)
		}
	case "refuses":
		w.refuses = rapid.SampledFrom([]string{"", bridge.TypeOTP, bridge.TypeRecoveryCodes, "webauthn"}).Draw(w.t, "kind")
	case "gone":
		w.gone = true
		if w.since.IsZero() {
			w.since = w.now
		}
	}
}

// person is what becomes of the recovery: another start, for which the thief's password is enough, its forgetting, or a new authenticator.
func (w *shut) person() {
	w.mend()
	if !w.opened.IsZero() || w.over {
		return
	}
	switch rapid.SampledFrom([]string{"start", "forgotten", "recovers"}).Draw(w.t, "then") {
	case "start":
		w.put(bridge.Recovery{ID: "r2", State: bridge.Waiting, Reason: bridge.ReasonLost, Expires: w.now.Add(time.Hour)})
	case "forgotten":
		if err := w.records.Delete(context.Background(), "p"); err != nil {
			w.t.Fatal(err)
		}
	case "recovers":
		w.recovers()
	}
}

// recovers brings a new authenticator, while the watch looks.
func (w *shut) recovers() {
	s := bridge.Swap{New: bridge.NewCredential{ID: recoveredID("new"), Secret: newSecret, CreatedMillis: w.theirs().UnixMilli()}}
	for _, c := range w.list {
		if c.Type == bridge.TypeOTP {
			s.Remove = append(s.Remove, c.ID)
		}
	}
	w.put(bridge.Recovery{ID: "r3", State: bridge.Writing, Reason: bridge.ReasonLost, WritingAt: w.now, Swap: &s})
	w.calm, w.other, w.refuses = true, w.look, ""
	if _, err := w.flow.RunSwap(context.Background(), "p"); err != nil {
		w.t.Fatal(err)
	}
	w.calm, w.other, w.opened = false, nil, w.now
}

func (w *shut) mend() {
	w.records.Break(nil)
	w.watches.Break(nil)
	w.audit.Break(nil)
	w.gone = false
}

func (w *shut) check() {
	if w.fault != "" {
		w.t.Fatal(w.fault)
	}
}

// end lets the life be well: two looks later nothing of the thief's is left in an account that has no new authenticator, and all of it was an alarm.
func (w *shut) end() {
	w.mend()
	w.calm, w.refuses = true, ""
	before := slices.Clone(w.list)
	for range 2 {
		w.now = w.now.Add(time.Minute)
		w.look()
		w.check()
	}
	if w.over {
		return
	}
	for _, c := range before {
		if strings.HasPrefix(c.ID, "thief") && !w.rang(c.ID) {
			w.t.Fatalf("WB-13: %s came, and nobody hears of it", c.ID)
		}
	}
	if !w.opened.IsZero() {
		return
	}
	for _, c := range w.list {
		if strings.HasPrefix(c.ID, "thief") {
			w.t.Fatalf("WB-13: %s came after the lock and stays", c.ID)
		}
	}
	if !slices.ContainsFunc(w.list, bridge.Credential.Tombstone) || w.sessions || w.index("kept") < 0 || w.index("password") < 0 {
		w.t.Fatalf("WB-13: signed in %t, %v", w.sessions, w.list)
	}
	r, err := w.records.Get(context.Background(), "p")
	if err == nil && r.At(w.now).Open() && !r.Snapshot.NotBefore.Equal(w.ended) {
		w.t.Fatalf("the watch ended the recovery: %s, sessions at %s", r.Snapshot.NotBefore, w.ended)
	}
}

// WB-13, INV-2, INV-8, INV-9 for an account that was locked: looks of the watch in any order, two at once, faults, clock jumps, a thief who adds second factors, takes
// the tombstone away and signs in, and a person who starts again or comes back, against a small model.
func TestRandomLivesOfAWatch(t *testing.T) {
	t.Parallel()
	lives(t, newShut, 30)
}
