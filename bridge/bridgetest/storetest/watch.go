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

const soon = time.Minute // on a busy machine

// testWatch: a change by one client wakes the other's waiter, who then sees it; order is kept; other keys stay quiet (STO-12).
func testWatch(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := b.KV.Watch(ctx, "w/1")
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

// testWatchJobs: adding work wakes who waits for that kind.
func testWatchJobs(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	added, err := b.KV.Watch(t.Context(), "jobs/mail")
	wantErr(t, "watch", err, nil)
	drain(added)
	wantErr(t, "add", a.Jobs.Add(t.Context(), store.Job{Kind: "mail", ID: "1", At: time.Now()}), nil)
	Eventually(t, soon, "the job is there", func() bool {
		await(t, added)
		_, err := b.Jobs.Claim(t.Context(), []string{"mail"}, time.Now(), time.Minute)
		return err == nil
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
		for _, ch := range waiters {
			drain(ch)
		}
		w.Break(t, b)
		w.Mend(t, b)
		for _, ch := range waiters {
			await(t, ch)
		}
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
