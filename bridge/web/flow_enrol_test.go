package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/phone"
)

// confirm types a code and wants a status.
func (p *person) confirm(code string, want int) {
	p.t.Helper()
	if !csrfField.MatchString(p.Body) || p.path() != "/enrol" {
		p.open("/enrol", http.StatusOK)
	}
	p.send("/enrol", want, "do", "confirm", "code", code)
}

// ENR-06, ENR-12: the codes of the step before, this one and the next are right; farther ones are explained and write nothing.
func TestACodeIsRightOneStepToEitherSide(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Clock.Stop()
	for _, step := range []int{-20, -2, -1, 0, 1, 2, 20} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			name := member(c, fmt.Sprintf("step%d", step))
			p := proven(t, c, name)
			key := p.scan()
			had := otps(c, name)
			c.Clock.Add(time.Duration(40-c.Clock.Now().Unix()%30) * time.Second) // not at the edge of a step
			code := key.Code(c.Clock.Now().Add(time.Duration(step) * 30 * time.Second))
			if step >= -1 && step <= 1 {
				p.confirm(code, http.StatusOK)
				p.at("/done")
				return
			}
			p.confirm(code, http.StatusUnprocessableEntity)
			p.says("The clock of your device is off by about")
			if p.scan().Code(c.Clock.Now()) != key.Code(c.Clock.Now()) || strings.Join(otps(c, name), "") != strings.Join(had, "") {
				t.Error("the key or a credential changed")
			}
		})
	}
}

// ENR-11: a code as people paste and type it.
func TestACodeMayBeTypedAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	wide := func(code string) string {
		return strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
	}
	for i, typed := range []func(string) string{
		func(s string) string { return wide(s[:3]) + "　" + wide(s[3:]) },
		func(s string) string { return " " + s[:3] + " " + s[3:] + "\t" },
		func(s string) string { return s[:3] + "-" + s[3:] },
		func(s string) string { return wide(s[:3]) + "－" + wide(s[3:]) },
		func(s string) string { return s[:3] + "\u200b" + s[3:] },
	} {
		name := member(c, fmt.Sprintf("typing%d", i))
		p := proven(t, c, name)
		for _, nonsense := range []string{"", " ", "12345", "1234567", "12345a", "½23456", strings.Repeat("1", 300), "١٢٣٤٥٦"} {
			p.confirm(nonsense, http.StatusUnprocessableEntity) // no code at all: counts nothing
		}
		p.confirm(typed(p.code(p.scan())), http.StatusOK)
		p.at("/done")
	}
}

// ENR-08, RL-01: five wrong codes discard the key; they count over new keys, sign-ins, browsers and replicas, with growing pauses, and the
// tenth ends the way. Starting, and what is no guess, counts nothing.
func TestWrongCodesAreCountedOverEverything(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Clock.Stop() // a pause is short on a slow machine
	c.Second(t)
	name := member(c, "guesser")
	p := proven(t, c, name)
	key := p.scan()
	for n := 1; n <= 5; n++ {
		p.confirm(wrongCode(key, c.Clock.Now()), map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusOK}[n < 5])
		if n < 5 {
			p.says(fmt.Sprintf("You can try %d more times", 5-n))
			p.confirm(p.code(key), http.StatusUnprocessableEntity) // even the right one has to wait
			p.says("Wait until")
		}
		c.Clock.Add(time.Duration(n) * 5 * time.Second)
	}
	p.says("wrong 5 times")
	p.open("/enrol", http.StatusOK)
	if otpauth.MatchString(p.Body) {
		t.Fatal("a discarded key is shown")
	}
	p.send("/enrol", http.StatusOK, "do", "new")
	if p.scan().Code(c.Clock.Now()) == key.Code(c.Clock.Now()) {
		t.Fatal("the new key is the old one")
	}
	p.send("/enrol", http.StatusOK, "do", "cancel")
	c.Clock.Add(2 * time.Minute)
	again := proven(t, c, name) // another browser, another recovery
	key = again.scan()
	for n := 6; n <= 9; n++ {
		again.confirm(wrongCode(key, c.Clock.Now()), http.StatusUnprocessableEntity)
		again.says("You can try")
		c.Clock.Add(time.Duration(n) * 5 * time.Second)
	}
	again.confirm(wrongCode(key, c.Clock.Now()), http.StatusOK)
	again.says("wrong 5 times")
	again.send("/enrol", http.StatusOK, "do", "new")
	c.Clock.Add(time.Minute)
	again.confirm(again.code(again.scan()), http.StatusOK)
	again.says("Too many wrong one-time passwords")
	last := newPerson(t, c)
	last.signIn(name)
	last.says("The one-time password was wrong too often")
	for event, n := range map[string]int{"key.wrong_code": 10, "key.new": 2, "key.stopped": 2, "codes.limit": 1} { // AUD-01
		if got := countEvents(c, event); got != n {
			t.Errorf("%d events %s, want %d", got, event, n)
		}
	}
	oldStill(t, c, name)
	c.Clock.Add(25 * time.Hour)
	done := proven(t, c, name) // after a day all is forgotten
	done.finish()
}

