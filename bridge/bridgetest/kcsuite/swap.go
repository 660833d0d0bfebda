package kcsuite

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
)

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

func secretOf(raw []byte) bridge.Secret { return bridge.Secret(base32Text.EncodeToString(raw)) }

func freshSecret() bridge.Secret {
	raw := make([]byte, 20)
	_, _ = rand.Read(raw)
	return secretOf(raw)
}

// newCredential is a credential as a swap writes it.
func (w *world) newCredential(p bridge.OTPPolicy, secret bridge.Secret) bridge.NewCredential {
	return bridge.NewCredential{
		ID: bridge.NewUUID(), Label: "New phone " + bridge.NewReference(), Secret: secret, OTP: p, CreatedMillis: w.facts.Now().UnixMilli(),
	}
}

func plainPolicy() bridge.OTPPolicy {
	return bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}
}

// swap drives a swap to its end, every call twice. SWAP-04
func (w *world) swap(t *testing.T, person string, s bridge.Swap) {
	t.Helper()
	const most = 20
	for range most {
		seen, err := w.client.Credentials(t.Context(), person)
		must(t, err)
		a := bridge.NextAction(s, seen)
		for range 2 {
			if err := w.client.Do(t.Context(), person, a); err != nil {
				t.Fatalf("%s: %v", a.Kind, err)
			}
		}
		s.SessionsEnded = s.SessionsEnded || a.Kind == bridge.ActionEndSessions
		if a.Kind == bridge.ActionFinish {
			return
		}
	}
	t.Fatalf("the swap did not end after %d actions", most)
}

// From any number of authenticators a swap leaves exactly the new one, right behind the password; nothing else of the person changes; the
// new code signs in and the old one does not. WB-01, WB-02, WB-04
func swaps(t *testing.T, w *world) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX"
	three := []OTP{{Label: "one", Secret: secret + "A"}, {Label: "二", Secret: secret + "B"}, {Label: "three", Secret: secret + "C"}}
	for name, otps := range map[string][]OTP{
		"none": nil, "one": three[:1], "three": three, "counter-based": {{Label: "token", Secret: secret + "D", HOTP: true}},
	} {
		t.Run(name, func(t *testing.T) { w.swapFrom(t, otps) })
	}
}

func (w *world) swapFrom(t *testing.T, otps []OTP) {
	t.Helper()
	w.SetAttribute(t, Attribute{Name: "kcsuiteAdmin", EditBy: []string{"admin"}})
	id, name := w.person(t, Person{
		OTPs: otps, Email: bridge.NewReference() + "@example.net", Attributes: map[string][]string{"kcsuiteAdmin": {"kept"}, "unmanaged": {"a", "b"}},
	})
	before := w.User(t, id)
	s := bridge.Swap{New: w.newCredential(plainPolicy(), freshSecret())}
	s.New.Label = strings.Repeat("𝒳", 100) + " 2026-11-24 7Q4M" // the longest that we make, of signs that take the most room (ENR-13)
	for _, c := range w.account(t, id).OTPs() {
		s.Remove = append(s.Remove, c.ID)
	}
	w.swap(t, id, s)

	a := w.account(t, id)
	if len(a.Credentials) != 2 || a.Credentials[0].Type != bridge.TypePassword || a.Credentials[1].ID != s.New.ID {
		t.Errorf("credentials %+v, want the password and the new authenticator", a.Credentials)
	} else if c := a.Credentials[1]; c.Label != s.New.Label || c.HOTP || c.Created.UnixMilli() != s.New.CreatedMillis {
		t.Errorf("new authenticator %+v, want label and time as written", c)
	}
	after := w.User(t, id)
	for _, moved := range []string{"totp", "notBefore"} { // what a swap changes rightly
		delete(before, moved)
		delete(after, moved)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the rest of the person changed:\nbefore %v\nafter  %v", before, after)
	}
	if in, at := w.portal(t, name, Password(name), w.codes(t, key(t, s.New.Secret.Reveal()))); !in {
		t.Errorf("the new code does not sign in: %s %q", at.Page(), at.Message())
	}
	if len(otps) > 0 && !otps[0].HOTP { // last: wrong codes may lock the account for a while, and the password page says so
		if in, at := w.portal(t, name, Password(name), w.codes(t, key(t, otps[0].Secret))); in || at.Page() != loginform.PageCode && at.Page() != loginform.PagePassword {
			t.Errorf("the old code: signed in %v, page %q, want it refused", in, at.Page())
		}
	}
}

