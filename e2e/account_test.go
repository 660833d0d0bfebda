package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// Issue 5: people whose accounts are not like the others'. Whatever somebody has, a recovery changes the second factors that it is about and nothing else.
func TestJourneySpecialAccounts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.furnish()
	s.cast()
	part := func(test func(s *site)) func(t *testing.T) { return func(t *testing.T) { test(s.in(t)) } }
	rig.Together(t, map[string]func(t *testing.T){
		"no OTP at all (keycloak#32479)": part(firstAuthenticator),
		"three authenticators":           part(threeAuthenticators),
		"a counting token":               part(countingToken),
		"recovery codes and passkeys":    part(codesAndPasskeys),
		"refused at the last moment":     part(refusedAtTheEnd),
		"refused before the sign-in":     part(refusedAtTheGate),
		"the last recovery code":         part(lastCode),
	})
	t.Run("read-only directory", func(t *testing.T) { directory(s.in(t)) })
	t.Run("directory that is not imported", func(t *testing.T) { notImported(s.in(t)) })
	t.Run("required attribute", func(t *testing.T) { requiredAttribute(s.in(t)) }) // last: the realm is changed
}

// cast adds everybody before any of them begins.
func (s *site) cast() {
	s.t.Helper()
	s.endow(realm.Person{Name: "none", OTPs: []string{}})
	s.endow(realm.Person{Name: "three", OTPs: []string{realm.Secret("a"), realm.Secret("b"), realm.Secret("c")}})
	s.endow(realm.Person{Name: "token", OTPs: []string{}}, counter(realm.Secret("token")))
	s.endow(realm.Person{Name: "disabled", Disabled: true})
	s.endow(realm.Person{Name: "pending", RequiredActions: []string{"UPDATE_PROFILE", "CONFIGURE_TOTP"}})
	s.endow(realm.Person{Name: "codes"}, beside("ABCDEFGHJKMN", "PQRSTUVWXYZ2")...)
	s.endow(realm.Person{Name: "spent", OTPs: []string{}, Codes: []string{"ABCDEFGHJKMN"}})
	for _, name := range []string{"locked", "late", "gap"} {
		s.endow(realm.Person{Name: name})
	}
	var clients []struct{ ID string }
	s.keycloak("GET /clients?clientId="+s.campus.AdminClient, nil, &clients)
	var machine struct{ ID, Username string }
	s.keycloak("GET /clients/"+clients[0].ID+"/service-account-user", nil, &machine)
	s.campus.Users[machine.Username] = machine.ID
}

// keycloak#32479: somebody without an authenticator cannot get one at Keycloak by the password alone, and gets the first one here, with proof.
func firstAuthenticator(s *site) {
	if b := rig.NewBrowser(s.t); s.portal().SignIn(b, "none", nil).Signed || b.Page() == "login-login-config-totp" {
		s.t.Errorf("the password alone leads to %s", b.Describe())
	}
	before := s.rest("none")
	phone := s.hand("none").recovers()
	s.unchanged("none", before)
	s.mustHave("none")
	if !s.opensPortal("none", phone) {
		s.t.Error("the first authenticator does not open the portal")
	}
}

// WB-02, keycloak#8753: of several authenticators none is left.
func threeAuthenticators(s *site) {
	if n := len(s.factors("three")); n != 3 {
		s.t.Fatalf("%d authenticators before", n)
	}
	before := s.rest("three")
	phone := s.hand("three").recovers()
	s.unchanged("three", before)
	s.mustHave("three")
	if !s.opensPortal("three", phone) {
		s.t.Error("the new code does not open the portal")
	}
	for _, old := range []string{"a", "b", "c"} {
		if s.opensPortal("three", rig.NewPhone(s.t, realm.Secret(old))) {
			s.t.Error("an old code opens the portal")
		}
	}
}

// A token that counts its uses is an authenticator like any other: it works before and is removed.
func countingToken(s *site) {
	token := rig.NewToken(s.t, realm.Secret("token"))
	if !s.opensPortal("token", token) {
		s.t.Fatal("the token does not open the portal before")
	}
	before := s.rest("token")
	phone := s.hand("token").recovers()
	s.unchanged("token", before)
	s.mustHave("token")
	if !s.opensPortal("token", phone) || s.opensPortal("token", token) {
		s.t.Error("the new code does not open the portal, or the token does")
	}
}

