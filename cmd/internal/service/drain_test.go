package service

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for one connection within the process.
type pipes chan net.Conn

// Accept returns the connection, and then waits until the listener is closed.
func (l pipes) Accept() (net.Conn, error) {
	if conn, open := <-l; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

// Close lets Accept return.
func (l pipes) Close() error { close(l); return nil }

// Addr is no address of the network.
func (pipes) Addr() net.Addr { return &net.UnixAddr{Net: "pipe", Name: "pipe"} }

// CLI-07: whatever does not come to its end holds the process up for 25 seconds and no longer: what started it kills it after thirty.
func TestADrainEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{log: slog.New(slog.DiscardHandler)}
		asked, over := make(chan struct{}), make(chan struct{})
		server := s.newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-over }))
		server.WriteTimeout = 0
		l := make(pipes, 1)
		here, there := net.Pipe()
		l <- there
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		if _, err := io.WriteString(here, "GET / HTTP/1.1\r\nHost: otp.example.ac.jp\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-asked
		began := time.Now()
		s.shutdown(t.Context(), []*http.Server{server})
		if took := time.Since(began); took != 25*time.Second {
			t.Errorf("the drain took %v", took)
		}
		close(over)
		if err := here.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed { //nolint:errorlint // it is that one
			t.Error(err)
		}
	})
}
