package mail

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strconv"
	"time"

	"otpbridge/bridge"
)

// maxDeaths is how often a process may die over one try before the mail is given up.
const maxDeaths = 3

// pause stands after so many tries. A mail is tried until its end.
func pause(tried int) time.Duration {
	switch {
	case tried <= 1:
		return 20 * time.Second
	case tried == 2:
		return 2 * time.Minute
	case tried < 15:
		return 5 * time.Minute
	}
	return time.Hour
}

// Config is what a Queue needs.
type Config struct {
	Host     string
	Port     int
	User     string // empty: no sign-in
	Password bridge.Secret
	Implicit bool           // TLS from the first byte; otherwise STARTTLS
	Plain    bool           // loopback only: TLS may be missing, but never with a password
	Roots    *x509.CertPool // nil: the system's
	Timeout  time.Duration  // of one try, at most MaxTimeout; 0: MaxTimeout
	From     *mail.Address
	Jobs     bridge.Jobs
	Audit    bridge.Audit
	Outcome  func(ctx context.Context, m Message, o bridge.MailOutcome) error // told of a mail with a Link; nil: nobody is
	Now      func() time.Time
	Log      *slog.Logger
}

// Queue keeps mails until a server has them.
type Queue struct {
	c      Config
	server server
}

// letter is a mail in the store. It is sealed there.
type letter struct {
	V       int     `json:"v"`
	Message Message `json:"message"`
	Tried   int     `json:"tried,omitempty"` // before this job
}

// New returns a queue. It refuses a clear connection that leaves this machine, and a sender that is no address.
func New(c Config) (*Queue, error) {
	switch {
	case c.From == nil || !bridge.Deliverable(c.From.Address):
		return nil, errors.New("mail: the sender is no address")
	case c.Plain && (c.Implicit || !bridge.Loopback(c.Host)):
		return nil, errors.New("mail: a clear connection is for loopback only")
	case c.Host == "" || c.Port < 1 || c.Port > 65535:
		return nil, errors.New("mail: no server")
	case c.User == "" && c.Password != "", c.User != "" && c.Password == "":
		return nil, errors.New("mail: user and password belong together")
	}
	if c.Timeout <= 0 || c.Timeout > MaxTimeout {
		c.Timeout = MaxTimeout
	}
	return &Queue{c: c, server: server{
		host: c.Host, port: c.Port, user: c.User, password: c.Password, implicit: c.Implicit, plain: c.Plain, helo: domain(c.From.Address),
		roots: c.Roots, timeout: c.Timeout,
	}}, nil
}

// Enqueue makes m durable; Deliver gets it from a job. The same id again replaces a mail that waits. CodeInternal: m cannot be a mail;
// CodeExpired; CodeStoreAway.
func (q *Queue) Enqueue(ctx context.Context, m Message) error {
	m.Date = q.c.Now()
	if _, err := m.Compose(*q.c.From); err != nil {
		return err
	}
	if !m.Date.Before(m.Expires) {
		return bridge.Fault(bridge.CodeExpired, "queue mail", nil)
	}
	return q.keep(ctx, letter{V: 1, Message: m}, m.Date)
}

func (q *Queue) keep(ctx context.Context, l letter, at time.Time) error {
	payload, err := json.Marshal(l)
	if err != nil {
		return bridge.Fault(bridge.CodeInternal, "queue mail", err)
	}
	if err := q.c.Jobs.Add(ctx, bridge.Job{Kind: bridge.JobMail, ID: l.Message.ID, At: at, Payload: payload}); err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	return nil
}

// Deliver offers the mail of one job to the server; tries is how often the job was claimed, with this time. It renders before it dials.
// A mail that the server did not take is added again as a later job, so a nil error always means: this job is done. A mail is dropped
// when it has expired, when three processes died over one try, or when the server refused it for good. next is always zero.
func (q *Queue) Deliver(ctx context.Context, payload []byte, tries int) (next time.Time, err error) {
	var l letter
	if err := json.Unmarshal(payload, &l); err != nil || l.V != 1 {
		q.c.Log.ErrorContext(ctx, "mail dropped: the job cannot be read")
		q.record(ctx, "mail.dropped", l, bridge.CodeInternal)
		return time.Time{}, nil
	}
	died := tries > maxDeaths
	l.Tried += max(1, tries)
	raw, err := l.Message.Compose(*q.c.From)
	switch {
	case err != nil:
		q.drop(ctx, l, bridge.CodeInternal, err)
		return time.Time{}, nil
	case !q.c.Now().Before(l.Message.Expires):
		q.drop(ctx, l, bridge.CodeExpired, nil)
		return time.Time{}, nil
	case died:
		q.drop(ctx, l, bridge.CodeMailAway, nil)
		return time.Time{}, nil
	}
	if err := q.server.send(ctx, quote(q.c.From.Address), quote(l.Message.To), raw); err != nil {
		return time.Time{}, q.failed(ctx, l, err)
	}
	q.record(ctx, "mail.sent", l, "")
	q.tell(ctx, l, bridge.MailHanded)
	return time.Time{}, nil
}

// tell says what became of a mail to whoever waits for it. The mail is where it is whatever comes of that.
func (q *Queue) tell(ctx context.Context, l letter, o bridge.MailOutcome) {
	if q.c.Outcome == nil || l.Message.Link == "" {
		return
	}
	if err := q.c.Outcome(context.WithoutCancel(ctx), l.Message, o); err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen {
		q.c.Log.ErrorContext(ctx, "nobody learns what became of a mail", "mail", l.Message.Kind, "id", l.Message.ID, "outcome", o, "err", err)
	}
}

// failed decides whether there is another try.
func (q *Queue) failed(ctx context.Context, l letter, cause error) error {
	if errors.Is(cause, errRefused) {
		q.drop(ctx, l, bridge.CodeMailAway, cause)
		return nil
	}
	again := q.c.Now().Add(pause(l.Tried))
	if !again.Before(l.Message.Expires) {
		q.drop(ctx, l, bridge.CodeExpired, cause)
		return nil
	}
	if err := q.keep(context.WithoutCancel(ctx), l, again); err != nil {
		return err
	}
	q.c.Log.WarnContext(ctx, "mail delayed", "mail", l.Message.Kind, "id", l.Message.ID, "try", l.Tried, "err", cause)
	q.record(ctx, "mail.failed", l, bridge.CodeMailAway)
	q.tell(ctx, l, bridge.MailDelayed)
	return nil
}

// drop gives the mail up. Nothing of it is kept.
func (q *Queue) drop(ctx context.Context, l letter, code bridge.Code, cause error) {
	q.c.Log.ErrorContext(ctx, "mail dropped", "mail", l.Message.Kind, "id", l.Message.ID, "try", l.Tried, "code", code, "err", cause)
	q.record(ctx, "mail.dropped", l, code)
	q.tell(ctx, l, bridge.MailDropped)
}

// record puts the outcome on record. The mail is sent or not whatever comes of it, so a failure is logged only.
func (q *Queue) record(ctx context.Context, event string, l letter, code bridge.Code) {
	e := bridge.AuditEvent{
		Event: event, Outcome: "ok", Actor: "system", Code: code,
		Detail: map[string]string{"mail": l.Message.Kind, "id": l.Message.ID, "try": strconv.Itoa(l.Tried)},
	}
	if code != "" {
		e.Outcome = "failed"
	}
	if err := q.c.Audit.Record(context.WithoutCancel(ctx), e); err != nil {
		q.c.Log.ErrorContext(ctx, "audit event lost", "event", event, "err", err)
	}
}
