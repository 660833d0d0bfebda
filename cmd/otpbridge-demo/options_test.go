package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, try := range []struct {
		args string
		want options
		says string // when it is refused
	}{
		{args: "", want: options{ports: defaultPorts}},
		{args: "-keycloak 26.7.4 -state d -v", want: options{keycloak: "26.7.4", state: "d", verbose: true, ports: defaultPorts}},
		{args: "-port-base 9000", want: options{ports: ports{9000, 9001, 9002, 9003}}},
		{args: "-port-base 9000 -idp-port 0", want: options{ports: ports{9000, 9001, 0, 9003}}},
		{args: "-bridge-port 1", want: options{ports: ports{1, 8089, 8180, 8025}}},
		{args: "-bridge-port 8089", says: "port 8089 cannot be both otpbridge and the portal"},
		{args: "-bridge-port 70000", says: "70000 is no port"},
		{args: "-port-base 65534", says: "65536 is no port"},
		{args: "-x", says: "not defined: -x; -h lists the flags"},
		{args: "start", says: `"start" is not a flag`},
	} {
		got, err := parseOptions(strings.Fields(try.args), io.Discard)
		switch {
		case try.says == "" && (err != nil || got != try.want):
			t.Errorf("%q: %+v, %v, want %+v", try.args, got, err, try.want)
		case try.says != "" && (!errors.Is(err, errUsage) || !strings.Contains(err.Error(), try.says)):
			t.Errorf("%q: %v, want %q", try.args, err, try.says)
		}
	}
}

func TestHelpGoesToStandardOutput(t *testing.T) {
	t.Parallel()
	var out, said bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &out, &said); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
	if !strings.Contains(out.String(), "-port-base N") || said.Len() > 0 {
		t.Errorf("-h prints %q and %q", out.String(), said.String())
	}
}

// taken is a port that another program holds.
func taken(t *testing.T, address string) int {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil && strings.HasPrefix(address, "[") { // a machine without IPv6
		l, err = lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port //nolint:errcheck // a TCP listener
}

func TestEveryTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	a, b := taken(t, "127.0.0.1:0"), taken(t, "[::1]:0")
	var out, said bytes.Buffer
	err := run(t.Context(), []string{"-bridge-port", strconv.Itoa(a), "-pages-port", strconv.Itoa(b), "-portal-port", "0", "-idp-port", "0"}, &out, &said)
	if err == nil {
		t.Fatal("it started")
	}
	for _, want := range []string{
		"port " + strconv.Itoa(a) + ", meant for otpbridge, is taken by another program: choose another with -bridge-port N",
		"port " + strconv.Itoa(b) + ", meant for mailbox and phones, is taken by another program: choose another with -pages-port N",
		"-port-base 9000 (make demo PORT_BASE=9000)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %q", want, err)
		}
	}
	if strings.Contains(err.Error(), "portal") {
		t.Errorf("a free port is named: %q", err)
	}
}

func TestClaimGivesBackWhatItHeld(t *testing.T) {
	t.Parallel()
	p := ports{}
	held, err := p.claim(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := held.close(); err != nil {
		t.Error(err)
	}
	again, err := p.claim(t.Context()) // now with the numbers that were given
	if err != nil {
		t.Fatal(err)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}

func TestScriptHasSixLinesAndNamesEveryPlace(t *testing.T) {
	t.Parallel()
	a := addresses{Bridge: "http://b", Portal: "http://p", Pages: "http://m"}
	for _, console := range []string{"", "http://k/admin/"} {
		a.Console = console
		var out strings.Builder
		if err := announce(&out, a, campusPeople(), "nothing is kept"); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		for _, want := range []string{"http://b/", "http://p/", "http://m/mail", "http://m/phones", "alice-password", "erin-password", "\n  6. ", console} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if strings.Contains(text, "\n  7. ") || strings.Contains(text, "%!") {
			t.Errorf("printed:\n%s", text)
		}
		if !strings.Contains(text, `  2. Press "Lost your authenticator?"`) {
			t.Errorf("console %q: the second line is wrong in\n%s", console, text)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{nil: 0, flag.ErrHelp: 0, errUsage: 2, io.EOF: 1} {
		if got := status(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
