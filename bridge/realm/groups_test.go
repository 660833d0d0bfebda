package realm_test

import (
	"testing"

	"otpbridge/bridge/realm"
)

// Before 26.7 Keycloak does not find the allowed group by its path for an account with the least rights, and names it among the groups of whoever is in it or
// below. What is neither found nor named is not there.
func TestAllowedGroupIsFoundByWhoeverIsInIt(t *testing.T) {
	t.Parallel()
	group := func(id, path, parent string) map[string]any {
		return map[string]any{"id": id, "path": path, "parentId": parent}
	}
	allowed, below, deep := group("allowed", "/otp-recoverable", ""), group("law", "/otp-recoverable/law", "allowed"), group("first", "/otp-recoverable/law/first", "law")
	alike := group("alike", "/otp-recoverable-not", "")
	for name, tc := range map[string]struct {
		first []map[string]any // groups of the first person; nil: nobody is seen
		found bool
	}{
		"in it": {objects{alike, allowed}, true}, "below": {objects{below}, true}, "far below": {objects{alike, deep}, true},
		"in another one": {objects{alike}, false}, "nobody": {nil, false},
	} {
		a := answers{"/groups/allowed": allowed, "/groups/law": below, "/groups/first": deep, "/groups/alike": alike, "/groups": objects{}}
		if tc.first != nil {
			a["/users"], a["/users/p/groups"] = objects{{"id": "p"}}, tc.first
			delete(a, "/groups")
		}
		s := realm.ReadInUse(t.Context(), a, realm.Wanted{AllowedGroup: "/otp-recoverable"})
		if g := s.Group("/otp-recoverable"); (g != nil) != tc.found || s.Silent[realm.PartGroups] != nil || g != nil && g.ID != "allowed" {
			t.Errorf("%s: %+v, %v", name, g, s.Silent[realm.PartGroups])
		}
	}
}
