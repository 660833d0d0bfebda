package web_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// WB-08, OIDC-19: whoever spent the last recovery code has an action pending that the password alone could answer. No permit helps: the operator reads so before
// checking anybody, and what does help. When the action is off the account the person recovers in the usual way.
func TestThePermitPageSaysWhoCannotBeLetIn(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	member(c, "spent", func(p *fakekc.Person) { p.OTP, p.RequiredActions = "", []string{"CONFIGURE_RECOVERY_AUTHN_CODES"} })
	member(c, "off", func(p *fakekc.Person) { p.Disabled = true })
	member(c, "somebody")
	lock(c, "")
	carol := operator(t, c, "carol")
	for name, want := range map[string]string{
		"spent": "new recovery codes after the last one was used", "somebody": "so it is locked for a while", "off": "This account cannot be re-registered here",
	} {
		carol.looksForPermit(name, http.StatusOK)
		carol.says("No one can let this person sign in now")
		carol.says(want)
		if strings.Contains(carol.Body, `name="check"`) {
			t.Errorf("%s: the page asks for a check of somebody who cannot be let in", name)
		}
		carol.givesPermit(name, bridge.CheckInPerson, "T-1", http.StatusForbidden)
	}
	if n := countEvents(c, "permit.asked"); n > 0 {
		t.Errorf("%d permits", n)
	}
	at(t, c, "spent").signInDenied("spent")
	c.KC.Change(c.KC.PersonID("spent"), func(a *fakekc.Account) { a.RequiredActions = nil })
	carol.looksForPermit("spent", http.StatusOK)
	if !strings.Contains(carol.Body, `name="check"`) {
		t.Error("the page still refuses")
	}
	at(t, c, "spent").signIn("spent")
}
