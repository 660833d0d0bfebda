package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/store"
	"otpbridge/cmd/internal/control"
)

const (
	drain      = 25 * time.Second
	sweepEvery = time.Minute
	// trailEvery and the time that an intent is left to its own worker end together within a minute of a loss of the store.
	trailEvery = 30 * time.Second
	// journalEvery is when lines of people's histories that the store did not take are tried again.
	journalEvery = 10 * time.Second
)

func (s *service) note(ctx context.Context, event string) {
	if err := s.counted.Record(ctx, bridge.AuditEvent{Event: event, Outcome: "ok", Actor: "system"}); err != nil {
		s.log.ErrorContext(ctx, "audit event lost", "event", event, "err", err)
	}
}

// shutdown lets requests under way come to their end; the pages first, so that the administrator sees the drain to its end.
func (s *service) shutdown(ctx context.Context, servers []*http.Server) {
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			s.log.WarnContext(ctx, "requests were cut off", "err", err)
		}
	}
}

func (s *service) newServer(h http.Handler) *http.Server {
	return &http.Server{
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelInfo), // net/http's own lines, about handshakes that failed: in the form of all others
		Handler:  h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 75 * time.Second, MaxHeaderBytes: 16 << 10,
	}
}

// listen opens the addresses of the pages and of the health, and the administrator's socket, before anything else is said.
func (s *service) listen(ctx context.Context) (all []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				err = errors.Join(err, l.Close())
			}
		}
	}()
	lc := net.ListenConfig{Control: endLost}
	for _, one := range []struct{ key, address string }{{"listen", s.cfg.Listen}, {"admin_listen", s.cfg.AdminListen}} {
		l, err := lc.Listen(ctx, "tcp", one.address)
		if err != nil {
			return all, fmt.Errorf("%s: %s: %w", one.key, one.address, err)
		}
		all = append(all, l)
	}
	if s.cfg.TLS.CertFile != "" {
		all[0] = tls.NewListener(all[0], &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate.get, NextProtos: []string{"h2", "http/1.1"}})
	}
	l, err := control.Listen(ctx, s.cfg.ControlSocket)
	if err != nil {
		return all, err
	}
	return append(all, l), nil
}

// begin starts what works without a request. Each part ends with ctx, the life of the service.
func (s *service) begin(ctx context.Context, p *process) {
	all := &p.background
	all.Go(func() { s.watchStore(ctx) })
	all.Go(func() { s.awaitReady(ctx) })
	judges := []func(context.Context) error{s.watchRights}
	if !s.proven {
		judges = append(judges, s.checkReach)
	}
	for _, judge := range judges {
		all.Go(func() {
			if err := judge(ctx); err != nil {
				p.fail(err)
			}
		})
	}
	all.Go(func() { s.watchRealm(ctx) })
	all.Go(func() {
		t := time.NewTicker(keycloak.WatchEvery)
		defer t.Stop()
		keycloak.NewWatch(keycloak.WatchConfig{Gate: s.gate}).Run(ctx, t.C)
	})
	all.Go(func() {
		s.guard.await(ctx) // Keycloak takes its time for both
		s.every(ctx, sweepEvery, "gate sweep", s.gate.Sweep)
	})
	all.Go(func() { s.every(ctx, sweepEvery, "audit trail", s.counted.flush) })
	all.Go(func() { s.every(ctx, journalEvery, "history", s.journals.Flush) })
	all.Go(func() { s.every(ctx, trailEvery, "unfinished swaps and locks", s.finishIntents) })
	worker := &store.Worker{Jobs: s.store.Jobs, KV: s.store.KV, Now: s.opts.Now, Log: s.log, Parked: s.parked, Works: s.works()}
	all.Go(func() { worker.Run(ctx, drain) })
}

// works says what to do about each kind of job.
func (s *service) works() []store.Work {
	return []store.Work{
		{Kind: bridge.JobSwap, Parallel: 16, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunSwap(ctx, c.ID) }},
		{Kind: bridge.JobLock, Parallel: 4, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunLock(ctx, c.ID) }},
		{Kind: bridge.JobWatch, Parallel: 2, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunWatch(ctx, c.ID) }},
		{Kind: bridge.JobExpiry, Parallel: 1, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunExpiry(ctx, c.ID) }},
		{Kind: bridge.JobCall, Parallel: 2, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.Expire(ctx, c.ID) }},
		{Kind: bridge.JobCodes, Parallel: 2, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunCodes(ctx, c.ID) }},
		{Kind: bridge.JobChange, Parallel: 2, Handle: s.runChange},
		{Kind: bridge.JobVeto, Parallel: 1, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunVeto(ctx, c.ID) }},
		{Kind: bridge.JobDelay, Parallel: 2, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.EndDelay(ctx, c.ID) }},
		{Kind: bridge.JobMail, Parallel: 4, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) {
			return s.mail.Deliver(ctx, c.Payload, c.Tries)
		}},
		{Kind: bridge.JobTemporary, Parallel: 4, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) {
			return s.flow.RunTemporary(ctx, c.ID)
		}},
		{Kind: bridge.JobGate, Parallel: 2, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) {
			return time.Time{}, s.gate.Expire(ctx, c.ID)
		}},
		{Kind: bridge.JobLeftover, Parallel: 1, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) {
			return time.Time{}, s.flow.RunLeftover(ctx, c.ID, c.Payload)
		}},
		{Kind: bridge.JobAttention, Parallel: 1, Handle: func(ctx context.Context, c store.Claimed) (time.Time, error) { return s.flow.RunAttention(ctx, c.ID) }},
	}
}

func (s *service) parked(kind, _ string) {
	s.health.parked[kind].Inc()
	e := bridge.AuditEvent{Event: "job.parked", Outcome: "failed", Actor: "system", Detail: map[string]string{"kind": kind}}
	if err := s.counted.Record(context.Background(), e); err != nil {
		s.log.Error("audit event lost", "event", e.Event, "err", err)
	}
}

// every runs f now and then until ctx ends; what fails is logged and made up for by the next run.
func (s *service) every(ctx context.Context, interval time.Duration, what string, f func(context.Context) error) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		run, cancel := context.WithTimeout(ctx, interval)
		if err := f(run); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, what, "err", err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
