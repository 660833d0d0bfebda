// Package storetest holds the contract of the store as tests that run on every backend, and starts the real Redis servers for them.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"otpbridge/bridge/bridgetest/port"
)

// Redis is a running redis-server of a test, on a free loopback port, with its files in a folder of the test's.
type Redis struct {
	Addr string
	dir  string
	args []string
	conf string // of a sentinel
	cmd  *exec.Cmd

	cluster bool // wait for all slots
}

// StartRedis starts a redis-server that keeps what it was told over a Stop and Start (appendonly), and ends it with the test. Args
// are added to its command line. A machine without redis-server fails the test.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	return startServer(t, &Redis{Addr: freeAddr(t), dir: t.TempDir(), args: args})
}

// StartSentinel starts a sentinel with a configuration file, which it rewrites.
func StartSentinel(t testing.TB, conf string) *Redis {
	t.Helper()
	return startServer(t, &Redis{Addr: freeAddr(t), dir: t.TempDir(), conf: conf})
}

func startServer(t testing.TB, r *Redis) *Redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is missing: install Debian's package redis-server")
	}
	r.start(t)
	t.Cleanup(r.kill)
	return r
}

// Stop ends the server as an operator would; its files stay.
func (r *Redis) Stop(t testing.TB) {
	t.Helper()
	if r.cmd == nil {
		return
	}
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // redis-server ends an interrupt with status 0 or 1
	r.cmd = nil
}

// Start starts a stopped server again on the same address and files.
func (r *Redis) Start(t testing.TB) { t.Helper(); r.start(t) }

// Client returns a client of the default user, closed with the test.
func (r *Redis) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: r.Addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *Redis) kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

func (r *Redis) start(t testing.TB) {
	t.Helper()
	_, number, err := net.SplitHostPort(r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--bind", "127.0.0.1", "--port", number, "--dir", r.dir, "--logfile", filepath.Join(r.dir, "log")}
	if r.conf != "" {
		args = append(append([]string{r.conf}, args...), "--sentinel")
	} else {
		args = append(args, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction")
	}
	r.cmd = exec.CommandContext(context.Background(), "redis-server", append(args, r.args...)...)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.await(); err != nil {
		log, _ := os.ReadFile(filepath.Join(r.dir, "log"))
		r.kill()
		t.Fatalf("redis-server does not answer: %v\n%s", err, log)
	}
}

// await asks until the server answers anything at all, a refusal for want of a password included.
func (r *Redis) await() error {
	last := errors.New("it did not begin")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if last = listens(r.Addr); last != nil {
			continue
		}
		c := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true})
		last = c.Ping(context.Background()).Err()
		if last == nil && r.cluster {
			last = clusterReady(c)
		}
		_ = c.Close()
		if last == nil || redis.HasErrorPrefix(last, "NOAUTH") {
			return nil
		}
	}
	return last
}

func clusterReady(c *redis.Client) error {
	info, err := c.ClusterInfo(context.Background()).Result()
	if err == nil && !strings.Contains(info, "cluster_state:ok") {
		err = errors.New("the cluster is not complete")
	}
	return err
}

func listens(addr string) error {
	c, err := dial(addr)
	if err == nil {
		err = c.Close()
	}
	return err
}

// StartCluster starts one server in cluster mode that holds all slots.
func StartCluster(t testing.TB) *Redis {
	t.Helper()
	_, bus, err := net.SplitHostPort(freeAddr(t)) // by itself Redis takes one that is 10,000 higher, which there may not be
	if err != nil {
		t.Fatal(err)
	}
	r := StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus)
	c := r.Client(t)
	if err := c.ClusterAddSlotsRange(context.Background(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	r.cluster = true
	if err := r.await(); err != nil {
		t.Fatal(err)
	}
	return r
}

// freeAddr is an address that is this test's until its end, whether somebody listens there or not.
func freeAddr(t testing.TB) string {
	t.Helper()
	kept, err := port.Keep()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	return kept.Address
}

func listen() (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(context.Background(), "tcp", "127.0.0.1:0")
}

func dial(addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: time.Second}
	return d.DialContext(context.Background(), "tcp", addr)
}

// Eventually asks until yes says so, and fails the test after limit.
func Eventually(t testing.TB, limit time.Duration, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(fmt.Sprint("not within ", limit, ": ", what))
		}
	}
}
