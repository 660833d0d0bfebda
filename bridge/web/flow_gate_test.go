package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

func gate(c *campus.Campus) []string { return c.KC.Members("otp-recovery-open") }

// OIDC-19, WB-08: the gate stays shut for whoever may not recover; every name leads to the same page, and the person is told what to do.
func TestTheGateStaysShutForWhoeverMayNotRecover(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.KC.GroupID("admins")
	c.KC.SetGroupRoles("admins", "campus-admins")
	pending := func(action string) func(*fakekc.Person) {
		return func(m *fakekc.Person) { m.RequiredActions = []string{action} }
	}
	people := map[string]func(*fakekc.Person){
		"disabled": func(m *fakekc.Person) { m.Disabled = true },
		"outside":  func(m *fakekc.Person) { m.Groups = nil },
		"admin":    func(m *fakekc.Person) { m.Roles = append(m.Roles, "campus-admins") },
		"by-group": func(m *fakekc.Person) { m.Groups = append(m.Groups, "admins") },
		"by-right": func(m *fakekc.Person) { m.Rights = []string{"manage-users"} },
		"gap":      func(m *fakekc.Person) { m.Last = "" },
		"stays":    func(m *fakekc.Person) { m.ID, m.Federation = "f:directory:stays", "directory" },
	}
	for _, action := range []string{
		"UPDATE_PASSWORD", "CONFIGURE_TOTP", "VERIFY_EMAIL", "UPDATE_PROFILE", "UPDATE_EMAIL", "TERMS_AND_CONDITIONS", "webauthn-register",
		"CONFIGURE_RECOVERY_AUTHN_CODES", "delete_account",
	} {
		people["pending-"+action] = pending(action)
	}
	for name, change := range people {
		member(c, strings.ToLower(name), change)
	}
	member(c, "somebody")
	people["somebody"], people["nobody-at-all"], people["service-account-otpbridge-admin"] = nil, nil, nil
	pages := map[string]int{}
	for name := range people {
		name = strings.ToLower(name)
		if name == "somebody" {
			lock(c, "") // passes by itself
		}
		p := newPerson(t, c)
		p.open("/start", http.StatusOK)
		p.send("/start", http.StatusOK, "name", name)
		if p.Page() != loginform.PagePassword || len(gate(c)) > 0 {
			t.Errorf("%s: page %q, gate %v", name, p.Page(), gate(c))
			continue
		}
		pages[strings.ReplaceAll(text(p.Body), name, "NAME")]++
		p.must(p.Password(t.Context(), name, name+"-password"))
		if strings.HasPrefix(p.URL, c.URL) {
			t.Errorf("%s came back to %s", name, p.URL)
		}
		c.Clock.Add(3 * time.Second)
		p.open("/start", http.StatusOK)
		p.says("Access denied")
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages: %v", len(pages), pages)
	}
	if len(c.Mails("")) > 0 {
		t.Error("mail was sent")
	}
	if !slices.ContainsFunc(c.Events("signin.started"), func(e bridge.AuditEvent) bool {
		return e.Target == "f:directory:stays" && e.Code == bridge.CodeNotAllowed
	}) {
		t.Error("the trail does not say why somebody of a directory that is not imported cannot recover")
	}
}

// OIDC-19: however two browsers open and leave, twenty times, in the end the gate is shut.
func TestTwoBrowsersShareOneGateAndLeaveItShut(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, sharesOneGate)
}

