package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// options are what the command line says.
type options struct {
	keycloak string // version of a real Keycloak; "" = the Keycloak-shaped server
	state    string // directory that keeps what happened; "" = a temporary one
	ports    ports
	verbose  bool // otpbridge's log on standard error
}

// errUsage says that the command line was wrong.
var errUsage = errors.New("wrong usage")

const usage = `otpbridge-demo: a person loses an authenticator and gets a new one, on this machine alone.

Usage: otpbridge-demo [flags]      or: make demo [KEYCLOAK=26.7.4] [STATE=dir] [PORT_BASE=9000]

  -keycloak VERSION   on a real Keycloak instead of the built-in server of its shape (26.7.4 is what the tests run on)
  -state DIR          keep what happened (accounts, phones, requests) in DIR; without it everything is wiped at the end
  -port-base N        ports N to N+3 instead of those below
  -bridge-port N      otpbridge (8088)
  -portal-port N      the application that asks for a one-time code (8089)
  -idp-port N         the sign-in service (8180)
  -pages-port N       mailbox and phones (8025)
  -v                  show otpbridge's log

A port of 0 is any free one. Ctrl-C ends everything.
`

// parseOptions reads the command line. Asked for help it prints the help text and returns flag.ErrHelp; faults are errUsage.
func parseOptions(args []string, stdout io.Writer) (options, error) {
	o := options{ports: defaultPorts}
	base := 0
	flags := flag.NewFlagSet("otpbridge-demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it all
	flags.Usage = func() {}
	flags.StringVar(&o.keycloak, "keycloak", "", "")
	flags.StringVar(&o.state, "state", "", "")
	flags.IntVar(&base, "port-base", 0, "")
	flags.BoolVar(&o.verbose, "v", false, "")
	single := ports{-1, -1, -1, -1}
	for _, p := range single.all() {
		flags.IntVar(p.port, p.flag, -1, "")
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(stdout, usage)
		return o, errors.Join(flag.ErrHelp, err)
	case err != nil:
		return o, fmt.Errorf("%w: %w; -h lists the flags", errUsage, err)
	case flags.NArg() > 0:
		return o, fmt.Errorf("%w: %q is not a flag; -h lists the flags", errUsage, flags.Arg(0))
	}
	if o.ports, err = choosePorts(base, single); err != nil {
		return o, fmt.Errorf("%w: %w", errUsage, err)
	}
	return o, nil
}

// status is the exit code for an error: 2 for a wrong command line, 1 for everything else.
func status(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		return 1
	}
}
