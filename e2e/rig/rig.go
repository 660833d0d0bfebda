// Package rig holds what end-to-end tests stand on: a real Keycloak for the run and a fresh realm for each test, real
// redis-server processes, a mail server that keeps what it gets, Chromium, a scripted browser for attacks, a sample
// application, and the product itself as the binary that is shipped. README.md beside this module shows how they fit.
//
// Everything listens on loopback, on free ports, is called by the host name "localhost" and is ended with the test that
// started it. Functions that take a *testing.T fail that test when they cannot do their work.
package rig

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/port"
	"otpbridge/bridge/bridgetest/realkc"
)

// Patience bounds every wait for something that another process does. Nothing is proven by it: how soon something has to come is said where it
// matters, so a machine that is out of breath may take its time.
const Patience = time.Minute

// out is where screenshots and logs go; git ignores it.
const out = "out"

// run is what all tests of a run share: one Keycloak and one binary. It is the only state outside a test, because
// starting Keycloak for each test would take longer than the tests.
var run struct {
	once   sync.Once
	server *realkc.Server
	err    error

	hashing bool // see DefaultHashing

	themes string // see ThemeDir

	build  sync.Once
	dir    string
	binary string

	realms sync.Mutex // held while a realm is made or removed, which is work for the whole server
}

// Main runs the tests of a package and ends what they share. TestMain is: os.Exit(rig.Main(m)).
func Main(m *testing.M) int {
	go watchLoad() // until the end
	code := m.Run()
	if err := End(); err != nil {
		fmt.Fprintln(os.Stderr, "rig: what the tests share did not end well:", err) // .ci/e2e knows the first word
		code = 1
	}
	return code
}

// End ends what the tests of a run share, for a program that runs them without Main.
func End() error {
	var errs []error
	if run.server != nil {
		errs = append(errs, run.server.Stop())
	}
	for _, dir := range []string{run.dir, run.themes} {
		if dir != "" {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// DefaultHashing lets the server of the run hash passwords as hard as Keycloak does by default: where its processor time is measured. It is called before
// anything else.
func DefaultHashing() { run.hashing = true }

// Keycloak returns the server of the run, started when it is asked for first. $KEYCLOAK chooses the version, $KEYCLOAK_URL one that runs
// already (make keycloak); $LONG says that it serves a whole run.
func Keycloak(t *testing.T) *realkc.Server {
	t.Helper()
	work(t)
	run.once.Do(func() {
		if url := os.Getenv("KEYCLOAK_URL"); url != "" {
			run.server = realkc.Attach(url)
			return
		}
		if run.themes, run.err = MakeThemes(); run.err != nil {
			return
		}
		// The server outlives the test that happens to be first.
		run.server, run.err = realkc.Start(context.Background(), realkc.Config{
			Version:  os.Getenv("KEYCLOAK"),
			ThemeDir: run.themes,
			Env:      KeycloakEnv(),
			Hashing:  run.hashing,
			Long:     os.Getenv("LONG") != "",
			Progress: func(message string) { log.Print(message) },
		})
	})
	if run.err != nil {
		t.Fatal(run.err)
	}
	return run.server
}

// Version is that of the server of the run.
func Version(t *testing.T) string {
	t.Helper()
	version, err := Keycloak(t).Admin().Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// FreePort returns a port that is free and stays so for whoever is told of it, until the test ends: for servers that ask for the reuse of addresses.
func FreePort(t *testing.T) int {
	t.Helper()
	kept, err := port.Keep()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	_, text, err := net.SplitHostPort(kept.Address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// listen opens a port on loopback and returns its base URL. The port is the test's until its end, also while a proxy that is down does not listen.
func listen(t *testing.T) (l net.Listener, base string) {
	t.Helper()
	number := FreePort(t)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", number))
	if err != nil {
		t.Fatal(err)
	}
	return l, fmt.Sprintf("http://localhost:%d", number)
}

// Eventually calls done until it returns true, and fails the test with what when Patience is over.
func Eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	EventuallyWithin(t, Patience, what, done)
}

// EventuallyWithin is Eventually with a time of its own.
func EventuallyWithin(t *testing.T, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", within, what)
		}
		<-tick.C
	}
}

// OutFile returns the path of a file for people to look at: out/TESTNAME/name.
func OutFile(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(out, strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// closing ends something at the end of a test; what was closed before is fine.
func closing(t *testing.T, end func() error) {
	t.Helper()
	if err := end(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}
