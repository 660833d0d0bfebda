package keycloak_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
)

// whole answers all that an account is read from: one user and one profile.
func whole(user, profile map[string]any) func(call string) *http.Response {
	return func(call string) *http.Response {
		switch {
		case call == "GET ":
			return answer(http.StatusOK, map[string]any{"otpPolicyType": "totp", "eventsEnabled": true})
		case call == "GET /users/profile":
			return answer(http.StatusOK, profile)
		case call == "GET /users/"+person:
			return answer(http.StatusOK, user)
		case strings.HasPrefix(call, "GET /attack-detection"):
			return answer(http.StatusOK, map[string]any{"disabled": false})
		case strings.HasPrefix(call, "GET /users/"+person+"/"):
			return answer(http.StatusOK, []any{})
		}
		return nil
	}
}

type object = map[string]any

func attributeOf(name string, more object) object {
	more["name"] = name
	if more["permissions"] == nil {
		more["permissions"] = object{"edit": []string{"admin", "user"}}
	}
	return object{"attributes": []any{more}}
}

// A profile that Keycloak would show at the password-only sign-in is seen before. OIDC-19
func TestProfileGapIsSeen(t *testing.T) {
	user := object{"id": person, "username": "alice", "email": "alice@example.net", "attributes": object{
		"phone": []string{"0750000"}, "blank": []string{" "}, "two": []string{"a", "b"}, "age": []string{"20"},
	}}
	for name, tc := range map[string]struct {
		profile object
		gap     bool
	}{
		"nothing required":           {attributeOf("absent", object{}), false},
		"required of users":          {attributeOf("absent", object{"required": object{"roles": []string{"user"}}}), true},
		"required of everybody":      {attributeOf("absent", object{"required": object{}}), true},
		"required of administrators": {attributeOf("absent", object{"required": object{"roles": []string{"admin"}}}), false},
		"required for our scope":     {attributeOf("absent", object{"required": object{"scopes": []string{"otp-recovery"}}}), true},
		"required for another scope": {attributeOf("absent", object{"required": object{"scopes": []string{"phone"}}}), false},
		"not there for our scopes":   {attributeOf("absent", object{"required": object{}, "selector": object{"scopes": []string{"phone"}}}), false},
		"required, not to be edited": {attributeOf("absent", object{"required": object{}, "permissions": object{"edit": []string{"admin"}}}), false},
		"invalid, not to be edited": {attributeOf("phone", object{
			"validations": object{"email": object{}}, "permissions": object{"edit": []string{"admin"}},
		}), false},
		"required and there":           {attributeOf("phone", object{"required": object{}}), false},
		"required and blank":           {attributeOf("blank", object{"required": object{}}), true},
		"required root field":          {attributeOf("lastName", object{"required": object{"roles": []string{"user"}}}), true},
		"too short":                    {attributeOf("phone", object{"validations": object{"length": object{"min": 8}}}), true},
		"short enough, quoted":         {attributeOf("phone", object{"validations": object{"length": object{"min": "3", "max": "7"}}}), false},
		"too long":                     {attributeOf("phone", object{"validations": object{"length": object{"max": "6"}}}), true},
		"no address":                   {attributeOf("phone", object{"validations": object{"email": object{}}}), true},
		"an address":                   {attributeOf("email", object{"validations": object{"email": object{}}}), false},
		"not the pattern":              {attributeOf("phone", object{"validations": object{"pattern": object{"pattern": "[a-z]+"}}}), true},
		"the pattern":                  {attributeOf("phone", object{"validations": object{"pattern": object{"pattern": "0[0-9]+"}}}), false},
		"a pattern that Go knows not":  {attributeOf("phone", object{"validations": object{"pattern": object{"pattern": "(?<!x)0"}}}), false},
		"not an option":                {attributeOf("phone", object{"validations": object{"options": object{"options": []string{"a"}}}}), true},
		"too many values":              {attributeOf("two", object{"validations": object{"multivalued": object{"max": "1"}}}), true},
		"no number":                    {attributeOf("two", object{"validations": object{"integer": object{}}}), true},
		"a number out of range":        {attributeOf("age", object{"validations": object{"integer": object{"max": 19}}}), true},
		"a validator of the realm's":   {attributeOf("phone", object{"validations": object{"campus-phone": object{}}}), false},
		"empty values are not checked": {attributeOf("absent", object{"validations": object{"length": object{"min": 8}}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace()
			p.hook(whole(user, tc.profile), nil)
			a, err := newClient(t, p, newClock()).ByID(t.Context(), person)
			if err != nil || a.ProfileGap != tc.gap {
				t.Errorf("gap %v, %v, want %v", a.ProfileGap, err, tc.gap)
			}
		})
	}
}

// An attribute counts as safe only when the profile says that users cannot edit it, and nobody may add attributes freely. WB-14
func TestOnlyWhatUsersCannotEditDecides(t *testing.T) {
	for name, tc := range map[string]struct {
		attribute object
		policy    string
		want      bool
	}{
		"administrators":                     {object{"permissions": object{"edit": []string{"admin"}}}, "ADMIN_EDIT", true},
		"nobody":                             {object{"permissions": object{"edit": []string{}}}, "", true},
		"users too":                          {object{"permissions": object{"edit": []string{"admin", "user"}}}, "", false},
		"no permissions at all":              {object{"permissions": "none"}, "", false},
		"anything may be added by anybody":   {object{"permissions": object{"edit": []string{"admin"}}}, "ENABLED", false},
		"administrators see what is unknown": {object{"permissions": object{"edit": []string{"admin"}}}, "ADMIN_VIEW", true},
	} {
		t.Run(name, func(t *testing.T) {
			profile := attributeOf("mail", tc.attribute)
			if tc.attribute["permissions"] == "none" {
				delete(tc.attribute, "permissions")
			}
			profile["unmanagedAttributePolicy"] = tc.policy
			p := newPlace()
			p.hook(whole(nil, profile), nil)
			f, err := newClient(t, p, newClock()).Realm(t.Context())
			if err != nil || f.AdminOnly["mail"] != tc.want || f.AdminOnly["other"] {
				t.Errorf("%v, %v, want %v", f.AdminOnly, err, tc.want)
			}
		})
	}
}

// A part that cannot be read makes the whole account unknown, never half-read. OIDC-19
func TestAnAccountIsNeverHalfRead(t *testing.T) {
	for _, part := range []string{
		"/users/" + person + "/credentials", "/users/" + person + "/groups", "/users/" + person + "/role-mappings/realm/composite",
		"/users/" + person + "/role-mappings/clients/management/composite",
		"/attack-detection/brute-force/users/" + person, "/users/profile", "",
	} {
		p := newPlace()
		all := whole(object{"id": person, "username": "alice"}, object{})
		p.hook(func(call string) *http.Response {
			if call == "GET "+part {
				return answer(http.StatusForbidden, nil)
			}
			return all(call)
		}, nil)
		_, err := newClient(t, p, newClock()).ByID(t.Context(), person)
		wantCode(t, part, err, bridge.CodeKeycloakAway)
	}
}

// That nobody has such an id is known whichever of the calls is refused first.
func TestNobodyIsNobodyHoweverLateTheAnswer(t *testing.T) {
	for _, late := range []string{"", "/credentials"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlace()
			p.hook(func(call string) *http.Response {
				if call == "GET /users/count"+late {
					time.Sleep(time.Second)
				}
				switch call {
				case "GET /users/count":
					return answer(http.StatusOK, 7)
				case "GET /attack-detection/brute-force/users/count":
					return answer(http.StatusForbidden, nil)
				}
				return answer(http.StatusNotFound, nil)
			}, nil)
			_, err := newClient(t, p, newClock()).ByID(t.Context(), "count")
			wantCode(t, "late "+late, err, bridge.CodeGone)
		})
	}
}
