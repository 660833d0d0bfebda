package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// OIDC-11: whatever alice's password and no code does to the product and the campus, in whatever order, nothing else opens. FULL=1 runs 200
// sequences.
func TestRealmAttackProductRandomSequences(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	sequences := 12
	if full() {
		sequences = 200
	}
	found, signedIn := s.randomSequences(sequences)
	if len(found) > 0 {
		t.Errorf("%d of %d sequences opened something:\n%s", len(found), sequences, strings.Join(found, "\n"))
	}
	if signedIn < sequences/4 {
		t.Errorf("%d of %d sequences completed a sign-in at the product, want a quarter of them at least", signedIn, sequences)
	}
	if n := len(s.otps("alice")); n != 1 {
		t.Errorf("alice has %d authenticators afterwards", n)
	}
}

// OIDC-11: the test above finds the hole of a realm that asks nobody for a second factor.
func TestRealmAttackProductRandomSequencesFindTheHole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.askNobodyForACode()
	for range 5 { // of these few, one leaves a session behind
		if found, _ := s.randomSequences(5); len(found) > 0 {
			return
		}
	}
	t.Error("nothing opened in a realm without a second factor")
}

// askNobodyForACode switches the second factor of the realm's flow off.
func (s *site) askNobodyForACode() {
	s.t.Helper()
	s.require("otpbridge-browser", "otpbridge-browser-2fa", "DISABLED")
}

// step is a step of an authentication flow, by the name that Keycloak shows.
func (s *site) step(flow, name string) map[string]any {
	s.t.Helper()
	var steps []map[string]any
	s.keycloak("GET /authentication/flows/"+url.PathEscape(flow)+"/executions", nil, &steps)
	for _, step := range steps {
		if step["displayName"] == name {
			return step
		}
	}
	s.t.Fatalf("no step %q in the flow: %v", name, steps)
	return nil
}

// require says whether a step of a flow is required.
func (s *site) require(flow, name, requirement string) {
	s.t.Helper()
	step := s.step(flow, name)
	step["requirement"] = requirement
	s.keycloak("PUT /authentication/flows/"+url.PathEscape(flow)+"/executions", step, nil)
}

// randomSequences returns a line for each sequence that opened something, and how many completed a sign-in at the product: every second one begins with
// a whole one, so that not all end at the first refusal.
func (s *site) randomSequences(sequences int) (found []string, signedIn int) {
	s.t.Helper()
	seed := uint64(time.Now().UnixNano())
	s.t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range sequences {
		h := s.hand("alice")
		var steps []string
		if i%2 == 0 {
			h.typeID().typePassword()
			if steps = []string{"sign-in"}; !h.signedIn() {
				s.t.Logf("a sign-in that nothing disturbs ends at %s", h.Describe())
			}
		}
		in := h.signedIn()
		for range 3 + random.IntN(5) {
			steps = append(steps, s.randomStep(h, random))
			in = in || h.signedIn()
		}
		h.Get(s.bridge.URL + "/recovery").Follow("")
		if in || h.signedIn() {
			signedIn++
		}
		if holes := openHolesAt(s.t, s.campus.Realm, s.portal().Redirect, h.Browser); len(holes) > 0 {
			found = append(found, fmt.Sprintf("sequence %d (%s): %s", i, strings.Join(steps, ", "), strings.Join(holes, "; ")))
		}
		if err := s.campus.Unlock(s.t.Context(), "alice"); err != nil { // denials lock, which would hide what comes next
			s.t.Fatal(err)
		}
	}
	return found, signedIn
}

// signedIn reports whether the page at hand is one that whoever is not signed in is sent on from.
func (h *hand) signedIn() bool {
	return h.URL == h.s.bridge.URL+"/recovery" && h.Status == http.StatusOK
}

// randomStep does one thing, the next that makes sense more often than the others, and says which.
func (s *site) randomStep(h *hand, random *rand.Rand) string {
	s.t.Helper()
	if h.Page() == "login-login" && random.IntN(4) > 0 {
		return s.randomPassword(h, random)
	}
	if h.sees("What will happen") && random.IntN(2) == 0 {
		h.SubmitTo("/recovery", "do", "start", "reason", "stolen", "way", "mail").Follow("")
		return "start"
	}
	if h.sees("Mail sent") && random.IntN(3) == 0 {
		do := []string{"resend", "cancel", "restart", "check"}[random.IntN(4)]
		h.SubmitTo("/recovery", "do", do).Follow("")
		return do
	}
	product := s.bridge.URL
	switch random.IntN(8) {
	case 0, 1, 2:
		h.typeID()
		return "ID"
	case 3:
		h.Get(product + []string{"/recovery", "/enrol", "/done", "/link", "/veto", "/start"}[random.IntN(6)]).Follow("")
		return "look"
	case 4:
		h.Get(product + "/oidc/callback?code=guessed&state=guessed&iss=" + url.QueryEscape(s.campus.Issuer)).Follow("")
		return "forged callback"
	case 5:
		h.Get(product + "/link/guessed").Follow("")
		return "forged link"
	case 6:
		tampering := [][]string{nil, {"prompt", "none"}, {"prompt", "login"}, {"acr_values", "pwd"}, {"kc_action", "CONFIGURE_TOTP"}, {"max_age", "0"}}
		params := tampering[random.IntN(len(tampering))]
		s.portal().Open(h.Browser, params...)
		return fmt.Sprint("portal ", params)
	}
	h.Get(product+"/").SubmitTo("/language", "lang", "en", "return", "/recovery").Follow("")
	return "language"
}

// randomPassword types the password, and brings the code back, or leaves it, or brings it twice.
func (s *site) randomPassword(h *hand, random *rand.Rand) string {
	s.t.Helper()
	h.Submit("username", h.name, "password", realm.Password(h.name))
	back := s.bridge.URL + "/oidc/callback"
	switch random.IntN(3) {
	case 0:
		h.Follow("")
		return "password"
	case 1:
		h.Follow(back)
		return "password, not delivered"
	}
	h.Follow(back)
	if code := h.Location; strings.HasPrefix(code, back) {
		rig.NewBrowser(s.t).Get(code)
		h.Get(code).Get(code).Follow("")
	}
	return "password, delivered elsewhere first, then twice"
}
