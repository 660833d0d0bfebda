package service

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

// reopen opens the audit trail by its name again, and reads the certificate again.
func (s *service) reopen(ctx context.Context) {
	if err := s.audit.Reopen(); err != nil {
		s.log.ErrorContext(ctx, "the audit trail was not opened again; the old file stays in use", "err", err)
	} else {
		s.log.InfoContext(ctx, "the audit trail was opened again")
	}
	s.certificate.reread(ctx)
}

// How often the files of the certificate and of the configuration are looked at. Two looks have to find the same of the latter.
const (
	certificateEvery = time.Minute
	lookEvery        = 20 * time.Second
)

// certificate is the one of the public listener. Its files are read again at SIGHUP, and when the time of the first one has changed. A
// faulty new pair keeps the old one.
type certificate struct {
	certFile, keyFile string // without both there is no certificate
	now               func() time.Time
	log               *slog.Logger

	mu       sync.Mutex
	held     *tls.Certificate
	looked   time.Time
	modified time.Time
}

var errNoCertificate = errors.New("no certificate")

// get serves tls.Config.GetCertificate.
func (c *certificate) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.held == nil || now.Sub(c.looked) >= certificateEvery {
		c.looked = now
		c.look(hello.Context(), false)
	}
	if c.held == nil {
		return nil, errNoCertificate
	}
	return c.held, nil
}

func (c *certificate) reread(ctx context.Context) {
	if c.certFile == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(ctx, true)
}

// look reads the files if their time has changed, or in any case. The caller holds mu.
func (c *certificate) look(ctx context.Context, anyway bool) {
	info, err := os.Stat(c.certFile)
	if err == nil && info.ModTime().Equal(c.modified) && !anyway {
		return
	}
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.ErrorContext(ctx, "the certificate cannot be used; the one before stays, if there was one", "err", err)
		return
	}
	c.held, c.modified = &cert, info.ModTime()
	c.log.InfoContext(ctx, "certificate", "until", cert.Leaf.NotAfter)
}
