package audit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
)

// What an event says makes no line too long to be read back: it is shortened from the end on, and says so. Ids of whom it is about stay whole.
func TestALongEventIsShortenedAndSaysSo(t *testing.T) {
	t.Parallel()
	w := begin(t)
	said := event("guard.stopped")
	said.Detail = map[string]string{"findings": "first, " + strings.Repeat("other, ", audit.LineSize), "kind": "swap"}
	many := swapEvent("intended", 1)
	many.Removed = nil
	for range 5000 {
		many.Removed = append(many.Removed, bridge.NewUUID())
	}
	w.record(t, said)
	w.record(t, many)
	w.record(t, event("store.new"))
	got := lines(t, w.path)
	if len(got) != 3 || got[0].Detail["cut"] != "findings" || got[0].Detail["kind"] != "swap" || !strings.HasPrefix(got[0].Detail["findings"], "first, other, ") || !strings.HasSuffix(got[0].Detail["findings"], "…") {
		t.Fatalf("%+v", got)
	}
	kept := got[1].Removed
	if len(kept) < 100 || fmt.Sprint(kept) != fmt.Sprint(many.Removed[:len(kept)]) || got[1].Detail["cut"] != fmt.Sprintf("removed (%d more)", len(many.Removed)-len(kept)) {
		t.Errorf("%d kept: %v", len(kept), got[1].Detail)
	}
	if got[1].Target != "p1" || got[1].Recovery != "r1" || got[1].Added != "new1" || got[2].Detail != nil || len(said.Detail["findings"]) < audit.LineSize || len(said.Detail) != 2 {
		t.Errorf("%+v %+v", got[1], got[2])
	}
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if len(line) > audit.LineSize {
			t.Errorf("%d bytes", len(line))
		}
	}
}

// put appends a line without a bound and returns its size.
func put(t *testing.T, path string, l audit.Line) int {
	t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(append(text, '\n')); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	return len(text) + 1
}

// What a process that died left behind the last line, without a line feed, is not held in memory as a whole, however long it is, neither at the start nor when
// the trail is read back. It says nothing, and numbers go on.
//
//nolint:paralleltest // what others allocate would count
func TestALongTornEndIsNotHeldInMemory(t *testing.T) {
	const torn, most = 64 << 20, 72 << 20
	w := begin(t)
	w.record(t, event("store.new"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.path)
	if err == nil {
		err = os.Truncate(w.path, int64(len(text))+torn) // takes no space
	}
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	again := start(t, w.path)
	intents, err := again.Intents(t.Context())
	if err != nil || len(intents) > 0 {
		t.Errorf("%v, %v", intents, err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > most {
		t.Errorf("%d MB were taken for %d MB of a torn line", took>>20, torn>>20)
	}
	again.record(t, event("service.started"))
	if numbers, _ := looked(t, again.Trail, bridge.AuditLook{Most: 10}); fmt.Sprint(numbers) != "[2 1]" {
		t.Errorf("%v stand there", numbers)
	}
}

// A line of which something else made more, or a torn one, however long, hides no other: numbers go on behind it and the trail is read back over it. One that is
// too long to be read stands there with its beginning and its size.
func TestALongLineHidesNoOther(t *testing.T) {
	t.Parallel()
	for _, size := range []int{70 << 10, 300 << 10, 9 << 20} {
		w := begin(t)
		w.record(t, event("store.new"))
		written := put(t, w.path, audit.Line{
			Time: "2026-11-25T03:00:00.005Z", Sequence: 2, Event: "guard.stopped", Outcome: "failed", Detail: map[string]string{"findings": strings.Repeat("f", size)},
		})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again := start(t, w.path)
		again.record(t, event("service.started"))
		if numbers, _ := looked(t, again.Trail, bridge.AuditLook{Most: 10}); fmt.Sprint(numbers) != "[3 2 1]" {
			t.Errorf("%d bytes: %v", size, numbers)
		}
		found, _, err := again.Look(t.Context(), bridge.AuditLook{Before: 3, Most: 1})
		if err != nil || len(found) != 1 || found[0].Event != "guard.stopped" {
			t.Fatalf("%d bytes: %d found, %v", size, len(found), err)
		}
		if numbers, _ := looked(t, again.Trail, bridge.AuditLook{Before: 2, Most: 10}); fmt.Sprint(numbers) != "[1]" {
			t.Errorf("%d bytes: before it %v", size, numbers)
		}
		cut, whole := found[0].Detail["cut"], len(found[0].Detail["findings"]) == size
		if written <= audit.LookAtMost && !whole || written > audit.LookAtMost && cut != fmt.Sprintf("%d bytes", written) {
			t.Errorf("%d bytes: whole %v, %q", size, whole, cut)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		want := "[3 2 1]"
		for i, torn := range []int{size, audit.WindowSize - 50} { // the latter leaves a part of the line before it in the window
			text, err := os.ReadFile(w.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(w.path, append(text, strings.Repeat("x", torn)...), 0o600); err != nil {
				t.Fatal(err)
			}
			again := start(t, w.path)
			again.record(t, event("service.stopped"))
			want = fmt.Sprintf("[%d %s", i+4, want[1:])
			if numbers, _ := looked(t, again.Trail, bridge.AuditLook{Most: 10}); fmt.Sprint(numbers) != want {
				t.Errorf("%d bytes, %d torn: %v", size, torn, numbers)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
