package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// do calls the Admin API of the campus as its administrator.
func (s *site) do(call string, body any) {
	s.t.Helper()
	if err := s.campus.Do(s.t.Context(), call, body, nil); err != nil {
		s.t.Fatal(err)
	}
}

// interrupts changes something at Keycloak while a call of a swap is on its way, and lets that go on.
func (s *site) interrupts(h *hand, phone *rig.Phone, proxy *rig.Proxy, at string, change func()) {
	s.t.Helper()
	hold := proxy.Hold(false, stepNamed(at).matcher())
	typed := h.typeAndLeave(phone)
	hold.Wait(s.t)
	change()
	proxy.Pass()
	<-typed
}

// mustBeStuck wants a swap that does not go on to be seen: by the administrator's list and figures, and on the person's page.
func (s *site) mustBeStuck(h *hand, code, words string) {
	s.t.Helper()
	s.attends(code)
	s.admin(0, []string{h.name, "writing", words}, "list")
	s.admin(0, []string{"new credential", "to be removed", words}, "show", h.name)
	s.figuresCall("swap.stuck", s.campus.Users[h.name])
	h.Get(s.bridge.URL + "/recovery").Follow("")
	h.see("The registration could not be finished yet").see("the administrators have been told")
	s.admin(0, []string{"is tried again now"}, "retry", h.name, "--yes")
	s.attends(code)
}

// Issue 5, SWAP-07: somebody is deleted in the swap. Before the write the recovery ends by itself; after it an administrator sees it and ends it. Both
// stand on the list until then.
func TestJourneyDeletedInTheSwap(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := newSite(t, behindProxy(t, proxy))
	deletes := func(name string) func() { return func() { s.do("DELETE /users/"+s.campus.Users[name], nil) } }

	h, phone := s.ready("frank")
	s.interrupts(h, phone, proxy, "add", deletes("frank"))
	rig.Rest(t, time.Now().Add(30*time.Second)) // before that a 404 may be a proxy's
	s.attends("gone")
	s.admin(0, []string{"frank", "ended", "the account is gone"}, "list")
	h.Get(s.bridge.URL + "/recovery").Follow("")
	h.see("Your account was not found")
	s.admin(0, []string{"leaves this list"}, "cancel", "frank", "--yes")
	s.admin(0, []string{"none"}, "list")

	h, phone = s.ready("grace")
	s.interrupts(h, phone, proxy, "remove-1", deletes("grace"))
	s.mustBeStuck(h, "gone", "the account is gone")
	s.admin(0, []string{"ended, stopped by an administrator"}, "cancel", "grace", "--yes")
	s.admin(0, []string{"none"}, "list")
	h.Get(s.bridge.URL + "/recovery").Follow("")
	h.see("An administrator of the university stopped it.")
	s.recorded("swap.refused", "swap.stuck", "admin.retry", "admin.cancel", "recovery.cancelled")
}

// Issue 5, SWAP-07, INV-2: the right to change somebody is withdrawn in the swap, before anything was written or when the new credential stands.
// Whoever can sign in at that moment still can; what stands is not cancelled; when the right is back, the swap ends by itself.
func TestJourneyRightsWithdrawnInTheSwap(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := newSite(t, behindProxy(t, proxy))
	at := []string{"remove-1"}
	if full() {
		at = []string{"add", "look", "move", "remove-1", "sessions"}
	}
	for _, name := range at {
		h, phone := s.ready(name)
		membership := "/users/" + s.campus.Users[name] + "/groups/" + s.campus.Allowed
		s.interrupts(h, phone, proxy, name, func() { s.do("DELETE "+membership, nil) })
		s.mustBeStuck(h, "refused_by_account", "Keycloak refuses a step")
		s.mustOpen(moment{stepNamed(name), false}, name, phone)
		if name != "add" { // what cannot be read is not decided, and when it can be the new authenticator stands
			s.admin(1, []string{"not decided yet: Keycloak cannot be read"}, "cancel", name, "--yes")
		}
		s.do("PUT "+membership, nil)
		s.mustFinish(h, phone, time.Now())
		rig.Eventually(t, "the list is empty", func() bool { return s.recoveries("list").out == "none\n" })
	}
	s.withdrawnInTheLock(proxy)
}

// withdrawnInTheLock is the same after a theft. What is refused for good is on the list under words of its own, and no press of a button ends it.
func (s *site) withdrawnInTheLock(proxy *rig.Proxy) {
	s.t.Helper()
	at := []string{"remove-1"}
	if full() {
		at = []string{"add", "look", "remove-1", "sessions"}
	}
	for _, name := range at {
		h := s.robbed("lock-" + name).reports()
		hold := proxy.Hold(false, stepNamed(name).matcher())
		over := h.redeemAndLeave()
		hold.Wait(s.t)
		membership := "/users/" + s.campus.Users[h.name] + "/groups/" + s.campus.Allowed
		s.do("DELETE "+membership, nil)
		proxy.Pass()
		<-over
		s.attends("refused_by_account")
		s.admin(0, []string{h.name, "not locked yet: Keycloak refuses a step"}, "list")
		s.admin(0, []string{"not locked yet: Keycloak refuses a step"}, "show", h.name)
		s.figuresCall("lock.stuck", s.campus.Users[h.name])
		s.admin(0, []string{"is tried again now"}, "retry", h.name, "--yes")
		s.mustBeShutTo(h.name, name != "sessions")
		h.due().see("Your authenticator app could not be locked yet")
		s.do("PUT "+membership, nil)
		s.mustBeLocked(h, time.Now())
		rig.Eventually(s.t, "nobody has to act", func() bool { return s.recoveries("list", "--stuck").out == "none\n" })
	}
}

// Issue 5, SWAP-04: another authenticator gets the new one's label before that is written. Keycloak refuses the label, another one is sent, and the
// stranger is kept.
func TestJourneyLabelTakenInTheSwap(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := newSite(t, behindProxy(t, proxy))
	h, phone := s.ready("frank")
	var label string
	hold := proxy.Hold(false, func(r *http.Request) bool {
		if isPut(r) && label == "" {
			label = labelIn(r)
			return true
		}
		return false
	})
	typed := h.typeAndLeave(phone)
	hold.Wait(t)
	type object = map[string]any
	s.do("PUT /users/"+s.campus.Users["frank"], object{"credentials": []object{{
		"type": "otp", "userLabel": label, "createdDate": 4_000_000_000_000, "secretData": `{"value":"` + realm.Secret("stranger") + `"}`,
		"credentialData": `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`,
	}}})
	proxy.Pass()
	<-typed
	rig.Eventually(t, "the swap is done", func() bool { return s.onRecord("swap.done", "frank") > 0 })
	if n := len(s.otps("frank")); n != 2 {
		t.Errorf("%d authenticators, want the new one and the stranger", n)
	}
	if !s.opensPortal("frank", phone) {
		t.Error("the new code does not open the portal")
	}
	s.admin(0, []string{"none"}, "list")
	s.bridge.MustHaveLogged(t, "the label was taken meanwhile")
}

// labelIn reads the label of the credential in a request, and leaves that as it was.
func labelIn(r *http.Request) string {
	text, _ := io.ReadAll(r.Body) // a request that is cut short has no label
	r.Body = io.NopCloser(bytes.NewReader(text))
	var body struct {
		Credentials []struct {
			Label string `json:"userLabel"`
		} `json:"credentials"`
	}
	if json.Unmarshal(text, &body) != nil || len(body.Credentials) != 1 {
		return ""
	}
	return body.Credentials[0].Label
}
