package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"otpbridge/bridge/bridgetest/mailsink"
	"otpbridge/bridge/bridgetest/portal"
)

// demo is everything running.
type demo struct {
	options
	addresses
	people []person
	dir    string // state, keys, configuration
	keys   keys
	held   *listeners
	out    io.Writer // what goes on, for people
	now    func() time.Time
	log    *slog.Logger

	mail   *mailsink.Sink
	campus *campus
	failed chan error // a part ended by itself
	ends   []func() error
}

// run is the whole command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	level := slog.LevelError
	if o.verbose {
		level = slog.LevelInfo
	}
	d := &demo{options: o, out: stdout, now: time.Now, log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	if err := d.start(ctx); err != nil {
		if err = errors.Join(err, d.close()); ctx.Err() == nil {
			return err
		}
		return nil // told to end before it was ready
	}
	if err := announce(stdout, d.addresses, d.people, d.kept()); err != nil {
		return errors.Join(err, d.close())
	}
	select {
	case <-ctx.Done():
		d.say("\nEnding everything.")
		return d.close()
	case err := <-d.failed:
		return errors.Join(err, d.close())
	}
}

// kept says what is left when the demo has ended.
func (d *demo) kept() string {
	if d.state == "" {
		return "nothing is kept"
	}
	return "accounts, phones and requests are kept in " + d.dir + " (mails are not)"
}

// start starts everything. After an error close still has to be called.
func (d *demo) start(ctx context.Context) error {
	d.people, d.failed = campusPeople(), make(chan error, 1)
	for _, step := range []func(context.Context) error{
		d.claimPorts, d.openDir, d.openKeys, d.startMail, d.startCampus, d.startPortal, d.startPages, d.startBridge,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// atEnd has something ended by close.
func (d *demo) atEnd(end func() error) { d.ends = append(d.ends, end) }

// close ends everything, the last thing that started first.
func (d *demo) close() error {
	var faults []error
	for _, end := range slices.Backward(d.ends) {
		faults = append(faults, end())
	}
	d.ends = nil
	return errors.Join(faults...)
}

func (d *demo) claimPorts(ctx context.Context) error {
	held, err := d.ports.claim(ctx)
	if err != nil {
		return err
	}
	d.held = held
	d.atEnd(held.close)
	d.addresses = addresses{Bridge: base(d.ports.bridge), Portal: base(d.ports.portal), IDP: base(d.ports.idp), Pages: base(d.ports.pages)}
	return nil
}

// openDir finds a place for the state: one for each kind of sign-in service, so that the two are never mixed up.
func (d *demo) openDir(context.Context) error {
	if d.state == "" {
		dir, err := os.MkdirTemp("", "otpbridge-demo-*")
		if err != nil {
			return fmt.Errorf("directory for the state: %w", err)
		}
		d.dir = dir
		d.atEnd(func() error { return os.RemoveAll(dir) })
		return nil
	}
	kind := "built-in"
	if d.keycloak != "" {
		kind = "keycloak-" + d.keycloak
	}
	dir, err := filepath.Abs(filepath.Join(d.state, kind))
	if err != nil {
		return fmt.Errorf("directory for the state: %w", err)
	}
	d.dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("directory for the state: %w", err)
	}
	return d.samePorts()
}

func (d *demo) startMail(context.Context) error {
	sink, err := mailsink.Start(mailsink.Options{Now: d.now})
	if err != nil {
		return err
	}
	d.mail = sink
	d.atEnd(func() error { sink.Close(); return nil })
	return nil
}

func (d *demo) startPortal(context.Context) error {
	d.serve(d.held.portal, portal.New(portal.Options{Issuer: d.Issuer, URL: d.Portal, Banner: banner, Now: d.now}))
	return nil
}

func (d *demo) startPages(context.Context) error {
	phones, err := openPhones(d.file("phones.json"))
	if err != nil {
		return err
	}
	s, err := newSite(site{people: d.people, addresses: d.addresses, inbox: d.mail, phones: phones, now: d.now})
	if err != nil {
		return err
	}
	d.serve(d.held.pages, s.handler())
	return nil
}

// serve answers requests at a port until the demo ends.
func (d *demo) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelWarn)}
	d.atEnd(server.Close)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.fail(fmt.Errorf("serve %s: %w", l.Addr(), err))
		}
	}()
}

// fail ends the demo with an error; the first one counts.
func (d *demo) fail(err error) {
	select {
	case d.failed <- err:
	default:
	}
}

func (d *demo) file(name string) string { return filepath.Join(d.dir, name) }

// say tells people what is going on.
func (d *demo) say(message string) { _, _ = fmt.Fprintln(d.out, message) } // nobody may be listening
