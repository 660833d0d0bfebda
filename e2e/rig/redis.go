package rig

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Redis is a real redis-server on a port of its own, without files unless options or Save make some.
type Redis struct {
	Addr string // host:port

	t    *testing.T
	dir  string
	args []string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// NewRedis starts a server, with more options of redis-server if wanted ("--requirepass", "…"). It ends with the test.
func NewRedis(t *testing.T, options ...string) *Redis {
	t.Helper()
	port := strconv.Itoa(FreePort(t))
	r := &Redis{t: t, Addr: net.JoinHostPort("127.0.0.1", port), dir: t.TempDir()}
	r.args = append([]string{
		"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", r.dir,
	}, options...)
	r.Start()
	t.Cleanup(r.Stop)
	return r
}

// Start starts the server again after Stop, on the same port, and returns when it answers. It is empty, or as it was when Save was called last.
func (r *Redis) Start() {
	r.t.Helper()
	r.log = &bytes.Buffer{}
	r.cmd = exec.CommandContext(context.WithoutCancel(r.t.Context()), "redis-server", r.args...)
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("start redis-server: %v", err)
	}
	Eventually(r.t, "redis-server answers", func() bool {
		var d net.Dialer
		d.Timeout = time.Second
		conn, err := d.DialContext(r.t.Context(), "tcp", r.Addr)
		return err == nil && conn.Close() == nil
	})
}

// Save writes down what the server holds: a later Start begins with that.
func (r *Redis) Save() { r.t.Helper(); r.command("SAVE") }

// File is what Save wrote down.
func (r *Redis) File() []byte {
	r.t.Helper()
	r.Save()
	text, err := os.ReadFile(filepath.Join(r.dir, "dump.rdb"))
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// Forever lists the keys that have no end.
func (r *Redis) Forever() []string {
	r.t.Helper()
	const ask = `local out = {}
		for _, k in ipairs(redis.call("KEYS", "*")) do if redis.call("PTTL", k) == -1 then out[#out+1] = k end end
		return out`
	_, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := exec.CommandContext(r.t.Context(), "redis-cli", "-p", port, "EVAL", ask, "0").Output()
	if err != nil {
		r.t.Fatalf("redis-cli: %v %s", err, text)
	}
	return strings.Fields(string(text))
}

// Flush forgets everything.
func (r *Redis) Flush() { r.t.Helper(); r.command("FLUSHALL") }

// Pause stops the server where it is, as a machine that hangs; Resume lets it go on.
func (r *Redis) Pause() { _ = r.cmd.Process.Signal(syscall.SIGSTOP) } // it runs: the test has started it

// Resume ends what Pause did.
func (r *Redis) Resume() { _ = r.cmd.Process.Signal(syscall.SIGCONT) } // as above

// command sends one word and wants "+OK".
func (r *Redis) command(word string) {
	r.t.Helper()
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(r.t.Context(), "tcp", r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()                             //nolint:errcheck // nothing is on its way any more
	_ = conn.SetDeadline(time.Now().Add(Patience)) // an open connection takes one
	_, err = conn.Write([]byte(word + "\r\n"))
	answer := make([]byte, 64)
	n := 0
	if err == nil {
		n, err = conn.Read(answer)
	}
	if got := string(answer[:n]); err != nil || got != "+OK\r\n" {
		r.t.Fatalf("%s: %q, %v", word, got, err)
	}
}

// Stop kills the server, as a machine dies: nothing is written any more, open connections break.
func (r *Redis) Stop() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill() // it may be gone already
	_ = r.cmd.Wait()         // says that it was killed
	r.cmd = nil
	if r.t.Failed() {
		r.t.Logf("redis-server printed:\n%s", r.log)
	}
}