// RL-01: to begin counts nothing. 100 starts of a sign-in and many of a recovery leave all tries.
func TestStartingCountsNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	for range rounds(100) {
		p.open("/start", http.StatusOK)
		p.send("/start", http.StatusOK, "name", "alice")
	}
	for range 3 {
		p.ask("alice")
		p.send("/recovery", http.StatusOK, "do", "cancel")
		c.Clock.Add(61 * time.Minute)
	}
	if n, err := c.Flow.Failures.Get(t.Context(), c.KC.PersonID("alice")); bridge.CodeOf(err) != bridge.CodeAbsent {
		t.Errorf("counted: %+v, %v", n, err)
	}
	p = proven(t, c, "alice")
	p.confirm(wrongCode(p.scan(), c.Clock.Now()), http.StatusUnprocessableEntity)
	p.says("You can try 4 more times")
}

// ENR-08, RL-01, and ZITADEL GHSA-7h8m-vrxx-vr4m: guesses at the same moment do not outrun the count, on two replicas.
func TestPeer_ZITADEL_ParallelGuesses(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Clock.Stop()
	c.Second(t)
	p := proven(t, c, member(c, "guesser"))
	key := p.scan()
	guesses := times(49, post("/enrol", p.session(), p.token(), "do", "confirm", "code", wrongCode(key, c.Clock.Now())))
	for round := range 12 {
		got := together(t, c, guesses...)
		n, err := c.Flow.Failures.Get(t.Context(), c.KC.PersonID("guesser"))
		if err != nil || n.Count != min(round+1, 5) {
			t.Fatalf("round %d: %d wrong codes counted, %v, %v", round, n.Count, err, got)
		}
		c.Clock.Add(time.Duration(n.Count) * 5 * time.Second)
	}
	if r := recovery(t, c, "guesser"); r.Key == nil || !r.Key.Stopped || r.Key.Secret != "" {
		t.Errorf("the key is not discarded: %+v", r.Key)
	}
}

// ENR-07, STO-02, WB-06, and eduMFA GHSA-qq2p-4282-cfc5: a code counts once and writes one credential, however many send it at once, and each
// of them reads the truth.
func TestPeer_EduMFA_Isolation(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, fiftyRace)
}

func fiftyRace(t *testing.T, c *campus.Campus) {
	t.Helper()
	c.Second(t)
	for round := range rounds(5) {
		name := member(c, fmt.Sprintf("racer-%d", round))
		p := proven(t, c, name)
		key := p.scan()
		var got map[string]int
		c.Wait(t, "another answer to fifty codes than that the machine is busy", func() bool {
			got = together(t, c, times(50, post("/enrol", p.session(), p.token(), "do", "confirm", "code", p.code(key)))...)
			return got["503"] < 50
		})
		if got["303 /recovery"]+got["503"] != 50 {
			t.Errorf("round %d: %v", round, got)
			for _, l := range strings.Split(c.Log.String(), "\n") {
				if strings.Contains(l, "refused") {
					t.Log(l)
				}
			}
		}
		c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
		p.open("/recovery", http.StatusOK)
		p.at("/done")
		if n := len(otps(c, name)); n != 1 || len(c.Events("swap.done")) != round+1 {
			t.Errorf("round %d: %d credentials, %d swaps", round, n, len(c.Events("swap.done")))
		}
		if n, err := c.Flow.Failures.Get(t.Context(), c.KC.PersonID(name)); bridge.CodeOf(err) != bridge.CodeAbsent && (err != nil || n.Count > 0) {
			t.Errorf("round %d: wrong codes left: %+v", round, n)
		}
	}
}

// ENR-10: reload, back, a second tab and another language show the same key until another one is asked for; its codes are explained.
func TestTheKeyStaysUntilAnotherIsAskedFor(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := proven(t, c, "alice")
	key := p.scan()
	same := func() bool { return bytes.Equal(p.scan().Secret, key.Secret) }
	for range 5 {
		p.open("/enrol", http.StatusOK)
		p.open("/recovery", http.StatusOK) // leads to the key too
		if !same() {
			t.Fatal("another key after a reload")
		}
	}
	if tab := get("/enrol", p.session()).to(t, c); otpauth.FindString(tab.body) != otpauth.FindString(p.Body) {
		t.Fatal("another key in a second tab")
	}
	p.send("/language", http.StatusOK, "lang", "ja", "return", "/enrol")
	if !strings.Contains(p.Body, `lang="ja"`) || !same() {
		t.Fatal("another key in another language")
	}
	p.send("/language", http.StatusOK, "lang", "en", "return", "/enrol")
	p.confirm("123", http.StatusUnprocessableEntity)
	if !same() {
		t.Fatal("another key after a fault")
	}
	p.send("/enrol", http.StatusOK, "do", "new")
	if same() {
		t.Fatal("the same key again")
	}
	p.confirm(p.code(key), http.StatusUnprocessableEntity)
	p.says("belongs to an earlier QR code")
	c.Clock.Add(6 * time.Second)
	p.finish()
}

