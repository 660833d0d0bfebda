package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/store"
)

// factorsOf lists what stands beside the password.
func factorsOf(c *campus.Campus, name string) (kinds []string) {
	for _, k := range c.KC.Credentials(c.KC.PersonID(name)) {
		if k.Type != bridge.TypePassword {
			kinds = append(kinds, k.Type)
		}
	}
	return kinds
}

// robbed is a member with every kind of second factor.
func robbed(c *campus.Campus, name string) string {
	member(c, name)
	withOTPs(c, name, 2, true)
	for _, kind := range []string{bridge.TypeRecoveryCodes, "webauthn", "webauthn-passwordless"} {
		c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{
			Type: kind, Label: "my " + kind, Created: c.Clock.Now().AddDate(0, -1, 0), Data: "{}", SecretData: "{}",
		})
	}
	return name
}

// reports asks for a link after a theft.
func (p *person) reports(name string) {
	p.t.Helper()
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "stolen", "way", "mail")
	p.at("/recovery")
}

// lockedUp wants the account to be shut: the tombstone alone beside the password, no session, and the old code opens nothing.
func lockedUp(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	if got := factorsOf(c, name); !slices.Equal(got, []string{bridge.TypeOTP}) {
		t.Errorf("second factors %v", got)
	}
	if n := c.KC.Sessions(c.KC.PersonID(name)); n != 0 {
		t.Errorf("%d sessions", n)
	}
	c.Clock.Add(time.Minute)
	if opensPortal(t, c, name, oldKey(t)) {
		t.Error("the stolen authenticator opens the portal")
	}
}

// WB-13: after the proof the account is locked; the person registers the new authenticator at once, which takes the tombstone away.
func TestAStolenAuthenticatorIsLockedAndReplaced(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "robbed")
	if !newPerson(t, c).portal(name, func() string { return oldKey(t).Code(c.Clock.Now()) }) {
		t.Fatal("no session before")
	}
	before := factorsOf(c, name)
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	p.says("A theft was reported")
	if got := factorsOf(c, name); !slices.Equal(got, before) {
		t.Fatalf("before the proof: %v", got)
	}
	p.send("/link", http.StatusOK, "do", "redeem")
	p.at("/enrol")
	p.says("Your authenticator app is locked")
	lockedUp(t, c, name)
	p.open("/enrol", http.StatusOK)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	newOnly(t, c, name, key)
	if len(c.Events("lock.intended")) != 1 || len(c.Events("lock.done")) != 1 || len(c.Mails(bridge.NoticeLocked)) != 1 {
		t.Error("audit or notice is missing")
	}
}

// WB-13: without a new phone the account stays locked; coming back is an ordinary recovery.
func TestALockedPersonComesBackLater(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "later")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	page := p.Body
	p.send("/enrol", http.StatusOK, "do", "cancel")
	p.at("/recovery")
	p.says("Register a new authenticator app")
	p.open("/enrol", http.StatusOK) // back
	p.at("/recovery")
	p.says("Your authenticator app is locked")
	p.Body = page
	p.send("/enrol", http.StatusConflict, "do", "cancel") // the other tab
	lockedUp(t, c, name)
	c.Clock.Add(25 * time.Hour)
	for _, end := range []func(*person){
		func(p *person) { p.send("/recovery", http.StatusOK, "do", "cancel") },
		func(p *person) {
			_, err := c.Flow.Administer(t.Context(), c.KC.PersonID(name), recovery(t, c, name).ID, bridge.AdminCancel)
			p.must(err)
		},
	} {
		in := newPerson(t, c)
		in.ask(name)
		end(in)
		in.open("/recovery", http.StatusOK)
		in.says("Your authenticator app is locked")
		c.Clock.Add(time.Hour)
	}
	again := newPerson(t, c)
	again.ask(name)
	again.redeem(name)
	key := again.scan()
	again.confirm(again.code(key), http.StatusOK)
	again.at("/done")
	newOnly(t, c, name, key)
}

// WB-13: by phone the lock begins with the operator's approval, in no browser's hands.
func TestTheHelpDeskLocksTheSameWay(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := robbed(c, "phones")
	p := at(t, c, name)
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "stolen", "way", "desk")
	before := factorsOf(c, name)
	carol := operator(t, c, "carol")
	carol.looksUp(name, p.reads())
	if got := factorsOf(c, name); !slices.Equal(got, before) {
		t.Fatalf("before the approval: %v", got)
	}
	carol.approves()
	c.Wait(t, "the lock", func() bool { return recovery(t, c, name).Locked() })
	lockedUp(t, c, name)
	p.open("/recovery", http.StatusOK)
	p.says("Your authenticator app is locked")
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	newOnly(t, c, name, key)
}

