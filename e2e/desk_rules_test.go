package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// What the pages of the desk say.
const (
	approvedPage = "The caller's page moves on now."
	secondPage   = "A second operator must confirm"
	newKeyPage   = "Register your new authenticator app"
)

// The rules of the desk on a real Keycloak and two replicas on a real Redis, each try at the replica whose turn it is.
func TestRealmAttackHelpDesk(t *testing.T) {
	t.Parallel() // it waits
	d := newDesk(t, "frank", "ivan", "judy", "kim", "oscar", "peggy")
	for _, rule := range []struct {
		name string
		try  func(*desk)
	}{
		{"password-only sign-in", (*desk).passwordOnlyOperator},
		{"self-approval", (*desk).selfApproval},
		{"second approval with the first code", (*desk).firstCodeAgain},
		{"code of another session", (*desk).codeOfAnotherSession},
		{"stricter policy before the approval", (*desk).stricterBeforeApproval},
		{"stricter policy before the swap", (*desk).stricterBeforeSwap},
		{"group lost before the approval", (*desk).groupLostBeforeApproval},
		{"group lost before the swap", (*desk).groupLostBeforeSwap},
		{"fifty approvals at once", (*desk).approvalsAtOnce},
		{"wrong codes", (*desk).wrongCodes},
		{"look-ups for a permit", (*desk).permitLooks},
		{"auditor", (*desk).auditor},
		{"theft", (*desk).theft},
		{"role lost", (*desk).roleLost},
		{"sign-in without the full level", (*desk).withoutFullLevel}, // last: it changes the realm's flow
	} {
		t.Run(rule.name, func(t *testing.T) { rule.try(d.in(t)) })
	}
}

// HD-04: an operator who came by the password-only sign-in has no console, and Keycloak asks them for the code.
func (s *desk) passwordOnlyOperator() {
	t, h := s.t, s.at("carol")
	h.typeID().typePassword().see("What will happen")
	csrf := h.Value("csrf")
	for _, path := range []string{"/desk", "/desk/case", "/desk/permit"} {
		h.Get(s.bridge.URL + path)
		if !strings.HasPrefix(h.Location, s.bridge.URL+"/signin?to=") {
			t.Errorf("GET %s: %s, want the way to a sign-in", path, h.Describe())
		}
		h.Post(s.bridge.URL+path, url.Values{"csrf": {csrf}, "do": {"look"}, "name": {"bob"}, "code": {"12345678"}})
		h.mustBe(http.StatusForbidden, "needs a fresh sign-in with your one-time password")
	}
	h.Get(s.bridge.URL + "/desk").Follow("")
	h.typesAnyway()
	if h.Page() != "login-login-otp" {
		t.Errorf("after the password: %s, want Keycloak's question for the code", h.Describe())
	}
}

// HD-05: an operator's own recovery is not theirs to approve, first or second.
func (s *desk) selfApproval() {
	self, other := s.carol, s.dave
	caller := s.calls(self.name)
	code := caller.reads()
	self.opens(self.name, code)
	caller.due().see("The operator is checking")
	self.approves("photo_id").mustBe(http.StatusForbidden, "You cannot approve your own request.")
	caller.due().see("Call the help desk")
	other.opens(self.name, code).approves("photo_id").mustBe(http.StatusOK, secondPage)
	self.opens(self.name, caller.reads()).approves("photo_id").mustBe(http.StatusForbidden, "You cannot approve your own request.")
	caller.mustShowNoKey()
	if n := s.events("desk.approved", self.name); n != 1 {
		s.t.Errorf("%d approvals on record", n)
	}
}

