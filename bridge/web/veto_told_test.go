package web_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// mute is a queue that takes no mail.
type mute struct{}

func (mute) Send(context.Context, bridge.Notice) error {
	return bridge.Fault(bridge.CodeStoreAway, "queue mail", nil)
}

// untold is a person whose recovery was stopped from its mail by a process that died before anybody heard of it.
func untold(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
	p := newPerson(t, c)
	p.ask(member(c, name))
	mail, f := lastLink(t, c), *c.Flow
	f.Mail = mute{}
	p.must(f.Veto(t.Context(), mail.Veto.Hash(), mail.Objection))
	if n := len(c.Mails(bridge.NoticeCancelled)); n != 0 || recovery(t, c, name).End != bridge.EndVetoed {
		t.Fatalf("%d notices already", n)
	}
	return p
}

// broughtIn lets a thief recover somebody's account by mail and, so much later, sign in with what they brought. It returns the mail, which its owner still has.
func broughtIn(t *testing.T, c *campus.Campus, name string, later time.Duration) bridge.Notice {
	t.Helper()
	member(c, name)
	thief := proven(t, c, name)
	mail, key := lastLink(t, c), thief.scan()
	thief.finish()
	c.Clock.Add(later)
	if !opensPortal(t, c, name, key) {
		t.Fatal("the thief is not in")
	}
	return mail
}

// MAIL-11: of an objection every address hears, though the process that took it died, or could queue no mail.
func TestAnObjectionIsToldThoughNobodyCould(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	untold(t, c, "mia")
	c.Clock.Add(31 * time.Second)
	c.Wait(t, "the notice", func() bool { return len(c.Mails(bridge.NoticeCancelled)) > 0 })
	c.Wait(t, "the end of the job", func() bool { return len(recovery(t, c, "mia").Unsaid) == 0 })
	if n := len(c.Mails(bridge.NoticeDeskVetoed)); n != 1 {
		t.Errorf("%d mails to the desk", n)
	}
	c.StopWork()
	if next, err := c.Flow.RunVeto(t.Context(), c.KC.PersonID("mia")); err != nil || !next.IsZero() || len(c.Mails(bridge.NoticeCancelled)) != 1 {
		t.Errorf("told again: %v, %d notices", err, len(c.Mails(bridge.NoticeCancelled)))
	}
}

// While no mail can be queued an objection is tried again and again, and is on record once.
func TestAnObjectionThatNobodyHearsOfIsOnRecordOnce(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	untold(t, c, "mia")
	mail, id := c.Flow.Mail, c.KC.PersonID("mia")
	c.Flow.Mail = mute{}
	for range 3 {
		c.Clock.Add(time.Minute)
		if next, err := c.Flow.RunVeto(t.Context(), id); err != nil || next.IsZero() {
			t.Fatal(next, err)
		}
	}
	c.Flow.Mail = mail
	if next, err := c.Flow.RunVeto(t.Context(), id); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	if n, told := len(c.Events("recovery.vetoed")), len(c.Mails(bridge.NoticeCancelled)); n != 1 || told != 1 {
		t.Errorf("%d times on record, %d notices", n, told)
	}
}

// An objection that a release kept for which record and notices were one is told, too.
func TestAnObjectionOfAnEarlierReleaseIsTold(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	untold(t, c, "mia")
	id := c.KC.PersonID("mia")
	_, err := c.Flow.Recoveries.Update(t.Context(), id, 0, func(old bridge.Recovery, _ bool) (bridge.Recovery, error) {
		old.Unsaid = []string{"recovery.vetoed"}
		return old, nil
	})
	must2(t, err)
	if next, err := c.Flow.RunVeto(t.Context(), id); err != nil || !next.IsZero() || len(c.Mails(bridge.NoticeCancelled)) != 1 || len(c.Mails(bridge.NoticeDeskVetoed)) != 1 {
		t.Errorf("%v, %v, %d notices", next, err, len(c.Mails(bridge.NoticeCancelled)))
	}
}

// A new start, for which the thief's password is enough, does not silence it.
func TestANewStartSilencesNoObjectionThatNobodyHeardOf(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	untold(t, c, "mia")
	c.Clock.Add(61 * time.Second)
	newPerson(t, c).ask("mia")
	if n := len(c.Mails(bridge.NoticeCancelled)); n != 1 || !recovery(t, c, "mia").Open() {
		t.Errorf("%d notices, %s", n, recovery(t, c, "mia").State)
	}
}

