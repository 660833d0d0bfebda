package e2e_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// temporaryCodes lets people have a code for today.
func temporaryCodes(s *rig.Setup) {
	before := s.Change
	s.Change = func(all map[string]any) {
		if before != nil {
			before(all)
		}
		all["recovery"] = map[string]any{"temporary_codes": true}
	}
}

var eightDigits = regexp.MustCompile(`\b(\d{4}) (\d{4})\b`)

// opensPortalTyping reports whether a person gets into the sample application with a code; credential "" is the one that Keycloak's page chooses.
func (s *site) opensPortalTyping(name, code, credential string) bool {
	s.t.Helper()
	c := s.portal()
	var b *rig.Browser
	rig.Eventually(s.t, "a code is asked for", func() bool { // a wrong one before may have locked the person, even a moment later
		if err := s.campus.Unlock(s.t.Context(), name); err != nil {
			s.t.Fatal(err)
		}
		b = c.Open(rig.NewBrowser(s.t)).Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
		return b.Page() == "login-login-otp"
	})
	b.Submit("otp", code, "selectedCredentialId", credential).Follow(c.Redirect)
	got := c.Finish(b)
	return got.Signed && got.Acr() == "mfa"
}

// mustHaveOldOnly fails the test unless the authenticator is what it was, alone, and its phone opens the sample application, where the code does not.
func (s *site) mustHaveOldOnly(name string, phone *rig.Phone, code string, before []factor) {
	s.t.Helper()
	rig.Eventually(s.t, "the temporary code goes", func() bool { return len(s.otps(name)) == 1 })
	s.stillHas(name, before)
	if s.opensPortalTyping(name, code, "") {
		s.t.Error("the temporary code opens the portal after its end")
	}
	if !s.opensPortalTyping(name, phone.Code(), "") {
		s.t.Error("the authenticator does not open the portal any more")
	}
}

// asksForToday goes from the start page to the page about the mailed code.
func (o *owner) asksForToday(name string) {
	o.t.Helper()
	o.page.Go(o.bridge.URL).See(o.say["start.temp"]).Click(o.say["start.temp"])
	o.signIn(name)
	o.page.See(o.say["temp.submit"]).MustBeAccessible().Screenshot("today-1")
	o.page.Click(o.say["temp.submit"]).See(o.say["temp.sent.title"]).MustBeAccessible().Screenshot("today-2")
}

// takesToApplication uses the code on Keycloak's form in Chromium, where it is asked for first, and tries it again elsewhere.
func (o *owner) takesToApplication(name, code string) {
	o.t.Helper()
	s := o.s
	application := rig.NewPage(o.t, rig.Look{Language: "en"})
	application.Go(s.campus.Portal.URL).Fill("username", name).Fill("password", realm.Password(name)).Press("\r")
	application.Fill("otp", code).Press("\r").See("Signed in as " + name)
	if s.opensPortalTyping(name, code, "") {
		o.t.Error("the code opens the portal twice")
	}
}

// TMP-01, TMP-05: the phone is at home. A code is asked for after the password, mailed, and opens the sample application once. The authenticator
// works beside it and afterwards, and nothing else of the account changes. It ends by the person's press, or with its day, used or not.
func TestJourneyCodeForToday(t *testing.T) {
	t.Parallel()
	for _, look := range []rig.Look{{Language: "ja", Width: 320}, {Language: "en", NoScript: true}} {
		t.Run(look.Language, func(t *testing.T) {
			s := newSite(t, temporaryCodes)
			before, rest := s.factors("alice"), s.rest("alice")
			o, phone := s.owner(look), rig.NewPhone(t, realm.Secret("alice"))
			o.asksForToday("alice")
			mail := s.mailbox.Wait("alice@example.net", 1)
			m := eightDigits.FindStringSubmatch(mail.Text)
			if m == nil {
				t.Fatalf("no code in the mail %q", mail.Subject)
			}
			code := m[1] + m[2]
			if shown := o.page.Text(); strings.Contains(shown, code) || strings.Contains(shown, m[0]) || strings.Contains(shown, "alice@") {
				t.Error("the page shows the code or the address")
			}
			s.mailboxAlone("alice", code)
			if !s.opensPortalTyping("alice", phone.Code(), before[0].ID) {
				t.Error("the authenticator does not work beside the code")
			}
			o.takesToApplication("alice", code)
			if look.NoScript {
				s.codesGrowOld("alice")
			} else {
				o.page.Go(s.bridge.URL + "/temporary").Click(o.say["temp.done.end"]).See(o.say["temp.ended.title"]).MustBeAccessible()
			}
			s.mustHaveOldOnly("alice", phone, code, before)
			s.unchanged("alice", rest)
			if n := len(s.mailbox.Messages("alice@example.net")); n != 1 {
				t.Errorf("%d mails", n)
			}
		})
	}
}

