package mailsink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Certificate is which certificate the server shows.
type Certificate int

// Certificates.
const (
	Good      Certificate = iota // for localhost, 127.0.0.1 and ::1
	Stranger                     // from an authority nobody trusts
	WrongName                    // for another host
	Expired
)

// authors holds the authority and a certificate of each kind.
type authors struct {
	pool  *x509.CertPool
	root  []byte // DER
	shown map[Certificate]tls.Certificate
}

const day = 24 * time.Hour

func makeAuthors(now time.Time) (authors, error) {
	root, err := newAuthority(now)
	if err != nil {
		return authors{}, err
	}
	stranger, err := newAuthority(now)
	if err != nil {
		return authors{}, err
	}
	out := authors{pool: x509.NewCertPool(), root: root.cert.Raw, shown: map[Certificate]tls.Certificate{}}
	out.pool.AddCert(root.cert)
	for kind, made := range map[Certificate]struct {
		by    authority
		names []string
		until time.Time
	}{
		Good:      {root, []string{"localhost"}, now.Add(day)},
		Stranger:  {stranger, []string{"localhost"}, now.Add(day)},
		WrongName: {root, []string{"elsewhere.example"}, now.Add(day)},
		Expired:   {root, []string{"localhost"}, now.Add(-time.Hour)},
	} {
		if out.shown[kind], err = made.by.issue(made.names, made.until); err != nil {
			return authors{}, err
		}
	}
	return out, nil
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(now time.Time) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail sink " + rand.Text()[:8]}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-2 * day), NotAfter: now.Add(2 * day),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, err
}

func (a authority) issue(names []string, until time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: until.Add(-day), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if names[0] == "localhost" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (a authors) config(kind Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.shown[kind]}, MinVersion: tls.VersionTLS12}
}

// CAPEM is the authority's certificate as PEM, for a file that a process is to trust.
func (s *Sink) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.authors.root})
}
