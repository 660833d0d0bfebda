package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
)

type trail func(bridge.AuditEvent) error

func (t trail) Record(_ context.Context, e bridge.AuditEvent) error { return t(e) }

// AUD-08: alarms and records that could not be written are figures, without a word about people.
func TestAlarmsAndLostRecordsAreCounted(t *testing.T) {
	figures := metrics.NewSet()
	full := errors.New("disk full")
	a := newCountedAudit(trail(func(e bridge.AuditEvent) error {
		if e.Event == "swap.intended" {
			return full
		}
		return nil
	}), figures, time.Now)
	for _, name := range []string{"alarm.weak_approval", "gate.alarm", "gate.alarm", "recovery.started", "swap.intended"} {
		err := a.Record(t.Context(), bridge.AuditEvent{Event: name, Target: "somebody"})
		if (name == "swap.intended") != errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var out strings.Builder
	figures.WritePrometheus(&out)
	var got []string
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0") {
			got = append(got, line)
		}
	}
	want := []string{`otpbridge_alarms_total{event="alarm.weak_approval"} 1`, `otpbridge_alarms_total{event="gate.alarm"} 2`, "otpbridge_audit_failures_total 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
