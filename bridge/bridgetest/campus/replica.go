package campus

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

// Replica is one bridge on the campus's store: its pages and its workers.
type Replica struct {
	Flow *bridge.Flow
	Web  *web.Server
	Gate *keycloak.RealmGate
	// Closing ends the replica's live pages, as a drain does.
	Closing context.CancelFunc

	handler http.Handler
	stop    func()
	stopped atomic.Bool
}

// replica builds a bridge and starts its workers.
func (c *Campus) replica(t *testing.T) *Replica {
	t.Helper()
	log := c.logger()
	r := &Replica{}
	kc, err := keycloak.New(keycloak.Config{
		URL: c.KC.URL, Realm: "campus", Issuer: c.KC.Issuer, ClientID: fakekc.ClientAdmin, Secret: "admin-secret-for-tests",
		LoginClient: fakekc.ClientLogin, AllowedGroup: "/otp-recoverable", Now: c.Clock.Now, Log: log,
	})
	must(t, err)
	r.Gate, err = keycloak.NewGate(keycloak.GateConfig{
		Client: kc, GroupID: c.KC.GroupID("otp-recovery-open"), Jobs: jobs{c}, Audit: c, Now: c.Clock.Now, Log: log, Open: c.openGates,
		Leases: store.NewTyped[keycloak.GateRecord](c.Store.KV, store.Kind{Name: "gate", Version: 1}),
	})
	must(t, err)
	r.Flow = c.newFlow(kc, r.Gate, log)
	r.Web = c.newServer(t, r.Flow, log)
	closing, closes := context.WithCancel(context.Background())
	t.Cleanup(closes)
	r.Web.Closing, r.Closing = closing, closes
	r.handler = r.Web.Handler()
	c.background(t, r, log)
	return r
}

// Second opens another bridge on the same store. From then on requests go to all bridges in turn.
func (c *Campus) Second(t *testing.T) *Replica {
	t.Helper()
	r := c.replica(t)
	c.wait(t, "the second replica", func() bool { return r.Web.Party.Ready() == nil })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas = append(c.replicas, r)
	return r
}

// First is the replica that the campus began with.
func (c *Campus) First() *Replica {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replicas[0]
}

// Front puts these replicas alone behind the campus's address.
func (c *Campus) Front(only ...*Replica) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fronted = only
}

// Serve gives this replica an address of its own, beside the one in front of all. Requests there need the Host of the front.
func (r *Replica) Serve(t *testing.T) (address string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	r.ServeOn(t, l)
	return "http://" + l.Addr().String()
}

// ServeOn is Serve with the test's own listener.
func (r *Replica) ServeOn(t *testing.T, l net.Listener) {
	t.Helper()
	server := &http.Server{Handler: r.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
}

// StopWork ends the workers of a replica: what they have under way is cut off and given back. Its pages are served on.
func (r *Replica) StopWork() { r.stop() }

// StopWork ends the workers of the first replica.
func (c *Campus) StopWork() { c.replicas[0].StopWork() }

// Works reports whether a replica has workers.
func (c *Campus) Works() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.replicas, func(r *Replica) bool { return !r.stopped.Load() })
}

// front hands requests to all replicas in turn, as a balancer in front of them does.
func (c *Campus) front(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	all := c.replicas
	if c.fronted != nil {
		all = c.fronted
	}
	h := all[c.turn%len(all)].handler
	c.turn++
	c.mu.Unlock()
	h.ServeHTTP(w, r)
}

