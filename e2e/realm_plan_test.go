package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
	"otpbridge/e2e/rig"
)

// prepared is a realm that an administrator made by hand, and what was done to it.
type prepared struct {
	*testing.T
	*realm.Realm
	wanted safe.Wanted
	noted  []safe.Change
}

// byHand makes such a realm.
func byHand(t *testing.T) *prepared {
	t.Helper()
	r := rig.NewPlainRealm(t, realm.Options{})
	p := &prepared{T: t, Realm: r, wanted: wanted(r)}
	p.wanted.OperatorRole, p.wanted.AuditorRole = realm.OperatorRole, "otp-auditor"
	p.wanted.PolicyGroups = []string{"/" + realm.Recoverable}
	return p
}

// plan reads the realm and compares it with a safe one.
func (p *prepared) plan() safe.Plan {
	p.Helper()
	s, err := safe.Read(p.Context(), p.Realm, p.wanted)
	if err != nil {
		p.Fatal(err)
	}
	return s.Plan(p.wanted)
}

func (p *prepared) run(c safe.Caller) safe.Run {
	return safe.Run{
		Caller: c, Wanted: p.wanted, Note: func(c safe.Change) error { p.noted = append(p.noted, c); return nil },
		Made: func(safe.Change) {}, Kept: func(c safe.Change) { p.Errorf("kept: %s", c.Title()) },
	}
}

// apply does what the plan says, and nothing is left to do.
func (p *prepared) apply() {
	p.Helper()
	if err := p.run(p.Realm).Do(p.Context(), p.plan().Changes()); err != nil {
		p.Fatal(err)
	}
	if left := p.plan(); !left.Empty() {
		p.Errorf("after apply: %s", show(left))
	}
}

// undo takes all of it back.
func (p *prepared) undo() {
	p.Helper()
	s, err := safe.Read(p.Context(), p.Realm, p.wanted)
	if err != nil {
		p.Fatal(err)
	}
	undo, kept := s.Undo(p.noted)
	if len(kept) > 0 {
		p.Errorf("%d changes would stay: %s", len(kept), kept[0].Title())
	}
	run := p.run(p.Realm)
	run.Note = func(safe.Change) error { return nil }
	if err := run.Do(p.Context(), undo); err != nil {
		p.Fatal(err)
	}
}

// show is a plan as people read it.
func show(plan safe.Plan) string {
	var b strings.Builder
	for _, o := range plan.Obstacles {
		fmt.Fprintf(&b, "\n! %s %s", o.Kind, o.What)
	}
	for _, s := range plan.Steps {
		fmt.Fprintf(&b, "\n%s: %s\n  %s", s.Reason, s.Title(), strings.Join(s.Lines(), "\n  "))
	}
	return b.String()
}

// export is everything of the realm that can be set.
func (p *prepared) export() map[string]any {
	p.Helper()
	out := map[string]any{}
	if err := p.Do(p.Context(), "POST /partial-export?exportClients=true&exportGroupsAndRoles=true", nil, &out); err != nil {
		p.Fatal(err)
	}
	for _, part := range []string{"/users/profile", "/localization/ja", "/localization/en", "/users?max=1000", "/events/config"} {
		var v any
		if err := p.Do(p.Context(), "GET "+part, nil, &v); err != nil {
			p.Fatal(err)
		}
		out[part] = v
	}
	withoutPermissionsClient(out)
	return out
}

// withoutPermissionsClient takes out what Keycloak never removes once fine-grained permissions were on: the client that held them, which does
// nothing while they are off.
func withoutPermissionsClient(export map[string]any) {
	const name = "admin-permissions"
	delete(export, "adminPermissionsClient")
	clients, _ := export["clients"].([]any)
	export["clients"] = slices.DeleteFunc(clients, func(c any) bool {
		client, _ := c.(map[string]any)
		return client["clientId"] == name
	})
	roles, _ := export["roles"].(map[string]any)
	ofClients, _ := roles["client"].(map[string]any)
	delete(ofClients, name)
}

// Issue 6: a realm made by hand becomes safe by what the plan says, nothing else changes, and undo makes it what it was.
func TestRealmPlanApplyUndo(t *testing.T) {
	t.Parallel()
	p := byHand(t)
	before := p.export()
	p.apply()
	if again := p.plan(); !again.Empty() {
		t.Errorf("the second plan: %s", show(again))
	}
	p.undo()
	if d := cmp.Diff(before, p.export()); d != "" {
		t.Errorf("after undo:\n%s", d)
	}
}
