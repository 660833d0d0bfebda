package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The certificate is read again when the file's time changes, looked at once a minute, and at SIGHUP in any case; a faulty pair keeps the old one.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Date(2026, time.October, 5, 9, 0, 0, 0, time.UTC)
	c := &certificate{
		certFile: filepath.Join(dir, "tls.crt"), keyFile: filepath.Join(dir, "tls.key"),
		now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler),
	}
	shown := func() string {
		t.Helper()
		held, err := c.get(&tls.ClientHelloInfo{})
		if err != nil {
			return err.Error()
		}
		return held.Leaf.Subject.CommonName
	}
	is := func(want, when string) {
		t.Helper()
		if got := shown(); got != want {
			t.Errorf("%s: %s is shown, want %s", when, got, want)
		}
	}
	is(errNoCertificate.Error(), "before there is one")
	written := now
	writePair(t, c, "first", written)
	is("first", "at the first connection")
	writePair(t, c, "second", written)
	now = now.Add(2 * certificateEvery)
	is("first", "another pair with the time of the first")
	c.reread(t.Context())
	is("second", "after SIGHUP")
	writePair(t, c, "third", now)
	is("second", "within a minute")
	now = now.Add(certificateEvery)
	is("third", "after a minute")
	if err := os.WriteFile(c.keyFile, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.reread(t.Context())
	now = now.Add(certificateEvery)
	is("third", "with a faulty file")
	(&certificate{}).reread(t.Context()) // behind a proxy there is none
}

// writePair writes a certificate of a name with its key, as of a time.
func writePair(t *testing.T, c *certificate, name string, at time.Time) {
	t.Helper()
	pair := selfSigned(t, name, at.Add(time.Hour))
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]pem.Block{
		c.certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, c.keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// selfSigned returns a certificate for a host, valid until then.
func selfSigned(t *testing.T, host string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A handshake that fails leaves a line of the same form as all others.
func TestEachLineOfTheLogIsJSON(t *testing.T) {
	t.Parallel()
	var lines logLines
	s := &service{log: slog.New(slog.NewJSONHandler(&lines, nil))}
	server := s.newServer(http.NotFoundHandler())
	web := httptest.NewUnstartedServer(server.Handler)
	web.Config = server
	web.StartTLS()
	defer web.Close()
	conn, err := (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", web.Listener.Addr().String())
	if err == nil {
		_ = conn.Close()
		t.Fatal("a certificate of nobody is trusted")
	}
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(time.Minute); lines.String() == ""; <-again.C {
		if time.Now().After(deadline) {
			t.Fatal("no line about the handshake")
		}
	}
	for line := range strings.Lines(lines.String()) {
		if !json.Valid([]byte(line)) {
			t.Error("no JSON: ", line)
		}
	}
}

// logLines is what was logged.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