// WB-13: with the password alone nobody is locked out, by whatever request, alone or many at once.
func TestAPasswordThiefLocksNobodyOut(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "victim")
	before := factorsOf(c, name)
	p := newPerson(t, c)
	p.reports(name)
	for _, do := range []string{"redeem", "lock", "confirm", "check"} {
		for _, path := range []string{"/link", "/enrol", "/recovery"} {
			if err := p.Post(t.Context(), c.URL+path, formOf(p, do)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		c.Second(t)
		c.Clock.Add(15 * time.Second)
	}
	if _, err := c.Flow.RunLock(t.Context(), c.KC.PersonID(name)); err != nil {
		t.Fatal(err)
	}
	if got := factorsOf(c, name); !slices.Equal(got, before) {
		t.Errorf("second factors %v", got)
	}
	if !opensPortal(t, c, name, oldKey(t)) || len(c.Events("lock.intended")) != 0 {
		t.Error("locked without a proof")
	}
}

// SWAP-02 for the lock: killed before or after any of its actions, another replica finishes it; a second factor stands at every moment.
func TestALockOfAKilledProcessIsFinished(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 8; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := robbed(c, "killed")
			p := newPerson(t, c)
			p.reports(name)
			p.comesBack(name, lastLink(t, c).Link.Reveal())
			c.StopWork()
			p.send("/link", http.StatusOK, "do", "redeem")
			p.says("Locking your authenticator app")
			k := &cutTarget{left: n/2 + 1, after: n%2 == 1, seen: func() {
				if len(otps(c, name)) == 0 {
					t.Error("no second factor at all")
				}
			}}
			next, err := flowOn(c, k).RunLock(t.Context(), c.KC.PersonID(name))
			if err != nil || next.IsZero() {
				t.Fatalf("killed, and yet %v %v", next, err)
			}
			c.Clock.Add(11 * time.Minute) // the person is gone; the proof ends, the lock does not
			c.Second(t)
			c.Clock.Add(store.WorkLease)
			c.Wait(t, "the lock", func() bool { return recovery(t, c, name).Locked() })
			lockedUp(t, c, name)
			if len(c.Events("lock.intended")) != 1 || len(c.Mails(bridge.NoticeLocked)) == 0 {
				t.Error("audit or notice is missing")
			}
		})
	}
}

// A tombstone that Keycloak refuses for good removes nothing; the person is told and goes on.
func TestALockThatIsRefusedRemovesNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "refused")
	before := factorsOf(c, name)
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusBadRequest, Body: `{"field":"department"}`})
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	givenUpLock(t, c, name)
	if got := factorsOf(c, name); !slices.Equal(got, before) || len(c.Events("lock.refused")) != 1 || len(c.Events("lock.stuck")) != 1 {
		t.Errorf("second factors %v", got)
	}
	if why, needed := recovery(t, c, name).Attention(); !needed || why != bridge.CodeRefusedByAccount || len(marks(t, c)) != 1 {
		t.Errorf("no administrator sees it: %q", why)
	}
	mend()
	c.Second(t)
	p.open("/enrol", http.StatusOK)
	p.says("could not be locked")
	p.confirm(p.code(p.scan()), http.StatusOK)
	p.at("/done")
	c.Wait(t, "the end of what an administrator is asked for", func() bool { return len(marks(t, c)) == 0 }) // after the swap has done it
	if _, needed := recovery(t, c, name).Attention(); needed {
		t.Error("an administrator is asked for what the swap has done")
	}
}

// A tombstone that Keycloak refuses for a moment is written all the same.
func TestALockOutlivesAMomentsRefusal(t *testing.T) {
	t.Parallel()
	c, _, name, _ := lockBegun(t)
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusForbidden})
	stuckLock(t, c, name, bridge.CodeRefusedByAccount)
	mend()
	c.Clock.Add(time.Minute)
	calmLocked(t, c, name)
	lockedUp(t, c, name)
}

// lateTarget calls late right before the first end of sessions: after the last look at the credentials.
type lateTarget struct {
	bridge.SwapTarget
	late func()
	ends int
}

func (l *lateTarget) Do(ctx context.Context, person string, a bridge.Action) error {
	if a.Kind == bridge.ActionEndSessions {
		l.ends++
		if l.ends == 1 {
			l.late()
		}
	}
	return l.SwapTarget.Do(ctx, person, a)
}

// A second factor that comes between the last look and the end of the sessions is removed, and whatever it opened is ended too.
func TestALockEndsTheSessionsOfAFactorThatCameLate(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "late")
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	late := &lateTarget{SwapTarget: c.Flow.Target, late: func() {
		c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{Type: "webauthn", Label: "late", Data: "{}", SecretData: "{}"})
	}}
	f := *c.Flow
	f.Target = late
	if next, err := f.RunLock(t.Context(), c.KC.PersonID(name)); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	if late.ends != 2 {
		t.Errorf("sessions were ended %d times", late.ends)
	}
	lockedUp(t, c, name)
}

// ENR-13: a label that was taken meanwhile does not keep the account open.
func TestALockTakesAnotherLabel(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "labelled")
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 1}).RunLock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	chosen := recovery(t, c, name).Lock.Tombstone.Label
	c.KC.AddCredential(id, fakekc.Credential{Type: "webauthn", Label: strings.ToLower(chosen), Data: "{}", SecretData: "{}"})
	if next, err := c.Flow.RunLock(t.Context(), id); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	lockedUp(t, c, name)
	if got := recovery(t, c, name).Lock.Tombstone.Label; strings.EqualFold(got, chosen) || !strings.HasPrefix(got, chosen[:len(chosen)-4]) {
		t.Errorf("chosen %q, now %q", chosen, got)
	}
}

// WB-13: many presses at once are one lock.
func TestManyRedeemsAreOneLock(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "presses")
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	errs := make(chan error, 4)
	p.send("/link", http.StatusOK, "do", "redeem")
	for range cap(errs) {
		go func() {
			_, err := flowOn(c, &cutTarget{twice: true}).RunLock(t.Context(), c.KC.PersonID(name))
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil && !errors.Is(err, bridge.ErrAbsent) {
			t.Error(err)
		}
	}
	c.Wait(t, "the lock", func() bool { return recovery(t, c, name).Locked() }) // each may have left it to another
	lockedUp(t, c, name)
}

func formOf(p *person, do string) url.Values {
	return url.Values{"csrf": {p.token()}, "do": {do}, "code": {"123456"}, "reason": {"stolen"}, "way": {"mail"}}
}
