package service

import (
	"context"
	"fmt"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
)

// alarmEvents are the audit events that somebody should look at; docs/operations.md says what to do about each.
func alarmEvents() []string {
	return []string{
		"alarm.account_moved", "alarm.authenticator_last", "alarm.clock_off", "alarm.objected", "alarm.realm_unsafe", "alarm.risky_call", "alarm.suspicious_call", "alarm.temporary_changed", "alarm.temporary_last", "alarm.weak_approval", "configuration.refused", "desk.locked", "gate.alarm", "gate.counted", "gate.undone",
		"guard.stopped", "lock.intruder", "lock.kept", "lock.refused", "lock.stuck", "permit.limited", "store.new", "swap.refused", "swap.stuck", "temporary.stuck",
	}
}

// countedAudit is the audit trail with two figures for whoever is called at night: alarms, and records that could not be written.
type countedAudit struct {
	next     bridge.Audit
	flood    flood
	alarms   map[string]*metrics.Counter // by event
	failures *metrics.Counter
}

func newCountedAudit(next bridge.Audit, figures *metrics.Set, now func() time.Time) *countedAudit {
	a := &countedAudit{
		next: next, flood: flood{now: now},
		alarms: map[string]*metrics.Counter{}, failures: figures.NewCounter("otpbridge_audit_failures_total"),
	}
	for _, event := range alarmEvents() { // from the beginning, so that the first one is seen to be one more
		a.alarms[event] = figures.NewCounter(fmt.Sprintf("otpbridge_alarms_total{event=%q}", event))
	}
	return a
}

// Record implements bridge.Audit. Of what anybody can cause only so much is written (see flood); the figures count everything.
func (a *countedAudit) Record(ctx context.Context, e bridge.AuditEvent) error {
	if alarm := a.alarms[e.Event]; alarm != nil {
		alarm.Inc()
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
