package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is a process of the command, beside a Keycloak-shaped server.
type served struct {
	*explained

	cmd   *exec.Cmd
	trail string      // file of the audit trail
	lines chan string // of its log; closed when it has ended
	ended chan *os.ProcessState
}

// serveProcess starts it. Prepare, which may be nil, changes what is around it before.
func serveProcess(t *testing.T, storeIs string, prepare func(*explained)) *served {
	t.Helper()
	folder := t.TempDir()
	if storeIs == "" {
		storeIs = "bolt: " + filepath.Join(folder, "state.db")
	}
	e := newExplained(t, fmt.Sprintf(`
listen: 127.0.0.1:0
admin_listen: 127.0.0.1:0
log: {level: info, format: text}
help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}
store: {%s}
audit: {file: %s/audit.jsonl}
`, storeIs, folder))
	if prepare != nil {
		prepare(e)
	}
	return startServing(t, e, filepath.Join(folder, "audit.jsonl"))
}

// serveAgain starts the process of an earlier one anew.
func serveAgain(t *testing.T, before *served) *served {
	t.Helper()
	return startServing(t, before.explained, before.trail)
}

func startServing(t *testing.T, e *explained, trail string) *served {
	t.Helper()
	s := &served{explained: e, trail: trail, lines: make(chan string, 1000), ended: make(chan *os.ProcessState, 1)}
	s.cmd = exec.Command("otpbridge", "serve", "-c", e.config)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for text := bufio.NewScanner(out); text.Scan(); {
			s.lines <- text.Text()
		}
		close(s.lines)
		_ = s.cmd.Wait() // how it ended is what the tests look at
		s.ended <- s.cmd.ProcessState
	}()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// configure puts one text of the configuration in the place of another.
func (s *served) configure(before, after string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err == nil && !strings.Contains(string(text), before) {
		err = errors.New("the configuration does not say " + before)
	}
	if err == nil {
		err = os.WriteFile(s.config, []byte(strings.Replace(string(text), before, after, 1)), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// said waits for a log line with all these words.
func (s *served) said(words ...string) string {
	s.t.Helper()
	late := time.After(3 * time.Minute)
	for {
		select {
		case line, goesOn := <-s.lines:
			if !goesOn {
				s.t.Fatalf("ended without saying %q", words)
			}
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				return line
			}
		case <-late:
			s.t.Fatalf("never said %q", words)
		}
	}
}

func (s *served) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the end of the process and says how it came.
func (s *served) end() syscall.WaitStatus {
	s.t.Helper()
	select {
	case state := <-s.ended:
		if status, ok := state.Sys().(syscall.WaitStatus); ok {
			return status
		}
		s.t.Fatal(state)
	case <-time.After(time.Minute):
		s.t.Fatal("does not end")
	}
	return 0
}

// serving waits until it listens, and returns the addresses of the pages and of the health.
func (s *served) serving() (pages, admin string) {
	s.t.Helper()
	m := regexp.MustCompile(`pages=(\S+) admin=(\S+)`).FindStringSubmatch(s.said("msg=serving"))
	if m == nil {
		s.t.Fatal("it does not say where")
	}
	return m[1], m[2]
}
