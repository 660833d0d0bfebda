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

// MAIL-11: after an objection nobody adds another authenticator to the one that is disputed, nor gives it another name, also where that was asked for before; to
// remove one stays possible.
func TestNoAuthenticatorIsAddedAfterAnObjection(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := member(c, "kira")
	thief := proven(t, c, name)
	mail, key := lastLink(t, c), thief.scan()
	thief.finish()
	p := newPerson(t, c)
	p.enters(name, key)
	p.adds("Laptop")
	apps := p.listed("authenticator")
	objects(t, c, mail, mail.Objection, http.StatusOK)
	c.StopWork()
	p = newPerson(t, c)
	p.enters(name, key)
	p.chooses("authenticator", apps[1])
	session, token := p.session(), p.token()
	for _, q := range []byHand{
		post("/settings", session, token, "do", "add"),
		post("/settings/authenticator", session, token, "do", "rename", "label", "x", "id", apps[1]),
	} {
		if a := q.to(t, c); a.status != http.StatusForbidden {
			t.Errorf("%v: %d", q.form, a.status)
		}
	}
	id := c.KC.PersonID(name)
	_, err := c.Web.Settings.Changes.Update(t.Context(), id, 0, func(bridge.Change, bool) (bridge.Change, error) {
		fresh := bridge.NewCredential{ID: bridge.NewUUID(), Secret: "JBSWY3DPEHPK3PXP"}
		return bridge.Change{
			ID: bridge.NewUUID(), Person: id, SignedInAt: c.Clock.Now(), Kind: bridge.ChangeAddOTP, Credential: fresh.ID, New: &fresh,
			State: bridge.ChangeAsked, Until: c.Clock.Now().Add(time.Minute),
		}, nil
	})
	must2(t, err)
	if _, err := c.Web.Settings.RunChange(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := changeOf(t, c, name); got.State != bridge.ChangeRefused || got.Code != bridge.CodeDeskOnly || len(otps(c, name)) != 2 {
		t.Errorf("what was asked for before: %s %s, %d authenticators", got.State, got.Code, len(otps(c, name)))
	}
	if a := post("/settings/authenticator", session, token, "do", "remove", "id", apps[1]).to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("the removal: %d", a.status)
	}
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
