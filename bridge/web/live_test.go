package web_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// stream is an open live page.
type stream struct {
	t      *testing.T
	status int
	header http.Header
	steps  chan string // closed when the stream ends
	marks  chan string // revisions, one for each step
	beats  chan string // signs of life
	close  func()
}

// listens opens the live page of a session at a base address.
func listens(t *testing.T, c *campus.Campus, base, session string) *stream {
	t.Helper()
	return follows(t, c, base+"/recovery/events", session)
}

func follows(t *testing.T, c *campus.Campus, address, session string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = strings.TrimPrefix(c.URL, "http://")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Cookie", "__Host-otpbridge="+session)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r) // what has ended is not kept
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, status: resp.StatusCode, header: resp.Header, steps: make(chan string, 100), marks: make(chan string, 100),
		beats: make(chan string, 100)}
	ended := make(chan struct{})
	s.close = func() { cancel(); <-ended }
	t.Cleanup(s.close)
	go func() {
		defer close(ended)
		defer close(s.steps)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if mark, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				s.marks <- mark
			}
			if step, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				s.steps <- step
			}
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok && name != "step" {
				select {
				case s.beats <- name:
				default:
				}
			}
		}
	}()
	return s
}

// tells wants the next step.
func (s *stream) tells(want bridge.Step) {
	s.t.Helper()
	select {
	case got, ok := <-s.steps:
		if !ok || got != string(want) {
			s.t.Fatalf("the stream tells %q (open: %v), want %q", got, ok, want)
		}
	case <-time.After(time.Minute):
		s.t.Fatalf("the stream does not tell %q", want)
	}
}

// ends wants the end of the stream.
func (s *stream) ends(what string) {
	s.t.Helper()
	for end := time.After(time.Minute); ; {
		select {
		case _, ok := <-s.steps:
			if !ok {
				return
			}
		case <-end:
			s.t.Fatalf("the stream does not end: %s", what)
		}
	}
}

// HD-10: what an operator does at one replica is told by a stream that another one holds, step by step; each browser learns its own step.
func TestALivePageFollowsTheCallOnAnotherReplica(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	second := c.Second(t)
	base := second.Serve(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol, other := caller(t, c, "somebody"), operator(t, c, "carol"), at(t, c, "somebody")
	other.signIn("somebody")
	mine, foreign := listens(t, c, base, p.session()), listens(t, c, base, other.session())
	mine.tells(bridge.StepCall)
	foreign.tells(bridge.StepActive)
	carol.looksUp("somebody", p.reads())
	mine.tells(bridge.StepChecking)
	carol.send("/desk/case", http.StatusOK, "do", "callback")
	mine.tells(bridge.StepCallBack)
	carol.decides(http.StatusOK, "approve", "T-1", "video")
	began := time.Now()
	mine.tells(bridge.StepEnrol)
	if took := time.Since(began); took > 30*time.Second { // one on a quiet machine
		t.Errorf("the approval took %s", took)
	}
	p.open("/recovery", http.StatusOK)
	p.finish()
	foreign.close()
	for step := range foreign.steps {
		if step == string(bridge.StepEnrol) {
			t.Error("another browser is told of the key")
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff",
		"Content-Length": "",
	} {
		if got := mine.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if mine.status != http.StatusOK || mine.header.Get("Content-Security-Policy") == "" {
		t.Errorf("%d %v", mine.status, mine.header)
	}
}

// HD-10: a session has two streams at most; a third may come when one has ended.
func TestASessionHasTwoStreams(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p := caller(t, c, "bob")
	first, last := listens(t, c, c.URL, p.session()), listens(t, c, c.URL, p.session())
	first.tells(bridge.StepCall)
	last.tells(bridge.StepCall)
	if a := get("/recovery/events", p.session()).to(t, c); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the third stream: %d", a.status)
	}
	other := at(t, c, "alice")
	other.calls("alice")
	listens(t, c, c.URL, other.session()).tells(bridge.StepCall)
	first.close()
	c.Wait(t, "a free place", func() bool {
		s := listens(t, c, c.URL, p.session())
		defer s.close()
		return s.status == http.StatusOK
	})
}

// A stream needs a session with a sign-in; HEAD opens none.
func TestWhoGetsAStream(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	if a := get("/recovery/events", "").to(t, c); a.status != http.StatusForbidden {
		t.Errorf("without a session: %d", a.status)
	}
	nobody := newPerson(t, c)
	nobody.open("/start", http.StatusOK)
	if a := get("/recovery/events", nobody.session()).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("without a sign-in: %d", a.status)
	}
	p := caller(t, c, "bob")
	a := byHand{method: http.MethodHead, path: "/recovery/events", session: p.session()}.to(t, c)
	if a.status != http.StatusOK || a.body != "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	if a := post("/recovery/events", p.session(), p.token()).to(t, c); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
}

// A stream ends when the process drains; a browser that comes back is told where things stand, on another
// replica too, and nothing is typed again.
func TestAStreamEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	second := c.Second(t)
	base := second.Serve(t)
	p := caller(t, c, "bob")
	there := listens(t, c, base, p.session())
	there.tells(bridge.StepCall)
	second.Closing()
	there.ends("the replica drains")
	here := listens(t, c, c.First().Serve(t), p.session())
	here.tells(bridge.StepCall)
	carol := operator(t, c, "carol")
	carol.looksUp("bob", p.reads())
	here.tells(bridge.StepChecking)
}

