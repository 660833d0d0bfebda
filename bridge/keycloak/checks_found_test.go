package keycloak_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// named are findings by id and object, in order.
func named(found []bridge.Finding) (names []string) {
	for _, f := range found {
		names = append(names, strings.TrimSpace(string(f.ID)+" "+f.Object))
	}
	slices.Sort(names)
	return names
}

// goodRights are the answers of a realm whose fine-grained permissions are as they should be.
func goodRights(call string) *http.Response {
	switch call {
	case "GET /groups/gate":
		return answer(http.StatusOK, map[string]any{"access": ofGate})
	case "GET /users":
		return answer(http.StatusOK, []any{personOne})
	case "GET /users/p1":
		return answer(http.StatusOK, map[string]any{"access": ofPerson})
	}
	return nil
}

// WB-07, WB-11: each role of the service account's token that is more than it needs is named, be it of this realm, of another one or of the server, and so
// is each that reaches further than it has to or is missing; those that only list things are not.
func TestTheDoctorNamesRoles(t *testing.T) {
	t.Parallel()
	needed := []string{"view-realm", "view-events", "query-users"}
	for name, tc := range map[string]struct {
		roles, realmRoles []string
		others            map[string]any
		found             []string
	}{
		"as it should be":       {roles: needed},
		"roles that only list":  {roles: append([]string{"query-clients", "query-groups", "view-identity-providers"}, needed...)},
		"the realm":             {roles: append([]string{"manage-realm"}, needed...), found: []string{"rights.excess manage-realm"}},
		"played people":         {roles: append([]string{"impersonation"}, needed...), found: []string{"rights.excess impersonation"}},
		"a role of tomorrow":    {roles: append([]string{"manage-tomorrow"}, needed...), found: []string{"rights.excess manage-tomorrow"}},
		"the whole server":      {roles: needed, realmRoles: []string{"admin", "offline_access"}, found: []string{"rights.excess admin"}},
		"another realm":         {roles: needed, realmRoles: []string{"create-realm"}, found: []string{"rights.excess create-realm"}},
		"people of another one": {roles: needed, others: rolesAt("other-realm", "manage-users"), found: []string{"rights.excess other-realm manage-users"}},
		"an application's":      {roles: needed, others: rolesAt("portal", "manage-users")},
		"everybody":             {roles: append([]string{"manage-users"}, needed...), found: []string{"rights.wide manage-users"}},
		"everybody to be seen":  {roles: append([]string{"view-users"}, needed...), found: []string{"rights.wide view-users"}},
		"everybody, uncounted":  {roles: []string{"manage-users", "view-realm", "view-events"}, found: []string{"rights.wide manage-users"}},
		"no events":             {roles: []string{"view-realm", "query-users"}, found: []string{"rights.missing view-events"}},
		"no realm":              {roles: []string{"view-events", "query-users"}, found: []string{"rights.missing view-realm"}},
		"nobody":                {roles: []string{"view-realm", "view-events"}, found: []string{"rights.missing query-users"}},
	} {
		d := newDesk()
		d.place.roles, d.place.realmRoles, d.place.others = tc.roles, tc.realmRoles, tc.others
		d.place.hook(goodRights, nil)
		found, err := check(t, d, "rights")
		wide := strings.HasPrefix(strings.Join(tc.found, ""), "rights.wide")
		u := bridge.UncheckedFrom(err)
		if got := named(found); !slices.Equal(got, tc.found) || (u != nil) != wide || u != nil && u.Why != bridge.UncheckedUnknown {
			t.Errorf("%s: found %q, %v, want %q", name, got, err, tc.found)
		}
	}
}

// rolesAt is a client of a token with one role.
func rolesAt(client, role string) map[string]any {
	return map[string]any{client: map[string]any{"roles": []string{role}}}
}

// WB-08, WB-11: an account that does not see realm-management takes administrators for anybody, which is said; an answer about another client is none.
func TestTheDoctorMissesWhoAdministrates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status  int
		clients any
		found   []string
	}{
		"seen":         {http.StatusOK, []any{map[string]any{"id": "m", "clientId": "realm-management"}}, nil},
		"refused":      {http.StatusForbidden, nil, []string{"rights.management"}},
		"not listed":   {http.StatusOK, []any{}, []string{"rights.management"}},
		"another only": {http.StatusOK, []any{map[string]any{"id": "m", "clientId": "realm-management-too"}}, []string{"rights.management"}},
	} {
		d := newDesk()
		d.place.hook(func(call string) *http.Response {
			if call == "GET /clients" {
				return answer(tc.status, tc.clients)
			}
			return goodRights(call)
		}, nil)
		if found, err := check(t, d, "rights"); err != nil || !slices.Equal(named(found), tc.found) {
			t.Errorf("%s: found %q, %v", name, named(found), err)
		}
	}
}