// mailboxAlone is somebody who reads the mail and has no password: neither Keycloak nor our pages take them anywhere, and no press makes a code.
func (s *site) mailboxAlone(name, code string) {
	s.t.Helper()
	otps := len(s.otps(name))
	h := s.hand(name)
	h.Get(s.bridge.URL + "/temporary")
	if !strings.HasPrefix(h.Location, s.bridge.URL+"/start") {
		s.t.Errorf("no sign-in is asked for: %s", h.Describe())
	}
	csrf := h.Get(s.bridge.URL + "/start").Value("csrf")
	if csrf == "" {
		s.t.Fatalf("no token on %s", h.Describe())
	}
	for _, do := range []string{"send", "show", "phone", "end"} {
		h.Post(s.bridge.URL+"/temporary", url.Values{"csrf": {csrf}, "do": {do}})
		if h.Status == http.StatusOK || h.Location == s.bridge.URL+"/temporary" || len(s.otps(name)) != otps {
			s.t.Errorf("%s is done: %s", do, h.Describe())
		}
	}
	c := s.portal()
	b := c.Open(rig.NewBrowser(s.t)).Submit("username", name, "password", code, "otp", code).Follow(c.Redirect)
	if b.Page() != "login-login" || c.Finish(b).Signed {
		s.t.Errorf("without the password: %s", b.Describe())
	}
}

// codesByDesk lets the help desk answer with a code for today.
func codesByDesk(s *rig.Setup) {
	temporaryCodes(s)
	before := s.Change
	s.Change = func(all map[string]any) {
		before(all)
		all["policies"] = []map[string]any{{"name": "everyone", "ways": []string{"mail", "desk"}, "desk_temporary_codes": true}}
	}
}

// shows is the code on the caller's page.
func (c *call) shows() string {
	c.t.Helper()
	c.page.See(c.say["temp.shown.title"]).MustBeAccessible().Screenshot("today-shown")
	return strings.ReplaceAll(c.code(), " ", "")
}

// hides fails the test when a browser shows a code, wherever it looks.
func (h *hand) hides(code string) {
	h.s.t.Helper()
	for _, path := range []string{"", "/temporary", "/recovery", "/desk", "/desk/case"} {
		if path != "" {
			h.Get(h.s.bridge.URL + path).Follow("")
		}
		if text := strings.ReplaceAll(h.Body, " ", ""); strings.Contains(text, code) {
			h.s.t.Errorf("%s shows the code to %s", path, h.name)
		}
	}
}

// HD-06, HD-15, TMP-01: somebody without an address phones, and two operators approve a code. It is made by the caller's press and stands on the
// caller's page alone: no operator sees it, no mail holds it, and another browser with the same password gets none. It opens the sample
// application once.
func TestJourneyCodeForTodayByPhone(t *testing.T) {
	t.Parallel()
	look := rig.Look{Language: "ja", Width: 320}
	c := newCallOn(t, way{look: look}, codesByDesk)
	s := &site{t: t, campus: c.campus, mailbox: c.mailbox, bridge: c.bridge}
	before, rest := s.factors("bob"), s.rest("bob")
	c.page.Go(c.bridge.URL).See(c.say["start.temp"]).Click(c.say["start.temp"])
	c.signIn("bob")
	c.page.See(c.say["temp.none.title"]).MustBeAccessible().Click(c.say["temp.phone.submit"])
	c.page.See(c.say["call.title"])
	operators := []*hand{s.console("carol"), s.console("dave")}
	for i, o := range operators {
		o.opens("bob", strings.ReplaceAll(c.code(), " ", "")).see("Asked for: a temporary code for one sign-in today.")
		c.moves(look, c.say["call.checking.title"])
		o.approves("photo_id").see([]string{secondPage, "Never have the code read out"}[i])
		c.moves(look, []string{c.say["call.second.title"], c.say["temp.ready.title"]}[i])
	}
	thief := s.at("bob").typeID().typePassword()
	thief.Post(c.bridge.URL+"/temporary", url.Values{"csrf": {thief.Value("csrf")}, "do": {"show"}})
	s.stillHas("bob", before)
	c.page.MustBeAccessible().Screenshot("today-approved")
	c.page.Click(c.say["temp.ready.submit"])
	code := c.shows()
	for _, h := range append(operators, thief) {
		h.hides(code)
	}
	c.page.Click(c.say["temp.shown.keep"]).See(c.say["temp.kept.title"]).MustBeAccessible()
	for _, m := range c.mailbox.Messages("") {
		if strings.Contains(strings.ReplaceAll(m.Text+m.HTML, " ", ""), code) {
			t.Errorf("the mail %q holds the code", m.Subject)
		}
	}
	(&owner{c.journey, s, c.say}).takesToApplication("bob", code)
	c.page.Go(c.bridge.URL + "/temporary").Click(c.say["temp.done.end"]).See(c.say["temp.ended.title"])
	s.mustHaveOldOnly("bob", rig.NewPhone(t, realm.Secret("bob")), code, before)
	s.unchanged("bob", rest)
}

