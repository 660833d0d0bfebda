package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/e2e/rig"
)

// behindProxy puts a proxy before the campus's Keycloak.
func behindProxy(t *testing.T, p *rig.Proxy) func(*rig.Setup) {
	t.Helper()
	return func(s *rig.Setup) { s.Campus = rig.NewCampusAt(t, p.URL) }
}

// Keycloak is away when the product starts: it says that it is not ready, and becomes ready by itself.
func TestJourneyKeycloakAwayAtTheStart(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	setup := rig.Setup{Campus: rig.NewCampusAt(t, proxy.URL), Mailbox: rig.NewMailbox(t)}
	proxy.Down()
	b := rig.PrepareBridge(t, setup)
	s := &site{t: t, campus: setup.Campus, mailbox: setup.Mailbox, bridge: b}
	b.Replicas[0].Start()
	h := s.hand("alice")
	rig.Eventually(t, "the first page is served", func() bool { return h.Get(b.URL+"/").Status == http.StatusOK })
	if b.Replicas[0].Ready() {
		t.Error("ready without Keycloak")
	}
	h.mustBeToldAtTheID()
	proxy.Up()
	b.Replicas[0].WaitReady()
	s.hand("alice").recovers()
}

// mustBeToldAtTheID waits until the answer to an ID is that Keycloak is away; the answer comes after two seconds, on a busy machine before that is known.
func (h *hand) mustBeToldAtTheID() {
	h.s.t.Helper()
	rig.Eventually(h.s.t, "a 503 page that says why", func() bool {
		h.sendID()
		return h.Status == http.StatusServiceUnavailable && h.sees("The sign-in service cannot be reached")
	})
}

// Keycloak goes away between two steps: nothing is changed, and the person goes on with the same key when it is back.
func TestJourneyKeycloakAwayInBetween(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := newSite(t, behindProxy(t, proxy))
	h := s.hand("alice").ask()
	link := h.link(1)
	proxy.Down()
	s.hand("erin").mustBeToldAtTheID()
	if h.SubmitTo("/recovery", "do", "check").Follow("").Status != http.StatusOK || !h.sees("Sent to") {
		t.Errorf("waiting page: %s, want it to go on", h.Describe())
	}
	proxy.Up()
	h.prove(link)
	key := h.key()
	proxy.Down()
	phone := rig.NewPhone(t, key)
	h.SubmitTo("/enrol", "code", phone.Code(), "label", "")
	for h.Location != "" {
		h.Follow("")
	}
	if h.Status == http.StatusOK && h.sees("Your one-time password is set up.") {
		t.Errorf("without Keycloak: %s", h.Describe())
	}
	proxy.Up()
	rig.Eventually(t, "the swap goes on when Keycloak is back, or the key is still there", func() bool {
		h.Get(s.bridge.URL + "/recovery").Follow("")
		if h.sees("Register your new authenticator app") {
			if got := h.key(); got != key {
				t.Fatal("another key")
			}
			h.SubmitTo("/enrol", "code", phone.Code(), "label", "").Follow("")
		}
		return h.sees("Your one-time password is set up.")
	})
	s.mustHaveOnly("alice", phone)
}

// The mail server is away: the page says that the mail is delayed, and the mail comes when the server is back.
func TestJourneyMailServerAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mailbox.Down()
	h := s.hand("alice").typeID().typePassword().see("What will happen")
	h.SubmitTo("/recovery", "do", "start", "reason", "lost", "way", "mail").Follow("")
	rig.Eventually(t, "the page says that the mail is delayed", func() bool {
		h.Get(s.bridge.URL + "/recovery").Follow("")
		return h.sees("The mail is delayed")
	})
	h.see("The mail server does not answer.")
	s.mailbox.Up()
	rig.EventuallyWithin(t, time.Minute, "the second try, after 20 s", func() bool { return len(s.mailbox.Messages("alice@example.net")) > 0 })
	h.prove(h.link(1))
	phone := h.enrol()
	h.seeDone()
	s.mustHaveOnly("alice", phone)
}

// Redis dies and comes back with what it held: a 503 page meanwhile, and the person goes on.
func TestJourneyRedisAway(t *testing.T) {
	t.Parallel()
	redis := rig.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newSite(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 })
	h := s.hand("alice").ask()
	link := h.link(1)
	redis.Stop()
	for _, path := range []string{"/recovery", "/start", "/enrol"} {
		h.Get(s.bridge.URL + path)
		if h.Status != http.StatusServiceUnavailable || !h.sees("Our data store does not answer") {
			t.Errorf("%s without Redis: %s, want a 503 page", path, h.Describe())
		}
	}
	redis.Start()
	rig.Eventually(t, "the waiting page is back", func() bool {
		h.Get(s.bridge.URL + "/recovery").Follow("")
		return h.sees("Sent to")
	})
	h.prove(link)
	redis.Stop()
	phone := rig.NewPhone(t, h.key())
	h.SubmitTo("/enrol", "code", phone.Code(), "label", "")
	if h.Status != http.StatusServiceUnavailable {
		t.Errorf("code typed without Redis: %s, want a 503 page", h.Describe())
	}
	if got := s.otps("alice"); len(got) != 1 {
		t.Errorf("a credential was written without Redis: %v", got)
	}
	redis.Start()
	rig.Eventually(t, "the page with the key is back", func() bool {
		h.Get(s.bridge.URL + "/recovery").Follow("")
		return h.sees("Register your new authenticator app")
	})
	if h.key() == "" {
		t.Fatal("no key")
	}
	h.SubmitTo("/enrol", "code", phone.Code(), "label", "").Follow("")
	h.seeDone()
	s.mustHaveOnly("alice", phone)
}

// Redis comes back empty: what was open is gone and said to be, nothing is broken, and a new request works.
func TestJourneyRedisLost(t *testing.T) {
	t.Parallel()
	redis := rig.NewRedis(t)
	s := newSite(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 })
	h := s.hand("alice").ask()
	link := h.link(1)
	redis.Stop()
	redis.Start()
	rig.Eventually(t, "the page says that the session has ended", func() bool {
		h.Get(s.bridge.URL + "/recovery").Follow("")
		return h.sees("Your session has ended")
	})
	stranger := s.hand("alice")
	stranger.Get(link).Follow("")
	stranger.SubmitTo("/link", "do", "continue").Follow("")
	stranger.SubmitTo("/start", "name", "alice").Follow("")
	stranger.typePassword().see("This link can no longer be used")
	phone := s.hand("alice").recovers()
	s.mustHaveOnly("alice", phone)
}
