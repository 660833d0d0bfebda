package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/web"
)

// SES-03, INV-1: somebody with the password plants the cookie of his own session, or leaves it behind on a shared computer. A link that the owner
// opens there is known in that browser only.
func TestAPlantedSessionLearnsNoLink(t *testing.T) {
	t.Parallel()
	t.Run("signed in after the mail", func(t *testing.T) {
		t.Parallel()
		campus.OnBoth(t, func(t *testing.T, c *campus.Campus) {
			learnsNoLink(t, c, func(thief *person) { thief.signIn("alice") }) // younger than the link: nothing more is asked of its holder
		})
	})
	t.Run("about to sign in", func(t *testing.T) {
		t.Parallel()
		campus.OnBoth(t, func(t *testing.T, c *campus.Campus) {
			learnsNoLink(t, c, func(thief *person) {
				thief.open("/start", http.StatusOK)
				thief.send("/start", http.StatusOK, "name", "alice")
			})
		})
	})
}

func learnsNoLink(t *testing.T, c *campus.Campus, plants func(thief *person)) {
	t.Helper()
	thief, alice := newPerson(t, c), newPerson(t, c)
	thief.ask("alice")
	mail := lastLink(t, c)
	for path, link := range map[string]bridge.Secret{"/link": mail.Link, "/veto": mail.Veto} {
		c.Clock.Add(time.Second)
		plants(thief)
		planted, token := thief.session(), formToken(t, c, thief.session())
		alice.Plant(c.URL, web.SessionCookie, planted)
		alice.open(path+"/"+link.Reveal(), http.StatusOK)
		if alice.session() == planted {
			t.Errorf("the planted id lives on after %s was opened", path)
		}
		for _, q := range []byHand{
			get("/link", planted), get("/veto", planted), get("/recovery", planted), get("/enrol", planted),
			post("/link", planted, token, "do", "redeem"), post("/link", planted, token, "do", "notme"),
			post("/veto", planted, token, "choice", "stop", "number", mail.Objection), get("/enrol", planted),
		} {
			if a := q.to(t, c); a.status < 400 && a.header.Get("Location") != "/recovery" || q.method == http.MethodPost && a.status != http.StatusForbidden {
				t.Errorf("%s %s %v: %d %s", q.method, q.path, q.form, a.status, a.header.Get("Location"))
			}
		}
	}
	if r := recovery(t, c, "alice"); r.State != bridge.Waiting {
		t.Fatalf("the planted session made it %s", r.State)
	}
	alice.redeem("alice")
}

// A link that is opened takes nothing else of the session: another tab of the same browser goes on, with the form that it showed before.
func TestALinkLeavesTheRestOfTheSession(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, func(t *testing.T, c *campus.Campus) {
		p := newPerson(t, c)
		p.ask("alice")
		token, before, mail := p.token(), p.session(), lastLink(t, c)
		id, asker := recovery(t, c, "alice").ID, recovery(t, c, "alice").Asker
		p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
		after := p.session()
		a := post("/recovery", after, token, "do", "check").to(t, c)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != "/recovery" {
			t.Errorf("the other tab's form: %d %s", a.status, a.header.Get("Location"))
		}
		p.open("/recovery", http.StatusOK)
		p.says("Mail sent")
		if r := recovery(t, c, "alice"); r.ID != id || r.Asker != asker {
			t.Errorf("%+v", r)
		}
		p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK) // reloaded, or pressed in the mail again
		if p.session() != after {
			t.Error("the same link took another id")
		}
		again := get("/veto/"+mail.Veto.Reveal(), before).to(t, c) // was on its way together with the first one
		if again.status != http.StatusSeeOther || len(again.header.Values("Set-Cookie")) > 0 {
			t.Errorf("a press with the cookie of before: %d %v", again.status, again.header)
		}
		c.Clock.Add(2 * time.Minute)
		if other := get("/link/"+mail.Link.Reveal(), before).to(t, c).session(t); !isGuest(other) {
			t.Errorf("a dead id went on as %.20q", other)
		}
		c.Clock.Add(12 * time.Minute)
		p.open("/recovery", http.StatusOK)
		c.Clock.Add(14 * time.Minute)
		p.open("/recovery", http.StatusOK)
	})
}

// What a press found out after its answer reaches the session though a link was opened meanwhile.
func TestALinkLosesNoSignInUnderWay(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	opened(t, c, "mia")
	c.Web.StartPause = time.Millisecond
	hold := c.KC.Hold(http.MethodGet, adminCredentials, false)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "mia")
	held(t, hold)
	other := newPerson(t, c) // another tab
	other.Plant(c.URL, web.SessionCookie, p.session())
	for _, path := range []string{"/veto/", "/link/"} {
		other.open(path+bridge.NewToken().Reveal(), http.StatusOK)
	}
	p.Plant(c.URL, web.SessionCookie, other.session())
	hold.Release()
	c.Wait(t, "the gate", func() bool { return web.Opened(t, c.Web, p.session()) })
	c.Clock.Add(3 * time.Second)
	p.must(p.Password(t.Context(), "mia", "mia-password"))
	p.at("/link")
	p.open("/recovery", http.StatusOK)
	p.says("What will happen")
}
