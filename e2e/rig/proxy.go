package rig

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Proxy stands before Keycloak, under an address of its own that becomes the issuer's: a test takes Keycloak away from the product, or holds
// one of its calls, while the rest of the run goes on.
type Proxy struct {
	URL string // base URL

	t      *testing.T
	addr   string
	server *http.Server

	mu   sync.Mutex
	hold *Hold
}

// Hold is a call that waits at the proxy.
type Hold struct {
	Held    chan struct{} // closed when a call that matches is there
	match   func(*http.Request) bool
	deliver bool          // it reaches Keycloak, but the answer waits
	pass    bool          // it goes on when it is free
	free    chan struct{} // closed by Drop and Pass
	once    sync.Once
}

// Wait returns when the call is there.
func (h *Hold) Wait(t *testing.T) {
	t.Helper()
	select {
	case <-h.Held:
	case <-time.After(Patience):
		t.Fatalf("waited %s in vain for a call to hold", Patience)
	}
}

// NewProxy starts a proxy before the run's Keycloak.
func NewProxy(t *testing.T) *Proxy {
	t.Helper()
	target, err := url.Parse(Keycloak(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t}
	l, base := listen(t)
	p.URL, p.addr = base, l.Addr().String()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // Keycloak's issuer is spelled as it is called
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.serve(l, p.holding(duplex(proxy)))
	t.Cleanup(p.Down)
	return p
}

// duplex lets a proxy answer while it still reads the request. Without it the server ends the reading when the answer begins, and a forwarding
// that has not yet seen the end of a form takes that for a fault and cuts the answer (seen on a busy machine, about once in 50,000 forms).
func duplex(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // never fails on HTTP/1
		h.ServeHTTP(w, r)
	})
}

func (p *Proxy) serve(l net.Listener, h http.Handler) {
	p.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(l) //nolint:errcheck // ends with Down
}

// Down makes the address refuse connections and cuts those that are open.
func (p *Proxy) Down() {
	p.Drop()
	closing(p.t, p.server.Close)
}

// Up ends what Down did.
func (p *Proxy) Up() {
	p.t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(p.t.Context(), "tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.serve(l, p.server.Handler)
}

// Hold keeps the first call that matches from its caller: before it reaches Keycloak, or, with deliver, after it has. Drop ends it.
func (p *Proxy) Hold(deliver bool, match func(*http.Request) bool) *Hold {
	p.Drop()
	h := &Hold{Held: make(chan struct{}), match: match, deliver: deliver, free: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = h
	return h
}

// Drop answers the call that waits, if there is one, with 502.
func (p *Proxy) Drop() { p.free(false) }

// Pass lets the call that waits go on, as if nothing had been; one that was delivered is answered with 502.
func (p *Proxy) Pass() { p.free(true) }

func (p *Proxy) free(pass bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hold != nil {
		p.hold.pass = pass && !p.hold.deliver
		close(p.hold.free)
		p.hold = nil
	}
}

func (p *Proxy) holding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		h := p.hold
		p.mu.Unlock()
		first := false
		if h != nil && h.match(r) {
			h.once.Do(func() { first = true })
		}
		if !first {
			next.ServeHTTP(w, r)
			return
		}
		if h.deliver {
			next.ServeHTTP(discard{http.Header{}}, r)
		}
		close(h.Held)
		<-h.free
		if h.pass {
			next.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
}

// discard takes an answer that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
