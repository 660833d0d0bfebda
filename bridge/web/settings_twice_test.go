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

// TOK-12: an address that is also the account's own e-mail, which nobody verified, gets links like any other once it was confirmed here; where the e-mail
// is verified there is nothing to set, and the mail way stays open.
func TestAnAddressThatIsTheAccountsOwn(t *testing.T) {
	t.Parallel()
	for name, verified := range map[string]bool{"unverified": false, "verified": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.Rules(func(r *bridge.Rules) {
				r.Sources = []bridge.AddressSource{{VerifiedEmail: true}, {Attribute: campus.AddressAttribute}}
			})
			member(c, name, unaddressed)
			address := name + "@example.net"
			c.KC.Change(c.KC.PersonID(name), func(a *fakekc.Account) { a.Email, a.EmailVerified = address, verified })
			c.KC.SetProfileAttribute(fakekc.ProfileAttribute{Name: "email", Permissions: fakekc.ProfileRights{Edit: []string{"admin"}}})
			p := owner(t, c, name)
			if verified {
				p.wantsMailAt(address, http.StatusUnprocessableEntity)
				p.says("already registered")
			} else {
				p.wantsMailAt(address, http.StatusOK)
				p.confirmsAddress(address)
				p.says("is confirmed")
				if strings.Contains(p.Body, "Please set a notification address") {
					t.Error("an address is asked for all the same")
				}
				c.Clock.Add(bridge.HistorySpan + time.Second)
			}
			newPerson(t, c).ask(name)
			if to := lastLink(t, c).To; to != address {
				t.Errorf("the link went to %s", to)
			}
		})
	}
}
