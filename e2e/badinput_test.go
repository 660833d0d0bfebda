package e2e_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// WB-07, WB-08, OIDC-19: who may not recover is denied by the campus sign-in, told nothing and mailed nothing.
func TestJourneyRefusedBeforeTheSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.campus.MakeAdministratorRole(t.Context(), "faculty-office"); err != nil {
		t.Fatal(err)
	}
	s.add(
		realm.Person{Name: "disabled", Disabled: true}, realm.Person{Name: "outsider", Outside: true},
		realm.Person{Name: "office", Roles: []string{"faculty-office"}}, realm.Person{Name: "locked"},
	)
	if err := s.campus.Lock(t.Context(), "locked"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"disabled", "outsider", "office", "locked", "nobody"} {
		h := s.hand(name).typeID()
		if h.Page() != "login-login" {
			t.Errorf("%s: %s, want the same password page for every name", name, h.Describe())
			continue
		}
		if s.campus.Users[name] != "" && s.gateOpen(name) {
			t.Errorf("%s: the gate is open", name)
		}
		h.stop()
		if strings.HasPrefix(h.Location, s.bridge.URL) {
			t.Errorf("%s: signed in", name)
		}
		s.mustOpenNothing(h.Browser, name)
	}
	if mails := s.mailbox.Messages(""); len(mails) > 0 {
		t.Errorf("%d mails, the first %q", len(mails), mails[0].Subject)
	}
}

// TOK-07: what changes at the account after the sign-in is seen at the next step, and nothing is changed.
func TestJourneyRefusedInBetween(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	change := map[string]struct {
		words string
		work  func(name string)
	}{
		"disabled": {"Your account is switched off", func(name string) { s.update(name, "enabled", false) }},
		"pending":  {"Your account first needs something else", func(name string) { s.update(name, "requiredActions", []string{"UPDATE_PASSWORD"}) }},
		"password": {"Your password was changed meanwhile", func(name string) { s.setPassword(name, "another password") }},
		"moved out": {"Your account was not found", func(name string) {
			s.keycloak("DELETE "+s.path(name)+"/groups/"+s.campus.Allowed, nil, nil)
		}},
	}
	for what, c := range change {
		t.Run(what, func(t *testing.T) {
			first, second := strings.ReplaceAll(what, " ", "")+"1", strings.ReplaceAll(what, " ", "")+"2"
			s.add(realm.Person{Name: first}, realm.Person{Name: second})
			h := s.hand(first).typeID().typePassword().see("What will happen")
			c.work(first)
			h.SubmitTo("/recovery", "do", "start", "reason", "changed", "way", "mail")
			if h.Status != http.StatusForbidden || !h.sees(c.words) {
				t.Errorf("before the start: %s, want 403 %q", h.Describe(), c.words)
			}
			if mails := s.mailbox.Messages(first + "@example.net"); len(mails) > 0 {
				t.Errorf("a mail was sent: %q", mails[0].Subject)
			}
			h = s.hand(second).ask()
			h.openLink(h.link(1))
			c.work(second)
			h.SubmitTo("/link", "do", "redeem")
			if h.Status != http.StatusForbidden || !h.sees(c.words) {
				t.Errorf("before the proof: %s, want 403 %q", h.Describe(), c.words)
			}
			h.Get(s.bridge.URL + "/enrol").Follow("")
			if h.Href("otpauth://") != "" {
				t.Error("a key is shown")
			}
		})
	}
}

// update sends a person back to Keycloak with one field changed.
func (s *site) update(name, field string, value any) {
	s.t.Helper()
	path := " /users/" + s.campus.Users[name]
	var user map[string]any
	if err := s.campus.Do(s.t.Context(), "GET"+path, nil, &user); err != nil {
		s.t.Fatal(err)
	}
	user[field] = value
	if err := s.campus.Do(s.t.Context(), "PUT"+path, user, nil); err != nil {
		s.t.Fatal(err)
	}
}

// setPassword sets a person's password as an administrator.
func (s *site) setPassword(name, password string) {
	s.t.Helper()
	s.keycloak("PUT "+s.path(name)+"/reset-password", map[string]any{"type": "password", "value": password, "temporary": false}, nil)
}

