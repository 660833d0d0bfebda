package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otpbridge/bridge"
)

// walk is a recovery of either way under random calls, and what has been proven of it as the test counts it.
type walk struct {
	t    *rapid.T
	r    bridge.Recovery
	now  time.Time
	rule bridge.Ruling

	links    int // a link per way to have one
	redeemed bool
	approved map[string]int // checks by operator
	needed   int
	waited   bool      // a waiting period was begun
	stood    bool      // it was proven, and that was not taken back
	picks    int       // wrong match words
	theft    time.Time // when a theft was reported of which nothing came; zero: none
	reporter string    // the browser that did
}

func (w *walk) one(name string, of ...string) string { return rapid.SampledFrom(of).Draw(w.t, name) }

func (w *walk) forget() { w.redeemed, w.approved, w.needed = false, map[string]int{}, 0 }

// begin asks for a recovery, over whatever there is.
func (w *walk) begin() {
	w.links++
	s := start(w.now)
	s.ID, s.Way, s.Reason = fmt.Sprint("r", w.links), bridge.Way(w.one("way", "mail", "desk", "desk")), bridge.Reason(w.one("reason", "lost", "stolen"))
	s.Link.Hash, s.Asker = fmt.Sprint("hash", w.links), w.one("asks in", "asker", "thief")
	if s.Way == bridge.WayDesk {
		s.Link.Hash, s.Call = "", &bridge.Call{Code: "1", Serial: 1, Expires: w.now.Add(bridge.CallCodeLife)}
	}
	old := w.r.At(w.now)
	next, err := bridge.Begin(w.r, w.r.ID != "", s, w.now)
	if err != nil {
		return
	}
	reported := !w.theft.IsZero() && w.now.Sub(w.theft) < bridge.KeepEnded
	if reported && next.Reason != bridge.ReasonStolen {
		w.t.Fatal("WB-13: a theft is talked down by the password alone")
	}
	if s.Reason != bridge.ReasonStolen && !reported && next.Reason != s.Reason {
		w.t.Fatal("a theft that nobody reported")
	}
	if !reported {
		w.theft = time.Time{}
	}
	if s.Reason == bridge.ReasonStolen && !reported {
		w.theft, w.reporter = w.now, s.Asker
	}
	if old.State == bridge.Proven || old.State == bridge.Writing || old.Locking() || old.State == bridge.Waiting && len(w.approved) > 0 {
		w.t.Fatalf("TOK-07: a proof in %s is superseded", old.State)
	}
	w.r = next
	w.forget()
	w.waited, w.stood = false, false
	if old.State == bridge.Done {
		w.picks = 0
	}
}

// keep stores what a call made of the recovery, as the flow does.
func (w *walk) keep(next bridge.Recovery, err error) bool {
	switch bridge.CodeOf(err) {
	case "", bridge.CodeObjection, bridge.CodeWrongCode, bridge.CodeKeyStopped, bridge.CodeCallPair, bridge.CodeWrongWords:
		w.r = next
	}
	return err == nil
}

// proves redeems the link, or another one.
func (w *walk) proves() {
	p := proof(w.now)
	p.LinkHash, p.Delay = w.one("link", fmt.Sprint("hash", w.links), fmt.Sprint("hash", w.links), "veto", ""), w.rule.Delay
	right := p.LinkHash == fmt.Sprint("hash", w.links)
	if w.keep(w.r.Prove(p, key, w.now)) {
		w.redeemed = right
		w.proved()
	}
}

// proved notes a waiting period that has begun with the proof.
func (w *walk) proved() {
	if w.r.State == bridge.Waiting && w.now.Before(w.r.NotBefore) {
		w.forget()
		w.waited = true
	}
}

