package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// temporaryComesBackOld puts an earlier copy of a temporary code into the store.
func temporaryComesBackOld(t *testing.T, c *campus.Campus, old bridge.TemporaryCode) {
	t.Helper()
	_, err := c.Flow.Temporaries.Update(t.Context(), old.Person, 0, func(bridge.TemporaryCode, bool) (bridge.TemporaryCode, error) { return old, nil })
	if err != nil {
		t.Fatal(err)
	}
}

// INV-2: the store comes back as it was while a code lived, or while it was being ended; since then the person has registered a new authenticator:
// that stays. The trail says so, of the code or of the swap, or the code's day is long over.
func TestATemporaryCodeThatComesBackOldUndoesNothing(t *testing.T) {
	t.Parallel()
	for _, witness := range []string{"code", "swap", "day"} {
		for _, state := range []bridge.TemporaryState{bridge.TemporaryLive, bridge.TemporaryUsed, bridge.TemporaryEnding} {
			t.Run(witness+" "+string(state), func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				name := member(c, "owner")
				id := c.KC.PersonID(name)
				hasCode(t, c, name)
				old := temporaryOf(t, c, name)
				p := newPerson(t, c)
				p.signIn(name)
				p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
				p.redeem(name)
				key := p.scan()
				c.Clock.Add(time.Second)
				p.confirm(p.code(key), http.StatusOK)
				c.Clock.Add(31 * time.Second)
				awaitsEnd(t, c, name)
				c.StopWork()
				switch old.State = state; state {
				case bridge.TemporaryUsed:
					old.UsedAt = old.StartedAt
				case bridge.TemporaryEnding:
					old.UsedAt, old.End, old.EndedAt = old.StartedAt, bridge.TemporaryGivenBack, old.StartedAt
				}
				if witness != "code" {
					c.Flow.Ended = nil
				}
				if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil { // lost with the rest
					t.Fatal(err)
				}
				if witness == "day" && state != bridge.TemporaryEnding {
					c.Flow.Recovered = nil
					c.Clock.Add(bridge.TemporaryLife + 2*time.Hour)
				}
				temporaryComesBackOld(t, c, old)
				if _, err := c.Flow.RunTemporary(t.Context(), id); err != nil || temporaryOf(t, c, name).Open() {
					t.Fatalf("%v, %+v", err, temporaryOf(t, c, name))
				}
				newOnly(t, c, name, key)
				if witness == "day" { // and nobody knows of the recovery: an alarm
					return
				}
				if len(c.Events("alarm.temporary_changed")) != 0 || len(c.Mails(bridge.NoticeTemporaryBack)) != 0 {
					t.Errorf("events %v", names(c))
				}
			})
		}
	}
}
