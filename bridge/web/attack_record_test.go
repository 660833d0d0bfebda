package web_test

import (
	"net/url"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// POL-06: a swap under way keeps its record without an end, also when somebody looks it up meanwhile.
func TestALookUpGivesASwapNoEnd(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "mia")
	p := proven(t, c, "mia")
	c.StopWork()
	key := p.scan()
	p.must(p.Post(t.Context(), c.URL+"/enrol", url.Values{"csrf": {p.token()}, "do": {"confirm"}, "code": {p.code(key)}}))
	if r := recovery(t, c, "mia"); r.State != bridge.Writing {
		t.Fatal(r.State)
	}
	if _, err := c.Flow.LookUp(t.Context(), bridge.Operator{Person: c.KC.PersonID("carol")}, "mia", "00000000"); err == nil {
		t.Error("a wrong code was taken")
	}
	c.Clock.Add(26 * time.Hour)
	if _, err := c.Flow.Recoveries.Get(t.Context(), c.KC.PersonID("mia")); err != nil {
		t.Errorf("the record is gone: %v", err)
	}
}