// desk is one call of an operator or the caller.
func (w *walk) desk() {
	o := bridge.Operator{Person: w.one("operator", "carol", "dave", "erin", "p1")}
	code := "0"
	if w.r.Call != nil && rapid.IntRange(0, 9).Draw(w.t, "right") > 0 {
		code = w.r.Call.Code
	}
	w.keep(w.r.LookUp(o, code, w.now))
	checks := []string{bridge.CheckInPerson}
	for range rapid.IntRange(0, 2).Draw(w.t, "calls back") {
		if w.callsBack(o) {
			checks = []string{bridge.CheckInPerson, bridge.CheckCallBack}
		}
	}
	if rapid.IntRange(0, 9).Draw(w.t, "denied") == 0 {
		w.keep(w.r.Deny(o, w.now))
		return
	}
	d := bridge.Decision{Checks: checks, Ticket: "T", Rule: w.rule, Next: "2", Key: key}
	if !w.keep(w.r.Approve(o, d, w.now)) {
		return
	}
	if _, twice := w.approved[o.Person]; twice || o.Person == "p1" || len(checks) < w.rule.Checks {
		w.t.Fatalf("HD-05: approved by %s with %d checks after %v", o.Person, len(checks), w.approved)
	}
	w.approved[o.Person], w.needed = len(checks), max(w.needed, w.rule.Approvals)
	w.proved()
}

// callsBack picks words, right ones or not.
func (w *walk) callsBack(o bridge.Operator) (matched bool) {
	if !w.keep(w.r.StartCallBack(o, []int{1, 2}, 1, w.now)) {
		return false
	}
	if w.keep(w.r.PickWords(o, rapid.IntRange(1, 2).Draw(w.t, "pick"), w.now)) {
		return true
	}
	w.picks++
	if w.picks > bridge.MaxWrongWords {
		w.t.Fatal("match words are guessed without an end")
	}
	return false
}

// stricter asks for more, as a policy that has changed does.
func (w *walk) stricter() {
	rule := bridge.Ruling{Approvals: 2, Checks: rapid.IntRange(1, 2).Draw(w.t, "checks"), Delay: w.rule.Delay}
	if !w.keep(w.r.AskMore(rule, "3", w.now)) {
		return
	}
	w.rule, w.stood = rule, false
	for o, checks := range w.approved {
		if checks < rule.Checks {
			delete(w.approved, o)
		}
	}
	w.needed, w.redeemed = max(w.needed, rule.Approvals), false
	w.proved()
}

// lock lets the lock of a theft go on; it is kept with the recovery.
func (w *walk) lock() {
	switch {
	case w.r.Locking() && w.r.Lock == nil:
		if !w.stood {
			w.t.Fatal("WB-13: a lock before the proof")
		}
		w.r.Lock = &bridge.Lock{}
	case w.r.Locking():
		w.r.Lock = &bridge.Lock{Done: true}
	}
}

// complete reports that all that the rules ask for was proven.
func (w *walk) complete() bool {
	if w.rule.Delay > 0 && !w.waited || w.now.Before(w.r.NotBefore) {
		return false
	}
	return w.redeemed || len(w.approved) > 0 && len(w.approved) >= w.needed
}

// step is one thing that happens.
func (w *walk) step() {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 240).Draw(w.t, "seconds")) * time.Second)
	switch often := rapid.IntRange(0, 2).Draw(w.t, "goes on") > 0; {
	case often && w.now.Before(w.r.NotBefore):
		w.now = w.r.NotBefore.Add(time.Second)
	case often && w.r.Locking():
		w.lock()
		return
	}
	switch w.one("call", "begin", "prove", "prove", "desk", "desk", "stricter", "lock", "resend", "renew", "cancel", "cancel", "a day", "expire", "other", "other", "other") {
	case "begin":
		w.begin()
	case "prove":
		w.proves()
	case "desk":
		w.desk()
	case "stricter":
		w.stricter()
	case "lock":
		w.lock()
	case "resend":
		l := start(w.now).Link
		l.Hash = fmt.Sprint("hash", w.links+1)
		if w.keep(w.r.Resend(l, w.now)) {
			w.links++
		}
	case "renew":
		who := w.one("browser", "asker", "other")
		w.keep(w.r.RenewCode(bridge.Viewer{Holder: who, SignedInAt: w.now}, "4", w.now))
	case "a day":
		w.now = w.now.Add(24 * time.Hour)
	case "expire":
		w.r = w.r.At(w.now)
	case "cancel":
		who := w.one("cancels in", "asker", "thief")
		if w.keep(w.r.Cancel(who, w.now)) && who == w.reporter {
			w.theft = time.Time{}
		}
	default:
		if next, err := randomCall(w.t, w.r, w.now); next.End != bridge.EndCancelled { // which has a case of its own
			w.keep(next, err)
		}
	}
}