// An objection after the end: a process that dies over it, or a Keycloak that is away, leaves it to the job, which ends the thief's sessions.
func TestAnObjectionAfterTheEndIsCarriedOutLater(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	mail := broughtIn(t, c, "mia", time.Hour)
	f := *c.Flow
	f.Target = unable{c.Flow.Target, bridge.CodeKeycloakAway}
	if err := f.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
		t.Fatalf("the objection: %v", err)
	}
	if c.KC.Sessions(c.KC.PersonID("mia")) == 0 {
		t.Fatal("nothing is left to do")
	}
	c.Clock.Add(31 * time.Second)
	c.Wait(t, "the end of the thief's sessions", func() bool { return c.KC.Sessions(c.KC.PersonID("mia")) == 0 })
	c.Wait(t, "the end of the job", func() bool { return len(recovery(t, c, "mia").Unsaid) == 0 })
	objects(t, c, mail, mail.Objection, http.StatusOK)
}

// A new start does not silence it either while it cannot be carried out: whoever has the password waits until the sessions have ended.
func TestANewStartForgetsNoObjectionThatCannotBeCarriedOut(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	mail := broughtIn(t, c, "mia", time.Hour)
	c.StopWork()
	target := c.Flow.Target
	c.Flow.Target = unable{target, bridge.CodeRefusedByAccount}
	if err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); bridge.CodeOf(err) != bridge.CodeRefusedByAccount {
		t.Fatalf("the objection: %v", err)
	}
	again := at(t, c, "mia")
	again.signIn("mia")
	again.send("/recovery", http.StatusServiceUnavailable, "do", "start", "reason", "lost", "way", "desk")
	if r := recovery(t, c, "mia"); r.State != bridge.Done || len(r.Unsaid) != 1 {
		t.Fatalf("%s, unsaid %q", r.State, r.Unsaid)
	}
	c.Flow.Target = target
	again.send("/recovery", http.StatusForbidden, "do", "start", "reason", "lost", "way", "desk") // its sign-in ended with the others
	c.Clock.Add(time.Minute)
	again = at(t, c, "mia")
	again.signIn("mia")
	again.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "desk")
	if n := c.KC.Sessions(c.KC.PersonID("mia")); n != 0 || !recovery(t, c, "mia").Open() {
		t.Errorf("%d sessions, %s", n, recovery(t, c, "mia").State)
	}
}

// Issue 5: what Keycloak refuses, or answers with a 404 as a proxy does during a redeploy, is told once, is tried on, and what lasts is seen by an administrator,
// who may give it up.
func TestAnObjectionThatKeycloakRefusesIsSeen(t *testing.T) {
	t.Parallel()
	for code, seen := range map[bridge.Code]bool{bridge.CodeRefusedByAccount: true, bridge.CodeGone: false} {
		for _, mended := range []bool{true, false} {
			c := campus.OpenDesk(t)
			c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
			mail := broughtIn(t, c, "mia", 0)
			c.StopWork()
			id, target := c.KC.PersonID("mia"), c.Flow.Target
			c.Flow.Target = unable{target, code}
			if err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); err == nil {
				t.Fatal("it is done")
			}
			for range 5 {
				c.Clock.Add(40 * time.Second)
				if next, err := c.Flow.RunVeto(t.Context(), id); err != nil || next.IsZero() || next.After(c.Clock.Now().Add(time.Minute)) {
					t.Fatal(next, err)
				}
			}
			r := recovery(t, c, "mia")
			why, needed := r.Attention()
			if needed != seen || needed && why != code || (len(marks(t, c)) == 1) != seen {
				t.Errorf("%s: %q, %d marks", code, why, len(marks(t, c)))
			}
			if n, m := len(c.Events("alarm.objected")), len(c.Mails(bridge.NoticeDeskObjected)); n != 1 || m != 1 {
				t.Errorf("%s: %d alarms, %d mails to the desk", code, n, m)
			}
			if mended || !seen {
				c.Flow.Target = target
			} else if _, err := c.Flow.Administer(t.Context(), id, r.ID, bridge.AdminCancel); err != nil {
				t.Error(err)
			}
			if next, err := c.Flow.RunVeto(t.Context(), id); err != nil || !next.IsZero() || len(recovery(t, c, "mia").Unsaid) != 0 || len(marks(t, c)) != 0 {
				t.Errorf("%s: %v, %v, %d marks", code, next, err, len(marks(t, c)))
			}
			if left := c.KC.Sessions(id) != 0; left != (seen && !mended) {
				t.Errorf("%s: %d sessions", code, c.KC.Sessions(id))
			}
		}
	}
}

// unable is a Keycloak that does nothing.
type unable struct {
	bridge.SwapTarget

	code bridge.Code
}

func (u unable) Do(context.Context, string, bridge.Action) error {
	return bridge.Fault(u.code, "do", nil)
}
