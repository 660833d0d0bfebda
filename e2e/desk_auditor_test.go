package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

const auditorRole = "otp-auditor"

// auditorOf makes somebody an auditor.
func (s *site) auditorOf(name string) {
	s.t.Helper()
	s.newRole(auditorRole)
	s.add(realm.Person{Name: name, Roles: []string{auditorRole}})
}

// newRole makes a role, in the scope of the login client.
func (s *site) newRole(name string) {
	s.t.Helper()
	s.keycloak("POST /roles", map[string]any{"name": name}, nil)
	var role map[string]any
	s.keycloak("GET /roles/"+name, nil, &role)
	var clients []struct{ ID string }
	s.keycloak("GET /clients?clientId="+realm.LoginClient, nil, &clients)
	s.keycloak("POST /clients/"+clients[0].ID+"/scope-mappings/realm", []map[string]any{role}, nil)
}

// HD-13: an auditor reads the trail of the replica that answers, and decides nothing; an operator does not read it.
func (s *desk) auditor() {
	const name = "victor"
	s.auditorOf(name)
	h := s.at(name)
	h.Get(s.bridge.URL + "/desk/audit").Follow("")
	h.typesAnyway()
	h.Submit("otp", rig.NewPhone(s.t, realm.Secret(name)).Code()).Follow("")
	h.mustBe(http.StatusOK, "The records of")
	csrf, seen := h.Value("csrf"), 0
	for i, r := range s.bridge.Replicas {
		s.bridge.Front.Only(r)
		h.Get(s.bridge.URL + "/desk/audit?find=" + s.campus.Users["mallory"])
		h.mustBe(http.StatusOK, fmt.Sprintf("audit-%d.jsonl", i+1))
		seen += strings.Count(h.Text(), "desk.opened")
		for _, path := range []string{"/desk", "/desk/case", "/desk/permit"} {
			h.Get(s.bridge.URL + path)
			h.mustBe(http.StatusForbidden, "does not work at the help desk")
			h.Post(s.bridge.URL+path, url.Values{"csrf": {csrf}, "do": {"look"}, "name": {"bob"}, "code": {"12345678"}})
			h.mustBe(http.StatusForbidden, "does not work at the help desk")
		}
	}
	s.bridge.Front.Only(nil)
	if seen != s.events("desk.opened", "mallory") || seen == 0 {
		s.t.Errorf("%d times a case was opened, as the pages have it", seen)
	}
	s.carol.Get(s.bridge.URL + "/desk/audit")
	s.carol.mustBe(http.StatusForbidden, "does not read the audit log")
}
