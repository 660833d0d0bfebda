package keycloak_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// What Keycloak says of a page of ours, of one behind a link that was opened in another browser, and of what was set up there (26.7.4).
var (
	ourPage     = map[string]string{"code_id": "of this browser", "redirect_uri": "https://otp.example.ac.jp/oidc/callback"}
	otherPage   = map[string]string{"code_id": "of another browser", "redirect_uri": "https://id.example.ac.jp/realms/campus/account/"}
	fullSignIn  = map[string]string{"code_id": "of a sign-in", "redirect_uri": "https://otp.example.ac.jp/oidc/callback"}
	aPhone      = map[string]string{"credential_type": "otp", "custom_required_action": "CONFIGURE_TOTP"}
	codesAnew   = map[string]string{"credential_type": "recovery-authn-codes", "custom_required_action": "CONFIGURE_RECOVERY_AUTHN_CODES"}
	aRemoval    = map[string]string{"credential_type": "webauthn", "credential_id": "gone", "custom_required_action": "delete_credential"}
	aNewAddress = map[string]string{"updated_email": "thief@example.net", "custom_required_action": "UPDATE_PROFILE"}
)

// changedOn changes an account on one of these pages, a minute after a link was mailed to somebody, who may be that person. Nobody's gate is open but somebody's.
func (d *desk) changedOn(t *testing.T, page map[string]string, kind string, details map[string]string, mailed string) (g *keycloak.RealmGate) {
	t.Helper()
	g = d.gate(t)
	_, err := g.Open(t.Context(), "somebody")
	must(t, err)
	if mailed != "" {
		d.place.happens(d.clock.now().Add(-time.Minute), "SEND_RESET_PASSWORD", mailed, ourPage)
	}
	all := map[string]string{}
	maps.Copy(all, page)
	maps.Copy(all, details)
	d.place.otps[person] = []map[string]any{{"id": "c1", "type": details["credential_type"], "createdDate": d.clock.now().UnixMilli()}}
	d.place.happens(d.clock.now(), kind, person, all)
	return g
}

