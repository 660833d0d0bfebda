package web_test

import (
	"context"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// usingTarget is a Keycloak at which somebody uses the temporary code right before its removal arrives.
type usingTarget struct {
	bridge.SwapTarget
	use func()
}

func (u *usingTarget) Do(ctx context.Context, person string, a bridge.Action) error {
	if use := u.use; a.Kind == bridge.ActionRemove && use != nil {
		u.use = nil
		use()
	}
	return u.SwapTarget.Do(ctx, person, a)
}

// TMP-02, TMP-04: a use between the last look and the removal is known: what it opened is closed, and looked after; also of a code that is in the mail
// though the store did not take that.
func TestAUseRightBeforeTheRemovalIsKnown(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		used, unnoted := n%2 == 0, n > 1
		c := campus.Open(t)
		name := member(c, "owner", second("owner"))
		id := c.KC.PersonID(name)
		_, code := hasCode(t, c, name)
		c.StopWork()
		target := &usingTarget{SwapTarget: c.Flow.Target, use: func() {
			if used && !newPerson(t, c).portal(name, typed(code)) {
				t.Error("the code does not work")
			}
		}}
		f := *c.Flow
		f.Target = target
		if unnoted {
			_, err := f.Temporaries.Update(t.Context(), id, 0, func(old bridge.TemporaryCode, _ bool) (bridge.TemporaryCode, error) {
				old.State = bridge.TemporaryWriting
				return old, nil
			})
			must2(t, err)
			c.Clock.Add(time.Minute)
		} else {
			must2(t, f.EndTemporary(t.Context(), bridge.Viewer{Person: id}))
		}
		for range 2 { // Keycloak may be slow with what was not noted
			_, err := f.RunTemporary(t.Context(), id)
			must2(t, err)
			c.Clock.Add(time.Minute + time.Second)
		}
		got := temporaryOf(t, c, name)
		if got.Open() || got.UsedAt.IsZero() == used || got.Watched(c.Clock.Now()) != used || used && c.KC.Sessions(id) != 0 || countEvents(c, "temporary.used") != map[bool]int{true: 1}[used] {
			t.Errorf("used %v: %s, seen %v, %d sessions", used, got.State, got.UsedAt, c.KC.Sessions(id))
		}
		if err := f.NoTemporary(t.Context(), id, got.EndedAt.Add(-time.Second)); (bridge.CodeOf(err) == bridge.CodeTemporary) != used {
			t.Errorf("used %v: a sign-in from before its end: %v", used, err)
		}
	}
}
