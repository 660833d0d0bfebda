package web_test

import (
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
					oldStill(t, c, name)
					if len(c.Events("swap.refused")) == 0 {
						t.Error("the trail does not say that nothing was changed")
					}
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
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: n, after: after}).RunLock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Flow.Recoveries.Delete(t.Context(), id), c.Store.Jobs.Remove(t.Context(), bridge.JobLock, id)); err != nil {
		t.Fatal(err)
	}
	return c, name, intentOf(t, c, "lock")
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
					if got := factorsOf(c, name); !slices.Equal(got, before) || len(c.Events("lock.refused")) == 0 {
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

// What a person registered after the theft, while nobody looked at the trail, is left alone, and so is what Keycloak refuses to remove.
func TestALostLockRemovesNothingThatCameLater(t *testing.T) {
	t.Parallel()
	c, name, intent := lockCut(t, 2, false)
	c.KC.AddCredential(intent.Person, fakekc.Credential{ID: "later", Type: bridge.TypeOTP, Label: "new phone", Created: c.Clock.Now(), Data: "{}", SecretData: "{}"})
	stays := intent.Removed[slices.IndexFunc(intent.Removed, func(id string) bool { return kindOf(c, intent.Person, id) == "webauthn" })]
	c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/" + stays, Status: http.StatusForbidden})
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
	slices.Sort(left)
	want := []string{stays, "later", intent.Added}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("%s: left are %v, want %v", name, left, want)
	}
	if e := c.Events("lock.done"); len(e) != 1 || e[0].Detail["kept"] != "1" || len(c.Events("lock.kept")) != 1 || c.Mails(bridge.NoticeLocked)[0].Kept != 1 {
		t.Errorf("on record %+v", e)
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
