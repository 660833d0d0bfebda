package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// MAIL-11: whoever recovered with the password and one mailbox moves no address while its owner may still object, nor after the objection, nor by beginning
// again: the other mailbox goes on hearing of everything.
func TestAddressesStayWhileSomebodyMayObject(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := member(c, "iris", func(p *fakekc.Person) {
		p.Attributes[campus.AddressAttribute] = []string{"iris@mail.example.org", "iris@example.net"}
	})
	thief := proven(t, c, name)
	mail, key := lastLink(t, c), thief.scan()
	thief.finish()
	refused := func(says string) {
		t.Helper()
		p := newPerson(t, c)
		p.enters(name, key)
		p.at("/settings")
		remove := p.listed("address")
		p.wantsMailAt("thief@example.org", http.StatusForbidden)
		p.says(says)
		p.open("/settings", http.StatusOK)
		p.chooses("address", remove[1])
		if a := post("/settings/remove", p.session(), p.token(), "do", "remove", "id", remove[1]).to(t, c); a.status != http.StatusForbidden {
			t.Errorf("removed: %d", a.status)
		}
		if got := addressesOf(t, c, name); len(got) != 2 {
			t.Errorf("addresses %q", got)
		}
	}
	refused("so that the owner of the account can object")
	c.Clock.Add(time.Minute) // a mail a minute
	newPerson(t, c).ask(name)
	refused("so that the owner of the account can object")
	objects(t, c, mail, mail.Objection, http.StatusOK)
	refused("help desk")
	c.Clock.Add(bridge.KeepEnded)
	p := newPerson(t, c)
	p.enters(name, key)
	p.wantsMailAt("iris@example.com", http.StatusOK)
}

// MAIL-11: an objection reaches a recovery by mail that was proven before it.
func TestAnObjectionReachesWhatIsProvenAlready(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := member(c, "jana")
	proven(t, c, name).finish()
	c.Clock.Add(time.Minute)
	again := proven(t, c, name)
	key := again.scan()
	r := recovery(t, c, name)
	r.Objected = c.Clock.Now() // as if it came between two steps of this one
	if _, err := c.Flow.Recoveries.Update(t.Context(), c.KC.PersonID(name), bridge.KeepEnded, func(bridge.Recovery, bool) (bridge.Recovery, error) { return r, nil }); err != nil {
		t.Fatal(err)
	}
	again.confirm(again.code(key), http.StatusForbidden)
	if got := recovery(t, c, name); got.State != bridge.Ended || got.EndCode != bridge.CodeDeskOnly {
		t.Errorf("%s %s", got.State, got.EndCode)
	}
}
