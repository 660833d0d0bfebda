package e2e_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

const (
	// fromTrail is how soon a swap or a lock that the store has lost is finished from the audit trail (SWAP-11).
	fromTrail = time.Minute
	// swept is how soon a gate that the store has lost is shut: a sweep begins each minute.
	swept = time.Minute + slack
)

// Issue 5, STO-03, INV-6, INV-7: Redis goes away while the new credential is on its way to Keycloak, by a crash or by hanging, and comes back:
// somebody can sign in meanwhile, and the swap ends without the browser.
func TestJourneyRedisAwayInTheSwap(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	redis := rig.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newSite(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 }, behindProxy(t, proxy))
	for name, way := range map[string]struct{ away, back func() }{
		"stopped": {redis.Stop, redis.Start}, "hanging": {redis.Pause, redis.Resume},
	} {
		h, phone := s.ready(name)
		m := moment{step: stepNamed("add")}
		hold := proxy.Hold(m.after, m.matcher())
		typed := h.typeAndLeave(phone)
		hold.Wait(t)
		way.away()
		proxy.Pass()
		rig.Eventually(t, "the new credential stands", func() bool { return len(s.otps(name)) > 2 })
		s.mustOpen(m, name, phone)
		way.back()
		since := time.Now()
		<-typed
		s.mustFinish(h, phone, since)
	}
}

// newStores is how often the alarm "store is new" was given.
func (s *site) newStores() int {
	s.t.Helper()
	return s.figure(`otpbridge_alarms_total{event="store.new"}`)
}

// Issue 5, OPS-10, SWAP-11, INV-7: what the store held is lost in the midst of a swap. Nobody loses more than an open recovery. With FULL=1 also
// the embedded store, and a swap and a lock that were over by then.
func TestJourneyStoreLostInTheSwap(t *testing.T) {
	t.Parallel() // it waits for the next look at the trail
	losses := map[string]func(*testing.T){"everything in Redis": losesAll, "the last writes in Redis": losesLastWrites}
	if full() {
		losses["the file"], losses["the end in Redis"] = losesFile, losesTheEnd
	}
	rig.Together(t, losses)
}

// losesAll empties Redis: an alarm says so, the swap is finished from the audit trail, and a gate that was open is shut.
func losesAll(t *testing.T) {
	redis := rig.NewRedis(t)
	proxy := rig.NewProxy(t)
	s := newSite(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 }, behindProxy(t, proxy))
	open := s.hand("erin").ask()
	h, phone := s.ready("frank")
	s.hand("alice").sendID()
	if !gateOpensSoon(t, s.campus, "alice") {
		t.Fatal("no gate to lose")
	}
	before := s.newStores()
	s.loses(h, phone, proxy, moment{stepNamed("remove-1"), true}, redis.Flush)
	rig.Eventually(t, "the alarm", func() bool { return s.newStores() > before })
	rig.EventuallyWithin(t, swept, "the gate is shut", func() bool { return !s.gateOpen("alice") })
	open.Get(s.bridge.URL + "/recovery").Follow("")
	open.see("Your session has ended")
	s.mustHaveOnly("erin", s.hand("erin").recovers())
}

// losesFile takes the embedded store away with the machine; the trail was kept elsewhere.
func losesFile(t *testing.T) {
	proxy := rig.NewProxy(t)
	s := newSite(t, behindProxy(t, proxy))
	one := s.bridge.Replicas[0]
	for _, m := range []moment{{stepNamed("add"), true}, {stepNamed("remove-2"), false}, {stepNamed("last-look"), true}} {
		h, phone := s.ready(m.String())
		s.loses(h, phone, proxy, m, func() {
			one.Kill()
			s.losesItsFile()
			one.Start()
			one.WaitReady()
		})
		if s.newStores() != 1 {
			t.Error("no alarm says that the store is new")
		}
	}
}

// losesItsFile takes the embedded store away while nothing runs.
func (s *site) losesItsFile() {
	s.t.Helper()
	if err := os.Remove(strings.Replace(s.bridge.Config, "otpbridge.yaml", "state.db", 1)); err != nil {
		s.t.Fatal(err)
	}
}

// losesLastWrites brings Redis back from an older copy, as a failover may: it takes the recovery for one that waits for a code. The swap is finished
// from the trail, and the key is not shown again, since the sign-in ended with the swap. What began after the copy is gone, and no more.
func losesLastWrites(t *testing.T) {
	redis := rig.NewRedis(t)
	proxy := rig.NewProxy(t)
	s := newSite(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 }, behindProxy(t, proxy))
	kept := s.hand("erin").ask()
	h, phone := s.ready("frank")
	redis.Save()
	s.add(realm.Person{Name: "grace"})
	lost := s.hand("grace").ask()
	s.loses(h, phone, proxy, moment{stepNamed("remove-1"), true}, func() {
		redis.Stop()
		redis.Start()
	})
	kept.Get(s.bridge.URL + "/recovery").Follow("")
	kept.see("Sent to")
	lost.Get(s.bridge.URL + "/recovery").Follow("")
	lost.see("Your session has ended")
	h.Get(s.bridge.URL + "/recovery").Follow("")
	if h.sees("Register your new authenticator app") {
		t.Error("the key of a swap that is over is shown again")
	}
}

