package keycloak_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
)

// aPassword is what Keycloak says of a password that was set on a page of its own.
var aPassword = map[string]string{"credential_type": "password", "custom_required_action": "UPDATE_PASSWORD"}

// mailed opens two gates, and a link for a new password is mailed to a person, some time before now.
func (d *desk) mailed(t *testing.T, to string, before time.Duration) (polls func() error) {
	t.Helper()
	g := d.gate(t)
	for _, p := range []string{person, "somebody"} {
		_, err := g.Open(t.Context(), p)
		must(t, err)
	}
	d.clock.move(time.Second)
	d.place.happens(d.clock.now().Add(-before), "SEND_RESET_PASSWORD", to, map[string]string{"code_id": "of another browser"})
	w := d.watch(t, g, nil)
	return func() error { return w.Poll(t.Context()) }
}

// Who forgot the password on the page that our client leads to sets a new one there, in any browser: their own gate is shut and their sessions end, once, and
// nobody else hears of it. OIDC-24
func TestAForgottenPasswordIsNoAlarm(t *testing.T) {
	for what, before := range map[string]time.Duration{"just now": 0, "an hour ago": time.Hour} {
		d := newDesk()
		polls := d.mailed(t, person, before)
		for _, kind := range []string{"UPDATE_CREDENTIAL", "UPDATE_PASSWORD"} {
			d.place.happens(d.clock.now(), kind, person, aPassword)
		}
		must(t, polls())
		ended := d.place.seen("POST /users/" + person + "/logout")
		if len(d.audit.Events("gate.alarm")) != 0 || d.place.member(person) || !d.place.member("somebody") || ended == 0 {
			t.Errorf("%s: alarms %+v, own gate open %t, somebody else's %t, ended %d times", what,
				d.audit.Events("gate.alarm"), d.place.member(person), d.place.member("somebody"), ended)
		}
		if shut := d.audit.Events("gate.shut"); len(shut) != 1 || shut[0].Target != person || shut[0].Detail["reason"] != "password" {
			t.Errorf("%s: %+v, want the person's own gate shut on record", what, shut)
		}
		must(t, d.watch(t, d.gate(t), nil).Poll(t.Context())) // another replica
		if d.place.seen("POST /users/"+person+"/logout") != ended {
			t.Errorf("%s: another replica answered it again", what)
		}
	}
}

// Nothing else is excused by a mailed link: no other mail, no other change, and no sign-in that goes on from the new password, which a pushed page gives. OIDC-24
func TestAMailedLinkExcusesNothingElse(t *testing.T) {
	address := map[string]string{"updated_email": "thief@example.net"}
	for what, tc := range map[string]struct {
		to      string
		before  time.Duration
		kind    string
		details map[string]string
	}{
		"mailed to somebody else":   {"somebody", time.Minute, "UPDATE_PASSWORD", aPassword},
		"mailed afterwards":         {person, -time.Second, "UPDATE_PASSWORD", aPassword},
		"mailed before yesterday":   {person, 25 * time.Hour, "UPDATE_PASSWORD", aPassword},
		"an authenticator":          {person, time.Minute, "UPDATE_CREDENTIAL", map[string]string{"credential_type": "otp"}},
		"a passkey":                 {person, time.Minute, "UPDATE_CREDENTIAL", map[string]string{"credential_type": "webauthn-passwordless"}},
		"of no kind":                {person, time.Minute, "UPDATE_CREDENTIAL", nil},
		"an authenticator, by name": {person, time.Minute, "UPDATE_TOTP", aPassword},
		"a removal":                 {person, time.Minute, "REMOVE_CREDENTIAL", aPassword},
		"the address":               {person, time.Minute, "UPDATE_EMAIL", address},
		"the profile":               {person, time.Minute, "UPDATE_PROFILE", address},
		"a sign-in goes on from it": {person, time.Minute, "LOGIN", aPassword},
	} {
		d := newDesk()
		polls := d.mailed(t, tc.to, tc.before)
		d.place.happens(d.clock.now(), tc.kind, person, tc.details)
		must(t, polls())
		if alarms := d.audit.Events("gate.alarm"); len(alarms) != 1 || d.place.member(person) || d.place.member("somebody") {
			t.Errorf("%s: alarms %+v, gates open: %t, %t", what, alarms, d.place.member(person), d.place.member("somebody"))
		}
	}
}

// hideMails lets Keycloak say what was changed, and fail at saying whether a link was mailed before.
func (d *desk) hideMails() {
	reads := 0
	d.place.hook(func(call string) *http.Response {
		if call == readEvents {
			reads++
		}
		if call == readEvents && reads > 1 {
			return answer(http.StatusServiceUnavailable, nil)
		}
		return nil
	}, nil)
}

// Whether a link was mailed is not known while Keycloak does not say it: the person's gate is shut at once, and what else follows when it is known. OIDC-24
func TestAPasswordIsJudgedWhenTheMailsAreKnown(t *testing.T) {
	for _, mailed := range []string{person, "somebody"} {
		d := newDesk()
		polls := d.mailed(t, mailed, time.Minute)
		d.place.happens(d.clock.now(), "UPDATE_PASSWORD", person, aPassword)
		d.hideMails()
		wantCode(t, "the second read", polls(), bridge.CodeKeycloakAway)
		if len(d.audit.Events("gate.alarm")) != 0 || d.place.member(person) || !d.place.member("somebody") {
			t.Errorf("alarms %+v, gates open: %t, %t", d.audit.Events("gate.alarm"), d.place.member(person), d.place.member("somebody"))
		}
		d.place.hook(nil, nil)
		must(t, polls())
		if alarmed := len(d.audit.Events("gate.alarm")) == 1; alarmed == (mailed == person) || d.place.member("somebody") != (mailed == person) {
			t.Errorf("mailed to %s: alarm %t, somebody else's gate open: %t", mailed, alarmed, d.place.member("somebody"))
		}
	}
}
