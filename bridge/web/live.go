package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// Times of a live page.
const (
	heartbeat    = view.LiveBeat
	touchEvery   = view.LiveTouch
	writeLimit   = 10 * time.Second
	maxStreams   = 2  // per session
	maxLooks     = 16 // at a time: fewer than the store's connections, so that other requests find one
	retryMillis  = 1000
	latestLook   = time.Hour // without any change
	earliestLook = 200 * time.Millisecond
)

// streams counts the live pages of each session in this process.
type streams struct {
	mu    sync.Mutex
	open  map[string][]*place
	turns chan struct{}

	beat, touch time.Duration // how often; fixed before the first stream
}

// turn waits until this page may ask the store. After a restart, or when the store was away, all pages want to know at once: side by side
// most of them would only run into their time limits, and come again.
func (s *streams) turn(ctx context.Context) (done func(), err error) {
	s.mu.Lock()
	if s.turns == nil {
		s.turns = make(chan struct{}, maxLooks)
	}
	turns := s.turns
	s.mu.Unlock()
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// events serves GET /recovery/events: server-sent events with nothing but the name and revision of the step that this browser should see. The page
// compares it with its own and loads itself anew when they differ, so that everything is decided where every page is decided.
func (s *Server) events(w http.ResponseWriter, r *http.Request) { //nolint:contextcheck // a stream that took its connection over outlives its request
	noteRoute(r)
	v, err := s.visitInTurn(r)
	if err == nil && v.state().Person == "" {
		err = bridge.Fault(bridge.CodeStaleSignIn, "events", nil)
	}
	if err != nil {
		s.fail(w, r, v, err)
		return
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		return
	}
	here, leave, ok := s.streams.enter(v.sess.ID, r.URL.Query().Get("tab"))
	if !ok {
		w.Header().Set("Retry-After", "30")
		s.fail(w, r, v, &bridge.Error{Code: bridge.CodeTooMany, Op: "events", Until: v.now.Add(30 * time.Second)})
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	if own, ok := s.takeOver(w, r); ok {
		ctx := bridge.WithRequest(s.closing(), bridge.RequestFrom(r.Context()))
		go func() {
			defer leave()
			(&live{s: s, v: v, line: own, gone: here.gone}).alone(ctx, own.conn)
		}()
		return
	}
	defer leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(s.closing(), cancel) //nolint:contextcheck // drains with the process
	defer stop()
	l := &live{s: s, v: v, line: newAnswerLine(w), gone: here.gone}
	if err := l.run(ctx); err != nil && ctx.Err() == nil {
		s.Log.DebugContext(ctx, "live page ended", "err", err)
	}
}

func (s *Server) visitInTurn(r *http.Request) (*visit, error) {
	done, err := s.streams.turn(r.Context())
	if err != nil {
		return &visit{now: s.Now(), lang: s.languageOf(r, "")}, err
	}
	defer done()
	return s.visit(r)
}

// closing ends when the process drains.
func (s *Server) closing() context.Context {
	if s.Closing == nil {
		return context.Background()
	}
	return s.Closing
}

// live is one open stream.
type live struct {
	s    *Server
	v    *visit
	line line
	gone <-chan struct{}
	last string // what the page was told
}

func (l *live) run(ctx context.Context) error {
	changed, err := l.s.Watch(ctx, l.v.state().Person)
	if err != nil {
		return err
	}
	retry := func() error { return l.line.send(fmt.Sprintf("retry: %d\n\n", retryMillis)) }
	if err := l.apart(ctx, retry); err != nil {
		return err
	}
	beat, touch := time.NewTicker(l.s.streams.beat), time.NewTicker(l.s.streams.touch)
	defer beat.Stop()
	defer touch.Stop()
	for {
		var again time.Duration
		err := l.apart(ctx, func() (err error) {
			again, err = l.look(ctx)
			return err
		})
		if err != nil {
			return err
		}
		timer := time.NewTimer(again)
		err = l.wait(ctx, waiting{changed, l.gone, beat.C, touch.C, timer.C})
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// waiting is what a live page waits for.
type waiting struct {
	changed, gone      <-chan struct{}
	beat, touch, timer <-chan time.Time
}

// wait returns when the recovery has to be looked at again.
func (l *live) wait(ctx context.Context, on waiting) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, ok := <-on.changed:
			if !ok {
				return ctx.Err()
			}
			return nil
		case <-on.gone:
			return errEnded
		case <-on.timer:
			return nil
		case <-on.beat:
			if err := l.apart(ctx, func() error { return l.line.send("event: alive\ndata:\n\n") }); err != nil {
				return err
			}
		case <-on.touch:
			if err := l.apart(ctx, func() error { return l.touch(ctx) }); err != nil {
				return err
			}
		}
	}
}

// look tells the page its step if that is another one than before, and returns when time alone may change it.
func (l *live) look(ctx context.Context) (time.Duration, error) {
	step, rec, err := l.see(ctx)
	if err != nil {
		return 0, err
	}
	if err := l.news(ctx, step, rec.Revision(step, l.s.Now())); err != nil {
		return 0, err
	}
	return min(latestLook, max(earliestLook, rec.NextChange(l.s.Now()).Sub(l.s.Now()))), nil
}

// see asks for the step when it is this page's turn.
func (l *live) see(ctx context.Context) (bridge.Step, bridge.Recovery, error) {
	done, err := l.s.streams.turn(ctx)
	if err != nil {
		return "", bridge.Recovery{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return l.s.Flow.See(ctx, l.v.state().viewer())
}

// touch keeps the session alive, or ends the stream of one that is over: the page comes back and is told so.
func (l *live) touch(ctx context.Context) error {
	over, err := l.s.loggedOut(ctx, l.v.state())
	if err != nil {
		return err
	}
	if over || !l.v.state().alive(l.s.Now()) {
		return bridge.Fault(bridge.CodeAbsent, "live page", errEnded)
	}
	return l.s.Sessions.Change(ctx, l.v.sess, func(*State) error { return nil })
}
