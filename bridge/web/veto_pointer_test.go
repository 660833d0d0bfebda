package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// MAIL-11, STO-11: Keycloak is away for days in the middle of a swap. An objection is heard all that time, and for three days after the end.
func TestAnObjectionIsHeardAfterALongOutage(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"in the outage", "after the end"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			member(c, "mia")
			p := proven(t, c, "mia")
			mail, key := lastLink(t, c), p.scan()
			mend := c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: "/admin/realms/*/users/*", Status: http.StatusServiceUnavailable})
			p.send("/enrol", http.StatusOK, "do", "confirm", "code", p.code(key))
			c.Clock.Add(100 * time.Hour)
			if _, err := c.Flow.Expire(t.Context(), c.KC.PersonID("mia")); err != nil || recovery(t, c, "mia").State != bridge.Writing {
				t.Fatalf("%v %s", err, recovery(t, c, "mia").State)
			}
			if when == "in the outage" {
				objects(t, c, mail, mail.Objection, http.StatusOK)
			}
			mend()
			c.Wait(t, "the end of the swap", func() bool {
				c.Clock.Add(time.Second)
				return recovery(t, c, "mia").State == bridge.Done
			})
			if when == "after the end" {
				c.Clock.Add(71 * time.Hour)
				objects(t, c, mail, mail.Objection, http.StatusOK)
			}
			if n := len(c.Events("alarm.objected")); n != 1 {
				t.Errorf("%d alarms", n)
			}
		})
	}
}

// TMP-04, STO-11: a temporary code that was used ends with its day, and an objection to it is heard for three days more.
func TestAnObjectionToATemporaryCodeIsHeardThreeDaysAfterItsDay(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "mia")
	_, code := hasCode(t, c, "mia")
	if !newPerson(t, c).portal("mia", typed(code)) {
		t.Fatal("the code does not work")
	}
	c.Clock.Add(25 * time.Hour)
	awaitsEnd(t, c, "mia")
	c.Clock.Add(70 * time.Hour)
	mail := c.Mails(bridge.NoticeTemporary)[0]
	objects(t, c, mail, mail.Objection, http.StatusOK)
	if n := len(c.Events("alarm.objected")); n != 1 {
		t.Errorf("%d alarms", n)
	}
}

// STO-11: what leads from a veto link to its recovery is lost; the recovery's job repairs it.
func TestALostPointerIsRepaired(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, func(t *testing.T, c *campus.Campus) {
		proven(t, c, member(c, "mia"))
		mail := lastLink(t, c)
		if err := c.Flow.Links.Delete(t.Context(), mail.Veto.Hash()); err != nil {
			t.Fatal(err)
		}
		objects(t, c, mail, mail.Objection, http.StatusNotFound)
		if _, err := c.Flow.Expire(t.Context(), c.KC.PersonID("mia")); err != nil {
			t.Fatal(err)
		}
		objects(t, c, mail, mail.Objection, http.StatusOK)
		if r := recovery(t, c, "mia"); r.End != bridge.EndVetoed {
			t.Errorf("%s %s", r.State, r.End)
		}
	})
}
