package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/config"
)

// process is what outlives a change of the configuration: listeners, store, audit trail, and the one service that answers now.
type process struct {
	opts       Options
	current    atomic.Pointer[service]
	background sync.WaitGroup
	fail       context.CancelCauseFunc
	refused    string // hash of the last configuration that was not taken, or why it could not be read
}

// startOver is when all that a start asks for was answered, after the realm guard has looked.
const startOver = 5 * time.Second

// to serves requests with what the service of this moment has.
func (p *process) to(handler func(*service) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(p.current.Load()).ServeHTTP(w, r) })
}

// serve runs the listeners and everything behind them until ctx ends or one of them fails. Life is that of the first service.
func (p *process) serve(ctx, life context.Context, first *service) error {
	listeners, err := first.listen(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.fail = cancel
	p.adopt(life, first)
	servers := []*http.Server{
		first.newServer(p.to(func(s *service) http.Handler { return s.pages })),
		first.newServer(p.to(func(s *service) http.Handler { return s.admin })),
		first.newServer(p.to(func(s *service) http.Handler { return s.control })),
	}
	for i, l := range listeners {
		p.background.Go(func() {
			if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serve %s: %w", l.Addr(), err))
			}
		})
	}
	first.log.InfoContext(ctx, "serving", "pages", listeners[0].Addr().String(), "admin", listeners[1].Addr().String(), "base_url", first.cfg.BaseURL.String(), "config", first.cfg.Hash)
	first.note(ctx, "service.started")
	p.background.Go(func() { p.reload(ctx) })
	p.background.Go(func() {
		first.guard.await(ctx)
		if sleep(ctx, startOver) {
			debug.FreeOSMemory() // a start reads and parses far more than it keeps
		}
		giveBack(ctx)
	})
	<-ctx.Done()
	return p.drain(ctx, first, servers)
}

// drain ends what is under way, and says why the process ends: nil when it was told to.
func (p *process) drain(ctx context.Context, first *service, servers []*http.Server) error {
	last := p.current.Load()
	last.health.draining.Store(true)
	last.end() // when it was not ctx that ended
	last.log.InfoContext(ctx, "draining")
	last.shutdown(context.WithoutCancel(ctx), servers)
	if err := os.Remove(first.cfg.ControlSocket); err != nil {
		last.log.WarnContext(ctx, "the control socket stays behind", "err", err)
	}
	p.background.Wait()
	last.note(context.WithoutCancel(ctx), "service.stopped")
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// adopt lets a service answer and work from now on. The one before finishes the requests and the jobs that it has; its live pages come back.
func (p *process) adopt(life context.Context, s *service) {
	s.web.Closing = life
	s.pages, s.admin, s.control = s.web.Handler(), s.adminHandler(), s.controlHandler()
	s.begin(life, p)
	if before := p.current.Swap(s); before != nil {
		before.end()
	}
}

// reload does what SIGHUP asks for whenever it is told to, and takes a configuration whose files have changed, until ctx ends.
func (p *process) reload(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var changed look
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-p.opts.Reload:
			asked = true
			p.current.Load().reopen(ctx)
		case <-tick.C:
		}
		if p.opts.Load == nil {
			continue
		}
		cfg, err := p.opts.Load()
		if changed.settled(p.current.Load().cfg.Hash, cfg, err) || asked {
			changed.done = !passes(p.reconfigure(ctx, cfg, err)) // else the next look tries again
		}
	}
}

// look is what the last look at the configuration found. A file that is being written is found half-way: only what two looks found alike counts, once.
type look struct {
	last string
	done bool
}

// settled reports whether something else than what is in force was found twice.
func (s *look) settled(inForce string, found *config.Config, err error) bool {
	now := ""
	if err != nil {
		now = "faulty: " + err.Error()
	} else if found.Hash != inForce {
		now = found.Hash
	}
	again := now == s.last
	if !again {
		s.last, s.done = now, false
	}
	if now == "" || !again || s.done {
		return false
	}
	s.done = true
	return true
}

// readyWithin is how long a changed configuration has to become ready before it is given up.
const readyWithin = 15 * time.Second

