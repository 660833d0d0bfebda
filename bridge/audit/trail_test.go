package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
)

var _ bridge.Audit = (*audit.Trail)(nil)

// world is one trail in its own folder.
type world struct {
	*audit.Trail
	path   string
	stdout *bytes.Buffer
	log    *bytes.Buffer
}

func config(path string) audit.Config {
	at := time.Date(2026, 11, 25, 12, 0, 0, 5_000_000, time.FixedZone("JST", 9*3600))
	return audit.Config{Path: path, Version: "1.2.3", Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)}
}

func start(t *testing.T, path string) world {
	t.Helper()
	w := world{path: path, stdout: &bytes.Buffer{}, log: &bytes.Buffer{}}
	c := config(path)
	c.Copy, c.Log = w.stdout, slog.New(slog.NewTextHandler(w.log, nil))
	var err error
	if w.Trail, err = audit.Open(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func begin(t *testing.T) world {
	t.Helper()
	return start(t, filepath.Join(t.TempDir(), "audit.jsonl"))
}

func event(name string) bridge.AuditEvent { return bridge.AuditEvent{Event: name, Outcome: "ok"} }

func (w world) record(t *testing.T, e bridge.AuditEvent) {
	t.Helper()
	if err := w.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, path string) []audit.Line {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []audit.Line
	for _, one := range strings.SplitAfter(string(text), "\n") {
		if one == "" {
			continue
		}
		var l audit.Line
		if err := json.Unmarshal([]byte(one), &l); err != nil || !strings.HasSuffix(one, "\n") {
			t.Fatalf("%q: %v", one, err)
		}
		out = append(out, l)
	}
	return out
}

// AUD-01
func TestRecordWritesOneLineWithEveryField(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ctx := bridge.WithRequest(t.Context(), bridge.Request{Reference: "7KQ2M4XD", Address: "192.0.2.7"})
	err := w.Record(ctx, bridge.AuditEvent{
		Event: "swap.intended", Outcome: "ok", Actor: "p1", Target: "p2", Recovery: "r1", Way: "mail", Code: bridge.CodeGone,
		Added: "new", Removed: []string{"old1", "old2"}, Detail: map[string]string{"kept": "yes"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-11-25T03:00:00.005Z","seq":1,"event":"swap.intended","outcome":"ok","actor":"p1","target":"p2","way":"mail",` +
		`"recovery":"r1","code":"gone","added":"new","removed":["old1","old2"],"detail":{"kept":"yes"},"address":"192.0.2.7",` +
		`"reference":"7KQ2M4XD","version":"1.2.3"}` + "\n"
	text, err := os.ReadFile(w.path)
	if err != nil || string(text) != want {
		t.Errorf("%s\n%v", text, err)
	}
	if w.stdout.String() != want {
		t.Errorf("copy: %s", w.stdout)
	}
	w.record(t, event("service.stopped"))
	want = `{"time":"2026-11-25T03:00:00.005Z","seq":2,"event":"service.stopped","outcome":"ok","version":"1.2.3"}` + "\n"
	if text, _ := os.ReadFile(w.path); !strings.HasSuffix(string(text), "}\n"+want) {
		t.Errorf("%s", text)
	}
}

func TestTheFileIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + "2"} {
		w := start(t, p)
		w.record(t, event("service.started"))
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	}
}

func TestOpenRefusesWhatIsNoFileOfItsOwn(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, path := range []string{w.path, filepath.Dir(w.path), filepath.Join(filepath.Dir(w.path), "absent", "a"), os.DevNull} {
		if tr, err := audit.Open(config(path)); err == nil {
			t.Errorf("%s was opened: %v", path, tr.Close())
		}
	}
}

func TestRecordRefusesWhatTheCatalogueDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, e := range []bridge.AuditEvent{{}, event("recovery.begun"), {Event: "swap.done"}, {Event: "swap.done", Outcome: "fine"}} {
		if err := w.Record(t.Context(), e); bridge.CodeOf(err) != bridge.CodeInternal {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if got := lines(t, w.path); len(got) != 0 {
		t.Errorf("written: %v", got)
	}
}

// AUD-04: whatever goes wrong on the way to the disk, the caller hears of it and the trail shows nothing of the event.
func TestRecordFailsWhenTheDiskDoes(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	for name, b := range map[string]audit.Broken{
		"nothing written": {Write: full}, "half a line": {Write: full, Bytes: 40}, "not on the disk": {Sync: full},
	} {
		w := begin(t)
		w.record(t, event("service.started"))
		now := b
		if err := w.Break(&now); err != nil {
			t.Fatal(err)
		}
		copied := w.stdout.Len()
		err := w.Record(t.Context(), event("swap.intended"))
		if bridge.CodeOf(err) != bridge.CodeAuditFull || !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
		if got := lines(t, w.path); len(got) != 1 || w.stdout.Len() != copied {
			t.Errorf("%s: the trail shows %v", name, got)
		}
		now = audit.Broken{}
		w.record(t, event("service.stopped"))
		if got := lines(t, w.path); len(got) != 2 || got[1].Sequence != 2 {
			t.Errorf("%s: afterwards %v", name, got)
		}
	}
}

func TestHalfALineThatStaysHurtsNoOther(t *testing.T) {
	t.Parallel()
	w := begin(t)
	full := errors.New("no space left on device")
	b := &audit.Broken{Write: full, Bytes: 40, Truncate: errors.New("not now")}
	if err := w.Break(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Record(t.Context(), event("swap.intended")); !errors.Is(err, full) {
		t.Fatal(err)
	}
	*b = audit.Broken{}
	w.record(t, event("service.started"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The same left by a process that died.
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path, append(text, `{"time":"2026`...), 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, w.path)
	again.record(t, event("service.stopped"))
	text, _ = os.ReadFile(w.path)
	rows := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(rows) != 4 || !strings.Contains(rows[1], `"seq":1,"event":"service.started"`) || !strings.Contains(rows[3], `"seq":2,"event":"service.stopped"`) {
		t.Errorf("%q", rows)
	}
	if open, err := again.Intents(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("%v %v", open, err)
	}
}

func TestRecordFailsAfterClose(t *testing.T) {
	t.Parallel()
	w := begin(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Record(t.Context(), event("service.stopped")); bridge.CodeOf(err) != bridge.CodeAuditFull {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAFailedCopyIsLoggedAndNoFailure(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := config(filepath.Join(t.TempDir(), "audit.jsonl"))
	c.Copy, c.Log = failing{}, slog.New(slog.NewTextHandler(&log, nil))
	tr, err := audit.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := tr.Record(t.Context(), event("service.started")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "broken pipe") {
		t.Error("nothing was logged")
	}
}

func TestNumbersHaveNoGapsUnderRacesRestartAndRotation(t *testing.T) {
	t.Parallel()
	w := begin(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := w.Record(context.Background(), event("key.new")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := os.Rename(w.path, w.path+".1"); err != nil {
		t.Fatal(err)
	}
	w.record(t, event("key.new")) // still into the moved file
	for range 2 {                 // the second one finds nothing to do
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, w.path) // the new file is empty: the number comes from the old one
	again.record(t, event("key.new"))
	got := append(lines(t, w.path+".1"), lines(t, w.path)...)
	if len(got) != 52 {
		t.Fatalf("%d lines", len(got))
	}
	for i, l := range got {
		if l.Sequence != int64(i+1) {
			t.Fatalf("line %d has number %d", i+1, l.Sequence)
		}
	}
}

func TestReopenKeepsTheOldFileWhenItFails(t *testing.T) {
	t.Parallel()
	w := begin(t)
	if err := os.Rename(w.path, w.path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(w.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(); err == nil {
		t.Error("a folder was opened")
	}
	w.record(t, event("key.new"))
	if got := lines(t, w.path+".1"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func swapEvent(kind string, n int) bridge.AuditEvent {
	return bridge.AuditEvent{
		Event: "swap." + kind, Outcome: "ok", Target: fmt.Sprint("p", n), Recovery: fmt.Sprint("r", n), Way: "mail", Added: fmt.Sprint("new", n),
		Removed: []string{fmt.Sprint("old", n)},
	}
}

// SWAP-11: what was begun and not finished is found, over rotation and restart.
func TestIntentsAreSwapsAndLocksWithoutAnEnd(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for n := range 4 {
		w.record(t, swapEvent("intended", n))
	}
	want := func(tr world, persons ...string) {
		t.Helper()
		got, err := tr.Intents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range got {
			names = append(names, i.Person)
		}
		if diff := cmp.Diff(persons, names); diff != "" {
			t.Error(diff)
		}
	}
	want(w, "p0", "p1", "p2", "p3")
	w.record(t, swapEvent("done", 1))
	w.record(t, swapEvent("refused", 2))
	lock := swapEvent("intended", 0) // of the same recovery
	lock.Event, lock.Added = "lock.intended", "stone"
	w.record(t, lock)
	want(w, "p0", "p0", "p3")
	if err := os.Rename(w.path, w.path+"-20261125"); err != nil {
		t.Fatal(err)
	}
	want(w, "p0", "p0", "p3") // moved, not reopened: the name is gone
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	w.record(t, swapEvent("intended", 5))
	w.record(t, swapEvent("done", 3))
	want(w, "p0", "p0", "p5")
	got, err := w.Intents(t.Context())
	at := time.Date(2026, 11, 25, 3, 0, 0, 5_000_000, time.UTC)
	if diff := cmp.Diff([]audit.Intent{
		{What: "swap", Recovery: "r0", Person: "p0", Way: "mail", Added: "new0", Removed: []string{"old0"}, Time: at},
		{What: "lock", Recovery: "r0", Person: "p0", Way: "mail", Added: "stone", Removed: []string{"old0"}, Time: at},
		{What: "swap", Recovery: "r5", Person: "p5", Way: "mail", Added: "new5", Removed: []string{"old5"}, Time: at},
	}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, w.path)
	want(again, "p0", "p0", "p5")
	for recovery, want := range map[string]string{"r0": "", "r1": "done", "r2": "refused", "r9": ""} {
		if how, err := again.Ended(t.Context(), bridge.UndertakingSwap, recovery); err != nil || how != want {
			t.Errorf("%s: %q, %v", recovery, how, err)
		}
	}
	for person, want := range map[string]time.Time{"p0": {}, "p1": at, "p2": {}, "p3": at} {
		if when, err := again.Recovered(t.Context(), person); err != nil || when.IsZero() != want.IsZero() || when.Sub(want).Abs() > time.Second {
			t.Errorf("%s: %v, %v", person, when, err)
		}
	}
	again.record(t, swapEvent("done", 0))
	want(again, "p0", "p5")
	lock.Event = "lock.done"
	again.record(t, lock)
	want(again, "p5")
	locks, err := again.Locks(t.Context())
	if diff := cmp.Diff([]bridge.Watch{{Person: "p0", Recovery: "r0", At: at}}, locks); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
