package web_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// atOnce sends requests side by side and counts the answers by status and target.
func atOnce(t *testing.T, c *campus.Campus, requests []byHand) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	out := map[string]int{}
	for _, q := range requests {
		all.Go(func() {
			a, err := q.try(t.Context(), c)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			out[fmt.Sprint(a.status, " ", a.header.Get("Location"))]++
		})
	}
	all.Wait()
	return out
}

// ENR-08, RL-01, ZITADEL GHSA-7h8m-vrxx-vr4m: guesses sent side by side do not outrun the count: of forty, one is judged, the others come too
// soon; so a guesser has ten tries in all, however parallel.
func TestPeer_ZITADEL_ParallelGuesses(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	p.redeem("alice")
	key, session, token := p.scan(), p.session(), p.token()
	var guesses []byHand
	right := p.code(key)
	for i := 0; len(guesses) < 40; i++ {
		if guess := fmt.Sprintf("%06d", i*7919%1_000_000); guess != right {
			guesses = append(guesses, post("/enrol", session, token, "do", "confirm", "code", guess))
		}
	}
	answers := atOnce(t, c, guesses)
	bad, err := c.Flow.Failures.Get(t.Context(), c.KC.PersonID("alice"))
	if err != nil || bad.Count != 1 || len(c.Events("key.wrong_code")) != 1 {
		t.Errorf("counted %+v (%v), judged %d; answers %v", bad, err, len(c.Events("key.wrong_code")), answers)
	}
	if answers["422 "] != len(guesses) {
		t.Errorf("answers %v", answers)
	}
	a := post("/enrol", session, token, "do", "confirm", "code", right).to(t, c)
	if a.status != http.StatusUnprocessableEntity {
		t.Errorf("the right code, too soon after a wrong one: %d", a.status)
	}
	if r := recovery(t, c, "alice"); r.State != bridge.Proven {
		t.Errorf("the recovery is %s", r.State)
	}
}

// ENR-07, WB-06, STO-02, eduMFA GHSA-qq2p-4282-cfc5: one right code, sent fifty times at once, makes one credential, by one swap.
func TestPeer_EduMFA_Isolation(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	p.redeem("alice")
	q := post("/enrol", p.session(), p.token(), "do", "confirm", "code", p.code(p.scan()), "label", "twin")
	requests := make([]byHand, 50)
	for i := range requests {
		requests[i] = q
	}
	answers := atOnce(t, c, requests)
	if answers["303 /recovery"] == 0 {
		t.Errorf("nobody succeeded: %v", answers)
	}
	c.Wait(t, "the swap", func() bool { return recovery(t, c, "alice").State == bridge.Done })
	otps := 0
	for _, cred := range c.KC.Credentials(c.KC.PersonID("alice")) {
		if cred.Type == bridge.TypeOTP {
			otps++
		}
	}
	if otps != 1 || len(c.Events("swap.done")) != 1 || len(c.Mails(bridge.NoticeCompleted)) != 1 {
		t.Errorf("%d authenticators, %d swaps, %d notices; answers %v", otps, len(c.Events("swap.done")), len(c.Mails(bridge.NoticeCompleted)), answers)
	}
	p.open("/recovery", http.StatusOK)
	p.at("/done")
}

// RL-02, two presses at once: a link is mailed once a minute, however many browsers and presses ask at once.
func TestPressesAtOnceSendOneMail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	var requests []byHand
	for range 2 {
		p := newPerson(t, c)
		p.signIn("alice")
		for range 10 {
			requests = append(requests, post("/recovery", p.session(), p.token(), "do", "start", "reason", "lost", "way", "mail"))
		}
	}
	answers := atOnce(t, c, requests)
	if n := len(c.Mails(bridge.NoticeLink)); n != 1 {
		t.Errorf("%d links were mailed; answers %v", n, answers)
	}
	newPerson(t, c).redeem("alice")
}
