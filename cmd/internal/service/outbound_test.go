package service

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/store"
	"otpbridge/cmd/internal/config"
	"otpbridge/oidc"
)

// outbound returns a service all of whose servers are the host, and its links, each by what it says of it. Mail has its own, stricter
// rules: MAIL-08.
func outbound(t *testing.T, host string) map[string]func(context.Context) error {
	t.Helper()
	keys, err := oidc.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	key, err := store.NewKey("test")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := store.ParseKeys([]byte(key.Line() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{
		cfg: config.Config{
			BaseURL: &url.URL{Scheme: "https", Host: "otp.example.ac.jp"}, Keys: ring,
			SignIn: config.SignIn{
				Issuer: "https://" + host + "/realms/campus", ClientID: "login", Auth: config.ClientAuth{Keys: keys}, RecoveryScope: "otp-recovery", FullACR: "mfa",
			},
			Keycloak: config.Keycloak{
				URL: "https://" + host, Realm: "campus", ClientID: "admin", Auth: config.ClientAuth{Secret: "secret-for-tests"}, AllowedGroup: "/otp-recoverable",
			},
			Store: config.StoreConfig{Redis: &config.RedisServer{Addresses: []string{host}, TLS: true}},
		},
		opts: Options{Now: time.Now}, log: slog.New(slog.DiscardHandler),
	}
	if err := errors.Join(s.openKeycloak(t.Context()), s.openParty(t.Context())); err != nil {
		t.Fatal(err)
	}
	return map[string]func(context.Context) error{
		"Keycloak": func(ctx context.Context) error { _, err := s.kc.Rights(ctx); return err },
		"Redis":    s.openStore,
		"sign-in": func(ctx context.Context) error {
			before := s.party.Ready()
			go func() { _ = s.party.Run(ctx) }()
			for ctx.Err() == nil && errors.Is(s.party.Ready(), before) {
				time.Sleep(time.Millisecond)
			}
			return s.party.Ready()
		},
	}
}

// WEB-08: no outbound link accepts a certificate that is not trusted, is too old or is for another host, or a TLS before 1.2.
func TestOutboundLinksAreVerified(t *testing.T) {
	t.Parallel()
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for what, x := range map[string]struct {
		host  string
		until time.Time
		max   uint16
		is    func(error) bool
	}{
		"self-signed": {"localhost", soon, tls.VersionTLS13, func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
		"wrong name":  {"elsewhere.example", soon, tls.VersionTLS13, func(err error) bool { return errors.As(err, new(x509.HostnameError)) }},
		"expired":     {"localhost", past, tls.VersionTLS13, func(err error) bool { return errors.As(err, new(x509.CertificateInvalidError)) }},
		"TLS 1.1":     {"localhost", soon, tls.VersionTLS11, func(err error) bool { return strings.Contains(err.Error(), "protocol version") }},
	} {
		host := tlsServer(t, &tls.Config{
			Certificates: []tls.Certificate{selfSigned(t, x.host, x.until)}, MinVersion: tls.VersionTLS10, MaxVersion: x.max,
		})
		for name, look := range outbound(t, host) {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := look(ctx); err == nil || !x.is(err) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// tlsServer answers every request with 200, and returns its address by name.
func tlsServer(t *testing.T, c *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)} // refused handshakes are what is tested
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("localhost", port)
}
