package keycloak_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

const readEvents = "GET /events"

func (d *desk) watch(t *testing.T, g *keycloak.RealmGate, alarm func(context.Context, bridge.Event)) *keycloak.Watch {
	t.Helper()
	return keycloak.NewWatch(keycloak.WatchConfig{Gate: g, Alarm: alarm})
}

// Events are read at every poll while a gate is open and for half an hour after it, and every ten seconds otherwise. OIDC-21, OIDC-24
func TestWatchReadsQuickerWhileAGateIsOrWasOpen(t *testing.T) {
	d := newDesk()
	g := d.gate(t)
	w := d.watch(t, g, nil)
	reads := func(of time.Duration) int {
		t.Helper()
		before := d.place.seen(readEvents)
		for range of / keycloak.WatchEvery {
			must(t, w.Poll(t.Context()))
			d.clock.move(keycloak.WatchEvery)
		}
		return d.place.seen(readEvents) - before
	}
	if n := reads(time.Minute); n != 6 {
		t.Errorf("events were read %d times in a minute without a gate", n)
	}
	d.clock.move(-time.Hour)
	if n := reads(time.Minute); n != 6 {
		t.Errorf("events were read %d times in a minute after a clock was set back", n)
	}
	_, err := g.Open(t.Context(), person)
	must(t, err)
	if n := reads(time.Minute); n != 30 {
		t.Errorf("events were read %d times in a minute with an open gate", n)
	}
	must(t, d.jobs.Remove(t.Context(), bridge.JobGate, person))
	d.clock.move(27 * time.Minute)
	if n := reads(time.Minute); n != 30 {
		t.Errorf("events were read %d times in a minute half an hour after an open gate", n)
	}
	d.clock.move(3 * time.Minute)
	if n := reads(time.Minute); n != 6 {
		t.Errorf("events were read %d times in a minute later", n)
	}
}

// A sign-in shuts the leases that were open then, and none that came later, however often the event is seen. OIDC-21
func TestSignInShutsOnlyEarlierLeases(t *testing.T) {
	d := newDesk()
	g := d.gate(t)
	w := d.watch(t, g, nil)
	d.place.happens(d.clock.now().Add(-time.Minute), "LOGIN", person, nil)
	_, err := g.Open(t.Context(), person)
	must(t, err)
	must(t, w.Poll(t.Context()))
	if !d.place.member(person) {
		t.Fatal("a sign-in of before shut the gate")
	}
	d.clock.move(time.Second)
	d.place.happens(d.clock.now(), "LOGIN", person, nil)
	d.place.happens(d.clock.now(), "LOGIN", "operator", nil)
	d.clock.move(time.Second)
	later, err := g.Open(t.Context(), person)
	must(t, err)
	for range 3 {
		must(t, w.Poll(t.Context()))
	}
	if r, _ := d.records.Get(t.Context(), person); len(r.Leases) != 1 || r.Leases[later].Expires.IsZero() || !d.place.member(person) {
		t.Errorf("leases %v, member %v, want the later one and an open gate", r.Leases, d.place.member(person))
	}
	d.clock.move(time.Second)
	d.place.happens(d.clock.now(), "LOGIN", person, nil)
	must(t, w.Poll(t.Context()))
	if d.place.member(person) {
		t.Error("the gate is open after the sign-in")
	}
	if d.place.members["operator"] {
		t.Error("a sign-in opened a gate")
	}
}

// An event that appears late, behind others that were seen, is not missed; one whose answer failed is answered at the next poll. OIDC-24
func TestWatchMissesNothing(t *testing.T) {
	d := newDesk()
	g := d.gate(t)
	var alarms []bridge.Event
	w := d.watch(t, g, func(_ context.Context, e bridge.Event) { alarms = append(alarms, e) })
	_, err := g.Open(t.Context(), person)
	must(t, err)
	d.place.happens(d.clock.now(), "LOGIN", "somebody", nil)
	must(t, w.Poll(t.Context()))
	d.place.happens(d.clock.now().Add(-5*time.Second), "UPDATE_PROFILE", person, nil)
	d.place.hook(func(call string) *http.Response {
		if strings.HasSuffix(call, "/logout") {
			return answer(http.StatusServiceUnavailable, nil)
		}
		return nil
	}, nil)
	d.clock.move(time.Minute)
	d.place.happens(d.clock.now(), "LOGIN", "somebody", nil) // seen by the poll that fails: it must not be the last one seen
	wantCode(t, "Keycloak does not end the sessions", w.Poll(t.Context()), bridge.CodeKeycloakAway)
	if len(alarms) != 1 || d.place.member(person) {
		t.Errorf("alarms %v, member %v, want one at once, and a shut gate", alarms, d.place.member(person))
	}
	ended := d.place.seen("POST /users/" + person + "/logout")
	d.place.hook(nil, nil)
	d.clock.move(20 * time.Second)
	d.place.happens(d.clock.now(), "LOGIN", "somebody", nil)
	for range 2 {
		must(t, w.Poll(t.Context()))
	}
	if len(alarms) != 1 || alarms[0].Person != person || alarms[0].Type != "UPDATE_PROFILE" {
		t.Errorf("alarms %+v, want one", alarms)
	}
	if again := d.place.seen("POST /users/" + person + "/logout"); again != ended+1 {
		t.Errorf("sessions ended %d times, want once more and then rest", again-ended)
	}
}

