package web_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// TOK-10: another host's name is refused before any route sees it.
func TestAForeignHostIsMisdirected(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	own := strings.TrimPrefix(c.URL, "http://")
	for _, host := range []string{
		"evil.example", "localhost", own + ".evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", own + "0", "x" + own, "[::1]:80", "user@" + own,
	} {
		for _, path := range []string{"/", "/start", "/link/AAAA", "/static/x.css", "/nothing", "/oidc/callback"} {
			a := byHand{path: path, header: map[string]string{"Host": host}}.to(t, c)
			if a.status != http.StatusMisdirectedRequest && a.status != http.StatusBadRequest {
				t.Errorf("Host %s, %s: %d", host, path, a.status)
			}
			if strings.Contains(a.body, "evil") || len(a.header.Values("Set-Cookie")) > 0 {
				t.Errorf("Host %s, %s: shown, or a cookie set", host, path)
			}
		}
		a := byHand{method: http.MethodPost, path: "/start", header: map[string]string{"Host": host}, form: url.Values{"name": {"alice"}}}.to(t, c)
		if a.status != http.StatusMisdirectedRequest && a.status != http.StatusBadRequest {
			t.Errorf("POST with Host %s: %d", host, a.status)
		}
	}
	if n := len(c.KC.Members("otp-recovery-open")); n != 0 {
		t.Error("a gate was opened")
	}
}

// rawStatus sends a request as it is and returns the status of the answer.
func rawStatus(t *testing.T, c *campus.Campus, request string) int {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the answer is read
	if _, err := fmt.Fprint(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// The Host check cannot be talked past by other forms of a request line.
func TestTheHostCheckSeesEveryFormOfARequest(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	own := strings.TrimPrefix(c.URL, "http://")
	for request, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: " + own + "\r\nConnection: close\r\n\r\n":                    http.StatusOK,
		"GET http://evil.example/ HTTP/1.1\r\nHost: " + own + "\r\nConnection: close\r\n\r\n": http.StatusMisdirectedRequest,
		"GET / HTTP/1.0\r\n\r\n":                      http.StatusMisdirectedRequest,
		"GET / HTTP/1.1\r\nConnection: close\r\n\r\n": http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: " + own + "\r\nHost: evil.example\r\nConnection: close\r\n\r\n":                  http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: " + own + ", evil.example\r\nConnection: close\r\n\r\n":                          http.StatusMisdirectedRequest,
		"GET / HTTP/1.1\r\nHost: " + own + "/evil\r\nConnection: close\r\n\r\n":                                   http.StatusMisdirectedRequest,
		"GET / HTTP/1.1\r\nHost: " + own + "\r\n X-Folded: evil.example\r\nConnection: close\r\n\r\n":             http.StatusBadRequest,
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nConnection: close\r\n\r\n":                http.StatusMisdirectedRequest,
		"GET / HTTP/1.1\r\nHost: " + own + "\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n": http.StatusOK,
	} {
		got := rawStatus(t, c, request)
		refused := want != http.StatusOK && (got == http.StatusBadRequest || got == http.StatusMisdirectedRequest)
		if got != want && !refused {
			t.Errorf("%q answered %d, want %d", request, got, want)
		}
	}
}

var addresses = regexp.MustCompile(`https?://[^\s"'<>]+`)

// TOK-10: what a request says about hosts never reaches a mail, a redirect or a page.
func TestLinksComeFromTheConfigurationAlone(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for i, header := range []map[string]string{
		{"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "https"}, {"Forwarded": "host=evil.example;proto=https"},
		{"X-Host": "evil.example"}, {"X-Original-Host": "evil.example"}, {"X-Forwarded-Server": "evil.example"},
		{"X-Original-URL": "/evil"}, {"X-Rewrite-URL": "https://evil.example/"}, {"X-HTTP-Host-Override": "evil.example"},
		{"X-Forwarded-Prefix": "//evil.example"}, {"Referer": "https://evil.example/"}, {"X-Forwarded-For": "evil.example"},
	} {
		p := newPerson(t, c)
		p.signIn(enrolled(c, fmt.Sprint("student", i)))
		q := post("/recovery", p.session(), p.token(), "do", "start", "reason", "lost", "way", "mail")
		q.header = header
		a := q.to(t, c)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != "/recovery" {
			t.Errorf("%v: %d %s", header, a.status, a.header.Get("Location"))
		}
		mail := lastLink(t, c)
		message, err := c.Web.View.Notice(mail)
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range addresses.FindAllString(fmt.Sprint(message), -1) {
			if !strings.HasPrefix(address+"/", campus.Address+"/") && !strings.HasPrefix(address, "https://www.example.ac.jp/") {
				t.Errorf("%v: the mail holds %s", header, address)
			}
		}
		if mail.Kind != bridge.NoticeLink || strings.Contains(fmt.Sprint(message), "evil") {
			t.Errorf("%v: the mail is %v", header, message)
		}
		page := get("/recovery", p.session())
		page.header = header
		if strings.Contains(page.to(t, c).body, "evil") {
			t.Errorf("%v: shown on the page", header)
		}
	}
}
