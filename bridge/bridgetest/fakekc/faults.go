package fakekc

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Kind is what goes wrong with a call.
type Kind int

// Kinds of faults.
const (
	Status   Kind = iota // another answer: Fault.Status, Body, RetryAfter
	Reset                // the connection is cut without an answer
	Hang                 // no answer until the caller gives up
	Truncate             // half of the answer, then the connection is cut
	Delay                // the answer comes after Fault.Delay
	NotJSON              // 200 with a page instead of data
)

// Fault makes calls fail. Path is matched as path.Match does, a star for one element ("/admin/realms/*/users/*").
type Fault struct {
	Method      string // "" = any
	Path        string // "" = any
	Skip        int    // so many matching calls pass first
	Times       int    // then so many fail; 0 = all until removed
	Kind        Kind
	AfterEffect bool // the server does its work and only the answer is lost or changed
	Status      int
	Body        string // "" = as Keycloak says it
	RetryAfter  string
	Delay       time.Duration
}

// Call is one call the server got. It holds no query and no body.
type Call struct{ Method, Path string }

func (c Call) String() string { return c.Method + " " + c.Path }

// faults stands before the server and remembers, holds and spoils calls.
type faults struct {
	mu     sync.Mutex
	calls  []Call
	active []*Fault
	holds  []*Hold
}

// Inject makes calls fail until the returned function is called, or Times calls have failed.
func (s *Server) Inject(f Fault) (remove func()) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	own := &f
	s.faults.active = append(s.faults.active, own)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.active = slices.DeleteFunc(s.faults.active, func(other *Fault) bool { return other == own })
	}
}

// Calls lists the calls since the start or the last ForgetCalls, in the order they came.
func (s *Server) Calls() []Call {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.calls)
}

// ForgetCalls empties the list of calls.
func (s *Server) ForgetCalls() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.calls = nil
}

// Hold stops calls on their way until it is released.
type Hold struct {
	method, pattern string
	after           bool
	arrived         chan Call
	release         chan struct{}
	once            sync.Once
}

// Hold stops matching calls before they have an effect or, with after, when the effect is there and the answer is not.
func (s *Server) Hold(method, pattern string, after bool) *Hold {
	const plenty = 64
	h := &Hold{method: method, pattern: pattern, after: after, arrived: make(chan Call, plenty), release: make(chan struct{})}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.holds = append(s.faults.holds, h)
	return h
}

// Arrived waits until a call is being held.
func (h *Hold) Arrived(ctx context.Context) (Call, error) {
	select {
	case c := <-h.arrived:
		return c, nil
	case <-ctx.Done():
		return Call{}, ctx.Err()
	}
}

// Release lets held calls go on, and later ones pass.
func (h *Hold) Release() { h.once.Do(func() { close(h.release) }) }

func (f *faults) releaseAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.holds {
		h.Release()
	}
}

func matchesCall(method, pattern string, c Call) bool {
	if method != "" && method != c.Method {
		return false
	}
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, c.Path)
	return err == nil && ok
}

// next says what happens to a call that has just come.
func (f *faults) next(c Call) (fault *Fault, holds []*Hold) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
	for _, h := range f.holds {
		if matchesCall(h.method, h.pattern, c) {
			holds = append(holds, h)
		}
	}
	for i, one := range f.active {
		if !matchesCall(one.Method, one.Path, c) {
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			continue
		}
		copied := *one
		if one.Times == 1 {
			f.active = slices.Delete(f.active, i, i+1)
		} else if one.Times > 1 {
			one.Times--
		}
		return &copied, holds
	}
	return nil, holds
}

// wrap puts the faults before a handler. Calls that wait end with life.
func (f *faults) wrap(life context.Context, work http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit)) // only then a caller that gives up is noticed
		if err != nil {
			http.Error(w, "request too large or cut", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c := Call{r.Method, r.URL.Path}
		fault, holds := f.next(c)
		wait := func(after bool) {
			for _, h := range holds {
				if h.after == after {
					h.wait(life, r, c)
				}
			}
		}
		wait(false)
		if fault != nil && !fault.AfterEffect && fault.Kind != Truncate {
			if fault.Kind != Delay {
				fault.strike(life, w, r)
				return
			}
			fault.pause(life, r)
			fault = nil
		}
		if fault == nil && len(holds) == 0 {
			work.ServeHTTP(w, r)
			return
		}
		kept := &recorder{header: http.Header{}, code: http.StatusOK}
		work.ServeHTTP(kept, r)
		wait(true)
		if fault == nil {
			kept.replay(w)
			return
		}
		fault.spoil(life, w, r, kept)
	})
}

// spoil loses or changes the answer to a call that had its effect.
func (f *Fault) spoil(life context.Context, w http.ResponseWriter, r *http.Request, kept *recorder) {
	switch f.Kind {
	case Delay:
		f.pause(life, r)
		kept.replay(w)
	case Truncate:
		kept.half(w)
	default:
		f.strike(life, w, r)
	}
}

func (h *Hold) wait(life context.Context, r *http.Request, c Call) {
	select {
	case <-h.release: // nothing is held any more
		return
	default:
	}
	select {
	case h.arrived <- c:
	default: // nobody asked for so many
	}
	select {
	case <-h.release:
	case <-r.Context().Done():
	case <-life.Done():
	}
}

// strike answers a call wrongly, or not at all.
func (f *Fault) strike(life context.Context, w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case Hang:
		select {
		case <-r.Context().Done():
		case <-life.Done():
		}
		cut(w)
	case Reset:
		cut(w)
	case NotJSON:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>maintenance</body></html>"))
	default:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(cmp.Or(f.Body, fmt.Sprintf(`{"error":"HTTP %d %s"}`, f.Status, http.StatusText(f.Status)))))
	}
}

func (f *Fault) pause(life context.Context, r *http.Request) {
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-life.Done():
	}
}

// cut ends the connection at once, with a reset where the system allows. Nothing may have been written.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (k *recorder) Header() http.Header { return k.header }

func (k *recorder) WriteHeader(code int) { k.code = code }

func (k *recorder) Write(p []byte) (int, error) { return k.body.Write(p) }

// replay sends the answer.
func (k *recorder) replay(w http.ResponseWriter) {
	for name, values := range k.header {
		w.Header()[name] = values
	}
	w.WriteHeader(k.code)
	_, _ = w.Write(k.body.Bytes())
}

// half promises the whole answer, sends half of it and cuts the connection. An answer without a body is lost.
func (k *recorder) half(w http.ResponseWriter) {
	if k.body.Len() == 0 {
		cut(w)
		return
	}
	for name, values := range k.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(k.body.Len()))
	w.WriteHeader(k.code)
	_, _ = w.Write(k.body.Bytes()[:k.body.Len()/2])
	_ = http.NewResponseController(w).Flush() // the abort follows
	panic(http.ErrAbortHandler)
}