// Every policy that a realm can have is read, written and signs in, with keys that hold every byte from 00 to FF. ENR-02, WB-03
func policies(t *testing.T, w *world) {
	const size = 22 // bytes of a key: twelve of them hold all 256
	t.Cleanup(func() { w.SetRealm(t, otpFields(plainPolicy())) })
	next := 0
	for _, algorithm := range []string{"SHA1", "SHA256", "SHA512"} {
		for _, digits := range []int{6, 8} {
			for _, period := range []int{30, 60} {
				raw := make([]byte, size)
				for i := range raw {
					raw[i] = byte(next)
					next++
				}
				p := bridge.OTPPolicy{Algorithm: algorithm, Digits: digits, Period: period}
				t.Run(fmt.Sprintf("%s-%d-%d", algorithm, digits, period), func(t *testing.T) { w.policy(t, p, secretOf(raw)) })
			}
		}
	}
}

// otpFields is the whole policy: Keycloak forgets what a change of one of its fields leaves out.
func otpFields(p bridge.OTPPolicy) map[string]any {
	return map[string]any{
		"otpPolicyType": "totp", "otpPolicyAlgorithm": "Hmac" + p.Algorithm, "otpPolicyDigits": p.Digits, "otpPolicyPeriod": p.Period,
	}
}

func (w *world) policy(t *testing.T, p bridge.OTPPolicy, secret bridge.Secret) {
	t.Helper()
	w.SetRealm(t, otpFields(p))
	w.renew(t)
	f, err := w.client.Realm(t.Context())
	must(t, err)
	if f.OTP != p {
		t.Errorf("policy read: %+v, want %+v", f.OTP, p)
	}
	id, name := w.person(t, Person{})
	n := w.newCredential(f.OTP, secret)
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n}))
	k := phone.Key{Algorithm: p.Algorithm, Digits: p.Digits, Period: p.Period}
	k.Secret, err = base32Text.DecodeString(secret.Reveal())
	must(t, err)
	if in, at := w.portal(t, name, Password(name), w.codes(t, k)); !in {
		t.Errorf("the code does not sign in: %s %q", at.Page(), at.Message())
	}
}

// A clash of labels and a clash of ids share one answer; we tell them apart, and the same id again is no clash. SWAP-04
func clashes(t *testing.T, w *world) {
	id, _ := w.person(t, Person{OTPs: oldPhone()})
	other, _ := w.person(t, Person{OTPs: oldPhone()})
	foreign := w.account(t, other).OTPs()[0].ID
	mine := w.account(t, id).OTPs()[0].ID
	for _, tc := range []struct {
		name, credential, label, field string
		refused                        bool
	}{
		{"label", bridge.NewUUID(), " OLD phone ", "userLabel", true},
		{"id of somebody else", foreign, "fine", "", true},
		{"own id again", mine, "another label", "", false},
	} {
		n := w.newCredential(plainPolicy(), freshSecret())
		n.ID, n.Label = tc.credential, tc.label
		err := w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n})
		e, refused := errors.AsType[*bridge.Error](err)
		if refused != tc.refused || (refused && (e.Code != bridge.CodeRefusedByAccount || e.Field != tc.field)) {
			t.Errorf("%s: %v, want refused %v, for %q", tc.name, err, tc.refused, tc.field)
		}
	}
	for _, person := range []string{id, other} {
		if got := w.account(t, person).OTPs(); len(got) != 1 || got[0].Label != "old phone" {
			t.Errorf("after the clashes: %+v, want what was there", got)
		}
	}
}

// What Keycloak would store and choke on, or take for a password, never leaves us. WB-04, ENR-02
func traps(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	good := w.newCredential(plainPolicy(), freshSecret())
	for trap, spoil := range map[string]func(*bridge.NewCredential){
		"algorithm as Keycloak writes it": func(n *bridge.NewCredential) { n.OTP.Algorithm = "HmacSHA1" },
		"unknown algorithm":               func(n *bridge.NewCredential) { n.OTP.Algorithm = "MD5" },
		"seven digits":                    func(n *bridge.NewCredential) { n.OTP.Digits = 7 },
		"no period":                       func(n *bridge.NewCredential) { n.OTP.Period = 0 },
		"lower case":                      func(n *bridge.NewCredential) { n.Secret = "jbswy3dpehpk3pxp" },
		"padding":                         func(n *bridge.NewCredential) { n.Secret = "JBSWY3DP====" },
		"no secret":                       func(n *bridge.NewCredential) { n.Secret = "" },
		"no id":                           func(n *bridge.NewCredential) { n.ID = "" },
		"no label":                        func(n *bridge.NewCredential) { n.Label = "" },
		"no time":                         func(n *bridge.NewCredential) { n.CreatedMillis = 0 },
	} {
		n := good
		spoil(&n)
		if err := w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n}); err == nil {
			t.Errorf("%s: accepted", trap)
		}
	}
	wantCode(t, "nothing to add", w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd}), bridge.CodeInternal)
	wantCode(t, "unknown action", w.client.Do(t.Context(), id, bridge.Action{Kind: "burn"}), bridge.CodeInternal)
	if got := w.account(t, id).Credentials; len(got) != 2 {
		t.Errorf("credentials %+v, want those that were there", got)
	}
	if in, at := w.portal(t, name, Password(name), w.codes(t, key(t, oldPhone()[0].Secret))); !in {
		t.Errorf("password and old code no longer sign in: %s %q", at.Page(), at.Message())
	}
}

