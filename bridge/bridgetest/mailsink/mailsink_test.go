package mailsink_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/mailsink"
)

const letter = "From: a@example.net\r\nTo: b@example.net\r\nSubject: =?utf-8?q?=E8=A8=BC?=\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=xx\r\n\r\n--xx\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\naHR0cHM6Ly9leGFtcGxlLm5ldC9saW5rL2Fi\r\n--xx\r\nContent-Type: text/html\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>a=3Db</p>\r\n--xx--\r\n"

func start(t *testing.T, o mailsink.Options) *mailsink.Sink {
	t.Helper()
	s, err := mailsink.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// send sends the letter, over STARTTLS when the server offers it.
func send(s *mailsink.Sink, auth smtp.Auth, to ...string) error {
	conn, err := net.DialTimeout("tcp", s.Addr, 5*time.Second)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // a test
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{RootCAs: s.CA, ServerName: "127.0.0.1"}); err != nil {
			return err
		}
	}
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			return err
		}
	}
	if err := c.Mail("a@example.net"); err != nil {
		return err
	}
	for _, one := range to {
		if err := c.Rcpt(one); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(letter)); err != nil {
		return err
	}
	return w.Close()
}

func TestKeepsMailByteForByteAndReadsIt(t *testing.T) {
	t.Parallel()
	s := start(t, mailsink.Options{})
	if err := send(s, nil, "b@example.net", "C@example.net"); err != nil {
		t.Fatal(err)
	}
	m, err := s.Wait(t.Context(), "c@example.net", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Raw, []byte(letter)) || m.Secure {
		t.Errorf("kept %q", m.Raw)
	}
	if m.Subject() != "証" || m.Text() != "https://example.net/link/ab" || m.HTML() != "<p>a=b</p>" || m.Link("/link/") != "https://example.net/link/ab" {
		t.Errorf("read %q %q %q", m.Subject(), m.Text(), m.HTML())
	}
	if len(s.To("b@example.net")) != 1 || len(s.To("nobody@example.net")) != 0 {
		t.Error("mail in the wrong box")
	}
}

func TestProtectionAndPassword(t *testing.T) {
	t.Parallel()
	s := start(t, mailsink.Options{Mode: mailsink.STARTTLS, Username: "u", Password: "p"})
	if err := send(s, nil, "b@example.net"); code(err) != 502 {
		t.Errorf("without a password: %v", err)
	}
	if err := send(s, smtp.PlainAuth("", "u", "wrong", "127.0.0.1"), "b@example.net"); code(err) != 535 {
		t.Errorf("with a wrong one: %v", err)
	}
	if err := send(s, smtp.PlainAuth("", "u", "p", "127.0.0.1"), "b@example.net"); err != nil {
		t.Fatal(err)
	}
	if m := s.All(); len(m) != 1 || !m[0].Secure {
		t.Errorf("kept %d", len(m))
	}
	for kind, fits := range map[mailsink.Certificate]func(error) bool{
		mailsink.Stranger:  func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) },
		mailsink.WrongName: func(err error) bool { return errors.As(err, new(x509.HostnameError)) },
		mailsink.Expired:   func(err error) bool { return errors.As(err, new(x509.CertificateInvalidError)) },
	} {
		if err := s.Set(mailsink.Fault{Certificate: kind}); err != nil {
			t.Fatal(err)
		}
		if err := send(s, nil, "b@example.net"); !fits(err) {
			t.Errorf("certificate %d: %v", kind, err)
		}
	}
}

func TestTLSFromTheFirstByte(t *testing.T) {
	t.Parallel()
	s := start(t, mailsink.Options{Mode: mailsink.TLS})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CAPEM()) {
		t.Fatal("no certificate in the PEM")
	}
	conn, err := tls.Dial("tcp", s.Addr, &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Hello("me.example"), c.Quit()); err != nil {
		t.Error(err)
	}
}

func code(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, mailsink.Options{Mode: mailsink.STARTTLS})
	set := func(f mailsink.Fault) {
		t.Helper()
		if err := s.Set(f); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[mailsink.Stage]int{mailsink.AtSender: 451, mailsink.AtRecipient: 550, mailsink.AtData: 554} {
		set(mailsink.Fault{At: at, Code: want, Times: 1})
		if err := send(s, nil, "b@example.net"); code(err) != want {
			t.Errorf("stage %d: %v, want %d", at, err, want)
		}
		if err := send(s, nil, "b@example.net"); err != nil {
			t.Errorf("stage %d, once more: %v", at, err)
		}
	}
	if len(s.All()) != 3 || s.Refused() != 3 {
		t.Errorf("kept %d, refused %d", len(s.All()), s.Refused())
	}
	s.Forget()
	set(mailsink.Fault{LoseAnswer: true})
	if err := send(s, nil, "b@example.net"); err == nil || code(err) != 0 || len(s.All()) != 1 {
		t.Errorf("lost answer: %v, kept %d", err, len(s.All()))
	}
	set(mailsink.Fault{Refuse: true})
	if err := send(s, nil, "b@example.net"); err == nil {
		t.Error("somebody listens")
	}
	set(mailsink.Fault{NoSTARTTLS: true})
	if err := send(s, nil, "b@example.net"); err != nil || s.All()[1].Secure {
		t.Errorf("without STARTTLS: %v", err)
	}
	set(mailsink.Fault{Silent: true})
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("silent: %v", err)
	}
	set(mailsink.Fault{Slow: time.Hour})
	c, err := smtp.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Hello("me.example"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Mail("a@example.net") }()
	set(mailsink.Fault{})
	if err := <-done; err == nil {
		t.Error("the slow answer came")
	}
}

func TestWaitGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	s := start(t, mailsink.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Wait(ctx, "b@example.net", nil); !errors.Is(err, mailsink.ErrNoMail) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
