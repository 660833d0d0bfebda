package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// takesPasskeys lets the realm's browser flow ask for a passkey as one more second factor.
func (s *site) takesPasskeys() {
	s.t.Helper()
	const ways = " /authentication/flows/otpbridge-browser-2fa-ways/executions"
	s.keycloak("POST"+ways+"/execution", map[string]string{"provider": "webauthn-authenticator"}, nil)
	var all []map[string]any
	s.keycloak("GET"+ways, nil, &all)
	last := all[len(all)-1]
	last["requirement"] = "ALTERNATIVE"
	s.keycloak("PUT"+ways, last, nil)
}

// kinds lists what stands beside the password.
func (s *site) kinds(name string) (all []string) {
	s.t.Helper()
	for _, f := range s.factors(name) {
		all = append(all, f.Type)
	}
	return all
}

// sessions counts a person's sign-ins at Keycloak.
func (s *site) sessions(name string) int {
	s.t.Helper()
	var all []any
	s.keycloak("GET "+s.path(name)+"/sessions", nil, &all)
	return len(all)
}

// thief has the phone, the password, the recovery codes and the computer that holds the passkey.
type thief struct {
	s        *site
	name     string
	phone    *rig.Phone
	code     string
	computer *rig.Page
}

func (s *site) rob(name string) *thief {
	s.t.Helper()
	key, codes := rig.NewPasskey(s.t), []string{"ABCDEFGHJKMN", "PQRSTUVWXYZ2", "23456789ABCD"}
	s.add(realm.Person{Name: name, Codes: codes, Passkeys: []realm.Passkey{key.Passkey}})
	return &thief{s, name, rig.NewPhone(s.t, realm.Secret(name)), codes[0], rig.NewPage(s.t, rig.Look{}).Holds(key)}
}

// passkey signs in at the sample application with the passkey, if the campus page offers that.
func (th *thief) passkey() bool {
	th.s.t.Helper()
	if err := th.s.campus.Unlock(th.s.t.Context(), th.name); err != nil {
		th.s.t.Fatal(err)
	}
	th.computer.Forget().Go(th.s.campus.Portal.URL).See("Sign In").Fill("username", th.name).Fill("password", realm.Password(th.name)).Click("Sign In")
	th.computer.See("One-time code")
	if !strings.Contains(th.computer.Text(), "Try Another Way") {
		return false
	}
	th.computer.Click("Try Another Way").See("Select login method").Click("Passkey").See("Sign in with Passkey").Click("Sign in with Passkey")
	th.computer.See("Signed in as " + th.name)
	return true
}

// uses tries all that the thief has; in says what has to come of it.
func (th *thief) uses(in bool) {
	th.s.t.Helper()
	for what, opens := range map[string]bool{
		"the stolen phone": th.s.opensPortal(th.name, th.phone), "a recovery code": th.s.opensPortalByCode(th.name, th.code), "the passkey": th.passkey(),
	} {
		if opens != in {
			th.s.t.Errorf("%s: %s opens the portal: %v", th.name, what, opens)
		}
	}
}

// reports asks for a link after a theft and opens it; nothing is locked yet.
func (h *hand) reports() *hand {
	h.s.t.Helper()
	before := h.s.kinds(h.name)
	h.typeID().typePassword().see("What will happen")
	h.SubmitTo("/recovery", "do", "start", "reason", "stolen", "way", "mail").Follow("")
	h.see("Sent to").openLink(h.link(1)).see("A theft was reported")
	if now := h.s.kinds(h.name); !slices.Equal(now, before) {
		h.s.t.Fatalf("%s: locked before the proof: %v", h.name, now)
	}
	return h
}

// locks completes the proof and waits for the lock.
func (h *hand) locks() *hand {
	h.s.t.Helper()
	h.SubmitTo("/link", "do", "redeem").Follow("")
	rig.Eventually(h.s.t, "the lock", func() bool {
		h.Get(h.s.bridge.URL + "/recovery").Follow("")
		return h.sees("Your authenticator app is locked")
	})
	if now := h.s.kinds(h.name); !slices.Equal(now, []string{"otp"}) {
		h.s.t.Errorf("%s: beside the password stand %v", h.name, now)
	}
	if n := h.s.sessions(h.name); n != 0 {
		h.s.t.Errorf("%s: %d sign-ins are left", h.name, n)
	}
	return h
}

