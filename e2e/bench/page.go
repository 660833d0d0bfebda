package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/e2e/rig"
)

const (
	pageRate   = 200 // requests a second
	pageSlice  = 4 * time.Second
	pageSlices = 3
	pagePeople = 100
)

func pagesOnBolt(t *testing.T) []figure {
	t.Helper()
	return pages(t, nil, "")
}

func pagesOnRedis(t *testing.T) []figure {
	t.Helper()
	return pages(t, rig.NewRedis(t), "-redis")
}

// pages asks for pages at a steady rate, whether or not earlier answers have come, and counts from when each request was due. Every second
// request is somebody's first visit, which stores nothing; the others are people who look at their waiting page, which reads three
// records. The peer writes the same bytes, in slices of the same length, in turns.
func pages(t *testing.T, redis *rig.Redis, suffix string) []figure {
	t.Helper()
	b, kc := onFake(t, rig.Setup{Redis: redis})
	store, done := openRecords(t, b, redis)
	var people []visitor
	for i := range pagePeople {
		name := fmt.Sprintf("waiting%d", i)
		v := newVisitor(kc, person(kc, name), name)
		rec := v.waiting(bridge.WayMail)
		must(t, store.write(t.Context(), v, &rec))
		people = append(people, v)
	}
	done()
	r := b.Replicas[0]
	r.Start()
	r.WaitReady()
	ours := func(i int) *http.Request { return askProduct(t, b, people, i) }
	dir := t.TempDir()
	for i, name := range []string{"first", "again"} {
		body, err := answer(ours(i))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), body, 0o600))
	}
	p := newPeer(t, peerPages, "BENCH_BODIES="+dir)
	theirs := func(i int) *http.Request {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.addr+"/"+[]string{"first", "again"}[i%2], http.NoBody)
		must(t, err)
		return req
	}
	var product, bare []time.Duration
	usedOurs, usedTheirs := cpu(t, r.PID()), cpu(t, p.pid())
	for range pageSlices {
		product = append(product, load(t, ours)...)
		bare = append(bare, load(t, theirs)...)
	}
	each := func(pid int, before time.Duration) float64 { return millis(cpu(t, pid)-before) / float64(len(product)) }
	return []figure{
		{"page-cpu" + suffix, each(r.PID(), usedOurs), "ms a page", "", "net/http", each(p.pid(), usedTheirs)},
		{"page-p99" + suffix, millis(quantile(product, .99)), "ms", "5", "net/http", millis(quantile(bare, .99))},
		{"page-p50" + suffix, millis(quantile(product, .5)), "ms", "", "net/http", millis(quantile(bare, .5))},
	}
}

func askProduct(t *testing.T, b *rig.Bridge, people []visitor, i int) *http.Request {
	path := "/"
	if i%2 == 1 {
		path = "/recovery"
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Replicas[0].URL+path, http.NoBody)
	must(t, err)
	req.Host = b.URL[len("http://"):]
	req.Header.Set("Accept-Language", "ja")
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.0.%d.%d", i/256%256, i%256)) // people, each with an address
	if i%2 == 1 {
		req.Header.Set("Cookie", people[i/2%len(people)].header())
	}
	return req
}

var loadClient = &http.Client{
	Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answer returns the body of an answer that must be 200.
func answer(req *http.Request) ([]byte, error) {
	resp, err := loadClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.200s", req.URL.Path, resp.Status, body)
	}
	return body, err
}

// load sends requests for one slice and returns how long each took.
func load(t *testing.T, request func(i int) *http.Request) []time.Duration {
	t.Helper()
	const n = int(pageRate * pageSlice / time.Second)
	took := [n]time.Duration{}
	var all sync.WaitGroup
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / pageRate)
		pause(t, time.Until(due))
		req := request(i)
		all.Go(func() {
			if _, err := answer(req); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	return took[:]
}
