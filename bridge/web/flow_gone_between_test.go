package web_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// says answers in place of Keycloak while it has something to say.
type says struct {
	bridge.SwapTarget

	code bridge.Code
}

func (s *says) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	if s.code != "" {
		return nil, bridge.Fault(s.code, "says", nil)
	}
	return s.SwapTarget.Credentials(ctx, person)
}

func (s *says) Do(ctx context.Context, person string, a bridge.Action) error {
	if s.code != "" {
		return bridge.Fault(s.code, "says", nil)
	}
	return s.SwapTarget.Do(ctx, person, a)
}

// matter is what goes on with an account: look goes on, ended says that it counts as one of an account that was deleted.
type matter func(t *testing.T, c *campus.Campus) (look func(), ended func() bool)

func lockedMatter(t *testing.T, c *campus.Campus) (look func(), ended func() bool) {
	_, id := lockedBy(t, c, "somebody")
	return func() { _, _ = c.Flow.RunWatch(t.Context(), id) }, func() bool {
		w, err := c.Flow.Watches.Get(t.Context(), id)
		return err != nil || !w.Over.IsZero()
	}
}

func temporaryMatter(t *testing.T, c *campus.Campus) (look func(), ended func() bool) {
	id := c.KC.PersonID(member(c, "somebody"))
	hasCode(t, c, "somebody")
	c.StopWork()
	return func() { _, _ = c.Flow.RunTemporary(t.Context(), id) }, func() bool { return temporaryOf(t, c, "somebody").End == bridge.TemporaryExpired }
}

// objectedMatter is a late objection, which ends the sessions.
func objectedMatter(t *testing.T, c *campus.Campus) (look func(), ended func() bool) {
	mail := broughtIn(t, c, "somebody", 0)
	c.StopWork()
	target := c.Flow.Target
	c.Flow.Target = unable{target, bridge.CodeKeycloakAway}
	if err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); err == nil {
		t.Fatal("it is done")
	}
	c.Flow.Target = target
	return func() { _, _ = c.Flow.RunVeto(t.Context(), c.KC.PersonID("somebody")) }, func() bool { return len(recovery(t, c, "somebody").Unsaid) == 0 }
}

// lostMatter is what the store has lost, as the trail finishes it.
func lostMatter(kind, end string, begin func(t *testing.T, c *campus.Campus)) matter {
	return func(t *testing.T, c *campus.Campus) (look func(), ended func() bool) {
		begin(t, c)
		i := intentOf(t, c, kind)
		return func() { _ = c.Flow.FinishIntent(t.Context(), i) }, func() bool { return len(c.Events(kind+"."+end)) != 0 }
	}
}

func lostTemporary(t *testing.T, c *campus.Campus) {
	temporaryMatter(t, c)
	forgets(t, c.Flow.Temporaries.Delete(t.Context(), c.KC.PersonID("somebody")))
}

func lostSwap(t *testing.T, c *campus.Campus) {
	writing(t, c, member(c, "somebody"))
	id := c.KC.PersonID("somebody")
	if _, err := flowOn(c, &cutTarget{left: 1, after: true}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	forgets(t, c.Flow.Recoveries.Delete(t.Context(), id))
}

// lateCodes are recovery codes that were sent, of a set whose time is up.
func lateCodes(t *testing.T, c *campus.Campus) (look func(), ended func() bool) {
	c.StopWork()
	ref := atTheEndBy(t, c, "somebody")
	err := c.Flow.AskCodes(t.Context(), ref)
	if _, cut := flowOn(c, &cutTarget{left: 1, after: true}).RunCodes(t.Context(), ref.Recovery); err != nil || !errors.Is(cut, errKilled) {
		t.Fatal(err, cut)
	}
	c.Clock.Add(2 * bridge.CodesLife)
	return func() { _, _ = c.Flow.RunCodes(t.Context(), ref.Recovery) }, func() bool { return len(c.Events("recovery_codes.refused")) != 0 }
}

func lostCodes(t *testing.T, c *campus.Campus) {
	lateCodes(t, c)
	forgets(t, c.Flow.CodeSets.Delete(t.Context(), intentOf(t, c, "recovery_codes").Recovery))
}

func forgets(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// SWAP-07, INV-6: whatever it is about, an account counts as deleted when 404 has lasted for an hour from the first one on; whatever else Keycloak answers, or does
// not answer, begins that hour anew.
func TestWhateverComesInBetweenBeginsTheHourAnew(t *testing.T) {
	t.Parallel()
	const gone, away, refused = bridge.CodeGone, bridge.CodeKeycloakAway, bridge.CodeRefusedByAccount
	for name, of := range map[string]matter{
		"a lock": lockedMatter, "a temporary code": temporaryMatter, "an objection": objectedMatter, "recovery codes": lateCodes,
		"a lost swap": lostMatter("swap", "refused", lostSwap), "a lost temporary code": lostMatter("temporary", "done", lostTemporary),
		"lost recovery codes": lostMatter("recovery_codes", "refused", lostCodes),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			look, ended := of(t, c)
			keycloak := &says{c.Flow.Target, ""}
			c.Flow.Target = keycloak
			codes := []bridge.Code{away, away, away, gone, away, away, gone, refused, refused, gone, gone, gone, gone}
			for n, code := range codes {
				c.Clock.Add(25 * time.Minute)
				keycloak.code = code
				look()
				if ended() != (n == len(codes)-1) {
					t.Fatalf("look %d: ended %t", n, ended())
				}
			}
		})
	}
}

// Nobody knows what was in between while nobody looked: an hour of that tells nothing.
func TestAnHourInWhichNobodyLooksIsNone(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]matter{"an objection": objectedMatter, "a lost swap": lostMatter("swap", "refused", lostSwap)} {
		c := campus.OpenDesk(t)
		look, ended := of(t, c)
		c.Flow.Target = &says{c.Flow.Target, bridge.CodeGone}
		for n, later := range []time.Duration{0, 61 * time.Minute, 61 * time.Minute, 29 * time.Minute, 29 * time.Minute, 2 * time.Minute} {
			c.Clock.Add(later)
			look()
			if ended() != (n == 5) {
				t.Fatalf("%s, look %d: ended %t", name, n, ended())
			}
		}
	}
	for name, of := range map[string]matter{"a lock": lockedMatter, "a temporary code": temporaryMatter} {
		c := campus.OpenDesk(t)
		look, ended := of(t, c)
		c.Flow.Target = &says{c.Flow.Target, bridge.CodeGone}
		look()
		c.Clock.Add(61 * time.Minute)
		for n, later := range []time.Duration{0, 59 * time.Minute, 2 * time.Minute} {
			if n == 0 {
				c.Flow.Began = c.Clock.Now() // again
			}
			c.Clock.Add(later)
			look()
			if ended() != (n == 2) {
				t.Fatalf("%s, look %d after the start: ended %t", name, n, ended())
			}
		}
	}
}
