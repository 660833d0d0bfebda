// Package mailsink is a mail server for tests and the local run: it takes every mail, keeps it as it came over the wire,
// and hands it to nobody else. It speaks plain SMTP, STARTTLS and TLS with certificates made at the start, and can be told
// to fail the way mail servers do.
package mailsink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"otpbridge/bridge/bridgetest/port"
)

// Mode is how connections are protected.
type Mode int

// Modes.
const (
	Plain    Mode = iota // no protection offered
	STARTTLS             // offered on a plain connection
	TLS                  // from the first byte
)

// Options says what server to start. The zero value is a plain one on a free loopback port that asks for no password.
type Options struct {
	Mode     Mode
	Listener net.Listener // nil = 127.0.0.1 on a free port
	Username string       // "" = nobody has to sign in
	Password string
	Now      func() time.Time // nil = the real time
}

// Fault is what goes wrong until the next Set. The zero value: nothing.
type Fault struct {
	Refuse      bool          // nobody listens
	Silent      bool          // connections are taken and never greeted
	NoSTARTTLS  bool          // the offer is missing
	Certificate Certificate   // a bad one
	Slow        time.Duration // before every answer to a command of a mail
	At          Stage         // where Code is the answer
	Code        int           // e.g. 451 or 550; 0 = none
	Message     string
	Times       int  // so many mails get Code, then all is well; 0 = all
	LoseAnswer  bool // the mail is kept, its sender never hears of it
}

// Stage is a point of a mail's way.
type Stage int

// Stages.
const (
	AtSender Stage = iota
	AtRecipient
	AtData
)

// Sink is a running server. Its methods may be called at any time from any goroutine.
type Sink struct {
	Addr string         // host:port
	CA   *x509.CertPool // whom a client has to trust

	opts    Options
	authors authors
	kept    *port.Kept // nil: the listener came from outside

	serving sync.Mutex // guards what runs
	running *running

	mu      sync.Mutex // guards everything below
	fault   Fault
	mails   []Mail
	changed chan struct{} // closed and replaced when a mail comes
	refused int
}

// Start starts a server.
func Start(o Options) (*Sink, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	made, err := makeAuthors(o.Now())
	if err != nil {
		return nil, fmt.Errorf("start mail sink: %w", err)
	}
	var kept *port.Kept
	if o.Listener == nil {
		if kept, err = port.Keep(); err == nil { // also while Set listens again, and while nobody does
			o.Listener, err = net.Listen("tcp", kept.Address) //nolint:noctx // answers at once
		}
		if err != nil {
			return nil, fmt.Errorf("start mail sink: %w", err)
		}
	}
	s := &Sink{Addr: o.Listener.Addr().String(), CA: made.pool, opts: o, authors: made, kept: kept, changed: make(chan struct{})}
	s.running = s.run(o.Listener, Fault{})
	return s, nil
}

// Close ends the server.
func (s *Sink) Close() {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.stop()
	if s.kept != nil {
		_ = s.kept.Close() // nothing could be done about it
	}
}

func (s *Sink) stop() {
	if s.running != nil {
		s.running.stop()
		s.running = nil
	}
}

// Set changes what goes wrong from now on. Open connections are cut; the address stays the same.
func (s *Sink) Set(f Fault) error {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.stop()
	s.mu.Lock()
	s.fault = f
	s.mu.Unlock()
	if f.Refuse {
		return nil
	}
	l, err := net.Listen("tcp", s.Addr) //nolint:noctx // answers at once
	if err != nil {
		return fmt.Errorf("mail sink: listen again: %w", err)
	}
	s.running = s.run(l, f)
	return nil
}

// running is what one listener serves.
type running struct {
	door  *door
	ended chan struct{} // closed when slow answers are to come at once
	done  chan struct{} // closed when nobody accepts any more
}

func (s *Sink) run(l net.Listener, f Fault) *running {
	r := &running{door: &door{Listener: l}, ended: make(chan struct{}), done: make(chan struct{})}
	serve := r.silence
	if !f.Silent {
		serve = s.serve(f, r)
	}
	go func() {
		defer close(r.done)
		serve()
	}()
	return r
}

// serve returns what serves SMTP until the door is shut.
func (s *Sink) serve(f Fault, r *running) func() {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{sink: s, conn: c, ended: r.ended}, nil
	}))
	server.Domain, server.EnableSMTPUTF8, server.AllowInsecureAuth = "sink.example", true, true
	server.MaxMessageBytes, server.MaxRecipients = 32<<20, 100
	server.ErrorLog = log.New(io.Discard, "", 0)
	config, l := s.authors.config(f.Certificate), net.Listener(r.door)
	switch s.opts.Mode {
	case STARTTLS:
		if !f.NoSTARTTLS {
			server.TLSConfig = config
		}
	case TLS:
		l = tls.NewListener(l, config)
	case Plain:
	}
	return func() { _ = server.Serve(l) } // ends with the door
}

// silence takes connections and says nothing.
func (r *running) silence() {
	for {
		if _, err := r.door.Accept(); err != nil {
			return
		}
	}
}

func (r *running) stop() {
	r.door.shut()
	close(r.ended) // after the cut: nobody gets the slow answer
	<-r.done
}

// door is a listener that knows who came in. The library closes only connections that it has begun to serve.
type door struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	d.conns = append(d.conns, c)
	return c, nil
}

func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	_ = d.Close()
	for _, c := range d.conns {
		_ = c.Close() // those who left are closed already
	}
}

// All lists the mails in the order they came.
func (s *Sink) All() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// To lists the mails to an address, whatever its case.
func (s *Sink) To(address string) []Mail {
	var out []Mail
	for _, m := range s.All() {
		if m.goesTo(address) {
			out = append(out, m)
		}
	}
	return out
}

// Forget throws the mails away.
func (s *Sink) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = nil
}

// Refused counts the mails that a fault turned down.
func (s *Sink) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// ErrNoMail says that no such mail came before the context ended.
var ErrNoMail = errors.New("no such mail came")

// Wait returns the first mail to an address ("" = any) that match accepts (nil = every one), waiting for it to come.
func (s *Sink) Wait(ctx context.Context, to string, match func(Mail) bool) (Mail, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		for _, m := range s.mails {
			if (to == "" || m.goesTo(to)) && (match == nil || match(m)) {
				s.mu.Unlock()
				return m, nil
			}
		}
		count := len(s.mails)
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("%w to %q (%d others): %w", ErrNoMail, to, count, ctx.Err())
		}
	}
}

func (s *Sink) keep(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (m Mail) goesTo(address string) bool {
	return slices.ContainsFunc(m.To, func(to string) bool { return strings.EqualFold(to, address) })
}
