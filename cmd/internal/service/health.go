package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
)

// health is what /readyz and the metrics say.
type health struct {
	draining atomic.Bool
	store    atomic.Pointer[error] // of the last look; nil pointer: not looked yet
	rights   atomic.Pointer[error]
	wasReady atomic.Bool
	parked   map[string]*metrics.Counter // by kind
}

var errNotYet = errors.New("not looked at yet")

// parts returns what is wrong with each part that readiness depends on, nil when it is fine.
func (s *service) parts() map[string]error {
	parts := map[string]error{"store": errNotYet, "service_account": errNotYet, "sign_in": s.party.Ready()}
	if p := s.health.store.Load(); p != nil {
		parts["store"] = *p
	}
	if p := s.health.rights.Load(); p != nil {
		parts["service_account"] = *p
	}
	if s.health.draining.Load() {
		parts["process"] = errors.New("draining")
	}
	return parts
}

// ready reports whether people can be served.
func (s *service) ready() bool {
	for _, err := range s.parts() {
		if err != nil {
			return false
		}
	}
	return true
}

// adminHandler serves the second listener: /livez looks at the process only, /readyz at what it needs.
func (s *service) adminHandler() http.Handler {
	s.health.parked = map[string]*metrics.Counter{}
	for _, w := range s.works() {
		s.health.parked[w.Kind] = s.figures.NewCounter(fmt.Sprintf("otpbridge_jobs_parked_total{kind=%q}", w.Kind))
	}
	s.figures.NewGauge("otpbridge_ready", func() float64 { return oneIf(s.ready()) })
	s.figures.NewGauge("otpbridge_paused", func() float64 { return oneIf(s.cfg.Paused) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

// metrics serves GET /metrics in Prometheus's text format.
func (s *service) metrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.shared.WritePrometheus(w)
	s.figures.WritePrometheus(w)
	s.jobFigures(r.Context(), w)
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
}

// oneIf is a figure that says yes or no.
func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// readyz serves GET /readyz: 200 or 503, and each part with "ok" or what is wrong.
func (s *service) readyz(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	answer := map[string]string{}
	answer["realm_guard"] = "ok"
	if said := s.guard.says(); said != "" {
		answer["realm_guard"] = "no new recovery begins: " + said // the pages say so, and what is under way goes on
	}
	if s.cfg.Paused {
		answer["paused"] = "no new recovery begins: the configuration says so" // which is as somebody wants it, and no outage
	}
	for part, err := range s.parts() {
		if err == nil {
			answer[part] = "ok"
		}
		if err != nil {
			answer[part], status = Cause(err), http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.log.DebugContext(r.Context(), "answer not delivered", "err", err)
	}
}

// watchStore looks at the store every two seconds, and says once when its contents are new.
func (s *service) watchStore(ctx context.Context) {
	id := s.store.ID()
	s.everyBriefly(ctx, 2*time.Second, func(ctx context.Context) {
		err := s.store.Ping(ctx)
		s.health.store.Store(&err)
		if now := s.store.ID(); err == nil && now != id {
			id = now
			s.log.ErrorContext(ctx, "the store is new: open recoveries, counters and leases are gone")
			s.note(ctx, "store.new")
		}
		s.announce(ctx)
	})
}

// awaitReady announces the start as soon as every part is ready, whichever comes last.
func (s *service) awaitReady(ctx context.Context) {
	const often = 20 * time.Millisecond
	for !s.health.wasReady.Load() && sleep(ctx, often) {
		s.announce(ctx)
	}
}

// announce says once that people can be served.
func (s *service) announce(ctx context.Context) {
	if s.ready() && s.health.wasReady.CompareAndSwap(false, true) {
		s.log.InfoContext(ctx, "ready")
		if s.opts.Ready != nil {
			s.opts.Ready()
		}
	}
}

// seesPolicyGroups wants the service account to see every group that a policy names: whose group is hidden would be judged by a later,
// weaker policy.
func (s *service) seesPolicyGroups(ctx context.Context) error {
	hidden, untold, err := s.kc.HiddenGroups(ctx, s.cfg.PolicyGroups())
	if len(untold) > 0 {
		s.log.WarnContext(ctx, "service account", "finding", "Keycloak before 26.7 does not say whether groups that policies name exist: "+strings.Join(untold, ", "))
	}
	if err == nil && len(hidden) > 0 {
		err = fmt.Errorf("policies name groups that do not exist or that the service account may not view: %s", strings.Join(hidden, ", "))
	}
	return err
}

// checkReach looks, as soon as Keycloak answers, at its release, and at what the service account may do with the gate group and with people. Keycloak
// needs a while for that, so a start does not wait for it, nor does a press, which waits for the realm guard; what is found ends the process all the
// same.
func (s *service) checkReach(ctx context.Context) error {
	s.guard.await(ctx)
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		warnings, err := s.reach(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if bridge.CodeOf(err) != bridge.CodeKeycloakAway {
			for _, w := range warnings {
				s.log.WarnContext(ctx, "service account", "finding", w)
			}
			return err
		}
		s.log.WarnContext(ctx, "service account", "err", err)
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// reach is what checkReach looks at.
func (s *service) reach(ctx context.Context) (warnings []string, err error) {
	if err := s.judgeServer(ctx); err != nil {
		return nil, err
	}
	return s.gate.Rights(ctx)
}

// watchRights looks at the service account until Keycloak answered once, then every five minutes. Rights that are too many, or missing,
// end the process at the start: nobody should get used to them.
func (s *service) watchRights(ctx context.Context) error {
	select {
	case <-s.asked:
	case <-ctx.Done():
	}
	pause := 250 * time.Millisecond
	for {
		warnings, err := s.account(ctx)
		away := bridge.CodeOf(err) == bridge.CodeKeycloakAway
		if ctx.Err() == nil && (err == nil || !away || s.health.rights.Load() == nil) {
			s.health.rights.Store(&err)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !away && !s.health.wasReady.Load():
			return err
		case err != nil:
			s.log.WarnContext(ctx, "service account", "err", err)
			pause = min(2*pause, 10*time.Second)
		default:
			pause = 5 * time.Minute
			for _, w := range warnings {
				s.log.WarnContext(ctx, "service account", "finding", w)
			}
		}
		s.announce(ctx)
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// account looks at the service account and at what the realm asks of authenticators.
func (s *service) account(ctx context.Context) (warnings []string, err error) {
	warnings, err = s.kc.Rights(ctx)
	if err == nil {
		err = s.seesPolicyGroups(ctx)
	}
	if err == nil {
		err = s.judge(ctx)
	}
	return warnings, err
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// everyBriefly runs f now and then, each run bounded by the interval.
func (s *service) everyBriefly(ctx context.Context, interval time.Duration, f func(context.Context)) {
	for {
		run, cancel := context.WithTimeout(ctx, interval)
		f(run)
		cancel()
		if !sleep(ctx, interval) {
			return
		}
	}
}
