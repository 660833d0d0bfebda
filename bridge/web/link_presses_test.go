package web_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
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

// A second press, and the way back, lead to what the first press did: with a key, while the old authenticator is being locked, and in a waiting period.
func TestASecondPressOfALinkLeadsOn(t *testing.T) {
	t.Parallel()
	for what, is := range map[string]struct {
		reason string
		delay  time.Duration
		to     string
	}{"lost": {"lost", 0, "/enrol"}, "stolen": {"stolen", 0, "/enrol"}, "delayed": {"lost", time.Hour, "/recovery"}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			policies(c, bridge.Policy{Name: "all", Ways: []bridge.Way{bridge.WayMail}, Delay: is.delay})
			p := newPerson(t, c)
			p.signIn(member(c, "mia"))
			p.send("/recovery", http.StatusOK, "do", "start", "reason", is.reason, "way", "mail")
			p.comesBack("mia", lastLink(t, c).Link.Reveal())
			press := post("/link", p.session(), p.token(), "do", "redeem")
			for name, n := range together(t, c, times(4, press)...) {
				if name != "303 /enrol" {
					t.Errorf("%d of the presses at once: %s", n, name)
				}
			}
			if a := press.to(t, c); a.status != http.StatusSeeOther {
				t.Errorf("a press after it: %d %s", a.status, text(a.body))
			}
			p.open("/link", http.StatusOK)
			p.at(is.to)
			if n := len(c.Events("recovery.proven")) + len(c.Events("recovery.delayed")); n != 1 {
				t.Errorf("%d proofs on record", n)
			}
			stranger := newPerson(t, c)
			stranger.signIn("mia")
			if a := post("/link", stranger.session(), stranger.token(), "do", "redeem").to(t, c); a.status != http.StatusNotFound {
				t.Errorf("another browser without the link: %d", a.status)
			}
			if a := get("/link", stranger.session()).to(t, c); a.status != http.StatusNotFound {
				t.Errorf("its page: %d", a.status)
			}
		})
	}
}

// The link of an earlier mail, and somebody else's, hide nothing from the browser that enrols; whose it is goes on record as ever.
func TestAnotherLinkDoesNotHideTheKey(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	newPerson(t, c).ask("alice")
	foreign := lastLink(t, c)
	member(c, "mia")
	asked, p := newPerson(t, c), newPerson(t, c)
	asked.ask("mia")
	earlier := lastLink(t, c)
	c.Clock.Add(61 * time.Second)
	asked.send("/recovery", http.StatusOK, "do", "resend")
	c.Clock.Add(time.Second)
	p.redeem("mia")
	for _, link := range []bridge.Secret{earlier.Link, foreign.Link} {
		opened := get("/link/"+link.Reveal(), p.session()).to(t, c)
		p.Plant(c.URL, web.SessionCookie, opened.session(t))
		p.open("/enrol", http.StatusOK) // in another tab, before what follows is asked for
		p.at("/enrol")
		p.open("/link", http.StatusOK)
		p.at("/enrol")
		if a := post("/link", p.session(), p.token(), "do", "redeem").to(t, c); a.header.Get("Location") != "/enrol" {
			t.Errorf("an old press: %d %s", a.status, a.header.Get("Location"))
		}
	}
	if n := len(c.Events("link.wrong_person")); n != 1 {
		t.Errorf("%d foreign links on record", n)
	}
	p.finish()
	p.open("/link", http.StatusOK)
	p.at("/done")
}

// A second press of "This wasn't me", in a mail or after the sign-in, and a reload of its answer, say once more that it is stopped; others hear once.
func TestASecondObjectionFindsItStopped(t *testing.T) {
	t.Parallel()
	for what, press := range map[string]func(t *testing.T, c *campus.Campus, p *person) byHand{
		"veto link": func(t *testing.T, c *campus.Campus, p *person) byHand {
			t.Helper()
			p.ask("mia")
			mail := lastLink(t, c)
			p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
			return post("/veto", p.session(), p.token(), "choice", "stop", "number", mail.Objection)
		},
		"link": func(t *testing.T, c *campus.Campus, p *person) byHand {
			t.Helper()
			newPerson(t, c).ask("mia")
			p.comesBack("mia", lastLink(t, c).Link.Reveal())
			return post("/link", p.session(), p.token(), "do", "notme")
		},
		"temporary code": func(t *testing.T, c *campus.Campus, p *person) byHand {
			t.Helper()
			hasCode(t, c, "mia")
			mail := c.Mails(bridge.NoticeTemporary)[0]
			p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
			return post("/veto", p.session(), p.token(), "choice", "stop", "number", mail.Objection)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.Clock.Stop()
			member(c, "mia")
			q := press(t, c, newPerson(t, c))
			if got := together(t, c, times(3, q)...); got["200"] != 3 {
				t.Errorf("at once: %v", got)
			}
			if a := q.to(t, c); a.status != http.StatusOK {
				t.Errorf("again: %d %s", a.status, text(a.body))
			}
			if n := len(c.Events("recovery.vetoed")) + len(c.Events("temporary.vetoed")); n != 1 {
				t.Errorf("%d objections on record", n)
			}
			if n := len(c.Mails(bridge.NoticeCancelled)); n > 1 {
				t.Errorf("%d notices", n)
			}
			if q.form.Get("number") != "" {
				q.form.Set("number", wrongNumber(q.form.Get("number")))
				if a := q.to(t, c); a.status != http.StatusUnprocessableEntity {
					t.Errorf("a wrong number: %d", a.status)
				}
			}
		})
	}
}
