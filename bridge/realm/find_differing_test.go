package realm_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// applied is the good realm as `realm apply` leaves it on 26.7: nothing is left to do.
func applied(t *testing.T) (*realm.State, realm.Asked) {
	t.Helper()
	s, a := wantedKeys(t)
	a.Version, a.ConsoleRoles = "26.7.4", []string{"otp-helpdesk"}
	login, admin := s.Client(a.LoginClient), s.Client(a.AdminClient)
	login.RealmRoles, login.TokenRoles, admin.ManagementRoles = a.ConsoleRoles, a.ConsoleRoles, slices.Clone(s.Account.ManagementRoles)
	login.Mappers = append(login.Mappers, realm.Mapper{
		Name: "realm roles", Mapper: "oidc-usermodel-realm-role-mapper", Config: map[string]string{"claim.name": "roles", "id.token.claim": "true", "multivalued": "true"},
	})
	s.AccessRules = []realm.AccessRule{{ID: "us", Name: "only otpbridge", Type: "user", Logic: "POSITIVE", Users: []string{s.Account.ID}}}
	for _, step := range s.Plan(a.Wanted).Steps {
		if step.Kind != realm.KindPermission {
			t.Fatalf("of the good realm: %s %v", step.Title(), step.Lines())
		}
		p := realm.Permission{Name: step.Name}
		if err := json.Unmarshal(step.Will, &p); err != nil {
			t.Fatal(err)
		}
		p.Rules = []string{"us"}
		for i, name := range p.Resources {
			if g := s.Group(name); g != nil {
				p.Resources[i] = g.ID
			} else {
				p.Resources[i] = s.Client(name).ID
			}
		}
		s.Permissions = append(s.Permissions, p)
	}
	if p := s.Plan(a.Wanted); !p.Empty() {
		t.Fatalf("of the good realm: %+v", p)
	}
	return s, a
}

// kindBreakings break the good realm so that a plan would change a thing of a kind.
func kindBreakings() map[realm.Kind]func(*realm.State, *realm.Asked) {
	return map[realm.Kind]func(*realm.State, *realm.Asked){
		realm.KindSetting: set("adminPermissionsEnabled", false),
		realm.KindAttribute: func(s *realm.State, _ *realm.Asked) {
			attributes, _ := s.Settings["attributes"].(map[string]any)
			attributes["acr.loa.map"] = `{"mfa":2}`
		},
		realm.KindRole: func(_ *realm.State, a *realm.Asked) { a.ConsoleRoles = append(a.ConsoleRoles, "otp-auditor") },
		realm.KindGroup: func(s *realm.State, _ *realm.Asked) {
			s.Groups = slices.DeleteFunc(s.Groups, func(g realm.Group) bool { return g.Path == "/otp-recoverable" })
		},
		realm.KindGroupRole:     func(s *realm.State, _ *realm.Asked) { s.Group("/" + realm.Gate).RealmRoles = nil },
		realm.KindScope:         func(_ *realm.State, a *realm.Asked) { a.RecoveryScope = "other" },
		realm.KindRealmScope:    func(s *realm.State, _ *realm.Asked) { s.OptionalScopes = append(s.OptionalScopes, "otp-recovery") },
		realm.KindClient:        func(_ *realm.State, a *realm.Asked) { a.LoginClient = "other" },
		realm.KindClientSetting: login(func(c *realm.Client) { c.ConsentRequired = true }),
		realm.KindClientScope:   login(func(c *realm.Client) { c.OptionalScopes = append(c.OptionalScopes, "phone") }),
		realm.KindMapper:        login(func(c *realm.Client) { c.Mappers = nil }),
		realm.KindClientRole:    login(func(c *realm.Client) { c.RealmRoles, c.TokenRoles = nil, nil }),
		realm.KindAccountRole: func(s *realm.State, _ *realm.Asked) {
			s.Account.ManagementRoles = append(s.Account.ManagementRoles, "manage-clients")
		},
		realm.KindAccountGroup:  func(s *realm.State, _ *realm.Asked) { s.Account.Groups = []string{realm.AccountGroup} },
		realm.KindProfile:       func(_ *realm.State, a *realm.Asked) { a.Deciding = append(a.Deciding, realm.Deciding{Name: "phoen"}) },
		realm.KindUnmanaged:     func(s *realm.State, _ *realm.Asked) { s.Profile["unmanagedAttributePolicy"] = "ENABLED" },
		realm.KindClientProfile: func(s *realm.State, _ *realm.Asked) { s.ClientProfiles = nil },
		realm.KindClientPolicy:  func(s *realm.State, _ *realm.Asked) { s.ClientPolicies = nil },
		realm.KindFlow:          set("browserFlow", "browser"),
		realm.KindProvider: func(s *realm.State, _ *realm.Asked) {
			s.Providers = append(s.Providers, realm.Provider{Alias: "idp", Enabled: true, FirstFlow: "direct grant"})
		},
		realm.KindAccessRule: func(s *realm.State, _ *realm.Asked) { s.AccessRules[0].Logic = "NEGATIVE" },
		realm.KindPermission: func(s *realm.State, _ *realm.Asked) { s.Permissions[0].Resources = nil },
		realm.KindText: func(s *realm.State, a *realm.Asked) {
			a.Theme, s.Texts = "otp-recovery", map[string]map[string]string{"ja": {"otpRecoveryUrl": "http://localhost:1/"}}
		},
	}
}

