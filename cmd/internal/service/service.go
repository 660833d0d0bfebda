// Package service wires the adapters to one running otpbridge: the pages, the administrator's listener, and the workers behind them.
package service

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/mail"
	"otpbridge/bridge/store"
	"otpbridge/bridge/totp"
	"otpbridge/bridge/view"
	"otpbridge/bridge/web"
	"otpbridge/cmd/internal/config"
	"otpbridge/oidc"
	"otpbridge/templates"
)

// Options are what a configuration does not say.
type Options struct {
	Version string
	Log     *slog.Logger
	Out     io.Writer // copy of the audit trail; nil = none
	Now     func() time.Time
	Ready   func() // called once, when /readyz first says yes; may be nil
	// Reload is SIGHUP: the audit trail is opened by its name again, the certificate and the configuration are read again. Nil: never.
	Reload <-chan os.Signal
	Load   func() (*config.Config, error) // reads the configuration as it is now; nil: it never changes
	Loaded func(*config.Config)           // told of one that was taken; may be nil
	Demo   bool                           // a banner on every page says so
}

// startPause is when a press at the ID page is answered: many times what Keycloak takes to look at an account, also on a busy machine, where a gate
// that opens after the answer would be shut to a password manager that types at once.
const startPause = 2 * time.Second

// service is one running otpbridge with one configuration. The first block outlives it: a changed configuration is a new service with the same.
type service struct {
	opts   Options
	log    *slog.Logger
	shared *metrics.Set // figures
	store  *store.Store
	audit  *audit.Trail
	// counted is audit with its figures: what everything else records to.
	counted     *countedAudit
	journals    *audit.Journals // what people read of it
	certificate *certificate

	cfg     config.Config
	figures *metrics.Set
	stop    context.CancelFunc // ends its life

	kc    *keycloak.Client
	party *oidc.RelyingParty
	gate  *keycloak.RealmGate
	mail  *mail.Queue
	view  *view.View
	flow  *bridge.Flow
	web   *web.Server

	settings *bridge.Settings

	pages, admin, control http.Handler

	proven bool // it takes the place of another, and was found ready before

	early  sync.WaitGroup // what askEarly began
	asked  chan struct{}  // closed when it has read the realm, or could not
	health health
	guard  guard
}

// Run serves until ctx ends, then drains for at most 25 seconds. An error means that it could not start, or must not go on: excess
// rights at Keycloak, a store file in use, an address that is taken.
func Run(ctx context.Context, cfg config.Config, opts Options) error {
	p := &process{opts: opts}
	s := &service{opts: opts, log: opts.Log, shared: metrics.NewSet(), certificate: &certificate{
		certFile: cfg.TLS.CertFile, keyFile: cfg.TLS.KeyFile, now: opts.Now, log: opts.Log,
	}}
	metrics.ExposeMetadata(true)
	s, life := s.successor(ctx, cfg)
	err := s.open(life)
	if err == nil {
		err = p.serve(ctx, life, s)
	}
	if last := p.current.Load(); last != nil {
		s = last
	}
	s.end()
	s.early.Wait()
	return errors.Join(err, s.close(context.WithoutCancel(ctx)))
}

// successor is a service with another configuration and the same of what outlives it, and its life, which ends with ctx or by end. It is not open yet.
func (s *service) successor(ctx context.Context, cfg config.Config) (next *service, life context.Context) {
	next = &service{
		opts: s.opts, log: s.log, shared: s.shared, store: s.store, audit: s.audit, counted: s.counted, journals: s.journals, certificate: s.certificate,
		cfg: cfg, figures: metrics.NewSet(),
	}
	if sameRealm(s.cfg, cfg) {
		next.guard.adopt(&s.guard)
	}
	life, next.stop = context.WithCancel(ctx)
	return next, life
}

// end ends what a service does of its own accord.
func (s *service) end() { s.stop() }

