package e2e_test

import (
	"slices"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// lockSteps are the calls of a lock that removes an authenticator and recovery codes, in their order: unlike a swap it looks before each step.
var lockSteps = []step{
	stepNamed("token"), stepNamed("add"), stepNamed("look"), stepNamed("remove-1"), stepNamed("remove-2"), stepNamed("sessions"),
	{"last-look", stepNamed("look").is, 4},
}

// stands reports whether the stolen authenticator works at that moment: it is the first one that a lock removes.
func (m moment) stands() bool {
	switch m.name {
	case "token", "add", "look", "intent":
		return true
	case "remove-1":
		return !m.after
	}
	return false
}

// killedInTheLock kills the first replica in a lock. The password alone opens nothing then; in the end nothing that the thief has does.
func (s *site) killedInTheLock(m moment, name string, at held) {
	s.t.Helper()
	h := s.robbed(name).reports()
	s.kills(at, kill{
		begin: h.redeemAndLeave,
		look:  func() { s.mustBeShutTo(h.name, m.stands()) },
		end:   func(since time.Time) { s.mustBeLocked(h, since) },
	})
	if begun := s.onRecord("lock.intended", name); begun != 1 && m.name != "intent" { // what is not known to be on record is written again
		s.t.Errorf("%s: %d beginnings on record", name, begun)
	}
}

const stolenCode = "ABCDEFGHJKMN"

// robbed is somebody who has an authenticator and recovery codes, both in a thief's hand.
func (s *site) robbed(name string) *hand {
	s.t.Helper()
	s.add(realm.Person{Name: name, Codes: []string{stolenCode}})
	return s.hand(name)
}

// redeemAndLeave completes the proof in the background. The channel is closed when the request is over.
func (h *hand) redeemAndLeave() <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		h.SubmitTo("/link", "do", "redeem") // the front answers 502 when the process is gone
	}()
	return over
}

// mustBeShutTo fails the test unless Keycloak asks for a second factor after the password, and takes the code of the stolen authenticator only while
// that stands. Between the removals it may ask for a recovery code first.
func (s *site) mustBeShutTo(name string, stands bool) {
	s.t.Helper()
	if err := s.campus.Unlock(s.t.Context(), name); err != nil {
		s.t.Fatal(err)
	}
	b := rig.NewBrowser(s.t)
	got := s.portal().SignIn(b, name, rig.NewPhone(s.t, realm.Secret(name)))
	if asked := got.Typed || b.Page() == codePage; !asked || got.Signed != stands {
		s.t.Errorf("%s: asked for a second factor %t, the stolen authenticator opens the portal %t: %s", name, asked, got.Signed, b.Describe())
	}
}

// mustBeLocked waits for the end of a lock, and looks at Keycloak, the trails, the mailbox and the page.
func (s *site) mustBeLocked(h *hand, since time.Time) {
	s.t.Helper()
	s.mustEndSoon("lock.done", h.name, since)
	if begun, done := s.trails("lock.intended", h.name), s.trails("lock.done", h.name); slices.Max(begun) != 1 || slices.Max(done) != 1 {
		s.t.Errorf("%s: %v beginnings and %v ends on record", h.name, begun, done)
	}
	if now := s.kinds(h.name); !slices.Equal(now, []string{"otp"}) {
		s.t.Errorf("%s: beside the password stand %v", h.name, now)
	}
	if n := s.sessions(h.name); n != 0 {
		s.t.Errorf("%s: %d sign-ins are left", h.name, n)
	}
	s.mustBeShutTo(h.name, false)
	rig.Eventually(s.t, "a notice of the lock", func() bool { return s.wasTold(h.name+"@example.net", "Your authenticator app was locked") })
	rig.Eventually(s.t, "the page says that it is locked", func() bool { return h.due().sees("Your authenticator app is locked") })
}
