package e2e_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// mustOpenNothing fails the test when a browser gets in anywhere.
func (s *site) mustOpenNothing(b *rig.Browser, after string) {
	s.t.Helper()
	if holes := openHolesAt(s.t, s.campus.Realm, s.campus.Portal.URL+"/cb", b); len(holes) > 0 {
		s.t.Errorf("%s: opened with the password only: %s", after, strings.Join(holes, "; "))
	}
}

// stop types the password on the campus page and does not come back: the code is never delivered.
func (h *hand) stop() *hand {
	h.s.t.Helper()
	h.Submit("username", h.name, "password", realm.Password(h.name)).Follow(h.s.bridge.URL + "/oidc/callback")
	return h
}

// OIDC-11, INV-3: whatever became of a sign-in at the product, it opens nothing else. keycloak-restrict-client-auth#27.
func TestPeer_RestrictClientAuth27_SSO(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "frank"}, realm.Person{Name: "grace"}, realm.Person{Name: "heidi"}, realm.Person{Name: "ivan"}, realm.Person{Name: "judy"})
	t.Run("success", func(*testing.T) {
		h := s.hand("alice").typeID().typePassword().see("What will happen")
		s.mustOpenNothing(h.Browser, "success")
		h.Get(s.bridge.URL + "/recovery").Follow("")
		h.see("What will happen")
	})
	t.Run("abandoned", func(*testing.T) {
		s.mustOpenNothing(s.hand("frank").typeID().Browser, "abandoned at the password page")
	})
	t.Run("undelivered code", func(*testing.T) {
		h := s.hand("grace").typeID()
		h.awaitGate()
		h.stop()
		if !strings.HasPrefix(h.Location, s.bridge.URL+"/oidc/callback?") {
			t.Fatalf("%s, want the way back", h.Describe())
		}
		s.mustOpenNothing(h.Browser, "undelivered code")
		rig.Eventually(t, "the first sign-in shuts the gate, delivered or not", func() bool { return !s.gateOpen("grace") })
	})
	t.Run("error", func(*testing.T) {
		h := s.hand("heidi").typeID()
		h.awaitGate()
		h.stop()
		if !strings.HasPrefix(h.Location, s.bridge.URL+"/oidc/callback?") {
			t.Fatalf("%s, want the way back", h.Describe())
		}
		back, err := url.Parse(h.Location)
		if err != nil || back.Query().Get("state") == "" {
			t.Fatalf("%s, %v: no state", h.Describe(), err)
		}
		failed := url.Values{"error": {"access_denied"}, "state": {back.Query().Get("state")}, "iss": {s.campus.Issuer}}
		h.Get(s.bridge.URL + "/oidc/callback?" + failed.Encode()).Follow("")
		s.mustOpenNothing(h.Browser, "error at the way back")
	})
	t.Run("back", func(*testing.T) {
		h := s.hand("ivan").sendID()
		campus := h.Location
		h.Follow("")
		h.typePassword()
		h.Get(campus).Follow(s.bridge.URL + "/oidc/callback")
		s.mustOpenNothing(h.Browser, "back to the campus page")
	})
	t.Run("the whole way", func(*testing.T) {
		h := s.hand("judy")
		h.recovers()
		s.mustOpenNothing(h.Browser, "a new authenticator")
	})
	for _, name := range []string{"alice", "frank", "grace", "heidi", "ivan", "judy"} {
		if l := s.lock(name); l != (lockState{}) {
			t.Errorf("Keycloak counts against %s: %+v", name, l)
		}
	}
}

// OIDC-09: a full session that was left in the browser is ended, so that it enrols nothing afterwards.
func TestRealmAttackProductFindsAFullSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.hand("alice")
	if full := s.portal().SignIn(h.Browser, "alice", rig.NewPhone(t, realm.Secret("alice"))); full.Acr() != "mfa" {
		t.Fatalf("full sign-in: %+v", full)
	}
	rig.Rest(t, time.Now().Add(freshness))
	// The old session answers silently, is found too old and ended; the repeated request shows the password page.
	h.typeIDKnown().typePassword().see("What will happen")
	s.mustAskForEverything(h)
}

// OIDC-09: one that is so young that it counts as fresh is ended all the same.
func TestRealmAttackProductFindsAYoungFullSession(t *testing.T) {
	t.Parallel()
	newSite(t).mustEndAFullSession("alice")
}

// mustEndAFullSession signs in with both factors, leaves that in the browser, and asks for a recovery there.
func (s *site) mustEndAFullSession(name string) {
	s.t.Helper()
	h := s.hand(name)
	if full := s.portal().SignIn(h.Browser, name, rig.NewPhone(s.t, realm.Secret(name))); full.Acr() != "mfa" {
		s.t.Fatalf("full sign-in: %+v", full)
	}
	h.typeIDKnown()
	if h.Page() == "login-login" { // the machine was slow
		h.typePassword()
	}
	s.mustAskForEverything(h.see("What will happen"))
}

