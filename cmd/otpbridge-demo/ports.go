package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// ports of the four parts that people open in a browser.
type ports struct{ bridge, portal, idp, pages int }

var defaultPorts = ports{bridge: 8088, portal: 8089, idp: 8180, pages: 8025}

const maxPort = 65535

// part is one of the four, for messages.
type part struct {
	port       *int
	flag, name string
}

func (p *ports) all() []part {
	return []part{
		{&p.bridge, "bridge-port", "otpbridge"},
		{&p.portal, "portal-port", "the portal"},
		{&p.idp, "idp-port", "the sign-in service"},
		{&p.pages, "pages-port", "mailbox and phones"},
	}
}

// choosePorts takes the standard ports, or four in a row from base unless that is 0, and those single ones that are not -1.
func choosePorts(base int, single ports) (ports, error) {
	p := defaultPorts
	if base != 0 {
		p = ports{base, base + 1, base + 2, base + 3}
	}
	chosen := map[int]string{}
	for i, one := range p.all() {
		if own := *single.all()[i].port; own != -1 {
			*one.port = own
		}
		if *one.port < 0 || *one.port > maxPort {
			return p, fmt.Errorf("%d is no port (for %s): they go from 1 to %d", *one.port, one.name, maxPort)
		}
		if other, taken := chosen[*one.port]; taken && *one.port != 0 {
			return p, fmt.Errorf("port %d cannot be both %s and %s", *one.port, other, one.name)
		}
		chosen[*one.port] = one.name
	}
	return p, nil
}

// listeners hold the ports from the moment they were found free.
type listeners struct{ bridge, portal, idp, pages net.Listener }

// claim opens all ports on loopback and fills in those that were 0. When ports are taken, the error names every one of
// them and says how to choose others; nothing stays open then.
func (p *ports) claim(ctx context.Context) (*listeners, error) {
	held := &listeners{}
	into := []*net.Listener{&held.bridge, &held.portal, &held.idp, &held.pages}
	var faults []error
	for i, one := range p.all() {
		l, err := listen(ctx, *one.port)
		if err != nil {
			faults = append(faults, clash(one, err))
			continue
		}
		*into[i] = l
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			*one.port = tcp.Port
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(append(faults, errors.New("or move all of them with -port-base 9000 (make demo PORT_BASE=9000)"), held.close())...)
	}
	return held, nil
}

// close gives back the ports that are still held.
func (h *listeners) close() error {
	var faults []error
	for _, l := range []net.Listener{h.bridge, h.portal, h.idp, h.pages} {
		if l == nil {
			continue
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func clash(p part, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d, meant for %s, is taken by another program: choose another with -%s N", *p.port, p.name, p.flag)
	}
	return fmt.Errorf("port %d, meant for %s, cannot be used (%w): choose another with -%s N", *p.port, p.name, err, p.flag)
}

// listen opens a port on loopback. Browsers ask ::1 first when they are told "localhost", so a program that listens there
// alone is in the way too.
func listen(ctx context.Context, port int) (net.Listener, error) {
	number := strconv.Itoa(port)
	if port != 0 {
		d := net.Dialer{Timeout: time.Second}
		if c, err := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", number)); err == nil {
			return nil, errors.Join(fmt.Errorf("[::1]:%d: %w", port, syscall.EADDRINUSE), c.Close())
		}
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", number))
}

// base is the address of a port as browsers and the realm know it.
func base(port int) string { return fmt.Sprintf("http://localhost:%d", port) }