// A stream ends when the person signs out: at once at the same replica, and at another one instead of telling more.
func TestAStreamEndsWithTheSession(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 2} {
		c := campus.OpenDesk(t)
		p, carol := caller(t, c, "bob"), operator(t, c, "carol")
		code, base := p.reads(), c.URL
		if replicas == 2 {
			base = c.Second(t).Serve(t)
			c.Front(c.First())
		}
		s := listens(t, c, base, p.session())
		s.tells(bridge.StepCall)
		session := p.session()
		p.send("/signout", http.StatusOK)
		if replicas == 2 {
			carol.looksUp("bob", code)
		}
		s.ends("the person signed out")
		if a := get("/recovery/events", session).to(t, c); a.status != http.StatusForbidden {
			t.Errorf("a stream after the sign-out: %d", a.status)
		}
	}
}

// After a logout at the campus a stream tells nothing more.
func TestAStreamTellsNothingAfterALogoutAtTheCampus(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p, carol := caller(t, c, "bob"), operator(t, c, "carol")
	code := p.reads()
	s := listens(t, c, c.URL, p.session())
	s.tells(bridge.StepCall)
	if a := sendLogout(t, c, c.KC.Sign("logout+jwt", logoutClaims(c, c.KC.PersonID("bob")))); a.status != http.StatusOK {
		t.Fatalf("%d", a.status)
	}
	carol.looksUp("bob", code)
	s.ends("the campus ended the sign-in")
}

// stuckListener hands out a first connection that takes some writes and then none.
type stuckListener struct {
	net.Listener
	first *stuckConn
}

func (l *stuckListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil && l.first.Conn == nil {
		l.first.Conn = conn
		return l.first, nil
	}
	return conn, err
}

type stuckConn struct {
	net.Conn
	takes       int           // writes
	stuck, gone chan struct{} // closed when one is refused, and by the test
}

func (c *stuckConn) Write(b []byte) (int, error) {
	c.takes--
	if c.takes >= 0 {
		return c.Conn.Write(b)
	}
	close(c.stuck)
	<-c.gone
	return 0, net.ErrClosed
}

// A reader who takes nothing holds up nobody else.
func TestASlowReaderBlocksNobody(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	code := p.reads()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := &stuckConn{takes: 3, stuck: make(chan struct{}), gone: make(chan struct{})} // the head, the pause, the first step
	c.First().ServeOn(t, &stuckListener{l, slow})
	t.Cleanup(func() { close(slow.gone) })
	base := "http://" + l.Addr().String()
	listens(t, c, base, p.session()).tells(bridge.StepCall)
	other := listens(t, c, base, p.session())
	other.tells(bridge.StepCall)
	carol.looksUp("somebody", code)
	<-slow.stuck
	other.tells(bridge.StepChecking)
	carol.send("/desk/case", http.StatusOK, "do", "callback")
	other.tells(bridge.StepCallBack)
}

// Streams leave no goroutine behind.
func TestStreamsLeaveNothingBehind(t *testing.T) {
	c := campus.OpenDesk(t)
	p := caller(t, c, "bob")
	other := goleak.IgnoreCurrent()
	for range 5 {
		var s *stream
		c.Wait(t, "a free place", func() bool { // the server may not have noticed yet that the ones before closed
			s = listens(t, c, c.URL, p.session())
			return s.status == http.StatusOK
		})
		s.tells(bridge.StepCall)
		s.close()
	}
	c.Wait(t, "the end of the streams", func() bool { // what a busy machine has not ended yet is no leak
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:errcheck,forcetypeassert // it is one; a connection may be kept a moment after its answer was read
		return goleak.Find(other) == nil
	})
}

// SES-12, HD-10: a page that waits keeps its session alive up to the absolute end, and the line too; nothing else does.
func TestALivePageKeepsItsSessionAliveToTheEnd(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	web.Pace(c.Web, 20*time.Millisecond, 20*time.Millisecond)
	p, without := caller(t, c, "bob"), caller(t, c, "alice")
	s := listens(t, c, c.URL, p.session())
	s.tells(bridge.StepCall)
	if beat := <-s.beats; beat != "alive" {
		t.Errorf("the line says %q", beat)
	}
	for range 4 {
		c.Clock.Add(14 * time.Minute)
		moved := c.Clock.Now()
		c.Wait(t, "a sign of life of the session", func() bool { return !web.Seen(t, c.Web, p.session()).Before(moved) })
	}
	if a := get("/recovery", p.session()).to(t, c); a.status != http.StatusOK {
		t.Errorf("the session of the page that waits: %d", a.status)
	}
	if a := get("/recovery", without.session()).to(t, c); a.status == http.StatusOK {
		t.Errorf("a session without a page lives on: %d", a.status)
	}
	c.Clock.Add(5 * time.Minute)
	s.ends("the session is over")
}
