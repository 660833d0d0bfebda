package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// SWAP-11: the store loses the recovery at any step. What the trail knows is enough: with the new credential there it is finished and
// notices are sent, without it nothing was changed.
func TestASwapWhoseRecoveryIsLostIsFinishedFromTheTrail(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s after=%v", steps[n].name, after), func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				name := member(c, "somebody")
				_, key := writing(t, c, name)
				id := c.KC.PersonID(name)
				if _, err := flowOn(c, &cutTarget{left: n, after: after}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				intent := intentOf(t, c, "swap")
				for range 2 { // it may be found twice
					if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
						t.Fatal(err)
					}
				}
				if n == 1 && !after {
					closedLater(t, c, intent, "swap.refused")
					oldStill(t, c, name)
					return
				}
				newOnly(t, c, name, key)
				if len(c.Events("swap.done")) == 0 || len(c.Mails(bridge.NoticeCompleted)) == 0 || c.KC.Sessions(id) > 1 {
					t.Error("audit, notice or the end of sessions is missing")
				}
			})
		}
	}
}

// closedLater wants an intent of which nothing stands to be open for five minutes, and closed then.
func closedLater(t *testing.T, c *campus.Campus, i bridge.Intent, as string) {
	t.Helper()
	if len(c.Events(as)) != 0 {
		t.Fatal("closed while a call may still be under way")
	}
	c.Clock.Add(5 * time.Minute)
	if err := c.Flow.FinishIntent(t.Context(), i); err != nil || len(c.Events(as)) != 1 {
		t.Fatalf("%v, %d times %s", err, len(c.Events(as)), as)
	}
}

// What Keycloak was slow with comes to stand after the first look at the trail: the intent was left open, and is finished.
func TestALostSwapWaitsForASlowKeycloak(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	_, key := writing(t, c, name)
	id := c.KC.PersonID(name)
	slow := &cutTarget{left: 1}
	var late bridge.Action
	f := flowOn(c, slow)
	f.Target = caught{slow, &late}
	if _, err := f.RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	intent := intentOf(t, c, "swap")
	c.Clock.Add(11 * time.Second)
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil || len(c.Events("swap.refused")) != 0 {
		t.Fatal(err)
	}
	if err := c.Flow.Target.Do(t.Context(), id, late); err != nil {
		t.Fatal(err)
	}
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil || len(c.Events("swap.done")) != 1 {
		t.Fatal(err)
	}
	newOnly(t, c, name, key)
}

// caught remembers the write that was lost on the way.
type caught struct {
	bridge.SwapTarget
	write *bridge.Action
}

func (k caught) Do(ctx context.Context, person string, a bridge.Action) error {
	if a.Kind == bridge.ActionAdd {
		*k.write = a
		k.write.Until = time.Time{} // it was sent in time
	}
	return k.SwapTarget.Do(ctx, person, a)
}

// An account that is out of reach closes no intent within the hour in which a swap waits for it too.
func TestALostSwapWaitsForAnAccountOutOfReach(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	_, key := writing(t, c, name)
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 1, after: true}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	intent := intentOf(t, c, "swap")
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusNotFound})
	c.Clock.Add(50 * time.Minute)
	if err := c.Flow.FinishIntent(t.Context(), intent); bridge.CodeOf(err) != bridge.CodeKeycloakAway || len(c.Events("swap.refused")) != 0 {
		t.Fatalf("%v, closed", err)
	}
	mend()
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
		t.Fatal(err)
	}
	newOnly(t, c, name, key)
}

// A lost swap that Keycloak refuses in its midst is an alarm, once, and goes on.
func TestALostSwapThatIsStuckIsSeen(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	_, key := writing(t, c, name)
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 1, after: true}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusForbidden})
	intent := intentOf(t, c, "swap")
	for range 2 {
		if err := c.Flow.FinishIntent(t.Context(), intent); bridge.CodeOf(err) != bridge.CodeRefusedByAccount || len(c.Events("swap.stuck")) != 1 {
			t.Fatalf("%v, %d times on record", err, len(c.Events("swap.stuck")))
		}
		intent.Stuck = c.Clock.Now() // as the trail says
	}
	mend()
	if err := c.Flow.AdministerIntent(t.Context(), intent, bridge.AdminRetry); err != nil || len(c.Events("admin.retry")) != 1 {
		t.Fatal(err)
	}
	newOnly(t, c, name, key)
}

