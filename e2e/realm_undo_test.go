package e2e_test

import (
	"slices"
	"testing"

	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
)

// used are roles, groups, a scope and a flow that apply made and that others use since, by who does.
func (p *patient) used(t *testing.T) (kept []safe.Change, by []string) {
	t.Helper()
	made := func(kind safe.Kind, name, user string) {
		c := safe.Change{Kind: kind, Name: name, Will: []byte("true")}
		if kind == safe.KindFlow {
			c.Will = []byte(`{"alias":"` + name + `"}`)
		}
		p.does(t, c)
		kept, by = append(kept, c), append(by, c.Title()+": "+user)
	}
	made(safe.KindRole, "of a person", "user alice")
	made(safe.KindRole, "of a group", "group /"+realm.Recoverable)
	made(safe.KindRole, "inside", "role "+realm.OperatorRole)
	made(safe.KindRole, "around", "role "+realm.OperatorRole)
	made(safe.KindRole, "of-a-flow", "flow of somebody")
	made(safe.KindScope, "of-a-flow", "flow of somebody")
	made(safe.KindGroup, "/people", "user alice")
	made(safe.KindGroup, "/above", "group /above/students")
	made(safe.KindGroup, "/granted", "role "+realm.OperatorRole)
	made(safe.KindGroup, "/noted", "cost centre")
	made(safe.KindFlow, "of-a-client", "client portal")
	role := func(name string) object {
		var r object
		p.must(t, "GET /roles/"+name, nil, &r)
		return r
	}
	group := func(name string) string {
		var g object
		p.must(t, "GET /group-by-path/"+name, nil, &g)
		return "/groups/" + idOf(g)
	}
	p.make(t, flows.Shape{Lines: "+gate CONDITIONAL\n  conditional-user-role DISABLED condUserRole=of-a-flow negate=true\n" +
		"  conditional-client-scope REQUIRED client_scope=of-a-flow negate=true\n  deny-access-authenticator REQUIRED"}, "of somebody")
	theirs := role(realm.OperatorRole)
	p.must(t, "POST /users/"+p.Users["alice"]+"/role-mappings/realm", []object{role("of%20a%20person")}, nil)
	p.must(t, "POST /groups/"+p.Allowed+"/role-mappings/realm", []object{role("of%20a%20group")}, nil)
	p.must(t, "POST /roles/"+realm.OperatorRole+"/composites", []object{role("inside")}, nil)
	p.must(t, "POST /roles/around/composites", []object{theirs}, nil)
	p.must(t, "PUT /users/"+p.Users["alice"]+group("people"), object{}, nil)
	p.must(t, "POST "+group("above")+"/children", object{"name": "students"}, nil)
	p.must(t, "POST "+group("granted")+"/role-mappings/realm", []object{theirs}, nil)
	p.must(t, "PUT "+group("noted"), object{"name": "noted", "attributes": object{"cost centre": []string{"7"}}}, nil)
	p.override(t, "portal", p.flow(t, "of-a-client"))
	return kept, by
}

// does makes changes, none of which may be left out.
func (p *patient) does(t *testing.T, changes ...safe.Change) {
	t.Helper()
	if kept := p.keeps(t, changes...); len(kept) > 0 {
		t.Fatalf("left out: %s", kept[0])
	}
}

// keeps makes changes and returns those that were left out, with what uses them.
func (p *patient) keeps(t *testing.T, changes ...safe.Change) (kept []string) {
	t.Helper()
	run := safe.Run{
		Caller: p, Wanted: wanted(p.Realm), Note: func(safe.Change) error { return nil }, Made: func(safe.Change) {},
		Kept: func(c, by safe.Change) { kept = append(kept, c.Title()+": "+by.Title()) },
	}
	if err := run.Do(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	return kept
}

// Issue 6: undo loses nothing that an administrator did since, or before.
func TestRealmUndoLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.keepsWhatIsInUse(t)
	p.keepsValues(t)
	p.keepsSecrets(t)
}

// keepsWhatIsInUse: no role and no group of ours goes that somebody uses since, in whatever way, with the subgroups, roles and notes that hang on it;
// nor a role or a client scope that a flow of somebody's names, a copy of ours: without the scope it would ask nobody for a second factor. Each is told
// with what uses it; what nobody uses goes.
func (p *patient) keepsWhatIsInUse(t *testing.T) {
	t.Helper()
	used, by := p.used(t)
	free := []safe.Change{{Kind: safe.KindRole, Name: "idle", Will: []byte("true")}, {Kind: safe.KindGroup, Name: "/idle", Will: []byte("true")},
		{Kind: safe.KindScope, Name: "idle", Will: []byte("true")}}
	p.does(t, free...)
	var back []safe.Change
	for _, c := range slices.Concat(used, free) {
		c.Was, c.Will = c.Will, nil
		back = append(back, c)
	}
	if kept := p.keeps(t, back...); !slices.Equal(kept, by) {
		t.Errorf("left as it is: %q, want %q", kept, by)
	}
}

// keepsValues: what people have in an attribute that goes out of the user profile stays in Keycloak, whoever
// writes the person meanwhile, and is back with it.
func (p *patient) keepsValues(t *testing.T) {
	t.Helper()
	attribute := safe.Change{Kind: safe.KindProfile, Name: "marks", Will: []byte(`{"name":"marks","permissions":{"view":["admin"],"edit":["admin"]}}`)}
	p.does(t, attribute)
	var alice object
	p.must(t, "GET /users/"+p.Users["alice"], nil, &alice)
	attributes, _ := alice["attributes"].(object)
	attributes["marks"] = []string{"7"}
	p.must(t, "PUT /users/"+p.Users["alice"], alice, nil)
	p.does(t, safe.Change{Kind: safe.KindProfile, Name: "marks", Was: attribute.Will})
	p.must(t, "GET /users/"+p.Users["alice"], nil, &alice)
	alice["lastName"] = "Written-Meanwhile"
	p.must(t, "PUT /users/"+p.Users["alice"], alice, nil)
	p.does(t, attribute)
	p.must(t, "GET /users/"+p.Users["alice"], nil, &alice)
	attributes, _ = alice["attributes"].(object)
	if values, _ := attributes["marks"].([]any); !slices.Equal(values, []any{"7"}) {
		t.Errorf("alice has %v", attributes)
	}
}

// keepsSecrets: a client that proves itself by a secret keeps it: undo could not bring it back. The plan says so, and changes nothing.
func (p *patient) keepsSecrets(t *testing.T) {
	t.Helper()
	w := wanted(p.Realm)
	w.LoginSecret = "of somebody else"
	s, err := safe.Read(t.Context(), p, w)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Plan(w).Obstacles; !slices.Equal(got, []safe.Obstacle{{Kind: safe.ObstacleSecret, What: realm.LoginClient}}) {
		t.Errorf("in the way: %+v", got)
	}
}
