package audit_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
)

// looked pages through a trail and returns the numbers of what was found, and how many looks that took.
func looked(t *testing.T, trail *audit.Trail, q bridge.AuditLook) (numbers []int64, looks int) {
	t.Helper()
	for {
		found, older, err := trail.Look(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		looks++
		for _, r := range found {
			numbers = append(numbers, r.Sequence)
		}
		if older == 0 {
			return numbers, looks
		}
		if q.Before > 0 && older >= q.Before {
			t.Fatalf("before %d comes %d", q.Before, older)
		}
		q.Before = older
	}
}

func newTrail(t *testing.T) (trail *audit.Trail, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	clock := time.Date(2026, time.November, 29, 7, 30, 0, 0, time.UTC)
	trail, err := audit.Open(audit.Config{Path: path, Now: func() time.Time { return clock }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = trail.Close() })
	return trail, path
}

// HD-13: the trail is read back, the newest first, page by page, over its rotated files and torn lines; each record once.
func TestTheTrailIsReadBackPageByPage(t *testing.T) {
	t.Parallel()
	trail, path := newTrail(t)
	const all = 60
	for i := range all {
		if i == 20 || i == 40 {
			if err := os.Rename(path, fmt.Sprintf("%s.%d", path, i)); err != nil {
				t.Fatal(err)
			}
			if err := trail.Reopen(); err != nil {
				t.Fatal(err)
			}
		}
		e := bridge.AuditEvent{Event: "desk.approved", Outcome: "ok", Actor: fmt.Sprintf("operator-%d", i%3), Target: fmt.Sprintf("person-%d", i%5), Detail: map[string]string{"ticket": "T-1"}}
		ctx := bridge.WithRequest(t.Context(), bridge.Request{Reference: fmt.Sprintf("REF%05d", i), Address: "192.0.2.7"})
		if err := trail.Record(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	torn, err := os.OpenFile(path+".40", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := torn.WriteString(`{"time":"2026-11-29T07:30:00.000Z","seq":41,"event":"desk.app` + "\n"); err != nil || torn.Close() != nil {
		t.Fatal(err)
	}
	for _, most := range []int{1, 7, 20, 1000} {
		numbers, _ := looked(t, trail, bridge.AuditLook{Most: most})
		for i, n := range numbers {
			if n != int64(all-i) {
				t.Fatalf("%d a page: %v", most, numbers)
			}
		}
		if len(numbers) != all {
			t.Errorf("%d a page: %d records", most, len(numbers))
		}
	}
	for find, want := range map[string]string{"person-0": "[56 51 46 41 36 31 26 21 16 11 6 1]", "REF00003": "[4]", "operator": "[]", "192.0.2.7": "[]"} {
		if numbers, _ := looked(t, trail, bridge.AuditLook{Most: 5, Find: find}); fmt.Sprint(numbers) != want {
			t.Errorf("%s: %v", find, numbers)
		}
	}
	found, _, err := trail.Look(t.Context(), bridge.AuditLook{Most: 1, Find: "operator-2"})
	if err != nil || len(found) != 1 {
		t.Fatal(len(found), err)
	}
	if r := found[0]; r.Target != "person-4" || r.Detail["ticket"] != "T-1" || r.Reference != "REF00059" || r.Address != "192.0.2.7" || r.Time.Minute() != 30 {
		t.Errorf("%+v", r)
	}
}

// A look for something rare in a long trail reads a part of it and says where to go on.
func TestALookAtTheTrailIsBounded(t *testing.T) {
	t.Parallel()
	trail, path := newTrail(t)
	if err := trail.Record(t.Context(), bridge.AuditEvent{Event: "desk.denied", Outcome: "ok", Target: "rare"}); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	const last = 30_000 // 20 MB
	var text strings.Builder
	for seq := 2; seq <= last; seq++ {
		fmt.Fprintf(&text, `{"time":"2026-11-29T07:30:00.000Z","seq":%d,"event":"desk.opened","outcome":"ok","target":"%0600d","version":""}`+"\n", seq, seq)
	}
	if _, err := file.WriteString(text.String()); err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	numbers, looks := looked(t, trail, bridge.AuditLook{Most: 50, Find: "rare"})
	if fmt.Sprint(numbers) != "[1]" || looks < 3 || looks > 4 {
		t.Errorf("%v in %d looks", numbers, looks)
	}
	found, older, err := trail.Look(t.Context(), bridge.AuditLook{Before: 12_345, Most: 1})
	if err != nil || len(found) != 1 || found[0].Sequence != 12_344 || older != 12_344 {
		t.Errorf("%d found, older %d: %v", len(found), older, err)
	}
}