// forToday asks for a code by hand, and returns the one that is mailed.
func (h *hand) forToday() (code string) {
	h.s.t.Helper()
	h.Get(h.s.bridge.URL+"/start?to=temporary").SubmitTo("/start", "name", h.name)
	h.Follow("")
	h.typePassword().SubmitTo("/temporary", "do", "send").Follow("")
	h.see("The temporary code is in the mail")
	m := eightDigits.FindStringSubmatch(h.s.mailbox.Wait(h.name+"@example.net", 1).Text)
	if m == nil {
		h.s.t.Fatal("no code in the mail")
	}
	return m[1] + m[2]
}

// TMP-02 to TMP-04: somebody has the password and reads the mail. The code opens neither settings nor console; Keycloak lets it add an authenticator and set a password, which is
// shown first. The authenticator is taken away when the code ends, sessions end, there is an alarm for each, and everybody is told.
func TestRealmAttackCodeForToday(t *testing.T) {
	t.Parallel()
	s := newSettings(t, withConsole(t), temporaryCodes)
	s.add(realm.Person{Name: "frank"}, realm.Person{Name: "grace"}, realm.Person{Name: "henry"}, realm.Person{Name: "ivy"})
	in := s.hand("grace")
	code := in.forToday()
	h := s.hand("grace")
	h.Get(s.bridge.URL + "/settings").Follow("")
	h.typesAnyway().Submit("otp", code).Follow("")
	if h.Status != http.StatusForbidden || !h.sees("nothing can be changed or decided here") {
		t.Errorf("in the settings with a code: %s", h.Describe())
	}
	for name, action := range map[string]string{"alice": "CONFIGURE_TOTP", "frank": "UPDATE_PASSWORD"} {
		s.misuses(name, action)
	}
	s.decidesNothing("henry")
	s.losesTheRealOne("ivy")
}

// misuses uses a code for an action of Keycloak's own, and wants that found when the code ends.
func (s *site) misuses(name, action string) {
	t, before, owner, c := s.t, s.factors(name), s.hand(name), s.portal()
	t.Helper()
	code := owner.forToday()
	b := c.Open(rig.NewBrowser(t), "kc_action", action)
	b.Submit("username", name, "password", realm.Password(name)).Follow(c.Redirect)
	b.Submit("otp", code).Follow(c.Redirect)
	if action == "CONFIGURE_TOTP" {
		b.SubmitTo("", "totp", thiefsPhone(t, b).Code(), "userLabel", "thief").Follow(c.Redirect)
	} else {
		b.Submit("password-new", "the thief's password", "password-confirm", "the thief's password").Follow(c.Redirect)
	}
	if !c.Finish(b).Signed {
		t.Fatalf("%s: the attack does not work any more: %s", action, b.Describe())
	}
	owner.Get(s.bridge.URL+"/temporary").SubmitTo("/temporary", "do", "end").Follow("")
	rig.Eventually(t, "what the code brought is gone", func() bool { return len(s.otps(name)) == 1 && s.sessions(name) == 0 })
	s.stillHas(name, before)
	rig.Eventually(t, "the alarm", func() bool {
		return s.trailHas(func(e auditEvent) bool {
			return e.Event == "alarm.temporary_changed" && e.Target == s.campus.Users[name]
		})
	})
	if mail := s.mailbox.Wait(name+"@example.net", 2); !strings.Contains(mail.Text, "Change it and call the help desk") {
		t.Errorf("the mail says\n%s", mail.Text)
	}
}
