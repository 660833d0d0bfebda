package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"otpbridge/bridge"
)

// MaxTimeout bounds one try.
const MaxTimeout = 30 * time.Second

// server is the mail server that takes our mails.
type server struct {
	host     string
	port     int
	user     string // empty: no sign-in
	password bridge.Secret
	implicit bool // TLS from the first byte, otherwise STARTTLS
	plain    bool // TLS may be missing
	helo     string
	roots    *x509.CertPool
	timeout  time.Duration
}

// errRefused marks an answer that no repeat will change.
var errRefused = errors.New("refused for good")

// send hands raw to the server. Nothing but the greeting leaves this machine before the connection is protected and the server has shown a
// valid certificate. The error holds no address and none of the server's words.
func (s server) send(ctx context.Context, from, to string, raw []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	session, conn, err := s.connect(ctx)
	if conn != nil {
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		defer conn.Close() //nolint:errcheck // all is said by then
	}
	if err != nil {
		return describe("connect", err)
	}
	if err := transfer(session, from, to, raw); err != nil {
		return err
	}
	_ = session.Quit() // the mail is theirs already
	return nil
}

// connect greets the server and signs in. A connection is returned beside an error, too, when there was one: the caller closes it.
func (s server) connect(ctx context.Context) (session *smtp.Client, conn net.Conn, err error) {
	client, err := s.client(func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		conn, err = s.dial(ctx, network, address)
		return conn, err
	})
	if err != nil {
		return nil, nil, err
	}
	session, err = client.DialToSMTPClientWithContext(ctx)
	return session, conn, err
}

func (s server) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	opts := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.timeout), gomail.WithHELO(s.helo), gomail.WithTLSConfig(s.tls()),
		gomail.WithTLSPolicy(s.policy()), gomail.WithDialContextFunc(dial), gomail.WithoutSMTPUTF8(),
	}
	if s.implicit {
		opts = append(opts, gomail.WithSSL())
	}
	if s.user != "" {
		opts = append(opts, gomail.WithUsername(s.user), gomail.WithPassword(s.password.Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	c, err := gomail.NewClient(s.host, opts...)
	if err != nil {
		return nil, bridge.Fault(bridge.CodeInternal, "mail server", err)
	}
	return c, nil
}

// policy never lets a password go over a clear connection, not even on loopback.
func (s server) policy() gomail.TLSPolicy {
	if s.plain && s.user == "" {
		return gomail.NoTLS
	}
	return gomail.TLSMandatory
}

func (s server) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
}

// dial connects; go-mail leaves a connection open when a greeting fails, so the caller keeps it to close it.
func (s server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.implicit {
		d := tls.Dialer{Config: s.tls()}
		return d.DialContext(ctx, network, address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// transfer is one mail transaction.
func transfer(session *smtp.Client, from, to string, raw []byte) error {
	if err := session.Mail("<" + from + ">"); err != nil {
		return describe("MAIL", err)
	}
	if err := session.Rcpt("<" + to + ">"); err != nil {
		return describe("RCPT", err)
	}
	w, err := session.Data()
	if err != nil {
		return describe("DATA", err)
	}
	if _, err := w.Write(raw); err != nil {
		return describe("content", err)
	}
	if err := w.Close(); err != nil {
		return describe("end of content", err)
	}
	return nil
}

// describe says what went wrong at which stage: the number of the server's answer, or the fault of the connection. 5xx after the sign-in is
// errRefused.
func describe(stage string, err error) error {
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return bridge.Fault(bridge.CodeMailAway, "mail server: "+stage, err)
	}
	cause := fmt.Errorf("answer %d", answer.Code)
	if stage != "connect" && answer.Code >= 500 {
		cause = fmt.Errorf("answer %d: %w", answer.Code, errRefused)
	}
	return bridge.Fault(bridge.CodeMailAway, "mail server: "+stage, cause)
}
