package web_test

import (
	"fmt"
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