// ENR-10, A11Y-04: the time can be extended at least ten times; the sign-in is asked for again when it gets old, and the key stays.
func TestTheTimeCanBeExtendedTenTimes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := proven(t, c, "alice")
	key := p.scan()
	for n := range 10 {
		c.Clock.Add(9 * time.Minute)
		p.open("/enrol", http.StatusOK)
		if p.path() == "/start" {
			p.send("/start", http.StatusOK, "name", "alice")
			p.must(p.Password(t.Context(), "alice", "alice-password"))
		}
		p.says("Time is almost up")
		p.send("/enrol", http.StatusOK, "do", "extend")
		p.says("Extended. Now valid until")
		if !bytes.Equal(p.scan().Secret, key.Secret) {
			t.Fatalf("another key after extension %d", n+1)
		}
	}
	c.Clock.Add(10*time.Minute + time.Second)
	p.must(p.Get(t.Context(), c.URL+"/enrol"))
	if otpauth.MatchString(p.Body) {
		t.Error("the key is shown after the time is up")
	}
	oldStill(t, c, "alice")
}

// ENR-07: a code that was used is used, also when its use came to nothing; the next one works. SWAP-08: what cannot be put on record is not
// written.
func TestACodeIsUsedOnceAlsoWhenNothingCouldBeWritten(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, usesACodeOnce)
}

func usesACodeOnce(t *testing.T, c *campus.Campus) {
	t.Helper()
	c.Clock.Stop() // within one step
	name := member(c, "auditor")
	p := proven(t, c, name)
	key, had := p.scan(), otps(c, name)
	c.KC.ForgetCalls()
	c.Break("audit", bridge.Fault(bridge.CodeAuditFull, "audit", nil))
	c.Wait(t, "the page to say so", func() bool { // on a busy machine it may say before that it goes on
		c.Wait(t, "the key", func() bool { return recovery(t, c, name).State == bridge.Proven })
		c.Clock.Add(30 * time.Second) // the next code
		p.open("/enrol", http.StatusOK)
		p.must(p.Post(t.Context(), c.URL+"/enrol", post("", "", p.token(), "do", "confirm", "code", p.code(key)).form))
		return p.Status == http.StatusServiceUnavailable
	})
	p.says("The record of changes cannot be written, so nothing was changed")
	for _, call := range c.KC.Calls() {
		if call.Method == http.MethodPut {
			t.Errorf("written all the same: %s", call)
		}
	}
	if strings.Join(otps(c, name), "") != strings.Join(had, "") {
		t.Fatal("credentials changed")
	}
	c.Break("audit", nil)
	p.open("/enrol", http.StatusOK)
	if !bytes.Equal(p.scan().Secret, key.Secret) {
		t.Fatal("another key")
	}
	p.confirm(p.code(key), http.StatusUnprocessableEntity)
	p.says("already used")
	c.Clock.Add(30 * time.Second)
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	newOnly(t, c, name, key)
}

// INV-1, SES-08: no page shows a key before the proof, and no step before it takes a code.
func TestNoKeyIsShownBeforeTheProof(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	token := p.token()
	for _, do := range []string{"confirm", "new", "extend"} {
		a := post("/enrol", p.session(), token, "do", do, "code", "123456").to(t, c)
		if a.status != http.StatusConflict && a.status != http.StatusForbidden {
			t.Errorf("do=%s before the proof: %d", do, a.status)
		}
	}
	p.open("/enrol", http.StatusOK)
	p.comesBack("alice", lastLink(t, c).Link.Reveal())
	for _, a := range c.Answers() {
		if strings.Contains(a.Body, "otpauth:") || strings.Contains(a.Body, "<svg viewBox=\"0 0 2") && a.Path == "/enrol" {
			t.Errorf("a key on %s", a.Path)
		}
	}
	if r := recovery(t, c, "alice"); r.Key != nil {
		t.Error("there is a key before the proof")
	}
	p.send("/link", http.StatusOK, "do", "redeem")
	if _, err := phone.Scan(strings.ReplaceAll(otpauth.FindStringSubmatch(p.Body)[1], "&amp;", "&")); err != nil {
		t.Error(err)
	}
}
