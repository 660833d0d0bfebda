// Package campus is a whole campus in one process for tests over HTTP: the Keycloak-shaped server, and the bridge on an embedded store,
// with its workers, a captured mail way and a captured audit trail. Everything but these two is the real thing.
package campus

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/store"
	"otpbridge/bridge/totp"
	"otpbridge/bridge/view"
	"otpbridge/bridge/web"
	"otpbridge/oidc"
	"otpbridge/templates"
)

// Campus is one running campus.
type Campus struct {
	URL   string // of the bridge
	KC    *fakekc.Server
	Store *store.Store
	Flow  *bridge.Flow
	Web   *web.Server
	Gate  *keycloak.RealmGate
	Clock *Clock
	Log   *Buffer

	Health Health // of a campus with a help desk

	SealingKey string // of the store, as a line of its file

	world storetest.World // of the store
	desk  bool

	mu       sync.Mutex
	mails    []bridge.Notice
	events   []bridge.AuditEvent
	answers  []Answer
	lastDone map[string]time.Time // swaps and locks, by person
	broken   map[string]error     // as Break says: what to answer instead

	replicas    []*Replica
	fronted     []*Replica // nil: all of them
	turn        int        // of the replicas at the front
	storeBroken bool
	storeLeft   int // calls that still work
}

// Buffer collects log lines.
type Buffer struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

// String returns everything that was logged.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

// logger writes everything into the buffer, with whole seconds: a fraction of one could hold the digits of a code by chance.
func (c *Campus) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(c.Log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.String(slog.TimeKey, a.Value.Time().Format(time.RFC3339))
		}
		return a
	}}))
}

// Open starts a campus without a help desk, on an embedded store, and ends it with the test.
func Open(t *testing.T) *Campus {
	t.Helper()
	return open(t, storetest.Bolt(t), false)
}

// OnBoth runs a test on two campuses, one on either store.
func OnBoth(t *testing.T, test func(t *testing.T, c *Campus)) {
	t.Helper()
	t.Run("bbolt", func(t *testing.T) { test(t, Open(t)) })
	t.Run("Redis", func(t *testing.T) { test(t, open(t, storetest.OnRedis(t, storetest.StartRedis(t)), false)) })
}

