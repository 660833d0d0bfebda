package e2e_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/doctor"
	"otpbridge/bridge/keycloak"
	safe "otpbridge/bridge/realm"
	"otpbridge/e2e/rig"
)

// patient is a realm under examination. The flows, which are most of what is read, are kept until one of them was changed.
type patient struct {
	*realm.Realm

	mu    sync.Mutex
	known map[string]json.RawMessage
}

// part is the first segment of a call's path.
func part(call string) string {
	_, path, _ := strings.Cut(call, " ")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	first, _, _ = strings.Cut(first, "?")
	return first
}

// Do implements safe.Caller.
func (p *patient) Do(ctx context.Context, call string, body, out any) error {
	if !strings.HasPrefix(call, "GET ") {
		p.mu.Lock()
		for known := range p.known {
			if part(known) != "authentication" || part(call) == "authentication" { // the flows are most of it
				delete(p.known, known)
			}
		}
		p.mu.Unlock()
		return p.Realm.Do(ctx, call, body, out)
	}
	p.mu.Lock()
	text, ok := p.known[call]
	p.mu.Unlock()
	if !ok {
		if err := p.Realm.Do(ctx, call, nil, &text); err != nil {
			return err
		}
		p.mu.Lock()
		p.known[call] = text
		p.mu.Unlock()
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// examine returns what is found, but for what is true of every realm of the tests.
func (p *patient) examine(t *testing.T) (ids []bridge.FindingID) {
	t.Helper()
	a := safe.Asked{Wanted: wanted(p.Realm), Reset: bridge.ResetDesk, Codes: true, EventTypes: keycloak.EventTypes(), Local: true}
	a.ConsoleRoles, a.AdminKeys = []string{realm.OperatorRole}, adminKeys // the only role that the tests' realm has
	read := sync.OnceValue(func() *safe.State { return safe.ReadInUse(t.Context(), p, a.Wanted) })
	state := func(context.Context) (*safe.State, error) { return read(), nil }
	report := doctor.Run(t.Context(), slices.Concat(safe.Checks(state, a), safe.PeopleChecks(p, state, a)), rig.Patience, time.Now)
	for _, r := range report.Unchecked() {
		if r.Check != "gate-role" { // without a gate nothing can be said of its role
			t.Errorf("%s: %v", r.Check, r.Unchecked)
		}
	}
	for _, f := range report.Findings() {
		if f.ID != bridge.FindThemeMissing && f.ID != bridge.FindEventsDetails {
			ids = append(ids, f.ID)
		}
	}
	return slices.Compact(ids)
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	return &patient{Realm: rig.NewRealm(t, realm.Options{}), known: map[string]json.RawMessage{}}
}

// must makes a call that has to work.
func (p *patient) must(t *testing.T, call string, body, out any) {
	t.Helper()
	if err := p.Do(t.Context(), call, body, out); err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any

// fault is a way to break a realm; break returns what mends it.
type fault struct {
	want []bridge.FindingID
	does func(t *testing.T, p *patient) (mend func())
}

// OPS-09, WB-11: the good realm has no finding; each of its breakings has exactly its own, by name, and is gone when it is mended. What is deadly is
// planned for, or named as what people have to mend. FULL=1 breaks it in every way, else in every fourth; without Keycloak each finding has its test in
// bridge/realm: TestEachBrokenRealmHasItsFinding, and those of find_people_test.go for what people hold.
func TestRealmDoctorFindsEveryFault(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	if found := p.examine(t); len(found) > 0 {
		t.Fatalf("of the good realm: %v", found)
	}
	before := p.planned(t)
	faults := slices.Concat(settingFaults(), flowFaults(), clientFaults(), peopleFaults())
	for i, f := range faults {
		if !full() && i%4 != 0 {
			continue // a sample
		}
		mend := f.does(t, p)
		if found := p.examine(t); !slices.Equal(found, f.want) {
			t.Errorf("%s: found %v", f.want, found)
		}
		if bridge.SeverityOf(f.want[0]) == bridge.Deadly && p.planned(t) == before {
			t.Errorf("%s: a plan would call the realm finished", f.want)
		}
		mend()
	}
	if found := p.examine(t); len(found) > 0 {
		t.Errorf("of the mended realm: %v", found)
	}
	if len(faults) < 45 {
		t.Errorf("%d breakings", len(faults))
	}
}

// planned is a plan as people read it, with what they have to mend themselves.
func (p *patient) planned(t *testing.T) string {
	t.Helper()
	s, err := safe.Read(t.Context(), p, wanted(p.Realm))
	if err != nil {
		t.Fatal(err)
	}
	plan := s.Plan(wanted(p.Realm))
	left, err := s.Leftover(t.Context(), p, wanted(p.Realm))
	if err != nil {
		t.Fatal(err)
	}
	plan.Obstacles = append(plan.Obstacles, left...)
	return show(plan)
}

// also says that one change breaks two things: Keycloak's own reset flow replaces OTPs, too.
func (f fault) also(id bridge.FindingID) fault {
	f.want = append(f.want, id)
	return f
}

// setting changes settings of the realm and puts back what was there.
func setting(id bridge.FindingID, change object) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		var before object
		p.must(t, "GET ", nil, &before)
		back := object{}
		for name := range change {
			back[name] = before[name]
		}
		p.must(t, "PUT ", change, nil)
		return func() { p.must(t, "PUT ", back, nil) }
	}}
}

// otp is the whole OTP policy with one change: Keycloak takes it as a whole or not at all.
func otp(name string, value any) object {
	all := object{
		"otpPolicyType": "totp", "otpPolicyAlgorithm": "HmacSHA1", "otpPolicyInitialCounter": 0, "otpPolicyDigits": 6,
		"otpPolicyLookAheadWindow": 1, "otpPolicyPeriod": 30, "otpPolicyCodeReusable": false,
	}
	all[name] = value
	return all
}

