package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// page fetches the start page.
func page(t *testing.T, address string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "otp.example.ac.jp"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}

// ready waits until people can be served, and returns the address of the pages.
func (s *served) ready() (pages string) {
	s.t.Helper()
	pages, admin := s.serving()
	for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			return pages
		}
	}
	s.t.Fatal("not ready")
	return ""
}

// CFG-09: SIGHUP puts the configuration as it is now into force, while requests go on and none fails.
func TestHangUpTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", nil)
	pages := s.ready()
	var asked, failed atomic.Int64
	var visitors sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		visitors.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				asked.Add(1)
				if status, _ := page(t, pages); status != http.StatusOK {
					failed.Add(1)
				}
			}
		})
	}
	name := "Example"
	for i := range 3 {
		next := fmt.Sprintf("University %d", i)
		s.configure("name: {en: "+name+"}", "name: {en: "+next+"}")
		name = next
		s.signal(syscall.SIGHUP)
		s.said("the configuration was changed")
		if _, text := page(t, pages); !strings.Contains(text, name) {
			t.Errorf("the page does not say %s", name)
		}
	}
	close(over)
	visitors.Wait()
	if failed.Load() > 0 || asked.Load() < 10 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
	s.signal(syscall.SIGTERM)
	if status := s.end(); status.ExitStatus() != exitDone {
		t.Errorf("ended with %v", status)
	}
}

// CFG-09: what is faulty, needs a new start, or does not become ready leaves everything as it was, and says why.
func TestHangUpRefuses(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", nil)
	pages := s.ready()
	for _, bad := range []struct{ before, after, says string }{
		{"level: info", "level: none", "log.level"},
		{"listen: 127.0.0.1:0\nadmin", "listen: 127.0.0.1:1\nadmin", "a new start is needed for [listen]"},
		{"client_id: otpbridge-broad", "client_id: otpbridge-nobody", "not ready within"},
		{"gate_group: ", "gate_group: 0", "sign_in.gate_group is the id of no group"},
	} {
		s.configure("name: {en: Example}", "name: {en: Elsewhere}")
		s.configure(bad.before, bad.after)
		s.signal(syscall.SIGHUP)
		s.said("level=ERROR", "the configuration was not taken", bad.says)
		if status, text := page(t, pages); status != http.StatusOK || strings.Contains(text, "Elsewhere") {
			t.Errorf("%s: a part of it is in force: %d", bad.after, status)
		}
		s.configure(bad.after, bad.before)
		s.configure("name: {en: Elsewhere}", "name: {en: Example}")
	}
	trail, err := os.ReadFile(s.trail)
	if err != nil || strings.Count(string(trail), `"configuration.refused"`) != 4 || strings.Contains(string(trail), `"configuration.changed"`) {
		t.Errorf("the audit trail says (%v):\n%s", err, trail)
	}
}

// A new sealing key that comes with something that is refused seals nothing: whoever takes it away again loses nothing. Keys that cannot read the
// store are refused.
func TestRefusedKeysSealNothing(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", nil)
	s.ready()
	keys := filepath.Join(filepath.Dir(s.config), "keys")
	before, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, messages := s.run("keys", "new", "sealing", keys, "--add"); code != exitDone {
		t.Fatal(messages)
	}
	s.configure("client_id: otpbridge-broad", "client_id: otpbridge-nobody")
	s.signal(syscall.SIGHUP)
	s.said("the configuration was not taken", "not ready within")
	if code, _, messages := s.run("keys", "new", "sealing", keys+".other"); code != exitDone {
		t.Fatal(messages)
	}
	s.configure("client_id: otpbridge-nobody", "client_id: otpbridge-broad")
	if err := os.Rename(keys+".other", keys); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	s.said("the configuration was not taken", "not in the keys file")
	if err := os.WriteFile(keys, before, 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGTERM)
	if status := s.end(); status.ExitStatus() != exitDone {
		t.Fatalf("ended with %v", status)
	}
	again := serveAgain(t, s)
	again.ready()
}

// Issue 6: the switch that stops new recoveries waits for nobody: not for a Keycloak that is away. The page says the administrator's own words until it is taken
// off.
func TestPauseIsTakenWhileKeycloakIsAway(t *testing.T) {
	t.Parallel()
	s, pages, admin, _ := guarded(t)
	start := func(want int, words string) {
		t.Helper()
		if status, body := look(t, "http://"+pages+"/start", "otp.example.ac.jp"); status != want || !strings.Contains(body, words) {
			t.Errorf("/start says %d, want %d and %q", status, want, words)
		}
	}
	const own = "No new requests until noon."
	start(http.StatusOK, "")
	s.kc.Down()
	s.configure("languages: [en]", "languages: [en]\npaused: true\npause_text: {en: "+own+"}")
	s.signal(syscall.SIGHUP)
	s.said("the configuration was changed")
	start(http.StatusServiceUnavailable, own)
	if err := s.kc.Up(); err != nil {
		t.Fatal(err)
	}
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
	start(http.StatusServiceUnavailable, own)
	s.configure("paused: true", "paused: false")
	s.signal(syscall.SIGHUP)
	s.said("the configuration was changed")
	readiness(t, admin, http.StatusOK, `"realm_guard":"ok"`)
	start(http.StatusOK, "")
}

// A file that was changed without a signal is seen within a minute; so is a new sealing key, which seals from then on.
func TestChangedFilesAreSeen(t *testing.T) {
	t.Parallel()
	paused := serveProcess(t, "", nil)
	pages := paused.ready()
	paused.configure("languages: [en]", "languages: [en]\npaused: true")
	s := serveProcess(t, "", nil)
	s.ready()
	keys := filepath.Join(filepath.Dir(s.config), "keys")
	if code, _, messages := s.run("keys", "new", "sealing", keys, "--add"); code != exitDone {
		t.Fatal(messages)
	}
	s.said("the configuration was changed")
	paused.said("the configuration was changed")
	if status, body := look(t, "http://"+pages+"/start", "otp.example.ac.jp"); status != http.StatusServiceUnavailable || !strings.Contains(body, "This service is paused") {
		t.Errorf("/start says %d", status)
	}
}
