package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// names finishes with a label.
func (p *person) names(code, label string) {
	p.t.Helper()
	p.send("/enrol", http.StatusOK, "do", "confirm", "code", code, "label", label)
	p.at("/done")
}

// INV-1: whoever has the password learns nothing of a recovery that is over: not even that it was, unless they took part while it was open.
func TestNobodyJoinsWhatIsOver(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "over")
	p := newPerson(t, c)
	p.ask(name)
	p.redeem(name)
	key := p.scan()
	c.Clock.Add(time.Minute)
	p.names(p.code(key), "my secret phone")
	p.at("/done")
	p.says("my secret phone")
	late := newPerson(t, c)
	late.signIn(name)
	late.send("/recovery", http.StatusOK, "do", "check")
	late.at("/recovery")
	late.says("Why does it no longer work?")
}

// INV-1: who took part without enrolling reads that it is done, and not what the new device is called.
func TestOnlyTheHolderReadsTheLabel(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "labels")
	p, other := newPerson(t, c), newPerson(t, c)
	p.ask(name)
	other.signIn(name)
	other.send("/recovery", http.StatusOK, "do", "check")
	p.redeem(name)
	p.names(p.code(p.scan()), "my secret phone")
	p.says("my secret phone")
	other.open("/recovery", http.StatusOK)
	other.at("/done")
	if strings.Contains(text(other.Body), "my secret phone") {
		t.Error("the password alone shows the label")
	}
}

// INV-1: which second factor could not be removed is for the holder alone.
func TestOnlyTheHolderReadsWhatIsLeft(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "left")
	for _, k := range c.KC.Credentials(c.KC.PersonID(name)) {
		if k.Type == "webauthn" {
			c.KC.Inject(fakekc.Fault{
				Method: http.MethodDelete, Path: adminUser + "/credentials/" + k.ID, Status: http.StatusForbidden,
			})
		}
	}
	p, other := newPerson(t, c), newPerson(t, c)
	p.reports(name)
	other.signIn(name)
	other.send("/recovery", http.StatusOK, "do", "check")
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	for range 2 {
		stuckLock(t, c, name, bridge.CodeRefusedByAccount)
		c.Clock.Add(time.Minute)
	}
	calmLocked(t, c, name)
	p.open("/enrol", http.StatusOK)
	p.says("my webauthn")
	p.send("/enrol", http.StatusOK, "do", "cancel")
	p.at("/recovery")
	p.says("my webauthn")
	other.open("/recovery", http.StatusOK)
	other.says("Your authenticator app is locked")
	if strings.Contains(text(other.Body), "my webauthn") {
		t.Error("the password alone shows what is left")
	}
}