// reconfigure puts a configuration into force, or says and returns why everything stays as it was. Err is what was wrong with reading it.
func (p *process) reconfigure(ctx context.Context, cfg *config.Config, err error) error {
	now := p.current.Load()
	if err == nil && cfg.Hash == now.cfg.Hash {
		now.log.InfoContext(ctx, "the configuration is the one in force", "config", now.cfg.Hash)
		return nil
	}
	if err == nil {
		err = p.replace(ctx, now, *cfg)
	}
	if ctx.Err() != nil {
		return err
	}
	e := bridge.AuditEvent{Event: "configuration.changed", Outcome: "ok", Actor: "system", Detail: map[string]string{"before": now.cfg.Hash}}
	if err != nil {
		now.log.ErrorContext(ctx, "the configuration was not taken; the one before stays in force", "err", err, "config", now.cfg.Hash)
		e.Event, e.Outcome = "configuration.refused", "refused"
	} else {
		e.Detail["config"] = cfg.Hash
		p.current.Load().log.InfoContext(ctx, "the configuration was changed", "before", now.cfg.Hash, "config", cfg.Hash)
		if p.opts.Loaded != nil {
			p.opts.Loaded(cfg)
		}
	}
	said := ""
	switch {
	case err != nil && cfg != nil:
		said = cfg.Hash
	case err != nil:
		said = err.Error()
	}
	if said == "" || said != p.refused { // the same again is said once
		if lost := now.counted.Record(ctx, e); lost != nil {
			now.log.ErrorContext(ctx, "audit event lost", "event", e.Event, "err", lost)
		}
	}
	p.refused = said
	return err
}

// replace makes a service of the configuration, waits until it is ready, and lets it answer. An error leaves the one before untouched.
func (p *process) replace(ctx context.Context, now *service, cfg config.Config) error {
	if keys := needStart(now.cfg, cfg); len(keys) > 0 {
		return fmt.Errorf("a new start is needed for %v; nothing else was taken either", keys)
	}
	next, life := now.successor(ctx, cfg)
	next.health.wasReady.Store(now.health.wasReady.Load())
	if err := next.open(life); err != nil {
		next.end()
		return err
	}
	err := now.store.Opens(ctx, cfg.Keys)
	if err == nil && now.ready() && !cfg.Paused { // else others are away; and whoever pauses waits for nobody
		err = next.prove(ctx)
	}
	if err != nil {
		next.end()
		return err
	}
	// From here on there is no way back: what is sealed with a new key needs it.
	next.cfg.Keys = now.store.Keys()
	next.cfg.Keys.Take(cfg.Keys)
	p.adopt(life, next)
	return nil
}

var errNotReady = errors.New("not ready")

// passes reports whether the reason why a configuration was not taken may be gone the next time.
func passes(err error) bool {
	return errors.Is(err, errNotReady) || errors.Is(err, bridge.ErrStoreAway)
}

// prove waits until a service that does not answer yet is ready.
func (s *service) prove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	var fine error
	s.health.store.Store(&fine) // the store is the same
	for {
		err := s.party.Ready()
		if err == nil {
			_, err = s.account(ctx)
		}
		if err == nil {
			_, err = s.reach(ctx)
		}
		if err == nil {
			s.health.rights.Store(&fine)
			s.proven = true
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%w within %s: %w", errNotReady, readyWithin, err)
		}
	}
}

// needStart lists the keys that differ and cannot be changed while the process runs.
func needStart(now, next config.Config) []string {
	var keys []string
	for _, one := range []struct {
		key       string
		now, next any
	}{
		{"listen", now.Listen, next.Listen}, {"admin_listen", now.AdminListen, next.AdminListen}, {"control_socket", now.ControlSocket, next.ControlSocket},
		{"tls", now.TLS, next.TLS}, {"store", now.Store, next.Store}, {"audit.file", now.Audit.File, next.Audit.File}, {"log.format", now.Log.Format, next.Log.Format},
	} {
		if !reflect.DeepEqual(one.now, one.next) {
			keys = append(keys, one.key)
		}
	}
	return keys
}