func sharesOneGate(t *testing.T, c *campus.Campus) {
	t.Helper()
	c.Second(t)
	a, b := newPerson(t, c), newPerson(t, c)
	for round := range rounds(20) {
		a.open("/start", http.StatusOK)
		b.open("/start", http.StatusOK)
		began := [2]answer{}
		var all sync.WaitGroup
		for i, p := range []*person{a, b} {
			press := post("/start", p.session(), p.token(), "name", "alice")
			all.Go(func() { began[i], _ = press.try(t.Context(), c) })
		}
		all.Wait()
		if got := gate(c); len(got) != 1 {
			t.Fatalf("round %d: open for %v", round, got)
		}
		leave := []byHand{post("/signout", began[0].session(t), a.token()), post("/signout", began[1].session(t), b.token())}
		leave[0].to(t, c)
		if got := gate(c); len(got) != 1 {
			t.Fatalf("round %d: the first who left shut it for the other", round)
		}
		leave[1].to(t, c)
		if got := gate(c); len(got) != 0 {
			t.Fatalf("round %d: left open for %v", round, got)
		}
	}
}

// OIDC-19: nobody comes back: the job shuts the gate.
func TestAGateThatNobodyComesBackToIsShutByItsJob(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	c.StopWork() // as if the process had died
	c.Clock.Add(3*time.Minute + time.Second)
	if len(gate(c)) != 1 {
		t.Fatal("the gate was not open")
	}
	c.Second(t)
	c.Wait(t, "the gate", func() bool { return len(gate(c)) == 0 })
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	if strings.HasPrefix(p.URL, c.URL) {
		t.Error("let in after the gate was shut")
	}
	p.ask("alice") // and begins again
}

// OIDC-19: an error that is sent to the callback shuts at most the gate of its own browser.
func TestAForeignErrorCallbackShutsNobodyElsesGate(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	alice := newPerson(t, c)
	alice.open("/start", http.StatusOK)
	alice.send("/start", http.StatusOK, "name", "alice")
	mallory := newPerson(t, c)
	mallory.open("/start", http.StatusOK)
	mallory.send("/start", http.StatusOK, "name", "alice")
	for _, query := range []string{"error=access_denied&state=guess", "error=access_denied", "error=login_required&state=&iss=" + c.KC.Issuer} {
		mallory.open("/oidc/callback?"+query, http.StatusBadRequest)
	}
	mallory.open("/start", http.StatusOK)
	mallory.send("/signout", http.StatusOK)
	if got := gate(c); len(got) != 1 {
		t.Fatalf("open for %v", got)
	}
	alice.must(alice.Password(t.Context(), "alice", "alice-password"))
	alice.at("/recovery")
}

// OIDC-21: ten wrong second factors in a day keep the gate shut; every address is told, once a day; an old one counts no longer.
func TestTooManyWrongSecondFactorsShutTheGate(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "target", func(m *fakekc.Person) {
		m.Attributes["notificationEmail"] = []string{"one@elsewhere.example", "two@example.ac.jp"}
	})
	for n := range 10 {
		c.KC.AddEvent(fakekc.Event{
			Type: "LOGIN_ERROR", UserID: c.KC.PersonID(name), ClientID: fakekc.ClientPortal, Error: "invalid_user_credentials",
			Time: c.Clock.Now().Add(-time.Duration(n) * time.Hour).UnixMilli(), Details: map[string]string{"selected_credential_id": "x"},
		})
	}
	tries := func() {
		for range 3 {
			p := newPerson(t, c)
			p.open("/start", http.StatusOK)
			p.send("/start", http.StatusOK, "name", name)
			if len(gate(c)) != 0 {
				t.Fatal("the gate is open")
			}
			p.must(p.Password(t.Context(), name, name+"-password"))
			if strings.HasPrefix(p.URL, c.URL) {
				t.Fatalf("let in: %s", p.URL)
			}
		}
	}
	tries()
	tells(t, c, bridge.NoticeGateShut, "one@elsewhere.example", "two@example.ac.jp")
	c.Clock.Add(15 * time.Hour)
	newPerson(t, c).signIn(name)
}

