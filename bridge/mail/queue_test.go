package mail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/mailsink"
	"otpbridge/bridge/mail"
)

// house is a queue with a mail server, a store for one kind of job, an audit trail in memory and a clock.
type house struct {
	*mail.Queue
	sink *mailsink.Sink
	log  *bytes.Buffer

	mu     sync.Mutex
	now    time.Time
	jobs   map[string]bridge.Job
	events []bridge.AuditEvent
	away   error // what the store says
	told   []string
}

func (h *house) Add(_ context.Context, j bridge.Job) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away == nil {
		h.jobs[j.ID] = j
	}
	return h.away
}

func (h *house) Remove(_ context.Context, _, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.jobs, id)
	return nil
}

func (h *house) Record(_ context.Context, e bridge.AuditEvent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	return nil
}

func (h *house) tell(_ context.Context, m mail.Message, o bridge.MailOutcome) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, m.Person+" "+m.Link+" "+string(o))
	return nil
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// outcomes are the events with their tries.
func (h *house) outcomes() []string {
	var out []string
	for _, e := range h.events {
		out = append(out, e.Event+" "+e.Detail["try"])
	}
	return out
}

// work does the job that waits, if it is due, the way a worker does, and reports whether there was one.
func (h *house) work(t *testing.T) bool {
	t.Helper()
	h.mu.Lock()
	var due *bridge.Job
	for _, j := range h.jobs {
		if !j.At.After(h.now) {
			due = &j
		}
	}
	if due != nil {
		delete(h.jobs, due.ID)
	}
	h.mu.Unlock()
	if due == nil {
		return false
	}
	if due.Kind != bridge.JobMail {
		t.Fatalf("job of kind %s", due.Kind)
	}
	if next, err := h.Deliver(t.Context(), due.Payload, 1); err != nil || !next.IsZero() {
		t.Fatalf("%v %v", next, err)
	}
	return true
}

type change func(*mail.Config)

