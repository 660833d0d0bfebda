package realm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// lists are what a realm answers, by path; lists come in pages, and what is not there is empty.
type lists map[string][]map[string]any

// Do implements realm.Caller.
func (l lists) Do(_ context.Context, call string, _, out any) error {
	at, err := url.Parse(strings.TrimPrefix(call, "GET "))
	if err != nil {
		return err
	}
	if at.Path == "/group-by-path/otp-recoverable" {
		return json.Unmarshal([]byte(`{"id":"allowed","path":"/otp-recoverable"}`), out)
	}
	all := slices.Concat([]map[string]any{}, l[at.Path])
	first, _ := strconv.Atoi(at.Query().Get("first"))
	if most, err := strconv.Atoi(at.Query().Get("max")); err == nil {
		all = all[min(first, len(all)):min(first+most, len(all))]
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// many are entries that nothing is wrong with.
func many(n int, kind string) (all []map[string]any) {
	for i := range n {
		all = append(all, map[string]any{"id": fmt.Sprint(kind, i), "path": fmt.Sprint("/", kind, i)})
	}
	return all
}

func role(id string) map[string]any {
	return map[string]any{"id": id, "name": id, "composite": strings.HasPrefix(id, "with")}
}

func runPeople(t *testing.T, l lists, name string, change func(*realm.State)) ([]bridge.Finding, error) {
	t.Helper()
	s, a := campus(t)
	change(s)
	checks := realm.PeopleChecks(l, func(context.Context) (*realm.State, error) { return s, nil }, a)
	return checks[slices.IndexFunc(checks, func(c bridge.Check) bool { return c.Name == name })].Run(t.Context())
}

// WB-11: whatever gives the gate's role is named, behind a full page and in a client's role, too; a client that is not seen is not checked.
func TestGateRoleIsFoundWhereverItIs(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	gate := s.Roles[slices.IndexFunc(s.Roles, func(r realm.Role) bool { return r.Name == realm.Gate })]
	portal := s.Client("portal").ID
	own := map[string]any{"id": a.GateGroup, "path": "/" + realm.Gate}
	nothing := func(*realm.State) {}
	hidden := func(s *realm.State) { s.Unread[realm.PartClients] = context.Canceled }
	for name, tc := range map[string]struct {
		lists     lists
		change    func(*realm.State)
		found     []string
		unchecked bool
	}{
		"only its group": {lists{"/roles/otp-recovery-open/groups": {own}}, nothing, nil, false},
		"many groups":    {lists{"/roles/otp-recovery-open/groups": slices.Concat(slices.Repeat([]map[string]any{own}, 1000), many(1, "g"))}, nothing, []string{"/g0"}, false},
		"many people":    {lists{"/roles/otp-recovery-open/users": many(1200, "u")}, nothing, []string{"1200 × user"}, false},
		"a client's role": {lists{
			"/clients/" + portal + "/roles": {role("with-gate")}, "/roles-by-id/with-gate/composites": {{"id": gate.ID, "name": gate.Name}},
		}, nothing, []string{"portal with-gate"}, false},
		"clients are not seen": {lists{"/roles/otp-recovery-open/users": many(1, "u")}, hidden, []string{"1 × user"}, true},
	} {
		found, err := runPeople(t, tc.lists, "gate-role", tc.change)
		var got []string
		for _, f := range found {
			got = append(got, f.Object)
		}
		if !slices.Equal(got, tc.found) || (err != nil) != tc.unchecked {
			t.Errorf("%s: found %q, %v", name, got, err)
		}
	}
}

// Issue 6: a directory that Keycloak does not import is named; one that is imported, is switched off, or is of another kind is not.
func TestDirectoriesThatAreNotImportedAreFound(t *testing.T) {
	t.Parallel()
	storage := func(name, kind string, settings ...string) map[string]any {
		config := map[string][]string{}
		for i := 0; i < len(settings); i += 2 {
			config[settings[i]] = []string{settings[i+1]}
		}
		return map[string]any{"name": name, "providerId": kind, "config": config}
	}
	l := lists{"/components": {
		storage("campus", "ldap", "importEnabled", "true", "enabled", "true"), storage("staff", "ldap", "importEnabled", "false", "enabled", "true"),
		storage("old", "ldap", "importEnabled", "false", "enabled", "false"), storage("guests", "ldap", "importEnabled", "false"), storage("plain", "ldap"),
		storage("custom", "custom", "importEnabled", "false"),
	}}
	found, err := runPeople(t, l, "directories", func(*realm.State) {})
	if err != nil || len(found) != 2 || found[0].ID != bridge.FindDirectoryUnimported || found[0].Object != "staff" || found[1].Object != "guests" {
		t.Errorf("%+v, %v", found, err)
	}
}

// WB-11: what Keycloak would ask people of the allowed group for at their next sign-in is counted by action, each person once, those below the group, too.
func TestPendingActionsAreCounted(t *testing.T) {
	t.Parallel()
	asks := func(id string, actions ...string) map[string]any {
		return map[string]any{"id": id, "requiredActions": actions}
	}
	ada := asks("ada", "CONFIGURE_TOTP")
	l := lists{
		"/groups/allowed/members": slices.Concat(many(500, "m"), []map[string]any{ada, asks("bob")}), "/groups/allowed/children": {{"id": "staff"}},
		"/groups/staff/members": {ada, asks("eve", "CONFIGURE_TOTP", "UPDATE_PASSWORD")},
	}
	found, err := runPeople(t, l, "pending-actions", func(*realm.State) {})
	got := map[string]string{}
	for _, f := range found {
		if f.ID != bridge.FindActionsPending {
			t.Errorf("%+v", f)
		}
		got[f.Object] = f.Values["count"]
	}
	if want := map[string]string{"CONFIGURE_TOTP": "2", "UPDATE_PASSWORD": "1"}; err != nil || len(found) != 2 || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if found, err := runPeople(t, lists{"/groups/allowed/members": {asks("bob")}}, "pending-actions", func(*realm.State) {}); err != nil || len(found) > 0 {
		t.Errorf("nobody is asked: %+v, %v", found, err)
	}
}

// WB-11: what every new person has to do is named; an action that is off, or that nobody is given by itself, is not.
func TestDefaultActionsAreFound(t *testing.T) {
	t.Parallel()
	action := func(alias string, enabled, given bool) map[string]any {
		return map[string]any{"alias": alias, "enabled": enabled, "defaultAction": given}
	}
	l := lists{"/authentication/required-actions": {
		action("CONFIGURE_TOTP", true, false), action("UPDATE_PROFILE", true, true), action("VERIFY_EMAIL", false, true), action("TERMS_AND_CONDITIONS", false, false),
	}}
	found, err := runPeople(t, l, "required-actions", func(*realm.State) {})
	if err != nil || len(found) != 1 || found[0].ID != bridge.FindActionsDefault || found[0].Object != "UPDATE_PROFILE" {
		t.Errorf("%+v, %v", found, err)
	}
}

// WB-11: in a large realm administrators are looked for from their roles: behind a full page, in a client's role, and below the allowed group.
func TestAdministratorsOfALargeRealmAreFound(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"in the group": "/otp-recoverable", "below it": "/otp-recoverable/staff", "beside it": "/otp-recoverable-not"} {
		l := lists{
			"/groups/allowed/members": many(400, "m"), "/clients": {{"id": "rm", "clientId": "realm-management"}, {"id": "app", "clientId": "app"}},
			"/clients/rm/roles": {role("manage-users")}, "/clients/app/roles": {role("with-right")}, "/roles-by-id/with-right/composites": {role("manage-users")},
			"/clients/app/roles/with-right/groups": {{"id": "team"}}, "/groups/team/members": slices.Concat(many(1000, "x"), many(1, "m")),
			"/users/m0/groups": {{"id": "allowed", "path": path}},
		}
		want := 1
		if name == "beside it" {
			want = 0
		}
		found, err := runPeople(t, l, "administrators", func(*realm.State) {})
		if err != nil || len(found) != want || want > 0 && (found[0].ID != bridge.FindAllowedAdmins || found[0].Object != "with-right") {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	// in a small one every member is asked about, those below the group, too
	l := lists{
		"/groups/allowed/children": {{"id": "staff"}}, "/groups/staff/members": many(1, "m"), "/clients": {{"id": "rm", "clientId": "realm-management"}},
		"/users/m0/role-mappings/clients/rm/composite": {role("manage-users")},
	}
	if found, err := runPeople(t, l, "administrators", func(*realm.State) {}); err != nil || len(found) != 1 {
		t.Errorf("below: %+v, %v", found, err)
	}
}
