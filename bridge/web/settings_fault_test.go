package web_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// unlucky writes attributes, and then something goes wrong for a number of times.
type unlucky struct {
	bridge.Profiles
	left   atomic.Int32
	before bool // nothing was written
	err    error
	moved  []string
}

func (u *unlucky) SetAttributes(ctx context.Context, id string, change func(map[string][]string) map[string][]string) ([]string, error) {
	bad := u.left.Add(-1) >= 0
	if bad && u.before {
		return nil, u.err
	}
	moved, err := u.Profiles.SetAttributes(ctx, id, change)
	if bad {
		return append(moved, u.moved...), u.err
	}
	return moved, err
}

// unluckyCampus is a campus with somebody who has typed an address.
func unluckyCampus(t *testing.T, u *unlucky) (c *campus.Campus, p *person) {
	t.Helper()
	c = campus.Open(t)
	u.Profiles = c.Web.Settings.Profiles
	c.Web.Settings.Profiles = u
	p = owner(t, c, member(c, "emil", unaddressed))
	p.wantsMailAt("emil@example.org", http.StatusOK)
	return c, p
}

// hasOnly wants one address and everything about it once.
func hasOnly(t *testing.T, c *campus.Campus, address string) {
	t.Helper()
	c.Wait(t, "the address", func() bool { return countEvents(c, "address.added") > 0 })
	if got := addressesOf(t, c, "emil"); !slices.Equal(got, []string{address}) {
		t.Errorf("addresses %q", got)
	}
	tells(t, c, bridge.NoticeChanged, address)
	if n := countEvents(c, "address.intended"); n != 1 {
		t.Errorf("%d intents", n)
	}
	if n := countEvents(c, "address.added"); n != 1 {
		t.Errorf("%d ends", n)
	}
}

var errLost = errors.New("the answer is lost")

// INV-6, WB-12: a write whose answer was lost stands and is not repeated; one that did not arrive is sent again; what Keycloak keeps refusing ends as refused.
func TestAChangeOfAddressesUnderFaults(t *testing.T) {
	t.Parallel()
	away := bridge.Fault(bridge.CodeKeycloakAway, "test", errLost)
	t.Run("answer lost", func(t *testing.T) {
		u := &unlucky{err: away}
		u.left.Store(1)
		c, p := unluckyCampus(t, u)
		p.confirmsAddress("emil@example.org")
		hasOnly(t, c, "emil@example.org")
		if n := u.left.Load(); n != 0 {
			t.Errorf("written %d times", 1-n)
		}
		if e := c.Events("alarm.account_moved"); len(e) != 1 || e[0].Detail["fields"] != "not compared" {
			t.Errorf("alarms %v", e)
		}
	})
	t.Run("away", func(t *testing.T) {
		u := &unlucky{err: away, before: true}
		u.left.Store(2)
		c, p := unluckyCampus(t, u)
		p.confirmsAddress("emil@example.org")
		hasOnly(t, c, "emil@example.org")
	})
	t.Run("refused for good", func(t *testing.T) {
		u := &unlucky{err: &bridge.Error{Code: bridge.CodeRefusedByAccount, Field: "x"}, before: true}
		u.left.Store(1000)
		c, p := unluckyCampus(t, u)
		p.confirmsAddress("emil@example.org")
		c.Wait(t, "the refusal", func() bool {
			change, err := c.Web.Settings.Changes.Get(t.Context(), c.KC.PersonID("emil"))
			return err == nil && change.State == bridge.ChangeRefused
		})
		p.open("/settings", http.StatusOK)
		p.says("Nothing was changed")
		if n := len(c.Mails(bridge.NoticeChanged)); n > 0 {
			t.Errorf("%d notices", n)
		}
		if n := 1000 - u.left.Load(); n != 3+1 {
			t.Errorf("tried %d times", n)
		}
	})
	t.Run("too late", func(t *testing.T) {
		u := &unlucky{err: away, before: true}
		u.left.Store(1000)
		c, p := unluckyCampus(t, u)
		p.typesNumber("emil@example.org")
		p.says("The change is being made")
		c.Wait(t, "the first try", func() bool { return u.left.Load() < 1000 })
		c.Clock.Add(bridge.ChangeLife)
		c.StopWork()
		if next, err := c.Web.Settings.RunChange(t.Context(), c.KC.PersonID("emil")); err != nil || next.IsZero() || countEvents(c, "address.refused") != 0 {
			t.Errorf("refused while Keycloak may be slow with it: %v, %v", next, err)
		}
		c.Clock.Add(time.Minute)
		if _, err := c.Web.Settings.RunChange(t.Context(), c.KC.PersonID("emil")); err != nil {
			t.Error(err)
		}
		c.Wait(t, "the refusal", func() bool { return countEvents(c, "address.refused") == 1 })
		if got := addressesOf(t, c, "emil"); len(got) > 0 {
			t.Errorf("addresses %q", got)
		}
	})
}