// SWAP-11: a swap whose job was given up or lost, but not its recovery, gets its job back.
func TestASwapWithoutAJobIsFoundInTheTrail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	_, key := writing(t, c, name)
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 2}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if err := c.Store.Jobs.Remove(t.Context(), bridge.JobSwap, id); err != nil {
		t.Fatal(err)
	}
	c.Second(t)
	if err := c.Flow.FinishIntent(t.Context(), intentOf(t, c, "swap")); err != nil {
		t.Fatal(err)
	}
	c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
	newOnly(t, c, name, key)
}

// lockCut is somebody whose lock was begun and whose store is lost after n of its actions, the last one done or not.
func lockCut(t *testing.T, n int, after bool) (c *campus.Campus, name string, i bridge.Intent) {
	t.Helper()
	c = campus.Open(t)
	name = robbed(c, "robbed")
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	id, begun := c.KC.PersonID(name), c.Clock.Now()
	if _, err := flowOn(c, &cutTarget{left: n, after: after}).RunLock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Flow.Recoveries.Delete(t.Context(), id), c.Store.Jobs.Remove(t.Context(), bridge.JobLock, id)); err != nil {
		t.Fatal(err)
	}
	i = intentOf(t, c, "lock")
	i.Begun = begun // before the sessions were ended, of which Keycloak notes whole seconds
	return c, name, i
}

// SWAP-11, WB-13: the store loses a lock at any step. With the tombstone there the stolen second factors go and the addresses hear of it,
// without it nothing was changed, and the trail says so.
func TestALockWhoseRecoveryIsLostIsFinishedFromTheTrail(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 7; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d after=%v", n, after), func(t *testing.T) {
				t.Parallel()
				c, name, intent := lockCut(t, n, after)
				before := factorsOf(c, name)
				for range 2 { // it may be found twice
					if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
						t.Fatal(err)
					}
				}
				if n == 1 && !after {
					closedLater(t, c, intent, "lock.refused")
					if got := factorsOf(c, name); !slices.Equal(got, before) {
						t.Errorf("second factors %v", got)
					}
					return
				}
				lockedUp(t, c, name)
				if len(c.Events("lock.done")) == 0 || len(c.Mails(bridge.NoticeLocked)) == 0 {
					t.Error("audit or notice is missing")
				}
			})
		}
	}
}

// WB-13: what a thief adds while a lock is lost goes with the rest. What came after another recovery began, or after a day, may be the person's: it
// stays, is counted and an alarm; so is what Keycloak refuses to remove.
func TestALostLockLeavesAThiefNothing(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"at once": time.Minute, "a day later": 25 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, name, intent := lockCut(t, 2, false)
			c.KC.AddCredential(intent.Person, fakekc.Credential{ID: "later", Type: bridge.TypeOTP, Label: "new phone", Created: c.Clock.Now(), Data: "{}", SecretData: "{}"})
			stays := intent.Removed[slices.IndexFunc(intent.Removed, func(id string) bool { return kindOf(c, intent.Person, id) == "webauthn" })]
			c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + stays, Status: http.StatusForbidden})
			c.Clock.Add(wait)
			for _, stuck := range []time.Time{{}, c.Clock.Now().Add(-time.Minute)} { // what the trail says of lock.stuck
				intent.Stuck = stuck
				if err := c.Flow.FinishIntent(t.Context(), intent); bridge.CodeOf(err) != bridge.CodeRefusedByAccount || len(c.Events("lock.stuck")) != 1 {
					t.Fatalf("%v, stuck %d times", err, len(c.Events("lock.stuck")))
				}
			}
			intent.Stuck = c.Clock.Now().Add(-2 * time.Minute)
			if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, k := range c.KC.Credentials(intent.Person) {
				if k.Type != bridge.TypePassword {
					left = append(left, k.ID)
				}
			}
			want, kept := []string{stays, intent.Added}, "1"
			if wait > bridge.KeepEnded {
				want, kept = append(want, "later"), "2"
			}
			slices.Sort(left)
			slices.Sort(want)
			if !slices.Equal(left, want) {
				t.Errorf("%s: left are %v, want %v", name, left, want)
			}
			if e := c.Events("lock.done"); len(e) != 1 || e[0].Detail["kept"] != kept || len(c.Events("lock.kept")) != 1 || fmt.Sprint(c.Mails(bridge.NoticeLocked)[0].Kept) != kept {
				t.Errorf("on record %+v", e)
			}
		})
	}
}

