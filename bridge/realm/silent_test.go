package realm_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// limping is a Keycloak that has nothing to say, and that fails at every path with a beginning.
type limping string

func (l limping) Do(_ context.Context, call string, _, _ any) error {
	if where, ok := strings.CutPrefix(call, "GET "+string(l)); ok && (l != "" || where == "") {
		return failed{}
	}
	return nil
}

type failed struct{}

func (failed) Error() string   { return "failed" }
func (failed) HTTPStatus() int { return http.StatusInternalServerError }

// INV-6: an endpoint that fails hides no other part, and whoever would change the realm on what is left is refused.
func TestOneEndpointThatFailsHidesNothingElse(t *testing.T) {
	t.Parallel()
	for where, parts := range map[string][]realm.Part{
		"":                             {realm.PartSettings},
		"/client-scopes":               {realm.PartClients, realm.PartScopes}, // without which a list of clients may not be whole
		"/clients":                     {realm.PartClients},
		"/identity-provider/instances": {realm.PartProviders},
		"/authentication/flows":        {realm.PartFlows},
		"/users/profile":               {realm.PartProfile},
		"/client-policies/policies":    {realm.PartPolicies},
		"/roles":                       {realm.PartRoles},
		"/localization/ja":             {realm.PartTexts},
		"/group-by-path/otp-recoverable/students": {realm.PartGroups},
	} {
		w := realm.Wanted{AllowedGroup: "/otp-recoverable/students", Languages: []string{"en", "ja"}}
		if got := slices.Sorted(maps.Keys(realm.ReadInUse(t.Context(), limping(where), w).Silent)); !slices.Equal(got, slices.Sorted(slices.Values(parts))) {
			t.Errorf("%q fails: %v got no answer", where, got)
		}
		if s, err := realm.Read(t.Context(), limping(where), w); err == nil {
			t.Errorf("%q fails: a plan would rest on %+v", where, s)
		} else if where == "" && !strings.Contains(err.Error(), "read the realm: ") {
			t.Errorf("says %q", err)
		}
	}
}

// parts are those that a check names, beside the realm's own.
func parts() map[string][]realm.Part {
	settings, flows, clients, scopes := realm.PartSettings, realm.PartFlows, realm.PartClients, realm.PartScopes
	return map[string][]realm.Part{
		"realm": {settings}, "browser-flow": {settings, flows}, "flow-overrides": {settings, flows, scopes, clients}, "direct-grants": {settings, flows, scopes, clients},
		"identity-providers": {settings, flows, realm.PartProviders}, "password-reset": {settings, flows}, "recovery-codes": {settings, flows},
		"recovery-scope": {scopes, clients}, "login-client": {scopes, clients}, "console-roles": {scopes, clients, realm.PartRoles}, "admin-client": {scopes, clients}, "par-policy": {realm.PartPolicies},
		"events": {settings}, "guessing": {settings}, "otp-policy": {settings}, "user-profile": {realm.PartProfile},
		"groups": {settings, flows, realm.PartGroups}, "theme": {settings, realm.PartTexts}, "gate-role": {settings, flows, realm.PartRoles, clients},
	}
}

// OIDC-18: a part without an answer leaves the checks unanswered that need it, which say so, and no other; none of them passes.
func TestPartWithoutAnswerLeavesItsChecksUnanswered(t *testing.T) {
	t.Parallel()
	for _, part := range []realm.Part{
		realm.PartSettings, realm.PartFlows, realm.PartClients, realm.PartScopes, realm.PartProviders, realm.PartProfile, realm.PartPolicies,
		realm.PartGroups, realm.PartRoles, realm.PartTexts,
	} {
		s, a := campus(t)
		s.Silent = map[realm.Part]error{part: failed{}}
		read := func(context.Context) (*realm.State, error) { return s, nil }
		asked := realm.Checks(read, a)
		asked = append(asked, slices.DeleteFunc(realm.PeopleChecks(limping("x"), read, a), func(c bridge.Check) bool { return c.Name != "gate-role" })...)
		for _, c := range asked {
			found, err := c.Run(t.Context())
			u, named := bridge.UncheckedFrom(err), slices.Contains(parts()[c.Name], part)
			silent := u != nil && u.Why == bridge.UncheckedAnswer
			if silent != named || named && (u.Needs != string(part)+": HTTP 500" || len(found) > 0) {
				t.Errorf("%s without an answer: %s found %v, %v", part, c.Name, found, err)
			}
		}
	}
}

// Issue 6: a part for which there was no token says so, as every other check does: the finding says what mends it.
func TestPartWithoutATokenSaysSo(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	s.Silent = map[realm.Part]error{realm.PartSettings: fmt.Errorf("read: %w", bridge.NotChecked(bridge.UncheckedRefused, "otpbridge-admin: invalid_client"))}
	for _, c := range realm.Checks(func(context.Context) (*realm.State, error) { return s, nil }, a) {
		if !slices.Contains(parts()[c.Name], realm.PartSettings) {
			continue
		}
		_, err := c.Run(t.Context())
		if u := bridge.UncheckedFrom(err); u == nil || u.Why != bridge.UncheckedRefused || u.Needs != "otpbridge-admin: invalid_client" {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// What may come to something deadly says so: without an answer to it nobody is let in.
func TestChecksThatFindDeadlyThingsAreDeadly(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, b := range slices.Concat(flowBreakings(), wayBreakings(), clientBreakings(), settingBreakings()) {
		s, a := campus(t)
		b.do(s, &a)
		for _, c := range realm.Checks(func(context.Context) (*realm.State, error) { return s, nil }, a) {
			found, _ := c.Run(t.Context())
			deadly := slices.ContainsFunc(found, func(f bridge.Finding) bool { return f.Severity == bridge.Deadly })
			if deadly && !c.Deadly {
				t.Errorf("%s finds %+v and is not deadly", c.Name, found)
			}
			seen[c.Name] = seen[c.Name] || deadly || !c.Deadly || c.Name == "realm" // whose parts are refused elsewhere
		}
	}
	for name, of := range seen {
		if !of {
			t.Errorf("%s is deadly and finds nothing deadly", name)
		}
	}
}
