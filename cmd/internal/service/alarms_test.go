package service

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otpbridge/bridge"
)

type trail func(bridge.AuditEvent) error

func (t trail) Record(_ context.Context, e bridge.AuditEvent) error { return t(e) }

// AUD-08: alarms and records that could not be written are figures, without a word about people.
func TestAlarmsAndLostRecordsAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	full := errors.New("disk full")
	a := newCountedAudit(trail(func(e bridge.AuditEvent) error {
		if e.Event == "swap.intended" {
			return full
		}
		return nil
	}), registry, time.Now)
	for _, name := range []string{"alarm.weak_approval", "gate.alarm", "gate.alarm", "recovery.started", "swap.intended"} {
		err := a.Record(t.Context(), bridge.AuditEvent{Event: name, Target: "somebody"})
		if (name == "swap.intended") != errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := map[string]float64{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetName() + "=" + l.GetValue()
			}
			if n := m.GetCounter().GetValue(); n > 0 {
				got[key] = n
			}
		}
	}
	want := map[string]float64{
		"otpbridge_alarms_total event=alarm.weak_approval": 1, "otpbridge_alarms_total event=gate.alarm": 2, "otpbridge_audit_failures_total": 1,
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
	for key, n := range want {
		if got[key] != n {
			t.Errorf("%s = %v, want %v", key, got[key], n)
		}
	}
}