// A profile that the realm finds faulty refuses the credential for good, and the field is named. SWAP-07
func profileFault(t *testing.T, w *world) {
	id, _ := w.person(t, Person{OTPs: oldPhone()})
	w.SetAttribute(t, Attribute{Name: "kcsuiteNeeded", EditBy: []string{"admin"}, RequiredOf: []string{"admin"}})
	t.Cleanup(func() { w.SetAttribute(t, Attribute{Name: "kcsuiteNeeded", EditBy: []string{"admin"}}) })
	n := w.newCredential(plainPolicy(), freshSecret())
	err := w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n})
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.Code != bridge.CodeRefusedByAccount || e.Field != "kcsuiteNeeded" {
		t.Errorf("add: %v, want a refusal that names kcsuiteNeeded", err)
	}
	if got := w.account(t, id).OTPs(); len(got) != 1 {
		t.Errorf("authenticators %+v, want the old one", got)
	}
}

// What is gone already is fine; who is gone is not. WB-05
func repeats(t *testing.T, w *world) {
	id, _ := w.person(t, Person{OTPs: oldPhone()})
	outside, _ := w.person(t, Person{Outside: true, OTPs: oldPhone()})
	n := w.newCredential(plainPolicy(), freshSecret())
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAdd, New: &n}))
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionMove, Credential: n.ID}))
	if got := w.account(t, id).Credentials; got[0].ID != n.ID {
		t.Errorf("moved first: %+v", got)
	}
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: bridge.NewUUID()}))
	err := w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionMove, Credential: bridge.NewUUID(), After: n.ID})
	wantCode(t, "move what is gone", err, bridge.CodeKeycloakAway)
	for who, person := range map[string]string{"nobody": bridge.NewUUID(), "out of reach": outside} {
		for _, a := range []bridge.Action{
			{Kind: bridge.ActionAdd, New: &n}, {Kind: bridge.ActionMove, Credential: n.ID}, {Kind: bridge.ActionRemove, Credential: n.ID},
			{Kind: bridge.ActionEndSessions},
		} {
			err := w.client.Do(t.Context(), person, a)
			if code := bridge.CodeOf(err); code != bridge.CodeGone && code != bridge.CodeRefusedByAccount {
				t.Errorf("%s, %s: %v, want a refusal for good", who, a.Kind, err)
			}
		}
	}
}

// Ending the sessions ends the single sign-on, and the account says when. WB-09
func sessions(t *testing.T, w *world) {
	id, name := w.person(t, Person{OTPs: oldPhone()})
	in, b := w.portal(t, name, Password(name), w.codes(t, key(t, oldPhone()[0].Secret)))
	if !in {
		t.Fatalf("no sign-in: %s %q", b.Page(), b.Message())
	}
	again := w.endpoint("auth") + "?" + request(w.facts.Portal, w.facts.PortalRedirect, "openid").Encode()
	must(t, b.Get(t.Context(), again))
	if b.Answer().Get("code") == "" {
		t.Fatalf("no single sign-on: %s", b.Page())
	}
	start := w.facts.Now().Add(-2 * time.Second)
	must(t, w.client.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions}))
	must(t, b.Get(t.Context(), w.endpoint("auth")+"?"+request(w.facts.Portal, w.facts.PortalRedirect, "openid").Encode()))
	if b.Left != "" || b.Page() != "login-login" {
		t.Errorf("after the sessions ended: left for %q, page %q, want the password page", b.Left, b.Page())
	}
	if got := w.account(t, id).NotBefore; got.Before(start) || got.After(w.facts.Now().Add(2*time.Second)) {
		t.Errorf("NotBefore %v, want now", got)
	}
}
