// Package realkc runs a real Keycloak for tests and for the local run: a process of its own on free loopback ports, with
// a database that nobody else sees, ended together with the program that started it. It knows how to reach the Admin REST
// API as the administrator of the new server, and nothing about realms: those are made by package realm.
//
// The distribution is found, not fetched: `.ci/setup keycloak` puts it into the cache.
package realkc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"otpbridge/bridge/bridgetest/port"
)

// DefaultVersion is the version of Keycloak that tests run on when nobody asks for another.
const DefaultVersion = "26.7.4"

// adminName and adminPassword are those of the first administrator of a server made for a test; it listens on loopback only.
const (
	adminName     = "admin"
	adminPassword = "admin"
)

// BootstrapClient is the client of master that `kc.sh bootstrap-admin service` makes, here at the first start, with its secret.
const (
	BootstrapClient = "bootstrap"
	BootstrapSecret = "bootstrap-secret-for-tests"
)

// patience with a server that starts while the machine is busy with other work, and with one that is told to stop.
const (
	startLimit = 4 * time.Minute
	stopLimit  = 15 * time.Second
)

// ErrNotInstalled says that no usable distribution is where it was looked for.
var ErrNotInstalled = errors.New("not installed: Keycloak")

// Config says which server to start and where. The zero value is a server of DefaultVersion on free ports, with an empty
// database in a temporary directory.
type Config struct {
	Version        string               // "" = DefaultVersion
	Home           string               // the distribution; "" = found by Find
	Dir            string               // database and log; kept by Stop. "" = a temporary directory, removed by Stop
	ThemeDir       string               // a directory of themes beside the built-in ones; "" = none
	Env            []string             // NAME=value, beside this program's own environment
	HTTPPort       int                  // 0 = a free one
	ManagementPort int                  // 0 = a free one
	Hashing        bool                 // passwords are hashed as hard as Keycloak does by default; false = at next to no cost
	Long           bool                 // it serves for many minutes: its code is compiled to the end, which costs the first of them and speeds up the rest
	Progress       func(message string) // what is being waited for; nil = nobody listens
}

// Server is a running Keycloak.
type Server struct {
	URL string // base URL, e.g. http://localhost:18080; use this spelling everywhere, the issuer follows it
	Log string // file with what the server printed

	dir      string // removed by Stop unless ""
	health   string
	life     io.Closer // closing it ends the process group, and so does the death of this program
	exited   chan struct{}
	exitErr  error
	pid      int
	progress func(string)
	kept     []*port.Kept // its ports, unless they were given
}

// Find returns the directory of the distribution of a version: $OTPBRIDGE_KEYCLOAK_HOME when it is set, otherwise
// keycloak-VERSION in $OTPBRIDGE_CACHE (~/.cache/otpbridge). A missing one is ErrNotInstalled and says how to install it.
func Find(version string) (string, error) {
	home := os.Getenv("OTPBRIDGE_KEYCLOAK_HOME")
	if home == "" {
		cache, err := Cache()
		if err != nil {
			return "", err
		}
		home = filepath.Join(cache, "keycloak-"+version)
	}
	if _, err := os.Stat(filepath.Join(home, "bin", "kc.sh")); err != nil {
		return "", fmt.Errorf("%w in %s (run: KEYCLOAK=%s .ci/setup keycloak): %w", ErrNotInstalled, home, version, err)
	}
	return home, nil
}

// Cache returns the directory outside the tree where set-up keeps what tests need.
func Cache() (string, error) {
	if dir := os.Getenv("OTPBRIDGE_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the cache: %w", err)
	}
	return filepath.Join(home, ".cache", "otpbridge"), nil
}

