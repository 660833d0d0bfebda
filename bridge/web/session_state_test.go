package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/phone"
)

// scene is a campus with somebody before the door and the code that would be right, if there is a key.
type scene struct {
	c   *campus.Campus
	p   *person   // whose session sends the step
	key phone.Key // of the open recovery, if any
}

func (s *scene) code() string {
	if len(s.key.Secret) == 0 {
		return "123456"
	}
	return s.key.Code(s.c.Clock.Now())
}

// notHolders are the states in which a session may not enrol. Each leaves the session that will try.
var notHolders = []struct {
	name  string
	reach func(*scene)
}{
	{"no sign-in", func(s *scene) { s.p.open("/start", http.StatusOK) }},
	{"signed in, nothing open", func(s *scene) { s.p.signIn("alice") }},
	{"waiting for the mail", func(s *scene) { s.p.ask("alice") }},
	{"link opened, not signed in", func(s *scene) {
		newPerson(s.p.t, s.c).ask("alice")
		s.p.open("/link/"+lastLink(s.p.t, s.c).Link.Reveal(), http.StatusOK)
	}},
	{"signed in with the link, not redeemed", func(s *scene) {
		s.p.ask("alice")
		s.p.open("/link/"+lastLink(s.p.t, s.c).Link.Reveal(), http.StatusOK)
		s.p.send("/link", http.StatusOK, "do", "continue")
		s.p.signIn("alice")
	}},
	{"another browser asked and holds", func(s *scene) {
		s.holdElsewhere()
		s.p.signIn("alice")
	}},
	{"this browser asked, another holds", func(s *scene) {
		s.p.ask("alice")
		other := newPerson(s.p.t, s.c)
		other.redeem("alice")
		s.key = other.scan()
	}},
	{"another person", func(s *scene) {
		s.holdElsewhere()
		s.p.ask("erin")
	}},
	{"the proof ran out", func(s *scene) {
		s.holdHere()
		s.c.Clock.Add(10*time.Minute + time.Second)
		s.c.Wait(s.p.t, "the end", func() bool { return recovery(s.p.t, s.c, "alice").State == bridge.Ended })
	}},
	{"cancelled by the holder", func(s *scene) {
		s.holdHere()
		s.p.send("/enrol", http.StatusOK, "do", "cancel")
	}},
	{"vetoed", func(s *scene) {
		s.holdHere()
		vetoed(s.p.t, s.c)
	}},
	{"done", func(s *scene) {
		s.holdHere()
		s.p.finish()
	}},
	{"done elsewhere, asked here", func(s *scene) {
		s.p.ask("alice")
		other := newPerson(s.p.t, s.c)
		other.redeem("alice")
		s.key = other.scan()
		other.finish()
	}},
	{"signed out", func(s *scene) {
		s.holdHere()
		s.p.send("/signout", http.StatusOK)
		s.p.open("/start", http.StatusOK)
	}},
}

func (s *scene) holdHere() {
	s.p.ask("alice")
	s.p.redeem("alice")
	s.key = s.p.scan()
}

func (s *scene) holdElsewhere() {
	other := newPerson(s.p.t, s.c)
	other.ask("alice")
	other.redeem("alice")
	s.key = other.scan()
}

