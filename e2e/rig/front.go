package rig

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Front is the proxy before the replicas: it gives each request to the next one, so that a journey visits them all, and
// leaves out those that the test has ended.
type Front struct {
	t        *testing.T
	replicas []*Replica
	next     atomic.Uint64

	mu      sync.Mutex
	only    *Replica             // takes everything; nil = all take turns
	via     string               // base URL of another proxy between the front and the replicas
	streams map[string]time.Time // when a page that waits began to follow last, by host of the replica
	deaf    chan struct{}        // closed by Deafen
}

// addressHeader is how a page of the rig says from where it claims to come: all of them run on this machine.
const addressHeader = "X-Rig-Address"

func newFront(t *testing.T, l net.Listener, replicas []*Replica, keepAlive bool) *Front {
	t.Helper()
	f := &Front{t: t, replicas: replicas, streams: map[string]time.Time{}, deaf: make(chan struct{})}
	server := &http.Server{Handler: duplex(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			target, err := url.Parse(f.target())
			if err != nil {
				t.Error(err)
				return
			}
			r.SetURL(target)
			r.SetXForwarded()
			if claimed := r.In.Header.Get(addressHeader); claimed != "" {
				r.Out.Header.Set("X-Forwarded-For", claimed)
				r.Out.Header.Del(addressHeader)
			}
			r.Out.Host = r.In.Host
		},
		Transport:     &http.Transport{DisableKeepAlives: !keepAlive}, // a replica that dies leaves no connection to try
		FlushInterval: -1,                                             // pages that wait want their events at once
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusOK && strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
				r.Body = f.follow(r)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}), ReadHeaderTimeout: 10 * time.Second}
	t.Cleanup(func() { closing(t, server.Close) })
	go server.Serve(l) //nolint:errcheck // ends with the test, by Close
	return f
}

// Only gives everything to one replica; nil ends it.
func (f *Front) Only(r *Replica) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.only = r
}

// Via sends everything through another proxy, which chooses the replica.
func (f *Front) Via(base string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.via = base
}

// follow takes note of a stream that begins.
func (f *Front) follow(r *http.Response) io.ReadCloser {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams[r.Request.URL.Host] = time.Now()
	return &stream{r.Body, f.deaf, r.Request.Context()}
}

// Followed is when a page that waits began to follow at a replica last; zero = never.
func (f *Front) Followed(r *Replica) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams[strings.TrimPrefix(r.URL, "http://")]
}

// Deafen makes every stream that is open now stay open and bring nothing any more, as a line does that broke while a machine slept.
func (f *Front) Deafen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.deaf)
	f.deaf = make(chan struct{})
}

// stream is the body of an answer that goes on and on.
type stream struct {
	io.ReadCloser
	deaf <-chan struct{}
	ctx  context.Context //nolint:containedctx // of the request: a body has no other way to learn of its end
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	select {
	case <-s.deaf:
		<-s.ctx.Done() // the page went away
		return 0, io.EOF
	default:
		return n, err
	}
}

func (f *Front) target() string {
	f.mu.Lock()
	via := f.via
	f.mu.Unlock()
	if via != "" {
		return via
	}
	return f.choose().URL
}

func (f *Front) choose() *Replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.only != nil {
		return f.only
	}
	first := f.next.Add(1)
	for i := range f.replicas {
		r := f.replicas[(int(first)+i)%len(f.replicas)] //nolint:gosec // a few requests
		if r.Running() {
			return r
		}
	}
	return f.replicas[0]
}