// WB-13: what a thief has works until the second channel is proven and not afterwards. Without a new phone the account stays shut; page and mail say how
// to come back, and an ordinary recovery takes the tombstone away.
func TestJourneyStolenComesBackLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.takesPasskeys()
	th := s.rob("frank")
	before := s.rest("frank")
	h := s.hand("frank").reports()
	th.uses(true)
	h.locks().see("I have no new phone yet")
	h.SubmitTo("/enrol", "do", "cancel").Follow("")
	h.see("Your authenticator app is locked").see("When you have a device, start here again")
	if h.Href("/start") == "" {
		t.Errorf("no way back on %s", h.Describe())
	}
	rig.Eventually(t, "a notice of the lock", func() bool { return s.wasTold("frank@example.net", "Your authenticator app was locked") })
	mails := s.mailbox.Messages("frank@example.net")
	if last := mails[len(mails)-1]; !strings.Contains(last.Text, "register a new authenticator app on the page below.") || last.Link(t, s.bridge.URL+"/") != s.bridge.URL+"/" {
		t.Errorf("the mail does not say how to come back: %s", last.Text)
	}
	th.uses(false)
	s.unchanged("frank", before)
	s.admin(0, []string{"frank", "locked"}, "list")
	back := s.signedIn("frank").see("Your authenticator app is locked").see("the lock is lifted")
	back.prove(back.pressForMail("start", len(s.mailbox.Messages("frank@example.net"))+1))
	s.admin(0, []string{"proven, locked", "changed", "tombstone", "6f747062-7473-8"}, "show", "frank")
	phone := back.enrol()
	back.seeDone()
	s.unchanged("frank", before)
	s.mustHaveOnly("frank", phone)
	th.uses(false)
}

// WB-13: whoever has a new phone goes on at once. Of OTPs nothing is left: neither a device that counts nor a code for today.
func TestJourneyStolenEnrolsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(realm.Person{Name: "grace", OTPs: []string{realm.Secret("grace"), realm.Secret("x")}, Codes: []string{"ABCDEFGHJKMN"}})
	temporary := counter(realm.Secret("code for today"))
	temporary["id"], temporary["userLabel"] = bridge.NewTemporary("", "", time.Now()).ID, "code for today"
	s.keycloak("PUT "+s.path("grace"), map[string]any{"credentials": []any{temporary, counter(realm.Secret("token"))}}, nil)
	h := s.hand("grace").reports().locks()
	phone := h.enrol()
	h.seeDone()
	s.mustHaveOnly("grace", phone)
	if s.opensPortal("grace", rig.NewPhone(t, realm.Secret("x"))) || s.opensPortalByCode("grace", "ABCDEFGHJKMN") {
		t.Error("the second stolen phone or a recovery code opens the portal")
	}
}

// WB-13, POL-04: a theft that is reported by phone under a policy that lets the person wait. The first approval locks nothing, the one after the waiting
// period does.
func (s *desk) theft() {
	s.robbed("quinn")
	s.member("PUT", "quinn", waits)
	before, has := s.rest("quinn"), s.factors("quinn")
	caller := s.callsFor("quinn", "stolen")
	s.carol.opens("quinn", caller.reads()).see("Stolen, or someone else may be using it")
	s.carol.approves("photo_id").mustBe(http.StatusOK, "waiting period begins")
	caller.due().see("You can re-register from")
	s.stillHas("quinn", has)
	again := s.at("quinn").typeID().typePassword()
	rig.Eventually(s.t, "the waiting period is over", func() bool { return again.due().sees("no longer valid") })
	again.SubmitTo("/recovery", "do", "renew").Follow("")
	s.stillHas("quinn", has)
	s.dave.opens("quinn", again.reads()).approves("photo_id").mustBe(http.StatusOK, approvedPage)
	s.mustBeLocked(again, time.Now())
	s.unchanged("quinn", before)
	again.finishes()
	s.unchanged("quinn", before)
}
