package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// intentOf is what a trail says that holds the beginning of a swap or a lock and not its end.
func intentOf(t *testing.T, c *campus.Campus, kind string) bridge.Intent {
	t.Helper()
	e := c.Events(kind + ".intended")[0]
	return bridge.Intent{
		What: bridge.Undertaking(kind), Person: e.Target, Recovery: e.Recovery, Way: bridge.Way(e.Way), Added: e.Added, Removed: e.Removed, Begun: c.Clock.Now(),
	}
}

// quiet fails the test unless the look at an intent changes nothing that anybody feels, and closes it.
func quiet(t *testing.T, c *campus.Campus, i bridge.Intent) {
	t.Helper()
	kind := string(i.What)
	done := kind + ".done"
	ids := func() (all []string) {
		for _, k := range c.KC.Credentials(i.Person) {
			all = append(all, k.ID)
		}
		return all
	}
	before, sessions, mails, ends := ids(), c.KC.Sessions(i.Person), len(c.Mails("")), len(c.Events(done))
	if err := c.Flow.FinishIntent(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	if got := c.KC.Sessions(i.Person); got != sessions || sessions == 0 {
		t.Errorf("%d sessions, %d before", got, sessions)
	}
	if got := ids(); !slices.Equal(got, before) || len(c.Mails("")) != mails {
		t.Errorf("credentials %v, were %v; %d mails, were %d", got, before, len(c.Mails("")), mails)
	}
	if len(c.Events(done)) != ends+1 || len(c.Events(kind+".refused")) != 0 {
		t.Error("the trail does not say that it is over")
	}
}

// SWAP-11: a replica comes back, with a beginning in its trail that another one brought to its end and that the store has forgotten since: nobody
// is signed out or told again.
func TestAnEndOfAnotherReplicaIsNotFelt(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	p := proven(t, c, name)
	key := p.scan()
	from := c.Clock.Now()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	i := intentOf(t, c, "swap")
	i.Begun = from
	c.Clock.Add(3 * 24 * time.Hour)
	if err := c.Flow.Recoveries.Delete(t.Context(), i.Person); err != nil {
		t.Fatal(err)
	}
	if !newPerson(t, c).portal(name, func() string { return key.Code(c.Clock.Now()) }) {
		t.Fatal("no session before")
	}
	quiet(t, c, i)

	i.Begun = c.Clock.Now().Add(-25 * time.Hour) // nobody has ended the sessions since: the store was lost, and all replicas were away
	if err := c.Flow.FinishIntent(t.Context(), i); err != nil || c.KC.Sessions(i.Person) != 0 {
		t.Errorf("%v, %d sessions", err, c.KC.Sessions(i.Person))
	}
}

// The same when somebody has begun another recovery since, or has replaced the authenticator elsewhere.
func TestAnEndOfAnotherReplicaIsSeenInALaterRecovery(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "later")
	p := newPerson(t, c)
	p.reports(name)
	from := c.Clock.Now()
	p.redeem(name)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	lock, swap := intentOf(t, c, "lock"), intentOf(t, c, "swap")
	lock.Begun, swap.Begun = from, from
	c.Clock.Add(time.Hour)
	p = newPerson(t, c)
	p.ask(name)
	if !newPerson(t, c).portal(name, func() string { return key.Code(c.Clock.Now()) }) {
		t.Fatal("no session before")
	}
	quiet(t, c, lock)
	quiet(t, c, swap)
	if err := c.Flow.Target.Do(t.Context(), swap.Person, bridge.Action{Kind: bridge.ActionRemove, Credential: swap.Added}); err != nil {
		t.Fatal(err)
	}
	quiet(t, c, swap)
	swap.Begun = c.Clock.Now().Add(-25 * time.Hour)
	c.KC.AddCredential(swap.Person, fakekc.Credential{ID: swap.Removed[0], Type: bridge.TypeOTP, Label: "old", Data: "{}", SecretData: "{}"})
	if err := c.Flow.FinishIntent(t.Context(), swap); err != nil || len(c.Events("swap.refused")) != 1 {
		t.Errorf("what was never written: %v", err)
	}
}
