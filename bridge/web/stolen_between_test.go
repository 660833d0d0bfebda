package web_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// between is a Keycloak that does something else right after it has ended a person's sessions; its answer is lost if that is an error.
type between struct {
	bridge.SwapTarget
	then func() error
}

func (b between) Do(ctx context.Context, person string, a bridge.Action) error {
	err := b.SwapTarget.Do(ctx, person, a)
	if err == nil && a.Kind == bridge.ActionEndSessions {
		err = b.then()
	}
	return err
}

// shutAccount is a recovery after a theft whose lock stands, with a second factor that a sign-in from before brings. Nothing works on it by itself.
func shutAccount(t *testing.T, name string) (c *campus.Campus, id string) {
	t.Helper()
	c = campus.Open(t)
	p := newPerson(t, c)
	p.reports(robbed(c, name))
	p.redeem(name)
	lockedUp(t, c, name)
	c.StopWork()
	c.Clock.Add(10 * time.Second)
	parked(c, name, bridge.TypeOTP)
	return c, c.KC.PersonID(name)
}

// WB-13: a press of the owner between the end of the sessions and what the watch then notes does not end the recovery, nor one that looked at the
// recovery before; and a watch that died in between goes on.
func TestAPressWhileTheWatchEndsSessionsEndsNothing(t *testing.T) {
	t.Parallel()
	for how, lost := range map[string]error{"answered": nil, "died": errors.New("died")} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			const name = "pressed"
			c, id := shutAccount(t, name)
			early, f, presses := recovery(t, c, name), *c.Flow, 0
			f.Target = between{c.Flow.Target, func() error {
				presses++
				for _, r := range []bridge.Recovery{early, recovery(t, c, name)} {
					if err := c.Flow.Show(t.Context(), r); err != nil {
						t.Errorf("a press in between: %v", err)
					}
				}
				return lost
			}}
			if _, err := f.RunWatch(t.Context(), id); err != nil || presses != 1 {
				t.Fatal(presses, err)
			}
			c.Clock.Add(time.Minute)
			if next, err := c.Flow.RunWatch(t.Context(), id); err != nil || next.IsZero() {
				t.Fatal(next, err)
			}
			r, a := recovery(t, c, name), accountOf(t, c, name)
			if r.State != bridge.Proven || !r.Snapshot.Ending.IsZero() || !r.Snapshot.NotBefore.Equal(a.NotBefore) {
				t.Errorf("%s %s, excused until %v, ended %v", r.State, r.EndCode, r.Snapshot.NotBefore, a.NotBefore)
			}
			for _, r := range []bridge.Recovery{early, r} {
				if err := c.Flow.MayShow(t.Context(), r); err != nil {
					t.Errorf("a press afterwards: %v", err)
				}
			}
			if n := len(c.Events("lock.intruder")); n != 1 {
				t.Errorf("%d alarms", n)
			}
		})
	}
}

// What an administrator ended before the watch did is not excused by it.
func TestTheWatchExcusesItselfOnly(t *testing.T) {
	t.Parallel()
	const name = "excused"
	c, id := shutAccount(t, name)
	if err := c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions}); err != nil {
		t.Fatal(err)
	}
	c.Clock.Add(5 * time.Second)
	if _, err := c.Flow.RunWatch(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := c.Flow.Show(t.Context(), recovery(t, c, name)); bridge.CodeOf(err) != bridge.CodeLoggedOut {
		t.Errorf("goes on: %v", err)
	}
	if r := recovery(t, c, name); r.State != bridge.Ended || r.EndCode != bridge.CodeLoggedOut {
		t.Errorf("%s %s", r.State, r.EndCode)
	}
}

// WB-13: only the browser that reported a theft withdraws it, and only there the page says so.
func TestTheLinkSaysWhereAReportIsWithdrawn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "mistaken")
	p := newPerson(t, c)
	p.reports(name)
	link := lastLink(t, c).Link.Reveal()
	other := newPerson(t, c)
	other.comesBack(name, link)
	other.says("cancel in the browser where the theft was reported")
	p.comesBack(name, link)
	p.says("Then cancel the request below")
}
