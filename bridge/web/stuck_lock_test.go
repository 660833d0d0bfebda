package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/store"
)

// WB-13: what a thief can bring about keeps nobody from locking: an account that is held for wrong passwords, or has to do something at the next sign-in.
func TestAnAccountThatIsHeldIsLockedAllTheSame(t *testing.T) {
	t.Parallel()
	for what, hold := range map[string]func(*campus.Campus, string){
		"wrong passwords": func(c *campus.Campus, name string) {
			for range 40 {
				b := newPerson(t, c)
				b.open("/start", http.StatusOK)
				b.send("/start", http.StatusOK, "name", name)
				b.must(b.Password(t.Context(), name, "wrong"))
				if a, err := c.Flow.Accounts.ByID(t.Context(), c.KC.PersonID(name)); err == nil && a.Locked {
					return
				}
			}
			t.Error("not held")
		},
		"required action": func(c *campus.Campus, name string) {
			c.KC.Change(c.KC.PersonID(name), func(a *fakekc.Account) { a.RequiredActions = []string{"UPDATE_PROFILE"} })
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c, _, name, _ := lockBegun(t)
			hold(c, name)
			a, err := c.Flow.Accounts.ByID(t.Context(), c.KC.PersonID(name))
			if err != nil || c.Flow.Rules.Refusal(a) == nil {
				t.Fatalf("not held: %v", err)
			}
			calmLocked(t, c, name)
			if got := factorsOf(c, name); len(got) != 1 || c.KC.Sessions(a.ID) != 0 {
				t.Errorf("second factors %v", got)
			}
		})
	}
}

// lockBegun is somebody whose theft is proven while no worker is there.
func lockBegun(t *testing.T) (c *campus.Campus, p *person, name, id string) {
	t.Helper()
	c = campus.Open(t)
	name = robbed(c, "robbed")
	p = newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	return c, p, name, c.KC.PersonID(name)
}

// stuckLock runs the lock once and wants it to come again, marked as one that somebody has to see.
func stuckLock(t *testing.T, c *campus.Campus, name string, why bridge.Code) {
	t.Helper()
	from := c.Clock.Now()
	next, err := c.Flow.RunLock(t.Context(), c.KC.PersonID(name))
	r := recovery(t, c, name)
	if got, needed := r.Attention(); err != nil || next.Before(from.Add(8*time.Second)) || r.Locked() || !needed || got != why {
		t.Fatalf("next %v, %v, attention %q %v", next, err, got, needed)
	}
	if n := len(marks(t, c)); n != 1 {
		t.Fatalf("%d marks", n)
	}
}

// marks are the rows that an administrator has to look at.
func marks(t *testing.T, c *campus.Campus) []store.Listed {
	t.Helper()
	all, err := c.Store.Jobs.List(t.Context(), bridge.JobAttention, 10)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// givenUpLock runs a lock whose tombstone is refused until it is given up: a right may be missing for a moment only.
func givenUpLock(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	c.Clock.Stop()
	for range 4 {
		stuckLock(t, c, name, bridge.CodeRefusedByAccount)
		c.Clock.Add(8 * time.Second)
	}
	if next, err := c.Flow.RunLock(t.Context(), c.KC.PersonID(name)); err != nil || recovery(t, c, name).Locking() {
		t.Fatal(next, err)
	}
}

// calmLocked runs the lock to its end; nobody has to look any more.
func calmLocked(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	if next, err := c.Flow.RunLock(t.Context(), c.KC.PersonID(name)); err != nil || !next.IsZero() || !recovery(t, c, name).Locked() {
		t.Fatal(next, err)
	}
	if _, needed := recovery(t, c, name).Attention(); len(marks(t, c)) != 0 || needed {
		t.Errorf("%d marks", len(marks(t, c)))
	}
}

// A right that is withdrawn after the tombstone leaves nothing: however long it lasts, no OTP stays, and the rest goes with it.
func TestALockNeverEndsBesideAnOTP(t *testing.T) {
	t.Parallel()
	c, _, name, _ := lockBegun(t)
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusForbidden})
	for _, later := range []time.Duration{5 * time.Minute, 5 * time.Minute, 26 * time.Hour, 0} { // longer than an ended recovery is remembered
		stuckLock(t, c, name, bridge.CodeRefusedByAccount)
		c.Clock.Add(later)
	}
	if len(c.Events("lock.stuck")) != 1 || len(c.Events("lock.done")) != 0 {
		t.Error("the trail does not say once that it is stuck")
	}
	mend()
	calmLocked(t, c, name)
	if len(c.Events("lock.kept")) != 0 {
		t.Error("something was kept")
	}
	lockedUp(t, c, name)
}

