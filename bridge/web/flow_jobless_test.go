package web_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// Issue 5: a store that loses the job of a swap and keeps its record, as Redis Cluster may when one part of it fails over: whoever starts again gives it
// back, and so does the job that ends the recovery.
func TestASwapThatLostItsJobGoesOn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	_, key := writing(t, c, name)
	r := recovery(t, c, name)
	jobless := func() bool {
		t.Helper()
		jobs, err := c.Store.Jobs.List(t.Context(), bridge.JobSwap, 9)
		if err != nil {
			t.Fatal(err)
		}
		return len(jobs) == 0
	}
	lose := func() {
		t.Helper()
		if err := c.Flow.Jobs.Remove(t.Context(), bridge.JobSwap, r.Person); err != nil || !jobless() {
			t.Fatal(err)
		}
	}
	lose()
	asked := bridge.Asked{
		Viewer: bridge.Viewer{Person: r.Person, SignedInAt: r.SignedInAt, AuthTime: r.AuthTime, Holder: "another"}, Username: name, Reason: bridge.ReasonLost,
		Way: bridge.WayMail, Snapshot: r.Snapshot,
	}
	if _, err := c.Flow.Start(t.Context(), asked); bridge.CodeOf(err) != bridge.CodeTooLate || jobless() {
		t.Fatalf("a start: %v", err)
	}
	lose()
	next, err := c.Flow.Expire(t.Context(), r.Person)
	if err != nil || next.Sub(c.Clock.Now()) < 50*time.Second || jobless() {
		t.Fatalf("the end: %v, %v", next, err)
	}
	c.Second(t)
	c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
	newOnly(t, c, name, key)
	if next, err := c.Flow.Expire(t.Context(), r.Person); err != nil || !next.IsZero() {
		t.Errorf("done: %v, %v", next, err)
	}
}

// WB-13: so with a lock, which goes on when its recovery has ended.
func TestALockThatLostItsJobGoesOn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	robbed := bridge.Recovery{
		V: bridge.RecoveryVersion, ID: "r", Person: "p", State: bridge.Proven, Reason: bridge.ReasonStolen, ProvenAt: c.Clock.Now(), Expires: c.Clock.Now(),
	}
	_, err := c.Flow.Recoveries.Update(t.Context(), "p", time.Hour, func(bridge.Recovery, bool) (bridge.Recovery, error) { return robbed, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"its time is up", "it has ended"} {
		next, err := c.Flow.Expire(t.Context(), "p")
		if err != nil || next.Sub(c.Clock.Now()) < 50*time.Second {
			t.Fatalf("%s: %v, %v", what, next, err)
		}
	}
	if jobs, err := c.Store.Jobs.List(t.Context(), bridge.JobLock, 9); err != nil || len(jobs) != 1 {
		t.Errorf("%v, %v", jobs, err)
	}
}

// WB-13: and so with the watch over an account that was locked, also when the recovery is over or forgotten: within an hour.
func TestAWatchThatLostItsJobGoesOn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "unwatched")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	lockedUp(t, c, name)
	p.send("/enrol", http.StatusOK, "do", "cancel")
	id := c.KC.PersonID(name)
	for _, forgotten := range []bool{false, true} {
		if forgotten {
			if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		c.Wait(t, "the watch to be without its job", func() bool { // whoever has it in hand keeps it
			jobs, err := c.Store.Jobs.List(t.Context(), bridge.JobWatch, 9)
			if err == nil && len(jobs) > 0 {
				err = c.Flow.Jobs.Remove(t.Context(), bridge.JobWatch, id)
			}
			return err == nil && len(jobs) == 0
		})
		parked(c, name, bridge.TypeOTP)
		c.Clock.Add(61 * time.Minute)
		c.Wait(t, "the end of what came", func() bool { return slices.Equal(factorsOf(c, name), []string{bridge.TypeOTP}) })
	}
	c.StopWork()
	if err := c.Flow.EndWatch(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if next, err := c.Flow.RunExpiry(t.Context(), id); err != nil || !next.IsZero() {
		t.Errorf("nothing to watch, and looks again at %s, %v", next, err)
	}
}

// unreadable are watches that no key of ours opens.
type unreadable struct{ bridge.Records[bridge.Watch] }

func (unreadable) Get(context.Context, string) (bridge.Watch, error) {
	return bridge.Watch{}, bridge.Fault(bridge.CodeInternal, "open", nil)
}

// A watch that cannot be read keeps no recovery from its end.
func TestAWatchThatCannotBeReadHoldsUpNoEnd(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	proven(t, c, member(c, "somebody"))
	c.StopWork()
	c.Flow.Watches = unreadable{c.Flow.Watches}
	c.Clock.Add(bridge.ProofLife + time.Minute)
	id := c.KC.PersonID("somebody")
	if next, err := c.Flow.RunExpiry(t.Context(), id); err != nil || next.IsZero() {
		t.Error(next, err)
	}
	r, err := c.Flow.Recoveries.Get(t.Context(), id)
	if err != nil || r.State != bridge.Ended {
		t.Error(r.State, err)
	}
}
