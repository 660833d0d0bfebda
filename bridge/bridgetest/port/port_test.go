package port_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"otpbridge/bridge/bridgetest/port"
)

// Whoever keeps a port can serve there, end and serve again; meanwhile whoever calls there is refused.
func TestAKeptPortServesAgainAndAgain(t *testing.T) {
	t.Parallel()
	kept, err := port.Keep()
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	var d net.Dialer
	for range 3 {
		if conn, err := d.DialContext(t.Context(), "tcp", kept.Address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("nobody serves: %v, %v", conn, err)
		}
		l, err := lc.Listen(t.Context(), "tcp", kept.Address)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := d.DialContext(t.Context(), "tcp", kept.Address)
		if err := errors.Join(err, conn.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
}

// A kept port is given to nobody else: not to a server that takes any port, and not to another one who keeps.
func TestAKeptPortIsNobodyElses(t *testing.T) {
	t.Parallel()
	kept, err := port.Keep()
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close() //nolint:errcheck // nobody waits for it
	var lc net.ListenConfig
	for range 5000 {
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if l.Addr().String() == kept.Address {
			t.Error("another server has it")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	others := map[string]bool{kept.Address: true}
	for range 500 {
		other, err := port.Keep()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
		if others[other.Address] {
			t.Fatal("kept twice")
		}
		others[other.Address] = true
	}
}
