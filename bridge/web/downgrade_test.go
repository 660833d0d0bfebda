package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// asksFor begins a recovery by mail, for a reason, a minute later than whatever was before.
func (p *person) asksFor(name, reason string) {
	p.t.Helper()
	p.c.Clock.Add(61 * time.Second)
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", reason, "way", "mail")
}

// WB-13: whoever has the password cannot talk a report of a theft down: the newest mail is for the theft all the same.
func TestAThiefCannotTalkATheftDown(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "talked")
	owner, thief := newPerson(t, c), newPerson(t, c)
	owner.reports(name)
	thief.asksFor(name, "lost")
	owner.comesBack(name, lastLink(t, c).Link.Reveal())
	owner.says("Stolen, or someone else may be using it")
	owner.says("A theft was reported")
	owner.send("/link", http.StatusOK, "do", "redeem")
	owner.at("/enrol")
	lockedUp(t, c, name)
}

// WB-13: a theft that somebody else reported is on the page before it has any effect, and its person gets out of it.
func TestAThiefCannotTalkATheftUp(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "upwards")
	before := factorsOf(c, name)
	owner, thief := newPerson(t, c), newPerson(t, c)
	thief.reports(name)
	owner.asksFor(name, "lost")
	owner.comesBack(name, lastLink(t, c).Link.Reveal())
	owner.says("A theft was reported")
	owner.says("stop the request with the other link in the mail")
	owner.send("/link", http.StatusOK, "do", "notme")
	owner.asksFor(name, "lost")
	owner.comesBack(name, lastLink(t, c).Link.Reveal())
	owner.says("Reason given Lost")
	if strings.Contains(text(owner.Body), "theft") {
		t.Error("a theft after all")
	}
	owner.send("/link", http.StatusOK, "do", "redeem")
	owner.at("/enrol")
	if got := factorsOf(c, name); !slices.Equal(got, before) {
		t.Errorf("second factors %v", got)
	}
}

// WB-13: by phone the caller's page says for which reason the case stands, and so does the operator's.
func TestTheCallersPageSaysTheReason(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := robbed(c, "caller")
	owner, thief := at(t, c, name), at(t, c, name)
	owner.signIn(name)
	owner.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "desk")
	owner.says("Reason given: Lost")
	thief.signIn(name)
	thief.send("/recovery", http.StatusOK, "do", "start", "reason", "stolen", "way", "desk")
	owner.signIn(name)
	owner.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "desk")
	owner.says("Stolen, or someone else may be using it")
	owner.says("stop working")
	carol := operator(t, c, "carol")
	carol.looksUp(name, owner.reads())
	carol.says("Stolen, or someone else may be using it")
}

// A theft whose lock Keycloak refused: the swap removes what the lock would have, also what the thief adds in its midst, and then ends sessions again.
func TestTheSwapRemovesWhatARefusedLockLeft(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "unlocked")
	id := c.KC.PersonID(name)
	mend := c.KC.Inject(fakekc.Fault{
		Method: http.MethodPut, Path: adminUser, Status: http.StatusBadRequest, Body: `{"field":"department"}`,
	})
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	givenUpLock(t, c, name)
	p.open("/enrol", http.StatusOK)
	p.says("They stop working when you finish the registration")
	mend()
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	late := &lateTarget{SwapTarget: c.Flow.Target, late: func() {
		for _, kind := range []string{bridge.TypeOTP, "webauthn"} {
			c.KC.AddCredential(id, fakekc.Credential{Type: kind, Label: "late " + kind, Created: c.Clock.Now().Add(time.Hour), Data: "{}", SecretData: "{}"})
		}
	}}
	f := *c.Flow
	f.Target = late
	if next, err := f.RunSwap(t.Context(), id); err != nil || !next.IsZero() || late.ends != 2 {
		t.Fatalf("%v, %v, sessions ended %d times", next, err, late.ends)
	}
	if got := factorsOf(c, name); !slices.Equal(got, []string{bridge.TypeOTP}) || len(c.KC.Credentials(id)) != 2 {
		t.Errorf("second factors %v", got)
	}
	newOnly(t, c, name, key)
}