// OIDC-21: while events cannot be read the gate stays shut. That is nothing that the person did: it is said as it is, alike for every name, and
// nobody is told of wrong codes. When Keycloak refuses to show them, or keeps none, there is an alarm.
func TestUnreadableEventsKeepTheGateShut(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for name, f := range map[string]struct {
		fault fakekc.Fault
		words string
		alarm bool
	}{
		"refused": {fakekc.Fault{Path: "/admin/realms/*/events", Status: http.StatusForbidden}, "Nothing was changed", true},
		"away":    {fakekc.Fault{Path: "/admin/realms/*/events", Status: http.StatusInternalServerError}, "Nothing was changed", false},
	} {
		mend := c.KC.Inject(f.fault)
		for _, typed := range []string{"alice", "nobody-of-that-name"} {
			p := newPerson(t, c)
			p.open("/start", http.StatusOK)
			alarms := len(c.Events("alarm.realm_unsafe"))
			p.send("/start", http.StatusServiceUnavailable, "name", typed)
			p.says(f.words)
			if got := len(c.Events("alarm.realm_unsafe")) > alarms; got != f.alarm || len(gate(c)) != 0 || len(c.Mails("")) != 0 {
				t.Errorf("%s, %s: alarm %v, gate %v, mails %v", name, typed, got, gate(c), c.Mails(""))
			}
		}
		mend()
	}
	if len(c.Events("gate.counted")) != 0 {
		t.Error("it was counted against the person")
	}
	newPerson(t, c).signIn("alice")
}

// OIDC-19: the replica that opened a gate dies before anybody came back: whichever one lives then shuts it when the lease is over.
func TestAGateIsShutWhenItsReplicaDied(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Clock.Stop()
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	c.StopWork()
	c.Clock.Add(3*time.Minute - 10*time.Second)
	next := c.Second(t)
	if err := next.Gate.Sweep(t.Context()); err != nil || len(gate(c)) != 1 {
		t.Fatalf("within the lease: %v, %v", gate(c), err)
	}
	c.Clock.Add(20 * time.Second)
	c.Wait(t, "the gate shuts", func() bool { return len(gate(c)) == 0 })
}

// OIDC-24: a credential made in the midst of a sign-in of ours is removed, the sessions end, the gate shuts for everybody, and there is an alarm.
func TestAnAccountChangedInTheMidstOfASignInIsPutRight(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	alice, other := newPerson(t, c), newPerson(t, c)
	member(c, "other")
	for p, name := range map[*person]string{alice: "alice", other: "other"} {
		p.open("/start", http.StatusOK)
		p.send("/start", http.StatusOK, "name", name)
	}
	if !newPerson(t, c).portal("alice", func() string { return oldKey(t).Code(c.Clock.Now()) }) || len(gate(c)) != 2 {
		t.Fatal("no session, or no gate")
	}
	id := c.KC.PersonID("alice")
	evil := c.KC.AddCredential(id, fakekc.Credential{Type: bridge.TypeOTP, Label: "evil"})
	c.KC.AddEvent(fakekc.Event{
		Type: "UPDATE_CREDENTIAL", ClientID: fakekc.ClientLogin, UserID: id, Details: map[string]string{"credential_type": "otp", "credential_id": evil},
	})
	c.Wait(t, "the alarm", func() bool { return len(c.Events("gate.alarm")) == 1 })
	if len(gate(c)) != 0 || c.KC.Sessions(id) != 0 || strings.Contains(strings.Join(otps(c, "alice"), " "), evil) || len(otps(c, "alice")) != 1 {
		t.Errorf("gate %v, %d sessions, credentials %v", gate(c), c.KC.Sessions(id), otps(c, "alice"))
	}
}

// leftOver is a browser in which alice's full session is two minutes old, at the sign-in page's door.
func leftOver(t *testing.T, c *campus.Campus) *person {
	t.Helper()
	p := newPerson(t, c)
	if !p.portal("alice", func() string { return oldKey(t).Code(c.Clock.Now()) }) {
		t.Fatal("no full session")
	}
	c.Clock.Add(2 * time.Minute)
	p.open("/start", http.StatusOK)
	return p
}

