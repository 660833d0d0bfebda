package service

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otpbridge/bridge"
)

// alarmEvents are the audit events that somebody should look at; docs/operations.md says what to do about each.
func alarmEvents() []string {
	return []string{
		"alarm.account_moved", "alarm.clock_off", "alarm.objected", "alarm.realm_unsafe", "alarm.risky_call", "alarm.suspicious_call", "alarm.weak_approval", "configuration.refused", "desk.locked", "gate.alarm", "gate.counted",
		"guard.stopped", "lock.intruder", "lock.kept", "lock.refused", "lock.stuck", "store.new", "swap.refused", "swap.stuck",
	}
}

// countedAudit is the audit trail with two figures for whoever is called at night: alarms, and records that could not be written.
type countedAudit struct {
	next     bridge.Audit
	flood    flood
	alarms   *prometheus.CounterVec
	failures prometheus.Counter
}

func newCountedAudit(next bridge.Audit, registry prometheus.Registerer, now func() time.Time) *countedAudit {
	a := &countedAudit{
		next: next, flood: flood{now: now},
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "otpbridge_alarms_total", Help: "Alarms put on record, by event; docs/audit.md says what each means.",
		}, []string{"event"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "otpbridge_audit_failures_total", Help: "Audit records that could not be written; nothing is changed at an account without one.",
		}),
	}
	registry.MustRegister(a.alarms, a.failures)
	for _, event := range alarmEvents() {
		a.alarms.WithLabelValues(event) // so that the first one is seen to be one more
	}
	return a
}

// Record implements bridge.Audit. Of what anybody can cause only so much is written (see flood); the figures count everything.
func (a *countedAudit) Record(ctx context.Context, e bridge.AuditEvent) error {
	if slices.Contains(alarmEvents(), e.Event) {
		a.alarms.WithLabelValues(e.Event).Inc()
	}
	write, before := a.flood.takes(e)
	if err := a.count(ctx, before); err != nil || !write {
		return err
	}
	return a.write(ctx, e)
}

func (a *countedAudit) write(ctx context.Context, e bridge.AuditEvent) error {
	err := a.next.Record(ctx, e)
	if err != nil {
		a.failures.Inc()
	}
	return err
}
