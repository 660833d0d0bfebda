package web_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// RL-07: a body over 64 KiB is refused, announced or not, on every route that reads one; the process reads no more of it.
func TestALargeBodyIsRefused(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	before := facts(t, c, "alice")
	for _, path := range append(paths(c, http.MethodPost), "/nothing-here", "/done") {
		for _, announced := range []bool{true, false} {
			var body io.Reader = strings.NewReader("csrf=" + p.token() + "&do=cancel&x=" + strings.Repeat("a", 10<<20))
			if !announced {
				body = struct{ io.Reader }{body} // sent in chunks
			}
			a, err := byHand{
				method: http.MethodPost, path: path, session: p.session(), body: body,
				header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			}.try(t.Context(), c)
			if err != nil {
				continue // the connection was cut while we still sent
			}
			unread := !announced && (path == "/nothing-here" || path == "/done" || path == "/oidc/backchannel-logout")
			if a.status != http.StatusRequestEntityTooLarge && !unread {
				t.Errorf("%s, announced %t: %d", path, announced, a.status)
			}
		}
	}
	if facts(t, c, "alice") != before {
		t.Error("something changed")
	}
	q := post("/recovery", p.session(), p.token(), "do", "check", "x", strings.Repeat("a", 63<<10))
	if a := q.to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("63 KiB: %d", a.status)
	}
}

// Malformed bodies and addresses are refused in words, never with a fault of ours.
func TestMalformedInputIsRefusedInWords(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	before := facts(t, c, "alice")
	for _, path := range paths(c, http.MethodPost) {
		if path == "/signout" {
			continue // takes no field but the token
		}
		for _, body := range []string{"%zz", "csrf=%", "a;b", "&&&&", "=", "\x00\xff", strings.Repeat("a=b&", 5000), "csrf=" + p.token() + "&do=%ff%fe"} {
			for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "", "%%%"} {
				a := byHand{method: http.MethodPost, path: path, session: p.session(), body: strings.NewReader(body), header: map[string]string{"Content-Type": kind}}.to(t, c)
				if a.status >= http.StatusInternalServerError || a.status < 400 && path != "/language" {
					t.Errorf("POST %s %.20q as %q: %d", path, body, kind, a.status)
				}
			}
		}
	}
	for _, path := range []string{
		"/link/%00", "/link/%ff", "/link/..", "/link/" + strings.Repeat("a", 4000), "/veto/%0d%0aX:y", "/link/<script>", "/static/..%2f..%2fgo.mod",
		"/static/%2e%2e%2fgo.mod", "/oidc/callback?%zz", "/oidc/callback?state=%00&code=%ff", "/?a;b", "/recovery?sent=%00", "/start?%",
	} {
		if a := get(path, p.session()).to(t, c); a.status >= http.StatusInternalServerError || strings.Contains(a.body, "<script>") || strings.Contains(a.body, "module otpbridge") {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
	if facts(t, c, "alice") != before {
		t.Error("something changed")
	}
}

// RL-07: whoever sends headers or a body drop by drop is cut off, and keeps nobody else waiting.
func TestASlowSenderIsCutOff(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	var d net.Dialer
	for range 50 {
		conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(c.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := fmt.Fprintf(conn, "POST /start HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ncsrf=",
			strings.TrimPrefix(c.URL, "http://")); err != nil {
			t.Fatal(err)
		}
	}
	if a := get("/start", "").to(t, c); a.status != http.StatusOK {
		t.Errorf("somebody else: %d", a.status)
	}
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // cut by the other side
	if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = bufio.NewReader(conn).ReadString('\n')
	if took := time.Since(began); took > 45*time.Second { // five on a quiet machine
		t.Errorf("headers were waited for %v (%v)", took, err)
	}
}

// RL-05: X-Forwarded-For is believed from the right, and only as far as our own proxies wrote it.
func TestTheClientAddressComesFromOurProxiesOnly(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		peer, header, want string
		trusted            []netip.Prefix
	}{
		{"203.0.113.9:1", "", "203.0.113.9", trusted},
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9", trusted}, // not a proxy of ours: forged
		{"203.0.113.9:1", "10.0.0.1, 10.0.0.2", "203.0.113.9", trusted},
		{"10.0.0.1:1", "", "10.0.0.1", trusted},
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1", trusted},
		{"10.0.0.1:1", "192.0.2.66, 198.51.100.1", "198.51.100.1", trusted}, // the left one is the client's word
		{"10.0.0.1:1", "198.51.100.1, 10.0.0.2", "198.51.100.1", trusted},
		{"10.0.0.1:1", "192.0.2.66, 198.51.100.1, 10.0.0.3, 10.0.0.2", "198.51.100.1", trusted},
		{"10.0.0.1:1", "10.9.9.9, 198.51.100.1, 10.0.0.4, 10.0.0.3, 10.0.0.2", "198.51.100.1", trusted},
		{"10.0.0.1:1", "10.0.0.5, 10.0.0.4", "10.0.0.5", trusted}, // proxies only: the farthest
		{"10.0.0.1:1", "evil", "10.0.0.1", trusted},
		{"10.0.0.1:1", "198.51.100.1, evil", "10.0.0.1", trusted},
		{"10.0.0.1:1", "198.51.100.1:4711", "198.51.100.1", trusted}, // some proxies add the port
		{"10.0.0.1:1", "[2001:db8::1]:4711", "2001:db8::1", trusted},
		{"[fd00::1]:1", "2001:db8::1", "2001:db8::1", trusted},
		{"[::ffff:10.0.0.1]:1", "198.51.100.1", "198.51.100.1", trusted},
		{"10.0.0.1:1", "::ffff:198.51.100.1", "198.51.100.1", trusted},
		{"10.0.0.1:1", "fe80::1%eth0", "fe80::1", trusted},
		{"10.0.0.1:1", "198.51.100.1", "10.0.0.1", nil}, // no proxies configured
		{"@", "198.51.100.1", "invalid IP", trusted},    // a Unix socket
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{}}
		if test.header != "" {
			for _, line := range strings.SplitAfterN(test.header, ", ", 2) { // in one or in two lines
				r.Header.Add("X-Forwarded-For", strings.TrimSuffix(line, ", "))
			}
		}
		if got := web.ClientAddress(r, test.trusted).String(); got != test.want {
			t.Errorf("%s with %q: %s, want %s", test.peer, test.header, got, test.want)
		}
	}
	for one, other := range map[string]string{"2001:db8:1:2::1": "2001:db8:1:2:ffff::9", "192.0.2.1": "192.0.2.1"} {
		if web.Bucket(netip.MustParseAddr(one)) != web.Bucket(netip.MustParseAddr(other)) {
			t.Errorf("%s and %s count apart", one, other)
		}
	}
	if web.Bucket(netip.MustParseAddr("2001:db8:1:2::1")) == web.Bucket(netip.MustParseAddr("2001:db8:1:3::1")) {
		t.Error("two households count as one")
	}
}

