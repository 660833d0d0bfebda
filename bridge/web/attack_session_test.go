package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// fromAddress is a request that a trusted proxy hands on for a client.
func fromAddress(q byHand, address string) byHand {
	if q.header == nil {
		q.header = map[string]string{}
	}
	q.header["X-Forwarded-For"] = address
	return q
}

// RL-06: a hundred people behind one address of the campus sign in, a finished sign-in makes room for another; abandoned ones are bounded by 30
// names an hour, and by 300 in the networks of the campus, by IPv4 and by IPv6.
func TestACampusBehindOneAddressIsServed(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Web.Campus = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	begin := func(address, name string) answer {
		guest := get("/start", "").to(t, c)
		token := csrfField.FindStringSubmatch(guest.body)[1]
		return fromAddress(post("/start", guest.session(t), token, "name", name), address).to(t, c)
	}
	for i := range rounds(100) {
		name := member(c, nameOf(i))
		a := begin("203.0.113.9", name)
		if a.status != http.StatusSeeOther {
			t.Fatalf("person %d: %d %s", i, a.status, text(a.body))
		}
		p := newPerson(t, c)
		p.Plant(c.URL, web.SessionCookie, a.session(t))
		p.Stop = []string{c.URL + "/oidc/callback"}
		p.must(p.Get(t.Context(), a.header.Get("Location")))
		p.must(p.Password(t.Context(), name, name+"-password"))
		back := strings.TrimPrefix(p.Left, c.URL)
		if a := fromAddress(get(back, a.session(t)), "203.0.113.9").to(t, c); a.header.Get("Location") != "/recovery" {
			t.Fatalf("person %d: %d %s", i, a.status, text(a.body))
		}
		c.Clock.Add(time.Second)
	}
	for address, most := range map[string]int{"203.0.113.9": 30, "198.51.100.9": 31, "2001:db8::9": 31} {
		for i := range most {
			if a := begin(address, fmt.Sprint("nobody-", i)); a.status != http.StatusSeeOther {
				t.Fatalf("%s, name %d: %d", address, i, a.status)
			}
		}
		if a := begin(address, "one more"); (a.status == http.StatusTooManyRequests) != (most == 30) {
			t.Errorf("%s: %d", address, a.status)
		}
		c.Clock.Add(time.Second)
	}
}
