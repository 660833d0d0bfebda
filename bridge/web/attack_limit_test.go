package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// OIDC-19: somebody who keeps pressing is stopped by address, long before the service is, and what was used up comes back at the limit's own
// rate instead of one use a minute.
func TestPressesOfOneAddressAreLimitedAndComeBack(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	press := func(want int) {
		t.Helper()
		if a := post("/start", p.session(), p.token(), "name", "nobody-of-that-name").to(t, c); a.status != want {
			t.Fatalf("%d, want %d\n%s", a.status, want, text(a.body))
		}
	}
	c.Clock.Stop()
	for range bridge.LimitAddress.Count - 1 { // rates are kept in whole nanoseconds: the last one may be missing
		press(http.StatusSeeOther)
	}
	post("/start", p.session(), p.token(), "name", "nobody-of-that-name").to(t, c)
	press(http.StatusTooManyRequests)
	if len(c.Events("limit.reached")) == 0 {
		t.Error("nothing is on record")
	}
	c.Clock.Add(30 * time.Second)
	for range bridge.LimitAddress.Count / 4 {
		press(http.StatusSeeOther)
	}
}

// OIDC-24: what people change within a full sign-in, with no gate of theirs open, is theirs to change.
func TestAChangeWithinAFullSignInIsNoAlarm(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	alice := newPerson(t, c)
	alice.open("/start", http.StatusOK)
	alice.send("/start", http.StatusOK, "name", "alice") // a gate is open: events are read
	dave, erin := c.KC.PersonID("dave"), c.KC.PersonID("erin")
	before := len(c.KC.Credentials(dave))
	change := func(person string) {
		c.KC.AddEvent(fakekc.Event{Type: "UPDATE_TOTP", ClientID: fakekc.ClientLogin, UserID: person, Time: c.Clock.Now().UnixMilli()})
	}
	change(dave)
	erins := newPerson(t, c)
	erins.open("/start", http.StatusOK)
	erins.send("/start", http.StatusOK, "name", "erin")
	change(erin) // this one never happens rightly, and shows that dave's was looked at
	c.Wait(t, "erin's alarm", func() bool { return len(c.Events("gate.alarm")) > 0 })
	for _, e := range c.Events("gate.alarm") {
		if e.Target == dave {
			t.Error("a full sign-in raised the alarm")
		}
	}
	if len(c.KC.Credentials(dave)) != before {
		t.Error("a rightful authenticator was removed")
	}
}