// background runs what works without a request.
func (c *Campus) background(t *testing.T, r *Replica, log *slog.Logger) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	worker := &store.Worker{Jobs: c.Store.Jobs, KV: c.Store.KV, Now: c.Clock.Now, Log: log, Works: []store.Work{
		{Kind: bridge.JobSwap, Parallel: 2, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.RunSwap(ctx, j.ID) }},
		{Kind: bridge.JobLock, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.RunLock(ctx, j.ID) }},
		{Kind: bridge.JobWatch, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.RunWatch(ctx, j.ID) }},
		{Kind: bridge.JobExpiry, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.RunExpiry(ctx, j.ID) }},
		{Kind: bridge.JobCall, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.Expire(ctx, j.ID) }},
		{Kind: bridge.JobCodes, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.RunCodes(ctx, j.ID) }},
		{Kind: bridge.JobLeftover, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) {
			return time.Time{}, r.Flow.RunLeftover(ctx, j.ID, j.Payload)
		}},
		{Kind: bridge.JobChange, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) {
			return r.Web.Settings.RunChange(ctx, j.ID)
		}},
		{Kind: bridge.JobVeto, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.RunVeto(ctx, j.ID) }},
		{Kind: bridge.JobDelay, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return r.Flow.EndDelay(ctx, j.ID) }},
		{Kind: bridge.JobTemporary, Parallel: 2, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) {
			return r.Flow.RunTemporary(ctx, j.ID)
		}},
		{Kind: bridge.JobGate, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) {
			return time.Time{}, r.Gate.Expire(ctx, j.ID)
		}},
	}}
	for i := range worker.Works {
		worker.Works[i].Handle = c.Clock.counted(worker.Works[i].Handle)
	}
	all.Go(func() { worker.Run(ctx, 0) })
	all.Go(func() { _ = r.Web.Party.Run(ctx) })
	all.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		keycloak.NewWatch(keycloak.WatchConfig{Gate: r.Gate}).Run(ctx, tick.C)
	})
	var once sync.Once
	r.stop = func() { once.Do(func() { r.stopped.Store(true); cancel(); all.Wait() }) }
	t.Cleanup(r.stop)
}

// errAway is what the store answers while it is broken.
var errAway = bridge.Fault(bridge.CodeStoreAway, "store", errors.New("broken by a test"))

// BreakStore makes the store fail after so many more calls, until MendStore. Workers can still claim and report.
func (c *Campus) BreakStore(after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.storeBroken, c.storeLeft = true, after
}

// MendStore ends BreakStore and reports whether a call failed.
func (c *Campus) MendStore() (failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed = c.storeBroken && c.storeLeft < 0
	c.storeBroken = false
	return failed
}

// storeFault is asked before each call of the store.
func (c *Campus) storeFault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.storeBroken {
		return nil
	}
	c.storeLeft--
	if c.storeLeft < 0 {
		c.storeLeft = -1
		return errAway
	}
	return nil
}

// kv, jobs and limits are the parts of the store that can be broken.
type kv struct {
	store.KV
	c *Campus
}

func (k kv) Get(ctx context.Context, key string) ([]byte, store.Version, error) {
	if err := k.c.storeFault(); err != nil {
		return nil, "", err
	}
	return k.KV.Get(ctx, key)
}

func (k kv) Put(ctx context.Context, key string, value []byte, o store.PutOptions) (store.Version, error) {
	if err := k.c.storeFault(); err != nil {
		return "", err
	}
	return k.KV.Put(ctx, key, value, o)
}

func (k kv) Delete(ctx context.Context, key string, v store.Version) error {
	if err := k.c.storeFault(); err != nil {
		return err
	}
	return k.KV.Delete(ctx, key, v)
}

type jobs struct{ c *Campus }

func (j jobs) Add(ctx context.Context, job bridge.Job) error {
	if err := j.c.storeFault(); err != nil {
		return err
	}
	return j.c.Store.Jobs.Add(ctx, job)
}

func (j jobs) Remove(ctx context.Context, kind, id string) error {
	if err := j.c.storeFault(); err != nil {
		return err
	}
	return j.c.Store.Jobs.Remove(ctx, kind, id)
}

type limits struct{ c *Campus }

func (l limits) Allow(ctx context.Context, limit bridge.Limit, key string) (bool, time.Duration, error) {
	if err := l.c.storeFault(); err != nil {
		return false, 0, err
	}
	return l.c.Store.Limiter.Allow(ctx, limit, key)
}

func (l limits) AllowAtMost(ctx context.Context, limit bridge.Limit, key string) (bool, time.Duration, error) {
	if err := l.c.storeFault(); err != nil {
		return false, 0, err
	}
	return l.c.Store.Limiter.AllowAtMost(ctx, limit, key)
}

func (l limits) AllowEach(ctx context.Context, uses []bridge.Use) (int, time.Duration, error) {
	if err := l.c.storeFault(); err != nil {
		return 0, 0, err
	}
	return l.c.Store.Limiter.AllowEach(ctx, uses)
}