// Recovery codes and passkeys are not what was lost: they stay as they are.
func codesAndPasskeys(s *site) {
	stay := s.factors("codes", "recovery-authn-codes", "webauthn", "webauthn-passwordless")
	if len(stay) != 3 {
		s.t.Fatalf("beside the authenticator: %v", stay)
	}
	before := s.rest("codes")
	phone := s.hand("codes").recovers()
	s.unchanged("codes", before)
	s.mustHave("codes", stay...)
	s.mustHaveOnly("codes", phone)
}

// WB-08, OIDC-19: who is switched off, held for wrong passwords, or has something pending is not let in, nor is a service account. Nothing about
// them changes; the hold goes on.
func refusedAtTheGate(s *site) {
	machine := "service-account-" + s.campus.AdminClient
	for name, code := range map[string]string{"disabled": "disabled", "locked": "locked", "pending": "pending_action", machine: "gone"} {
		before, factors := s.rest(name), s.factors(name)
		var held lockState
		if name == "locked" {
			if err := s.campus.Lock(s.t.Context(), name); err != nil {
				s.t.Fatal(err)
			}
			held = s.lock(name)
		}
		h := s.hand(name).sendID()
		s.refused(name, code)
		h.Follow("")
		if h.Page() != "login-login" {
			s.t.Errorf("%s sees %s, want what everybody sees", name, h.Describe())
		}
		h.Submit("username", name, "password", realm.Password(name)).Follow("") // not typePassword, which waits for the gate
		if h.sees("What will happen") || s.gateOpen(name) {
			s.t.Errorf("%s is let in: %s", name, h.Describe())
		}
		s.unchanged(name, before)
		s.stillHas(name, factors)
		if now := s.lock(name); name == "locked" && (!now.Disabled || now.Until < held.Until || now.Failures < held.Failures) {
			s.t.Errorf("held as %+v, then %+v", held, now)
		}
	}
}

// Whoever signs in with the last recovery code, and leaves the page that makes new ones, has nothing left, and an action pending that the password alone could
// answer (TestRealmAttackSpentRecoveryCodes). So nobody is let in, nothing changes, and when an administrator has removed the action the person recovers.
func lastCode(s *site) {
	s.spends("spent", "ABCDEFGHJKMN")
	before := s.rest("spent")
	s.mustBeShut("spent")
	s.refused("spent", "pending_action")
	s.unchanged("spent", before)
	s.stillHas("spent", nil)
	s.keycloak("PUT "+s.path("spent"), map[string]any{"requiredActions": []string{}}, nil)
	before = s.rest("spent")
	phone := s.hand("spent").recovers()
	s.unchanged("spent", before)
	if !s.opensPortal("spent", phone) {
		s.t.Error("the new code does not open the portal")
	}
}

// spends signs in with somebody's last recovery code, and leaves the page that makes new ones.
func (s *site) spends(name, code string) {
	s.t.Helper()
	if b := s.typesCode(s.portal(), name, code); b.Page() != codesPage || len(s.factors(name)) > 0 {
		s.t.Fatalf("after the last code: %s, left %v", b.Describe(), s.factors(name))
	}
}

// lockState is what Keycloak tells of a hold for wrong passwords.
type lockState struct {
	Disabled bool  `json:"disabled"`
	Failures int   `json:"numFailures"`
	Until    int64 `json:"failedLoginNotBefore"`
}

func (s *site) lock(name string) (l lockState) {
	s.t.Helper()
	s.keycloak("GET /attack-detection/brute-force"+s.path(name), nil, &l)
	return l
}

// refused waits until the trail says that somebody's gate stayed shut, and why. Of nobody it has no id.
func (s *site) refused(name, code string) {
	s.t.Helper()
	rig.Eventually(s.t, name+" is refused with "+code, func() bool {
		return s.trailHas(func(e auditEvent) bool {
			return e.Event == "signin.started" && e.Code == code && (e.Target == s.campus.Users[name] || code == "gone")
		})
	})
}

// auditEvent is a line of the trail, as far as it matters here.
type auditEvent struct {
	Event, Target, Code string
	Detail              map[string]string
	Removed             []string
}

// trailHas reports whether the trail holds such an event.
func (s *site) trailHas(match func(auditEvent) bool) bool {
	s.t.Helper()
	trail, err := os.ReadFile(s.bridge.Audit)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range bytes.Lines(trail) {
		var e auditEvent
		if json.Unmarshal(line, &e) == nil && match(e) {
			return true
		}
	}
	return false
}