// TOK-12, TOK-14: who cannot be sent a link is told why, in true words.
func TestJourneyNoLinkFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings("keycloak", "password_reset", "desk"))
	s.add(
		realm.Person{Name: "campusbox", Notification: []string{"campusbox@mail.example.ac.jp"}},
		realm.Person{Name: "young", PasswordSet: time.Now().Add(-time.Hour)},
		realm.Person{Name: "oldenough", PasswordSet: time.Now().Add(-73 * time.Hour)}, realm.Person{Name: "reset"},
	)
	s.setPassword("reset", realm.Password("reset")) // by an administrator, at this moment
	for name, words := range map[string]string{
		"bob":       "You have no confirmed notification address",
		"campusbox": "Your notification address is a campus mailbox",
		"young":     "Your password was set a short time ago",
		"carol":     "the identity check by mail is not possible",
		"reset":     "Your password was set a short time ago",
	} {
		if h := s.hand(name).typeID().typePassword(); h.Status != http.StatusForbidden || !h.sees(words) {
			t.Errorf("%s: %s, want 403 %q", name, h.Describe(), words)
		}
	}
	s.hand("oldenough").ask()
	s.mailbox.Wait("oldenough@example.net", 1)
	if mails := s.mailbox.Messages(""); len(mails) != 1 {
		t.Errorf("%d mails, want one", len(mails))
	}
}

// TOK-04, TOK-07, TOK-08, TOK-11, OIDC-10: scanners, other people, second browsers, older links.
func TestJourneyLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "frank"}, realm.Person{Name: "grace"})
	h := s.hand("frank").ask()
	link := h.link(1)
	for range 20 { // a mail scanner
		b := rig.NewBrowser(t).Get(link).Follow("")
		if unknown := rig.NewBrowser(t).Get(s.bridge.URL + "/link/unknown").Follow(""); unknown.Text() != b.Text() {
			t.Fatalf("the page of a link tells it from an unknown one: %q, %q", b.Text(), unknown.Text())
		}
	}
	other := s.hand("grace").typeID().typePassword().see("What will happen")
	other.Get(link).Follow("")
	if other.sees("What will happen") || other.Href("otpauth://") != "" {
		t.Errorf("somebody else's link: %s", other.Describe())
	}
	if !other.sees("This link can no longer be used") || other.Status != http.StatusNotFound {
		t.Errorf("somebody else's link: %s, want the page for links that are not valid", other.Describe())
	}
	second := s.hand("frank").openLink(link)
	h.prove(link)
	second.SubmitTo("/link", "do", "redeem")
	if second.Status != http.StatusNotFound || second.Href("otpauth://") != "" {
		t.Errorf("the second browser with the link: %s, want 404", second.Describe())
	}
	phone := h.enrol()
	h.seeDone()
	s.mustHaveOnly("frank", phone)
	again := s.hand("frank")
	again.Get(link).Follow("")
	again.SubmitTo("/link", "do", "continue").Follow("")
	again.SubmitTo("/start", "name", "frank").Follow("")
	again.typePassword().see("This link can no longer be used")
}

// WB-04 (kc#39411, kc#28220): a recovery changes nothing of the person but the credentials.
func TestPeer_KC39411_Attributes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "frank", First: "フランク", Last: "髙﨑", Email: "frank@example.org", Attributes: map[string][]string{"locale": {"en"}}})
	before := s.whole("frank")
	s.hand("frank").recovers()
	after := s.whole("frank")
	for _, moving := range []string{"notBefore"} { // the end of the sessions sets it
		delete(before, moving)
		delete(after, moving)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before %v\nafter  %v", before, after)
	}
}

// whole is all of a person but the credentials.
func (s *site) whole(name string) map[string]any {
	s.t.Helper()
	found := map[string]any{}
	for _, path := range []string{"", "/groups", "/role-mappings/realm/composite", "/role-mappings"} {
		var part any
		if err := s.campus.Do(s.t.Context(), "GET /users/"+s.campus.Users[name]+path, nil, &part); err != nil {
			s.t.Fatal(err)
		}
		if fields, ok := part.(map[string]any); ok && path == "" {
			for field, value := range fields {
				found[field] = value
			}
			continue
		}
		found[path] = part
	}
	return found
}

// WB-10, MAIL-01 (kc#16872): Keycloak sends nothing, so every address on record is told by us, in the language of the person.
func TestPeer_KC16872_NoNotice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "frank", Notification: []string{"frank@example.net", "frank@example.org"}})
	s.hand("frank").recovers()
	for _, to := range []string{"frank@example.net", "frank@example.org"} {
		rig.Eventually(t, "a notice to "+to, func() bool { return s.wasTold(to, "Your one-time password was re-registered") })
	}
}

// wasTold reports whether a mail with that subject arrived for an address.
func (s *site) wasTold(to, subject string) bool {
	return slices.ContainsFunc(s.mailbox.Messages(to), func(m rig.Message) bool { return m.Subject == subject })
}

