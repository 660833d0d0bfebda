package realm_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// mends are the words of the doctor on what mends a finding.
func mends(t *testing.T) map[bridge.FindingID]string {
	t.Helper()
	text, err := os.ReadFile("../../templates/findings/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var catalogue struct {
		Findings map[bridge.FindingID]struct{ Mend string }
	}
	if err := json.Unmarshal(text, &catalogue); err != nil {
		t.Fatal(err)
	}
	words := map[bridge.FindingID]string{}
	for id, of := range catalogue.Findings {
		words[id] = of.Mend
	}
	return words
}

// beyond are the titles of a plan's steps, and its obstacles, that another plan has not.
func beyond(p, before realm.Plan) (more []string) {
	for _, step := range p.Steps {
		if i := at(before, step.Title()); i < 0 || string(before.Steps[i].Will) != string(step.Will) || string(before.Steps[i].Was) != string(step.Was) {
			more = append(more, step.Title())
		}
	}
	for _, o := range p.Obstacles {
		if !slices.Contains(before.Obstacles, o) {
			more = append(more, string(o.Kind))
		}
	}
	return more
}

// hand is a caller for which nobody has the role of the gate but the gate group.
type hand struct{}

func (hand) Do(_ context.Context, _ string, _, out any) error {
	return json.Unmarshal([]byte("[]"), out)
}

// wantedKeys is plannable with clients that prove themselves by keys.
func wantedKeys(t *testing.T) (*realm.State, realm.Asked) {
	t.Helper()
	s, a := plannable(t)
	a.LoginSecret, a.AdminSecret, a.AdminKeys = "", "", s.Client("otpbridge-admin").Attributes["jwks.string"]
	return s, a
}

// The doctor and the plan agree: where the doctor says that `realm apply` mends something, and nowhere else, the plan names a change; and what is
// deadly is in the plan, as a change or as what people have to mend, so that a realm which the plan calls finished has no deadly finding.
func TestDoctorAndPlanAgree(t *testing.T) {
	t.Parallel()
	words := mends(t)
	good, asked := wantedKeys(t)
	before := good.Plan(asked.Wanted)
	if left, err := good.Leftover(t.Context(), hand{}, asked.Wanted); err != nil || len(left) > 0 {
		t.Errorf("the good realm: %v, %v", left, err)
	}
	for _, b := range slices.Concat(flowBreakings(), wayBreakings(), clientBreakings(), settingBreakings()) {
		s, a := wantedKeys(t)
		b.do(s, &a)
		planned := beyond(s.Plan(a.Wanted), before)
		left, err := s.Leftover(t.Context(), hand{}, a.Wanted)
		if err != nil {
			t.Fatal(err)
		}
		promised := strings.Contains(words[b.id], "realm apply")
		switch b.id {
		case bridge.FindGateMissing: // the configuration names another one than apply says
		case bridge.FindKeysSame: // the login client's keys are at an address again, but whose they are is for people
		default:
			if promised != (len(planned) > 0) {
				t.Errorf("%s: the doctor says %q, planned %v", b.id, words[b.id], planned)
			}
			if bridge.SeverityOf(b.id) == bridge.Deadly && len(planned) == 0 && len(left) == 0 {
				t.Errorf("%s: the plan calls the realm finished", b.id)
			}
		}
	}
}
