package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/e2e/rig"
)

// SWAP-09: the process is told to end while a call of a swap is on its way. What Keycloak answers in time is finished within the drain; what it does not is
// left to another process, or to the next one. The person's page says that it goes on, and moves on by itself.
func TestJourneyToldToEndInTheSwap(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T){"redis": func(t *testing.T) { toldToEndInTheSwap(t, twoOnRedis(t)) }}
	if full() {
		stores["bbolt"] = func(t *testing.T) { toldToEndInTheSwap(t) }
	}
	rig.Together(t, stores)
}

func toldToEndInTheSwap(t *testing.T, change ...func(*rig.Setup)) {
	t.Helper()
	proxy := rig.NewProxy(t)
	s := newSite(t, append(change, behindProxy(t, proxy))...)
	s.toldToEnd("answered", true, proxy, func() {
		if done := s.trails("swap.done", "answered"); done[0] != 1 {
			t.Errorf("the process that was told to end has not finished its swap: %v", done)
		}
	})
	s.toldToEnd("unanswered", false, proxy, func() {
		if n := s.onRecord("swap.done", "unanswered"); n != 0 {
			t.Errorf("%d ends on record without Keycloak", n)
		}
	})
}

// toldToEnd tells the first replica to end in the midst of a swap that gets its answer from Keycloak, or does not; ended looks at what is left then.
func (s *site) toldToEnd(name string, answered bool, proxy *rig.Proxy, ended func()) {
	s.t.Helper()
	first, others := s.bridge.Replicas[0], s.bridge.Replicas[1:]
	h, phone := s.ready(name)
	s.bridge.Front.Only(first)
	for _, other := range others {
		other.Pause() // so that the first one works
	}
	hold := proxy.Hold(false, stepNamed("remove-1").matcher())
	typed := h.typeAndLeave(phone)
	hold.Wait(s.t)
	told, drains := time.Now(), strings.Count(first.LogText(), `"draining"`)
	over := make(chan struct{})
	go func() {
		defer close(over)
		first.Stop()
	}()
	rig.Eventually(s.t, "it says that it is about to end", func() bool { return strings.Count(first.LogText(), `"draining"`) > drains })
	for _, other := range others {
		other.Resume()
	}
	s.bridge.Front.Only(nil)
	if answered {
		proxy.Pass()
	} else {
		proxy.Down()
	}
	<-over
	if took := time.Since(told); took > 25*time.Second {
		s.t.Errorf("%s: it took %s to end", name, took)
	}
	<-typed
	ended()
	first.Start()
	if answered {
		first.WaitReady()
		s.mustFinish(h, phone, time.Now())
		return
	}
	rig.Eventually(s.t, "pages are served", func() bool { return h.Get(s.bridge.URL+"/").Status == http.StatusOK })
	page := h.inChromium("/recovery").See("Registering").See("It takes longer than usual.")
	proxy.Up()
	s.mustEndSoon("swap.done", name, time.Now())
	page.See("Your one-time password is set up.")
	s.mustBeDone(name, phone)
}
