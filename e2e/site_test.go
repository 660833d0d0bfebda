package e2e_test

import (
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// site is the product on a campus of its own.
type site struct {
	t       *testing.T
	campus  *rig.Campus
	mailbox *rig.Mailbox
	bridge  *rig.Bridge
}

// newSite starts one replica on the embedded store, or what change makes of that.
func newSite(t *testing.T, change ...func(*rig.Setup)) *site {
	t.Helper()
	setup := rig.Setup{Mailbox: rig.NewMailbox(t)}
	for _, c := range change {
		c(&setup)
	}
	if setup.Campus == nil {
		setup.Campus = rig.NewCampus(t)
	}
	return &site{t: t, campus: setup.Campus, mailbox: setup.Mailbox, bridge: rig.StartBridge(t, setup)}
}

// twoOnRedis lets two replicas share a Redis server.
func twoOnRedis(t *testing.T) func(*rig.Setup) {
	t.Helper()
	return func(s *rig.Setup) { s.Redis, s.Replicas = rig.NewRedis(t), 2 }
}

// settings changes a section of the configuration.
func settings(section, key string, value any) func(*rig.Setup) {
	return func(s *rig.Setup) {
		before := s.Change
		s.Change = func(all map[string]any) {
			if before != nil {
				before(all)
			}
			part, ok := all[section].(map[string]any)
			if !ok {
				panic("the configuration has no section " + section)
			}
			part[key] = value
		}
	}
}

// add adds people who have an authenticator and the notification address NAME@example.net, unless they say otherwise.
func (s *site) add(people ...realm.Person) {
	s.t.Helper()
	for _, p := range people {
		if p.OTPs == nil {
			p.OTPs = []string{realm.Secret(p.Name)}
		}
		if p.Notification == nil {
			p.Notification = []string{p.Name + "@example.net"}
		}
		if _, err := s.campus.Add(s.t.Context(), p); err != nil {
			s.t.Fatal(err)
		}
	}
}

// portal is the sample application as a client that a test plays.
func (s *site) portal() *rig.Client {
	s.t.Helper()
	return rig.NewClient(s.t, s.campus.Realm, "portal", s.campus.Portal.URL+"/cb")
}

// login is the login client, played by somebody who has its key.
func (s *site) login() *rig.Client {
	s.t.Helper()
	c := rig.NewClient(s.t, s.campus.Realm, realm.LoginClient, s.bridge.URL+"/oidc/callback")
	c.Secret, c.Key = "", &s.campus.Login
	return c
}

// otps lists a person's authenticators.
func (s *site) otps(name string) []string {
	s.t.Helper()
	credentials, err := s.campus.Credentials(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, c := range credentials {
		if c.Type == "otp" {
			found = append(found, c.ID)
		}
	}
	return found
}

// gateOpen reports whether a person is a member of the gate.
func (s *site) gateOpen(name string) bool {
	s.t.Helper()
	return gateOpen(s.t, s.campus, name)
}

func gateOpen(t *testing.T, c *rig.Campus, name string) bool {
	t.Helper()
	var groups []struct{ ID string }
	if err := c.Do(t.Context(), "GET /users/"+c.Users[name]+"/groups", nil, &groups); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if g.ID == c.GateGroup {
			return true
		}
	}
	return false
}

// gateOpensSoon reports whether a person's gate opens within the time that the product gives Keycloak for looking at an account. The
// Keycloak-shaped server is quick and knows nobody's id here.
func gateOpensSoon(t *testing.T, c *rig.Campus, name string) bool {
	t.Helper()
	for end := time.Now().Add(rig.Patience / 3); time.Now().Before(end); <-time.After(rig.Patience / 600) {
		if c.Users[name] == "" || gateOpen(t, c, name) {
			return true
		}
	}
	return false
}

// awaitGate waits until a person's gate is open. The answer to an ID comes after two seconds, on a busy machine before the gate is open, and
// people take longer to type a password than tests do. A Keycloak out of breath does not answer in five seconds: the gate stays shut, and the
// person types the ID once more, which again does.
func awaitGate(t *testing.T, c *rig.Campus, name string, again func()) {
	t.Helper()
	for range 2 {
		if gateOpensSoon(t, c, name) {
			return
		}
		again()
	}
	rig.Eventually(t, "the gate of "+name+" opens", func() bool { return gateOpen(t, c, name) })
}

// hand is somebody with a browser without a screen: quick, for attacks and faults.
type hand struct {
	*rig.Browser
	s      *site
	name   string
	csrf   string // of the session, see press
	opened string // what the forms of an operator's case name it by
}

func (s *site) hand(name string) *hand {
	s.t.Helper()
	return &hand{Browser: rig.NewBrowser(s.t), s: s, name: name}
}

// typeID types the ID on our page and goes on to the campus page.
func (h *hand) typeID() *hand {
	h.s.t.Helper()
	h.sendID()
	h.Follow("")
	return h
}

// sendID types the ID on our page; Location is Keycloak's address then.
func (h *hand) sendID() *hand {
	h.s.t.Helper()
	h.Get(h.s.bridge.URL+"/start").SubmitTo("/start", "name", h.name)
	return h
}

// typeIDKnown types the ID in a browser that Keycloak knows, so that it answers without a password: with the gate still shut it would refuse.
func (h *hand) typeIDKnown() *hand {
	h.s.t.Helper()
	h.sendID()
	awaitGate(h.s.t, h.s.campus, h.name, func() { h.sendID() })
	h.Follow("")
	return h
}

// typePassword types the password on the campus page and comes back.
func (h *hand) typePassword() *hand {
	h.s.t.Helper()
	if h.Page() != "login-login" {
		h.s.t.Fatalf("%s, want the password page", h.Describe())
	}
	h.awaitGate()
	h.Submit("username", h.name, "password", realm.Password(h.name)).Follow("")
	return h
}

// awaitGate waits at the campus page until the gate is open.
func (h *hand) awaitGate() {
	h.s.t.Helper()
	awaitGate(h.s.t, h.s.campus, h.name, func() { h.typeID() })
}

// ask signs in and starts a recovery by mail.
func (h *hand) ask() *hand {
	h.s.t.Helper()
	h.typeID().typePassword().see("What will happen")
	h.SubmitTo("/recovery", "do", "start", "reason", "changed", "way", "mail").Follow("")
	h.see("Sent to")
	return h
}

// link waits for the n-th mail to the person and returns its link.
func (h *hand) link(n int) string {
	h.s.t.Helper()
	return h.s.mailbox.Wait(h.name+"@example.net", n).Link(h.s.t, h.s.bridge.URL+"/link/")
}

// prove opens a link, signs in again and goes on to the page with the key.
func (h *hand) prove(link string) *hand {
	h.s.t.Helper()
	h.openLink(link).SubmitTo("/link", "do", "redeem").Follow("")
	h.see("Register your new authenticator app")
	return h
}

// openLink opens a link and signs in again; what was asked is shown.
func (h *hand) openLink(link string) *hand {
	h.s.t.Helper()
	h.Get(link).Follow("")
	h.see("Sign in once more with your password")
	h.SubmitTo("/link", "do", "continue").Follow("")
	h.SubmitTo("/start", "name", h.name)
	h.Follow("")
	h.typePassword().see("This request was made with your account")
	return h
}

// scan takes the key on the page into a new phone.
func (h *hand) scan() *rig.Phone {
	h.s.t.Helper()
	uri := h.Href("otpauth://")
	if uri == "" {
		h.s.t.Fatalf("no key on %s", h.Describe())
	}
	return rig.ScanPhone(h.s.t, uri)
}

// key is the secret on the page.
func (h *hand) key() string {
	h.s.t.Helper()
	return h.scan().Secret()
}

// enrol takes the key into a new phone and types its code; the phone is returned.
func (h *hand) enrol() *rig.Phone {
	h.s.t.Helper()
	phone := h.scan()
	h.SubmitTo("/enrol", "do", "confirm", "code", phone.Code(), "label", "").Follow("") // the first form may be another one
	return phone
}

// recovers goes the whole way.
func (h *hand) recovers() *rig.Phone {
	h.s.t.Helper()
	mails := len(h.s.mailbox.Messages(h.name + "@example.net"))
	h.ask().prove(h.link(mails + 1))
	phone := h.enrol()
	h.seeDone()
	return phone
}

// see fails the test unless the page shows a text.
func (h *hand) see(text string) *hand {
	h.s.t.Helper()
	if !h.sees(text) {
		h.s.t.Fatalf("%s, want %q", h.Describe(), text)
	}
	return h
}

// seeDone waits until the page says that the new authenticator is set up: with a busy Keycloak it takes longer than the answer waits.
func (h *hand) seeDone() *hand {
	h.s.t.Helper()
	const done = "Your one-time password is set up."
	rig.Eventually(h.s.t, "the page says: "+done, func() bool { return h.sees(done) || h.due().sees(done) })
	return h
}

// inChromium shows one of our pages in Chromium, to the same session.
func (h *hand) inChromium(path string) *rig.Page {
	h.s.t.Helper()
	const cookie = "__Host-otpbridge"
	p := rig.NewPage(h.s.t, rig.Look{Width: 320})
	p.SetCookie(h.s.bridge.URL, cookie, h.Cookie(h.s.bridge.URL, cookie))
	return p.Go(h.s.bridge.URL + path)
}

func (h *hand) sees(text string) bool { return strings.Contains(h.Text(), text) }

// opensPortal reports whether a person gets into the sample application with the codes of a phone.
func (s *site) opensPortal(name string, phone *rig.Phone) bool {
	s.t.Helper()
	if err := s.campus.Unlock(s.t.Context(), name); err != nil { // a wrong code before this one may have locked the person
		s.t.Fatal(err)
	}
	b := rig.NewBrowser(s.t)
	got := s.portal().SignIn(b, name, phone)
	if !got.Typed {
		s.t.Errorf("%s: no code was asked for: %s", name, b.Describe())
	}
	return got.Signed && got.Acr() == "mfa"
}

// mustHaveOnly fails the test unless the new phone opens the sample application, the old one does not, and there is one authenticator.
func (s *site) mustHaveOnly(name string, phone *rig.Phone) {
	s.t.Helper()
	if !s.opensPortal(name, phone) {
		s.t.Errorf("%s: the new code does not open the portal", name)
	}
	if s.opensPortal(name, rig.NewPhone(s.t, realm.Secret(name))) {
		s.t.Errorf("%s: the old code still opens the portal", name)
	}
	if n := len(s.otps(name)); n != 1 {
		s.t.Errorf("%s has %d authenticators", name, n)
	}
}
