package campus_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

// What a thief has beside two authenticators.
const (
	stolenCodes   = "33333333-3333-4333-8333-333333333333"
	stolenPasskey = "44444444-4444-4444-8444-444444444444"
	stolenCode    = "ABCDEFGHJKMN"
)

// lockCalls are the calls of a lock that removes two authenticators, recovery codes and a passkey. It looks before each step.
var lockCalls = []calledBy{
	{"token", http.MethodPost, "/realms/campus/protocol/openid-connect/token", 0},
	{"account", http.MethodGet, "/admin/realms/campus/users/*", 0},
	{"policy", http.MethodGet, "/admin/realms/campus", 0},
	{"add", http.MethodPut, "/admin/realms/campus/users/*", 0},
	{"look", http.MethodGet, "/admin/realms/campus/users/*/credentials", 1},
	{"remove", http.MethodDelete, "/admin/realms/campus/users/*/credentials/*", 0},
	{"remove the second", http.MethodDelete, "/admin/realms/campus/users/*/credentials/" + second, 0},
	{"remove the codes", http.MethodDelete, "/admin/realms/campus/users/*/credentials/" + stolenCodes, 0},
	{"remove the passkey", http.MethodDelete, "/admin/realms/campus/users/*/credentials/" + stolenPasskey, 0},
	{"end sessions", http.MethodPost, "/admin/realms/campus/users/*/logout", 0},
	{"last look", http.MethodGet, "/admin/realms/campus/users/*/credentials", 7},
	{"last account", http.MethodGet, "/admin/realms/campus/users/*", 1},
}

// Issue 5, WB-05, WB-13: whatever goes wrong with any call of a lock, the password alone opens nothing at any moment, and what the thief has opens no more
// than what still stands of it; ten seconds after the fault has gone nothing of it opens anything, and the person goes on to a new authenticator. FULL=1 tries
// each fault of each call on both stores.
func TestLockUnderEveryFault(t *testing.T) {
	t.Parallel()
	underEveryFault(t, lockCalls, func(t *testing.T, s *swapper, what string, fault fakekc.Fault) {
		id := s.robbed(t)
		s.seen = func(after string) { s.mustBeShut(t, what+", after "+after, id) }
		r := s.suffers(t, what, bridge.JobLock, fault, func(r bridge.Recovery) bool { return !r.Locking() })
		s.mustBeLocked(t, what, r)
		s.comesBack(t, what, r)
	})
}

