package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

func later(d time.Duration, ways ...bridge.Way) bridge.Policy {
	return bridge.Policy{Name: "later", Ways: ways, Approvals: 1, Checks: 1, Delay: d}
}

// delayed is a campus on which somebody's call was approved and a waiting period runs.
func delayed(t *testing.T, d time.Duration) (*campus.Campus, *person) {
	t.Helper()
	c := campus.OpenDesk(t)
	policies(c, later(d, bridge.WayDesk))
	member(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	carol.approves()
	carol.says("waiting period begins")
	carol.open("/desk", http.StatusOK)
	carol.says("Waiting 0")
	if countEvents(c, "recovery.delayed") != 1 {
		t.Error("the waiting period is not on record")
	}
	return c, p
}

// POL-04, POL-05 by desk: the waiting period keeps nothing of the first proof. After it whoever signs in anew gets a new code, and an operator
// has to know the person again.
func TestAWaitingPeriodAfterACall(t *testing.T) {
	t.Parallel()
	c, p := delayed(t, 72*time.Hour)
	tells(t, c, bridge.NoticeDelay, "somebody@mail.example.org")
	p.open("/recovery", http.StatusOK)
	p.says("You can re-register from")
	p.send("/recovery", http.StatusConflict, "do", "renew")
	p.open("/enrol", http.StatusOK)
	p.at("/recovery")
	until := recovery(t, c, "somebody").NotBefore
	c.Clock.Stop() // a second on a busy machine is short
	c.Clock.Add(until.Sub(c.Clock.Now()) - time.Second)
	early := at(t, c, "somebody")
	early.signIn("somebody")
	early.says("You can re-register from")
	early.send("/recovery", http.StatusConflict, "do", "start", "reason", "lost", "way", "desk")
	early.send("/recovery", http.StatusConflict, "do", "renew")
	c.Clock.Add(2 * time.Second)
	early.open("/enrol", http.StatusOK) // the password alone gains nothing
	early.at("/recovery")
	early.says("no longer valid")
	early.send("/recovery", http.StatusOK, "do", "renew")
	code := early.reads()
	other := at(t, c, "somebody")
	other.signIn("somebody")
	if strings.Contains(other.Body, code[:4]+" "+code[4:]) {
		t.Error("another browser sees the code")
	}
	dave := operator(t, c, "dave")
	dave.says("Waiting 1")
	dave.looksUp("somebody", code)
	dave.approves()
	early.open("/recovery", http.StatusOK)
	early.at("/enrol")
	early.finish()
}

// POL-05: every notice can stop it, for as long as the waiting period runs, whoever touches the recovery meanwhile.
func TestAWaitingPeriodCanBeStoppedFromEveryNotice(t *testing.T) {
	t.Parallel()
	for _, kind := range []bridge.NoticeKind{bridge.NoticeRequest, bridge.NoticeApproved, bridge.NoticeDelay} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c, _ := delayed(t, 72*time.Hour)
			c.Clock.Add(time.Hour)
			o := operator(t, c, "carol")
			o.send("/desk", http.StatusUnprocessableEntity, "name", "somebody", "code", "12345678")
			mail := c.Mails(kind)[0]
			robot := newPerson(t, c)
			robot.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
			robot.send("/veto", http.StatusUnprocessableEntity, "choice", "stop", "number", "000000")
			c.Clock.Add(70 * time.Hour)
			if r := recovery(t, c, "somebody"); r.State != bridge.Waiting {
				t.Fatalf("looks and wrong numbers ended it: %s", r.State)
			}
			owner := newPerson(t, c)
			owner.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
			owner.send("/veto", http.StatusOK, "choice", "stop", "number", mail.Objection)
			if r := recovery(t, c, "somebody"); r.End != bridge.EndVetoed {
				t.Errorf("%s %s", r.State, r.End)
			}
			c.Clock.Add(2 * time.Hour)
			if countEvents(c, "recovery.proven") != 0 {
				t.Error("proven all the same")
			}
		})
	}
}

// POL-04 by mail: the first link begins the waiting period; after it a new link is mailed and has to be redeemed like the first.
func TestAWaitingPeriodAfterALink(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	policies(c, later(24*time.Hour, bridge.WayMail, bridge.WayDesk))
	member(c, "somebody")
	p := at(t, c, "somebody")
	p.ask("somebody")
	first := lastLink(t, c)
	p.comesBack("somebody", first.Link.Reveal())
	p.send("/link", http.StatusOK, "do", "redeem")
	p.at("/recovery")
	p.says("You can re-register from")
	until := recovery(t, c, "somebody").NotBefore
	if d := until.Sub(c.Clock.Now()); d < 23*time.Hour+59*time.Minute || d > 24*time.Hour {
		t.Errorf("the waiting period is %s", d)
	}
	tells(t, c, bridge.NoticeDelay, "somebody@mail.example.org")
	c.Clock.Stop()
	c.Clock.Add(until.Sub(c.Clock.Now()) - 5*time.Second)
	if len(c.Mails(bridge.NoticeLink)) != 1 {
		t.Fatal("a link before its time")
	}
	again := at(t, c, "somebody")
	again.comesBack("somebody", first.Link.Reveal())
	again.want(http.StatusNotFound)
	c.Clock.Add(6 * time.Second)
	c.Wait(t, "the second link", func() bool { return len(c.Mails(bridge.NoticeLink)) == 2 })
	c.Clock.Add(2 * time.Second)
	last := at(t, c, "somebody")
	last.signIn("somebody")
	last.open("/enrol", http.StatusOK)
	last.at("/recovery") // the password alone gains nothing
	last.redeem("somebody")
	last.finish()
}

// A link that is sent again does not take away what earlier notices can do.
func TestANoticeStopsAlsoAfterTheLinkWasSentAgain(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	first := lastLink(t, c)
	c.Clock.Add(bridge.LimitLinkMinute.Per)
	p.send("/recovery", http.StatusOK, "do", "resend")
	if lastLink(t, c).Veto == first.Veto {
		t.Fatal("the veto link is the old one")
	}
	owner := newPerson(t, c)
	owner.open("/veto/"+first.Veto.Reveal(), http.StatusOK)
	owner.send("/veto", http.StatusUnprocessableEntity, "choice", "stop", "number", lastLink(t, c).Objection)
	owner.send("/veto", http.StatusOK, "choice", "stop", "number", first.Objection)
	if r := recovery(t, c, "alice"); r.End != bridge.EndVetoed {
		t.Errorf("%s %s", r.State, r.End)
	}
}
