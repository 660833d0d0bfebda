package web_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/phone"
)

// onEitherWitness runs a test with what tells that something is over: this process's own trail, or, when another replica wrote that, the account alone.
func onEitherWitness(t *testing.T, run func(*testing.T, *campus.Campus)) {
	for _, witness := range []string{"trail", "account"} {
		t.Run(witness, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			if witness == "account" {
				c.Flow.Ended = nil
			}
			run(t, c)
		})
	}
}

// comesBackOld puts an earlier copy of a recovery into the store.
func comesBackOld(t *testing.T, c *campus.Campus, old bridge.Recovery) {
	t.Helper()
	_, err := c.Flow.Recoveries.Update(t.Context(), old.Person, 0, func(bridge.Recovery, bool) (bridge.Recovery, error) { return old, nil })
	if err != nil {
		t.Fatal(err)
	}
}

// registers types a code in front of the key, and does the work.
func (p *person) registers(name string) (key phone.Key) {
	p.t.Helper()
	p.open("/enrol", http.StatusOK)
	key = p.scan()
	p.confirm(p.code(key), http.StatusOK)
	if next, err := p.c.Flow.RunSwap(p.t.Context(), p.c.KC.PersonID(name)); err != nil || !next.IsZero() {
		p.t.Fatal(next, err)
	}
	return key
}

// lockCopy is somebody whose account is locked, and the recovery as it was when the lock was under way.
func lockCopy(t *testing.T, c *campus.Campus) (p *person, name string, old bridge.Recovery) {
	t.Helper()
	name = robbed(c, "robbed")
	p = newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 3, after: true}).RunLock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if old = recovery(t, c, name); !old.Locking() || !old.Lock.Removing {
		t.Fatalf("no lock under way: %+v", old.Lock)
	}
	c.Clock.Add(2 * time.Second) // Keycloak notes whole seconds
	if next, err := c.Flow.RunLock(t.Context(), id); err != nil || !next.IsZero() || !recovery(t, c, name).Locked() {
		t.Fatal(next, err)
	}
	return p, name, old
}

// WB-13, INV-2: the store comes back as it was in the midst of a lock; since then the person has registered a new authenticator: that stays.
func TestALockThatComesBackOldLocksNobody(t *testing.T) {
	t.Parallel()
	onEitherWitness(t, func(t *testing.T, c *campus.Campus) {
		p, name, old := lockCopy(t, c)
		key := p.registers(name)
		mails := len(c.Mails(""))
		comesBackOld(t, c, old)
		if next, err := c.Flow.RunLock(t.Context(), old.Person); err != nil || !next.IsZero() {
			t.Fatal(next, err)
		}
		if r := recovery(t, c, name); r.Locking() || r.Open() || r.Key != nil || len(c.Mails("")) != mails {
			t.Errorf("state %s, locking %v, %d mails of %d", r.State, r.Locking(), len(c.Mails("")), mails)
		}
		newOnly(t, c, name, key)
	})
}

// The same in the midst of the swap that followed: the tombstone still stands, and the new authenticator beside it.
func TestALockThatComesBackOldSparesASwapUnderWay(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p, name, old := lockCopy(t, c)
	p.open("/enrol", http.StatusOK)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	if _, err := flowOn(c, &cutTarget{left: 2}).RunSwap(t.Context(), old.Person); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	comesBackOld(t, c, old)
	if next, err := c.Flow.RunLock(t.Context(), old.Person); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	if got := otps(c, name); len(got) != 2 {
		t.Fatalf("authenticators %v", got)
	}
	if err := c.Flow.FinishIntent(t.Context(), intentOf(t, c, "swap")); err != nil {
		t.Fatal(err)
	}
	newOnly(t, c, name, key)
}

