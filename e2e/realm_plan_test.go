package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
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
	p.wanted.ConsoleRoles = []string{realm.OperatorRole, "otp-auditor"}
	p.wanted.PolicyGroups = []string{"/" + realm.Recoverable}
	p.wanted.Version = rig.Version(t)
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
		Made: func(safe.Change) {}, Kept: func(c, by safe.Change) { p.Errorf("kept: %s, used by %s", c.Title(), by.Title()) },
	}
}

// undo takes all of it back.
func (p *prepared) undo() {
	p.Helper()
	s, err := safe.Read(p.Context(), p.Realm, p.wanted)
	if err != nil {
		p.Fatal(err)
	}
	undo, kept := s.Undo(p.noted, p.wanted)
	for _, c := range kept {
		if !c.SwitchesPermissionsOff() || !switchStays(p.T) {
			p.Errorf("would stay: %s", c.Title())
		}
	}
	run := p.run(p.Realm)
	run.Note = func(safe.Change) error { return nil }
	if err := run.Do(p.Context(), undo); err != nil {
		p.Fatal(err)
	}
}

// switchStays: undo leaves fine-grained permissions switched on. The first to show its version to somebody who does not manage the whole server is also
// the first at which nobody is harmed.
func switchStays(t *testing.T) bool {
	t.Helper()
	return bridge.ParseRelease(rig.Version(t)).Before(bridge.SwitchRelease)
}

// mustBeAsBefore compares a realm with what it was, after all was undone.
func mustBeAsBefore(t *testing.T, before map[string]any, r *realm.Realm) {
	t.Helper()
	want := maps.Clone(before)
	if switchStays(t) {
		want["adminPermissionsEnabled"] = true
	}
	if d := cmp.Diff(want, export(t, r)); d != "" {
		t.Errorf("after undo:\n%s", d)
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

// export is everything of a realm that can be set, and its people.
func export(t *testing.T, r *realm.Realm) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := r.Do(t.Context(), "POST /partial-export?exportClients=true&exportGroupsAndRoles=true", nil, &out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"/users/profile", "/localization/ja", "/localization/en", "/users?max=1000", "/events/config"} {
		var v any
		if err := r.Do(t.Context(), "GET "+part, nil, &v); err != nil {
			t.Fatal(err)
		}
		out[part] = v
	}
	people, _ := out["/users?max=1000"].([]any)
	for _, p := range people {
		person, _ := p.(map[string]any)
		delete(person, "notBefore") // a recovery ends sessions
	}
	if out["loginTheme"] == "" { // as good as none
		delete(out, "loginTheme")
	}
	withoutPermissionsClient(out)
	clients, _ := out["clients"].([]any)
	for _, c := range clients {
		client, _ := c.(map[string]any)
		for _, scopes := range []string{"defaultClientScopes", "optionalClientScopes"} { // sets, in whatever order
			list, _ := client[scopes].([]any)
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		mappers, _ := client["protocolMappers"].([]any)
		for _, m := range mappers {
			mapper, _ := m.(map[string]any)
			delete(mapper, "id") // one that comes back has another
		}
	}
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

// Issue 6: what is done for a server before 26.7 is done once more after an upgrade, and all of it is undone.
func TestRealmAppliedBeforeAnUpgrade(t *testing.T) {
	t.Parallel()
	p := byHand(t)
	here := p.wanted.Version
	p.wanted.Version = "26.4.0" // newer ones know all that this one does
	before := export(t, p.Realm)
	if err := p.run(p.Realm).Do(p.Context(), p.plan().Changes()); err != nil {
		t.Fatal(err)
	}
	if left := p.plan(); !left.Empty() {
		t.Errorf("left: %s", show(left))
	}
	p.wanted.Version = here
	p.cutOff("/permission/scope/")
	p.cutOff("/policy/")
	p.upgraded(here)
	p.mendsRules()
	p.undo()
	mustBeAsBefore(t, before, p.Realm)
}

// upgraded makes the realm what it has to be on the server that it is on, and wants nothing of former ones to be left.
func (p *prepared) upgraded(version string) {
	p.Helper()
	p.wanted.Version = version
	plan := p.plan()
	if err := p.run(p.Realm).Do(p.Context(), plan.Changes()); err != nil {
		p.Fatal(err)
	}
	s, err := safe.Read(p.Context(), p.Realm, p.wanted)
	if err != nil {
		p.Fatal(err)
	}
	left, coarse := s.Plan(p.wanted), len(s.AccessRules) == 2 && s.Account.Groups != nil
	if !left.Empty() || coarse != plan.Empty() || !coarse && (len(s.AccessRules) != 1 || s.Group(safe.AccountGroup) != nil || len(s.Account.Groups) > 0) {
		p.Errorf("on %s: %+v %+v, left: %s", version, s.AccessRules, s.Account, show(left))
	}
}

// cutting is a caller that is cut off once, after it has removed something.
type cutting struct {
	safe.Caller

	what string
	cut  bool
}

func (c *cutting) Do(ctx context.Context, call string, body, out any) error {
	err := c.Caller.Do(ctx, call, body, out)
	if err == nil && !c.cut && strings.HasPrefix(call, "DELETE ") && strings.Contains(call, c.what) {
		c.cut = true
		return errors.New("cut off")
	}
	return err
}

// cutOff makes changes until the first of a sort was removed, if any is to be.
func (p *prepared) cutOff(what string) {
	p.Helper()
	c, plan := &cutting{Caller: p.Realm, what: what}, p.plan()
	if err := p.run(c).Do(p.Context(), plan.Changes()); (err != nil) != c.cut || !c.cut && !plan.Empty() {
		p.Errorf("cut off in %s: %v, %v of\n%s", what, c.cut, err, show(plan))
	}
}

// mendsRules: a rule that somebody turned round is what it was, and with it every permission that goes by it.
func (p *prepared) mendsRules() {
	p.Helper()
	s, err := safe.Read(p.Context(), p.Realm, p.wanted)
	if err != nil {
		p.Fatal(err)
	}
	for _, rule := range s.AccessRules {
		where := "/clients/" + s.Client("admin-permissions").ID + "/authz/resource-server/policy/" + rule.Type + "/" + rule.ID
		var body map[string]any
		if err = p.Do(p.Context(), "GET "+where, nil, &body); err == nil {
			body["logic"] = "NEGATIVE"
			err = p.Do(p.Context(), "PUT "+where, body, nil)
		}
		if err != nil {
			p.Fatal(err)
		}
	}
	plan, noted := p.plan(), p.noted
	if err := p.run(p.Realm).Do(p.Context(), plan.Changes()); err != nil || len(plan.Steps) != len(s.AccessRules) {
		p.Errorf("%v, planned%s", err, show(plan))
	}
	if left := p.plan(); !left.Empty() {
		p.Errorf("left:%s", show(left))
	}
	p.noted = noted // undo would leave it turned round, as it found it
}
