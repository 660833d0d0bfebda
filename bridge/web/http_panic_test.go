package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/view"
	"otpbridge/bridge/web"
)

// twin is a second server on the campus's parts, changed by a test before it serves.
func twin(c *campus.Campus, change func(*web.Server)) http.Handler {
	s := *c.Web
	s.Figures = metrics.NewSet()
	change(&s)
	return s.Handler()
}

// untilStream is what through has of an answer: a stream has no end, so its request ends with its head.
type untilStream struct {
	*httptest.ResponseRecorder
	end func()
}

func (u untilStream) Write(b []byte) (int, error) {
	if strings.HasPrefix(u.Header().Get("Content-Type"), "text/event-stream") {
		u.end()
	}
	return u.ResponseRecorder.Write(b)
}

// through sends a request through a handler without a network.
func through(h http.Handler, c *campus.Campus, q byHand) answer {
	if q.method == "" {
		q.method = http.MethodGet
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, q.method, c.URL+q.path, strings.NewReader(q.form.Encode()))
	r.Host = strings.TrimPrefix(c.URL, "http://")
	if q.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if q.session != "" {
		r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: q.session})
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	w := untilStream{httptest.NewRecorder(), cancel}
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

var reference = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{8}`)

// AUD-06: a panic in whatever handler is one page with a reference number, in the browser's language, with every header; the log has the
// same number; the process lives.
func TestAPanicIsAPage(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	session, token := p.session(), p.token()
	handlers := map[string]http.Handler{
		"while a page is made": twin(c, func(s *web.Server) {
			s.Desk = func(time.Time) view.Desk { panic("canary-of-a-panic") }
		}),
		"in the flow": twin(c, func(s *web.Server) { s.Flow = &bridge.Flow{} }),
		"in the sessions": twin(c, func(s *web.Server) {
			s.Sessions = web.NewSessions(nil, nil, s.Now)
		}),
	}
	for where, h := range handlers {
		panics := 0
		for _, path := range append(paths(c, http.MethodGet), "/nothing-here") {
			q := get(path, session)
			q.header = map[string]string{"Accept-Language": "ja"}
			a := through(h, c, q)
			session = a.after(session)
			panics += checkCrash(t, c, where, path, a)
		}
		for _, path := range paths(c, http.MethodPost) {
			q := post(path, session, token, "do", "cancel", "name", "alice", "choice", "stop", "number", "123456")
			q.header = map[string]string{"Accept-Language": "ja"}
			panics += checkCrash(t, c, where, path, through(h, c, q))
		}
		if panics < 3 {
			t.Errorf("%s: only %d panics", where, panics)
		}
	}
	newPerson(t, c).signIn("alice") // the process lives
}

func checkCrash(t *testing.T, c *campus.Campus, where, path string, a answer) int {
	t.Helper()
	if a.status != http.StatusInternalServerError {
		return 0
	}
	for _, leak := range []string{"canary", "panic", "goroutine", ".go:", "runtime", "nil pointer", "alice", "otpbridge/"} {
		if strings.Contains(text(a.body), leak) {
			t.Errorf("%s %s: the page says %q", where, path, leak)
		}
	}
	number := reference.FindString(text(a.body))
	if !strings.Contains(a.body, `<html lang="ja">`) || number == "" || !strings.Contains(c.Log.String(), number) && !strings.Contains(c.Log.String(), `"panic"`) {
		t.Errorf("%s %s: %s", where, path, text(a.body))
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Strict-Transport-Security"} {
		if a.header.Get(name) == "" {
			t.Errorf("%s %s: no %s", where, path, name)
		}
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: may be stored", where, path)
	}
	return 1
}

// AUD-06: what the outside world says is for the log; pages have our words and a reference number only.
func TestNoPageRepeatsWhatTheOutsideSays(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	c.Break("mail", errors.New("canary smtp 550 5.7.1 mail.internal.example"))
	c.Break("audit", errors.New("canary disk /var/log/audit full"))
	c.Clock.Add(61 * time.Second)
	p.must(p.Post(t.Context(), c.URL+"/recovery", url.Values{"csrf": {p.token()}, "do": {"resend"}}))
	if p.Status < http.StatusInternalServerError || strings.Contains(p.Body, "canary") || !reference.MatchString(text(p.Body)) {
		t.Errorf("mail: %d %s", p.Status, text(p.Body))
	}
	c.KC.Down()
	for _, path := range []string{"/recovery", "/enrol", "/link", "/start"} {
		p.must(p.Get(t.Context(), c.URL+path))
		for _, leak := range []string{"canary", "dial tcp", "127.0.0.1:", "connection refused", "keycloak:", "admin/realms", "bridge."} {
			if strings.Contains(strings.ReplaceAll(text(p.Body), c.URL, ""), leak) {
				t.Errorf("%s says %q", path, leak)
			}
		}
	}
	if err := c.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/start", "/recovery", "/enrol", "/link", "/veto", "/done", "/nothing-here"} {
		a := get(path, p.session()).to(t, c)
		if a.status != http.StatusServiceUnavailable || !reference.MatchString(text(a.body)) || strings.Contains(a.body, "database") {
			t.Errorf("%s without a store: %d %s", path, a.status, text(a.body))
		}
	}
	if bridge.CodeOf(c.Store.Ping(t.Context())) != bridge.CodeStoreAway {
		t.Error("the store is not away")
	}
}
