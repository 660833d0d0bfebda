package web_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// STO-11: whatever a person and the job of a recovery do, in whatever order, and wherever the store dies between two writes, a record names no link to which
// nothing leads, no link proves anything that the record does not name, and what leads to an objection is repaired when it was lost.
func TestPointersUnderRandomOperations(t *testing.T) {
	t.Parallel()
	c := campus.Open(t) // Redis counts limits by a clock of its own, which no test moves
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := pointed{t: t, c: c, random: rand.New(rand.NewPCG(seed, 0)), counts: map[string]int{}}
	name := member(c, "mia")
	newPerson(t, c).ask(name)
	w.asked = bridge.Asked{Username: name, Reason: bridge.ReasonLost, Way: bridge.WayMail, Snapshot: recovery(t, c, name).Snapshot}
	w.person = c.KC.PersonID(name)
	c.StopWork() // the job is one of the steps
	c.Flow.Limits = mailsWithoutEnd{c.Flow.Limits}
	rounds := 120
	if !testing.Short() {
		rounds = 400
	}
	for range rounds {
		w.step()
		w.holds()
	}
	for _, what := range []string{"start", "resend", "redeem", "cancel", "died", "repaired", "refused"} {
		if w.counts[what] == 0 {
			t.Errorf("nothing was ever seen of %q: %v", what, w.counts)
		}
	}
}

// mailsWithoutEnd is a limiter that one mailbox may get mails from all day.
type mailsWithoutEnd struct{ bridge.Limiter }

func (mailsWithoutEnd) AllowEach(_ context.Context, uses []bridge.Use) (taken int, retry time.Duration, err error) {
	return len(uses), 0, nil
}

// pointed is the run of the test above.
type pointed struct {
	t      *testing.T
	c      *campus.Campus
	random *rand.Rand
	person string
	asked  bridge.Asked
	counts map[string]int
}

// viewer is a browser of the person's, signed in a moment ago, with a link opened in it.
func (w *pointed) viewer(holder, link string) bridge.Viewer {
	now := w.c.Clock.Now()
	return bridge.Viewer{Person: w.person, Holder: holder, SignedInAt: now, AuthTime: now, LinkHash: link}
}

// step does one thing, during which the store may die.
func (w *pointed) step() {
	w.c.Clock.Add(13 * time.Hour)
	r := w.record()
	link := ""
	if r.Link != nil {
		link = r.Link.Hash
	}
	v, ctx, f := w.viewer("browser", link), w.t.Context(), w.c.Flow
	steps := []struct {
		name string
		do   func() error
	}{
		{"start", func() error { a := w.asked; a.Viewer = v; _, err := f.Start(ctx, a); return err }},
		{"resend", func() error { _, err := f.Resend(ctx, v); return err }},
		{"redeem", func() error { _, err := f.Redeem(ctx, v); return err }},
		{"cancel", func() error { return f.Cancel(ctx, v) }},
		{"job", func() error { _, err := f.Expire(ctx, w.person); return err }},
	}
	s := steps[w.random.IntN(len(steps))]
	if s.name != "start" && s.name != "job" { // something has to be open, and the link is young
		a := w.asked
		a.Viewer = v
		if _, err := f.Start(ctx, a); err == nil {
			w.c.Clock.Add(2 * time.Minute)
			v = w.viewer("browser", w.record().Link.Hash)
		}
	}
	if w.random.IntN(2) == 0 {
		w.c.BreakStore(w.random.IntN(12))
	}
	err := s.do()
	if w.c.MendStore() {
		w.counts["died"]++
	}
	if err == nil {
		w.counts[s.name]++
	}
}

// holds checks what must be true between any two writes.
func (w *pointed) holds() {
	w.t.Helper()
	r := w.record()
	if r.Link == nil || !r.Open() && w.c.Clock.Now().Sub(r.EndedAt) >= bridge.KeepEnded { // nothing is heard of it any more
		return
	}
	for what, hash := range map[string]string{"link": r.Link.Hash, "objection": r.Link.VetoHash} {
		if hash != "" && w.owner(hash) != w.person {
			w.t.Fatalf("nothing leads to the %s that the record names (%s)", what, r.State)
		}
	}
	mails := w.c.Mails(bridge.NoticeLink)
	if old := mails[w.random.IntN(len(mails))].Link.Hash(); old != r.Link.Hash {
		_, err := w.c.Flow.Redeem(w.t.Context(), w.viewer("another", old))
		if bridge.CodeOf(err) != bridge.CodeLinkInvalid || w.record().State != r.State {
			w.t.Fatalf("a link that the record does not name: %v, %s became %s", err, r.State, w.record().State)
		}
		w.counts["refused"]++
	}
	if !r.Open() {
		return
	}
	if err := w.c.Flow.Links.Delete(w.t.Context(), r.Link.VetoHash); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.c.Flow.Expire(w.t.Context(), w.person); err != nil || w.owner(r.Link.VetoHash) != w.person {
		w.t.Fatalf("what leads to the objection is not repaired: %v", err)
	}
	w.counts["repaired"]++
}

func (w *pointed) record() bridge.Recovery {
	w.t.Helper()
	r, err := w.c.Flow.Recoveries.Get(w.t.Context(), w.person)
	if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
		w.t.Fatal(err)
	}
	return r
}

func (w *pointed) owner(hash string) string {
	w.t.Helper()
	person, err := w.c.Flow.Owner(w.t.Context(), hash)
	if err != nil {
		w.t.Fatal(err)
	}
	return person
}
