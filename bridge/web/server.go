package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/gorilla/mux"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/oidc"
)

// Server serves the pages. All fields are set before Handler is called and not changed afterwards.
type Server struct {
	Flow     *bridge.Flow
	Settings *bridge.Settings // nil: there are none
	Party    *oidc.RelyingParty
	View     *view.View
	Sessions *Sessions
	Names    bridge.Records[Names]
	Logouts  bridge.Records[time.Time] // by hash of a person or campus session: sign-ins up to this time, by the campus's clock, are over
	OwnSIDs  bridge.Records[time.Time] // campus sessions that we end ourselves
	JTIs     bridge.Records[time.Time] // logout tokens seen

	BaseURL        *url.URL
	TrustedProxies []netip.Prefix
	Campus         []netip.Prefix
	FormTargets    []string // origins that a form may lead to: the campus sign-in, brokers
	MailSender     string   // address that people look for in their spam folder
	// StartPause is when a press at the ID page is answered, whatever was found behind the name; 0: when that is known, for tests.
	StartPause time.Duration
	Desk       func(time.Time) view.Desk
	PauseText  map[string]string
	Issuer     string // short issuer in the authenticator app

	// The help desk. An empty DeskRole means that there is none.
	DeskRole         string
	AuditorRole      string             // of those who read the trail; empty: nobody does here
	Trail            bridge.AuditReader // of this process
	TrailName        string             // tells it from those of other processes
	AdminRole        string             // of those who read the health report; empty: nobody does here
	Health           Health
	HasRole          func(ctx context.Context, role Role) (bool, error)
	Waiting          func(ctx context.Context) (since []time.Time, err error) // when each of those who wait for the desk began; beyond MaxWaiting one more is enough
	DeskLogs         bridge.Records[DeskLog]
	Looks            bridge.Records[Look] // by operator
	PersonAttributes []PersonAttribute
	Number           PersonAttribute // on record, for call-backs; no name: none
	Zone             *time.Location  // of "today"

	Holds   func(ctx context.Context, probe string) (bool, error)             // whether the store holds what a doctor put there
	Watch   func(ctx context.Context, person string) (<-chan struct{}, error) // signals changes of a person's recovery
	Closing context.Context                                                   // ends when the process drains; nil = never
	Now     func() time.Time
	Log     *slog.Logger
	Figures *metrics.Set

	streams *streams
}

// Handler returns the public listener's handler. The chain, from the outside in: every answer carries the security headers and a
// reference number, and is logged by its route; a panic becomes a page; foreign hosts and odd requests are refused before a route sees
// them. The router is wrapped from outside because gorilla/mux skips its own middleware for 404 and 405.
func (s *Server) Handler() http.Handler {
	s.streams = &streams{open: map[string][]*place{}, beat: heartbeat, touch: touchEvery}
	h := s.routes()
	h = s.guard(h)
	h = s.recovered(h)
	h = s.headers(h)
	return s.observed(h)
}

// routes is the whole map of the public listener.
func (s *Server) routes() http.Handler {
	r := mux.NewRouter()
	r.SkipClean(true)
	get := func(path string, h handler) {
		r.Handle(path, s.page(h)).Methods(http.MethodGet, http.MethodHead)
	}
	post := func(path string, h handler) { r.Handle(path, s.form(h)).Methods(http.MethodPost) }

	get("/", s.start)
	get("/start", s.identify)
	post("/start", s.beginSignIn)
	get(callbackPath, s.callback)
	r.HandleFunc("/oidc/backchannel-logout", s.backchannelLogout).Methods(http.MethodPost)
	r.HandleFunc("/.well-known/jwks.json", s.jwks).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc(ProbePath+"{probe}", s.probe).Methods(http.MethodGet, http.MethodHead)

	get("/recovery", s.recovery)
	post("/recovery", s.actRecovery)
	r.HandleFunc("/recovery/events", s.events).Methods(http.MethodGet, http.MethodHead)
	get("/link/{token}", s.openLink)
	get("/link", s.link)
	post("/link", s.actLink)
	get("/veto/{token}", s.openVeto)
	get("/veto", s.veto)
	post("/veto", s.actVeto)
	get("/enrol", s.enrol)
	post("/enrol", s.actEnrol)
	if s.Flow.Rules.TemporaryCodes {
		get(temporaryPath, s.temporary)
		post(temporaryPath, s.actTemporary)
	}
	get("/done", s.done)
	post("/done", s.actDone)
	get("/done/recovery-codes.txt", s.codesFile)

	s.consoleRoutes(get, post)
	s.settingsRoutes(get, post)

	post("/language", s.language)
	post("/signout", s.signOut)
	r.HandleFunc("/static/{name}", s.static).Methods(http.MethodGet, http.MethodHead)

	r.NotFoundHandler = s.page(func(http.ResponseWriter, *http.Request, *visit) error {
		return bridge.Fault(view.CodeNotFound, "route", nil)
	})
	r.MethodNotAllowedHandler = s.wrongMethod(r)
	return r
}

// consoleRoutes is the part of the map that operators, auditors and administrators use, where there are any.
func (s *Server) consoleRoutes(get, post func(path string, h handler)) {
	if s.DeskRole != "" || s.AdminRole != "" || s.Settings != nil {
		get("/signin", s.fullSignIn)
	}
	if s.DeskRole != "" {
		get("/desk", s.desk(s.openCase))
		post("/desk", s.desk(s.actOpenCase))
		get("/desk/case", s.desk(s.showCase))
		post("/desk/case", s.desk(s.actCase))
		get("/desk/permit", s.desk(s.permit))
		post("/desk/permit", s.desk(s.actPermit))
	}
	if s.AuditorRole != "" {
		get("/desk/audit", s.console(s.AuditorRole, s.auditTrail))
	}
	if s.AdminRole != "" {
		get("/admin", s.console(s.AdminRole, s.health))
		post("/admin", s.console(s.AdminRole, s.checkAgain))
	}
}

// settingsRoutes is the part of the map for people's own settings, where there are any.
func (s *Server) settingsRoutes(get, post func(path string, h handler)) {
	if s.Settings == nil {
		return
	}
	get("/settings", s.settings(s.overview))
	post("/settings", s.settings(s.actOverview))
	get("/settings/history", s.settings(s.journal))
	get("/settings/address", s.settings(s.ownAddress))
	post("/settings/address", s.settings(s.actAddress))
	get("/settings/remove", s.settings(s.removal))
	post("/settings/remove", s.settings(s.actRemoval))
	get(addPath, s.settings(s.addApp))
	post(addPath, s.settings(s.actAddApp))
	get("/settings/authenticator", s.settings(s.app))
	post("/settings/authenticator", s.settings(s.actApp))
	get(ownCodesPath, s.settings(s.ownCodes))
	post(ownCodesPath, s.settings(s.actOwnCodes))
	get(ownCodesPath+codesFile, s.settings(s.ownCodesFile))
}
