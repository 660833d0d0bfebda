package e2e_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/store"
	"otpbridge/e2e/rig"
)

// codesGrowOld lets a day pass for the code that somebody used, and for one of somebody else that is not used: the process stops, their records are
// made a day older, and it starts again. Within a minute both are gone, and what the first one opened.
func (s *site) codesGrowOld(used string) {
	s.t.Helper()
	const unused = "frank"
	s.add(realm.Person{Name: unused})
	before := s.factors(unused)
	code := s.hand(unused).forToday()
	if s.sessions(used) == 0 || len(s.otps(unused)) != 2 {
		s.t.Fatal("no session of the code that was used, or no code that is not")
	}
	s.bridge.Replicas[0].Stop()
	s.dayOlder(used, unused)
	s.bridge.Replicas[0].Start()
	s.bridge.Replicas[0].WaitReady()
	rig.EventuallyWithin(s.t, time.Minute, "both codes are gone", func() bool { return len(s.otps(used)) == 1 && len(s.otps(unused)) == 1 })
	rig.Eventually(s.t, "what the code opened is shut", func() bool { return s.sessions(used) == 0 })
	for _, name := range []string{used, unused} {
		rig.Eventually(s.t, "the end is on record", func() bool {
			return s.trailHas(func(e auditEvent) bool {
				return e.Event == "temporary.done" && e.Target == s.campus.Users[name] && e.Detail["why"] == string(bridge.TemporaryExpired)
			})
		})
	}
	s.mustHaveOldOnly(unused, rig.NewPhone(s.t, realm.Secret(unused)), code, before)
}

// dayOlder makes the records of temporary codes a day older while nothing runs, and their jobs due.
func (s *site) dayOlder(names ...string) {
	s.t.Helper()
	kept := s.bridge.Store(s.t)
	codes := store.NewTyped[bridge.TemporaryCode](kept.KV, store.Kind{Name: "temporary", Version: bridge.TemporaryVersion})
	for _, name := range names {
		person := s.campus.Users[name]
		_, err := codes.Modify(s.t.Context(), person, store.Forever, func(old bridge.TemporaryCode) (bridge.TemporaryCode, error) {
			old.StartedAt, old.Expires = old.StartedAt.Add(-bridge.TemporaryLife), old.Expires.Add(-bridge.TemporaryLife)
			return old, nil
		})
		if err == nil {
			err = kept.Jobs.Add(s.t.Context(), store.Job{Kind: bridge.JobTemporary, ID: person, At: time.Now()})
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := kept.Close(); err != nil {
		s.t.Fatal(err)
	}
}

const adminRole = "otp-admin"

// withConsole lets operators work at the desk and administrators read /admin.
func withConsole(t *testing.T) func(*rig.Setup) {
	t.Helper()
	return func(s *rig.Setup) {
		(&site{t: t, campus: s.Campus}).newRole(adminRole)
		before := s.Change
		s.Change = func(all map[string]any) {
			before(all)
			rig.HelpDesk(all)
			all["admin_role"] = adminRole
		}
	}
}

// decidesNothing signs somebody in at the console with a temporary code, who was given every role of it since the code was mailed.
func (s *site) decidesNothing(name string) {
	s.t.Helper()
	code := s.hand(name).forToday()
	for _, role := range []string{realm.OperatorRole, adminRole} {
		var r map[string]any
		s.keycloak("GET /roles/"+role, nil, &r)
		s.keycloak("POST "+s.path(name)+"/role-mappings/realm", []any{r}, nil)
	}
	h := s.hand(name)
	h.Get(s.bridge.URL + "/desk").Follow("")
	h.typesAnyway().Submit("otp", code).Follow("")
	const said = "nothing can be changed or decided here"
	h.mustBe(http.StatusForbidden, said)
	csrf := h.Value("csrf")
	for _, path := range []string{"/desk", "/desk/case", "/desk/permit", "/admin"} {
		h.Get(s.bridge.URL + path)
		h.mustBe(http.StatusForbidden, said)
	}
	h.Post(s.bridge.URL+"/desk", url.Values{"csrf": {csrf}, "do": {"look"}, "name": {"alice"}, "code": {"12345678"}})
	h.mustBe(http.StatusForbidden, said)
}

// losesTheRealOne takes the authenticator away while a code lives: at no moment is there no OTP, a tombstone is what stays, with an alarm, and neither the
// password alone nor the code opens anything.
func (s *site) losesTheRealOne(name string) {
	t, owner, before := s.t, s.hand(name), s.factors(name)
	t.Helper()
	code := owner.forToday()
	s.keycloak("DELETE "+s.path(name)+"/credentials/"+before[0].ID, nil, nil)
	was := s.otps(name)
	owner.Get(s.bridge.URL+"/temporary").SubmitTo("/temporary", "do", "end").Follow("")
	rig.Eventually(t, "a tombstone in the place of the code", func() bool {
		now := s.otps(name)
		if len(now) == 0 {
			t.Fatal("no OTP is left")
		}
		return len(now) == 1 && now[0] != was[0]
	})
	for _, alarm := range []string{"alarm.temporary_last", "alarm.temporary_changed"} {
		rig.Eventually(t, alarm, func() bool {
			return s.trailHas(func(e auditEvent) bool { return e.Event == alarm && e.Target == s.campus.Users[name] })
		})
	}
	if s.opensPortalTyping(name, code, "") { // which asks for a code, too
		t.Error("the code opens the portal after its end")
	}
}