// freshness is after how long a session is older than a request, whatever the clocks say.
const freshness = 62 * time.Second

// mustAskForEverything fails the test unless the portal asks for password and code, whatever is requested.
func (s *site) mustAskForEverything(h *hand) {
	s.t.Helper()
	t, portal := s.t, s.portal()
	for _, params := range [][]string{{"kc_action", "CONFIGURE_TOTP"}, {"kc_action", "CONFIGURE_TOTP", "prompt", "login"}, {"kc_action", "delete_credential"}} {
		portal.Open(h.Browser, params...)
		if h.Page() != "login-login" {
			t.Errorf("%v: %s, want the password page", params, h.Describe())
		}
		h.Submit("username", h.name, "password", realm.Password(h.name)).Follow(portal.Redirect)
		if h.Page() != "login-login-otp" {
			t.Errorf("%v, password typed: %s, want the OTP page", params, h.Describe())
		}
	}
	s.mustOpenNothing(h.Browser, "full session, then password only")
}

// OIDC-17, OIDC-13: nothing can be added to the product's request, and a login client on its own cannot do more (kc#50301).
func TestPeer_KC50301_Action(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.otps("alice")
	for _, extra := range unpushed {
		h := s.hand("alice").sendID()
		address, err := url.Parse(h.Location)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for name := range address.Query() {
			names = append(names, name)
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"client_id", "request_uri"}) {
			t.Errorf("the request shows %v", names)
		}
		h.Get(h.Location + "&" + extra).Follow(s.bridge.URL + "/oidc/callback")
		if pushed := extra == "ui_locales=ja" || extra == "login_hint=bob"; pushed && h.Page() == "login-login" {
			// What was pushed wins.
			if !h.sees("Sign in to your account") || h.Value("username") != "alice" {
				t.Errorf("%s: %s, user name %q, want the pushed values", extra, h.Describe(), h.Value("username"))
			}
			continue
		}
		if h.Status != http.StatusBadRequest || h.Page() != "login-error" {
			t.Errorf("%s: %s, want an error page", extra, h.Describe())
		}
	}
	s.hand("alice").typeID().typePassword().see("What will happen")
	if got := s.otps("alice"); !slices.Equal(got, before) {
		t.Errorf("authenticators before %v, after %v", before, got)
	}
}

// OIDC-19: the gate stays shut for somebody whom Keycloak would ask for something else, and a stranger's error shuts nobody else's.
func TestRealmAttackProductGate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, action := range actions {
		s.add(realm.Person{Name: pendingPerson(action), RequiredActions: []string{action}})
		s.mustDenyPending(action)
	}
	first := s.hand("alice").typeID()
	first.awaitGate()
	second := s.hand("alice").typeID()
	s.hand("alice").Get(s.bridge.URL + "/oidc/callback?error=access_denied&state=guessed")
	third := s.hand("alice").typeID()
	third.Get(s.bridge.URL + "/oidc/callback?error=access_denied&state=guessed").Follow("")
	second.Get(s.bridge.URL+"/start").SubmitTo("/start", "name", "nobody") // gives its own lease back
	if !s.gateOpen("alice") {
		t.Error("somebody else's error shut the gate")
	}
	first.typePassword().see("What will happen")
	rig.Eventually(t, "the sign-in shuts the gate", func() bool { return !s.gateOpen("alice") })
}

// mustDenyPending has somebody type their ID of whom an action is asked.
func (s *site) mustDenyPending(action string) {
	s.t.Helper()
	name := pendingPerson(action)
	h := s.hand(name).typeID().stop()
	if h.Status != http.StatusUnauthorized {
		s.t.Errorf("pending %s: %s, want access denied", action, h.Describe())
	}
	s.refused(name, "pending_action")
}

// OIDC-20: who comes back must be who was typed.
func TestRealmAttackProductOvertypedName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "mallory"}, realm.Person{Name: "victor"}, realm.Person{Name: "wendy"})
	s.mustBeWhoWasTyped("mallory", "victor", "wendy")
}

// mustBeWhoWasTyped types a name and signs in as somebody else: first as one whose gate is shut, then as one whose gate is open.
func (s *site) mustBeWhoWasTyped(typed, shut, opened string) {
	t := s.t
	t.Helper()
	// The victim's gate is shut: Keycloak denies.
	h := s.hand(typed).typeID()
	h.name = shut
	h.stop()
	if h.Status != http.StatusUnauthorized {
		t.Errorf("gate shut: %s, want access denied", h.Describe())
	}
	// The victim's gate is open, because somebody typed the name elsewhere: the product refuses.
	s.hand(opened).typeID()
	h = s.hand(typed).typeID()
	h.name = opened
	h.typePassword().see("Please start again with the same ID")
	if h.Get(s.bridge.URL+"/recovery").Follow("").Status != http.StatusOK || !h.sees("Enter your ID") {
		t.Errorf("afterwards: %s, want the ID page", h.Describe())
	}
	s.mustOpenNothing(h.Browser, "overtyped name")
	for _, name := range []string{typed, shut, opened} {
		if mails := s.mailbox.Messages(name + "@example.net"); len(mails) > 0 {
			t.Errorf("%s was sent %d mails", name, len(mails))
		}
	}
}

