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

// reload does what SIGHUP asks for, whenever it is told to, until ctx ends: it opens the audit trail by its name again, reads the
// certificate again, and leaves to the command what the command holds.
func (s *service) reload(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.opts.Reload:
		}
		if err := s.audit.Reopen(); err != nil {
			s.log.ErrorContext(ctx, "the audit trail was not opened again; the old file stays in use", "err", err)
		} else {
			s.log.InfoContext(ctx, "the audit trail was opened again")
		}
		s.certificate.reread(ctx)
		if s.opts.Reloaded != nil {
			s.opts.Reloaded(ctx)
		}
	}
}

// lookEvery is how often the file of the certificate is looked at.
const lookEvery = time.Minute

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
	if now := c.now(); c.held == nil || now.Sub(c.looked) >= lookEvery {
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
