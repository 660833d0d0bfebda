package web_test

import (
	"net/http"
	"slices"
	"testing"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// WB-11: a page of the settings that was left open, while another tab chose something else, neither removes nor renames the other thing.
func TestALeftPageOfTheSettingsActsOnNothingElse(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "tab", func(p *fakekc.Person) {
		p.Attributes[campus.AddressAttribute] = []string{"tab@mail.example.org", "tab@example.net"}
	})
	p := owner(t, c, name)
	p.adds("Old phone")
	p.adds("To keep")
	before := text2(accountOf(t, c, name))
	apps, addresses := p.listed("authenticator"), p.listed("address")
	left := func(do, first, second, path string, form ...string) {
		t.Helper()
		p.chooses(do, first)
		page := p.Body
		p.chooses(do, second)
		p.Body = page
		p.send(path, http.StatusOK, form...)
		p.at("/settings")
	}
	left("authenticator", apps[1], apps[2], "/settings/authenticator", "do", "remove")
	left("authenticator", apps[1], apps[2], "/settings/authenticator", "do", "rename", "label", "Old")
	left("address", addresses[0], addresses[1], "/settings/remove", "do", "remove")
	if after := text2(accountOf(t, c, name)); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	p.chooses("authenticator", apps[1])
	p.send("/settings/authenticator", http.StatusOK, "do", "remove")
	p.awaitsChange()
	p.chooses("address", addresses[0])
	p.send("/settings/remove", http.StatusOK, "do", "remove")
	p.awaitsChange()
	if got := otps(c, name); !slices.Equal(got, []string{apps[0], apps[2]}) {
		t.Errorf("authenticators %q of %q", got, apps)
	}
	if got := addressesOf(t, c, name); !slices.Equal(got, []string{"tab@example.net"}) {
		t.Errorf("addresses %q", got)
	}
}
