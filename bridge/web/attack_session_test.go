package web_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

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
