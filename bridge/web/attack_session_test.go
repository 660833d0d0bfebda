package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// fromAddress is a request that a trusted proxy hands on for a client.
func fromAddress(q byHand, address string) byHand {
	if q.header == nil {
		q.header = map[string]string{}
	}
	q.header["X-Forwarded-For"] = address
	return q
}

// Whoever opens links and pages without keeping a cookie fills the store up to a bound, and is then told when to come back. A browser that
// has a session, and every other address, goes on.
func TestAnonymousSessionsOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	const flooder = "198.51.100.7"
	paths := []string{"/link/x", "/veto/x", "/", "/start", "/veto", "/link/y"}
	c.Clock.Stop()
	stored, refused := 0, answer{}
	for i := range bridge.LimitSession.Count + len(paths) {
		a := fromAddress(byHand{path: paths[i%len(paths)]}, flooder).to(t, c)
		switch {
		case a.status == http.StatusTooManyRequests:
			refused = a
		case len(a.header.Values("Set-Cookie")) > 0:
			stored++
		default:
			t.Fatalf("%s: %d without a session", paths[i%len(paths)], a.status)
		}
	}
	if stored > bridge.LimitSession.Count || stored < bridge.LimitSession.Count-1 { // rates are kept in whole nanoseconds
		t.Errorf("%d sessions were stored, %d may be", stored, bridge.LimitSession.Count)
	}
	seconds, err := strconv.Atoi(refused.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 2 || !strings.Contains(refused.body, "Too many attempts") || len(refused.header.Values("Set-Cookie")) > 0 {
		t.Errorf("the answer is %d, Retry-After %q\n%s", refused.status, refused.header.Get("Retry-After"), text(refused.body))
	}
	if a := fromAddress(get("/start", p.session()), flooder).to(t, c); a.status != http.StatusOK {
		t.Errorf("a browser with a session: %d", a.status)
	}
	if a := fromAddress(byHand{path: "/link/x"}, "198.51.100.8").to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("another address: %d", a.status)
	}
	c.Clock.Add(2 * time.Second)
	if a := fromAddress(byHand{path: "/start"}, flooder).to(t, c); a.status != http.StatusOK {
		t.Errorf("after the wait: %d", a.status)
	}
}

// RL-06: five hundred people behind one IPv4 all open a link and the page to sign in within five minutes.
func TestACampusBehindOneAddressIsServed(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for i := range rounds(500) {
		for _, path := range []string{"/link/x", "/start"} {
			if a := fromAddress(byHand{path: path}, "203.0.113.9").to(t, c); a.status >= http.StatusBadRequest {
				t.Fatal(fmt.Sprint("person ", i, ": ", path, " ", a.status))
			}
		}
		c.Clock.Add(5 * time.Minute / 500)
	}
}
