package realm_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge/realm"
)

// permitted are the values of a plan's permissions, by the end of their names.
func permitted(t *testing.T, p realm.Plan) map[string]struct {
	Kind          string
	Scopes, Rules []string
} {
	t.Helper()
	all := map[string]struct {
		Kind          string
		Scopes, Rules []string
	}{}
	for _, step := range p.Steps {
		if step.Kind != realm.KindPermission {
			continue
		}
		v := all[step.Name]
		if err := json.Unmarshal(step.Will, &v); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(step.Name, "otpbridge: ")] = v
	}
	return all
}

// Issue 6: before 26.7 who the account is stands in a group and a client, both of which a permission wants; what must not count in lists goes by the
// client alone, and there is nothing that such a server does not know.
func TestPlanOfRightsBefore267(t *testing.T) {
	t.Parallel()
	for version, coarse := range map[string]bool{"26.4.7": true, "26.5.6": true, "26.7.4": false, "27.0.0": false, "": true} {
		s, w := plain(t)
		w.Version = version
		p := s.Plan(w)
		all := permitted(t, p)
		want := map[string]string{"recoverable people": "[only otpbridge]", "gate": "[only otpbridge]", "groups that policies name": "[only otpbridge]"}
		if coarse {
			both := "[only otpbridge's client only otpbridge's group]"
			want = map[string]string{
				"recoverable people": both, "gate": both, "who has rights over the realm": both,
				"groups that policies name": "[only otpbridge's client]", "who joins the gate": "[only otpbridge's client]",
			}
		}
		for name, rules := range want {
			if got := "[" + strings.Join(all[name].Rules, " ") + "]"; got != rules {
				t.Errorf("%s: %s goes by %s, want %s", version, name, got, rules)
			}
		}
		if known := slices.Contains(all["recoverable people"].Scopes, "manage-membership-of-members"); known == coarse {
			t.Errorf("%s: scopes %q", version, all["recoverable people"].Scopes)
		}
		if _, joins := all["who joins the gate"]; joins != coarse {
			t.Errorf("%s: %v", version, all)
		}
		last := -1
		for _, title := range []string{
			"group /otpbridge-account", "group of the account of client otpbridge-admin /otpbridge-account",
			"permission policy otpbridge-admin only otpbridge's group", "permission policy otpbridge-admin only otpbridge's client", "permission otpbridge: gate",
		} {
			if i := at(p, title); coarse && i <= last || !coarse && i >= 0 != strings.HasPrefix(title, "permission otpbridge") {
				t.Errorf("%s: %s is step %d, after step %d", version, title, i, last)
			} else {
				last = i
			}
		}
	}
}

// Issue 6: a Keycloak that is too old is refused in so many words, and nothing is planned.
func TestPlanRefusesAnOldKeycloak(t *testing.T) {
	t.Parallel()
	for version, refused := range map[string]bool{"25.9.9": true, "26.3.5": true, "26.4.0": false, "26.9.1": false, "": false} {
		s, w := plain(t)
		w.Version = version
		p := s.Plan(w)
		said := slices.Contains(p.Obstacles, realm.Obstacle{Kind: realm.ObstacleVersion, What: "Keycloak " + version})
		if said != refused || refused != (len(p.Steps) == 0) {
			t.Errorf("%q: %v, %d steps", version, p.Obstacles, len(p.Steps))
		}
	}
}

// OIDC-18, OIDC-22: the account sees identity providers, so that the guard does: plan gives that right and takes it from nobody, with either kind of
// rights on people.
func TestPlanLetsTheGuardSeeIdentityProviders(t *testing.T) {
	t.Parallel()
	const right = "view-identity-providers"
	for _, all := range []bool{false, true} {
		s, w := plain(t)
		w.ManageUsers = all
		given := s.Plan(w)
		s, a := plannable(t)
		a.ManageUsers = all
		s.Account.ManagementRoles = append(s.Account.ManagementRoles, right)
		s.Client(a.AdminClient).ManagementRoles = append(s.Client(a.AdminClient).ManagementRoles, right)
		had := s.Plan(a.Wanted)
		for _, kind := range []realm.Kind{realm.KindAccountRole, realm.KindClientRole} {
			about := func(s realm.Step) bool { return s.Kind == kind && strings.HasSuffix(s.Name, right) }
			if i := slices.IndexFunc(given.Steps, about); i < 0 || string(given.Steps[i].Will) == "" {
				t.Errorf("manage-users %v: %s is not given by %s", all, right, kind)
			}
			if slices.ContainsFunc(had.Steps, about) {
				t.Errorf("manage-users %v: who has %s is changed by %s", all, right, kind)
			}
		}
	}
}