// WB-01, INV-2 (kc#38593): wherever somebody stops, the old authenticator still works.
func TestPeer_KC38593_Abandoned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	steps := []func(h *hand){
		func(h *hand) { h.typeID() },
		func(h *hand) { h.typeID().typePassword() },
		func(h *hand) { h.ask() },
		func(h *hand) { h.ask(); h.openLink(h.link(1)) },
		func(h *hand) { h.ask(); h.prove(h.link(1)) },
		func(h *hand) {
			h.ask().prove(h.link(1)).SubmitTo("/enrol", "code", "000000", "label", "")
		},
	}
	for i, step := range steps {
		name := "frank" + string(rune('a'+i))
		s.add(realm.Person{Name: name})
		before := s.otps(name)
		step(s.hand(name))
		if got := s.otps(name); !slices.Equal(got, before) {
			t.Errorf("step %d: authenticators %v, before %v", i, got, before)
		}
		if !s.opensPortal(name, rig.NewPhone(t, realm.Secret(name))) {
			t.Errorf("step %d: the old authenticator does not open the portal", i)
		}
	}
}

// WB-02 (kc#8753): of three old authenticators none is left five seconds after the new one was confirmed.
func TestPeer_KC8753_Duplicates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "frank", OTPs: []string{realm.Secret("frank"), realm.Secret("a"), realm.Secret("b")}})
	h := s.hand("frank").ask()
	h.prove(h.link(1))
	phone := h.enrol()
	h.seeDone()
	look := s.paced("one authenticator is left", func() bool { return len(s.otps("frank")) == 1 })
	s.mustBeSoon("the old ones are removed", s.lastWrite("frank", "UPDATE"), s.lastWrite("frank", "ACTION"), look)
	s.mustHaveOnly("frank", phone)
}

// WB-02 (kc#32479): the first authenticator of a person who had none.
func TestPeer_KC32479_NoOTP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.hand("erin").typeID().typePassword().see("Register your one-time password")
	h.SubmitTo("/recovery", "do", "start", "reason", "changed", "way", "mail").Follow("")
	h.prove(h.link(1))
	phone := h.enrol()
	h.seeDone()
	if !s.opensPortal("erin", phone) || len(s.otps("erin")) != 1 {
		t.Errorf("erin has %v", s.otps("erin"))
	}
}

// TOK-05 (emdash#3298, nextauth#1840): a scanner that presses every button of the link's page gains and burns nothing.
func TestPeer_Emdash3298_ScannerClicks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.hand("alice").ask()
	link := h.link(1)
	veto := s.mailbox.Messages("alice@example.net")[0].Link(t, s.bridge.URL+"/veto/")
	for _, do := range []string{"continue", "redeem", "notme"} {
		robot := rig.NewBrowser(t).Get(link).Follow("")
		robot.SubmitTo("/link", "do", do).Follow("")
		if robot.Href("otpauth://") != "" {
			t.Errorf("%s shows a key", do)
		}
	}
	for _, choice := range []string{"", "stop", "keep"} {
		rig.NewBrowser(t).Get(veto).Follow("").SubmitTo("/veto", "choice", choice).Follow("")
		rig.NewBrowser(t).Get(veto).Follow("").SubmitTo("/veto", "choice", choice, "number", "000000").Follow("")
	}
	h.prove(link).enrol()
	h.seeDone()
}

// WB-09 (kc#21897): success ends the person's sessions in other browsers, and what an app keeps for later.
func TestJourneyEndsOtherSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lost, portal := rig.NewBrowser(t), s.portal()
	if got := portal.SignIn(lost, "alice", rig.NewPhone(t, realm.Secret("alice"))); got.Acr() != "mfa" {
		t.Fatalf("sign-in with the old phone: %+v", got)
	}
	if got := portal.SignIn(lost, "alice", nil, "prompt", "none"); !got.Signed {
		t.Fatalf("before: %+v, want a silent sign-in", got)
	}
	app := portal.SignIn(lost, "alice", nil, "scope", "openid offline_access")
	if !portal.Renews(app.Renew) {
		t.Fatalf("before: %+v, want tokens for later", app)
	}
	s.hand("alice").recovers()
	if portal.Renews(app.Renew) {
		t.Error("an app on the lost phone still gets tokens")
	}
	if got := portal.SignIn(lost, "alice", nil, "prompt", "none"); got.Error != "login_required" {
		t.Errorf("afterwards: %+v, want login_required", got)
	}
}
