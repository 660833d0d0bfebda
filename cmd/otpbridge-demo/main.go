// Command otpbridge-demo shows the whole product on one machine: a sign-in service in the shape of Keycloak (or a real one),
// an application that asks for a one-time code, a mailbox, phones, and otpbridge itself between them. Nothing in it is real,
// nothing listens beyond this machine, and the product's own binary holds none of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "otpbridge-demo:", err) // nothing is left to be told
	}
	os.Exit(status(err))
}