func open(t *testing.T, world storetest.World, desk bool) *Campus {
	t.Helper()
	c := &Campus{Clock: &Clock{}, Log: &Buffer{}, broken: map[string]error{}, world: world, desk: desk}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	c.URL = "http://" + l.Addr().String()
	c.KC = fakekc.Start(fakekc.Options{Now: c.Clock.away, Calm: true})
	t.Cleanup(c.KC.Close)
	c.KC.ChangeClient(fakekc.ClientLogin, func(k *fakekc.Client) {
		k.Redirects, k.AfterLogout, k.Backchannel = []string{c.URL + "/oidc/callback"}, []string{c.URL + "/*"}, c.URL+"/oidc/backchannel-logout"
	})
	c.build(t)
	server := &http.Server{Handler: c.listening(http.HandlerFunc(c.front)), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	c.wait(t, "the sign-in", func() bool { return c.Web.Party.Ready() == nil })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wait polls for something that happens in the background. A job that a busy machine made fail once is put off by seconds or a minute: the campus's
// clock goes faster while a test waits for long.
func (c *Campus) wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	again, put := time.NewTicker(5*time.Millisecond), time.NewTicker(3*time.Second)
	defer again.Stop()
	defer put.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-put.C:
			c.Clock.Add(5 * time.Second)
		case <-late.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Wait polls until done says yes; the test fails after two minutes.
func (c *Campus) Wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	c.wait(t, what, done)
}

func (c *Campus) build(t *testing.T) {
	t.Helper()
	log := c.logger()
	c.openStore(t, log)
	first := c.replica(t)
	c.Flow, c.Web, c.Gate = first.Flow, first.Web, first.Gate
	c.replicas = []*Replica{first}
}

func (c *Campus) openStore(t *testing.T, log *slog.Logger) {
	t.Helper()
	key, err := store.NewKey("k1")
	must(t, err)
	c.SealingKey = key.Line()
	ring, err := store.NewKeyRing(key)
	must(t, err)
	c.world.Config.Log = log
	c.Store = c.world.Open(t, ring, c.Clock.Now)
	c.Store.KV = kv{c.Store.KV, c}
}

func (c *Campus) openGates(ctx context.Context) ([]string, error) {
	jobs, err := c.Store.Jobs.List(ctx, bridge.JobGate, 1000)
	var out []string
	for _, j := range jobs {
		out = append(out, j.ID)
	}
	return out, err
}

func (c *Campus) newFlow(kc *keycloak.Client, gate *keycloak.RealmGate, log *slog.Logger) *bridge.Flow {
	kv := c.Store.KV
	f := &bridge.Flow{
		Accounts: kc, Gate: gate, Target: kc, Visits: kc,

		Temporaries: store.NewTyped[bridge.TemporaryCode](kv, store.Kind{Name: "temporary", Version: bridge.TemporaryVersion}),
		Watches:     store.NewTyped[bridge.Watch](kv, store.Kind{Name: "watch", Version: 1}),
		Changes:     store.NewTyped[bridge.Change](kv, store.Kind{Name: "change", Version: 1}),

		Recoveries: store.NewTyped[bridge.Recovery](kv, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}),
		CodeSets:   store.NewTyped[bridge.CodeSet](kv, store.Kind{Name: "codes", Version: 1}),
		Links:      store.NewTyped[bridge.Pointer](kv, store.Kind{Name: "link", Version: 1}),
		Failures:   store.NewTyped[bridge.Failures](kv, store.Kind{Name: "failures", Version: 1}),
		Counted:    store.NewTyped[bridge.Counted](kv, store.Kind{Name: "counted", Version: 1}),
		Permits:    store.NewTyped[bridge.Permit](kv, store.Kind{Name: "permit", Version: 1}),
		Jobs:       jobs{c}, Audit: &audit.Journals{Next: c, Records: c.journals(), Now: c.Clock.Now, Log: log}, Mail: c, Limits: limits{c}, Codes: totp.Authenticator{}, TakesCodes: kc.TakesCodes, Now: c.Clock.Now, Log: log,
		Ended: c.ended, Recovered: c.recovered,
		Rules: bridge.Rules{
			LinkLife: 30 * time.Minute, KeyLife: 10 * time.Minute, AllowedGroup: "/otp-recoverable", DeskRoles: []string{"otp-helpdesk"},
			HarmlessRoles: []string{"default-roles-campus", "offline_access", "uma_authorization"},
			Sources:       []bridge.AddressSource{{Attribute: "notificationEmail"}}, RefusedDomains: []string{"example.ac.jp"}, Marks: MarksAttribute,
			TemporaryCodes: true, Reset: bridge.ResetDesk, PasswordAge: 72 * time.Hour, Zone: time.FixedZone("far away", 14*3600),
		},
	}
	if c.desk {
		deskRules(&f.Rules)
	}
	return f
}

func (c *Campus) newServer(t *testing.T, flow *bridge.Flow, log *slog.Logger) *web.Server {
	t.Helper()
	base, err := url.Parse(c.URL)
	must(t, err)
	party, err := oidc.New(oidc.Config{
		Issuer: c.KC.Issuer, ClientID: fakekc.ClientLogin, Secret: oidc.NewSecret("login-secret-for-tests"), RedirectURL: c.URL + "/oidc/callback",
		RecoveryScope: "otp-recovery", FullACR: "mfa", Now: c.Clock.Now, Log: log,
	})
	must(t, err)
	pages, err := views(c.desk)
	must(t, err)
	kv := c.Store.KV
	s := &web.Server{
		Flow: flow, Party: party, View: pages,
		Sessions: web.NewSessions(store.NewTyped[web.State](kv, store.Kind{Name: "session", Version: 1}), c.Store.Keys(), c.Clock.Now),
		Names:    store.NewTyped[web.Names](kv, store.Kind{Name: "names", Version: 1}),
		Logouts:  store.NewTyped[time.Time](kv, store.Kind{Name: "logout", Version: 1}),
		OwnSIDs:  store.NewTyped[time.Time](kv, store.Kind{Name: "own-sid", Version: 1}),
		JTIs:     store.NewTyped[time.Time](kv, store.Kind{Name: "jti", Version: 1}),
		BaseURL:  base, FormTargets: []string{c.KC.URL}, MailSender: "noreply@example.ac.jp",
		Holds: func(ctx context.Context, probe string) (bool, error) {
			_, err := store.NewTyped[time.Time](kv, store.Kind{Name: "probe", Version: 1}).Get(ctx, probe)
			if errors.Is(err, store.ErrAbsent) {
				return false, nil
			}
			return err == nil, err
		},
		Watch: func(ctx context.Context, person string) (<-chan struct{}, error) {
			return c.Store.KV.Watch(ctx, "recovery/"+person)
		},
		Desk: func(time.Time) view.Desk { return view.Desk{} }, Issuer: "Example", Now: c.Clock.Now, Log: log, Figures: metrics.NewSet(),
	}
	if c.desk {
		c.openDesk(s, flow.Accounts)
	}
	c.openSettings(s, flow)
	return s
}