func settle(t *testing.T, o mailsink.Options, changes ...change) *house {
	t.Helper()
	sink, err := mailsink.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	h := &house{sink: sink, log: &bytes.Buffer{}, now: noon, jobs: make(map[string]bridge.Job)}
	host, port, err := net.SplitHostPort(sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c := mail.Config{
		Host: host, Port: n, Implicit: o.Mode == mailsink.TLS, Plain: o.Mode == mailsink.Plain, Roots: sink.CA, User: o.Username, Password: bridge.Secret(o.Password),
		From: &from, Jobs: h, Audit: h, Outcome: h.tell, Now: h.clock, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range changes {
		f(&c)
	}
	if h.Queue, err = mail.New(c); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) enqueue(t *testing.T, m mail.Message) {
	t.Helper()
	if err := h.Enqueue(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func (h *house) fault(t *testing.T, f mailsink.Fault) {
	t.Helper()
	if err := h.sink.Set(f); err != nil {
		t.Fatal(err)
	}
}

func TestMailArrivesAsItWasComposed(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]mailsink.Options{
		"loopback": {Mode: mailsink.Plain}, "STARTTLS": {Mode: mailsink.STARTTLS, Username: "otpbridge", Password: "pässword"},
		"implicit": {Mode: mailsink.TLS, Username: "otpbridge", Password: "secret"},
	} {
		h := settle(t, o)
		m := message()
		h.enqueue(t, m)
		m.Date = noon
		want, err := m.Compose(from)
		if err != nil {
			t.Fatal(err)
		}
		if !h.work(t) || h.work(t) {
			t.Errorf("%s: not one job", name)
		}
		got := h.sink.All()
		if len(got) != 1 || !bytes.Equal(got[0].Raw, want) || got[0].From != "noreply@example.ac.jp" || !slices.Equal(got[0].To, []string{m.To}) {
			t.Fatalf("%s: %+v\n%s", name, got, h.log)
		}
		if got[0].Helo != "example.ac.jp" || got[0].Secure != (o.Mode != mailsink.Plain) {
			t.Errorf("%s: HELO %s, secure %v", name, got[0].Helo, got[0].Secure)
		}
		if diff := cmp.Diff([]bridge.AuditEvent{{
			Event: "mail.sent", Outcome: "ok", Actor: "system", Detail: map[string]string{"mail": "link", "id": m.ID, "try": "1"},
		}}, h.events); diff != "" || !slices.Equal(h.told, []string{"alice link-hash handed"}) {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// MAIL-08: without a protected connection and a valid certificate nothing leaves, neither a mail nor a password.
func TestNothingLeavesUnprotected(t *testing.T) {
	t.Parallel()
	user := mailsink.Options{Mode: mailsink.STARTTLS, Username: "otpbridge", Password: "canary-password"}
	implicit := user
	implicit.Mode = mailsink.TLS
	bare := user
	bare.Mode = mailsink.Plain
	notPlain := func(c *mail.Config) { c.Plain = false }
	noRoots := func(c *mail.Config) { c.Roots = nil }
	for name, x := range map[string]struct {
		o mailsink.Options
		f mailsink.Fault
		c change
	}{
		"STARTTLS stripped":               {user, mailsink.Fault{NoSTARTTLS: true}, notPlain},
		"STARTTLS stripped on loopback":   {user, mailsink.Fault{NoSTARTTLS: true}, func(c *mail.Config) { c.Plain = true }},
		"no STARTTLS":                     {mailsink.Options{}, mailsink.Fault{}, notPlain},
		"password on a clear loopback":    {bare, mailsink.Fault{}, notPlain},
		"STARTTLS, stranger":              {user, mailsink.Fault{Certificate: mailsink.Stranger}, notPlain},
		"STARTTLS, wrong name":            {user, mailsink.Fault{Certificate: mailsink.WrongName}, notPlain},
		"STARTTLS, expired":               {user, mailsink.Fault{Certificate: mailsink.Expired}, notPlain},
		"implicit, stranger":              {implicit, mailsink.Fault{Certificate: mailsink.Stranger}, notPlain},
		"implicit, wrong name":            {implicit, mailsink.Fault{Certificate: mailsink.WrongName}, notPlain},
		"implicit, expired":               {implicit, mailsink.Fault{Certificate: mailsink.Expired}, notPlain},
		"implicit, nobody trusts it":      {implicit, mailsink.Fault{}, noRoots},
		"STARTTLS expected, TLS spoken":   {implicit, mailsink.Fault{}, func(c *mail.Config) { c.Implicit, c.Timeout = false, 300*time.Millisecond }},
		"TLS expected, STARTTLS offered":  {user, mailsink.Fault{}, func(c *mail.Config) { c.Implicit = true }},
		"wrong password":                  {user, mailsink.Fault{}, func(c *mail.Config) { c.Password = "canary-wrong" }},
		"nobody listens":                  {user, mailsink.Fault{Refuse: true}, notPlain},
		"nobody greets":                   {user, mailsink.Fault{Silent: true}, func(c *mail.Config) { c.Timeout = 300 * time.Millisecond }},
		"slower than the limit of a try":  {user, mailsink.Fault{Slow: time.Minute}, func(c *mail.Config) { c.Timeout = 300 * time.Millisecond }},
		"refused for now at the sender":   {user, mailsink.Fault{At: mailsink.AtSender, Code: 451}, notPlain},
		"refused for now at the receiver": {user, mailsink.Fault{At: mailsink.AtRecipient, Code: 450}, notPlain},
		"refused for now after the mail":  {user, mailsink.Fault{At: mailsink.AtData, Code: 452}, notPlain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := settle(t, x.o, x.c)
			h.fault(t, x.f)
			h.enqueue(t, message())
			h.work(t)
			if n := len(h.sink.All()); n != 0 || !slices.Equal(h.told, []string{"alice link-hash delayed"}) {
				t.Errorf("%d mails, told %v", n, h.told)
			}
			if got := h.outcomes(); !slices.Equal(got, []string{"mail.failed 1"}) || h.events[0].Code != bridge.CodeMailAway || h.events[0].Outcome != "failed" {
				t.Errorf("%v", got)
			}
			if text := h.log.String(); strings.Contains(text, "canary") || strings.Contains(text, "alice") || strings.Contains(text, "/link/x") {
				t.Errorf("the log says too much: %s", text)
			}
		})
	}
}

// MAIL-10: a mail is tried, with pauses and one Message-ID, until its end and never after; then it is dropped and nothing of it kept. Whoever
// waits for it learns so each time.
func TestAMailIsTriedUntilItsEnd(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	h.fault(t, mailsink.Fault{LoseAnswer: true})
	h.enqueue(t, message())
	h.work(t)
	for _, pause := range []time.Duration{20 * time.Second, 2 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		h.pass(pause - time.Second)
		if h.work(t) {
			t.Errorf("tried again before %v", pause)
		}
		h.pass(time.Second)
		if !h.work(t) {
			t.Errorf("not tried after %v", pause)
		}
	}
	got := h.outcomes()
	if n := len(got); n != 8 || got[0] != "mail.failed 1" || got[6] != "mail.failed 7" || got[7] != "mail.dropped 8" || len(h.jobs) != 0 {
		t.Errorf("%v, %d jobs", got, len(h.jobs))
	}
	if n := len(h.told); n != 8 || h.told[0] != "alice link-hash delayed" || h.told[7] != "alice link-hash dropped" {
		t.Errorf("told %v", h.told)
	}
	mails := h.sink.All()
	if len(mails) != 8 || !bytes.Equal(mails[0].Raw, mails[7].Raw) || mails[0].Header("Message-Id") == "" {
		t.Errorf("%d mails, or not the same", len(mails))
	}
}

func TestALaterTryDelivers(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	h.fault(t, mailsink.Fault{At: mailsink.AtData, Code: 451, Times: 1})
	h.enqueue(t, message())
	h.work(t)
	h.pass(20 * time.Second)
	h.work(t)
	if got := h.outcomes(); !slices.Equal(got, []string{"mail.failed 1", "mail.sent 2"}) ||
		!slices.Equal(h.told, []string{"alice link-hash delayed", "alice link-hash handed"}) {
		t.Errorf("%v, told %v", got, h.told)
	}
}

// MAIL-10: never at or after its end, however the clock moved; a try that would come too late is not planned.
func TestExpiredMailIsNeverSent(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	h.enqueue(t, message())
	h.pass(30 * time.Minute)
	h.work(t)
	if got := h.outcomes(); !slices.Equal(got, []string{"mail.dropped 1"}) || h.events[0].Code != bridge.CodeExpired || len(h.sink.All()) != 0 {
		t.Errorf("%v, %d mails", got, len(h.sink.All()))
	}
	if err := h.Enqueue(t.Context(), message()); bridge.CodeOf(err) != bridge.CodeExpired {
		t.Errorf("queued after its end: %v", err)
	}
	m := message()
	m.Expires = h.now.Add(10 * time.Second)
	h.fault(t, mailsink.Fault{Refuse: true})
	h.enqueue(t, m)
	h.work(t)
	if got := h.outcomes(); got[1] != "mail.dropped 1" || len(h.jobs) != 0 {
		t.Errorf("%v, %d jobs", got, len(h.jobs))
	}
}

func TestARefusalForGoodIsNotRepeated(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	h.fault(t, mailsink.Fault{At: mailsink.AtRecipient, Code: 550, Message: "no alice here"})
	h.enqueue(t, message())
	h.work(t)
	if got := h.outcomes(); !slices.Equal(got, []string{"mail.dropped 1"}) || len(h.jobs) != 0 ||
		!slices.Equal(h.told, []string{"alice link-hash dropped"}) {
		t.Errorf("%v, %d jobs, told %v", got, len(h.jobs), h.told)
	}
	if strings.Contains(h.log.String(), "alice") {
		t.Errorf("the log repeats the server: %s", h.log)
	}
}

// A process that dies while it tries has used up that try.
func TestTriesOfDeadProcessesCount(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	h.enqueue(t, message())
	for _, j := range h.jobs {
		if _, err := h.Deliver(t.Context(), j.Payload, 4); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.outcomes(); !slices.Equal(got, []string{"mail.dropped 4"}) || len(h.sink.All()) != 0 {
		t.Errorf("%v", got)
	}
}

func TestAnUnreadableJobIsDropped(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	for _, payload := range []string{"", "{}", `{"v":2}`, `{"v":1,"message":{"To":"x"}}`} {
		if next, err := h.Deliver(t.Context(), []byte(payload), 1); err != nil || !next.IsZero() {
			t.Errorf("%q: %v %v", payload, next, err)
		}
	}
	if len(h.events) != 4 || len(h.jobs) != 0 {
		t.Errorf("%v", h.outcomes())
	}
}

func TestAStoreThatIsAwayIsSaid(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	h.away = bridge.ErrStoreAway
	if err := h.Enqueue(t.Context(), message()); bridge.CodeOf(err) != bridge.CodeStoreAway {
		t.Error(err)
	}
	h.fault(t, mailsink.Fault{Refuse: true})
	payload, err := json.Marshal(map[string]any{"v": 1, "message": message()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Deliver(t.Context(), payload, 1); bridge.CodeOf(err) != bridge.CodeStoreAway {
		t.Errorf("the job is done although its successor was not stored: %v", err)
	}
}