// OIDC-09: a full session left in the browser is ended and the request repeated, so that the password is typed; it opens nothing afterwards.
func TestAFullSessionLeftInTheBrowserIsEndedAndThePasswordAsked(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := leftOver(t, c)
	p.send("/start", http.StatusOK, "name", "alice")
	if p.Page() != loginform.PagePassword || c.KC.Sessions(c.KC.PersonID("alice")) != 0 {
		t.Fatalf("at %s, %d sessions", p.URL, c.KC.Sessions(c.KC.PersonID("alice")))
	}
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.at("/recovery")
	if p.portal("alice", nil) {
		t.Error("the portal opens without a code")
	}
}

// OIDC-23: somebody else's full session on a shared computer stays as it is, even while that person's gate is open: they are not signed out
// everywhere by a press that names another person, or nobody.
func TestSomebodyElsesOlderSessionIsNotEnded(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"alice", "nobody-of-this-name"} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			member(c, "somebody")
			shared, stranger := newPerson(t, c), newPerson(t, c)
			if !shared.portal("somebody", func() string { return oldKey(t).Code(c.Clock.Now()) }) {
				t.Fatal("no full session")
			}
			c.Clock.Add(2 * time.Minute)
			stranger.open("/start", http.StatusOK)
			stranger.send("/start", http.StatusOK, "name", "somebody")
			shared.open("/start", http.StatusOK)
			shared.send("/start", http.StatusForbidden, "name", typed)
			shared.says("Please start again with the same ID")
			if n := c.KC.Sessions(c.KC.PersonID("somebody")); n != 1 || len(c.Events("gate.mismatch")) != 1 {
				t.Fatalf("%d sessions, on record: %d", n, len(c.Events("gate.mismatch")))
			}
			shared.open("/start", http.StatusOK)
			shared.must(shared.Post(t.Context(), c.URL+"/signout", url.Values{"csrf": {shared.token()}}))
			shared.must(shared.Submit(t.Context(), nil))
			shared.signIn("alice")
			shared.at("/recovery")
		})
	}
}

// OIDC-09: stale twice is refused.
func TestASignInThatIsStaleTwiceIsRefused(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := leftOver(t, c)
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodPost, Path: "/realms/*/protocol/openid-connect/logout", Status: http.StatusOK})
	p.send("/start", http.StatusForbidden, "name", "alice")
	p.says("Please sign in once more")
	if len(gate(c)) != 0 || len(c.Events("recovery.started")) != 0 {
		t.Error("the gate is open, or a recovery was begun")
	}
	mend()
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.at("/recovery")
}

// OIDC-20: typed one name, signed in as another: ended, refused, on record, no mail; nobody's quota is touched.
func TestWhoSignsInAsSomebodyElseThanTypedIsRefused(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "victim")
	member(c, "mallory")
	open := newPerson(t, c) // somebody has the victim's gate open
	open.open("/start", http.StatusOK)
	open.send("/start", http.StatusOK, "name", "victim")
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "mallory")
	p.must(p.Password(t.Context(), "victim", "victim-password"))
	p.want(http.StatusForbidden)
	p.says("Please start again with the same ID")
	if c.KC.Sessions(c.KC.PersonID("victim")) != 0 || len(c.Events("gate.mismatch")) != 1 || len(c.Mails("")) != 0 {
		t.Errorf("%d sessions, on record: %d", c.KC.Sessions(c.KC.PersonID("victim")), len(c.Events("gate.mismatch")))
	}
	p.open("/recovery", http.StatusOK)
	p.at("/start")
}

// OIDC-20: what the person changes at the sign-in does not count: the addresses are those of before.
func TestTheAddressesAreThoseOfBeforeTheSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	c.KC.Change(c.KC.PersonID("alice"), func(a *fakekc.Account) { a.Attributes["notificationEmail"] = []string{"evil@elsewhere.example"} })
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	if to := lastLink(t, c).To; to != "alice@example.net" {
		t.Errorf("sent to %s", to)
	}
	for _, n := range c.Mails("") {
		if strings.HasPrefix(n.To, "evil") {
			t.Errorf("told %s", n.To)
		}
	}
}
