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

// ENR-06, INV-2: a second authenticator is added beside the first, after one right code; both open the portal, and every address hears of it.
func TestASecondAuthenticatorIsAdded(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "yara")
	p := owner(t, c, name)
	p.send("/settings", http.StatusOK, "do", "add")
	p.says("Your present authenticator apps keep working")
	p.send("/settings/add", http.StatusUnprocessableEntity, "do", "confirm", "code", "")
	p.says("Type the digits")
	first := p.scan()
	p.send("/settings/add", http.StatusUnprocessableEntity, "do", "confirm", "code", wrongCode(first, c.Clock.Now()))
	p.says("You can try 4 more times")
	p.send("/settings/add", http.StatusOK, "do", "new")
	p.send("/settings/add", http.StatusUnprocessableEntity, "do", "confirm", "code", first.Code(c.Clock.Now()))
	p.says("belongs to an earlier QR code")
	p.send("/settings/add", http.StatusOK, "do", "extend")
	if n := len(otps(c, name)); n != 1 {
		t.Fatalf("%d authenticators before the right code", n)
	}
	key := p.scan()
	press := post("/settings/add", p.session(), p.token(), "do", "confirm", "code", key.Code(c.Clock.Now()), "label", "髙橋のノート")
	together(t, c, times(rounds(10), press)...)
	p.open("/settings", http.StatusOK)
	p.awaitsChange()
	p.says("髙橋のノート")
	if n := len(otps(c, name)); n != 2 {
		t.Fatalf("%d authenticators", n)
	}
	tells(t, c, bridge.NoticeChanged, "yara@mail.example.org")
	c.Clock.Add(time.Minute)
	if !opensPortal(t, c, name, oldKey(t)) {
		t.Error("the first authenticator does not open the portal any more")
	}
	second := newPerson(t, c)
	id := otps(c, name)[1]
	if !second.portalWith(name, id, func() string { return key.Code(c.Clock.Now()) }) {
		t.Error("the second authenticator does not open the portal")
	}
	if intended, added := c.Events("authenticator.intended"), c.Events("authenticator.added"); len(intended) != 1 || len(added) != 1 || added[0].Added != id {
		t.Errorf("intended %v, added %v", intended, added)
	}
	if a := get("/settings/add", p.session()).to(t, c); strings.Contains(a.body, "otpauth:") {
		t.Error("the key is still shown")
	}
}

// INV-8: a second press of the first code that comes when the authenticator stands already is the same change.
func TestALatePressOfAFirstCodeIsTheSameChange(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "yara")
	m := memberOf(c, name)
	n, err := c.Web.Settings.BeginOTP(t.Context(), m, nil)
	must2(t, err)
	key, err := phone.FromBase32(n.Key.Secret.Reveal())
	must2(t, err)
	for range 2 {
		must2(t, c.Web.Settings.AddOTP(t.Context(), m, n, key.Code(c.Clock.Now()), "Laptop"))
		c.Wait(t, "the authenticator", func() bool { return changeOf(t, c, name).State == bridge.ChangeDone })
	}
	if added := c.Events("authenticator.added"); len(added) != 1 || len(otps(c, name)) != 2 {
		t.Errorf("%+v, %d authenticators", added, len(otps(c, name)))
	}
	tells(t, c, bridge.NoticeChanged, "yara@mail.example.org")
}

// ENR-08: five wrong codes discard a key.
func TestFiveWrongCodesDiscardAnAddedKey(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "zoe")
	p := owner(t, c, name)
	p.send("/settings", http.StatusOK, "do", "add")
	key := p.scan()
	for range bridge.KeyTries - 1 {
		p.send("/settings/add", http.StatusUnprocessableEntity, "do", "confirm", "code", wrongCode(key, c.Clock.Now()))
	}
	p.send("/settings/add", http.StatusOK, "do", "confirm", "code", wrongCode(key, c.Clock.Now()))
	p.says("The one-time password was wrong 5 times")
	p.send("/settings/add", http.StatusOK, "do", "confirm", "code", key.Code(c.Clock.Now()))
	if n := len(otps(c, name)); n != 1 {
		t.Errorf("%d authenticators", n)
	}
}

// INV-2, ENR-13: one of two authenticators is removed by whoever signed in with the other, never the last one; a name changes, to one that is free.
func TestAnAuthenticatorIsRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "anton")
	p := owner(t, c, name)
	ids := p.listed("authenticator")
	p.chooses("authenticator", ids[0])
	p.says("This is your only authenticator app")
	p.send("/settings/authenticator", http.StatusOK, "do", "remove")
	p.awaitsChange()
	key := p.adds("Laptop")
	ids = p.listed("authenticator")
	p.chooses("authenticator", ids[1])
	p.send("/settings/authenticator", http.StatusUnprocessableEntity, "do", "rename", "label", " ")
	p.send("/settings/authenticator", http.StatusUnprocessableEntity, "do", "rename", "label", strings.ToUpper(accountOf(t, c, name).OTPs()[0].Label))
	p.says("Another authenticator app has this name")
	p.send("/settings/authenticator", http.StatusOK, "do", "rename", "label", "私のノート")
	p.awaitsChange()
	p.says("The name is now 私のノート")
	p.chooses("authenticator", ids[0]) // the one whose code opened this sign-in
	p.send("/settings/authenticator", http.StatusOK, "do", "remove")
	p.awaitsChange()
	p.says("sign in with a one-time password from another one of yours")
	if n := len(otps(c, name)); n != 2 {
		t.Fatalf("%d authenticators", n)
	}
	c.Clock.Add(30 * time.Second)
	p.must(p.SignIn(t.Context(), c.URL+"/signin?to=settings", name, name+"-password", nil))
	p.must(p.CodeFor(t.Context(), ids[1], key.Code(c.Clock.Now())))
	p.at("/settings/authenticator") // where they left
	session, token := p.session(), p.token()
	got := together(t, c, times(rounds(10), post("/settings/authenticator", session, token, "do", "remove", "id", ids[0]))...)
	p.open("/settings", http.StatusOK)
	p.awaitsChange()
	if left := otps(c, name); !slices.Equal(left, ids[1:]) {
		t.Errorf("left %q, want %q; %v", left, ids[1:], got)
	}
	if n := countEvents(c, "authenticator.removed"); n != 1 {
		t.Errorf("%d removals", n)
	}
}