// open builds every part. Keycloak and the mail server may be away.
func (s *service) open(ctx context.Context) error {
	steps := []func(context.Context) error{
		s.openKeycloak, s.openParty, s.askEarly, s.openStore, s.openAudit, s.openView, s.openMail, s.openGate, s.openGuard, s.openWeb,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) close(ctx context.Context) error {
	var errs []error
	if s.journals != nil {
		if err := s.journals.Flush(ctx); err != nil { // the last chance
			s.log.ErrorContext(ctx, "lines of people's histories are lost; the audit trail has them", "err", err)
		}
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

func (s *service) openStore(ctx context.Context) (err error) {
	if s.store != nil {
		return nil // from the service before
	}
	s.store, err = store.Open(ctx, storeConfig(s.cfg, s.opts.Now, s.log))
	return err
}

func storeConfig(cfg config.Config, now func() time.Time, log *slog.Logger) store.Config {
	c := store.Config{Path: cfg.Store.Bolt, Keys: cfg.Keys, Now: now, Log: log}
	if r := cfg.Store.Redis; r != nil {
		c.Redis = redisConfig(r)
	}
	return c
}

func (s *service) openAudit(ctx context.Context) (err error) {
	if s.audit != nil {
		return nil // from the service before
	}
	s.audit, err = audit.Open(audit.Config{Path: s.cfg.Audit.File, Copy: s.opts.Out, Version: s.opts.Version, Now: s.opts.Now, Log: s.log})
	if err != nil {
		return err
	}
	s.journals = &audit.Journals{
		Next: s.audit, Records: store.NewTyped[bridge.Journal](s.store.KV, store.Kind{Name: "journal", Version: 1}), Now: s.opts.Now, Log: s.log,
	}
	s.counted = newCountedAudit(s.journals, s.shared, s.opts.Now)
	s.shared.NewGauge("otpbridge_history_waiting", func() float64 { return float64(s.journals.Waiting()) })
	s.shared.NewGauge("otpbridge_audit_bytes", s.trailSize)
	if s.store.Fresh() {
		return s.counted.Record(ctx, bridge.AuditEvent{Event: "store.new", Outcome: "ok", Actor: "system"})
	}
	return nil
}

func (s *service) openKeycloak(context.Context) (err error) {
	s.kc, err = Keycloak(s.cfg, s.opts.Now, s.log)
	return err
}

// Keycloak returns the client of the Admin REST API that a configuration describes. It makes no call.
func Keycloak(cfg config.Config, now func() time.Time, log *slog.Logger) (*keycloak.Client, error) {
	return keycloak.New(keycloakConfig(cfg, now, log))
}

func keycloakConfig(cfg config.Config, now func() time.Time, log *slog.Logger) keycloak.Config {
	k := cfg.Keycloak
	c := keycloak.Config{
		URL: k.URL, Realm: k.Realm, Issuer: cfg.SignIn.Issuer, ClientID: k.ClientID, Secret: k.Auth.Secret, LoginClient: cfg.SignIn.ClientID,
		AllowedGroup: k.AllowedGroup, Version: k.Version, Now: now, Log: log,
	}
	if scope := cfg.SignIn.RecoveryScope; scope != "" {
		c.LoginScopes = append(keycloak.BasicScopes(), scope)
	}
	if key := k.Auth.KeyData.Reveal(); key != "" {
		c.Keys = []byte(key)
	}
	return c
}

func (s *service) openParty(context.Context) (err error) {
	s.party, err = relyingParty(s.cfg, s.opts.Now, s.log)
	return err
}

func relyingParty(cfg config.Config, now func() time.Time, log *slog.Logger) (*oidc.RelyingParty, error) {
	in := cfg.SignIn
	return oidc.New(oidc.Config{
		Issuer: in.Issuer, ClientID: in.ClientID, Keys: in.Auth.Keys, Secret: oidc.NewSecret(in.Auth.Secret.Reveal()),
		RedirectURL: cfg.BaseURL.String() + "/oidc/callback", RecoveryScope: in.RecoveryScope, FullACR: in.FullACR, Now: now, Log: log,
	})
}

// askEarly begins what waits for Keycloak, so that files are opened and pages parsed meanwhile: discovery goes on until ctx ends, and the service
// account gets its first token and reads the realm's settings. What both say is judged by watchRights.
func (s *service) askEarly(ctx context.Context) error {
	s.asked = make(chan struct{})
	s.early.Go(func() { _ = s.party.Run(ctx) }) // ends with ctx only
	s.early.Go(func() {
		_, _ = s.kc.Settings(ctx) // are kept for a minute
		close(s.asked)
	})
	return nil
}

func (s *service) openView(context.Context) (err error) {
	s.view, err = view.New(templates.FS, site(s.cfg, s.opts.Demo))
	return err
}

func (s *service) openGate(context.Context) (err error) {
	s.gate, err = keycloak.NewGate(keycloak.GateConfig{
		Client: s.kc, GroupID: s.cfg.SignIn.GateGroup, Jobs: s.store.Jobs, Open: s.openGates, Audit: s.counted, Now: s.opts.Now, Log: s.log,
		Leases: store.NewTyped[keycloak.GateRecord](s.store.KV, store.Kind{Name: "gate", Version: keycloak.GateRecordVersion}),
	})
	return err
}

// openGates lists the persons with a gate job.
func (s *service) openGates(ctx context.Context) ([]string, error) {
	jobs, err := s.store.Jobs.List(ctx, bridge.JobGate, 10_000)
	if err != nil {
		return nil, err
	}
	var persons []string
	for _, j := range jobs {
		persons = append(persons, j.ID)
	}
	return persons, nil
}

func (s *service) openWeb(context.Context) error {
	s.flow = s.newFlow()
	s.flow.Began = s.opts.Now()
	issuer, err := url.Parse(s.cfg.SignIn.Issuer)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	desk, err := s.deskHours()
	if err != nil {
		return err
	}
	kv := s.store.KV
	s.web = &web.Server{
		Flow: s.flow, Party: s.party, View: s.view,
		Sessions: web.NewSessions(store.NewTyped[web.State](kv, store.Kind{Name: "session", Version: 1}), s.store.Keys(), s.opts.Now),
		Names:    store.NewTyped[web.Names](kv, store.Kind{Name: "names", Version: 1}),
		Logouts:  store.NewTyped[time.Time](kv, store.Kind{Name: "logout", Version: 1}),
		OwnSIDs:  store.NewTyped[time.Time](kv, store.Kind{Name: "own-sid", Version: 1}),
		JTIs:     store.NewTyped[time.Time](kv, store.Kind{Name: "jti", Version: 1}),
		BaseURL:  s.cfg.BaseURL, TrustedProxies: s.cfg.TrustedProxies, Campus: s.cfg.CampusNetworks,
		FormTargets: append([]string{issuer.Scheme + "://" + issuer.Host}, s.cfg.SignIn.Brokers...), MailSender: s.cfg.Mail.From.Address,
		StartPause: startPause,
		Desk:       desk, PauseText: s.cfg.PauseText, Issuer: s.cfg.Organisation.ShortIssuer,
		Now: s.opts.Now, Log: s.log, Figures: s.figures, Zone: s.cfg.TimeZone,
		Holds: s.holds,
		Watch: func(ctx context.Context, person string) (<-chan struct{}, error) {
			return kv.Watch(ctx, "recovery/"+person)
		},
	}
	s.openConsole()
	s.settings = s.newSettings()
	if s.cfg.Settings.Enabled {
		s.web.Settings = s.settings
	}
	if s.cfg.HelpDesk.Enabled {
		s.openDesk()
	}
	return nil
}

// openConsole gives the pages what everybody at the console needs, and those of administrators.
func (s *service) openConsole() {
	roles := &web.RoleCache{
		Accounts: s.kc, Now: s.opts.Now, Seen: store.NewTyped[web.RoleSeen](s.store.KV, store.Kind{Name: "roles", Version: 1}),
	}
	s.web.HasRole, s.web.TrailName = roles.Has, trailName(s.cfg.Audit.File)
	s.web.AdminRole, s.web.Health = s.cfg.AdminRole, healthPage{s}
}

// openDesk gives the pages what the help desk needs.
func (s *service) openDesk() {
	kv := s.store.KV
	s.web.DeskRole, s.web.AuditorRole, s.web.Trail = s.cfg.HelpDesk.Role, s.cfg.HelpDesk.AuditorRole, s.audit
	s.web.DeskLogs = store.NewTyped[web.DeskLog](kv, store.Kind{Name: "desk-log", Version: 1})
	s.web.Looks = store.NewTyped[web.Look](kv, store.Kind{Name: "look", Version: 1})
	s.web.Waiting = s.waiting
	for _, a := range s.cfg.HelpDesk.Attributes {
		s.web.PersonAttributes = append(s.web.PersonAttributes, web.PersonAttribute{Name: a.Attribute, Label: a.Label, Mask: a.Mask})
	}
	number := s.cfg.HelpDesk.Number
	s.web.Number = web.PersonAttribute{
		Name: number.Attribute, Label: view.Words{"ja": "登録済みの電話番号", "en": "Number on record"}, Mask: !number.Whole,
	}
}

// trailName tells the trail of this process from those of others: the machine's name and that of the file.
func trailName(file string) string {
	host, err := os.Hostname()
	if err != nil {
		return filepath.Base(file)
	}
	return host + ": " + filepath.Base(file)
}

// waiting lists since when people wait for the desk.
func (s *service) waiting(ctx context.Context) ([]time.Time, error) {
	jobs, err := s.store.Jobs.List(ctx, bridge.JobCall, web.MaxWaiting+1)
	if err != nil {
		return nil, err
	}
	var out []time.Time
	for _, j := range jobs {
		var call bridge.WaitingCall
		if err := json.Unmarshal(j.Payload, &call); err != nil {
			return nil, fmt.Errorf("job %s: %w", j.Kind, err)
		}
		out = append(out, call.Since)
	}
	return out, nil
}

func (s *service) newFlow() *bridge.Flow {
	kv := s.store.KV
	f := &bridge.Flow{
		Accounts: s.kc, Gate: s.gate, Target: s.kc, Visits: s.kc,

		Temporaries: store.NewTyped[bridge.TemporaryCode](kv, store.Kind{Name: "temporary", Version: bridge.TemporaryVersion}),
		Watches:     store.NewTyped[bridge.Watch](kv, store.Kind{Name: "watch", Version: 1}),
		Changes:     store.NewTyped[bridge.Change](kv, store.Kind{Name: "change", Version: 1}),

		Recoveries: store.NewTyped[bridge.Recovery](kv, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}),
		CodeSets:   store.NewTyped[bridge.CodeSet](kv, store.Kind{Name: "codes", Version: 1}),
		Links:      store.NewTyped[bridge.Pointer](kv, store.Kind{Name: "link", Version: 1}),
		Failures:   store.NewTyped[bridge.Failures](kv, store.Kind{Name: "failures", Version: 1}),
		Counted:    store.NewTyped[bridge.Counted](kv, store.Kind{Name: "counted", Version: 1}),
		Permits:    store.NewTyped[bridge.Permit](kv, store.Kind{Name: "permit", Version: 1}),
		Unsafe:     s.guard.closed,
		Looked:     s.guard.await,
		Ended:      s.audit.Ended,
		Recovered:  s.audit.Recovered,
		Jobs:       s.store.Jobs, Audit: s.counted, Mail: s, Limits: s.store.Limiter, Codes: totp.Authenticator{}, Rules: s.cfg.Rules(),
		Now: s.opts.Now, Theirs: s.kc.ServerNow, Log: s.log,
	}
	if s.cfg.Recovery.Codes {
		f.TakesCodes = s.kc.TakesCodes
	}
	return f
}

func redisConfig(r *config.RedisServer) *store.RedisConfig {
	c := &store.RedisConfig{
		Addrs: r.Addresses, Master: r.Master, Cluster: r.Cluster, DB: r.Database, Username: r.Username, Password: r.Password.Reveal(),
		SentinelUsername: r.SentinelUsername, SentinelPassword: r.SentinelPassword.Reveal(), Prefix: r.Prefix,
	}
	if r.TLS {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c
}
