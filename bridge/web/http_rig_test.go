package web_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/phone"
	"otpbridge/bridge/web"
)

// byHand is one request made without a browser's manners; nothing is followed.
type byHand struct {
	method, path string
	session      string            // value of the session cookie, "" = none
	form         url.Values        // body of a POST
	header       map[string]string // "Host" and "Cookie" too
	body         io.Reader         // instead of form
}

type answer struct {
	status int
	header http.Header
	body   string
}

// session is the session cookie that the answer sets.
func (a answer) session(t *testing.T) string {
	t.Helper()
	session := a.after("")
	if session == "" {
		t.Fatalf("%d sets no session", a.status)
	}
	return session
}

// after is the session that a browser with this one has after the answer: a link takes another id.
func (a answer) after(session string) string {
	for _, line := range a.header.Values("Set-Cookie") {
		if k, err := http.ParseSetCookie(line); err == nil && k.Name == web.SessionCookie && k.Value != "" {
			return k.Value
		}
	}
	return session
}

// to sends the request.
func (q byHand) to(t *testing.T, c *campus.Campus) answer {
	t.Helper()
	a, err := q.try(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (q byHand) try(ctx context.Context, c *campus.Campus) (answer, error) {
	if q.method == "" {
		q.method = http.MethodGet
	}
	body := q.body
	if body == nil {
		body = strings.NewReader(q.form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, q.method, c.URL+q.path, body)
	if err != nil {
		return answer{}, err
	}
	if q.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if q.session != "" {
		r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: q.session})
	}
	for name, value := range q.header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	// A refusal that comes before the whole body was sent can be lost with the connection (RFC 9112, 9.6).
	for try := 0; try < 5 && r.GetBody != nil && r.ContentLength < 1<<20 && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)); try++ {
		if r.Body, err = r.GetBody(); err == nil {
			resp, err = client.Do(r)
		}
	}
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return answer{status: resp.StatusCode, header: resp.Header}, nil // has no end
	}
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// session is the browser's session cookie.
func (p *person) session() string { return p.Cookie(web.SessionCookie) }

// token is the form token of the page at hand.
func (p *person) token() string {
	p.t.Helper()
	m := csrfField.FindStringSubmatch(p.Body)
	if m == nil {
		p.t.Fatalf("no form on %s\n%s", p.URL, text(p.Body))
	}
	return m[1]
}

// formToken fetches a page of the session to have its token.
func formToken(t *testing.T, c *campus.Campus, session string) string {
	t.Helper()
	m := csrfField.FindStringSubmatch(byHand{path: "/", session: session}.to(t, c).body)
	if m == nil {
		t.Fatal("the session has no form token")
	}
	return m[1]
}

// post is a POST with a session and its form token.
func post(path, session, token string, fields ...string) byHand {
	form := url.Values{"csrf": {token}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return byHand{method: http.MethodPost, path: path, session: session, form: form}
}

// get is a GET with a session.
func get(path, session string) byHand { return byHand{path: path, session: session} }

// facts is everything that a request which changes nothing leaves alone: recovery, wrong codes, credentials, sign-ins, gate, mails.
func facts(t *testing.T, c *campus.Campus, name string) string {
	t.Helper()
	id := c.KC.PersonID(name)
	all := map[string]any{
		"credentials": c.KC.Credentials(id), "gate": c.KC.Members("otp-recovery-open"), "mails": len(c.Mails("")),
		"sessions": c.KC.Sessions(id),
	}
	rec, err := c.Flow.Recoveries.Get(t.Context(), id)
	if err != nil && !errors.Is(err, bridge.ErrAbsent) {
		t.Fatal(err)
	}
	all["recovery"] = rec
	bad, err := c.Flow.Failures.Get(t.Context(), id)
	if err != nil && !errors.Is(err, bridge.ErrAbsent) {
		t.Fatal(err)
	}
	all["wrong codes"] = bad
	out, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// recovery is the person's recovery as it is stored.
func recovery(t *testing.T, c *campus.Campus, name string) bridge.Recovery {
	t.Helper()
	r, err := c.Flow.Recoveries.Get(t.Context(), c.KC.PersonID(name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// paths is every route that takes the method, with something in place of its variables.
func paths(c *campus.Campus, method string) []string {
	var out []string
	for _, r := range web.Routes(c.Web) {
		if slices.Contains(r.Methods, method) {
			out = append(out, strings.NewReplacer("{token}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
				"{name}", strings.TrimPrefix(c.Web.View.Static("style.css"), "/static/")).Replace(r.Path))
		}
	}
	return out
}

// finish types the right code of the key on the page and arrives.
func (p *person) finish() {
	p.t.Helper()
	if !otpauth.MatchString(p.Body) {
		p.open("/enrol", http.StatusOK)
	}
	p.send("/enrol", http.StatusOK, "do", "confirm", "code", p.code(p.scan()))
	p.at("/done")
}

// enrolled adds somebody like alice to the campus.
func enrolled(c *campus.Campus, name string) string {
	c.KC.AddPerson(fakekc.Person{
		Username: name, First: name, Last: "Example", Email: name + "@example.net", Password: name + "-password",
		OTP: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Groups: []string{"otp-recoverable"}, Roles: []string{"default-roles-campus"},
		Attributes: map[string][]string{"notificationEmail": {name + "@example.net"}},
	})
	return name
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// spellings are the forms in which a secret could leak.
func spellings(secret string) map[string][]byte {
	raw := []byte(secret)
	out := map[string][]byte{
		"clear": raw, "hex": []byte(hex.EncodeToString(raw)), "HEX": []byte(strings.ToUpper(hex.EncodeToString(raw))),
		"base64": []byte(strings.TrimRight(base64.StdEncoding.EncodeToString(raw), "=")), "base64url": []byte(base64.RawURLEncoding.EncodeToString(raw)),
		"in a URL": []byte(url.QueryEscape(secret)), "in a path": []byte(url.PathEscape(secret)),
	}
	if decoded, err := base64.RawURLEncoding.DecodeString(secret); err == nil && len(decoded) >= 16 {
		out["its bytes"], out["its bytes in hex"] = decoded, []byte(hex.EncodeToString(decoded))
		out["its bytes in base64"] = []byte(base64.StdEncoding.EncodeToString(decoded))
	}
	return out
}

// codeOf is the code that an old authenticator shows.
func codeOf(t *testing.T, secret string, now time.Time) string {
	t.Helper()
	k, err := phone.FromBase32(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k.Code(now)
}

// brokenTimes is a record kind of a store that takes no more writes.
type brokenTimes struct{ bridge.Records[time.Time] }

func (brokenTimes) Update(context.Context, string, time.Duration, func(time.Time, bool) (time.Time, error)) (time.Time, error) {
	return time.Time{}, bridge.ErrStoreAway
}