// HD-05, HD-07: each approval uses up the code that opened its case, and another person makes the second one.
func (s *desk) firstCodeAgain() {
	one, two := s.carol, s.dave
	caller := s.calls("bob") // no address: two approvals
	first := caller.reads()
	one.opens("bob", first).approves("photo_id").mustBe(http.StatusOK, secondPage)
	two.mustBeWrong("bob", first)
	second := caller.reads()
	one.opens("bob", second).approves("photo_id").mustBe(http.StatusForbidden, "You have already approved this case.")
	two.opens("bob", second)
	caller.mustShowNoKey()
	two.approves("photo_id").mustBe(http.StatusOK, approvedPage)
	two.approves("photo_id").mustBe(http.StatusOK, approvedPage) // a second press
	if n := s.events("desk.approved", "bob"); n != 2 {
		s.t.Errorf("%d approvals on record", n)
	}
	two.mustBeWrong("bob", second) // replay
	caller.due().see(newKeyPage)
}

// TOK-13, HD-07: a newer request of the same person has a code of its own; the older code is dead, and its browser gets no key.
func (s *desk) codeOfAnotherSession() {
	older := s.calls("alice")
	code := older.reads()
	newer := s.at("alice")
	newer.typeID().typePassword()
	if callCode.MatchString(newer.Body) {
		s.t.Error("another browser shows the code")
	}
	newer.SubmitTo("/recovery", "do", "start", "reason", "lost", "way", "desk").Follow("")
	fresh := newer.reads()
	s.grace.mustBeWrong("alice", code)
	older.due().see("You already have a request in progress")
	if callCode.MatchString(older.Body) {
		s.t.Error("the older browser shows a code")
	}
	s.grace.opens("alice", fresh).approves("photo_id").mustBe(http.StatusOK, approvedPage)
	older.mustShowNoKey()
	newer.due().see(newKeyPage)
	newer.finishes()
}

// POL-03: what the policy asks for is asked again at the approval.
func (s *desk) stricterBeforeApproval() {
	name, operator := "frank", s.carol
	caller := s.calls(name)
	operator.opens(name, caller.reads())
	s.member("PUT", name, strict)
	operator.approves("photo_id").mustBe(http.StatusUnprocessableEntity, "with as many checks as are required")
	operator.approves("photo_id", "video").mustBe(http.StatusOK, secondPage)
	caller.mustShowNoKey()
}

// POL-03: and again before the swap. What the stricter policy does not accept is made anew, and the key that was shown is gone.
func (s *desk) stricterBeforeSwap() {
	name := "judy"
	caller := s.calls(name)
	s.carol.opens(name, caller.reads()).approves("photo_id").mustBe(http.StatusOK, approvedPage)
	key := caller.due().see(newKeyPage).key()
	s.member("PUT", name, strict)
	caller.SubmitTo("/enrol", "code", rig.NewPhone(s.t, key).Code(), "label", "").Follow("")
	caller.mustShowNoKey()
	s.dave.opens(name, caller.reads()).approves("photo_id", "video").mustBe(http.StatusOK, secondPage)
	s.grace.opens(name, caller.reads()).approves("photo_id", "video").mustBe(http.StatusOK, approvedPage)
	if fresh := caller.due().see(newKeyPage).key(); fresh == key {
		s.t.Error("the key of the first proof is shown again")
	}
	caller.finishes()
}

// POL-03: who lost the group of people who may recover is out of our sight at once.
func (s *desk) groupLostBeforeApproval() {
	name, operator := "kim", s.carol
	caller := s.calls(name)
	operator.opens(name, caller.reads())
	s.member("DELETE", name, "/"+realm.Recoverable)
	operator.approves("photo_id").mustBe(http.StatusForbidden, "")
	s.mustBeRefused(caller, 1)
	if n := s.events("desk.approved", name); n != 0 {
		s.t.Errorf("%d approvals on record", n)
	}
}

// A proof ends at no moment's look: whatever stands before Keycloak may say the same for a while. Nothing is shown or written meanwhile.
func (s *desk) groupLostBeforeSwap() {
	name := "peggy"
	caller := s.calls(name)
	s.carol.opens(name, caller.reads()).approves("photo_id").mustBe(http.StatusOK, approvedPage)
	key := caller.due().see(newKeyPage).key()
	s.member("DELETE", name, "/"+realm.Recoverable)
	caller.SubmitTo("/enrol", "code", rig.NewPhone(s.t, key).Code(), "label", "").Follow("")
	caller.mustBe(http.StatusForbidden, "Your account was not found")
	s.mustBeRefused(caller, 0)
}

