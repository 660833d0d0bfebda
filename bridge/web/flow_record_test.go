package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// AUD-01: a key that five wrong codes discarded, and a sign-in that was not accepted, are on record.
func TestWhatIsRefusedIsOnRecord(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	alice := newPerson(t, c)
	alice.ask("alice")
	alice.redeem("alice")
	for _, want := range []int{422, 422, 422, 422, 200} { // the fifth leads to the page of a stopped key
		alice.send("/enrol", want, "do", "confirm", "code", "000000")
		c.Clock.Add(time.Minute)
	}
	if n := len(c.Events("key.stopped")); n != 1 {
		t.Errorf("%d events key.stopped", n)
	}
	erin := newPerson(t, c)
	erin.open("/start", http.StatusOK)
	erin.send("/start", http.StatusOK, "name", "erin")
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodPost, Path: "/realms/*/protocol/openid-connect/token", Status: http.StatusBadRequest})
	defer mend()
	erin.must(erin.Password(t.Context(), "erin", "erin-password"))
	erin.want(http.StatusBadRequest)
	refused := c.Events("signin.refused")
	if len(refused) != 1 || refused[0].Target != c.KC.PersonID("erin") || refused[0].Detail["why"] == "" {
		t.Errorf("%+v", refused)
	}
}