// A right that is missing, or a proxy that answers in Keycloak's place, leaves a thief nothing: the alarm is told at once, and what was made goes as soon as it
// can. Meanwhile others recover. What Keycloak has not any more needs no answer. OIDC-24
func TestAlarmIsAnsweredUntilItIsDone(t *testing.T) {
	for what, tc := range map[string]struct {
		body  any
		code  int
		stays bool // there is nothing to be done
	}{
		"a right is missing": {map[string]any{"error": "HTTP 403 Forbidden"}, http.StatusForbidden, false},
		"a proxy's 404":      {"404 page not found", http.StatusNotFound, false},
		"no such realm":      {map[string]any{"error": "Realm not found."}, http.StatusNotFound, false},
		"no such person":     {map[string]any{"error": "User not found"}, http.StatusNotFound, true},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk()
			g := d.gate(t)
			w := d.watch(t, g, nil)
			d.enrolledInTheMidst(t, g)
			d.place.hook(func(call string) *http.Response {
				if strings.HasSuffix(call, "/credentials") {
					return answer(tc.code, tc.body)
				}
				return nil
			}, nil)
			for range 3 {
				if err := w.Poll(t.Context()); tc.stays != (err == nil) {
					t.Error(err)
				}
			}
			if alarms := d.audit.Events("gate.alarm"); len(alarms) != 1 || len(alarms[0].Removed) != 0 {
				t.Errorf("alarms %+v, want one at once", alarms)
			}
			_, err := g.Open(t.Context(), "somebody")
			must(t, err)
			_ = w.Poll(t.Context())
			if !d.place.member("somebody") {
				t.Error("others are kept out")
			}
			d.place.hook(nil, nil)
			must(t, w.Poll(t.Context()))
			if stays := len(d.place.otps[person]) > 0; stays != tc.stays {
				t.Errorf("the new authenticator stays: %v", stays)
			}
			if alarms := d.audit.Events("gate.alarm"); !tc.stays && (len(alarms) != 2 || strings.Join(alarms[1].Removed, "") != "c1") {
				t.Errorf("%+v, want the removal on record", alarms)
			}
		})
	}
}

// Each step of an answer is repeated until it is done, and not longer: a failing one floods no record, ends nobody's sessions again, and leaves nobody's gate
// open. OIDC-24
func TestAlarmRepeatsOnlyWhatIsLeft(t *testing.T) {
	for what, fails := range map[string]func(call string) bool{
		"sessions":        func(call string) bool { return strings.HasSuffix(call, "/logout") },
		"the other gates": func(call string) bool { return call == "DELETE /users/somebody/groups/gate" },
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk()
			g := d.gate(t)
			w := d.watch(t, g, nil)
			for _, p := range []string{person, "somebody"} {
				_, err := g.Open(t.Context(), p)
				must(t, err)
			}
			d.place.otps[person] = []map[string]any{{"id": "c1", "type": "otp", "createdDate": d.clock.now().UnixMilli()}}
			d.place.happens(d.clock.now(), "UPDATE_CREDENTIAL", person, map[string]string{"credential_type": "otp", "credential_id": "c1"})
			d.place.hook(func(call string) *http.Response {
				if fails(call) {
					return answer(http.StatusBadGateway, nil)
				}
				return nil
			}, nil)
			for range 3 {
				wantCode(t, what, w.Poll(t.Context()), bridge.CodeKeycloakAway)
			}
			if alarms := d.audit.Events("gate.alarm"); len(alarms) != 1 || strings.Join(alarms[0].Removed, "") != "c1" || d.place.member(person) {
				t.Errorf("alarms %+v, want one with what was removed, and a shut gate", alarms)
			}
			failed := d.place.seen("POST /users/" + person + "/logout")
			if what != "sessions" && failed != 1 {
				t.Errorf("sessions were ended %d times", failed)
			}
			d.place.hook(nil, nil)
			for range 2 {
				must(t, w.Poll(t.Context()))
			}
			if n := len(d.audit.Events("gate.alarm")); n != 1 || d.place.member("somebody") {
				t.Errorf("%d alarms, the other gate open: %v", n, d.place.member("somebody"))
			}
			if again := d.place.seen("POST /users/" + person + "/logout"); (again == failed+1) != (what == "sessions") {
				t.Errorf("sessions were ended %d times after %d", again, failed)
			}
		})
	}
}