// INV-8: a write whose answer was lost may come to stand late. What speaks against the change meanwhile refuses it a minute later only: an address that stands
// by then is told of and on record.
func TestAChangeThatComesToStandLateIsNotRefused(t *testing.T) {
	t.Parallel()
	for name, lands := range map[string]bool{"lands": true, "never": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &unlucky{err: bridge.Fault(bridge.CodeKeycloakAway, "test", errLost), before: true}
			u.left.Store(1)
			c, p := unluckyCampus(t, u)
			c.StopWork()
			p.confirmsAddress("emil@example.org")
			id, run := c.KC.PersonID("emil"), c.Web.Settings.RunChange
			if _, err := run(t.Context(), id); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
				t.Fatal(err)
			}
			c.Clock.Add(time.Second)
			must2(t, c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions}))
			if next, err := run(t.Context(), id); err != nil || next.IsZero() || countEvents(c, "address.refused") != 0 {
				t.Errorf("refused while Keycloak may be slow with it: %v, %v", next, err)
			}
			if lands {
				at := changeOf(t, c, "emil").At.UTC().Format(time.RFC3339)
				c.KC.Change(id, func(a *fakekc.Account) {
					a.Attributes = map[string][]string{campus.AddressAttribute: {"emil@example.org"}, campus.MarksAttribute: {at + " emil@example.org", at}}
				})
			}
			c.Clock.Add(time.Minute)
			if _, err := run(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if lands {
				hasOnly(t, c, "emil@example.org")
			}
			if n := countEvents(c, "address.refused"); lands == (n == 1) {
				t.Errorf("%d refusals", n)
			}
		})
	}
}

// Somebody else who changes the account at the same moment is an alarm, and the address stands.
func TestAnotherWriterIsAnAlarm(t *testing.T) {
	t.Parallel()
	u := &unlucky{moved: []string{"attributes.room", bridge.MovedBySomebody}}
	u.left.Store(1)
	c, p := unluckyCampus(t, u)
	p.confirmsAddress("emil@example.org")
	hasOnly(t, c, "emil@example.org")
	if e := c.Events("alarm.account_moved"); len(e) != 1 || e[0].Detail["fields"] != "attributes.room, "+bridge.MovedBySomebody {
		t.Errorf("alarms %v", e)
	}
}

// INV-8: a process that dies after the write, and comes back much later than any page, still tells of it.
func TestAChangeIsEndedAfterALongOutage(t *testing.T) {
	t.Parallel()
	u := &unlucky{err: bridge.Fault(bridge.CodeKeycloakAway, "test", errLost)}
	u.left.Store(1)
	c, p := unluckyCampus(t, u)
	c.StopWork()
	p.confirmsAddress("emil@example.org")
	id := c.KC.PersonID("emil")
	if _, err := c.Web.Settings.RunChange(t.Context(), id); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
		t.Fatal(err)
	}
	c.Clock.Add(2 * time.Hour)
	if _, err := c.Web.Settings.RunChange(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	hasOnly(t, c, "emil@example.org")
}

// A change that was sent is refused by nothing that is seen of the account meanwhile: not by one 404, as a proxy answers it, and by no refusal before it is known
// not to stand.
func TestAChangeThatWasSentIsNotRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for _, arrived := range []bool{true, false} {
		u := &unlucky{err: bridge.Fault(bridge.CodeKeycloakAway, "test", errLost), before: !arrived}
		u.left.Store(1)
		c, p := unluckyCampus(t, u)
		c.StopWork()
		p.confirmsAddress("emil@example.org")
		id := c.KC.PersonID("emil")
		run := func() (time.Time, error) { return c.Web.Settings.RunChange(t.Context(), id) }
		if _, err := run(); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
			t.Fatal(err)
		}
		mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser, Status: http.StatusNotFound})
		if _, err := run(); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
			t.Fatal(err)
		}
		mend()
		c.KC.Change(id, func(a *fakekc.Account) { a.Enabled = false })
		next, err := run()
		if err != nil || countEvents(c, "address.refused") != 0 || next.IsZero() == !arrived {
			t.Errorf("arrived %v: next %v, %v, refused %d times", arrived, next, err, countEvents(c, "address.refused"))
		}
		if arrived {
			hasOnly(t, c, "emil@example.org")
			continue
		}
		c.Clock.Add(bridge.ChangeLife + time.Minute)
		if _, err := run(); err != nil || countEvents(c, "address.refused") != 1 {
			t.Errorf("%v, refused %d times", err, countEvents(c, "address.refused"))
		}
	}
}

// INV-9: what cannot be put on record is not done.
func TestNothingIsChangedWithoutARecord(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "emil", unaddressed)
	p := owner(t, c, name)
	p.wantsMailAt("emil@example.org", http.StatusOK)
	c.Break("audit", bridge.Fault(bridge.CodeAuditFull, "test", nil))
	p.typesNumber("emil@example.org")
	p.says("The change is being made")
	if got := addressesOf(t, c, name); len(got) > 0 {
		t.Errorf("addresses %q", got)
	}
	c.Break("audit", nil)
	c.Clock.Add(time.Minute)
	hasOnly(t, c, "emil@example.org")
}

// INV-8: another replica goes on where one died, after the one that died cannot be at it any more.
func TestAnotherReplicaEndsAChange(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "emil", unaddressed)
	p := owner(t, c, name)
	p.wantsMailAt("emil@example.org", http.StatusOK)
	c.StopWork()
	p.confirmsAddress("emil@example.org")
	p.says("The change is being made")
	other := post("/settings", p.session(), p.token(), "do", "add").to(t, c)
	if other.status != http.StatusSeeOther { // a look at another key is no change yet
		t.Errorf("%d", other.status)
	}
	_, err := c.Web.Settings.Changes.Update(t.Context(), c.KC.PersonID(name), time.Hour, func(old bridge.Change, _ bool) (bridge.Change, error) {
		old.Holder, old.Held = "dead", c.Clock.Now().Add(20*time.Second)
		return old, nil
	})
	must2(t, err)
	c.Second(t)
	if countEvents(c, "address.intended") > 0 {
		t.Error("two carry out one change")
	}
	c.Clock.Add(21 * time.Second)
	hasOnly(t, c, "emil@example.org")
}
