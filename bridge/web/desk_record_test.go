package web_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// INV-6, HD-11: what cannot be put on record shows nobody, and decides nothing. With the trail mended the same press works.
func TestADeskWithoutARecordDecidesNothing(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	for _, name := range []string{"somebody", "another"} {
		member(c, name)
	}
	guessed(t, c, "another")
	p, carol, dave := caller(t, c, "somebody"), operator(t, c, "carol"), operator(t, c, "dave")
	full := func(press func(want int), ok int) {
		t.Helper()
		c.Break("audit", bridge.Fault(bridge.CodeAuditFull, "audit", nil))
		press(http.StatusServiceUnavailable)
		c.Break("audit", nil)
		press(ok)
	}
	pair := p.reads()
	full(func(want int) {
		carol.open("/desk", http.StatusOK)
		carol.send("/desk", want, "name", "somebody", "code", pair)
		if open := carol.caseID() != ""; open != (want == http.StatusOK) {
			t.Errorf("a case is open: %v", open)
		}
		if want != http.StatusOK {
			pair = p.reads()
		}
	}, http.StatusOK)
	full(func(want int) {
		carol.decides(want, "approve", "T-1", "video")
		if approved := recovery(t, c, "somebody").State == bridge.Proven; approved != (want == http.StatusOK) {
			t.Errorf("approved: %v", approved)
		}
	}, http.StatusOK)
	full(func(want int) {
		dave.looksForPermit("another", want)
		if shown := strings.Contains(dave.Body, "another Example"); shown != (want == http.StatusOK) {
			t.Errorf("another is shown: %v", shown)
		}
	}, http.StatusOK)
	full(func(want int) { dave.givesPermit("another", bridge.CheckInPerson, "T-1", want) }, http.StatusOK)
	carol.looksForPermit("another", http.StatusOK)
	full(func(want int) {
		carol.givesPermit("another", bridge.CheckInPerson, "T-2", want)
		if want != http.StatusOK {
			at(t, c, "another").signInDenied("another")
		}
	}, http.StatusOK)
	at(t, c, "another").signIn("another")
}