// What was changed behind a mailed link is undone whether the person's gate was open or not. For most of it nobody needs our client's key, and it cannot be told
// from what was pushed: nobody else's gate is shut. In a full sign-in people may change their account. OIDC-24
func TestWhatIsChangedBehindAMailedLinkIsUndone(t *testing.T) {
	for what, tc := range map[string]struct {
		page     map[string]string
		kind     string
		details  map[string]string
		mailed   string
		event    string // "" = nothing is done
		link     string
		elseOpen bool // somebody else's gate
	}{
		"an authenticator":         {ourPage, "UPDATE_TOTP", aPhone, person, "gate.undone", "same", true},
		"in another browser":       {otherPage, "UPDATE_CREDENTIAL", aPhone, person, "gate.undone", "another", true},
		"recovery codes":           {ourPage, "UPDATE_CREDENTIAL", codesAnew, person, "gate.undone", "same", true},
		"the address":              {ourPage, "UPDATE_PROFILE", aNewAddress, person, "gate.undone", "same", true},
		"a removal":                {ourPage, "REMOVE_CREDENTIAL", aRemoval, person, "gate.alarm", "same", false},
		"a password":               {ourPage, "UPDATE_PASSWORD", aPassword, person, "", "", true},
		"a sign-in after that":     {ourPage, "LOGIN", aPassword, person, "", "", true},
		"in a full sign-in":        {fullSignIn, "UPDATE_TOTP", aPhone, person, "", "", true},
		"in one after the codes":   {fullSignIn, "UPDATE_CREDENTIAL", codesAnew, person, "", "", true},
		"mailed to somebody":       {ourPage, "UPDATE_TOTP", aPhone, "somebody", "", "", true},
		"nothing was mailed":       {otherPage, "UPDATE_TOTP", aPhone, "", "", "", true},
		"Keycloak names no page":   {nil, "UPDATE_TOTP", aPhone, person, "gate.undone", "another", true},
		"a removal, in a sign-in":  {fullSignIn, "REMOVE_CREDENTIAL", aRemoval, person, "", "", true},
		"an address, in a sign-in": {fullSignIn, "UPDATE_PROFILE", aNewAddress, person, "", "", true},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk()
			g := d.changedOn(t, tc.page, tc.kind, tc.details, tc.mailed)
			must(t, d.watch(t, g, nil).Poll(t.Context()))
			logouts := func() int { return d.place.seen("POST /users/" + person + "/logout") }
			said := append(d.audit.Events("gate.undone"), d.audit.Events("gate.alarm")...)
			if tc.event == "" && (len(said) > 0 || logouts() > 0 || len(d.place.otps[person]) == 0) {
				t.Errorf("%+v, sessions ended %d times, left %v, want nothing", said, logouts(), d.place.otps[person])
			}
			if tc.event != "" && (len(said) != 1 || said[0].Event != tc.event || said[0].Target != person || said[0].Detail["link"] != tc.link || logouts() != 1) {
				t.Errorf("%+v, sessions ended %d times, want %s", said, logouts(), tc.event)
			}
			made := tc.event != "" && tc.kind != "REMOVE_CREDENTIAL" && tc.details["credential_type"] != ""
			if made && (len(said) != 1 || strings.Join(said[0].Removed, "") != "c1" || len(d.place.otps[person]) > 0) {
				t.Errorf("%+v, left %v, want what was made removed", said, d.place.otps[person])
			}
			if d.place.member("somebody") != tc.elseOpen {
				t.Errorf("somebody else's gate is open: %v", d.place.member("somebody"))
			}
			before := logouts()
			must(t, d.watch(t, d.gate(t), nil).Poll(t.Context())) // another replica
			if again := append(d.audit.Events("gate.undone"), d.audit.Events("gate.alarm")...); len(again) != len(said) || logouts() != before {
				t.Errorf("another replica answered it again: %+v", again)
			}
		})
	}
}

// Who spends the last recovery code behind the own gate, which everybody can open, has Keycloak demand new ones at our client: that shuts the own gate and nobody
// else's. OIDC-24
func TestSpentCodesKeepNobodyElseOut(t *testing.T) {
	d := newDesk()
	g := d.changedOn(t, ourPage, "UPDATE_CREDENTIAL", codesAnew, "")
	_, err := g.Open(t.Context(), person)
	must(t, err)
	must(t, d.watch(t, g, nil).Poll(t.Context()))
	if said := d.audit.Events("gate.undone"); len(said) != 1 || len(d.audit.Events("gate.alarm")) > 0 || len(d.place.otps[person]) > 0 {
		t.Errorf("%+v, alarms %+v, left %v", said, d.audit.Events("gate.alarm"), d.place.otps[person])
	}
	if d.place.member(person) || !d.place.member("somebody") {
		t.Errorf("gates open: %t, somebody else's %t", d.place.member(person), d.place.member("somebody"))
	}
}

// Behind an open gate a mailed link is no excuse, whatever the browser was used for before: nothing was demanded when it opened. OIDC-24
func TestBehindAnOpenGateALinkExcusesNothing(t *testing.T) {
	d := newDesk()
	g := d.changedOn(t, ourPage, "UPDATE_TOTP", aPhone, person)
	_, err := g.Open(t.Context(), person)
	must(t, err)
	must(t, d.watch(t, g, nil).Poll(t.Context()))
	if said := d.audit.Events("gate.alarm"); len(said) != 1 || len(d.place.otps[person]) > 0 || d.place.member(person) || d.place.member("somebody") {
		t.Errorf("alarms %+v, left %v, gates open: %t, %t", said, d.place.otps[person], d.place.member(person), d.place.member("somebody"))
	}
}

