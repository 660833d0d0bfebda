package service

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/mail"
	"otpbridge/cmd/internal/config"
)

// Send implements bridge.Mailer: the notice is rendered completely in the person's language, then queued.
func (s *service) Send(ctx context.Context, n bridge.Notice) error {
	n.Reference = bridge.RequestFrom(ctx).Reference
	message, err := s.view.Notice(n)
	if err != nil {
		return fmt.Errorf("render mail %s: %w", n.Kind, err)
	}
	id := bridge.NewUUID()
	if n.ID != "" {
		id = bridge.Secret(string(n.Kind) + "\n" + n.ID + "\n" + n.To).Hash()[:32]
	}
	m := mail.Message{
		ID: id, To: n.To, ToName: n.Name, Subject: message.Subject, Text: message.Text, HTML: message.HTML, Kind: string(n.Kind), Expires: n.Expires, Person: n.Person,
	}
	switch n.Kind {
	case bridge.NoticeLink:
		m.Link = n.Link.Hash()
	case bridge.NoticeTemporary:
		m.Link = n.ID
	}
	return s.mail.Enqueue(ctx, m)
}

// mailed notes at the recovery, or at the temporary code, what became of its mail.
func (s *service) mailed(ctx context.Context, m mail.Message, o bridge.MailOutcome) error {
	if m.Kind == string(bridge.NoticeTemporary) {
		return s.flow.TemporaryMailed(ctx, m.Person, m.Link, o)
	}
	return s.flow.Mailed(ctx, m.Person, m.Link, o)
}

func (s *service) openMail(context.Context) (err error) {
	c := mailConfig(s.cfg, s.opts.Now, s.log)
	c.Jobs, c.Outcome, c.Audit = s.store.Jobs, s.mailed, s.counted
	s.mail, err = mail.New(c)
	return err
}

func mailConfig(cfg config.Config, now func() time.Time, log *slog.Logger) mail.Config {
	m := cfg.Mail
	return mail.Config{
		Host: m.SMTP.Host, Port: m.SMTP.Port, User: m.SMTP.User, Password: m.Password, Implicit: m.SMTP.Implicit, Plain: m.SMTP.Plain,
		From: m.From, Now: now, Log: log, Timeout: 20 * time.Second,
	}
}