// INV-6, POL-01, WB-11: a group that a policy names and the account does not see is named; what only an administrator can tell, an administrator is asked for,
// and without one it is not checked.
func TestTheDoctorNamesHiddenGroups(t *testing.T) {
	t.Parallel()
	groups := func(it int) func(string) *http.Response {
		return func(call string) *http.Response {
			switch call {
			case "GET /group-by-path/staff", "GET /group-by-path/otp-recoverable":
				return answer(http.StatusOK, map[string]any{"path": strings.TrimPrefix(call, "GET /group-by-path")})
			case "GET /group-by-path/it":
				if it != http.StatusOK {
					return answer(it, nil)
				}
				return answer(it, map[string]any{"path": "/it"})
			case "GET /groups":
				return answer(http.StatusOK, []any{map[string]any{}, map[string]any{}})
			}
			return nil
		}
	}
	const nobody = 0
	for name, tc := range map[string]struct {
		it, administrator int // the answers about the group
		found             []string
		unchecked         bool
	}{
		"seen":                             {http.StatusOK, nobody, nil, false},
		"refused":                          {http.StatusForbidden, nobody, []string{"rights.groups /it"}, false},
		"not found, and nobody can tell":   {http.StatusNotFound, nobody, nil, true},
		"not found, an administrator sees": {http.StatusNotFound, http.StatusOK, nil, false},
		"not found by anybody":             {http.StatusNotFound, http.StatusNotFound, []string{"rights.groups /it"}, false},
		"refused, an administrator sees":   {http.StatusForbidden, http.StatusOK, []string{"rights.groups /it"}, false},
	} {
		d := newDesk()
		d.place.hook(groups(tc.it), nil)
		a := keycloak.Asked{GateGroup: "gate", PolicyGroups: []string{"/staff", "/it"}}
		if tc.administrator != nobody {
			p := newPlace()
			p.hook(groups(tc.administrator), nil)
			cfg := clientConfig(p, d.clock)
			cfg.Administrator = true
			var err error
			a.Administrator, err = keycloak.New(cfg)
			must(t, err)
		}
		found, err := checkFor(t, d, "policy-groups", a)
		u := bridge.UncheckedFrom(err)
		if !slices.Equal(named(found), tc.found) || (u != nil) != tc.unchecked || u != nil && (u.Why != bridge.UncheckedRights || u.Needs != "view /it") {
			t.Errorf("%s: found %q, %v", name, named(found), err)
		}
	}
}

// Issue 6, WB-11: what is known of each release of Keycloak: too old, newer than any tried, or with a hole that a later release of the same line closes.
func TestTheDoctorKnowsReleasesOfKeycloak(t *testing.T) {
	t.Parallel()
	const old, newer, hole = "keycloak.old", "keycloak.new", "keycloak.hole CVE-2026-18963"
	for version, want := range map[string][]string{
		"25.0.6": {hole, old}, "26.3.5": {hole, old}, "nightly": {hole, old},
		"26.4.0": {hole}, "26.4.7": {hole}, "26.4.14": {hole}, "26.4.15": nil, "26.4.16": nil,
		"26.5.0": {hole}, "26.5.6": {hole}, "26.5.99": {hole}, // its line never got the fix
		"26.6.5": {hole}, "26.6.6": nil, "26.7.1": {hole}, "26.7.2": nil, "26.7.4": nil, "26.7.4.Final": nil,
		"26.8.0": {newer}, "26.9.1": {newer}, "27.0.0": {newer},
	} {
		d := newDesk()
		d.place.version = version
		found, err := check(t, d, "version")
		if err != nil || !slices.Equal(named(found), want) {
			t.Errorf("%s: found %q, %v, want %q", version, named(found), err, want)
		}
		for _, f := range found {
			if f.Values["version"] != version || f.ID == bridge.FindKeycloakHole && f.Values["fixed"] != "26.4.15, 26.6.6, 26.7.2, 26.8.0" ||
				f.ID == bridge.FindKeycloakNew && f.Values["newest"] != "26.7" {
				t.Errorf("%s: it says %v", version, f.Values)
			}
		}
	}
}

// A server hides its version from most accounts: then the configured one counts, and an administrator's word more than that; without any nothing is known.
func TestTheDoctorTakesTheVersionFromWhoeverKnowsIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		configured, shown string
		found             []string
		unchecked         bool
	}{
		"nobody knows":          {"", "", nil, true},
		"configured":            {"26.3.5", "", []string{"keycloak.hole CVE-2026-18963", "keycloak.old"}, false},
		"shown":                 {"", "26.7.4", nil, false},
		"configured and shown":  {"26.7.4", "26.8.0", []string{"keycloak.new"}, false},
		"configured long since": {"26.3.5", "26.7.4", nil, false},
	} {
		d, administrators := newDesk(), newPlace()
		administrators.version = tc.shown
		cfg := clientConfig(administrators, d.clock)
		cfg.Administrator, cfg.Version = true, tc.configured
		administrator, err := keycloak.New(cfg)
		must(t, err)
		found, err := checkFor(t, d, "version", keycloak.Asked{GateGroup: "gate", Administrator: administrator})
		u := bridge.UncheckedFrom(err)
		if !slices.Equal(named(found), tc.found) || (u != nil) != tc.unchecked || u != nil && (u.Why != bridge.UncheckedUnknown || u.Needs != "version_hidden") {
			t.Errorf("%s: found %q, %v", name, named(found), err)
		}
	}
	// What no release closes is up to the applications, and is said each time.
	if found, err := check(t, newDesk(), "applications"); len(found) > 0 || bridge.UncheckedFrom(err) == nil || bridge.UncheckedFrom(err).Needs != "CVE-2026-97176" {
		t.Errorf("applications: %v, %v", found, err)
	}
}
