// Package fakekc is a server in the shape of Keycloak 26.7.4 for tests and the local run: the sign-in pages of a realm with
// the fail-closed flow, the gate and the PAR lock, OpenID Connect as far as relying parties see it, and the part of the
// Admin REST API that the product uses, with its traps. What it answers was measured on the real server; one contract
// suite runs on both. It can be told to fail, call by call, and to lose, delay or cut answers.
//
// It keeps everything in memory, knows one realm, and hashes nothing: never a place for real accounts.
package fakekc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"otpbridge/bridge/bridgetest/port"
)

// Options says what server to start. The zero value is a server on a free loopback port with the five persons of the
// realm file and the real time.
type Options struct {
	Listener net.Listener     // nil = 127.0.0.1 on a free port
	URL      string           // base URL as browsers see it; "" = http:// and the listener's address
	Realm    string           // "" = campus
	App      string           // base URL of the product, "" = http://localhost:8088
	Portal   string           // base URL of the sample application, "" = http://localhost:8089
	Now      func() time.Time // nil = the real time
	RSA      bool             // sign with RS256, as Keycloak does, instead of ES256, which is made faster
	Empty    bool             // nobody but those that AddPerson brings
	Calm     bool             // two failures within a second do not lock
	Banner   string           // a line over every page, e.g. "demo"
	Recovery string           // where the OTP page's link "Lost your authenticator?" leads; "" = no link
	Log      *slog.Logger     // nil = silent
	Client   *http.Client     // for back-channel logout and clients' key sets; nil = 10 s limit
}

// Server is a running server. Its methods may be called at any time from any goroutine.
type Server struct {
	URL    string // base URL without a slash at the end
	Issuer string // issuer of the realm

	opts    Options
	handler http.Handler
	faults  faults
	life    context.Context // ends with Close
	end     context.CancelFunc
	address string

	serving sync.Mutex // guards web
	web     *http.Server

	mu       sync.Mutex // guards everything below
	keys     []signingKey
	users    map[string]*user
	groups   map[string]*group
	clients  map[string]*client
	sessions map[string]*session
	tabs     map[string]*tab
	codes    map[string]*code
	pushed   map[string]*pushedRequest
	bearers  map[string]*bearer
	refresh  map[string]*refreshToken
	seenJTI  map[string]time.Time
	identity map[string]string // SSO cookie → session id
	events   []Event
	admin    []AdminEvent
	realm    map[string]any
	profile  profile
	roleIDs  map[string]string

	kept         *port.Kept          // nil: the listener came from outside
	managementID string              // of the client realm-management
	composites   map[string][]string // roles of realm-management inside realm roles
	realmID      string
}

// Start starts a server. It panics when no port can be had, as httptest does.
func Start(o Options) *Server {
	var kept *port.Kept
	if o.Listener == nil {
		var err error
		if kept, err = port.Keep(); err == nil { // also while it is down
			o.Listener, err = net.Listen("tcp", kept.Address) //nolint:noctx // answers at once
		}
		if err != nil {
			panic("fakekc: " + err.Error())
		}
	}
	s := newServer(withDefaults(o))
	s.kept = kept
	s.serve(o.Listener)
	return s
}

func withDefaults(o Options) Options {
	if o.URL == "" {
		o.URL = "http://" + o.Listener.Addr().String()
	}
	if o.Realm == "" {
		o.Realm = "campus"
	}
	if o.App == "" {
		o.App = "http://localhost:8088"
	}
	if o.Portal == "" {
		o.Portal = "http://localhost:8089"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	}
	return o
}

func newServer(o Options) *Server {
	s := &Server{
		URL: o.URL, Issuer: o.URL + "/realms/" + o.Realm, opts: o, address: o.Listener.Addr().String(),
		users: map[string]*user{}, groups: map[string]*group{}, clients: map[string]*client{}, sessions: map[string]*session{},
		tabs: map[string]*tab{}, codes: map[string]*code{}, pushed: map[string]*pushedRequest{}, bearers: map[string]*bearer{},
		refresh: map[string]*refreshToken{}, seenJTI: map[string]time.Time{}, identity: map[string]string{},
		roleIDs: map[string]string{}, realmID: newID(), managementID: newID(), composites: map[string][]string{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.keys = []signingKey{newSigningKey(o.RSA)}
	s.handler = s.dated(s.faults.wrap(s.life, s.routes()))
	s.seed()
	return s
}

func (s *Server) serve(l net.Listener) {
	web := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug)}
	s.serving.Lock()
	defer s.serving.Unlock()
	s.web = web
	go func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Log.Error("fakekc: serve", "error", err)
		}
	}()
}

// Down stops listening and cuts every connection: callers are refused until Up. What the realm holds stays.
func (s *Server) Down() {
	s.serving.Lock()
	defer s.serving.Unlock()
	if s.web != nil {
		_ = s.web.Close() // the listener is closed in any case
		s.web = nil
	}
}

// Up listens again at the same address after Down.
func (s *Server) Up() error {
	l, err := net.Listen("tcp", s.address) //nolint:noctx // answers at once
	if err != nil {
		return err
	}
	s.serve(l)
	return nil
}

// Close ends the server and every call that is held or hangs.
func (s *Server) Close() {
	s.end()
	s.faults.releaseAll()
	s.Down()
	if s.kept != nil {
		_ = s.kept.Close() // nothing could be done about it
	}
	s.opts.Client.CloseIdleConnections()
}

// routes lists everything the server answers.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	realm := "/realms/" + s.opts.Realm
	oidc := realm + "/protocol/openid-connect"
	mux.HandleFunc("GET "+realm+"/.well-known/openid-configuration", s.answer(s.discovery))
	mux.HandleFunc("GET "+oidc+"/certs", s.answer(s.certs))
	mux.HandleFunc("POST "+oidc+"/ext/par/request", s.answer(s.push))
	mux.HandleFunc("GET "+oidc+"/auth", s.answer(s.authorize))
	mux.HandleFunc("POST "+oidc+"/auth", s.answer(s.authorize))
	mux.HandleFunc("POST "+oidc+"/token", s.answer(s.token))
	mux.HandleFunc("GET "+oidc+"/userinfo", s.answer(s.userinfo))
	mux.HandleFunc("POST "+oidc+"/userinfo", s.answer(s.userinfo))
	mux.HandleFunc("GET "+oidc+"/logout", s.answer(s.logoutPage))
	mux.HandleFunc("POST "+oidc+"/logout", s.answer(s.logoutPage))
	mux.HandleFunc("POST "+oidc+"/logout/logout-confirm", s.answer(s.logoutConfirm))
	mux.HandleFunc("GET "+realm+"/login-actions/authenticate", s.answer(s.showPage))
	mux.HandleFunc("POST "+realm+"/login-actions/authenticate", s.answer(s.submitPage))
	mux.HandleFunc("GET "+realm+"/login-actions/restart", s.answer(s.restartPage))
	mux.HandleFunc("/realms/", s.answer(func(*http.Request) reply {
		return jsonReply(http.StatusNotFound, map[string]string{"error": "Realm does not exist"})
	}))
	s.adminRoutes(mux)
	return mux
}
