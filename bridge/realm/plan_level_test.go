package realm_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/realm"
)

// leveled is the good realm with these names of levels, and its plan.
func leveled(t *testing.T, levels string) (*realm.State, realm.Asked, realm.Plan) {
	t.Helper()
	s, a := plannable(t)
	attributes, _ := s.Settings["attributes"].(map[string]any)
	attributes["acr.loa.map"] = levels
	return s, a, s.Plan(a.Wanted)
}

// Issue 6: names of levels that are there stay as they are written. Keycloak's console writes numbers as texts; doctor and plan read them alike, and what
// cannot be read is for people, and so is a number that Keycloak gives to whoever has no level.
func TestNamesOfLevelsStay(t *testing.T) {
	t.Parallel()
	for levels, want := range map[string]string{
		`{"pwd":1,"mfa":2}`: "", `{"pwd":"1","mfa":"2"}`: "", `{"pwd": "1", "mfa": 2, "gold": "3"}`: "",
		`{"pwd":"1"}`:            `{"mfa":2,"pwd":"1"}`,
		`{"pwd":"1","gold":"3"}`: `{"gold":"3","mfa":4,"pwd":"1"}`,
		``:                       `{"mfa":2,"pwd":1}`,
		`{"mfa":"2"}`:            `{"mfa":"2","pwd":1}`,
	} {
		s, a, p := leveled(t, levels)
		i, got := at(p, "realm attribute acr.loa.map"), ""
		if i >= 0 {
			if err := json.Unmarshal(p.Steps[i].Will, &got); err != nil {
				t.Fatal(err)
			}
		}
		if got != want || len(p.Obstacles) > 0 {
			t.Errorf("%s becomes %q, want %q; %v", levels, got, want, p.Obstacles)
		}
		if want == "" && (len(realm.Find(s, a)) > 0 || at(p, "flow otpbridge-browser") >= 0) {
			t.Errorf("%s: found %+v, planned %+v", levels, realm.Find(s, a), p.Steps)
		}
	}
	for _, levels := range []string{`{"pwd":"low"}`, `{"mfa":2`, `[1]`, `{"mfa":1}`, `{"pwd":0,"mfa":"1"}`, `{"mfa":0}`} {
		_, _, p := leveled(t, levels)
		unread := slices.Contains(p.Obstacles, realm.Obstacle{Kind: realm.ObstacleLevels, What: levels})
		if !unread || at(p, "realm attribute acr.loa.map") >= 0 {
			t.Errorf("%s: obstacles %v", levels, p.Obstacles)
		}
	}
}

// Issue 6: whatever a plan takes away by which administrators may have come, it says that from then on they need a second factor, and which.
func TestPlanSaysWhomItLocksOut(t *testing.T) {
	t.Parallel()
	lines := strings.Replace(flows.Shapes()[0].Lines, "  +ways", "  +more", 1)
	for name, change := range map[string]func(*realm.State){
		"a flow of the console's own": func(s *realm.State) {
			f := read(t, flows.Shape{Lines: "auth-username-password-form REQUIRED"}.Tree("break glass"))
			s.Flows = append(s.Flows, f)
			s.Client("security-admin-console").Overrides = map[string]string{"browser": f.ID}
		},
		"an identity provider": func(s *realm.State) {
			s.Providers = append(s.Providers, realm.Provider{Alias: "staff", Enabled: true, FirstFlow: "direct grant"})
		},
		"the browser flow": func(s *realm.State) { s.Settings["browserFlow"] = "browser" },
	} {
		s, a := shaped(t, flows.Shape{Lines: lines})
		if p := s.Plan(a.Wanted); p.LocksOut {
			t.Fatalf("nobody is locked out, but %+v", p.Steps)
		}
		change(s)
		if p := s.Plan(a.Wanted); !p.LocksOut || !slices.Contains(p.SecondFactors, "otp") || len(p.Obstacles) > 0 {
			t.Errorf("%s: locks out %v, second factors %v, obstacles %v", name, p.LocksOut, p.SecondFactors, p.Obstacles)
		}
	}
}

// INV-1: where all that is wrong with a fail-closed flow is what stands for the password at a recovery, the plan says so and locks nobody out; where more is, it
// says that every sign-in changes.
func TestPlanThatOnlyTakesTheTicketAwayLocksNobodyOut(t *testing.T) {
	t.Parallel()
	seen, others := 0, 0
	for _, shape := range flows.Shapes() {
		if len(shape.Found) == 0 {
			continue
		}
		s, a := shaped(t, shape)
		p := s.Plan(a.Wanted)
		i := at(p, "flow otpbridge-browser")
		if i < 0 {
			continue // people decide
		}
		reason, locks := realm.ReasonFlow, true
		switch {
		case slices.Equal(shape.Found, []bridge.FindingID{bridge.FindFlowTicket}):
			reason, locks, seen = realm.ReasonTicket, false, seen+1
		case slices.Equal(shape.Found, []bridge.FindingID{bridge.FindFlowPassword}):
			reason, locks, others = realm.ReasonPassword, false, others+1
		}
		j := at(p, "realm setting browserFlow")
		if p.LocksOut != locks || p.Steps[i].Reason != reason || p.Steps[j].Reason != reason || !slices.Contains(p.SecondFactors, "otp") {
			t.Errorf("%s: locks out %v, reasons %s and %s, second factors %v", shape.Name, p.LocksOut, p.Steps[i].Reason, p.Steps[j].Reason, p.SecondFactors)
		}
	}
	if seen < 3 || others < 2 {
		t.Errorf("%d flows with a ticket, %d with something else", seen, others)
	}
}
