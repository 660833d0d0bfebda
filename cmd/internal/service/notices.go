package service

import (
	"context"
	"fmt"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/mail"
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
	if n.Link != "" {
		m.Link = n.Link.Hash()
	}
	return s.mail.Enqueue(ctx, m)
}

// mailed notes at the recovery what became of its link mail.
func (s *service) mailed(ctx context.Context, m mail.Message, o bridge.MailOutcome) error {
	return s.flow.Mailed(ctx, m.Person, m.Link, o)
}

func (s *service) openMail(context.Context) (err error) {
	m := s.cfg.Mail
	s.mail, err = mail.New(mail.Config{
		Host: m.SMTP.Host, Port: m.SMTP.Port, User: m.SMTP.User, Password: m.Password, Implicit: m.SMTP.Implicit, Plain: m.SMTP.Plain,
		From: m.From, Jobs: s.store.Jobs, Outcome: s.mailed, Audit: s.counted, Now: s.opts.Now, Log: s.log, Timeout: 20 * time.Second,
	})
	return err
}
