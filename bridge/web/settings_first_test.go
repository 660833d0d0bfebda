package web_test

import (
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// C6, MAIL-01, HD-15: the first address of an account is told to the supervisor's mailbox and the help desk, and the event says that nobody else could be.
func TestAFirstAddressIsNoSecret(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Flow.Rules.Supervisor, c.Flow.Rules.DeskMailbox = "supervisor@example.ac.jp", "desk@example.ac.jp"
	name := member(c, "una", unaddressed)
	p := owner(t, c, name)
	p.wantsMailAt("una@example.net", http.StatusOK)
	p.confirmsAddress("una@example.net")
	tells(t, c, bridge.NoticeChanged, "supervisor@example.ac.jp", "una@example.net")
	if got := c.Mails(bridge.NoticeDeskFirst); len(got) != 1 || got[0].Name != "" || got[0].Address != "" {
		t.Errorf("the help desk's mails: %+v", got)
	}
	if e := c.Events("address.added"); len(e) != 1 || e[0].Detail["told"] == "" {
		t.Errorf("events %+v", e)
	}
}

// OIDC-18, INV-1: while the realm is unsafe a full sign-in proves nothing, and nothing is changed in the settings, nor what was asked for before.
func TestAnUnsafeRealmStopsTheSettings(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	var unsafe atomic.Bool
	c.Flow.Unsafe = func() error {
		if unsafe.Load() {
			return errors.New("flow.open")
		}
		return nil
	}
	name := member(c, "unsafe")
	oldSet(c, name)
	p := owner(t, c, name)
	p.adds("Laptop")
	p.wantsMailAt("new@example.org", http.StatusOK)
	apps := p.listed("authenticator")
	p.chooses("authenticator", apps[1])
	session, token := p.session(), p.token()
	c.StopWork()
	before := text2(accountOf(t, c, name))
	unsafe.Store(true)
	for _, q := range []byHand{
		post("/settings/address", session, token, "do", "confirm", "code", number(t, c, "new@example.org")),
		post("/settings", session, token, "do", "add"),
		post("/settings/authenticator", session, token, "do", "rename", "label", "x", "id", apps[1]),
		post("/settings/authenticator", session, token, "do", "remove", "id", apps[1]),
		post(ownCodes, session, token, "do", "codes"),
	} {
		if a := q.to(t, c); a.status != http.StatusServiceUnavailable {
			t.Errorf("%v: %d", q.form, a.status)
		}
	}
	unsafe.Store(false)
	must2(t, c.Web.Settings.RenameOTP(t.Context(), memberOf(c, name), apps[1], "Other"))
	unsafe.Store(true)
	if _, err := c.Web.Settings.RunChange(t.Context(), c.KC.PersonID(name)); err != nil {
		t.Fatal(err)
	}
	if got := changeOf(t, c, name); got.State != bridge.ChangeRefused || got.Code != bridge.CodeRealmUnsafe {
		t.Errorf("what was asked for before: %s, %s", got.State, got.Code)
	}
	if after := text2(accountOf(t, c, name)); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}

// memberOf is somebody who signed in fully for the settings just now.
func memberOf(c *campus.Campus, name string) bridge.Member {
	return bridge.Member{Person: c.KC.PersonID(name), Full: true, SignedInAt: c.Clock.Now()}
}

// TMP-01: the code goes to no address that was taken off the record after the sign-in.
func TestATemporaryCodeGoesToNoRemovedAddress(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner", second("owner"))
	p := newPerson(t, c)
	p.forgot(name)
	c.KC.Change(c.KC.PersonID(name), func(a *fakekc.Account) { a.Attributes[campus.AddressAttribute] = []string{name + "@other.example.net"} })
	p.send("/temporary", http.StatusForbidden, "do", "send")
	if slices.ContainsFunc(c.Mails(""), func(n bridge.Notice) bool { return n.Kind == bridge.NoticeTemporary }) || len(otps(c, name)) != 1 {
		t.Errorf("%d mails, %d OTPs", len(c.Mails("")), len(otps(c, name)))
	}
}
