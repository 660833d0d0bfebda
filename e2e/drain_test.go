package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/e2e/rig"
)

// load is people who come and go while replicas are replaced.
type load struct {
	stop             chan struct{}
	all              sync.WaitGroup
	answered, failed atomic.Int64
}

// busy begins with so many people, each from an address of their own: they open the first page and press with a user name, which is answered after a while, over
// and over. It ends with the test.
func (j *journey) busy(people int) *load {
	j.t.Helper()
	l := &load{stop: make(chan struct{})}
	for i := range people {
		l.all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				case <-time.After(200 * time.Millisecond):
				}
				b := rig.NewBrowser(j.t)
				b.Address = fmt.Sprintf("2001:db8:%x:%x::1", i, n) // a network each
				l.counts(b.Get(j.bridge.URL+"/start"), http.StatusOK)
				l.counts(b.SubmitTo("/start", "name", fmt.Sprintf("nobody-%d-%d", i, n)), http.StatusSeeOther)
			}
		})
	}
	j.t.Cleanup(l.end)
	return l
}

func (l *load) counts(b *rig.Browser, want int) {
	l.answered.Add(1)
	if b.Status != want {
		l.failed.Add(1)
	}
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.all.Wait()
}

// OPS-04: a rolling update under load. Each replica leaves the balancer, is told to end, and comes back, as in the chart. No request is lost, and the page of
// somebody who waits for the help desk goes on with the other one within five seconds.
func TestJourneyRollingUpdate(t *testing.T) {
	t.Parallel()
	look := rig.Look{Language: "en"}
	c := newCall(t, look)
	front, replicas := c.bridge.Front, c.bridge.Replicas
	front.Only(replicas[0])
	c.phones("alice")
	code := c.code()
	c.follows()
	l := c.busy(8)
	for i, leaves := range replicas {
		stays := replicas[1-i]
		front.Only(stays)
		told := time.Now()
		leaves.Stop()
		if took := time.Since(told); took > 25*time.Second {
			t.Errorf("replica %d drained for %s", i+1, took)
		}
		rig.Eventually(t, "the page follows at the other replica", func() bool { return front.Followed(stays).After(told) })
		if took := front.Followed(stays).Sub(told); took > reconnect {
			t.Errorf("the page came back after %s", took)
		}
		leaves.Start()
		leaves.WaitReady()
	}
	l.end()
	t.Logf("%d requests", l.answered.Load())
	if l.failed.Load() > 0 || l.answered.Load() < 20 {
		t.Errorf("%d of %d requests failed", l.failed.Load(), l.answered.Load())
	}
	carol := c.operator("carol", "198.51.100.3", look)
	c.opens(carol, "alice", code)
	c.moves(look, c.say["call.checking.title"])
}