// WB-13: what lastingly cannot be removed and is no OTP is listed and an alarm, and the rest is locked all the same.
func TestWhatCannotBeRemovedIsListed(t *testing.T) {
	t.Parallel()
	c, p, name, id := lockBegun(t)
	for _, k := range c.KC.Credentials(id) {
		if k.Type == "webauthn" {
			c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + k.ID, Status: http.StatusForbidden})
		}
	}
	stuckLock(t, c, name, bridge.CodeRefusedByAccount)
	if got := factorsOf(c, name); len(got) != 2 || c.KC.Sessions(id) != 0 {
		t.Errorf("the rest waits: %v", got)
	}
	c.Clock.Add(time.Minute)
	stuckLock(t, c, name, bridge.CodeRefusedByAccount)
	c.Clock.Add(time.Minute)
	calmLocked(t, c, name)
	p.open("/enrol", http.StatusOK)
	p.says("could not be removed")
	p.says("my webauthn")
	kept, done := c.Events("lock.kept"), c.Events("lock.done")
	if len(kept) != 1 || kept[0].Detail["kept"] != "webauthn" || len(done) != 1 || done[0].Detail["kept"] != "1" || len(done[0].Removed) != 5 {
		t.Errorf("on record %+v %+v", kept, done)
	}
	if m := c.Mails(bridge.NoticeLocked); len(m) == 0 || m[0].Kept != 1 {
		t.Errorf("mails %+v", m)
	}
}

// A lock that does not go on is seen by an administrator, whichever step is refused, goes on by retry, and outlives the recovery's time.
func TestALockThatDoesNotGoOnIsSeen(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault fakekc.Fault
		why   bridge.Code
	}{
		"logout, 403":      {fakekc.Fault{Method: http.MethodPost, Path: adminUser + "/logout", Status: http.StatusForbidden}, bridge.CodeRefusedByAccount},
		"credentials, 403": {fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Skip: 1, Status: http.StatusForbidden}, bridge.CodeRefusedByAccount},
		"credentials, 404": {fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Skip: 1, Status: http.StatusNotFound}, bridge.CodeGone},
		"write, 404":       {fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusNotFound}, bridge.CodeGone},
		"person, 403":      {fakekc.Fault{Method: http.MethodGet, Path: adminUser, Skip: 1, Status: http.StatusForbidden}, bridge.CodeGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p, name, id := lockBegun(t)
			mend := c.KC.Inject(tc.fault)
			p.open("/recovery", http.StatusOK)
			p.says("This takes a few seconds")
			before := recovery(t, c, name).Revision(bridge.StepLocking, c.Clock.Now())
			stuckLock(t, c, name, tc.why)
			p.open("/recovery", http.StatusOK)
			p.says("could not be locked yet")
			p.says("Reference number: " + recovery(t, c, name).Reference)
			if after := recovery(t, c, name).Revision(bridge.StepLocking, c.Clock.Now()); after == before {
				t.Error("the page that waits hears nothing of it")
			}
			c.Clock.Add(11 * time.Minute)
			stuckLock(t, c, name, tc.why)
			r := recovery(t, c, name)
			if _, err := c.Flow.Administer(t.Context(), id, r.ID, bridge.AdminRetry); err != nil || len(c.Events("admin.retry")) != 1 {
				t.Errorf("retry: %v", err)
			}
			mend()
			calmLocked(t, c, name)
			lockedUp(t, c, name)
		})
	}
}

// Somebody who was deleted in the midst of a lock is waited for an hour.
func TestALockOfSomebodyDeletedEnds(t *testing.T) {
	t.Parallel()
	c, _, name, id := lockBegun(t)
	c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Skip: 1, Status: http.StatusNotFound})
	stuckLock(t, c, name, bridge.CodeGone)
	c.Clock.Add(50 * time.Minute)
	stuckLock(t, c, name, bridge.CodeGone)
	c.Clock.Add(10 * time.Minute)
	for range 2 {
		if _, err := c.Flow.RunLock(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if r := recovery(t, c, name); r.Locking() || len(c.Events("lock.refused")) != 1 {
		t.Errorf("locking %v", r.Locking())
	}
}

// refusedWrites refuses every new credential.
func refusedWrites(c *campus.Campus) (mend func()) {
	return c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusForbidden})
}

