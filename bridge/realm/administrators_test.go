package realm_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/realm"
)

// Issue 6: an administrator counts who is enabled and has a second factor that the flow asks for; a password alone, or a factor of another kind, does not.
func TestAdministratorGetsInByTheSecondFactorsOfTheFlow(t *testing.T) {
	t.Parallel()
	otp, withCodes := []string{"otp"}, []string{"otp", "recovery-authn-codes", "webauthn", "webauthn-passwordless"}
	for name, tc := range map[string]struct {
		enabled bool
		has     []string
		asked   []string
		in      bool
	}{
		"nothing":                            {true, nil, otp, false},
		"a password alone":                   {true, []string{"password"}, otp, false},
		"a password alone, where more is":    {true, []string{"password"}, withCodes, false},
		"an OTP":                             {true, []string{"password", "otp"}, otp, true},
		"an OTP, disabled":                   {false, []string{"password", "otp"}, otp, false},
		"recovery codes, which are asked":    {true, []string{"password", "recovery-authn-codes"}, withCodes, true},
		"recovery codes, which nobody asks":  {true, []string{"password", "recovery-authn-codes"}, otp, false},
		"a security key, which is asked":     {true, []string{"password", "webauthn"}, withCodes, true},
		"a security key, which nobody asks":  {true, []string{"password", "webauthn"}, otp, false},
		"a passkey, with which people enter": {true, []string{"webauthn-passwordless"}, withCodes, true},
		"a passkey, where there is none":     {true, []string{"password", "webauthn-passwordless"}, otp, false},
		"everything, disabled":               {false, withCodes, withCodes, false},
		"where nothing is asked that is":     {true, withCodes, nil, false},
	} {
		if in := (realm.Administrator{Name: "ada", Enabled: tc.enabled, Types: tc.has}).GetsIn(tc.asked); in != tc.in {
			t.Errorf("%s: gets in %v", name, in)
		}
	}
}

// Issue 6: recovery codes let an administrator in where the flow that comes has their form, and only there.
func TestPlanSaysWhichSecondFactorsLetIn(t *testing.T) {
	t.Parallel()
	codes := realm.Administrator{Name: "ada", Enabled: true, Types: []string{"password", "recovery-authn-codes"}}
	for form, in := range map[string]bool{"ALTERNATIVE": true, "DISABLED": false} {
		lines := strings.Replace(flows.Shapes()[0].Lines, "auth-recovery-authn-code-form ALTERNATIVE", "auth-recovery-authn-code-form "+form, 1)
		s, a := shaped(t, flows.Shape{Lines: lines})
		if p := s.Plan(a.Wanted); codes.GetsIn(p.SecondFactors) != in || !slices.Contains(p.SecondFactors, "otp") {
			t.Errorf("%s: second factors %v", form, p.SecondFactors)
		}
	}
}

// people are lists, and single answers by path.
type people struct {
	lists
	one map[string]string
}

// Do implements realm.Caller.
func (p people) Do(ctx context.Context, call string, body, out any) error {
	if text, ok := p.one[strings.TrimPrefix(call, "GET ")]; ok {
		return json.Unmarshal([]byte(text), out)
	}
	if strings.HasPrefix(call, "GET /users/") && !strings.HasSuffix(call, "/credentials") {
		return errors.New("nobody: " + call)
	}
	return p.lists.Do(ctx, call, body, out)
}

// Issue 6: administrators are found by the role, by a role that holds it, by a group and by a group above, each once; service accounts and who may only
// see are none.
func TestAdministratorsAreFoundWhateverGivesTheRight(t *testing.T) {
	t.Parallel()
	user := func(id string) []map[string]any { return []map[string]any{{"id": id}} }
	p := people{
		lists: lists{
			"/clients":                              {{"id": "rm", "clientId": "realm-management"}, {"id": "app", "clientId": "app"}},
			"/clients/rm/roles":                     {role("realm-admin"), role("manage-realm"), role("view-realm")},
			"/roles":                                {role("with-all"), role("with-staff")},
			"/roles-by-id/with-staff/composites":    {role("manage-realm")},
			"/roles-by-id/with-all/composites":      {role("with-staff")},
			"/clients/rm/roles/realm-admin/users":   slices.Concat(user("by-hand"), user("robot")),
			"/clients/rm/roles/view-realm/users":    user("looker"),
			"/clients/rm/roles/manage-realm/groups": {{"id": "team"}},
			"/groups/team/members":                  slices.Concat(user("by-group"), user("by-hand")),
			"/groups/team/children":                 {{"id": "below"}},
			"/groups/below/members":                 user("by-group-above"),
			"/roles/with-all/users":                 user("by-composite"),
			"/users/by-hand/credentials":            {{"type": "password"}, {"type": "otp"}},
			"/users/by-composite/credentials":       {{"type": "password"}},
			"/clients/app/roles":                    {{"id": "other", "name": "realm-admin"}}, // of an application
			"/clients/app/roles/realm-admin/users":  user("namesake"),
		},
		one: map[string]string{"/users/robot": `{"username":"service-account-robot","enabled":true}`},
	}
	for _, id := range []string{"by-hand", "by-group", "by-group-above", "by-composite", "looker", "namesake"} {
		p.one["/users/"+id] = `{"username":"` + id + `","enabled":` + map[bool]string{true: "false", false: "true"}[id == "by-group"] + `}`
	}
	found, err := realm.Administrators(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var names, in []string
	for _, a := range found {
		names = append(names, a.Name)
		if a.GetsIn([]string{"otp"}) {
			in = append(in, a.Name)
		}
		if a.Enabled == (a.Name == "by-group") {
			t.Errorf("%s: enabled %v", a.Name, a.Enabled)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"by-composite", "by-group", "by-group-above", "by-hand"}) || !slices.Equal(in, []string{"by-hand"}) {
		t.Errorf("found %q, with a second factor %q", names, in)
	}
}
