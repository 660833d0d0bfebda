package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/store"
)

const (
	soon  = time.Minute      // on a busy machine
	heard = 10 * time.Second // how soon a waiter hears of a change, and of one that fell into a gap (STO-12)
)

// testWatch: a change by one client wakes the other's waiter, who then sees it; order is kept; other keys stay quiet (STO-12).
func testWatch(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := b.KV.Watch(ctx, "w/1")
	wantErr(t, "watch", err, nil)
	quiet, err := b.KV.Watch(ctx, "w/2")
	wantErr(t, "watch", err, nil)
	for i := range 50 {
		put(t, a.KV, "w/1", strconv.Itoa(i), store.PutOptions{If: store.Any, TTL: time.Minute})
	}
	last := -1
	for last < 49 {
		await(t, changed)
		value, _, err := b.KV.Get(t.Context(), "w/1")
		wantErr(t, "get", err, nil)
		n, _ := strconv.Atoi(string(value))
		if n < last {
			t.Fatalf("%d after %d", n, last)
		}
		last = n
	}
	promptly(t, "a change", func() time.Time {
		drain(quiet)
		since := time.Now()
		put(t, a.KV, "w/2", "v", store.PutOptions{If: store.Any, TTL: time.Minute})
		await(t, quiet)
		return since
	})
	drain(changed)
	wantErr(t, "delete", a.KV.Delete(t.Context(), "w/1", store.Any), nil)
	await(t, changed)
	gone(t, b.KV, "w/1")
	cancel()
	Eventually(t, soon, "the channel is closed when its context ends", func() bool {
		select {
		case _, open := <-changed:
			return !open
		default:
			return false
		}
	})
}

// testWatchJobs: adding work wakes who waits for that kind (STO-12).
func testWatchJobs(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	added, err := b.KV.Watch(t.Context(), "jobs/mail")
	wantErr(t, "watch", err, nil)
	n := 0
	promptly(t, "work", func() time.Time {
		drain(added)
		since := time.Now()
		n++
		wantErr(t, "add", a.Jobs.Add(t.Context(), store.Job{Kind: "mail", ID: strconv.Itoa(n), At: time.Now()}), nil)
		Eventually(t, soon, "the job is there", func() bool {
			await(t, added)
			_, err := b.Jobs.Claim(t.Context(), []string{"mail"}, time.Now(), time.Minute)
			return err == nil
		})
		return since
	})
}

// testWatchMany: a thousand waiters of which most never read hold up no writer, and all hear of the change, also of one that fell
// into a gap of the connection (STO-12).
func testWatchMany(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	var waiters []<-chan struct{}
	for i := range 1000 {
		ch, err := b.KV.Watch(ctx, "m/"+strconv.Itoa(i%10))
		wantErr(t, "watch", err, nil)
		waiters = append(waiters, ch)
	}
	for range 20 {
		for i := range 10 {
			put(t, a.KV, "m/"+strconv.Itoa(i), "v", store.PutOptions{If: store.Any, TTL: time.Minute})
		}
	}
	for _, ch := range waiters {
		await(t, ch)
	}
	if w.Shared { // the embedded store has no connection to lose
		promptly(t, "the end of a gap", func() time.Time {
			w.Break(t, b)
			for _, ch := range waiters {
				drain(ch)
			}
			since := time.Now()
			w.Mend(t, b)
			for _, ch := range waiters {
				await(t, ch)
			}
			return since
		})
	}
	cancel()
	var wg sync.WaitGroup
	for _, ch := range waiters {
		wg.Go(func() {
			for range ch { // ends only when the channel is closed
			}
		})
	}
	wg.Wait()
}

// testClosed: Close wakes and ends every waiter, and what comes later is refused.
func testClosed(t *testing.T, w World) {
	s := w.Open(t, NewRing(t, "k1"), time.Now)
	ch, err := s.KV.Watch(t.Context(), "c/1")
	wantErr(t, "watch", err, nil)
	wantErr(t, "close", s.Close(), nil)
	for range ch { // ends only when the channel is closed
	}
	_, err = s.KV.Watch(t.Context(), "c/1")
	wantErr(t, "watch a closed store", err, store.ErrBroken)
	_, _, err = s.KV.Get(t.Context(), "c/1")
	wantErr(t, "get from a closed store", err, store.ErrBroken)
	if errors.Is(err, store.ErrAbsent) {
		t.Error("a closed store says absent")
	}
	wantErr(t, "close again", s.Close(), nil)
}

// promptly wants what try waits for to be heard within ten seconds of the moment that it returns. What is late once and again is late by itself: a machine
// that stands still is not busy at the third time in the same place.
func promptly(t testing.TB, what string, try func() (since time.Time)) {
	t.Helper()
	var late []time.Duration
	for len(late) < 3 {
		took := time.Since(try())
		if took <= heard {
			return
		}
		late = append(late, took.Round(time.Millisecond))
	}
	t.Errorf("%s is heard of after %v", what, late)
}

func await(t testing.TB, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(soon):
		t.Fatal("nothing was heard")
	}
}

// drain takes the signal that waits, if any.
func drain(ch <-chan struct{}) {
	select {
	case <-ch:
	default:
	}
}
