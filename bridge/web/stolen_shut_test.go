package web_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// lockedBy is somebody whose account is locked after a theft. Nothing works on it by itself any more.
func lockedBy(t *testing.T, c *campus.Campus, name string) (p *person, id string) {
	t.Helper()
	p = newPerson(t, c)
	p.reports(robbed(c, name))
	p.redeem(name)
	lockedUp(t, c, name)
	c.StopWork()
	return p, c.KC.PersonID(name)
}

// watchOnce looks at an account that has to be looked at again.
func watchOnce(t *testing.T, c *campus.Campus, id string) {
	t.Helper()
	c.Clock.Add(time.Minute)
	if next, err := c.Flow.RunWatch(t.Context(), id); err != nil || next.IsZero() {
		t.Fatal("not watched any more", next, err)
	}
}

// takeStone takes the tombstone away, as the account page lets whoever is signed in, and says which one it was.
func takeStone(t *testing.T, c *campus.Campus, name string) (id string) {
	t.Helper()
	for _, one := range otps(c, name) {
		if (bridge.Credential{ID: one, Type: bridge.TypeOTP}).Tombstone() {
			id = one
		}
	}
	if err := c.Flow.Target.Do(t.Context(), c.KC.PersonID(name), bridge.Action{Kind: bridge.ActionRemove, Credential: id}); err != nil || id == "" {
		t.Fatal(id, err)
	}
	return id
}

// WB-13: who takes the tombstone away, with a sign-in from before the lock, opens nothing: it is an alarm, another one is written, what came is removed, and the
// account is watched on, whatever became of the recovery.
func TestATombstoneThatIsTakenAwayIsWrittenAgain(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*testing.T, *campus.Campus, *person, string){
		"proven": func(*testing.T, *campus.Campus, *person, string) {},
		"later": func(_ *testing.T, _ *campus.Campus, p *person, _ string) {
			p.send("/enrol", http.StatusOK, "do", "cancel")
		},
		"waiting": func(t *testing.T, c *campus.Campus, p *person, _ string) {
			p.send("/enrol", http.StatusOK, "do", "cancel")
			startsAgain(t, c, "waiting", bridge.ReasonLost)
		},
		"forgotten": func(t *testing.T, c *campus.Campus, _ *person, id string) {
			if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p, id := lockedBy(t, c, name)
			then(t, c, p, id)
			for n := range 2 {
				gone := takeStone(t, c, name)
				parked(c, name, bridge.TypeOTP)
				parked(c, name, "webauthn")
				watchOnce(t, c, id)
				left := otps(c, name)
				if stone := (bridge.Credential{ID: left[0], Type: bridge.TypeOTP}); len(factorsOf(c, name)) != 1 || !stone.Tombstone() || stone.ID == gone {
					t.Fatalf("left %v", factorsOf(c, name))
				}
				if got := c.Events("lock.intruder"); len(got) != n+1 || got[n].Added != left[0] {
					t.Fatalf("alarms %+v", got)
				}
				watchOnce(t, c, id)
				if got := c.Events("lock.intruder"); len(got) != n+1 {
					t.Fatalf("alarms %+v", got)
				}
			}
		})
	}
}

// startsAgain begins a recovery with nothing but the password, as the thief can.
func startsAgain(t *testing.T, c *campus.Campus, name string, why bridge.Reason) *person {
	t.Helper()
	c.Clock.Add(2 * time.Minute)
	p := newPerson(t, c)
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", string(why), "way", "mail")
	return p
}

// A tombstone that cannot be written, because the audit trail cannot, takes nothing away; what is beside one that stands goes without the trail.
func TestOnlyWhatIsWrittenWaitsForTheTrail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	_, id := lockedBy(t, c, "full")
	c.Break("audit", bridge.Fault(bridge.CodeAuditFull, "audit", nil))
	parked(c, "full", bridge.TypeOTP)
	watchOnce(t, c, id)
	if n := len(otps(c, "full")); n != 1 {
		t.Errorf("%d authenticators beside an audit trail that is full", n)
	}
	takeStone(t, c, "full")
	theirs := parked(c, "full", bridge.TypeOTP)
	watchOnce(t, c, id)
	if got := otps(c, "full"); !slices.Equal(got, []string{theirs}) {
		t.Errorf("written or removed without an intent: %v", got)
	}
	c.Break("audit", nil)
	watchOnce(t, c, id)
	if got := otps(c, "full"); len(got) != 1 || got[0] == theirs {
		t.Errorf("left %v", got)
	}
}

