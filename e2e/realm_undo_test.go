package e2e_test

import (
	"slices"
	"testing"

	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/bridgetest/realm"
	safe "otpbridge/bridge/realm"
)

// used are roles, groups and a scope that apply made and that others use since, by what they are used for.
func (p *patient) used(t *testing.T) (kept []safe.Change) {
	t.Helper()
	made := func(kind safe.Kind, name string) safe.Change {
		c := safe.Change{Kind: kind, Name: name, Will: []byte("true")}
		kept = append(kept, c)
		return c
	}
	p.does(t, made(safe.KindRole, "of a person"), made(safe.KindRole, "of a group"), made(safe.KindRole, "inside"), made(safe.KindRole, "around"),
		made(safe.KindRole, "of-a-flow"), made(safe.KindScope, "of-a-flow"), made(safe.KindGroup, "/people"), made(safe.KindGroup, "/above"), made(safe.KindGroup, "/granted"), made(safe.KindGroup, "/noted"))
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
	return kept
}

// does makes changes, none of which may be left out.
func (p *patient) does(t *testing.T, changes ...safe.Change) {
	t.Helper()
	if kept := p.keeps(t, changes...); len(kept) > 0 {
		t.Fatalf("left out: %s", kept[0].Title())
	}
}

// keeps makes changes and returns those that were left out.
func (p *patient) keeps(t *testing.T, changes ...safe.Change) (kept []safe.Change) {
	t.Helper()
	run := safe.Run{
		Caller: p, Wanted: wanted(p.Realm), Note: func(safe.Change) error { return nil }, Made: func(safe.Change) {},
		Kept: func(c safe.Change) { kept = append(kept, c) },
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
// nor a role or a client scope that a flow of somebody's names, a copy of ours: without the scope it would ask nobody for a second factor. What nobody uses
// goes.
func (p *patient) keepsWhatIsInUse(t *testing.T) {
	t.Helper()
	used := p.used(t)
	free := []safe.Change{{Kind: safe.KindRole, Name: "idle", Will: []byte("true")}, {Kind: safe.KindGroup, Name: "/idle", Will: []byte("true")},
		{Kind: safe.KindScope, Name: "idle", Will: []byte("true")}}
	p.does(t, free...)
	var back []safe.Change
	for _, c := range slices.Concat(used, free) {
		c.Was, c.Will = c.Will, nil
		back = append(back, c)
	}
	var kept []string
	for _, c := range p.keeps(t, back...) {
		kept = append(kept, c.Title())
	}
	for _, c := range used {
		if !slices.Contains(kept, c.Title()) {
			t.Errorf("%s was taken away", c.Title())
		}
	}
	if len(kept) != len(used) {
		t.Errorf("left as it is: %q", kept)
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
