package rig

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Dials is the log of a process: every address that it, or what it started, asked the kernel to call. strace writes it down, which needs no more than that
// the tests may trace a process of their own. Where they may not, the process does not start, and the test fails.
type Dials struct {
	t     *testing.T
	pid   int
	over  chan struct{} // closed when strace has said everything
	mu    sync.Mutex
	lines []string
}

// StartWatched starts a command that was not started yet. It stays our child (-D: strace is what becomes a grandchild), so signals and its exit code are its own.
func StartWatched(t *testing.T, cmd *exec.Cmd) *Dials {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatalf("%v (.ci/setup packages)", err)
	}
	log, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"strace", "-D", "-f", "--seccomp-bpf", "-yy", "-s", "0", "-e", "signal=!urg", // the Go runtime's own signal
		"-e", "trace=connect,sendto,sendmsg,sendmmsg,io_uring_setup", "-o", "/dev/fd/3", "--", cmd.Path,
	}
	cmd.Path, cmd.Args, cmd.ExtraFiles = strace, append(args, cmd.Args[1:]...), []*os.File{write}
	err = cmd.Start()
	_ = write.Close() // the process has its own copy
	if err != nil {
		t.Fatal(err)
	}
	d := &Dials{t: t, pid: cmd.Process.Pid, over: make(chan struct{})}
	go d.read(log)
	return d
}

func (d *Dials) read(log *os.File) {
	defer close(d.over)
	defer log.Close() //nolint:errcheck // it was only read
	for s := bufio.NewScanner(log); s.Scan(); {
		d.mu.Lock()
		d.lines = append(d.lines, s.Text())
		d.mu.Unlock()
	}
}

// Calls waits for the end of the process and returns how often it called each address: "tcp 127.0.0.1:25", "udp [::1]:53", "unix /run/x.sock". What is
// none of these stands there as strace writes it. A log that does not reach to the process's end fails the test.
func (d *Dials) Calls() map[string]int {
	d.t.Helper()
	select {
	case <-d.over:
	case <-time.After(Patience):
		d.t.Fatalf("process %d did not end in %s", d.pid, Patience)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all, whole, end := map[string]int{}, false, regexp.MustCompile(fmt.Sprintf(`^%d +\+\+\+ `, d.pid))
	for _, line := range d.lines {
		whole = whole || end.MatchString(line)
		if called := calledIn(line); called != "" {
			all[called]++
		}
	}
	if !whole {
		d.t.Fatalf("nobody watched process %d to its end (may processes here trace their children?): %d lines", d.pid, len(d.lines))
	}
	return all
}

var (
	call       = regexp.MustCompile(`^\d+ +(?:connect|sendto|sendmsg|sendmmsg|io_uring_setup)\(`)
	protocol   = regexp.MustCompile(`^\d+ +[a-z]+\(\d+<(TCP|UDP)(?:v6)?:`)
	inet, unix = regexp.MustCompile(`sin6?_port=htons\((\d+)\).*(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"`), regexp.MustCompile(`sun_path=(@?)"([^"]*)"`)
)

// calledIn is the address in a line, "" where there is none: a datagram on a socket that is connected already names nobody.
func calledIn(line string) string {
	if !call.MatchString(line) || !strings.Contains(line, "sa_family=") && !strings.Contains(line, "io_uring_setup(") {
		return ""
	}
	kind := protocol.FindStringSubmatch(line)
	if to := inet.FindStringSubmatch(line); to != nil && kind != nil {
		return strings.ToLower(kind[1]) + " " + net.JoinHostPort(to[2], to[1])
	}
	if to := unix.FindStringSubmatch(line); to != nil {
		return "unix " + to[1] + to[2]
	}
	return line
}
