package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// usedAndEnded is somebody whose code was used, and then ended by them or by its day.
func usedAndEnded(t *testing.T, c *campus.Campus, end bridge.TemporaryEnd) (name string) {
	t.Helper()
	name = member(c, "owner", second("owner"))
	p, code := hasCode(t, c, name)
	if !newPerson(t, c).portal(name, typed(code)) {
		t.Fatal("the code does not work")
	}
	c.Clock.Add(31 * time.Second)
	switch end {
	case bridge.TemporaryGivenBack:
		p.open("/temporary", http.StatusOK)
		p.send("/temporary", http.StatusOK, "do", "end")
	case bridge.TemporaryVetoed:
		mail := c.Mails(bridge.NoticeTemporary)[0]
		p.must(c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection))
	default:
		c.Wait(t, "the use to be seen", func() bool { return !temporaryOf(t, c, name).UsedAt.IsZero() })
		c.Clock.Add(bridge.TemporaryLife)
	}
	if got := awaitsEnd(t, c, name); got.End != end || got.UsedAt.IsZero() {
		t.Fatalf("%s, used %v", got.End, got.UsedAt)
	}
	return name
}

// TMP-04: a sign-in that stood at a page behind the code goes on after the end of the code. What it adds is found for three days, and goes where
// somebody had ended the code.
func TestWhatComesAfterTheEndOfAUsedCodeIsFound(t *testing.T) {
	t.Parallel()
	for end, stays := range map[bridge.TemporaryEnd]bool{bridge.TemporaryGivenBack: false, bridge.TemporaryVetoed: false, bridge.TemporaryExpired: true} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := usedAndEnded(t, c, end)
			id := c.KC.PersonID(name)
			c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
			before := len(c.Mails(bridge.NoticeTemporaryBack))
			c.Clock.Add(bridge.KeepEnded - 2*time.Hour)
			thief(c, id, bridge.TypeOTP)
			c.Clock.Add(time.Minute)
			c.Wait(t, "the alarm", func() bool { return temporaryOf(t, c, name).End == bridge.TemporaryChanged })
			if got := awaitsEnd(t, c, name); holds(c, id, "thief") != stays || !got.Disputed(c.Clock.Now()) {
				t.Errorf("%s, the thief's stands: %v", got.End, holds(c, id, "thief"))
			}
			if n := len(c.Mails(bridge.NoticeTemporaryBack)); n != before+2 || c.KC.Sessions(id) != 0 {
				t.Errorf("%d mails, before %d; %d sessions", n, before, c.KC.Sessions(id))
			}
			saysBack(t, c, bridge.TemporaryOutcome{Undone: !stays, Kept: stays}, bridge.NoticeDeskTemporary)
			c.StopWork()
			c.Clock.Add(time.Minute)
			if next, err := c.Flow.RunTemporary(t.Context(), id); err != nil || next.IsZero() || len(c.Events("alarm.temporary_changed")) != 1 {
				t.Errorf("%v, %v, events %v", next, err, names(c))
			}
			c.Clock.Add(bridge.KeepEnded)
			if next, err := c.Flow.RunTemporary(t.Context(), id); err != nil || !next.IsZero() {
				t.Errorf("it is looked at for ever: %v, %v", next, err)
			}
		})
	}
}

// What the person adds in the settings, and what a recovery writes, is theirs; what comes after a recovery is an alarm, and stays.
func TestWhatThePersonAddsAfterTheEndOfAUsedCodeStays(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := usedAndEnded(t, c, bridge.TemporaryGivenBack)
	id := c.KC.PersonID(name)
	c.Clock.Add(time.Minute)
	owner(t, c, name).adds("tablet")
	quiet := func(want int) {
		t.Helper()
		c.Clock.Add(time.Minute)
		if _, err := c.Flow.RunTemporary(t.Context(), id); err != nil || len(c.Events("alarm.temporary_changed")) != want || temporaryOf(t, c, name).Open() {
			t.Fatalf("%v, events %v", err, names(c))
		}
	}
	quiet(0)
	if len(otps(c, name)) != 2 {
		t.Fatalf("%d OTPs", len(otps(c, name)))
	}
	p := newPerson(t, c)
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	p.redeem(name)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	quiet(0)
	newOnly(t, c, name, key)
	c.StopWork()
	thief(c, id, bridge.TypeOTP)
	quiet(1)
	if !holds(c, id, "thief") || len(otps(c, name)) != 2 {
		t.Errorf("%d OTPs", len(otps(c, name)))
	}
}
