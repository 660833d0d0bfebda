package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/e2e/rig"
)

const (
	mostPages  = 10_000
	changes    = 500
	changeRate = 50 // a second
	idleSpan   = 20 * time.Second
	openLimit  = 60 * time.Second
)

func waitingNames(suffix string) (names []string) {
	for _, n := range []string{"waiting-p99", "waiting-p50", "waiting-memory", "waiting-cpu", "waiting-goroutines", "waiting-reconnect"} {
		names = append(names, n+suffix)
	}
	return names
}

// held is what was measured of one program that holds pages.
type held struct {
	p50, p99, reconnect time.Duration
	memory              float64 // bytes a page
	cpu                 float64 // share of one core
	goroutines          float64 // a page
}

// waiting holds open pages of people who wait for the help desk. A change is what the last approval does: it is written into the store by the side
// of the product, as another replica would write it, and counts from before the write until the event is at the page. Meanwhile recoveries
// start by mail over HTTP.
//
// bare is what the peer did, measured by whoever comes first.
func waiting(t *testing.T, replicas int, suffix string, bare *held) []figure {
	t.Helper()
	n := pageCount(t)
	ours := holdProduct(t, n, replicas)
	if bare.goroutines == 0 {
		*bare = holdBare(t, n)
	}
	theirs := *bare
	const peer = "net/http"
	return []figure{
		{"waiting-p99" + suffix, millis(ours.p99), "ms", "100", peer, millis(theirs.p99)},
		{"waiting-p50" + suffix, millis(ours.p50), "ms", "", peer, millis(theirs.p50)},
		{"waiting-memory" + suffix, ours.memory / 1024, "KiB/page", "20", peer, theirs.memory / 1024},
		{"waiting-cpu" + suffix, 100 * ours.cpu, "%", "3", peer, 100 * theirs.cpu},
		{"waiting-goroutines" + suffix, ours.goroutines, "goroutines/page", "", peer, theirs.goroutines},
		{"waiting-reconnect" + suffix, ours.reconnect.Seconds(), "s", "10", peer, theirs.reconnect.Seconds()},
	}
}

// pageCount is how many connections this process may hold, at most what the figures are about.
func pageCount(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	const own = 1500
	n := min(mostPages, int(limit.Max)-own) //nolint:gosec // far from overflow
	if n < mostPages {
		t.Logf("the limit of open files allows %d pages only", n)
	}
	return n
}

// scene is the product with its pages.
type scene struct {
	t      *testing.T
	b      *rig.Bridge
	store  records
	people []visitor
	fresh  []visitor // who start a recovery during the measurement
}

func holdProduct(t *testing.T, n, replicas int) (h held) {
	t.Helper()
	redis := rig.NewRedis(t)
	b, kc := onFake(t, rig.Setup{Redis: redis, Replicas: replicas})
	store, done := openRecords(t, b, redis)
	defer done()
	s := &scene{t: t, b: b, store: store}
	s.invite(kc, n)
	for _, r := range b.Replicas {
		r.Start()
	}
	for _, r := range b.Replicas {
		r.WaitReady()
	}
	for range b.Replicas { // each shows its first page
		_, err := fetch(t.Context(), b.URL+"/")
		must(t, err)
	}
	pause(t, 2*time.Second)
	before := sum(b.Replicas, func(r *rig.Replica) float64 { return rss(t, r.PID()) })
	crew := gather(t.Context(), n, func(i int) string { return s.replica(i).URL[len("http://"):] }, s.request)
	defer crew.disperse()
	must(t, crew.assemble(openLimit))
	used := sum(b.Replicas, func(r *rig.Replica) float64 { return cpu(t, r.PID()).Seconds() })
	pause(t, idleSpan)
	h.cpu = (sum(b.Replicas, func(r *rig.Replica) float64 { return cpu(t, r.PID()).Seconds() }) - used) / idleSpan.Seconds()
	h.memory = (sum(b.Replicas, func(r *rig.Replica) float64 { return rss(t, r.PID()) }) - before) / float64(n)
	h.goroutines = sum(b.Replicas, func(r *rig.Replica) float64 { return goroutines(t, r.Admin+"/metrics") }) / float64(n)
	stop := s.arrivals()
	took, err := crew.moves(t.Context(), spread(n), changeRate, func(ctx context.Context, page int) error {
		return s.store.approve(ctx, s.people[page].id)
	})
	stop()
	must(t, err)
	h.p50, h.p99 = quantile(took, .5), quantile(took, .99)
	h.reconnect = restart(t, crew, func() {
		for _, r := range b.Replicas {
			r.Kill()
			r.Start()
		}
	})
	return h
}