// Issue 6: whatever kind of thing a plan would change, the doctor is not silent; of the realm that `realm apply` leaves it says nothing.
func TestDoctorIsNotSilentWhereThePlanActs(t *testing.T) {
	t.Parallel()
	good, asked := applied(t)
	if found := append(realm.Find(good, asked), realm.FindDiffering(good, asked.Wanted)...); len(found) > 0 {
		t.Errorf("of the good realm: %+v", found)
	}
	for _, kind := range realm.Kinds() {
		s, a := applied(t)
		do := kindBreakings()[kind]
		if do == nil {
			t.Errorf("nothing breaks a %s", kind)
			continue
		}
		do(s, &a)
		p := s.Plan(a.Wanted)
		i := slices.IndexFunc(p.Steps, func(step realm.Step) bool { return step.Kind == kind })
		if i < 0 {
			t.Errorf("%s: planned %+v", kind, p)
			continue
		}
		a.Theme = "" // of which the configuration says nothing
		differs := realm.FindDiffering(s, a.Wanted)
		if found := append(realm.Find(s, a), differs...); len(found) == 0 {
			t.Errorf("%s: the doctor is silent", kind)
		}
		if kind != realm.KindText && len(p.Obstacles) == 0 && (len(differs) != 1 || differs[0].ID != bridge.FindRealmDiffers || i < 5 && !strings.Contains(differs[0].Object, p.Steps[i].Name)) {
			t.Errorf("%s: differs by %+v", kind, differs)
		}
	}
}

// Where something stands in the way, apply changes nothing, and the doctor does not promise that it would.
func TestDoctorPromisesNoApplyThatChangesNothing(t *testing.T) {
	t.Parallel()
	s, a := applied(t)
	login(func(c *realm.Client) { c.ConsentRequired = true })(s, &a)
	if found := ids(realm.FindDiffering(s, a.Wanted)); !slices.Equal(found, []bridge.FindingID{bridge.FindRealmDiffers}) {
		t.Errorf("with nothing in the way: %v", found)
	}
	attributes, _ := s.Settings["attributes"].(map[string]any)
	attributes["acr.loa.map"] = "{"
	found := realm.FindDiffering(s, a.Wanted)
	if p := s.Plan(a.Wanted); len(p.Obstacles) != 1 || !slices.Equal(ids(found), []bridge.FindingID{bridge.FindRealmBlocked}) || found[0].Values["count"] != "1" {
		t.Errorf("with %+v in the way: %+v", p.Obstacles, found)
	}
}

// Without the version of the server a plan of rights is a guess, and what is not shown says nothing.
func TestWhatAPlanWouldChangeIsNotGuessed(t *testing.T) {
	t.Parallel()
	_, a := applied(t)
	version := func(v string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return v, nil }
	}
	found, err := realm.PlanCheck(hand{}, version(""), a).Run(t.Context())
	if u := bridge.UncheckedFrom(err); u == nil || u.Why != bridge.UncheckedUnknown || len(found) > 0 {
		t.Errorf("without a version: %+v, %v", found, err)
	}
	if found, err := realm.PlanCheck(limping(""), version("26.7.4"), a).Run(t.Context()); err == nil || len(found) > 0 {
		t.Errorf("without an answer: %+v, %v", found, err)
	}
}