// INV-2: two browsers that each remove the other's authenticator at once leave one.
func TestTwoRemovalsAtOnceLeaveOneAuthenticator(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Second(t)
	name := member(c, "berta")
	p := owner(t, c, name)
	key := p.adds("Laptop")
	ids := p.listed("authenticator")
	q := newPerson(t, c)
	c.Clock.Add(30 * time.Second)
	q.must(q.SignIn(t.Context(), c.URL+"/signin?to=settings", name, name+"-password", nil))
	q.must(q.CodeFor(t.Context(), ids[1], key.Code(c.Clock.Now())))
	p.chooses("authenticator", ids[1])
	q.chooses("authenticator", ids[0])
	together(t, c, post("/settings/authenticator", p.session(), p.token(), "do", "remove", "id", ids[1]),
		post("/settings/authenticator", q.session(), q.token(), "do", "remove", "id", ids[0]))
	c.Wait(t, "the end of the change", func() bool {
		change, err := c.Web.Settings.Changes.Get(t.Context(), c.KC.PersonID(name))
		return err == nil && change.State != bridge.ChangeAsked
	})
	if n := len(otps(c, name)); n != 1 {
		t.Errorf("%d authenticators left", n)
	}
}

// INV-2: the last authenticator stays, also when the other one is removed at Keycloak between the press and the write. And where there is a third, the one whose
// code opened the sign-in has to stand then.
func TestTheLastAuthenticatorStaysAtTheMomentOfTheWrite(t *testing.T) {
	t.Parallel()
	for want, more := range map[bridge.Code][]string{bridge.CodeLastOTP: nil, bridge.CodeOtherOTP: {"third"}} {
		c := campus.Open(t)
		name := member(c, "cora")
		p := owner(t, c, name)
		key := p.adds("Laptop")
		ids := p.listed("authenticator")
		id := c.KC.PersonID(name)
		for _, third := range more {
			c.KC.AddCredential(id, fakekc.Credential{ID: third, Type: bridge.TypeOTP, Label: third, Data: `{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA1"}`, SecretData: `{"value":"x"}`})
		}
		c.Clock.Add(30 * time.Second)
		p.must(p.SignIn(t.Context(), c.URL+"/signin?to=settings", name, name+"-password", nil))
		p.must(p.CodeFor(t.Context(), ids[1], key.Code(c.Clock.Now())))
		p.open("/settings", http.StatusOK)
		p.chooses("authenticator", ids[0])
		c.StopWork()
		p.send("/settings/authenticator", http.StatusOK, "do", "remove")
		must2(t, c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: ids[1]}))
		if _, err := c.Web.Settings.RunChange(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := changeOf(t, c, name); got.Code != want || !slices.Equal(otps(c, name), slices.Concat(ids[:1], more)) {
			t.Errorf("%s, %s, want %s; authenticators %q", got.State, got.Code, want, otps(c, name))
		}
	}
}

// INV-2: an authenticator that goes while the other one is taken away at Keycloak, between the last look and the removal, leaves none: that is an alarm.
func TestNoAuthenticatorLeftIsAnAlarm(t *testing.T) {
	t.Parallel()
	for _, other := range []bool{false, true} {
		c := campus.Open(t)
		name := member(c, "cora")
		p := owner(t, c, name)
		key := p.adds("Laptop")
		ids := p.listed("authenticator")
		c.Clock.Add(30 * time.Second)
		p.must(p.SignIn(t.Context(), c.URL+"/signin?to=settings", name, name+"-password", nil))
		p.must(p.CodeFor(t.Context(), ids[1], key.Code(c.Clock.Now())))
		p.chooses("authenticator", ids[0])
		c.StopWork()
		p.send("/settings/authenticator", http.StatusOK, "do", "remove")
		id, target := c.KC.PersonID(name), c.Flow.Target
		c.Flow.Target = &slowTarget{SwapTarget: target, before: func() {
			if other {
				must2(t, target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: ids[1]}))
			}
		}}
		if _, err := c.Web.Settings.RunChange(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if n, left := countEvents(c, "alarm.authenticator_last"), len(otps(c, name)); (n == 1) != other || (left == 0) != other {
			t.Errorf("other %v: %d alarms, %d left", other, n, left)
		}
	}
}