// SWAP-11, INV-8: nor does the watch take away what a swap of our own wrote, with the tombstone beside it or gone already, when the store has forgotten that; and
// nobody is blamed for it.
func TestTheWatchSparesASwapThatTheStoreForgot(t *testing.T) {
	t.Parallel()
	for left, want := range map[int]int{2: 2, 4: 1} {
		t.Run(strings.Repeat("i", left), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p, name, _ := lockCopy(t, c)
			p.open("/enrol", http.StatusOK)
			key, old := p.scan(), recovery(t, c, name)
			p.confirm(p.code(key), http.StatusOK)
			if _, err := flowOn(c, &cutTarget{left: left}).RunSwap(t.Context(), old.Person); !errors.Is(err, errKilled) || len(otps(c, name)) != want {
				t.Fatal(otps(c, name), err)
			}
			comesBackOld(t, c, old)
			for range 3 {
				watchOnce(t, c, old.Person)
			}
			if got := otps(c, name); len(got) != want || len(c.Events("lock.intruder")) != 0 {
				t.Fatalf("left %v, alarms %+v", got, c.Events("lock.intruder"))
			}
			if err := c.Flow.FinishIntent(t.Context(), intentOf(t, c, "swap")); err != nil {
				t.Fatal(err)
			}
			newOnly(t, c, name, key)
			parked(c, name, bridge.TypeOTP)
			watchOnce(t, c, old.Person)
			if got := c.Events("lock.intruder"); len(got) != 1 || got[0].Detail["recovered"] != "true" {
				t.Errorf("alarms %+v", got)
			}
		})
	}
}

// WB-13: a lock that the store holds as under way and that is over is watched on, whatever told that it is over.
func TestALockThatComesBackOldIsWatched(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"job", "trail"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			_, name, old := lockCopy(t, c)
			intent := intentOf(t, c, "lock")
			if err := c.Flow.Watches.Delete(t.Context(), old.Person); err != nil {
				t.Fatal(err)
			}
			var err error
			if how == "trail" {
				err = c.Flow.FinishIntent(t.Context(), intent)
			} else {
				comesBackOld(t, c, old)
				_, err = c.Flow.RunLock(t.Context(), old.Person)
			}
			if _, absent := c.Flow.Watches.Get(t.Context(), old.Person); err != nil || absent != nil {
				t.Fatal("not watched", err, absent)
			}
			parked(c, name, bridge.TypeOTP)
			watchOnce(t, c, old.Person)
			if n := len(otps(c, name)); n != 1 || len(c.Events("lock.intruder")) != 1 {
				t.Errorf("%d authenticators", n)
			}
		})
	}
}

// SWAP-11, WB-13: the store comes back as it was right after the proof, before the lock had a plan, while the lock is under way or over: it is neither refused nor
// begun anew, and its account is watched.
func TestALockThatTheStoreForgotIsNotRefused(t *testing.T) {
	t.Parallel()
	onEitherWitness(t, func(t *testing.T, c *campus.Campus) {
		c.StopWork()
		for _, left := range []int{6, 8, 0} {
			name := robbed(c, "robbed"+strings.Repeat("x", left))
			p := newPerson(t, c)
			p.reports(name)
			p.comesBack(name, lastLink(t, c).Link.Reveal())
			p.send("/link", http.StatusOK, "do", "redeem")
			old, id := recovery(t, c, name), c.KC.PersonID(name)
			if old.Lock != nil {
				t.Fatal("the lock has begun")
			}
			if left > 0 {
				_, _ = flowOn(c, &cutTarget{left: left, after: true}).RunLock(t.Context(), id) // dies
			} else if _, err := c.Flow.RunLock(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			before := otps(c, name)
			comesBackOld(t, c, old)
			if err := c.Flow.Watches.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if next, err := c.Flow.RunLock(t.Context(), id); err != nil || !next.IsZero() || !recovery(t, c, name).Locked() {
				t.Fatal(left, next, err, recovery(t, c, name).Lock)
			}
			after := otps(c, name)
			if _, err := c.Flow.Watches.Get(t.Context(), id); err != nil || len(c.Events("lock.refused")) != 0 || len(after) != 1 || !slices.Contains(before, after[0]) {
				t.Errorf("%d: watch %v, refused %d times, %v after %v", left, err, len(c.Events("lock.refused")), after, before)
			}
			newOnly(t, c, name, p.registers(name))
		}
	})
}

// WB-13: a lock that is resumed is not over because the thief has taken its tombstone away meanwhile: it is written again.
func TestALockWhoseTombstoneIsGoneIsNotOver(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "resumed")
	p := newPerson(t, c)
	p.reports(name)
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	c.StopWork()
	p.send("/link", http.StatusOK, "do", "redeem")
	id := c.KC.PersonID(name)
	cut := &cutTarget{left: 7, after: true}
	if _, err := flowOn(c, cut).RunLock(t.Context(), id); err != nil || len(otps(c, name)) != 1 || recovery(t, c, name).Locked() {
		t.Fatal(otps(c, name), err)
	}
	takeStone(t, c, name)
	theirs := parked(c, name, bridge.TypeOTP)
	if next, err := c.Flow.RunLock(t.Context(), id); err != nil || !next.IsZero() || !recovery(t, c, name).Locked() {
		t.Fatal(next, err)
	}
	if got := otps(c, name); len(got) != 1 || got[0] == theirs {
		t.Errorf("left %v", got)
	}
}

