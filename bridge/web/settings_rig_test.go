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
	"otpbridge/bridge/bridgetest/phone"
)

// owner is somebody of that name in front of their settings.
func owner(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := newPerson(t, c)
	p.settings(name)
	return p
}

// settings signs somebody whom member added in at the settings, with the code of the old authenticator.
func (p *person) settings(name string) {
	p.t.Helper()
	p.enters(name, oldKey(p.t))
	p.at("/settings")
	p.want(http.StatusOK)
}

// enters signs somebody in for the settings with the code of a key; each code opens one sign-in only.
func (p *person) enters(name string, key phone.Key) {
	p.t.Helper()
	p.c.Clock.Add(30 * time.Second)
	p.must(p.SignIn(p.t.Context(), p.c.URL+"/signin?to=settings", name, name+"-password", func() string { return key.Code(p.c.Clock.Now()) }))
}

// wantsMailAt types an address.
func (p *person) wantsMailAt(address string, want int) {
	p.t.Helper()
	p.open("/settings/address", http.StatusOK)
	p.send("/settings/address", want, "do", "ask", "address", address)
}

// number is what the last mail to an address holds.
func number(t *testing.T, c *campus.Campus, address string) string {
	t.Helper()
	all := c.Mails(bridge.NoticeAddressCode)
	for _, n := range slices.Backward(all) {
		if n.To == address {
			return n.Code.Reveal()
		}
	}
	t.Fatalf("no mail to %s, only %d others", address, len(all))
	return ""
}

// typesNumber types the number of the mail.
func (p *person) typesNumber(address string) {
	p.t.Helper()
	p.send("/settings/address", http.StatusOK, "do", "confirm", "code", number(p.t, p.c, address))
	p.at("/settings")
}

// confirmsAddress types the number of the mail, and waits for what comes of it.
func (p *person) confirmsAddress(address string) {
	p.t.Helper()
	p.typesNumber(address)
	p.awaitsChange()
}

// awaitsChange waits while the page says that a change is being made, or recovery codes are, and somebody is there to do it: on a busy machine the answer to a press
// comes before the end.
func (p *person) awaitsChange() {
	p.t.Helper()
	p.c.Wait(p.t, "the end of the change", func() bool {
		under := strings.Contains(p.Body, "The change is being made.") || strings.Contains(p.Body, "Your recovery codes are being made.")
		if !under || !p.c.Works() {
			return true
		}
		p.open(p.path(), http.StatusOK)
		return false
	})
}

// accountOf is what Keycloak has of somebody.
func accountOf(t *testing.T, c *campus.Campus, name string) bridge.Account {
	t.Helper()
	a, err := c.Flow.Accounts.ByID(t.Context(), c.KC.PersonID(name))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// addressesOf are the notification addresses of somebody.
func addressesOf(t *testing.T, c *campus.Campus, name string) []string {
	t.Helper()
	return accountOf(t, c, name).Attributes[campus.AddressAttribute]
}

// unaddressed takes the notification addresses away.
func unaddressed(p *fakekc.Person) { p.Attributes = nil }

// presses a button of the settings for something that is listed there.
func (p *person) chooses(do, id string) {
	p.t.Helper()
	p.send("/settings", http.StatusOK, "do", do, "id", id)
}

// adds another authenticator and returns its key.
func (p *person) adds(label string) phone.Key {
	p.t.Helper()
	p.open("/settings", http.StatusOK)
	p.send("/settings", http.StatusOK, "do", "add")
	p.at("/settings/add")
	key := p.scan()
	p.send("/settings/add", http.StatusOK, "do", "confirm", "code", p.code(key), "label", label)
	p.at("/settings")
	p.awaitsChange()
	return key
}