// enrolledInTheMidst opens the gate, and somebody makes an authenticator behind it.
func (d *desk) enrolledInTheMidst(t *testing.T, g *keycloak.RealmGate) {
	t.Helper()
	_, err := g.Open(t.Context(), person)
	must(t, err)
	d.place.otps[person] = []map[string]any{{"id": "c1", "type": "otp", "createdDate": d.clock.now().UnixMilli()}}
	d.place.happens(d.clock.now(), "UPDATE_TOTP", person, map[string]string{"credential_type": "otp"})
}

// What a removal that came late may have opened ends with it, though the sessions had been ended before: that is repeated, too. OIDC-24
func TestALateRemovalEndsTheSessionsAgain(t *testing.T) {
	d := newDesk()
	g := d.gate(t)
	w := d.watch(t, g, nil)
	d.enrolledInTheMidst(t, g)
	for _, fails := range []string{"/credentials", "/logout"} {
		d.place.hook(func(call string) *http.Response {
			if strings.HasSuffix(call, fails) {
				return answer(http.StatusBadGateway, nil)
			}
			return nil
		}, nil)
		wantCode(t, fails, w.Poll(t.Context()), bridge.CodeKeycloakAway)
	}
	if left := len(d.place.otps[person]); left != 0 {
		t.Errorf("%d authenticators are left", left)
	}
	d.place.hook(nil, nil)
	before := d.place.seen("POST /users/" + person + "/logout")
	for range 2 {
		must(t, w.Poll(t.Context()))
	}
	if n := d.place.seen("POST /users/"+person+"/logout") - before; n != 1 {
		t.Errorf("the sessions were ended %d times since", n)
	}
}

// What was made is removed, and only that: the one named, or the one of its type that was made at that moment; a password stays. OIDC-24
func TestAlarmRemovesWhatWasMade(t *testing.T) {
	made := newClock().now()
	for name, tc := range map[string]struct {
		kind    string
		details map[string]string
		created time.Time
		want    bool // removed
	}{
		"named":                {"REMOVE_CREDENTIAL", map[string]string{"credential_type": "otp", "credential_id": "c1"}, made.Add(-time.Hour), true},
		"made just then":       {"UPDATE_CREDENTIAL", map[string]string{"credential_type": "otp"}, made.Add(-8 * time.Millisecond), true},
		"an older one":         {"UPDATE_CREDENTIAL", map[string]string{"credential_type": "otp"}, made.Add(-time.Minute), false},
		"a later one":          {"UPDATE_TOTP", map[string]string{"credential_type": "otp"}, made.Add(time.Second), false},
		"of another type":      {"UPDATE_CREDENTIAL", map[string]string{"credential_type": "webauthn"}, made, false},
		"a password":           {"UPDATE_PASSWORD", map[string]string{"credential_type": "password", "credential_id": "c1"}, made, false},
		"no credential at all": {"UPDATE_PROFILE", nil, made, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			g := d.gate(t)
			_, err := g.Open(t.Context(), person)
			must(t, err)
			d.place.otps[person] = []map[string]any{{"id": "c1", "type": "otp", "createdDate": tc.created.UnixMilli()}}
			d.place.happens(made, tc.kind, person, tc.details)
			must(t, d.watch(t, g, nil).Poll(t.Context()))
			if removed := len(d.place.otps[person]) == 0; removed != tc.want {
				t.Errorf("removed %v, want %v", removed, tc.want)
			}
			if alarms := d.audit.Events("gate.alarm"); len(alarms) != 1 || d.place.seen("POST /users/"+person+"/logout") != 1 {
				t.Errorf("alarms %+v, want one, and the sessions ended once", alarms)
			}
			must(t, d.watch(t, d.gate(t), nil).Poll(t.Context())) // another replica
			if d.place.seen("POST /users/"+person+"/logout") != 1 {
				t.Error("another replica answered it again")
			}
		})
	}
}

// Run polls at each tick, outlives failures, and ends with its context.
func TestRunPollsAtEachTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		g := d.gate(t)
		_, err := g.Open(t.Context(), person)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		tick := make(chan time.Time)
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.watch(t, g, nil).Run(ctx, tick)
		}()
		d.place.hook(func(string) *http.Response { return answer(http.StatusBadRequest, nil) }, nil)
		tick <- time.Time{}
		synctest.Wait()
		d.place.hook(nil, nil)
		d.clock.move(time.Second)
		d.place.happens(d.clock.now(), "LOGIN", person, nil)
		tick <- time.Time{}
		synctest.Wait()
		if d.place.member(person) {
			t.Error("the gate is open after a tick that followed the sign-in")
		}
		cancel()
		<-done
	})
}