// check holds what must be true at every moment.
func (w *walk) check(before bridge.Recovery) {
	r, first := w.r, before.State == bridge.Waiting && w.r.State == bridge.Proven
	switch {
	case first && !w.complete():
		w.t.Fatalf("INV-1: proven with %v of %d, link %t, waited %t", w.approved, w.needed, w.redeemed, w.waited)
	case r.Key != nil && r.State != bridge.Proven && r.State != bridge.Writing:
		w.t.Fatalf("INV-1, INV-10: a key in %s", r.State)
	case (r.State == bridge.Done || r.State == bridge.Ended) && (r.Swap != nil || len(r.OldKeys) > 0):
		w.t.Fatalf("INV-10: %s holds a key", r.State)
	case r.State == bridge.Waiting && w.now.Before(r.NotBefore) && (r.Link.Hash != "" || r.Call != nil && len(r.Call.Approvals)+len(r.Call.Code) > 0):
		w.t.Fatal("POL-05: a proof is kept through the waiting period")
	case r.Locking() && (r.Reason != bridge.ReasonStolen || r.Lock == nil && !w.stood && !first):
		w.t.Fatalf("WB-13: locking in %s", r.State)
	case before.ID == r.ID && !before.Open() && r.State != before.State:
		w.t.Fatalf("%s → %s: an end is final", before.State, r.State)
	case before.ID == r.ID && before.State == bridge.Writing && r.State == bridge.Ended && r.End != bridge.EndRefused:
		w.t.Fatalf("INV-7: a swap is ended by %s", r.End)
	}
	w.stood = w.stood || first
	if r.State == bridge.Done || r.Locked() || r.End == bridge.EndVetoed {
		w.theft = time.Time{}
	}
	v := bridge.Viewer{Person: "p1", SignedInAt: w.now, Holder: r.Holder, Recovery: r.ID}
	if step := bridge.Next(r, true, v, w.now); step == bridge.StepEnrol && (r.Locking() || r.State != bridge.Proven) {
		w.t.Fatal("INV-2: the key is shown while the account is being locked")
	}
}

// INV-1, INV-2, INV-7, INV-10, WB-13, HD-05, POL-05: the machine of both ways, with waiting periods, rules that become stricter and thefts, under
// random calls: no key before all that is asked for was proven, anew after a waiting period, no lock before the proof, no key before the lock.
func TestRandomWaysOfARecovery(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	missing := func() []string {
		return slices.DeleteFunc([]string{"mail proven", "desk proven", "waited proven", "locked"}, func(where string) bool { return seen[where] > 0 })
	}
	for n := 0; n < 20 || n < 200 && len(missing()) > 0; n++ { // few of the lives have waited when they are proven
		rapid.Check(t, func(t *rapid.T) { walks(t, seen) })
	}
	if never := missing(); len(never) > 0 {
		t.Errorf("%v were never reached: %v", never, seen)
	}
}

// walks lives one life, and counts where it came.
func walks(t *rapid.T, seen map[string]int) {
	w := &walk{t: t, now: t0, approved: map[string]int{}}
	w.rule = bridge.Ruling{Approvals: rapid.IntRange(1, 2).Draw(t, "approvals"), Checks: 1}
	if rapid.Bool().Draw(t, "delay") {
		w.rule.Delay = 23 * time.Hour
	}
	w.begin()
	for range rapid.IntRange(1, 60).Draw(t, "calls") {
		before := w.r
		w.step()
		w.check(before)
		seen[string(w.r.Way)+" "+string(w.r.State)]++
		if w.waited {
			seen["waited "+string(w.r.State)]++
		}
		if w.r.Locked() {
			seen["locked"]++
		}
	}
}