// OIDC-20: what was on record before the sign-in decides, whatever the password-only step could change.
func TestRealmAttackProductProfileChangedMeanwhile(t *testing.T) {
	t.Parallel()
	newSite(t).mustSendWhereItWas("alice")
}

// mustSendWhereItWas changes the address while the password is typed.
func (s *site) mustSendWhereItWas(name string) {
	t := s.t
	t.Helper()
	h := s.hand(name).typeID()
	h.awaitGate() // what is on record is read before it opens
	if err := s.campus.SetAttribute(t.Context(), name, realm.Notification, "thief@example.net"); err != nil {
		t.Fatal(err)
	}
	h.typePassword().see("What will happen")
	h.SubmitTo("/recovery", "do", "start", "reason", "changed", "way", "mail").Follow("")
	h.see("Sent to")
	s.mailbox.Wait(name+"@example.net", 1)
	if mails := s.mailbox.Messages("thief@example.net"); len(mails) > 0 {
		t.Errorf("the address that was set meanwhile got %q", mails[0].Subject)
	}
}

// OIDC-21: guesses between password-only sign-ins reset Keycloak's counters and come to an end all the same.
func TestRealmAttackProductAlternatingGuesses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustStopGuesses("alice", 3, func() *rig.Browser {
		b := rig.NewBrowser(t)
		s.portal().SignIn(b, "alice", nil)
		return b
	})
}

// mustStopGuesses alternates so many guesses, at the page for the code that come leads to, with a password-only sign-in, until that is denied. It returns how many
// there were.
func (s *site) mustStopGuesses(name string, perRound int, come func() *rig.Browser) (guesses int) {
	t := s.t
	t.Helper()
	const most = 40
	address := name + "@example.net"
	for denied := false; !denied && guesses <= most; {
		b := come()
		for range perRound {
			if b.Page() != "login-login-otp" {
				t.Fatalf("guessing: %s, want the OTP page", b.Describe())
			}
			b.Submit("otp", "000000").Follow(s.portal().Redirect)
			guesses++
			// Two failures within a second lock the person; an attacker waits instead.
			if err := s.campus.Unlock(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		h := s.hand(name).typeID()
		rig.Eventually(t, "the gate opens, or a notice says why not", func() bool {
			return s.gateOpen(name) || len(s.mailbox.Messages(address)) > 0
		})
		denied = h.stop().Status == http.StatusUnauthorized
	}
	t.Logf("the gate stayed shut after %d guesses", guesses)
	if guesses > most {
		t.Errorf("%d guesses reached the OTP check", guesses)
	}
	s.mailbox.Wait(address, 1)
	if subject := s.mailbox.Messages(address)[0].Subject; subject != "Too many wrong one-time passwords for your account" &&
		!strings.Contains(subject, "ワンタイムパスワード") {
		t.Errorf("the notice says %q", subject)
	}
	return guesses
}

// OIDC-23: somebody else is signed in on this computer. They are not taken for the person, and can be signed out from our page.
func TestRealmAttackProductSharedComputer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.hand("alice")
	if full := s.portal().SignIn(h.Browser, "carol", rig.NewPhone(t, realm.Secret("carol"))); full.Acr() != "mfa" {
		t.Fatalf("full sign-in of somebody else: %+v", full)
	}
	h.typeIDKnown() // the gate of the name is open, and lets nobody else in
	if h.Status != http.StatusUnauthorized {
		t.Fatalf("%s, want access denied", h.Describe())
	}
	// The one denial is Keycloak's own count, of the session that it denied; it locks nobody.
	rig.Eventually(t, "Keycloak has counted its denial", func() bool { return s.lock("carol").Failures > 0 })
	if carol, alice := s.lock("carol"), s.lock("alice"); carol != (lockState{Failures: 1}) || alice != (lockState{}) {
		t.Errorf("counted against carol: %+v, against alice: %+v", carol, alice)
	}
	rig.Eventually(t, "the page knows that the campus page said no", func() bool {
		h.Get(s.bridge.URL + "/start")
		return h.sees("Did the campus sign-in page say")
	})
	h.see("Is somebody else signed in on this computer?")
	h.SubmitTo("/signout").Follow("")
	h.Submit().Follow("") // Keycloak asks whether to sign out
	if again := s.portal().Open(h.Browser); again.Page() != "login-login" {
		t.Errorf("after the sign-out: %s, want the password page", again.Describe())
	}
	h.typeID().typePassword().see("What will happen").see("alice")
	if carol, alice := s.lock("carol"), s.lock("alice"); carol != (lockState{Failures: 1}) || alice != (lockState{}) {
		t.Errorf("counted in the end against carol: %+v, against alice: %+v", carol, alice)
	}
}
