package service

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge/audit"
	"otpbridge/cmd/internal/config"
)

// CFG-09: a changed file is judged within a minute, without a signal, and not by one look alone.
func TestAChangedFileIsJudgedWithinAMinute(t *testing.T) {
	t.Parallel()
	path, log := filepath.Join(t.TempDir(), "audit.jsonl"), slog.New(slog.DiscardHandler)
	trail, err := audit.Open(audit.Config{Path: path, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = trail.Close() })
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		s := &service{audit: trail, counted: newCountedAudit(trail, metrics.NewSet(), time.Now), log: log, certificate: &certificate{}}
		p := &process{opts: Options{Load: func() (*config.Config, error) { looks++; return nil, errors.New("torn") }}}
		p.current.Store(s)
		go p.reload(t.Context())
		judged := func() bool {
			text, err := os.ReadFile(path)
			return err == nil && strings.Contains(string(text), "configuration.refused")
		}
		for began := time.Now(); !judged(); time.Sleep(time.Second) {
			synctest.Wait()
			if time.Since(began) > time.Minute {
				t.Fatalf("not judged after %d looks", looks)
			}
		}
		synctest.Wait()
		if looks != 2 {
			t.Errorf("judged after %d looks", looks)
		}
	})
}

// docs/audit.md, "Rotation": the next line after SIGHUP begins a new file.
func TestReloadOpensTheTrailThatWasMovedAwayAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log := slog.New(slog.DiscardHandler)
	trail, err := audit.Open(audit.Config{Path: path, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = trail.Close() })
	synctest.Test(t, func(t *testing.T) {
		reload := make(chan os.Signal)
		s := &service{audit: trail, counted: newCountedAudit(trail, metrics.NewSet(), time.Now), log: log, certificate: &certificate{}}
		p := &process{opts: Options{Reload: reload}}
		p.current.Store(s)
		go p.reload(t.Context())
		s.note(t.Context(), "service.started")
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		reload <- syscall.SIGHUP
		synctest.Wait()
		s.note(t.Context(), "service.stopped")
	})
	for file, event := range map[string]string{path + ".1": "service.started", path: "service.stopped"} {
		text, err := os.ReadFile(file)
		if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), event) {
			t.Errorf("%s: %s %v", file, text, err)
		}
	}
}