// SWAP-11, INV-8: the store comes back as it was in the midst of a swap, whose authenticator another recovery has replaced since: it is not written again.
func TestASwapThatComesBackOldRevivesNothing(t *testing.T) {
	t.Parallel()
	onEitherWitness(t, func(t *testing.T, c *campus.Campus) {
		name := member(c, "somebody")
		writing(t, c, name)
		id := c.KC.PersonID(name)
		before := recovery(t, c, name)
		if _, err := flowOn(c, &cutTarget{left: 2}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		old := recovery(t, c, name)
		if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() {
			t.Fatal(next, err)
		}
		c.Clock.Add(time.Hour)
		key := proven(t, c, name).registers(name)
		for _, copied := range []bridge.Recovery{old, before} {
			mails := len(c.Mails(""))
			comesBackOld(t, c, copied)
			if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() {
				t.Fatal(next, err)
			}
			if r := recovery(t, c, name); r.State != bridge.Done || r.Key != nil || len(c.Mails("")) != mails || len(c.Events("swap.intended")) != 2 {
				t.Errorf("state %s, %d mails of %d", r.State, len(c.Mails("")), mails)
			}
			newOnly(t, c, name, key)
		}
	})
}

// What an administrator ended is not taken up again by a store that comes back old.
func TestASwapThatWasEndedStaysSo(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	writing(t, c, name)
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 1}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	old := recovery(t, c, name)
	if _, err := c.Flow.Administer(t.Context(), id, old.ID, bridge.AdminCancel); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() || recovery(t, c, name).State != bridge.Ended {
			t.Fatal(next, err)
		}
		comesBackOld(t, c, old)
	}
	oldStill(t, c, name)
}

// Recovery codes that the person has saved are not taken back by a store that comes back as it was before they were written.
func TestCodesThatComeBackOldStay(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	ref := atTheEndBy(t, c, "owner")
	err := c.Flow.AskCodes(t.Context(), ref)
	if _, cut := flowOn(c, &cutTarget{left: 1, after: true}).RunCodes(t.Context(), ref.Recovery); err != nil || !errors.Is(cut, errKilled) {
		t.Fatal(err, cut)
	}
	old, err := c.Flow.CodeSets.Get(t.Context(), ref.Recovery)
	if err != nil || !old.Intended {
		t.Fatal(err)
	}
	if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil {
		t.Fatal(err)
	}
	if err := c.Flow.SaveCodes(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	ids, _ := sets(c, "owner")
	c.Clock.Add(bridge.CodesLife + 2*time.Minute)
	_, err = c.Flow.CodeSets.Update(t.Context(), ref.Recovery, 0, func(bridge.CodeSet, bool) (bridge.CodeSet, error) { return old, nil })
	if err != nil {
		t.Fatal(err)
	}
	if next, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	if now, _ := sets(c, "owner"); len(now) != 1 || strings.Join(now, "") != strings.Join(ids, "") || len(c.Mails(bridge.NoticeCodesBack)) != 0 {
		t.Errorf("sets %v, were %v", now, ids)
	}
	if _, err := c.Flow.CodeSets.Get(t.Context(), ref.Recovery); bridge.CodeOf(err) != bridge.CodeAbsent {
		t.Errorf("the codes are kept: %v", err)
	}
}
