package web_test

import (
	"net/http"
	"testing"

	"otpbridge/bridge/bridgetest/campus"
)

// ENR-02: for a realm whose OTP policy cannot be served no mail is sent: the page says so before.
func TestAnUnservablePolicyIsSaidBeforeAnyMail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.KC.SetRealm(map[string]any{"otpPolicyPeriod": 45})
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.want(http.StatusServiceUnavailable)
	p.says("Re-registration is not available now")
	if n := len(c.Mails("")); n != 0 {
		t.Errorf("%d mails", n)
	}
}