func settingFaults() []fault {
	return []fault{
		setting(bridge.FindEventsOff, object{"eventsEnabled": false}),
		setting(bridge.FindEventsTypes, object{"enabledEventTypes": []string{"LOGIN", "LOGIN_ERROR"}}),
		setting(bridge.FindEventsShort, object{"eventsExpiration": 3600}),
		setting(bridge.FindEventsAdmin, object{"adminEventsEnabled": false}),
		setting(bridge.FindGuessingOff, object{"bruteForceProtected": false}),
		setting(bridge.FindGuessingWeak, object{"failureFactor": 100000}),
		setting(bridge.FindGuessingWeak, object{"waitIncrementSeconds": 0}),
		setting(bridge.FindOTPUnserved, otp("otpPolicyType", "hotp")),
		setting(bridge.FindOTPUncommon, otp("otpPolicyAlgorithm", "HmacSHA256")),
		setting(bridge.FindOTPReusable, otp("otpPolicyCodeReusable", true)),
		setting(bridge.FindGrantOpen, object{"directGrantFlow": "browser"}),
		setting(bridge.FindOTPLookAhead, otp("otpPolicyLookAheadWindow", 3)),
		attributes(bridge.FindGrantBasic, "saml-app", "saml.allow.ecp.flow", "true"),
		setting(bridge.FindResetOpen, object{"resetPasswordAllowed": true}).also(bridge.FindResetOTP),
		setting(bridge.FindFlowUnbound, object{"browserFlow": "browser"}),
		levels(`{"pwd":1}`),
		oneLevel(),
		profile(bridge.FindProfileUnmanaged, func(all object) { all["unmanagedAttributePolicy"] = "ENABLED" }),
		profile(bridge.FindProfileAddress, ownAddresses),
		{[]bridge.FindingID{bridge.FindParPolicy}, func(t *testing.T, p *patient) func() {
			t.Helper()
			var before object
			p.must(t, "GET /client-policies/policies", nil, &before)
			p.must(t, "PUT /client-policies/policies", object{"policies": []any{}}, nil)
			return func() { p.must(t, "PUT /client-policies/policies", before, nil) }
		}},
		{[]bridge.FindingID{bridge.FindFlowEnforced}, func(t *testing.T, p *patient) func() {
			t.Helper()
			return enforced(func(call string, body, out any) { p.must(t, call, body, out) })
		}},
	}
}

// levels changes the realm's names of levels.
func levels(becomes string) fault {
	return fault{[]bridge.FindingID{bridge.FindFlowLevel}, func(t *testing.T, p *patient) func() {
		t.Helper()
		var before object
		p.must(t, "GET ", nil, &before)
		attributes, _ := before["attributes"].(object)
		good := attributes["acr.loa.map"]
		put := func(text any) {
			attributes["acr.loa.map"] = text
			p.must(t, "PUT ", object{"attributes": attributes}, nil)
		}
		put(becomes)
		return func() { put(good) }
	}}
}

// oneLevel has the full level be the one that Keycloak gives to a session without a level, in the flow, too (OIDC-12).
func oneLevel() fault {
	f, flow := levels(`{"mfa":1}`), configured(bridge.FindFlowLevel, "conditional-level-of-authentication", "loa-condition-level", "1")
	name := f.does
	f.does = func(t *testing.T, p *patient) func() {
		t.Helper()
		mends := []func(){name(t, p), flow.does(t, p)}
		return func() { mends[0](); mends[1]() }
	}
	return f
}

// ownAddresses lets people edit the address that counts, in a user profile.
func ownAddresses(profile object) {
	list, _ := profile["attributes"].([]any)
	for _, one := range list {
		if a, _ := one.(object); a["name"] == realm.Notification {
			a["permissions"] = object{"view": []string{"admin", "user"}, "edit": []string{"admin", "user"}}
		}
	}
}

// enforced has a client policy put Keycloak's own flow in the place of the realm's at every public client, and the full level on record.
func enforced(do func(call string, body, out any)) (mend func()) {
	const profiles, policies = "/client-policies/profiles", "/client-policies/policies"
	with := func(of object, list string, more object) object {
		all, _ := of[list].([]any)
		return object{list: append(slices.Clone(all), more)}
	}
	var profile, policy object
	do("GET "+profiles, nil, &profile)
	do("GET "+policies, nil, &policy)
	do("PUT "+profiles, with(profile, "profiles", object{"name": "weak", "executors": []object{
		{"executor": "auth-flow-enforcer", "configuration": object{"auth-flow-alias": "browser", "auth-flow-loa": 2}},
	}}), nil)
	do("PUT "+policies, with(policy, "policies", object{"name": "weak", "enabled": true, "profiles": []string{"weak"}, "conditions": []object{
		{"condition": "client-access-type", "configuration": object{"type": []string{"public"}}},
	}}), nil)
	return func() {
		do("PUT "+policies, policy, nil)
		do("PUT "+profiles, profile, nil)
	}
}

// profile changes the user profile.
func profile(id bridge.FindingID, change func(object)) fault {
	return fault{[]bridge.FindingID{id}, func(t *testing.T, p *patient) func() {
		t.Helper()
		var before, after object
		p.must(t, "GET /users/profile", nil, &before)
		p.must(t, "GET /users/profile", nil, &after)
		change(after)
		p.must(t, "PUT /users/profile", after, nil)
		return func() { p.must(t, "PUT /users/profile", before, nil) }
	}}
}