// WB-13: the account is watched for three days after the new authenticator: a new start with the password alone does not silence that, and it is there too when
// the person came back later, in another recovery, weeks after the lock.
func TestTheWatchAfterATheftIsNotSilenced(t *testing.T) {
	t.Parallel()
	for _, later := range []bool{false, true} {
		name := map[bool]string{false: "atonce", true: "weeks"}[later]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p, id := lockedBy(t, c, name)
			watchOnce(t, c, id)
			if later {
				p.send("/enrol", http.StatusOK, "do", "cancel")
				c.Clock.Add(21 * 24 * time.Hour)
				if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				p = startsAgain(t, c, name, bridge.ReasonLost)
				p.redeem(name)
			}
			p.registers(name)
			c.Clock.Add(time.Hour)
			startsAgain(t, c, name, bridge.ReasonLost)
			for n, kind := range []string{bridge.TypeOTP, bridge.TypeRecoveryCodes, "webauthn", "webauthn-passwordless"} {
				theirs := parked(c, name, kind)
				watchOnce(t, c, id)
				watchOnce(t, c, id)
				if got := c.Events("lock.intruder"); len(got) != n+1 || got[n].Detail["found"] != theirs || got[n].Detail["recovered"] != "true" {
					t.Fatalf("%s: alarms %+v", kind, got)
				}
			}
			if n := len(factorsOf(c, name)); n != 5 {
				t.Errorf("%d second factors: what may be the person's is gone", n)
			}
			c.Clock.Add(72 * time.Hour)
			if next, err := c.Flow.RunWatch(t.Context(), id); err != nil || !next.IsZero() {
				t.Error(next, err)
			}
		})
	}
}

// hidden is a Keycloak behind something that answers 404 for it, or that does not show sessions.
type hidden struct {
	bridge.SwapTarget
	seen bridge.Visits
	gone bool
}

func (h *hidden) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	if h.gone {
		return nil, bridge.Fault(bridge.CodeGone, "read credentials", nil)
	}
	return h.SwapTarget.Credentials(ctx, person)
}

func (h *hidden) Visited(context.Context, string) (bool, error) {
	return false, bridge.Fault(bridge.CodeRefusedByAccount, "read sessions", nil)
}

func (h *hidden) OpenedBy(ctx context.Context, person, credential string, since time.Time) (bool, error) {
	return h.seen.OpenedBy(ctx, person, credential, since)
}

// INV-6: a 404, whoever answered it, ends no watch before it has lasted for an hour; sessions that cannot be read hide no second factor.
func TestOneAnswerEndsNoWatch(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	_, id := lockedBy(t, c, "hidden")
	h := &hidden{c.Flow.Target, c.Flow.Visits, true}
	f := *c.Flow
	f.Target, f.Visits = h, h
	look := func(on bool) {
		t.Helper()
		if next, err := f.RunWatch(t.Context(), id); err != nil || next.IsZero() == on {
			t.Fatal(next, err)
		}
	}
	look(true)
	c.Clock.Add(59 * time.Minute)
	look(true)
	h.gone = false
	parked(c, "hidden", bridge.TypeOTP)
	look(true)
	if n := len(otps(c, "hidden")); n != 1 || len(c.Events("lock.intruder")) != 1 {
		t.Errorf("%d authenticators", n)
	}
	h.gone = true
	c.Clock.Add(59 * time.Minute)
	look(true)
	c.Clock.Add(61 * time.Minute)
	look(false)
	if w, err := f.Watches.Get(t.Context(), id); err != nil || w.Over.IsZero() {
		t.Errorf("%+v, %v", w, err)
	}
	h.gone = false
	look(false)
}

// INV-6: where no tombstone can be written again, for a trail that is full or a right that is gone, sessions end all the same, and the second is seen by an administrator.
func TestWithoutATombstoneSessionsEndAllTheSame(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	_, id := lockedBy(t, c, "open")
	takeStone(t, c, "open")
	ends := func() (n int) {
		for _, call := range c.KC.Calls() {
			if call.Method == http.MethodPost && strings.HasSuffix(call.Path, "/logout") && strings.Contains(call.Path, id) {
				n++
			}
		}
		return n
	}
	before := ends()
	c.Break("audit", bridge.Fault(bridge.CodeAuditFull, "test", nil))
	watchOnce(t, c, id)
	c.Break("audit", nil)
	if ends() != before+1 {
		t.Error("a full trail keeps the sessions")
	}
	mend := refusedWrites(c)
	watchOnce(t, c, id)
	w, err := c.Flow.Watches.Get(t.Context(), id)
	if ends() != before+2 || err != nil || w.Stuck != bridge.CodeRefusedByAccount {
		t.Errorf("%d ends of sessions, %q, %v", ends()-before, w.Stuck, err)
	}
	mend()
	watchOnce(t, c, id)
	watchOnce(t, c, id)
	if w, err := c.Flow.Watches.Get(t.Context(), id); err != nil || w.Stuck != "" || len(otps(c, "open")) != 1 {
		t.Errorf("%q, %v", w.Stuck, err)
	}
}
