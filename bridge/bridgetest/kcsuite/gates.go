package kcsuite

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// opens reports whether a password-only sign-in works.
func (w *world) opens(t *testing.T, name string) bool {
	t.Helper()
	return w.login(t, name, "openid "+w.facts.Scope, nil, nil).Answer().Get("code") != ""
}

// Several browsers share one open gate; the last lease that goes shuts it, and so does Shut. OIDC-19
func gateOpens(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	g := w.gate(t)
	if w.opens(t, name) {
		t.Fatal("a password-only sign-in works with the gate shut")
	}
	var leases []string
	for range 3 {
		lease, err := g.Open(t.Context(), id)
		must(t, err)
		leases = append(leases, lease)
	}
	if !w.opens(t, name) {
		t.Error("the gate is open, but there is no password-only sign-in")
	}
	for _, lease := range []string{leases[0], leases[0], "unknown", leases[1]} {
		must(t, g.End(t.Context(), id, lease))
	}
	if !w.opens(t, name) {
		t.Error("one lease lives, but the gate is shut")
	}
	for range 2 {
		must(t, g.End(t.Context(), id, leases[2]))
	}
	if w.opens(t, name) {
		t.Error("the last lease was given back, but the gate is open")
	}
	_, err := g.Open(t.Context(), id)
	must(t, err)
	for range 2 {
		must(t, g.Shut(t.Context(), id))
	}
	if w.opens(t, name) {
		t.Error("the gate was shut, but it is open")
	}
}

// Nobody outside the allowed group gets through. WB-07
func gateOutside(t *testing.T, w *world) {
	id, _ := w.person(t, Person{Outside: true})
	g := w.gate(t)
	outside := []string{id, bridge.NewUUID(), "", ".."}
	if w.facts.AnyJoins {
		w.joinsInVain(t, id)
		outside = outside[1:]
	}
	for _, person := range outside {
		_, err := g.Open(t.Context(), person)
		wantCode(t, "Open("+person+")", err, bridge.CodeGone)
		if r, err := g.records.Get(t.Context(), person); err == nil && len(r.Leases) > 0 {
			t.Errorf("Open(%s) left a lease", person)
		}
	}
}

// joinsInVain opens the gate for an outsider, who is one still, and out again.
func (w *world) joinsInVain(t *testing.T, id string) {
	t.Helper()
	g := w.gate(t)
	_, err := w.client.ByID(t.Context(), id)
	wantCode(t, "an outsider's account", err, bridge.CodeGone)
	_, err = g.Open(t.Context(), id)
	must(t, err)
	if a := w.account(t, id); slices.Contains(a.Groups, w.facts.Config.AllowedGroup) {
		t.Errorf("groups %q", a.Groups)
	}
	must(t, g.Shut(t.Context(), id))
	_, err = w.client.ByID(t.Context(), id)
	wantCode(t, "an outsider's account", err, bridge.CodeGone)
}

// What a crash left open is found in the group; a lease that lives is left alone. OIDC-19
func gateSweep(t *testing.T, w *world) {
	left, leftName := w.person(t, Person{OTPs: oldPhone()})
	live, liveName := w.person(t, Person{OTPs: oldPhone()})
	_, err := w.gate(t).Open(t.Context(), left) // by somebody whose store is lost
	must(t, err)
	g := w.gate(t)
	_, err = g.Open(t.Context(), live)
	must(t, err)
	must(t, g.Sweep(t.Context()))
	if w.opens(t, leftName) {
		t.Error("the gate that nobody holds is still open")
	}
	if !w.opens(t, liveName) {
		t.Error("the gate with a lease was shut")
	}
	later := func() time.Time { return w.facts.Now().Add(4 * time.Minute) }
	must(t, w.gateAt(t, later, g.records).Expire(t.Context(), live))
	if w.opens(t, liveName) {
		t.Error("the lease is over, but the gate is open")
	}
}

