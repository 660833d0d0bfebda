package keycloak_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// WB-07, WB-11: the doctor knows the rights with which `serve` begins, and what it cannot tell is not checked.
func TestRightsOfTheDoctorAreThoseOfServe(t *testing.T) {
	const gate, people = " gate", " /otp-recoverable"
	for name, tc := range map[string]struct {
		gate, person any // nil: refused
		nobody       bool
		found        []string
		unchecked    string
	}{
		"as it should be":       {ofGate, ofPerson, false, nil, ""},
		"gate not to be seen":   {nil, ofPerson, false, []string{"rights.missing view" + gate}, ""},
		"gate not to be opened": {ofGate.but("manageMembership", false), ofPerson, false, []string{"rights.missing manage-membership" + gate}, ""},
		"gate not to be read":   {ofGate.but("viewMembers", false), ofPerson, false, []string{"rights.missing view-members" + gate}, ""},
		"gate without a word":   {access(nil), ofPerson, false, nil, "the gate group names no rights"},
		"nobody to be changed":  {ofGate, ofPerson.but("manage", false), false, []string{"rights.missing manage-members" + people}, ""},
		"nobody let through":    {ofGate, ofPerson.but("manageGroupMembership", false), false, []string{"rights.missing manage-membership-of-members" + people + " (< 26.7: manage-group-membership Users)"}, ""},
		"roles may be given":    {ofGate, ofPerson.but("mapRoles", true), false, []string{"rights.excess map-roles" + people}, ""},
		"people may be played":  {ofGate, ofPerson.but("impersonate", true), false, []string{"rights.excess impersonate-members" + people}, ""},
		"person without a word": {ofGate, access(nil), false, nil, "a person names no rights"},
		"nobody there":          {ofGate, nil, true, nil, "unknown nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			d.place.hook(func(call string) *http.Response {
				switch {
				case call == "GET /groups/gate" && tc.gate != nil:
					return answer(http.StatusOK, map[string]any{"access": tc.gate})
				case call == "GET /users" && tc.nobody:
					return answer(http.StatusOK, []any{})
				case call == "GET /users":
					return answer(http.StatusOK, []any{personOne})
				case strings.HasPrefix(call, "GET /users/"):
					return answer(http.StatusOK, map[string]any{"access": tc.person})
				case strings.HasPrefix(call, "GET /groups"):
					return answer(http.StatusForbidden, nil)
				}
				return nil
			}, nil)
			found, err := check(t, d, "rights")
			var got []string
			for _, f := range found {
				got = append(got, string(f.ID)+" "+f.Object)
			}
			if !slices.Equal(got, tc.found) || (err == nil) != (tc.unchecked == "") || err != nil && !strings.Contains(err.Error(), tc.unchecked) {
				t.Errorf("found %q, %v, want %q and %q", got, err, tc.found, tc.unchecked)
			}
		})
	}
}

// WB-07: who may be put into the gate is a permission of another name and another sort before 26.7.
func TestRightToLetThroughIsNamedForTheVersion(t *testing.T) {
	for version, want := range map[string]string{
		"26.4.7": "manage-group-membership Users", "26.6.0": "manage-group-membership Users", "26.7.0": "manage-membership-of-members /otp-recoverable",
		"26.8.1": "manage-membership-of-members /otp-recoverable",
	} {
		d := newDesk()
		d.place.hook(func(call string) *http.Response {
			switch call {
			case "GET /groups/gate":
				return answer(http.StatusOK, map[string]any{"access": ofGate})
			case "GET /users":
				return answer(http.StatusOK, []any{personOne})
			case "GET /users/p1":
				return answer(http.StatusOK, map[string]any{"access": ofPerson.but("manageGroupMembership", false)})
			}
			return nil
		}, nil)
		d.place.version = version
		found, err := check(t, d, "rights")
		if err != nil || len(found) != 1 || found[0].ID != bridge.FindRightsMissing || found[0].Object != want {
			t.Errorf("%s: %v, %v, want %s", version, found, err, want)
		}
	}
}

// The allowed group need not be visible: then nobody can say how far the account sees. Before 26.7 Keycloak does not find by its path what was not looked
// up before, and names it among the groups of whoever is in it.
func TestReachNeedsTheAllowedGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		status, people, last int
		member               string // a group of the first person
		found, unchecked     bool
	}{
		"nobody else":               {http.StatusOK, 3, 1, "", false, false},
		"others, too":               {http.StatusOK, 4, 0, "", true, false},
		"not its to see":            {http.StatusForbidden, 3, 1, "/otp-recoverable", false, true},
		"not found, nobody else":    {http.StatusNotFound, 3, 1, "/otp-recoverable", false, false},
		"not found, others, too":    {http.StatusNotFound, 4, 0, "/otp-recoverable", true, false},
		"not found, only one below": {http.StatusNotFound, 3, 1, "/otp-recoverable/law", false, true},
		"neither found nor seen":    {http.StatusNotFound, 3, 1, "", false, true},
	} {
		d := newDesk()
		d.place.hook(func(call string) *http.Response {
			switch call {
			case "GET /group-by-path/otp-recoverable":
				return answer(tc.status, map[string]any{"id": "allowed", "error": "unknown_error"})
			case "GET /users":
				return answer(http.StatusOK, []any{map[string]any{"id": "p"}})
			case "GET /users/p/groups":
				return answer(http.StatusOK, []any{map[string]any{"id": "other", "path": "/other"}, map[string]any{"id": "allowed", "path": tc.member}})
			case "GET /users/count":
				return answer(http.StatusOK, tc.people)
			case "GET /groups/allowed/members":
				return answer(http.StatusOK, slices.Repeat([]map[string]any{personOne}, tc.last))
			}
			return nil
		}, nil)
		found, err := check(t, d, "reach")
		u := bridge.UncheckedFrom(err)
		if len(found) > 0 != tc.found || (u != nil) != tc.unchecked || u != nil && u.Why != bridge.UncheckedRights {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

// WB-11: clocks that are apart are named, whichever is ahead, and by how much; a few seconds are not.
func TestClocksThatAreApartAreNamed(t *testing.T) {
	for seconds, named := range map[int]bool{0: false, 4: false, -4: false, 6: true, -6: true, 3600: true} {
		d := newDesk()
		d.place.date = func() time.Time { return d.clock.now().Add(time.Duration(seconds) * time.Second) }
		found, err := check(t, d, "clock")
		if err != nil || len(found) > 0 != named {
			t.Errorf("%d s: %+v, %v", seconds, found, err)
		}
		if named && len(found) > 0 && (found[0].ID != bridge.FindClockOff || found[0].Values["seconds"] != strconv.Itoa(seconds)) {
			t.Errorf("%d s: %+v", seconds, found)
		}
	}
}

func check(t *testing.T, d *desk, name string) ([]bridge.Finding, error) {
	t.Helper()
	return checkFor(t, d, name, keycloak.Asked{GateGroup: "gate"})
}

func checkFor(t *testing.T, d *desk, name string, a keycloak.Asked) ([]bridge.Finding, error) {
	t.Helper()
	checks := newClient(t, d.place, d.clock).Checks(a)
	return checks[slices.IndexFunc(checks, func(c bridge.Check) bool { return c.Name == name })].Run(t.Context())
}
