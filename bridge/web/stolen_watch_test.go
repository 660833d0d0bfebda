package web_test

import (
	"context"
	"errors"
	"fmt"
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

// parked is a second factor that a sign-in from before the lock leaves in the account.
func parked(c *campus.Campus, name, kind string) string {
	return c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{
		Type: kind, Label: "thief", Data: `{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`, SecretData: `{"value":"JBSWY3DPEHPK3PXP"}`, Created: c.Clock.Now(),
	})
}

// WB-13: a sign-in that waited behind the stolen authenticator outlives the lock. What it brings is taken away while the account is shut, and the
// person's recovery goes on.
func TestWhatComesToALockedAccountIsTakenAway(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "parked")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	lockedUp(t, c, name)
	for n, kind := range []string{bridge.TypeOTP, "webauthn"} {
		c.Clock.Add(2 * time.Second) // Keycloak notes whole seconds
		came := c.Clock.Now()
		parked(c, name, kind)
		c.Clock.Add(10 * time.Second)
		c.Wait(t, "the end of the thief's "+kind, func() bool { return slices.Equal(factorsOf(c, name), []string{bridge.TypeOTP}) })
		if got := c.Events("lock.intruder"); len(got) != n+1 || got[n].Detail["recovered"] != "false" {
			t.Fatalf("%s: alarms %+v", kind, got)
		}
		c.Wait(t, "the recovery to be spared", func() bool { // sessions are ended after the removal, and that is noted last
			a, err := c.Flow.Accounts.ByID(t.Context(), c.KC.PersonID(name))
			ended := !a.NotBefore.Before(came.Truncate(time.Second))
			return err == nil && ended && recovery(t, c, name).Snapshot.NotBefore.Equal(a.NotBefore)
		})
	}
	p.open("/enrol", http.StatusOK)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	newOnly(t, c, name, key)
}

// Whoever has a new authenticator may add others: what comes then stays, and is an alarm, once, for three days.
func TestWhatComesAfterALockedAccountWasRecoveredIsAnAlarm(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "added")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	c.StopWork()
	look := func(open bool) {
		t.Helper()
		next, err := c.Flow.RunWatch(t.Context(), c.KC.PersonID(name))
		if err != nil || next.IsZero() == open {
			t.Fatalf("looks again at %s, %v", next, err)
		}
	}
	look(true)
	if got := c.Events("lock.intruder"); len(got) != 0 {
		t.Fatalf("the own authenticator is an alarm: %+v", got)
	}
	c.Clock.Add(time.Hour)
	id := parked(c, name, bridge.TypeOTP)
	look(true)
	look(true)
	if got := c.Events("lock.intruder"); len(got) != 1 || got[0].Detail["found"] != id || got[0].Detail["recovered"] != "true" {
		t.Errorf("alarms %+v", got)
	}
	if got := factorsOf(c, name); !slices.Equal(got, []string{bridge.TypeOTP, bridge.TypeOTP}) {
		t.Errorf("second factors %v", got)
	}
	c.Clock.Add(72 * time.Hour)
	look(false)
}

// An authenticator that the person adds in the settings is theirs, and no alarm.
func TestWhatIsAddedInTheSettingsIsNoIntruder(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "adds")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	me := newPerson(t, c)
	me.enters(name, key)
	me.at("/settings")
	me.send("/settings", http.StatusOK, "do", "add")
	second := me.scan()
	me.send("/settings/add", http.StatusOK, "do", "confirm", "code", second.Code(c.Clock.Now()))
	me.awaitsChange()
	if n := len(otps(c, name)); n != 2 {
		t.Fatalf("%d authenticators", n)
	}
	c.StopWork()
	if next, err := c.Flow.RunWatch(t.Context(), c.KC.PersonID(name)); err != nil || next.IsZero() {
		t.Fatal(next, err)
	}
	if got := c.Events("lock.intruder"); len(got) != 0 {
		t.Errorf("alarms %+v", got)
	}
}

