package keycloak_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
)

// access is what Keycloak says that an account may do.
type access map[string]bool

var (
	ofGate    = access{"view": true, "viewMembers": true, "manageMembers": false, "manageMembership": true}
	ofPerson  = access{"view": true, "manage": true, "manageGroupMembership": true, "mapRoles": false, "impersonate": false}
	personOne = map[string]any{"id": "p1", "access": access{"manage": true}}
)

// but is a with one right changed.
func (a access) but(right string, may bool) access {
	out := access{right: may}
	for name, is := range a {
		if name != right {
			out[name] = is
		}
	}
	return out
}

// WB-07: what the service account lacks on the gate group or on people, or has too much, is named; who cannot be told is no fault.
func TestRightsOnGroupsAndPeopleAreJudged(t *testing.T) {
	others := slices.Repeat([]map[string]any{{"id": "other", "access": access{"manage": false}}}, 3)
	for name, tc := range map[string]struct {
		roles        []string // beside the needed ones
		gate, person access   // nil: refused
		seen         []map[string]any
		fault        string
		warnings     int
	}{
		"as it should be":         {nil, ofGate, ofPerson, []map[string]any{personOne}, "", 0},
		"the last one is ours":    {nil, ofGate, ofPerson, append(others, personOne), "", 0},
		"gate not to be seen":     {nil, nil, ofPerson, []map[string]any{personOne}, "on the gate group: view, view-members, manage-membership", 0},
		"gate not to be opened":   {nil, ofGate.but("manageMembership", false), ofPerson, []map[string]any{personOne}, "on the gate group: manage-membership", 0},
		"nobody to be changed":    {nil, ofGate, ofPerson.but("manage", false), others, "on people: manage-members /otp-recoverable", 0},
		"nobody let through":      {nil, ofGate, ofPerson.but("manageGroupMembership", false), []map[string]any{personOne}, ": manage-membership-of-members /otp-recoverable (< 26.7: manage-group-membership Users)", 0},
		"nobody there":            {nil, ofGate, nil, nil, "", 1},
		"roles may be given":      {nil, ofGate, ofPerson.but("mapRoles", true), []map[string]any{personOne}, "must not have: map-roles", 0},
		"people may be played":    {nil, ofGate, ofPerson.but("impersonate", true), []map[string]any{personOne}, "must not have: impersonate-members", 0},
		"everybody is seen":       {[]string{"view-users"}, ofGate, ofPerson.but("manage", false), others, "", 0},
		"everybody is to be ours": {[]string{"manage-users"}, ofGate.but("manageMembership", false), ofPerson, others, ": manage-membership", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			d.place.roles = append(d.place.roles, tc.roles...)
			asked := 0 // for one person, then for a hundred
			d.place.hook(func(call string) *http.Response {
				switch {
				case call == "GET /groups/gate" && tc.gate != nil:
					return answer(http.StatusOK, map[string]any{"access": tc.gate})
				case call == "GET /clients":
					return nil
				case call == "GET /users":
					asked++
					return answer(http.StatusOK, slices.Concat([]map[string]any{}, tc.seen[:min(len(tc.seen), 99*asked-98)]))
				case strings.HasPrefix(call, "GET /users/") && tc.person != nil:
					return answer(http.StatusOK, map[string]any{"access": tc.person})
				case call == "GET /admin/serverinfo":
					return nil
				}
				return answer(http.StatusForbidden, nil)
			}, nil)
			warnings, err := d.gate(t).Rights(t.Context())
			if len(warnings) != tc.warnings || (err != nil) != (tc.fault != "") || (err != nil && !strings.HasSuffix(err.Error(), tc.fault)) {
				t.Errorf("warnings %q, %v, want %d and %q", warnings, err, tc.warnings, tc.fault)
			}
		})
	}
}

// A server that fails is no judgement, and a group that is not there is one.
func TestRightsOnGroupsAndPeopleOfAServerThatFails(t *testing.T) {
	for call, status := range map[string]int{"GET /groups/gate": http.StatusBadGateway, "GET /users": http.StatusBadGateway} {
		d := newDesk()
		d.place.hook(func(c string) *http.Response {
			if c == call {
				return answer(status, nil)
			}
			return answer(http.StatusOK, nil)
		}, nil)
		_, err := d.gate(t).Rights(t.Context())
		wantCode(t, call, err, bridge.CodeKeycloakAway)
	}
	d := newDesk()
	d.place.hook(func(string) *http.Response { return answer(http.StatusNotFound, nil) }, nil)
	if _, err := d.gate(t).Rights(t.Context()); err == nil || !strings.Contains(err.Error(), "sign_in.gate_group") {
		t.Errorf("no such group: %v", err)
	}
}
