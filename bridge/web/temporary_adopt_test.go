package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// TMP-04: what somebody added after the end of a code that was used does not become the person's by another code, which is asked for before anybody looks.
func TestAnotherTemporaryCodeAdoptsNothing(t *testing.T) {
	t.Parallel()
	for _, end := range []bridge.TemporaryEnd{bridge.TemporaryGivenBack, bridge.TemporaryExpired} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := usedAndEnded(t, c, end)
			id := c.KC.PersonID(name)
			c.StopWork()
			thief(c, id, bridge.TypeOTP)
			if _, err := c.Flow.AskTemporary(t.Context(), asksTemporary(t, c, name)); bridge.CodeOf(err) != bridge.CodeDeskOnly {
				t.Errorf("another code: %v", err)
			}
			if _, err := c.Flow.RunTemporary(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if got := temporaryOf(t, c, name); got.End != bridge.TemporaryChanged || holds(c, id, "thief") != (end == bridge.TemporaryExpired) {
				t.Errorf("%s, the thief's stands: %v", got.End, holds(c, id, "thief"))
			}
			if n := len(c.Events("alarm.temporary_changed")); n != 1 || len(c.Mails(bridge.NoticeTemporary)) != 1 {
				t.Errorf("%d alarms, %d codes mailed", n, len(c.Mails(bridge.NoticeTemporary)))
			}
		})
	}
}

// The same where the help desk approved the second code.
func TestAnApprovedCodeAdoptsNothing(t *testing.T) {
	t.Parallel()
	c, _ := codesByDesk(t)
	name := member(c, "other")
	p, code := hasCode(t, c, name)
	if !newPerson(t, c).portal(name, typed(code)) {
		t.Fatal("the code does not work")
	}
	c.Clock.Add(31 * time.Second)
	p.open("/temporary", http.StatusOK)
	p.send("/temporary", http.StatusOK, "do", "end")
	awaitsEnd(t, c, name)
	c.Clock.Add(time.Minute)
	p = callsForCode(t, c, name)
	carol := operator(t, c, "carol")
	carol.looksUp(name, p.reads())
	carol.approves()
	p.open("/recovery", http.StatusOK)
	p.at("/temporary")
	c.StopWork()
	id := c.KC.PersonID(name)
	thief(c, id, bridge.TypeOTP)
	p.send("/temporary", http.StatusForbidden, "do", "show")
	if _, err := c.Flow.RunTemporary(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := temporaryOf(t, c, name); got.End != bridge.TemporaryChanged || holds(c, id, "thief") || len(c.Events("alarm.temporary_changed")) != 1 {
		t.Errorf("%s, the thief's stands: %v, events %v", got.End, holds(c, id, "thief"), names(c))
	}
}