// SES-08, INV-1: who is not the holder of an unexpired proof gets 403 or 409 for every step of the enrolment, changes nothing, and never
// sees the key, even with the right code in hand.
func TestOnlyTheHolderOfAnUnexpiredProofEnrols(t *testing.T) {
	t.Parallel()
	for _, state := range notHolders {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			s := &scene{c: c, p: newPerson(t, c)}
			state.reach(s)
			session := s.p.session()
			token := formToken(t, c, session)
			before := facts(t, c, "alice")
			for _, do := range []string{"confirm", "new", "extend", "confirm"} {
				a := post("/enrol", session, token, "do", do, "code", s.code(), "label", "thief").to(t, c)
				if a.status != http.StatusForbidden && a.status != http.StatusConflict {
					t.Errorf("%s answered %d %s %s", do, a.status, a.header.Get("Location"), text(a.body))
				}
				if strings.Contains(a.body, "otpauth:") {
					t.Errorf("%s shows a key", do)
				}
			}
			for _, path := range []string{"/enrol", "/recovery", "/done", "/link"} {
				if a := get(path, session).to(t, c); strings.Contains(a.body, "otpauth:") || strings.Contains(a.body, `class="qr"`) {
					t.Errorf("GET %s shows a key", path)
				}
			}
			if after := facts(t, c, "alice"); after != before {
				t.Errorf("changed from\n%s\nto\n%s", before, after)
			}
			jobs, err := c.Store.Jobs.List(t.Context(), "expiry", 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range jobs {
				if j.ID == "" {
					t.Error("a job for nobody")
				}
			}
		})
	}
}

// SES-08: the same table for "cancel": a waiting request is its person's, a proven one its holder's.
func TestWhoMayCancel(t *testing.T) {
	t.Parallel()
	may := map[string]bool{"waiting for the mail": true, "signed in with the link, not redeemed": true}
	for _, state := range notHolders {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			s := &scene{c: c, p: newPerson(t, c)}
			state.reach(s)
			session := s.p.session()
			token := formToken(t, c, session)
			for _, path := range []string{"/enrol", "/recovery"} {
				before := facts(t, c, "alice")
				a := post(path, session, token, "do", "cancel").to(t, c)
				changed := facts(t, c, "alice") != before
				switch {
				case changed != may[state.name] && path == "/enrol":
					t.Errorf("POST %s: %d, changed %t", path, a.status, changed)
				case path == "/recovery" && changed:
					t.Errorf("POST %s after it: changed", path)
				case a.status >= http.StatusInternalServerError || a.status == http.StatusOK:
					t.Errorf("POST %s: %d", path, a.status)
				}
			}
		})
	}
}

// TOK-07, SES-10, OIDC-09: a holder whose sign-in is older than 15 minutes sees no key and writes none; a new sign-in of the same person in
// the same browser goes on with the same key, another person's does not.
func TestNoKeyForAnOldSignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	s := &scene{c: c, p: newPerson(t, c)}
	s.holdHere()
	p := s.p
	first := fmt.Sprintf("%x", s.key.Secret)
	c.Clock.Add(8 * time.Minute)
	p.send("/enrol", http.StatusOK, "do", "extend")
	c.Clock.Add(7*time.Minute + 2*time.Second)
	if a := get("/enrol", p.session()).to(t, c); a.status != http.StatusSeeOther {
		t.Fatalf("an old sign-in: %d %s", a.status, text(a.body))
	}
	token := formToken(t, c, p.session())
	if a := post("/enrol", p.session(), token, "do", "confirm", "code", s.code()).to(t, c); a.status != http.StatusForbidden {
		t.Errorf("confirm with an old sign-in: %d", a.status)
	}
	if otps := c.KC.Credentials(c.KC.PersonID("alice")); len(otps) != 2 || otps[1].Label != "old phone" {
		t.Errorf("credentials %+v", otps)
	}
	p.signIn("alice")
	p.at("/enrol")
	if again := fmt.Sprintf("%x", p.scan().Secret); again != first {
		t.Error("another key after signing in again")
	}
	p.signIn("erin")
	p.at("/recovery")
	if strings.Contains(p.Body, "otpauth:") {
		t.Error("another person in this browser sees the key")
	}
	p.signIn("alice")
	if strings.Contains(p.Body, "otpauth:") {
		t.Error("the proof outlived another person's sign-in")
	}
}

// vetoed ends alice's recovery from her veto link, as anybody with the mail can.
func vetoed(t *testing.T, c *campus.Campus) {
	t.Helper()
	anybody, mail := newPerson(t, c), lastLink(t, c)
	anybody.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
	anybody.send("/veto", http.StatusOK, "choice", "stop", "number", mail.Objection)
}