// Address is what mails call the bridge: pages and mails are the same ones on every campus, and know no port.
const Address = "https://otp.campus.example"

// views are the pages and mails without a desk and with one: parsed once, since that takes longer than many a test.
var views = func() func(desk bool) (*view.View, error) {
	site := view.Site{
		BaseURL: Address, Languages: []string{"en", "ja"}, Zone: tokyo(), Org: view.Words{"en": "Example University", "ja": "例示大学"},
		Contact: view.Contact{Phone: "075-000-0000", Contacts: []view.ContactLine{{Label: view.Words{"en": "Contact form", "ja": "お問い合わせ"}, URL: "https://www.example.ac.jp/contact"}}},
	}
	desk := site
	desk.Checks = deskChecks()
	plain := sync.OnceValues(func() (*view.View, error) { return view.New(templates.FS, site) })
	withDesk := sync.OnceValues(func() (*view.View, error) { return view.New(templates.FS, desk) })
	return func(desk bool) (*view.View, error) {
		if desk {
			return withDesk()
		}
		return plain()
	}
}()

func tokyo() *time.Location { return time.FixedZone("JST", 9*3600) }

// Record implements bridge.Audit.
func (c *Campus) Record(_ context.Context, e bridge.AuditEvent) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(c.broken["audit"], c.broken["audit "+e.Event]); err != nil {
		return err
	}
	c.events = append(c.events, e)
	if e.Event == "swap.done" || e.Event == "lock.done" {
		if c.lastDone == nil {
			c.lastDone = make(map[string]time.Time)
		}
		c.lastDone[e.Target] = c.Clock.Now()
	}
	return nil
}

// recovered is what the trail says of the swaps and locks of a person; see bridge.Flow.
func (c *Campus) recovered(_ context.Context, person string) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastDone[person], nil
}

// ended is what the trail says of an undertaking; see bridge.Flow.
func (c *Campus) ended(_ context.Context, what bridge.Undertaking, recovery string) (how string, err error) {
	for _, e := range c.Events("") {
		begin, end, _ := strings.Cut(e.Event, ".")
		if e.Recovery == recovery && begin == string(what) && bridge.EndOf(end) != "" {
			how = bridge.EndOf(end)
		}
	}
	return how, nil
}

// Send implements bridge.Mailer.
func (c *Campus) Send(_ context.Context, n bridge.Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(c.broken["mail"], c.broken["mail to "+n.To]); err != nil {
		return err
	}
	c.mails = append(c.mails, n)
	return nil
}

// Break makes a part ("mail", "mail to ADDRESS", "audit", "audit EVENT") fail with err until it is mended with nil.
func (c *Campus) Break(part string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[part] = err
}

// Mails returns the notices sent so far, of one kind, or all for "".
func (c *Campus) Mails(kind bridge.NoticeKind) []bridge.Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []bridge.Notice
	for _, n := range c.mails {
		if kind == "" || n.Kind == kind {
			out = append(out, n)
		}
	}
	return out
}

// Events returns the audit events with that name, or all for "".
func (c *Campus) Events(name string) []bridge.AuditEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []bridge.AuditEvent
	for _, e := range c.events {
		if name == "" || e.Event == name {
			out = append(out, e)
		}
	}
	return out
}
