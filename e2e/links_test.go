package e2e_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"otpbridge/e2e/rig"
)

// TOK-07 (kc#26815): of three links, the second by "send again" and the third by a request in another browser, only the newest works, and none
// after the success. A proven request stands.
func TestPeer_KC26815_OldLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second, third := s.signedIn("alice"), s.signedIn("alice"), s.signedIn("alice")
	links := []string{first.pressForMail("start", 1)}
	first.press("resend").Follow("")
	if !first.sees(early) {
		t.Errorf("second mail within a minute: %s, want %q", first.Describe(), early)
	}
	links = append(links, first.pressForMail("resend", 2))
	second.press("start")
	if second.Status != http.StatusTooManyRequests {
		t.Errorf("third mail within a minute: %s, want 429", second.Describe())
	}
	links = append(links, second.pressForMail("start", 3))
	s.mustBeDead("alice", links[:2]...)
	second.prove(links[2])
	third.press("start")
	if third.Status != http.StatusConflict {
		t.Errorf("a proven request is open: %s, want 409", third.Describe())
	}
	phone := second.enrol()
	second.seeDone()
	s.mustBeDead("alice", links...)
	s.mustHaveOnly("alice", phone)
}

// signedIn is a browser that shows the request page.
func (s *site) signedIn(name string) *hand {
	s.t.Helper()
	return s.hand(name).typeID().typePassword().see("What will happen")
}

// press presses a button of the request or waiting page, whatever page is shown now: people have several tabs.
func (h *hand) press(do string) *hand {
	h.s.t.Helper()
	if h.csrf == "" {
		h.csrf = h.Value("csrf")
	}
	h.Post(h.s.bridge.URL+"/recovery", url.Values{"csrf": {h.csrf}, "do": {do}, "reason": {"changed"}, "way": {"mail"}})
	return h
}

// early is what the waiting page says when the last mail is too young for another.
const early = "The mail was sent a moment ago."

// pressForMail presses a button that sends a mail, again and again until the last mail is old enough, and returns the link in the n-th mail.
func (h *hand) pressForMail(do string, n int) string {
	h.s.t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); rig.Rest(h.s.t, time.Now().Add(rig.Patience/8)) {
		h.press(do).Follow("")
		switch {
		case h.Status == http.StatusOK && !h.sees(early):
			return h.link(n)
		case h.Status != http.StatusOK && h.Status != http.StatusTooManyRequests:
			h.s.t.Fatalf("%s: %s", do, h.Describe())
		}
	}
	h.s.t.Fatalf("%s in vain: %s", do, h.Describe())
	return ""
}

// mustBeDead fails the test unless each link is refused after the sign-in, without a key.
func (s *site) mustBeDead(name string, links ...string) {
	s.t.Helper()
	for i, link := range links {
		h := s.hand(name)
		h.Get(link).Follow("")
		h.SubmitTo("/link", "do", "continue").Follow("")
		h.SubmitTo("/start", "name", name).Follow("")
		h.typePassword()
		if h.Status != http.StatusNotFound || !h.sees("This link can no longer be used") || h.Href("otpauth://") != "" {
			s.t.Errorf("link %d: %s, want 404", i+1, h.Describe())
		}
	}
}

// WB-06: a code that is sent ten times at once, to two replicas, writes one credential.
func TestJourneyTenPressesAreOneCredential(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoOnRedis(t))
	h := s.hand("alice").ask()
	h.prove(h.link(1))
	phone := h.scan()
	code := phone.Code()
	var all sync.WaitGroup
	for range 10 {
		window := h.Twin(t)
		all.Go(func() { window.SubmitTo("/enrol", "code", code, "label", "") })
	}
	all.Wait()
	rig.Eventually(t, "the new authenticator is there", func() bool {
		h.Get(s.bridge.URL + "/recovery").Follow("")
		return h.sees("Your one-time password is set up.")
	})
	s.mustHaveOnly("alice", phone)
}
