package main

import (
	"bufio"
	"net"
	"strings"
	"syscall"
	"testing"
)

// halfAsked sends a form of which the last byte does not come, and returns when the process waits for it.
func (s *served) halfAsked() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	pages, _ := s.serving()
	conn, err := net.Dial("tcp", pages)
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
			s := serveProcess(t, "", nil)
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
	s := serveProcess(t, "", nil)
	s.halfAsked()
	s.signal(syscall.SIGINT)
	s.said("msg=draining")
	s.signal(syscall.SIGTERM) // SIGINT is ignored by what a shell has put into the background
	if status := s.end(); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it did not end by the second signal but with %d", status.ExitStatus())
	}
}
