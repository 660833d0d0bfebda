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

// INV-4: a look at /signin, which anybody can make a browser do, leaves the gate as it is; the answer of the full sign-in gives the lease back.
func TestALookAtTheFullSignInLeavesTheGate(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	if a := get("/signin?to=desk", p.session()).to(t, c); a.status != http.StatusSeeOther || len(gate(c)) != 1 {
		t.Fatalf("%d, gate %v", a.status, gate(c))
	}
	p.wasDesk("carol")
	if len(gate(c)) != 0 {
		t.Errorf("gate %v after another sign-in came back", gate(c))
	}
}
