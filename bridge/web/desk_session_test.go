package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
)

// HD-04: a console does not outlive the password that opened it, even when no back-channel logout comes.
func TestAnOperatorsConsoleEndsWithThePassword(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	o := operator(t, c, "carol")
	o.open("/desk", http.StatusOK)
	c.Clock.Add(2 * time.Second)
	c.KC.SetPassword(c.KC.PersonID("carol"), "another-password", c.Clock.Now())
	c.Clock.Add(time.Minute)
	o.open("/desk", http.StatusForbidden)
}
