package rig

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// Mailbox is a mail server that keeps what it gets and sends nothing on.
type Mailbox struct {
	Addr string // host:port, plain SMTP

	t *testing.T
	*inbox
}

type inbox struct {
	server *smtp.Server

	mu   sync.Mutex
	kept []Message
	hold *Hold
	to   string // whose mail is held
}

// Message is one mail that arrived.
type Message struct {
	From string   // of the envelope
	To   []string // of the envelope
	Raw  string

	Subject    string
	Text, HTML string
	Header     mail.Header
}

// NewMailbox starts a server.
func NewMailbox(t *testing.T) *Mailbox {
	t.Helper()
	m := &Mailbox{t: t, inbox: &inbox{}}
	l, _ := listen(t)
	m.Addr = l.Addr().String()
	m.serve(l)
	t.Cleanup(m.Down)
	return m
}

// In is the mailbox with faults reported to a part of the test.
func (m *Mailbox) In(t *testing.T) *Mailbox {
	t.Helper()
	return &Mailbox{Addr: m.Addr, t: t, inbox: m.inbox}
}

func (m *Mailbox) serve(l net.Listener) {
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }))
	m.server.Domain, m.server.ReadTimeout, m.server.WriteTimeout = "localhost", time.Minute, time.Minute
	go m.server.Serve(l) //nolint:errcheck // ends with the test, by Close
}

// Down makes the server refuse connections; Up brings it back on the same port. What arrived is kept.
func (m *Mailbox) Down() {
	m.Drop()
	closing(m.t, func() error { _ = m.server.Close(); return nil })
}

// Up ends what Down did.
func (m *Mailbox) Up() {
	m.t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(m.t.Context(), "tcp", m.Addr)
	if err != nil {
		m.t.Fatal(err)
	}
	m.serve(l)
}

// Hold keeps the next mail to an address from its end: before it is taken, or, with taken, when it is kept and its sender has not heard so. The sender hears
// nothing more of it, also after Drop.
func (m *Mailbox) Hold(taken bool, to string) *Hold {
	m.Drop()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold, m.to = &Hold{Held: make(chan struct{}), deliver: taken, free: make(chan struct{})}, to
	return m.hold
}

// Drop ends what Hold did.
func (m *Mailbox) Drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hold != nil {
		close(m.hold.free)
		m.hold = nil
	}
}

// holds is the hold of a mail, if it is the first to that address.
func (m *Mailbox) holds(to []string) (held *Hold) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hold != nil && slices.Contains(to, m.to) {
		m.hold.once.Do(func() { held = m.hold })
	}
	return held
}

// Messages returns what arrived for an address, oldest first; "" = for anybody.
func (m *Mailbox) Messages(to string) []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Message
	for _, msg := range m.kept {
		if to == "" || strings.Contains("\n"+strings.Join(msg.To, "\n")+"\n", "\n"+to+"\n") {
			found = append(found, msg)
		}
	}
	return found
}

// Wait waits until at least n messages have arrived for an address and returns the n-th.
func (m *Mailbox) Wait(to string, n int) Message {
	m.t.Helper()
	Eventually(m.t, "mail for "+to, func() bool { return len(m.Messages(to)) >= n })
	return m.Messages(to)[n-1]
}

// Link returns the first URL in the text that begins with prefix.
func (msg Message) Link(t *testing.T, prefix string) string {
	t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(prefix) + `[^\s<>")]*`).FindString(msg.Text)
	if link == "" {
		t.Fatalf("no link %s… in the mail %q", prefix, msg.Subject)
	}
	return link
}

// delivery is one SMTP session.
type delivery struct {
	box *Mailbox
	msg Message
}

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	d.msg = Message{From: from}
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.msg.To = append(d.msg.To, to)
	return nil
}

var errHeld = errors.New("held")

func (d *delivery) Data(r io.Reader) error {
	held := d.box.holds(d.msg.To)
	if held != nil && !held.deliver {
		close(held.Held)
		<-held.free
		return errHeld
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.msg.Raw = string(raw)
	if err := d.msg.parse(); err != nil {
		d.box.t.Errorf("a mail arrived that cannot be read: %v", err)
	}
	d.box.keep(d.msg)
	if held != nil {
		close(held.Held)
		<-held.free
		return errHeld
	}
	return nil
}

func (b *inbox) keep(m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, m)
}

func (d *delivery) Reset()        { d.msg = Message{} }
func (d *delivery) Logout() error { return nil }

// parse fills in the subject and the two bodies.
func (msg *Message) parse() error {
	m, err := mail.ReadMessage(strings.NewReader(msg.Raw))
	if err != nil {
		return err
	}
	msg.Header = m.Header
	if msg.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return err
	}
	return msg.part(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
}

// part reads one part and what is inside it.
func (msg *Message) part(contentType, encoding string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		return msg.parts(multipart.NewReader(body, params["boundary"]))
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch kind {
	case "text/plain":
		msg.Text = string(text)
	case "text/html":
		msg.HTML = string(text)
	}
	return nil
}

func (msg *Message) parts(r *multipart.Reader) error {
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := msg.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); err != nil {
			return err
		}
	}
}
