package web_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// The end of what a code opened does not speak against a recovery under way; but it covers no end by an administrator, and spares no recovery
// by mail when somebody else may read that.
func TestTheEndOfATemporaryCodeExcusesItselfOnly(t *testing.T) {
	t.Parallel()
	for how, excused := range map[string]bool{"given back": true, "given back after an administrator": false, "vetoed": false} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner", second("owner"))
			id := c.KC.PersonID(name)
			_, code := hasCode(t, c, name)
			if !newPerson(t, c).portal(name, typed(code)) {
				t.Fatal("the code does not work")
			}
			c.Clock.Add(2 * time.Second) // Keycloak notes whole seconds
			p := newPerson(t, c)
			p.ask(name)
			c.Clock.Add(2 * time.Second)
			if how == "given back after an administrator" {
				p.must(c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions}))
				c.Clock.Add(2 * time.Second)
			}
			if how == "vetoed" {
				mail := c.Mails(bridge.NoticeTemporary)[0]
				p.must(c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection))
			} else {
				p.must(c.Flow.EndTemporary(t.Context(), bridge.Viewer{Person: id}))
			}
			awaitsEnd(t, c, name)
			a, r := accountOf(t, c, name), recovery(t, c, name)
			if ended := !a.NotBefore.IsZero(); !ended || r.State != bridge.Waiting || r.Snapshot.NotBefore.Equal(a.NotBefore) != excused {
				t.Errorf("%s, not before %v, excused until %v", r.State, a.NotBefore, r.Snapshot.NotBefore)
			}
		})
	}
}
