package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is a process of the command, beside a Keycloak-shaped server.
type served struct {
	t      *testing.T
	cmd    *exec.Cmd
	config string
	lines  chan string // of its log
	ended  chan *os.ProcessState
}

func serveProcess(t *testing.T) *served {
	t.Helper()
	folder := t.TempDir()
	e := newExplained(t, fmt.Sprintf(`
listen: 127.0.0.1:0
admin_listen: 127.0.0.1:0
log: {level: info, format: text}
help_desk: {contacts: [{label: {en: Form}, url: https://www.example.ac.jp/}]}
store: {bolt: %s/state.db}
audit: {file: %s/audit.jsonl}
`, folder, folder))
	s := &served{t: t, config: e.config, lines: make(chan string, 1000), ended: make(chan *os.ProcessState, 1)}
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
	late := time.After(time.Minute)
next:
	for {
		select {
		case line := <-s.lines:
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue next
				}
			}
			return line
		case state := <-s.ended:
			s.t.Fatalf("ended without saying %q: %v", words, state)
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

// halfAsked sends a form of which the last byte does not come, and returns when the process waits for it.
func (s *served) halfAsked() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	address := regexp.MustCompile(`pages=(\S+)`).FindStringSubmatch(s.said("msg=serving"))[1]
	conn, err := net.Dial("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	const head = "POST /language HTTP/1.1\r\nHost: otp.example.ac.jp\r\nExpect: 100-continue\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		s.t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := answers.ReadString('\n'); err != nil || line != want {
			s.t.Fatalf("%q, %v", line, err)
		}
	}
	return conn, answers
}

// CLI-07: the first SIGTERM or SIGINT lets a request under way come to its end, and the process ends with 0.
func TestOneSignalDrains(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := serveProcess(t)
			conn, answers := s.halfAsked()
			s.signal(sig)
			s.said("msg=draining")
			if _, err := conn.Write([]byte("a=")); err != nil {
				t.Fatal(err)
			}
			if answer, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(answer, "HTTP/1.1 ") {
				t.Errorf("the request under way: %q, %v", answer, err)
			}
			if status := s.end(); status.ExitStatus() != exitDone {
				t.Errorf("ended with %v", status)
			}
		})
	}
}

// CLI-07: a second signal ends at once, whatever is under way.
func TestTwoSignalsEndAtOnce(t *testing.T) {
	t.Parallel()
	s := serveProcess(t)
	s.halfAsked()
	s.signal(syscall.SIGTERM)
	s.said("msg=draining")
	s.signal(syscall.SIGINT)
	if status := s.end(); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it did not end by the second signal but with %d", status.ExitStatus())
	}
}

// docs/operations.md, "Signals": SIGHUP takes the log's level from the configuration; a faulty one changes nothing.
func TestHangUpReadsTheLevelAgain(t *testing.T) {
	t.Parallel()
	s := serveProcess(t)
	s.said("msg=serving")
	s.configure("level: info", "level: none")
	s.signal(syscall.SIGHUP)
	s.said("level=ERROR", "the configuration has faults", "log.level")
	s.configure("level: none", "level: debug")
	s.signal(syscall.SIGHUP)
	s.said("level=INFO", "the audit trail was opened again")
	s.said("the log's level was read again", "level=DEBUG")
	s.signal(syscall.SIGTERM)
	if status := s.end(); status.ExitStatus() != exitDone {
		t.Errorf("ended with %v", status)
	}
}