// mustBeRefused fails the test unless a caller is shown no key, so many ends are on record, and the old authenticator is the only one.
func (s *desk) mustBeRefused(caller *hand, ends int) {
	s.t.Helper()
	caller.mustShowNoKey()
	if n := s.events("recovery.ended", caller.name); n != ends {
		s.t.Errorf("%s: %d ends on record, want %d", caller.name, n, ends)
	}
	if !s.opensPortal(caller.name, rig.NewPhone(s.t, realm.Secret(caller.name))) || len(s.otps(caller.name)) != 1 {
		s.t.Errorf("%s: the old authenticator is not as it was", caller.name)
	}
}

// HD-07: fifty approvals at once over both replicas are one.
func (s *desk) approvalsAtOnce() {
	name, operator := "ivan", s.carol
	caller := s.calls(name)
	operator.opens(name, caller.reads())
	const tries = 50
	var all sync.WaitGroup
	pages := make(chan string, tries)
	for range tries {
		tab := operator.Twin(s.t)
		all.Go(func() { pages <- tab.Post(s.bridge.URL+"/desk/case", operator.approval("photo_id")).Follow("").Text() })
	}
	all.Wait()
	close(pages)
	approved := 0
	for page := range pages {
		if strings.Contains(page, approvedPage) {
			approved++
		}
	}
	if a, p := s.events("desk.approved", name), s.events("recovery.proven", name); approved == 0 || a != 1 || p != 1 {
		s.t.Errorf("%d pages say approved, %d approvals and %d proofs on record, want at least one, one and one", approved, a, p)
	}
	for i, r := range s.bridge.Replicas {
		if !strings.Contains(r.LogText(), `"route":"/desk/case"`) {
			s.t.Errorf("replica %d was not asked", i+1)
		}
	}
	caller.due().see(newKeyPage)
}

// HD-09: wrong codes are counted over the replicas: five of one operator lock the operator's entry on both, and those of two operators end the
// recovery. A new code forgets none.
func (s *desk) wrongCodes() {
	name, one, two := "oscar", s.grace, s.wendy
	t, caller := s.t, s.calls(name)
	tries := func(h *hand, replica, n int) {
		s.bridge.Front.Only(s.bridge.Replicas[replica])
		for range n {
			h.mustBeWrong(name, "00000000")
		}
	}
	defer s.bridge.Front.Only(nil)
	tries(one, 0, 2) // alice's dead code was the first of this operator's five
	tries(one, 1, 2)
	caller.due().SubmitTo("/recovery", "do", "renew")
	right := caller.reads()
	for _, r := range s.bridge.Replicas {
		s.bridge.Front.Only(r)
		one.pair(name, right).mustBe(http.StatusTooManyRequests, "Code entry is locked")
	}
	caller.due().see("Call the help desk") // no single operator ends somebody's recovery
	tries(two, 0, 1)
	s.bridge.Front.Only(s.bridge.Replicas[1])
	caller.due().see("Wrong call codes were typed too often.")
	if n := s.events("call.wrong_pair", name); n != 5 {
		t.Errorf("%d wrong pairs on record", n)
	}
}

// loser is an operator who has a case open and then loses the role.
type loser struct {
	*hand
	since time.Time
}

func (s *site) loseRole(name, caller string) loser {
	s.t.Helper()
	h := s.console(name)
	h.opens(caller, s.calls(caller).reads())
	var role map[string]any
	if err := s.campus.Do(s.t.Context(), "GET /roles/"+realm.OperatorRole, nil, &role); err != nil {
		s.t.Fatal(err)
	}
	path := "DELETE /users/" + s.campus.Users[name] + "/role-mappings/realm"
	if err := s.campus.Do(s.t.Context(), path, []map[string]any{role}, nil); err != nil {
		s.t.Fatal(err)
	}
	return loser{h, time.Now()}
}

