package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// objects types the number of a mail; nobody signs in for it.
func objects(t *testing.T, c *campus.Campus, mail bridge.Notice, number string, want int) *person {
	t.Helper()
	p := newPerson(t, c)
	p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
	p.send("/veto", want, "choice", "stop", "number", number)
	return p
}

// offered are the ways that the request page offers to somebody who signs in now.
func offered(t *testing.T, c *campus.Campus, name string) (ways []string) {
	t.Helper()
	p := at(t, c, name)
	p.signIn(name)
	for _, way := range []string{"mail", "desk"} {
		if strings.Contains(p.Body, `name="way" value="`+way+`"`) {
			ways = append(ways, way)
		}
	}
	return ways
}

// MAIL-11, POL-05: somebody who reads the mail thirty hours after the end: the thief's sessions end, the gate shuts, the alarm is raised, the help
// desk hears of it, and for three days no link goes to that person, also when the thief has begun again meanwhile. The desk stays the way.
func TestAnObjectionAfterTheEndIsHeard(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		c := campus.OpenDesk(t)
		c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
		member(c, "mia")
		thief := proven(t, c, "mia")
		mail, key := lastLink(t, c), thief.scan()
		thief.finish()
		c.Clock.Add(30 * time.Hour)
		if again {
			newPerson(t, c).ask("mia")
		}
		if !opensPortal(t, c, "mia", key) || c.KC.Sessions(c.KC.PersonID("mia")) == 0 {
			t.Fatal("the thief is not in")
		}
		objects(t, c, mail, wrongNumber(mail.Objection), http.StatusUnprocessableEntity)
		if len(c.Events("alarm.objected")) != 0 || c.KC.Sessions(c.KC.PersonID("mia")) == 0 {
			t.Error("a wrong number is heard")
		}
		next := newPerson(t, c)
		next.open("/start", http.StatusOK)
		next.send("/start", http.StatusOK, "name", "mia")
		if len(gate(c)) == 0 {
			t.Fatal("the gate is shut")
		}
		p := objects(t, c, mail, mail.Objection, http.StatusOK)
		p.says("075-000-0000")
		p.says("All sign-ins of your account were ended")
		if n := c.KC.Sessions(c.KC.PersonID("mia")); n != 0 || len(gate(c)) != 0 {
			t.Errorf("%d sessions are left, gate %v", n, gate(c))
		}
		if len(c.Events("alarm.objected")) != 1 || len(c.Mails(bridge.NoticeDeskObjected)) != 1 {
			t.Errorf("%d alarms, %d mails to the desk", len(c.Events("alarm.objected")), len(c.Mails(bridge.NoticeDeskObjected)))
		}
		if r := recovery(t, c, "mia"); r.Open() || (r.End == bridge.EndVetoed) != again {
			t.Errorf("%s %s", r.State, r.End)
		}
		if got := offered(t, c, "mia"); !slices.Equal(got, []string{"desk"}) {
			t.Errorf("offered: %v", got)
		}
		caller(t, c, "mia").send("/recovery", http.StatusOK, "do", "cancel")
		c.Clock.Add(bridge.KeepEnded - time.Minute)
		if got := offered(t, c, "mia"); !slices.Equal(got, []string{"desk"}) {
			t.Errorf("offered three days later, less a minute: %v", got)
		}
		c.Clock.Add(2 * time.Minute)
		if got := offered(t, c, "mia"); !slices.Equal(got, []string{"mail", "desk"}) {
			t.Errorf("offered three days later: %v", got)
		}
	}
}

// MAIL-11: an objection is heard for three days after the end, and so often in an hour: whoever has only the mailbox ends no sessions all day.
func TestAnObjectionAfterTheEndHasItsLimits(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "mia")
	owner := proven(t, c, "mia")
	mail, key := lastLink(t, c), owner.scan()
	owner.finish()
	c.Clock.Add(bridge.KeepEnded - time.Minute)
	for range bridge.LimitObjection.Count {
		objects(t, c, mail, mail.Objection, http.StatusOK)
	}
	if !opensPortal(t, c, "mia", key) {
		t.Fatal("the owner is not in")
	}
	objects(t, c, mail, mail.Objection, http.StatusTooManyRequests)
	if e := c.Events("limit.reached"); len(e) != 1 || e[0].Target != c.KC.PersonID("mia") || e[0].Actor != "" {
		t.Errorf("on record: %+v", e)
	}
	c.Clock.Add(31 * time.Second)
	c.Wait(t, "the end of the job", func() bool { return len(recovery(t, c, "mia").Unsaid) == 0 })
	if n := len(c.Events("alarm.objected")); n != bridge.LimitObjection.Count || c.KC.Sessions(c.KC.PersonID("mia")) == 0 {
		t.Errorf("%d alarms, %d sessions", n, c.KC.Sessions(c.KC.PersonID("mia")))
	}
	c.Clock.Add(2 * time.Minute)
	objects(t, c, mail, mail.Objection, http.StatusNotFound)
}

// MAIL-11: Keycloak is away when somebody objects: the mail way is shut all the same, the page asks to try again, and that ends the sessions.
func TestAnObjectionWhileKeycloakIsAwayIsRepeated(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "mia")
	proven(t, c, "mia").finish()
	mail := lastLink(t, c)
	c.KC.Down()
	objects(t, c, mail, mail.Objection, http.StatusServiceUnavailable)
	if err := c.KC.Up(); err != nil {
		t.Fatal(err)
	}
	if !recovery(t, c, "mia").Disputed(c.Clock.Now()) || len(c.Events("alarm.objected")) != 1 {
		t.Error("nothing is kept of it")
	}
	objects(t, c, mail, mail.Objection, http.StatusOK)
}

// MAIL-11: the browser that finished gets no recovery codes once somebody objected: they would outlive the authenticator.
func TestNoRecoveryCodesAfterAnObjection(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	thief := atTheEnd(t, c, member(c, "mia"))
	mail := lastLink(t, c)
	objects(t, c, mail, mail.Objection, http.StatusOK)
	post("/done", thief.session(), thief.token(), "do", "codes").to(t, c)
	c.Wait(t, "the refusal", func() bool { return len(c.Events("recovery_codes.refused")) == 1 })
	if ids, _ := sets(c, "mia"); len(ids) != 0 {
		t.Errorf("codes were made: %v", ids)
	}
}
