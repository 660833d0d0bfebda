package mailsink

import (
	"crypto/subtle"
	"io"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection's conversation.
type session struct {
	sink   *Sink
	conn   *smtp.Conn
	ended  <-chan struct{}
	signed bool
	mail   Mail
}

// Reset begins a new mail.
func (c *session) Reset() { c.mail = Mail{} }

// Logout is the end of the connection.
func (c *session) Logout() error { return nil }

// AuthMechanisms offers PLAIN when somebody has to sign in.
func (c *session) AuthMechanisms() []string {
	if c.sink.opts.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth takes user name and password.
func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		want := c.sink.opts
		if username != want.Username || subtle.ConstantTimeCompare([]byte(password), []byte(want.Password)) != 1 {
			return smtp.ErrAuthFailed
		}
		c.signed = true
		return nil
	}), nil
}

// Mail takes the sender.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.sink.opts.Username != "" && !c.signed {
		return smtp.ErrAuthRequired
	}
	c.mail = Mail{From: from, Helo: c.conn.Hostname()}
	_, c.mail.Secure = c.conn.TLSConnectionState()
	return c.answer(AtSender)
}

// Rcpt takes a recipient.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.answer(AtRecipient); err != nil {
		return err
	}
	c.mail.To = append(c.mail.To, to)
	return nil
}

// Data takes the mail itself.
func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := c.answer(AtData); err != nil {
		return err
	}
	c.mail.Raw, c.mail.At = raw, c.sink.opts.Now()
	c.sink.keep(c.mail)
	if c.sink.losesAnswer() {
		return c.conn.Close()
	}
	return nil
}

// answer is what a stage is answered: nil, or the fault's code.
func (c *session) answer(at Stage) error {
	slow, code, message := c.sink.verdict(at)
	if slow > 0 {
		timer := time.NewTimer(slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.ended:
		}
	}
	if code == 0 {
		return nil
	}
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: message}
}

// verdict says how the fault at hand treats a stage, and counts it.
func (s *Sink) verdict(at Stage) (slow time.Duration, code int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.fault
	if f.Code == 0 || f.At != at {
		return f.Slow, 0, ""
	}
	slow, code, message = f.Slow, f.Code, f.Message
	if message == "" {
		message = "refused by a test"
	}
	s.refused++
	if f.Times == 1 {
		f.Code = 0
	}
	if f.Times > 0 {
		f.Times--
	}
	return slow, code, message
}

func (s *Sink) losesAnswer() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault.LoseAnswer
}
