package audit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
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

// SWAP-11: what is read as collected output by whoever looks into it is no record for the service, which reads its own file as it wrote it.
func TestTheServiceTakesNoCollectedLineForARecord(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.record(t, bridge.AuditEvent{Event: "swap.intended", Outcome: "ok", Target: "p", Recovery: "r"})
	const done = `{"time":"2026-11-25T03:00:00.000Z","seq":9,"event":"swap.done","outcome":"ok","target":"p","recovery":"r","version":"v"}`
	quoted, err := json.Marshal(done)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "2026-11-25T03:00:00.1Z %s\n2026-11-25T03:00:00.1Z stdout F %[1]s\n{\"log\":%s}\n", done, quoted)
	if err := os.WriteFile(w.path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if open, err := w.Intents(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("%+v, %v", open, err)
	}
	if found, err := audit.Unfinished(t.Context(), w.path); err != nil || len(found.Open) != 0 {
		t.Errorf("collected: %+v, %v", found, err)
	}
}