// A process looks at the hour before its start, and after an outage from where it stood, however long that was; a quiet day makes no query longer. OIDC-24
func TestNothingIsLostWhileNobodyLooked(t *testing.T) {
	d := newDesk()
	g := d.changedOn(t, ourPage, "UPDATE_TOTP", aPhone, person)
	d.clock.move(61 * time.Minute)
	must(t, d.watch(t, g, nil).Poll(t.Context()))
	if len(d.audit.Events("gate.undone")) != 0 {
		t.Error("what happened more than an hour before the start was looked at")
	}
	d.clock.move(-2 * time.Minute)
	w := d.watch(t, g, nil)
	d.place.hook(func(call string) *http.Response {
		if call == readEvents {
			return answer(http.StatusServiceUnavailable, nil)
		}
		return nil
	}, nil)
	for range 3 {
		wantCode(t, "Keycloak is away", w.Poll(t.Context()), bridge.CodeKeycloakAway)
		d.clock.move(time.Hour)
	}
	d.place.hook(nil, nil)
	must(t, w.Poll(t.Context()))
	if len(d.audit.Events("gate.undone")) != 1 {
		t.Error("what happened before an outage is lost")
	}
	d.clock.move(24 * time.Hour)
	for range 2 {
		must(t, w.Poll(t.Context()))
		d.clock.move(time.Minute)
	}
	if back := d.clock.now().Sub(d.place.from); back > 65*time.Minute {
		t.Errorf("after a quiet day a look goes back %s", back)
	}
	d.clock.move(-12 * time.Hour) // a clock was set
	_, err := g.Open(t.Context(), "somebody")
	must(t, err)
	d.clock.move(time.Second)
	d.place.happens(d.clock.now(), "LOGIN", "somebody", nil)
	must(t, w.Poll(t.Context()))
	if d.place.member("somebody") {
		t.Error("after a clock was set back nothing is seen")
	}
}

// Whether a link was mailed is asked until Keycloak says it. OIDC-24
func TestWhatWasMadeIsJudgedWhenTheMailsAreKnown(t *testing.T) {
	d := newDesk()
	w := d.watch(t, d.changedOn(t, ourPage, "UPDATE_TOTP", aPhone, person), nil)
	d.hideMails()
	wantCode(t, "the mails are not known", w.Poll(t.Context()), bridge.CodeKeycloakAway)
	if said := d.audit.Events("gate.undone"); len(said) > 0 || !d.place.member("somebody") {
		t.Errorf("%+v, somebody else's gate open: %t", said, d.place.member("somebody"))
	}
	d.place.hook(nil, nil)
	must(t, w.Poll(t.Context()))
	if said := d.audit.Events("gate.undone"); len(said) != 1 || len(d.place.otps[person]) > 0 {
		t.Errorf("%+v, left %v", said, d.place.otps[person])
	}
}

// What cannot be answered is tried for half an hour, whatever else happens, and hides nothing that comes behind it. OIDC-24
func TestAnAnswerIsTriedForHalfAnHour(t *testing.T) {
	d := newDesk()
	w := d.watch(t, d.changedOn(t, ourPage, "UPDATE_TOTP", aPhone, person), nil)
	d.place.hook(func(call string) *http.Response {
		if call == "POST /users/"+person+"/logout" {
			return answer(http.StatusForbidden, map[string]any{"error": "HTTP 403 Forbidden"})
		}
		return nil
	}, nil)
	tried := func() int { return d.place.seen("POST /users/" + person + "/logout") }
	for range 31 {
		if err := w.Poll(t.Context()); err == nil {
			t.Error("a look says that all is answered")
		}
		d.clock.move(time.Minute)
	}
	d.place.happens(d.clock.now(), "LOGIN", "somebody", nil)
	_ = w.Poll(t.Context())
	if n := tried(); n != 31 || d.place.member("somebody") {
		t.Errorf("tried %d times, somebody's gate open after a sign-in: %t", n, d.place.member("somebody"))
	}
	must(t, w.Poll(t.Context()))
	if n := tried(); n != 31 {
		t.Errorf("tried %d times", n)
	}
}
