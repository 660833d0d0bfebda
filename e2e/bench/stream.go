package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// stream is one open page as its browser sees it. It is written by hand, with small buffers, because this program holds as many of them as the
// product does.
type stream struct {
	number  int
	target  func() string // host:port
	request string
	arrived chan<- event
	ready   chan<- int // the page has heard its first step
}

// event is a step that reached a page.
type event struct {
	page int
	step string
	at   time.Time
}

// hold keeps the page open until ctx ends: as a browser does it comes back when the connection breaks, after the second that the product advises.
func (s stream) hold(ctx context.Context) {
	for ctx.Err() == nil {
		s.once(ctx)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// once is one connection. Loopback has 28,000 ports for each pair of addresses, so pages come from several.
func (s stream) once(ctx context.Context) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+s.number%16))}} //nolint:gosec // below 18
	conn, err := d.DialContext(ctx, "tcp4", s.target())
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }() // the page is over either way
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write([]byte(s.request)); err != nil {
		return
	}
	const (
		line    = 512              // the longest is a header
		patient = 10 * time.Second // for the first step; then the page tries again
	)
	if conn.SetReadDeadline(time.Now().Add(patient)) != nil {
		return
	}
	in := bufio.NewReaderSize(conn, line)
	if status, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return // a browser would come again, too
	}
	for first := true; ; {
		text, err := in.ReadString('\n')
		if err != nil {
			return
		}
		step, ok := strings.CutPrefix(text, "data: ")
		switch {
		case !ok:
		case first:
			first = false
			if conn.SetReadDeadline(time.Time{}) != nil {
				return
			}
			s.ready <- s.number
		default:
			s.arrived <- event{s.number, strings.TrimSpace(step), time.Now()}
		}
	}
}

// crowd is many open pages.
type crowd struct {
	n       int
	arrived chan event
	ready   chan int
	stop    context.CancelFunc
	all     sync.WaitGroup
}

// gather opens pages, 2,000 a second; request says what page i sends, target where to.
func gather(ctx context.Context, n int, target, request func(i int) string) *crowd {
	ctx, cancel := context.WithCancel(ctx)
	c := &crowd{n: n, arrived: make(chan event, n), ready: make(chan int, n), stop: cancel}
	const step = 20
	for i := range n {
		s := stream{number: i, target: func() string { return target(i) }, request: request(i), arrived: c.arrived, ready: c.ready}
		c.all.Go(func() { s.hold(ctx) })
		if i%step == step-1 {
			time.Sleep(10 * time.Millisecond) // people do not come all at once
		}
	}
	return c
}

// assemble waits until all pages have heard their first step.
func (c *crowd) assemble(within time.Duration) error {
	limit := time.After(within)
	for heard := range c.n {
		select {
		case <-c.ready:
		case <-limit:
			return fmt.Errorf("only %d of %d pages are open after %s", heard, c.n, within)
		}
	}
	return nil
}

// disperse closes all pages.
func (c *crowd) disperse() {
	c.stop()
	c.all.Wait()
}

// moves changes pages at a steady rate and returns how long each change took to reach its page.
func (c *crowd) moves(ctx context.Context, pages []int, rate int, change func(ctx context.Context, page int) error) ([]time.Duration, error) {
	var mu sync.Mutex
	began := map[int]time.Time{}
	var firstErr error
	start := time.Now()
	go func() {
		for i, page := range pages {
			due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
			<-time.After(time.Until(due))
			mu.Lock()
			began[page] = time.Now()
			mu.Unlock()
			go func() {
				if err := change(ctx, page); err != nil {
					mu.Lock()
					firstErr = err
					mu.Unlock()
				}
			}()
		}
	}()
	limit := time.After(time.Duration(len(pages))*time.Second/time.Duration(rate) + 20*time.Second)
	var took []time.Duration
	for len(took) < len(pages) {
		select {
		case e := <-c.arrived:
			mu.Lock()
			if at, ok := began[e.page]; ok && e.step == "enrol" {
				took = append(took, e.at.Sub(at))
			}
			mu.Unlock()
		case <-limit:
			mu.Lock()
			err := fmt.Errorf("%d of %d changes reached their pages (last error: %w)", len(took), len(pages), firstErr)
			mu.Unlock()
			return took, err
		}
	}
	return took, nil
}
