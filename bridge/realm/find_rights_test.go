package realm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// answers is a Caller that gives what stands under the end of a path, nothing for a list and 404 for a group that is not there.
type answers map[string]any

// Do implements realm.Caller.
func (a answers) Do(_ context.Context, call string, _, out any) error {
	where, _, _ := strings.Cut(strings.TrimPrefix(call, "GET "), "?")
	for end, v := range a {
		if !strings.HasSuffix(where, end) {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, out)
	}
	if strings.HasPrefix(where, "/group-by-path/") {
		return answered(http.StatusNotFound)
	}
	return json.Unmarshal([]byte("[]"), out)
}

type answered int

func (a answered) Error() string   { return fmt.Sprint("answer ", int(a)) }
func (a answered) HTTPStatus() int { return int(a) }

type objects = []map[string]any

// ofAccount are the answers of a realm whose service account is known by a group and its client.
func ofAccount(account string, more answers) answers {
	named := func(names ...string) (list objects) {
		for _, n := range names {
			list = append(list, map[string]any{"id": n, "name": n})
		}
		return list
	}
	a := answers{
		"/group-by-path/otpbridge-account": map[string]any{"id": "own", "path": realm.AccountGroup},
		"/groups/own/members":              objects{{"id": account}},
		"/policy/client":                   objects{{"id": "client", "name": "only otpbridge's client"}},
		"/policy/group":                    objects{{"id": "group", "name": "only otpbridge's group", "groups": objects{{"id": "own"}}}},
		"/groups/own":                      map[string]any{"id": "own", "path": realm.AccountGroup},
		"/resource-server/permission": objects{
			{"id": "ours", "name": "ours", "resourceType": "Groups"}, {"id": "theirs", "name": "theirs", "resourceType": "Groups"},
			{"id": "looks", "name": "looks", "resourceType": "Groups"},
		},
		"/ours/scopes": named("manage-membership"), "/ours/associatedPolicies": named("client", "group"),
		"/theirs/resources": named("team"), "/theirs/scopes": named("manage-membership"), "/theirs/associatedPolicies": named("managers"),
		"/looks/scopes": named("view"), "/looks/associatedPolicies": named("managers"),
	}
	maps.Copy(a, more)
	return a
}

// Issue 6: whoever else is in the account's group, what it gives, and who may put people there is told; what cannot be seen is not checked.
func TestTheGroupOfTheAccountIsItsOwn(t *testing.T) {
	t.Parallel()
	clean, a := campus(t)
	us := map[string]any{"id": clean.Account.ID}
	for name, tc := range map[string]struct {
		more      answers
		hidden    bool
		found     []string
		unchecked bool
	}{
		"its own": {},
		"others":  {more: answers{"/groups/own/members": objects{{"id": "u1"}, us, {"id": "u2"}}}, found: []string{"2 × user"}},
		"roles": {
			more: answers{"/group-by-path/otpbridge-account": map[string]any{
				"id": "own", "path": realm.AccountGroup, "realmRoles": []string{"staff"}, "clientRoles": map[string][]string{"portal": {"boss"}},
			}},
			found: []string{"staff", "portal boss"},
		},
		"managers":    {more: answers{"/theirs/resources": objects{{"id": "own", "name": "own"}}}, found: []string{"theirs"}},
		"of all":      {more: answers{"/theirs/resources": objects{{"id": "all", "name": "Groups"}}}, found: []string{"theirs"}},
		"manage":      {more: answers{"/looks/scopes": objects{{"id": "m", "name": "manage"}}}, found: []string{"looks"}},
		"is not seen": {hidden: true, unchecked: true},
	} {
		s, _ := campus(t)
		s.Settings["adminPermissionsEnabled"] = true
		s.Clients = append(s.Clients, realm.Client{ID: "permissions", ClientID: "admin-permissions"})
		if tc.hidden {
			s.Unread[realm.PartClients] = bridge.ErrAbsent
		}
		checks := realm.PeopleChecks(ofAccount(clean.Account.ID, tc.more), func(context.Context) (*realm.State, error) { return s, nil }, a)
		found, err := checks[slices.IndexFunc(checks, func(c bridge.Check) bool { return c.Name == "account-group" })].Run(t.Context())
		var got []string
		for _, f := range found {
			got = append(got, f.Object)
			if f.ID != bridge.FindRightsShared {
				t.Errorf("%s: %s", name, f.ID)
			}
		}
		if !slices.Equal(got, tc.found) || (err != nil) != tc.unchecked {
			t.Errorf("%s: found %q, %v", name, got, err)
		}
	}
}

// foreignKey puts a key beside those of the service account's client.
func foreignKey(s *realm.State, a *realm.Asked) {
	c := s.Client("otpbridge-admin")
	a.AdminKeys = c.Attributes["jwks.string"]
	c.Attributes["jwks.string"] = strings.Replace(a.AdminKeys, "[", `[{"kty":"EC","crv":"P-256","x":"of somebody","y":"else"},`, 1)
}