// watch is a watch that was told of alarms.
func (w *world) watch(g gate) *keycloak.Watch {
	return keycloak.NewWatch(keycloak.WatchConfig{Gate: g.RealmGate})
}

// The first sign-in at our client shuts the gate, delivered or not; a full sign-in of somebody else harms nobody. OIDC-21
func watchSignIn(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	_, operator := w.person(t, Person{OTPs: oldPhone()})
	g := w.gate(t)
	watch := w.watch(g)
	must(t, watch.Poll(t.Context()))
	_, err := g.Open(t.Context(), id)
	must(t, err)
	full := w.login(t, operator, "openid", url.Values{"prompt": {"login"}}, w.codes(t, key(t, oldPhone()[0].Secret)))
	if full.Answer().Get("code") == "" {
		t.Fatalf("no full sign-in: %s %q", full.Page(), full.Message())
	}
	must(t, watch.Poll(t.Context()))
	if r, _ := g.records.Get(t.Context(), id); len(r.Leases) != 1 {
		t.Fatal("somebody else's sign-in shut the gate")
	}
	if !w.opens(t, name) {
		t.Fatal("no password-only sign-in")
	}
	must(t, watch.Poll(t.Context()))
	if w.opens(t, name) {
		t.Error("the gate is open after the first sign-in")
	}
	_, err = g.Open(t.Context(), id)
	must(t, err)
	must(t, watch.Poll(t.Context()))
	if r, _ := g.records.Get(t.Context(), id); len(r.Leases) != 1 {
		t.Error("a sign-in of before shut the gate that was opened after it")
	}
	if alarms := g.audit.Events("gate.alarm"); len(alarms) > 0 {
		t.Errorf("alarms %+v, want none", alarms)
	}
	must(t, g.Shut(t.Context(), id))
}

// Whoever holds the login client's key could push a change of the account behind the password alone: what was made is removed, the sessions
// end, every gate is shut. OIDC-24
func watchAlarm(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	other, _ := w.person(t, Person{OTPs: oldPhone()})
	g := w.gate(t)
	for _, person := range []string{id, other} {
		_, err := g.Open(t.Context(), person)
		must(t, err)
	}
	b := w.login(t, name, "openid "+w.facts.Scope, url.Values{"kc_action": {"CONFIGURE_TOTP"}}, nil)
	secret := hiddenField(b, "totpSecret")
	if secret == "" {
		t.Fatalf("no page to set up an authenticator: %s %q", b.Page(), b.Message())
	}
	evil := key(t, base32Text.EncodeToString([]byte(secret)))
	must(t, b.Submit(t.Context(), url.Values{"totp": {evil.Code(w.facts.Now())}, "userLabel": {"evil"}}))
	if len(w.account(t, id).OTPs()) != 2 {
		t.Fatalf("the attacker's authenticator was not stored: %s %q", b.Page(), b.Message())
	}
	watch := w.watch(g)
	for range 2 {
		must(t, watch.Poll(t.Context()))
	}
	got := w.account(t, id)
	if otps := got.OTPs(); len(otps) != 1 || otps[0].Label != "old phone" {
		t.Errorf("authenticators %+v, want the old one alone", otps)
	}
	if got.NotBefore.IsZero() {
		t.Error("the sessions were not ended")
	}
	for _, person := range []string{id, other} {
		if r, err := g.records.Get(t.Context(), person); err != nil || len(r.Leases) > 0 {
			t.Errorf("leases %+v, %v, want every gate shut", r.Leases, err)
		}
	}
	alarms := g.audit.Events("gate.alarm")
	if !slices.ContainsFunc(alarms, func(e bridge.AuditEvent) bool { return e.Target == id && len(e.Removed) == 1 }) {
		t.Errorf("alarms %+v, want one with the credential that was removed", alarms)
	}
	must(t, w.watch(g).Poll(t.Context())) // another replica
	if again := g.audit.Events("gate.alarm"); len(again) != len(alarms) {
		t.Errorf("%d alarms after another replica saw the events, want %d", len(again), len(alarms))
	}
}