// Issue 5: a removal that fails with whatever Keycloak answers holds up neither the others nor the end of the sessions, is tried each time, and an administrator sees it
// after ten minutes; a swap that is lost is seen likewise.
func TestALostRemovalThatFailsForGoodIsSeen(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusConflict} {
		c, name, intent := lockCut(t, 2, false)
		stays := intent.Removed[slices.IndexFunc(intent.Removed, func(id string) bool { return kindOf(c, intent.Person, id) == "webauthn" })]
		mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + stays, Status: status})
		for wait, stuck := range []int{0, 1} {
			err := c.Flow.FinishIntent(t.Context(), intent)
			if bridge.CodeOf(err) != bridge.CodeKeycloakAway || len(c.Events("lock.stuck")) != stuck || len(factorsOf(c, name)) != 2 || c.KC.Sessions(intent.Person) != 0 {
				t.Fatalf("%d, look %d: %v, stuck %d times, left %v", status, wait, err, len(c.Events("lock.stuck")), factorsOf(c, name))
			}
			c.Clock.Add(11 * time.Minute)
		}
		mend()
		if err := c.Flow.FinishIntent(t.Context(), intent); err != nil || len(c.Events("lock.kept")) != 0 {
			t.Fatal(err)
		}
		lockedUp(t, c, name)
	}
}

// A lock that another replica brought to its end is not taken up again beside the authenticator that the person has registered since.
func TestALostLockSparesWhatCameAfterItsEnd(t *testing.T) {
	t.Parallel()
	c, name, intent := lockCut(t, 8, true)
	c.KC.AddCredential(intent.Person, fakekc.Credential{ID: "new", Type: bridge.TypeOTP, Label: "new phone", Created: c.Clock.Now(), Data: "{}", SecretData: "{}"})
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
		t.Fatal(err)
	}
	if got := otps(c, name); !slices.Equal(got, []string{intent.Added, "new"}) || len(c.Events("lock.kept")) != 1 {
		t.Errorf("authenticators %v", got)
	}
}

func kindOf(c *campus.Campus, person, id string) string {
	for _, k := range c.KC.Credentials(person) {
		if k.ID == id {
			return k.Type
		}
	}
	return ""
}

// An OTP that Keycloak refuses to remove keeps the lock open, however long, while the rest goes.
func TestALostLockNeverEndsBesideAnOTP(t *testing.T) {
	t.Parallel()
	c, name, intent := lockCut(t, 2, false)
	stays := intent.Removed[slices.IndexFunc(intent.Removed, func(id string) bool { return kindOf(c, intent.Person, id) == bridge.TypeOTP })]
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + stays, Status: http.StatusForbidden})
	intent.Stuck = c.Clock.Now().Add(-time.Hour)
	if err := c.Flow.FinishIntent(t.Context(), intent); bridge.CodeOf(err) != bridge.CodeRefusedByAccount || len(c.Events("lock.done")) != 0 {
		t.Fatal(err)
	}
	if got := factorsOf(c, name); len(got) != 2 {
		t.Errorf("second factors %v", got)
	}
	mend()
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil || len(c.Events("lock.kept")) != 0 {
		t.Fatal(err)
	}
	lockedUp(t, c, name)
}

// A lock that is still in the store goes on by its job, and one that another replica finished is put on record.
func TestALockInTheStoreIsLeftToItsJob(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "robbed")
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 2}).RunLock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := c.Store.Jobs.Remove(t.Context(), bridge.JobLock, id); err != nil {
		t.Fatal(err)
	}
	c.Second(t)
	intent := intentOf(t, c, "lock")
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
		t.Fatal(err)
	}
	c.Wait(t, "the lock", func() bool { return recovery(t, c, name).Locked() })
	lockedUp(t, c, name)
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil || len(c.Events("lock.done")) != 2 {
		t.Errorf("%v, %d ends on record", err, len(c.Events("lock.done")))
	}
}
