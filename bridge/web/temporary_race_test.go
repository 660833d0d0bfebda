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

// TMP-02, TMP-04: a use between the last look and the removal is known: what it opened is closed, and looked after.
func TestAUseRightBeforeTheRemovalIsKnown(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{true, false} {
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
		must2(t, f.EndTemporary(t.Context(), bridge.Viewer{Person: id}))
		if _, err := f.RunTemporary(t.Context(), id); err != nil {
			t.Fatal(err)
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