// RL-05, RL-07, OIDC-19: thirty new names an hour from one address; then 429 with whole seconds. A forged header changes nothing, another
// address is not concerned, a known name and a finished sign-in cost nothing.
func TestNewNamesAreCountedByAddress(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.signIn("alice") // taken off again
	p.send("/signout", http.StatusOK)
	p.open("/start", http.StatusOK)
	session, token := p.session(), p.token()
	try := func(name, forwarded string) answer {
		q := post("/start", session, token, "name", name)
		q.header = map[string]string{"X-Forwarded-For": forwarded}
		return q.to(t, c)
	}
	for i := range 30 {
		if a := try(fmt.Sprint("nobody", i), fmt.Sprintf("192.0.2.%d", i)); a.status != http.StatusSeeOther {
			t.Fatalf("name %d: %d", i, a.status)
		}
	}
	a := try("one-too-many", "198.51.100.1")
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusTooManyRequests || err != nil || seconds < 3300 || seconds > 3600 || !strings.Contains(a.body, "Too many attempts") {
		t.Fatalf("the 31st: %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	if all := c.Events("limit.reached"); len(all) != 1 || all[0].Target != "" || !maps.Equal(all[0].Detail, map[string]string{"limit": "new-names"}) {
		t.Errorf("on record: %+v, want the limit without a name", all)
	}
	if a := try("NOBODY3", ""); a.status != http.StatusSeeOther {
		t.Errorf("a known name: %d", a.status)
	}
	c.Clock.Add(time.Duration(seconds) * time.Second)
	p.open("/start", http.StatusOK)
	session, token = p.session(), p.token()
	if a := try("one-too-many", ""); a.status != http.StatusSeeOther {
		t.Errorf("after the wait that was said: %d %s", a.status, a.header.Get("Retry-After"))
	}
}