// losesTheEnd brings Redis back as it was in the midst of a swap and of a lock. Both are over by then, and what they wrote was replaced: the first authenticator
// by another recovery, the tombstone by the new one. Nothing of that is undone.
func losesTheEnd(t *testing.T) {
	redis := rig.NewRedis(t)
	proxy := rig.NewProxy(t)
	s := newSite(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 }, behindProxy(t, proxy))
	restore := func(name string, phone *rig.Phone) {
		redis.Stop()
		redis.Start()
		rig.Eventually(t, "nothing of "+name+" is under way", func() bool { return strings.Contains(s.recoveries("show", name).err, "has a recovery that is open") })
		s.mustHaveOnly(name, phone)
	}

	h, first := s.ready("swapped")
	hold := proxy.Hold(true, stepNamed("remove-1").matcher())
	typed := h.typeAndLeave(first)
	hold.Wait(t)
	redis.Save()
	proxy.Pass()
	<-typed
	s.mustFinish(h, first, time.Now())
	mails := len(s.mailbox.Messages("swapped@example.net"))
	rig.EventuallyWithin(t, 2*time.Minute, "another mail, one a minute", func() bool {
		h = s.hand("swapped").typeID().typePassword()
		h.SubmitTo("/recovery", "do", "start", "reason", "changed", "way", "mail").Follow("")
		return h.sees("Sent to")
	})
	h.prove(h.link(mails + 1))
	second := h.enrol()
	h.seeDone()
	restore("swapped", second)

	h = s.robbed("locked").reports()
	hold = proxy.Hold(true, stepNamed("remove-1").matcher())
	over := h.redeemAndLeave()
	hold.Wait(t)
	redis.Save()
	proxy.Pass()
	<-over
	s.mustBeLocked(h, time.Now())
	restore("locked", h.enrol())
}

// loses lets the store lose something at a moment of a swap, and waits until the swap is finished from the trail.
func (s *site) loses(h *hand, phone *rig.Phone, proxy *rig.Proxy, m moment, lose func()) {
	s.t.Helper()
	hold := proxy.Hold(m.after, m.matcher())
	typed := h.typeAndLeave(phone)
	hold.Wait(s.t)
	lose()
	since := time.Now()
	proxy.Drop()
	<-typed
	s.mustOpen(m, h.name, phone)
	rig.EventuallyWithin(s.t, 2*fromTrail, h.name+" is done", func() bool { return s.onRecord("swap.done", h.name) > 0 })
	s.mustHaveEndedWithin(fromTrail, "swap.done", h.name, since)
	s.mustHaveOnly(h.name, phone)
	rig.Eventually(s.t, "a notice", func() bool { return len(s.notices(h.name+"@example.net")) == 1 })
}

// Issue 5, SWAP-03, INV-8: two replicas at one swap. The first one sleeps in the midst of its call, the second one takes over, and what the first had
// sent arrives when all is over. Then both are killed and race to resume. Each time there is one credential, one notice, one pair of records.
func TestJourneyTwoReplicasRaceForTheSwap(t *testing.T) {
	t.Parallel() // it waits for leases
	proxy := rig.NewProxy(t)
	s := newSite(t, twoOnRedis(t), behindProxy(t, proxy))
	first, second := s.bridge.Replicas[0], s.bridge.Replicas[1]

	h, phone := s.ready("sleeper")
	s.bridge.Front.Only(first)
	second.Pause()
	hold := proxy.Hold(false, stepNamed("add").matcher())
	typed := h.typeAndLeave(phone)
	hold.Wait(t)
	first.Pause()
	second.Resume()
	since := time.Now()
	s.bridge.Front.Only(second)
	rig.Eventually(t, "the second one has finished", func() bool { return s.onRecord("swap.done", h.name) > 0 })
	proxy.Pass()
	first.Resume()
	<-typed
	s.mustFinish(h, phone, since)
	first.WaitReady()
	s.bridge.Front.Only(nil)

	h, phone = s.ready("racer")
	hold = proxy.Hold(true, stepNamed("remove-1").matcher())
	typed = h.typeAndLeave(phone)
	hold.Wait(t)
	first.Kill()
	second.Kill()
	proxy.Drop()
	<-typed
	first.Start()
	second.Start()
	first.WaitReady()
	second.WaitReady()
	s.mustFinish(h, phone, time.Now())
}
