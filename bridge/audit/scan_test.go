package audit_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

// INV-8: changes in the settings are found likewise, until any of their ends.
func TestChangesAreIntentsToo(t *testing.T) {
	t.Parallel()
	w := begin(t)
	marked := time.Date(2026, 11, 25, 2, 59, 0, 0, time.UTC)
	change := func(name string, kind bridge.ChangeKind, id string) {
		t.Helper()
		e := bridge.AuditEvent{Event: name, Outcome: "ok", Target: "p", Recovery: id, Detail: map[string]string{"change": string(kind)}}
		if kind.OfAddress() {
			e.Detail["marked"] = marked.Format(time.RFC3339)
		}
		w.record(t, e)
	}
	change("address.intended", bridge.ChangeAddAddress, "a")
	change("authenticator.intended", bridge.ChangeDropOTP, "b")
	change("authenticator.intended", bridge.ChangeLabel, "c")
	change("address.asked", "", "a") // no end
	open, err := w.Intents(t.Context())
	if err != nil || len(open) != 3 || open[0].Change != bridge.ChangeAddAddress || !open[0].Marked.Equal(marked) || open[2].Change != bridge.ChangeLabel {
		t.Fatalf("%+v, %v", open, err)
	}
	change("address.added", bridge.ChangeAddAddress, "a")
	change("authenticator.removed", bridge.ChangeDropOTP, "b")
	change("authenticator.refused", bridge.ChangeLabel, "c")
	if open, err := w.Intents(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
	for id, want := range map[string]string{"b": "done", "c": "refused"} {
		if how, err := w.Ended(t.Context(), bridge.UndertakingAuthenticator, id); err != nil || how != want {
			t.Errorf("%s: %q, %v", id, how, err)
		}
	}
}