// A session at an application while the account is shut is the thief's, also without a second factor that tells of them; one at our own client is the
// person's, who signs in with the password.
func TestASessionInALockedAccountIsEnded(t *testing.T) {
	t.Parallel()
	const name = "visited"
	c := campus.Open(t)
	_, id := lockedBy(t, c, name)
	watchOnce(t, c, id)
	for n := range 2 {
		if got := c.Events("lock.intruder"); len(got) != n {
			t.Fatalf("alarms %+v", got)
		}
		theirs := parked(c, name, bridge.TypeOTP)
		key, err := phone.FromBase32("JBSWY3DPEHPK3PXP")
		if err != nil {
			t.Fatal(err)
		}
		b := newPerson(t, c)
		b.portal(name, nil)
		b.must(b.CodeFor(t.Context(), theirs, key.Code(c.Clock.Now())))
		if c.KC.Sessions(id) != 1 {
			t.Fatalf("%d sessions of the thief", c.KC.Sessions(id))
		}
		if err := c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: theirs}); err != nil {
			t.Fatal(err)
		}
		watchOnce(t, c, id)
		if got := c.KC.Sessions(id); got != 0 {
			t.Errorf("%d sessions", got)
		}
	}
}

// A second factor that Keycloak does not give up keeps neither the others nor the sessions; one that stood before the tombstone is no news, even when the
// recovery is forgotten, and the watch one of an earlier release.
func TestAFactorThatStaysHidesNoOther(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "stays")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	lockedUp(t, c, name)
	c.StopWork()
	kept := c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{Type: "webauthn", Created: c.Clock.Now().Add(-24 * time.Hour)})
	stays := parked(c, name, "webauthn")
	parked(c, name, bridge.TypeOTP)
	f := *c.Flow
	ended := false
	f.Target = keeps{c.Flow.Target, stays, &ended}
	id := c.KC.PersonID(name)
	if err := errors.Join(f.Recoveries.Delete(t.Context(), id), f.Watches.Delete(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if next, err := f.RunWatch(t.Context(), id); err != nil || next.IsZero() {
		t.Fatal(next, err)
	}
	var left []string
	for _, one := range c.KC.Credentials(c.KC.PersonID(name)) {
		if one.Type != bridge.TypePassword {
			left = append(left, one.ID)
		}
	}
	if len(left) != 3 || !slices.Contains(left, kept) || !slices.Contains(left, stays) || !ended {
		t.Errorf("left %v, sessions ended %t", left, ended)
	}
	if got := c.Events("lock.intruder"); len(got) != 1 || strings.Contains(got[0].Detail["found"], kept) {
		t.Errorf("alarms %+v", got)
	}
}

// keeps is a Keycloak that does not remove one credential.
type keeps struct {
	bridge.SwapTarget
	id    string
	ended *bool
}

func (k keeps) Do(ctx context.Context, person string, a bridge.Action) error {
	if a.Kind == bridge.ActionRemove && a.Credential == k.id {
		return bridge.Fault(bridge.CodeRefusedByAccount, "remove", nil)
	}
	*k.ended = *k.ended || a.Kind == bridge.ActionEndSessions
	return k.SwapTarget.Do(ctx, person, a)
}

// SWAP-03: the stolen authenticator itself, which an earlier recovery of ours had written, comes back by a call of then that was under way for long: it goes
// like any other, and so it does when the tombstone is away.
func TestAStolenAuthenticatorThatComesBackIsTakenAway(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	behind := func() time.Time { return c.Clock.Now().Add(-2 * time.Minute) }
	c.Flow.Theirs = behind
	_, id := lockedBy(t, c, "back")
	lockedAt := behind()
	for n, stone := range []bool{true, false} {
		if !stone {
			takeStone(t, c, "back")
		}
		again := c.KC.AddCredential(id, fakekc.Credential{
			ID: fmt.Sprintf("6f747062-6e77-8000-8000-00000000000%d", n), Type: bridge.TypeOTP, Label: "of then", Data: "{}", SecretData: "{}",
			Created: c.Clock.Now().Add(-time.Hour),
		})
		watchOnce(t, c, id)
		if left := otps(c, "back"); len(left) != 1 || left[0] == again {
			t.Errorf("tombstone %t: left %v", stone, left)
		}
	}
	ours := c.KC.AddCredential(id, fakekc.Credential{ // by a swap that the store has forgotten
		ID: "6f747062-6e77-8000-8000-000000000009", Type: bridge.TypeOTP, Label: "new", Data: "{}", SecretData: "{}", Created: lockedAt,
	})
	watchOnce(t, c, id)
	if left := otps(c, "back"); !slices.Contains(left, ours) {
		t.Errorf("left %v", left)
	}
}
