package rig

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Wire stands before a Redis server and holds one of its calls, as Proxy does before Keycloak.
type Wire struct {
	Addr string // host:port

	t  *testing.T
	to string

	mu    sync.Mutex
	hold  *Hold
	match func(command []byte) bool
}

// NewWire starts a wire before a server. It ends with the test.
func NewWire(t *testing.T, r *Redis) *Wire {
	t.Helper()
	l, _ := listen(t)
	w := &Wire{t: t, to: r.Addr, Addr: l.Addr().String()}
	t.Cleanup(func() {
		w.Drop()
		closing(t, l.Close)
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(in)
		}
	}()
	return w
}

// Hold keeps the first command that matches from its sender: before the server has it, or, with deliver, after it has had its effect, without the answer. The
// product sends one command at a time on a connection, which breaks when the command was held. Drop lets everybody go on on new ones.
func (w *Wire) Hold(deliver bool, match func(command []byte) bool) *Hold {
	w.Drop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold, w.match = &Hold{Held: make(chan struct{}), deliver: deliver, free: make(chan struct{})}, match
	return w.hold
}

// Drop ends what Hold did.
func (w *Wire) Drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hold != nil {
		close(w.hold.free)
		w.hold = nil
	}
}

// holds is the hold that a command is the first to match, or nil.
func (w *Wire) holds(command []byte) (held *Hold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hold != nil && w.match(command) {
		w.hold.once.Do(func() { held = w.hold })
	}
	return held
}

// serve passes one connection on. When a command is held the connection brings nothing more.
func (w *Wire) serve(in net.Conn) {
	d := net.Dialer{Timeout: 5 * time.Second}
	out, err := d.DialContext(w.t.Context(), "tcp", w.to)
	if err != nil { // the server is down
		_ = in.Close()
		return
	}
	var answered atomic.Pointer[Hold] // whose answer comes next
	go func() {
		defer in.Close() //nolint:errcheck // until either end is gone
		for buf := make([]byte, 1<<16); ; {
			n, err := out.Read(buf)
			if held := answered.Load(); held != nil && err == nil {
				close(held.Held)
				<-held.free
				return
			}
			if err == nil {
				_, err = in.Write(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	defer out.Close() //nolint:errcheck // as above
	for buf := make([]byte, 1<<16); ; {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		switch held := w.holds(buf[:n]); {
		case held == nil:
		case held.deliver:
			answered.Store(held)
		default:
			close(held.Held)
			<-held.free
			return
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return
		}
	}
}
