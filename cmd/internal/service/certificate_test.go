package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
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