// WB-08, SWAP-07: who is held or switched off while the key is on the screen gets nothing written. A hold is left as it is and ends nothing.
func refusedAtTheEnd(s *site) {
	before, factors := s.rest("late"), s.factors("late")
	h := s.hand("late").ask()
	h.prove(h.link(1))
	phone := h.scan()
	if err := s.campus.Lock(s.t.Context(), "late"); err != nil {
		s.t.Fatal(err)
	}
	h.SubmitTo("/enrol", "code", phone.Code(), "label", "").Follow("")
	h.see("Your account is locked for now")
	if !s.lock("late").Disabled {
		s.t.Error("the hold was ended")
	}
	s.unchanged("late", before)
	s.stillHas("late", factors)
	if err := s.campus.Unlock(s.t.Context(), "late"); err != nil {
		s.t.Fatal(err)
	}
	var user map[string]any
	s.keycloak("GET "+s.path("late"), nil, &user)
	user["enabled"] = false
	s.keycloak("PUT "+s.path("late"), user, nil)
	h.Get(s.bridge.URL + "/enrol").Follow("")
	h.see("Your account is switched off")
	s.stillHas("late", factors)
}

// Somebody from a directory that Keycloak may only read: the password stays there, the second factor is Keycloak's. The directory is not touched.
func directory(s *site) {
	ldap := rig.NewDirectory(s.t, "lena")
	ldap.Federate(s.campus.Realm, false, "lena")
	s.keycloak("PUT "+s.path("lena"), map[string]any{"credentials": []any{counter(realm.Secret("lena"))}}, nil)
	token := rig.NewToken(s.t, realm.Secret("lena"))
	if !s.opensPortal("lena", token) {
		s.t.Fatal("the old authenticator does not work")
	}
	before, entries := s.rest("lena"), ldap.Text()
	phone := s.hand("lena").recovers()
	s.unchanged("lena", before)
	if ldap.Text() != entries {
		s.t.Errorf("the directory was\n%s\nand is\n%s", entries, ldap.Text())
	}
	s.mustHave("lena")
	if !s.opensPortal("lena", phone) || s.opensPortal("lena", token) {
		s.t.Error("the new code does not open the portal, or the old one does")
	}
}

// Somebody of a directory that Keycloak does not import: it has the second factor, and puts the person into no group, so that no gate opens. Nothing is written.
func notImported(s *site) {
	ldap := rig.NewDirectory(s.t, "lars")
	ldap.Federate(s.campus.Realm, true, "lars")
	s.keycloak("PUT "+s.path("lars"), map[string]any{"credentials": []any{counter(realm.Secret("lars"))}}, nil)
	factors, entries := s.factors("lars"), ldap.Text() // all that there is: the rest Keycloak makes up at each look
	s.mustBeShut("lars")
	s.refused("lars", "not_allowed")
	s.bridge.MustHaveLogged(s.t, "a directory that is not imported")
	s.stillHas("lars", factors)
	if ldap.Text() != entries {
		s.t.Errorf("the directory was\n%s\nand is\n%s", entries, ldap.Text())
	}
	if !s.opensPortal("lars", rig.NewToken(s.t, realm.Secret("lars"))) {
		s.t.Error("the old authenticator does not work")
	}
}

// SWAP-07: the user profile asks administrators for something that the account does not have. Nothing is written, and whoever has to mend it
// reads what.
func requiredAttribute(s *site) {
	before, factors := s.rest("gap"), s.factors("gap")
	for _, name := range []string{"costCentre", "building"} {
		s.attribute(map[string]any{"name": name, "required": map[string]any{"roles": []string{"admin"}}})
	}
	h := s.hand("gap").ask()
	h.prove(h.link(1)).enrol()
	h.see("Your account does not accept a new authenticator app at present.")
	s.attends("refused_by_account")
	for _, field := range []string{"costCentre", "building"} {
		s.admin(0, []string{field}, "show", "gap")
		if !s.trailHas(func(e auditEvent) bool {
			return e.Event == "swap.refused" && strings.Contains(e.Detail["field"], field)
		}) {
			s.t.Errorf("the trail does not name %s", field)
		}
		s.bridge.MustHaveLogged(s.t, field)
	}
	s.unchanged("gap", before)
	s.stillHas("gap", factors)
	if !s.opensPortal("gap", rig.NewPhone(s.t, realm.Secret("gap"))) {
		s.t.Error("the old authenticator does not work")
	}
}