// robbed adds somebody whose theft is proven.
func (s *swapper) robbed(t *testing.T) (id string) {
	t.Helper()
	id = s.person()
	s.seen = func(string) {}
	codes := bridge.NewCodes{ID: stolenCodes, Codes: []bridge.Secret{stolenCode}, CreatedMillis: s.now().UnixMilli()}
	s.atLast(t, func() error {
		return s.flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionAddCodes, Codes: &codes})
	})
	s.kc.AddCredential(id, fakekc.Credential{ID: stolenPasskey, Type: "webauthn", Label: "passkey", Data: "{}", SecretData: "{}"})
	if !s.opens(t, oldSecret) || s.kc.Sessions(id) == 0 {
		t.Fatal("the thief is not signed in before")
	}
	var a bridge.Account
	s.atLast(t, func() (err error) {
		a, err = s.flow.Accounts.ByID(t.Context(), id)
		return err
	})
	password, _ := a.Password()
	_, err := s.flow.Recoveries.Update(t.Context(), id, 0, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "R-" + name, Person: id, Username: name, State: bridge.Proven, Way: bridge.WayDesk, Reason: bridge.ReasonStolen,
			Holder: "holder", ProvenAt: s.now(), SignedInAt: s.now(), Expires: s.now().Add(bridge.ProofLife), KeyLife: bridge.ProofLife,
			Snapshot: bridge.Snapshot{
				Addresses: []bridge.Address{{Value: name + "@example.net"}}, PasswordID: password.ID, PasswordCreated: password.Created,
			},
			Key: &bridge.Key{Secret: newSecret},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// mustBeShut wants a second factor to be asked for, and the first authenticator to open no more than it should.
func (s *swapper) mustBeShut(t *testing.T, what, id string) {
	t.Helper()
	s.kc.Unlock(id)
	otps := s.otps(id)
	if len(otps) == 0 {
		t.Errorf("%s: INV-2: no authenticator stands", what)
	}
	if b := s.typed(t); b.Left != "" || b.Page() != loginform.PageCode && b.Page() != loginform.PageRecovery {
		t.Errorf("%s: the password alone leads to %s %s", what, b.Page(), b.Left)
	}
	if len(otps) == 1 && (s.opens(t, oldSecret) || s.opens(t, secondSecret)) {
		t.Errorf("%s: what was stolen opens the portal beside %v", what, otps)
	}
}

// typed is a browser in which the password was typed at the sample application, and nothing else.
func (s *swapper) typed(t *testing.T) *loginform.Browser {
	t.Helper()
	app := &loginform.App{Issuer: s.kc.Issuer, ID: fakekc.ClientPortal, Redirect: portalURL + "/callback"}
	address, err := app.Start(context.Background(), nil)
	b := loginform.New(portalURL)
	if err == nil {
		err = b.SignIn(context.Background(), address, name, name+"-password", nil)
	}
	if err != nil {
		t.Error(err)
	}
	return b
}

// mustBeLocked wants the tombstone alone, nobody signed in, nothing of the thief's that opens anything, and all of it told and on record.
func (s *swapper) mustBeLocked(t *testing.T, what string, r bridge.Recovery) {
	t.Helper()
	var left []string
	for _, c := range s.kc.Credentials(r.Person) {
		if c.Type != bridge.TypePassword {
			left = append(left, c.ID)
		}
	}
	if !r.Locked() || !slices.Equal(left, []string{r.Lock.Tombstone.ID}) || s.kc.Sessions(r.Person) != 0 {
		t.Fatalf("%s: %s %+v, beside the password %v, %d sessions", what, r.State, r.Lock, left, s.kc.Sessions(r.Person))
	}
	s.mustBeShut(t, what, r.Person)
	b := s.typed(t)
	if err := b.Submit(t.Context(), url.Values{"recoveryCodeInput": {stolenCode}}); err != nil || b.Left != "" {
		t.Errorf("%s: a recovery code opens the portal: %v", what, err)
	}
	for _, event := range []string{"lock.intended", "lock.done"} {
		if len(s.trail.Events(event)) == 0 {
			t.Errorf("%s: %s is not on record", what, event)
		}
	}
	if n := s.mails.Load(); n != 1 {
		t.Errorf("%s: %d mails to one address", what, n)
	}
}

// comesBack goes on to the new authenticator, which takes the tombstone away.
func (s *swapper) comesBack(t *testing.T, what string, r bridge.Recovery) {
	t.Helper()
	v := bridge.Viewer{Person: r.Person, Holder: "holder", Recovery: r.ID, SignedInAt: r.SignedInAt}
	if step := bridge.Next(r, true, v, s.now()); step != bridge.StepEnrol {
		t.Errorf("%s: the person is led to %s", what, step)
	}
	s.seen = func(string) {}
	s.begin(t, r.Person)
	if err := s.store.Jobs.Add(t.Context(), bridge.Job{Kind: bridge.JobSwap, ID: r.Person, At: s.now()}); err != nil {
		t.Fatal(err)
	}
	s.wait(t, what, bridge.JobSwap, func(r bridge.Recovery) bool { return r.State == bridge.Done })
	if !s.opens(t, newSecret) || len(s.otps(r.Person)) != 1 {
		t.Errorf("%s: the new authenticator does not open the portal, or the tombstone stays: %s", what, strings.Join(s.otps(r.Person), " "))
	}
}