// Start starts a server and returns when it answers. It is ended by Stop, by the end of this program however it dies, and
// when ctx ends before it is ready.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Home == "" {
		home, err := Find(cfg.Version)
		if err != nil {
			return nil, err
		}
		cfg.Home = home
	}
	kept, err := choosePorts(&cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{
		kept:     kept,
		URL:      fmt.Sprintf("http://localhost:%d", cfg.HTTPPort),
		health:   fmt.Sprintf("http://127.0.0.1:%d/health/ready", cfg.ManagementPort),
		exited:   make(chan struct{}),
		progress: cfg.Progress,
	}
	if cfg.Dir == "" {
		dir, err := os.MkdirTemp("", "realkc-*")
		if err != nil {
			return nil, fmt.Errorf("start Keycloak: %w", err)
		}
		cfg.Dir, s.dir = dir, dir
	}
	if err := s.launch(cfg); err != nil {
		return nil, errors.Join(err, s.giveBack())
	}
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Attach returns a server that somebody else started and will end, by its base URL. Stop leaves it alone, Log is unknown, and it
// has no process group of ours.
func Attach(url string) *Server { return &Server{URL: url} }

// guardian runs Keycloak and ends the whole process group when its standard input is closed: by Stop, or by the kernel
// when the program that started it is gone, killed or not. kc.sh leaves Java running when only the script is killed.
const guardian = `exec 3<&0
"$@" 3<&- </dev/null &
server=$!
(cat <&3 >/dev/null; kill -TERM 0) &
exec 3<&-
wait $server`

func (s *Server) launch(cfg Config) error {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("start Keycloak: %w", err)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return fmt.Errorf("start Keycloak: %w", err)
	}
	s.Log = filepath.Join(dir, "keycloak.log")
	out, err := os.Create(s.Log)
	if err != nil {
		return fmt.Errorf("start Keycloak: %w", err)
	}
	defer func() { _ = out.Close() }() // the child holds its own copy; nothing was written through this one

	//nolint:noctx // the process outlives the context of Start and ends by Stop
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardian, "keycloak"}, command(cfg, dir)...)...)
	cmd.Env = append(os.Environ(), "KC_BOOTSTRAP_ADMIN_USERNAME="+adminName, "KC_BOOTSTRAP_ADMIN_PASSWORD="+adminPassword,
		"KC_BOOTSTRAP_ADMIN_CLIENT_ID="+BootstrapClient, "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET="+BootstrapSecret, "JAVA_OPTS_APPEND="+options(cfg))
	cmd.Env = append(cmd.Env, cfg.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	life, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start Keycloak: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Keycloak: %w", err)
	}
	s.life, s.pid = life, cmd.Process.Pid
	go func() {
		s.exitErr = cmd.Wait()
		close(s.exited)
	}()
	return nil
}

// options are those of its virtual machine.
func options(cfg Config) string {
	const memory = "-Xmx768m"
	if cfg.Long {
		return memory
	}
	return memory + " -XX:TieredStopAtLevel=1"
}

// command is the command line of the server.
func command(cfg Config, dir string) []string {
	line := []string{
		filepath.Join(cfg.Home, "bin", "kc.sh"), "start", "--optimized",
		"--http-enabled=true", "--hostname-strict=false", "--http-host=127.0.0.1", "--cache=local",
		"--http-port=" + strconv.Itoa(cfg.HTTPPort), "--http-management-port=" + strconv.Itoa(cfg.ManagementPort),
		"--db-url=jdbc:h2:file:" + filepath.Join(dir, "h2", "keycloak") + ";NON_KEYWORDS=VALUE",
	}
	if !cfg.Hashing { // passwords here are no secrets: hashing them as hard as real ones would be two thirds of each sign-in
		line = append(line, "--spi-password-hashing--argon2--iterations=1", "--spi-password-hashing--argon2--memory=64")
	}
	if cfg.ThemeDir != "" {
		line = append(line, "--spi-theme--folder--dir="+cfg.ThemeDir)
	}
	return line
}

// wait returns when the server is ready, and fails when it ends or takes too long.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s.progress("starting Keycloak (15 to 40 s)")
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for Keycloak: %w; it printed:\n%s", ctx.Err(), s.tail())
		case <-s.exited:
			return fmt.Errorf("server ended while it started (%w); it printed:\n%s", s.exitErr, s.tail())
		case <-tick.C:
			if ready(ctx, s.health) {
				s.progress("Keycloak is ready at " + s.URL)
				return nil
			}
		}
	}
}

func ready(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// Group is the process group of the server, 0 of one that is attached.
func (s *Server) Group() int { return s.pid }

// Stop ends the server and everything it started, and removes a temporary directory. It may be called again.
func (s *Server) Stop() error {
	if s.life == nil {
		return nil // attached
	}
	_ = s.life.Close() // a second call finds it closed
	// The shell ends at once, Java needs a second to close its database: what counts is that the group is empty.
	late := time.NewTimer(stopLimit)
	defer late.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for ended := false; !ended && syscall.Kill(-s.pid, 0) == nil; { // of processes that are not ours nobody tells the end
		select {
		case <-again.C:
		case <-late.C:
			ended = true
		}
	}
	if err := syscall.Kill(-s.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop Keycloak: %w", err)
	}
	<-s.exited
	return s.giveBack()
}

// giveBack returns the ports and removes the directory.
func (s *Server) giveBack() error {
	for _, k := range s.kept {
		_ = k.Close() // nobody waits for it
	}
	if s.dir == "" {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the directory of Keycloak: %w", err)
	}
	return nil
}

// tail returns the end of the server's log.
func (s *Server) tail() string {
	const enough = 4096
	text, err := os.ReadFile(s.Log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-enough):])
}

// choosePorts fills in ports that were left open. They are kept until the server has ended: it takes them only after half a minute.
func choosePorts(cfg *Config) (kept []*port.Kept, err error) {
	for _, number := range []*int{&cfg.HTTPPort, &cfg.ManagementPort} {
		if *number != 0 {
			continue
		}
		k, err := port.Keep()
		if err != nil {
			return nil, err
		}
		kept = append(kept, k)
		_, text, err := net.SplitHostPort(k.Address)
		if err == nil {
			*number, err = strconv.Atoi(text)
		}
		if err != nil {
			return nil, err
		}
	}
	return kept, nil
}