// roleLife is how old Keycloak's answer about a role may be.
const roleLife = time.Minute

// HD-04: a minute after the loss nothing of the console answers the operator, and nothing was decided.
func (s *desk) roleLost() {
	h, caller := s.lost, "mallory"
	rig.Rest(s.t, h.since.Add(roleLife)) // most of it is over
	const said = "Your account does not work at the help desk."
	for range s.bridge.Replicas { // the front gives turns
		h.approves("photo_id").mustBe(http.StatusForbidden, said)
		h.Post(s.bridge.URL+"/desk/case", url.Values{"csrf": {h.csrf}, "case": {h.opened}, "do": {"deny"}})
		h.mustBe(http.StatusForbidden, said)
		for _, path := range []string{"/desk", "/desk/case", "/desk/permit"} {
			h.Get(s.bridge.URL + path)
			if h.Status != http.StatusForbidden || h.sees(caller) {
				s.t.Errorf("GET %s: %s", path, h.Describe())
			}
		}
		h.Post(s.bridge.URL+"/desk/permit", url.Values{"csrf": {h.csrf}, "do": {"look"}, "name": {"bob"}})
		h.mustBe(http.StatusForbidden, said)
		h.Post(s.bridge.URL+"/desk", url.Values{"csrf": {h.csrf}, "name": {caller}, "code": {"00000000"}})
		h.mustBe(http.StatusForbidden, said)
	}
	if a, e := s.events("desk.approved", caller), s.events("recovery.ended", caller); a+e > 0 {
		s.t.Errorf("%d approvals, %d ends on record", a, e)
	}
}

// OIDC-21: an operator looks at twenty people an hour, over all replicas; what is refused is on record.
func (s *desk) permitLooks() {
	const most = 20
	h, look := s.wendy, url.Values{"csrf": {s.wendy.csrf}, "do": {"look"}, "name": {"bob"}}
	for range most {
		h.Post(s.bridge.URL+"/desk/permit", look)
		h.mustBe(http.StatusOK, "How did you check the identity?")
	}
	for range s.bridge.Replicas {
		h.Post(s.bridge.URL+"/desk/permit", look)
		h.mustBe(http.StatusTooManyRequests, "You can try again from")
		if h.sees("How did you check the identity?") {
			s.t.Errorf("one look too many: %s", h.Describe())
		}
	}
	looked, refused := 0, 0
	for _, r := range s.trail() {
		switch {
		case r.Actor != s.campus.Users[h.name]:
		case r.Event == "permit.looked" && r.Outcome == "ok" && r.Target == s.campus.Users["bob"]:
			looked++
		case r.Event == "permit.limited" && r.Code == "too_many":
			refused++
		}
	}
	if looked != most || refused != len(s.bridge.Replicas) {
		s.t.Errorf("%d looks and %d refusals on record", looked, refused)
	}
}

// HD-04: a realm whose flow lets operators in with the password alone raises no error; the ID token lacks the full level, so the console stays shut
// and the campus session is ended.
func (s *desk) withoutFullLevel() {
	const name = "sybil"
	s.add(realm.Person{Name: name, Roles: []string{realm.OperatorRole}, OTPs: []string{}})
	if err := s.campus.Do(s.t.Context(), "PUT ", map[string]any{"browserFlow": "browser"}, nil); err != nil {
		s.t.Fatal(err)
	}
	h := s.at(name)
	h.Get(s.bridge.URL + "/desk").Follow("")
	h.typesAnyway().mustBe(http.StatusForbidden, "You signed in without it.")
	if sessions := s.sessions(name); sessions != 0 {
		s.t.Errorf("%d campus sessions go on", sessions)
	}
	for _, path := range []string{"/desk", "/desk/case", "/desk/permit"} {
		h.Get(s.bridge.URL + path)
		if !strings.HasPrefix(h.Location, s.bridge.URL+"/signin?to=") {
			s.t.Errorf("GET %s: %s, want the way to a sign-in", path, h.Describe())
		}
	}
}