// invite writes down the people of the pages, and those who will start a recovery.
func (s *scene) invite(kc *fakekc.Server, n int) {
	for i := range n {
		s.people = append(s.people, newVisitor(nil, bridge.NewUUID(), fmt.Sprintf("caller%d", i)))
	}
	for i := range changes {
		name := fmt.Sprintf("starter%d", i)
		s.fresh = append(s.fresh, newVisitor(kc, person(kc, name), name))
	}
	work := make(chan func() error)
	var all sync.WaitGroup
	const writers = 16
	for range writers {
		all.Go(func() {
			for f := range work {
				if err := f(); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	for i := range s.people {
		work <- func() error {
			v := &s.people[i]
			rec := v.waiting(bridge.WayDesk)
			return s.store.write(s.t.Context(), *v, &rec)
		}
	}
	for _, v := range s.fresh {
		work <- func() error { return s.store.write(s.t.Context(), v, nil) }
	}
	close(work)
	all.Wait()
}

func (s *scene) replica(i int) *rig.Replica { return s.b.Replicas[i%len(s.b.Replicas)] }

func (s *scene) host() string { return s.b.URL[len("http://"):] }

func (s *scene) request(i int) string {
	return "GET /recovery/events HTTP/1.1\r\nHost: " + s.host() + "\r\nAccept: text/event-stream\r\nCookie: " + s.people[i].header() + "\r\n\r\n"
}

// arrivals starts recoveries at the rate of the changes until stop is called.
func (s *scene) arrivals() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(time.Second / changeRate)
		defer tick.Stop()
		for i, v := range s.fresh {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			all.Go(func() {
				if err := s.begin(ctx, i, v); err != nil && ctx.Err() == nil {
					s.t.Error(err)
				}
			})
		}
	})
	return func() { cancel(); all.Wait() }
}

// begin presses the button on the request page.
func (s *scene) begin(ctx context.Context, i int, v visitor) error {
	form := url.Values{"csrf": {v.csrf}, "do": {"start"}, "reason": {string(bridge.ReasonLost)}, "way": {string(bridge.WayMail)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.replica(i).URL+"/recovery", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Host = s.host()
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", v.header())
	resp, err := loadClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSeeOther {
		err = errors.New("start: " + resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

// holdBare is the same on the bare handler.
func holdBare(t *testing.T, n int) (h held) {
	t.Helper()
	p := newPeer(t, peerEvents)
	pause(t, time.Second)
	before := rss(t, p.pid())
	addr := p.addr
	crew := gather(t.Context(), n, func(int) string { return addr }, func(i int) string {
		return fmt.Sprintf("GET /events/%d HTTP/1.1\r\nHost: peer\r\nAccept: text/event-stream\r\n\r\n", i)
	})
	defer crew.disperse()
	must(t, crew.assemble(openLimit))
	used := cpu(t, p.pid())
	pause(t, idleSpan)
	h.cpu = (cpu(t, p.pid()) - used).Seconds() / idleSpan.Seconds()
	h.memory = (rss(t, p.pid()) - before) / float64(n)
	h.goroutines = goroutines(t, "http://"+addr+"/goroutines") / float64(n)
	took, err := crew.moves(t.Context(), spread(n), changeRate, func(ctx context.Context, page int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s/move/%d", addr, page), http.NoBody)
		if err != nil {
			return err
		}
		resp, err := loadClient.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	must(t, err)
	h.p50, h.p99 = quantile(took, .5), quantile(took, .99)
	h.reconnect = restart(t, crew, func() {
		p.stop()
		p = newPeer(t, peerEvents, "BENCH_ADDR="+addr)
	})
	return h
}

// restart is the time from the death of a process until all pages have heard from the next one.
func restart(t *testing.T, crew *crowd, again func()) time.Duration {
	t.Helper()
	began := time.Now()
	again()
	must(t, crew.assemble(openLimit))
	return time.Since(began)
}

// spread chooses pages all over the crowd, each once.
func spread(n int) (pages []int) {
	for i := range changes {
		pages = append(pages, i*n/changes)
	}
	return pages
}

func sum(replicas []*rig.Replica, of func(*rig.Replica) float64) (total float64) {
	for _, r := range replicas {
		total += of(r)
	}
	return total
}

// goroutines reads a number, alone or as a metric.
func goroutines(t *testing.T, address string) float64 {
	t.Helper()
	text, err := fetch(t.Context(), address)
	must(t, err)
	for line := range bytes.Lines(text) {
		value, _ := bytes.CutPrefix(bytes.TrimSpace(line), []byte("go_goroutines "))
		if n, err := strconv.ParseFloat(string(value), 64); err == nil {
			return n
		}
	}
	t.Fatalf("no number of goroutines at %s", address)
	return 0
}