// Patience counts from the last time that something else happened: a refusal of before is no reason after an outage, nor after a step that went through.
func TestPatienceWithARefusalBeginsAgain(t *testing.T) {
	t.Parallel()
	t.Run("after an outage", func(t *testing.T) {
		t.Parallel()
		c, _, name, id := lockBegun(t)
		mend := refusedWrites(c)
		stuckLock(t, c, name, bridge.CodeRefusedByAccount)
		mend()
		c.Clock.Add(time.Minute)
		mend = c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusServiceUnavailable})
		if next, err := c.Flow.RunLock(t.Context(), id); err != nil || next.IsZero() {
			t.Fatal(next, err)
		}
		mend()
		refusedWrites(c)
		givenUpLock(t, c, name)
		if n := len(c.Events("lock.stuck")); n != 1 {
			t.Errorf("%d times on record", n)
		}
	})
	t.Run("after the tombstone", func(t *testing.T) {
		t.Parallel()
		c, _, name, id := lockBegun(t)
		mend := refusedWrites(c)
		stuckLock(t, c, name, bridge.CodeRefusedByAccount)
		mend()
		for _, k := range c.KC.Credentials(id) {
			if k.Type == "webauthn" {
				c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + k.ID, Status: http.StatusForbidden})
			}
		}
		for range 2 {
			c.Clock.Add(time.Minute)
			stuckLock(t, c, name, bridge.CodeRefusedByAccount)
		}
		c.Clock.Add(time.Minute)
		calmLocked(t, c, name)
	})
}

// WB-13: once something was removed a lock is never given up as one that changed nothing, even if the tombstone is taken away and refused since.
func TestALockThatRemovedSomethingIsNotGivenUp(t *testing.T) {
	t.Parallel()
	c, _, name, id := lockBegun(t)
	mendDelete := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Skip: 1, Status: http.StatusForbidden})
	stuckLock(t, c, name, bridge.CodeRefusedByAccount)
	stone := recovery(t, c, name).Lock.Tombstone.ID
	mendDelete()
	if err := c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: stone}); err != nil {
		t.Fatal(err)
	}
	mendWrite := refusedWrites(c)
	for range 4 {
		c.Clock.Add(time.Minute)
		stuckLock(t, c, name, bridge.CodeRefusedByAccount)
	}
	if r := recovery(t, c, name); r.Lock.Tombstone.ID != stone || len(c.Events("lock.refused")) != 0 {
		t.Errorf("given up: %+v", r.Lock)
	}
	mendWrite()
	calmLocked(t, c, name)
	lockedUp(t, c, name)
}

// WB-13: a second factor whose removal fails for good, with whatever Keycloak answers, holds up neither the others nor the end of the sessions; an administrator sees
// it after ten minutes, and then it is left like one that is refused.
func TestARemovalThatFailsForGoodHoldsUpNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusConflict} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			c, _, name, id := lockBegun(t)
			var passkey string
			for _, one := range c.KC.Credentials(id) {
				if one.Type == "webauthn" {
					passkey = one.ID
				}
			}
			mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + passkey, Status: status})
			defer mend()
			for _, later := range []time.Duration{0, 5 * time.Minute, 4 * time.Minute} {
				c.Clock.Add(later)
				next, err := c.Flow.RunLock(t.Context(), id)
				if err != nil || next.Sub(c.Clock.Now()) > 10*time.Second || len(factorsOf(c, name)) != 2 || c.KC.Sessions(id) != 0 || len(marks(t, c)) != 0 {
					t.Fatalf("next %v, %v, left %v", next, err, factorsOf(c, name))
				}
			}
			c.Clock.Add(2 * time.Minute)
			stuckLock(t, c, name, bridge.CodeKeycloakAway)
			c.Clock.Add(time.Minute)
			stuckLock(t, c, name, bridge.CodeKeycloakAway)
			c.Clock.Add(time.Minute)
			calmLocked(t, c, name)
			if got := c.Events("lock.kept"); len(got) != 1 || len(c.Events("lock.stuck")) != 1 {
				t.Errorf("alarms %+v", got)
			}
		})
	}
}

// Issue 5: so with a swap: the old authenticator that works on is seen by an administrator, while one that waits for Keycloak as a whole is not.
func TestASwapThatFailsForGoodIsSeen(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "fails")
	writing(t, c, name)
	id := c.KC.PersonID(name)
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusInternalServerError})
	gone := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusServiceUnavailable, RetryAfter: "60"})
	look := func(marked bool) {
		t.Helper()
		_, err := c.Flow.RunSwap(t.Context(), id)
		_, needed := recovery(t, c, name).Attention()
		if bridge.CodeOf(err) != bridge.CodeKeycloakAway || bridge.PauseOf(err, 0) > 8*time.Second || needed != marked {
			t.Fatal(err, bridge.PauseOf(err, 0), needed)
		}
	}
	look(false)
	c.Clock.Add(11 * time.Minute)
	look(false)
	gone()
	look(true)
	look(true)
	mend()
	if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() || len(c.Events("swap.stuck")) != 1 || len(marks(t, c)) != 0 {
		t.Error(next, err)
	}
}
