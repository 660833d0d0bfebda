package rig

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
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

	mu   sync.Mutex
	only *Replica // takes everything; nil = all take turns
	via  string   // base URL of another proxy between the front and the replicas
}

// addressHeader is how a page of the rig says from where it claims to come: all of them run on this machine.
const addressHeader = "X-Rig-Address"

func newFront(t *testing.T, l net.Listener, replicas []*Replica) *Front {
	t.Helper()
	f := &Front{t: t, replicas: replicas}
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
		Transport:     &http.Transport{DisableKeepAlives: true}, // a replica that dies leaves no connection to try
		FlushInterval: -1,                                       // pages that wait want their events at once
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
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
