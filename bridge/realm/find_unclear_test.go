package realm_test

import (
	"context"
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// INV-6: a step for forgotten passwords that is not Keycloak's own, and a link whose address nobody can read, are not "ok".
func TestWhatNobodyCanJudgeIsNotChecked(t *testing.T) {
	t.Parallel()
	unchecked := func(name string, s *realm.State, a realm.Asked) string {
		for _, c := range realm.Checks(func(context.Context) (*realm.State, error) { return s, nil }, a) {
			if c.Name != name {
				continue
			}
			_, err := c.Run(t.Context())
			if u := bridge.UncheckedFrom(err); u != nil && u.Why == bridge.UncheckedUnknown {
				return u.Needs
			}
		}
		return ""
	}
	s, a := campus(t)
	s.Settings["resetPasswordAllowed"] = true
	if got := unchecked("password-reset", s, a); got != "" {
		t.Errorf("Keycloak's own flow: %s", got)
	}
	f := s.Flow("reset credentials")
	f.Steps = append(f.Steps, realm.Execution{Requirement: "REQUIRED", Provider: "campus-mail"})
	if got := unchecked("password-reset", s, a); got != "campus-mail" {
		t.Errorf("a step of somebody's own: %q", got)
	}
	good, asked := plannable(t)
	if p := good.Plan(asked.Wanted); len(p.Unclear) > 0 {
		t.Errorf("the plan leaves unclear %+v", p.Unclear)
	}
	good.Settings["resetPasswordAllowed"] = true
	good.Flow("reset credentials").Steps = f.Steps
	if p := good.Plan(asked.Wanted); !slices.Equal(p.Unclear, []realm.Unclear{{Check: "password-reset", Needs: "campus-mail"}}) {
		t.Errorf("the plan leaves unclear %+v", p.Unclear)
	}
	s.Settings["loginTheme"], s.Texts = "campus", nil
	if got := unchecked("theme", s, a); got != "otpRecoveryUrl" {
		t.Errorf("a theme without an address: %q", got)
	}
	s.Texts = map[string]map[string]string{"en": {"otpRecoveryUrl": a.BaseURL + "/"}}
	for theme, want := range map[string]string{"campus": "loginTheme", "keycloak.v2": "loginTheme", "otp-recovery": "", "": ""} {
		s.Settings["loginTheme"] = theme
		if got := unchecked("theme", s, a); got != want {
			t.Errorf("the theme %q with an address: %q, want %q", theme, got, want)
		}
	}
}

// A lock for every client needs no mark on ours.
func TestLockForEveryClientNeedsNoMark(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	s.ClientPolicies[0]["conditions"] = []any{map[string]any{"condition": "any-client"}}
	s.Client("otpbridge-login").Attributes["otpbridge"] = ""
	if found := realm.Find(s, a); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}
