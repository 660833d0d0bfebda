package e2e_test

import (
	"net/url"
	"time"

	"otpbridge/e2e/rig"
)

// soon is how soon after a change of an account at our client, or after a code of the new authenticator, all must be done (OIDC-24, WB-02).
const soon = 5 * time.Second

// mustBeSoon fails the test if more than five seconds lie between two moments on Keycloak's clock, and what this machine needs for the calls
// between: look is what a few of them took lately.
func (s *site) mustBeSoon(what string, from, to time.Time, look time.Duration) {
	s.t.Helper()
	s.mustBeWithin(soon+4*look, what, from, to)
}

// mustBeWithin fails the test if more than so much lies between two moments on Keycloak's clock.
func (s *site) mustBeWithin(most time.Duration, what string, from, to time.Time) {
	s.t.Helper()
	if from.IsZero() || to.Before(from) {
		s.t.Errorf("%s: from %s to %s", what, from, to)
		return
	}
	if took := to.Sub(from); took > most {
		s.t.Errorf("%s: it took %s, want %s at most, with what this machine needs for a few looks", what, took, most)
	}
}

// lastWrite is when the Admin REST API last changed something of a person, by operations of these types or of any, on Keycloak's clock.
func (s *site) lastWrite(name string, types ...string) time.Time {
	s.t.Helper()
	filter := url.Values{"max": {"1"}, "resourcePath": {"users/" + s.campus.Users[name] + "*"}, "operationTypes": types}
	var events []struct{ Time int64 } // the newest comes first
	s.keycloak("GET /admin-events?"+filter.Encode(), nil, &events)
	return newest(events)
}

// lastEvent is when Keycloak saved an event of a person, of a type, zero while it has none.
func (s *site) lastEvent(name, kind string) time.Time {
	s.t.Helper()
	var events []struct{ Time int64 }
	s.keycloak("GET /events?max=1&user="+s.campus.Users[name]+"&type="+kind, nil, &events)
	return newest(events)
}

func newest(events []struct{ Time int64 }) time.Time {
	if len(events) == 0 {
		return time.Time{}
	}
	return time.UnixMilli(events[0].Time)
}

// paced waits as rig.Eventually does and returns the longest that one look took.
func (s *site) paced(what string, done func() bool) (look time.Duration) {
	s.t.Helper()
	rig.Eventually(s.t, what, func() bool {
		began := time.Now()
		is := done()
		look = max(look, time.Since(began))
		return is
	})
	return look
}
