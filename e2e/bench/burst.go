package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/e2e/rig"
)

const (
	burst       = 50 // at once
	burstRounds = 2
	burstLimit  = time.Minute // for one round
)

// swapBurst lets many recoveries finish at once: their codes were right in the same moment, and the product's worker, as many at a time as in the
// product, has to end them all. The peer is the plain client that sends as many of the bare sequences at once. Each one counts from the moment of all.
func swapBurst(t *testing.T) []figure {
	t.Helper()
	campus := rig.NewCampus(t)
	flow, s := newFlow(t, campus)
	plain := newPlain(t, campus)
	var ours, theirs []time.Duration
	for round := range burstRounds + 1 {
		n := burst
		if round == 0 {
			n = 5 // makes Keycloak warm, fetches the token
		}
		var mine, others []account
		for i := range n {
			mine = append(mine, addPerson(t, campus, fmt.Sprintf("mine%d-%d", round, i)))
			others = append(others, addPerson(t, campus, fmt.Sprintf("other%d-%d", round, i)))
		}
		took, other := finishAtOnce(t, flow, s, mine), atOnce(t, plain, others)
		if round > 0 {
			ours, theirs = append(ours, took...), append(theirs, other...)
		}
	}
	const goal = burst * burstRounds
	return []figure{
		{name: "swap-burst-done", value: float64(len(ours)), unit: "recoveries", goal: fmt.Sprint(goal)},
		{"swap-burst", millis(quantile(ours, .95)), "ms", "", "bare calls", millis(quantile(theirs, .95))},
	}
}

// finishAtOnce returns how long each recovery took until it was done; those that are not done when time is up are missing.
func finishAtOnce(t *testing.T, flow *bridge.Flow, s *store.Store, people []account) (took []time.Duration) {
	t.Helper()
	for _, a := range people {
		before(t, flow, a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan time.Time, len(people))
	work := store.Work{Kind: bridge.JobSwap, Parallel: 16, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) {
		next, err := flow.RunSwap(ctx, c.ID)
		if r, e := flow.Recoveries.Get(ctx, c.ID); e == nil && r.State == bridge.Done {
			ended <- time.Now()
		}
		return next, err
	}}
	worker := &store.Worker{Jobs: s.Jobs, KV: s.KV, Works: []store.Work{work}, Now: time.Now, Log: flow.Log}
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { worker.Run(ctx, burstLimit) })
	began := time.Now()
	for _, a := range people {
		all.Go(func() {
			if err := s.Jobs.Add(ctx, bridge.Job{Kind: bridge.JobSwap, ID: a.id, At: began}); err != nil {
				t.Error(err)
			}
		})
	}
	limit := time.After(burstLimit)
	for range people {
		select {
		case end := <-ended:
			took = append(took, end.Sub(began))
		case <-limit:
			return took
		}
	}
	return took
}

// atOnce sends the bare calls for all people at once and returns how long each sequence took.
func atOnce(t *testing.T, p *plain, people []account) []time.Duration {
	t.Helper()
	took := make([]time.Duration, len(people))
	var all sync.WaitGroup
	began := time.Now()
	for i, a := range people {
		all.Go(func() {
			if err := p.swap(t.Context(), a); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	return took
}
