package campus_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/store"
)

// apart is how far the clocks of two replicas may differ.
const apart = 5 * time.Second

// SWAP-03, INV-2, INV-8: two replicas whose clocks are five seconds apart are after one swap. The one that has it stands still before a step of it until the
// other one may claim it, which is never while its claim is renewed. The other one brings the swap to its end; the first one, which goes on where it stood,
// changes nothing more, tells nobody again and cannot say that it is done.
func TestReplicasWithClocksApart(t *testing.T) {
	t.Parallel()
	redis := storetest.StartRedis(t)
	for who, ahead := range map[string]time.Duration{"ahead": apart, "behind": -apart} {
		for _, step := range []bridge.ActionKind{"look", bridge.ActionAdd, bridge.ActionMove, bridge.ActionRemove, bridge.ActionEndSessions} {
			t.Run("the other one is "+who+", "+string(step), func(t *testing.T) {
				t.Parallel()
				w := storetest.OnRedis(t, redis)
				w.Config.Redis.Prefix = strings.ToLower(rand.Text()) + ":"
				overtaken(t, w, step, ahead)
			})
		}
	}
}

// pair are two replicas after the swap of one person, on one store.
type pair struct {
	s             *swapper
	clock         *storetest.Clock // of the first one
	first, second *bridge.Flow
	one, other    *store.Store
	ahead         time.Duration // of the second one
}

// overtaken lets the first replica stand still before a step, and the second one, whose clock is that far ahead, go on.
func overtaken(t *testing.T, w storetest.World, step bridge.ActionKind, ahead time.Duration) {
	t.Helper()
	p := pair{s: newSwapper(t, w, patient), clock: storetest.NewClock(), ahead: ahead}
	p.s.seen = func(string) {}
	id := p.s.person()
	p.s.begin(t, id)
	_, err := p.s.flow.Recoveries.Update(t.Context(), id, time.Hour, func(r bridge.Recovery, _ bool) (bridge.Recovery, error) {
		r.Snapshot.Addresses = []bridge.Address{{Value: name + "@example.net"}}
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.first, p.one = p.s.replica(t, w, p.clock.Now)
	p.second, p.other = p.s.replica(t, w, p.late)
	if err := p.one.Jobs.Add(t.Context(), bridge.Job{Kind: raced, ID: id, At: p.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	held, err := p.one.Jobs.Claim(t.Context(), []string{raced}, p.clock.Now(), store.WorkLease)
	if err != nil {
		t.Fatal(err)
	}
	stood := false
	p.first.Target = hooked{SwapTarget: p.first.Target, action: func(a bridge.Action) {
		if a.Kind == step && !stood {
			stood = true
			p.overtake(t, held)
		}
	}}
	if _, err = p.first.RunSwap(t.Context(), id); !stood {
		t.Fatalf("it stood nowhere: %v", err)
	}
	if err := p.one.Jobs.Done(t.Context(), held); !errors.Is(err, store.ErrConflict) {
		t.Errorf("who stood still says that the job is done: %v", err)
	}
	p.mustBeOnce(t, id)
}

// raced is the kind of the job that both are after; the swapper's own worker knows nothing of it.
const raced = "raced"

// late is the second one's time.
func (p *pair) late() time.Time { return p.clock.Now().Add(p.ahead) }

// overtake has the second replica wait until it may claim the job, and do it.
func (p *pair) overtake(t *testing.T, held store.Claimed) {
	t.Helper()
	claim := func() (store.Claimed, error) {
		return p.other.Jobs.Claim(t.Context(), []string{raced}, p.late(), store.WorkLease)
	}
	const renewEvery = 2 * time.Second
	for range 3 {
		p.clock.Advance(renewEvery)
		if _, err := claim(); !errors.Is(err, store.ErrAbsent) {
			t.Fatalf("the other one claims what is held: %v", err)
		}
		if err := p.one.Jobs.Renew(t.Context(), held, store.WorkLease); err != nil {
			t.Fatal(err)
		}
	}
	p.clock.Advance(store.WorkLease - p.ahead)
	mine, err := claim()
	if err != nil || mine.Fence <= held.Fence {
		t.Fatalf("the lease is over: %+v, %v", mine, err)
	}
	if _, err := p.second.RunSwap(t.Context(), mine.ID); err != nil {
		t.Fatal(err)
	}
	if err := p.other.Jobs.Done(t.Context(), mine); err != nil {
		t.Error(err)
	}
}

// mustBeOnce wants the new authenticator alone, and everything about it once.
func (p *pair) mustBeOnce(t *testing.T, id string) {
	t.Helper()
	r, err := p.second.Recoveries.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	p.s.mustEnd(t, "in the end", r)
	var events []string
	for _, e := range p.s.trail.Events("") {
		events = append(events, e.Event)
	}
	wrote := fakekc.Fault{Method: http.MethodPut, Path: "/admin/realms/campus/users/*"}
	if n := p.s.met(wrote); n != 1 {
		t.Errorf("written %d times", n)
	}
	if want := []string{"swap.intended", "swap.done"}; !slices.Equal(events, want) || p.s.mails.Load() != 1 {
		t.Errorf("on record %v, %d mails", events, p.s.mails.Load())
	}
}
