package web_test

import (
	"errors"
	"fmt"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// SWAP-11: the store loses the recovery at any step. What the trail knows is enough: with the new credential there it is finished and
// notices are sent, without it nothing was changed.
func TestASwapWhoseRecoveryIsLostIsFinishedFromTheTrail(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s after=%v", steps[n].name, after), func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				name := member(c, "somebody")
				_, key := writing(t, c, name)
				id := c.KC.PersonID(name)
				if _, err := flowOn(c, &cutTarget{left: n, after: after}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				if err := c.Flow.Recoveries.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				e := c.Events("swap.intended")[0]
				intent := bridge.Intent{Person: id, Recovery: e.Recovery, Way: bridge.Way(e.Way), Added: e.Added, Removed: e.Removed}
				for range 2 { // it may be found twice
					if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
						t.Fatal(err)
					}
				}
				if n == 1 && !after {
					oldStill(t, c, name)
					if len(c.Events("swap.refused")) == 0 {
						t.Error("the trail does not say that nothing was changed")
					}
					return
				}
				newOnly(t, c, name, key)
				if len(c.Events("swap.done")) == 0 || len(c.Mails(bridge.NoticeCompleted)) == 0 || c.KC.Sessions(id) > 1 {
					t.Error("audit, notice or the end of sessions is missing")
				}
			})
		}
	}
}

// SWAP-11: a swap whose job was given up or lost, but not its recovery, gets its job back.
func TestASwapWithoutAJobIsFoundInTheTrail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	_, key := writing(t, c, name)
	id := c.KC.PersonID(name)
	if _, err := flowOn(c, &cutTarget{left: 2}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if err := c.Store.Jobs.Remove(t.Context(), bridge.JobSwap, id); err != nil {
		t.Fatal(err)
	}
	c.Second(t)
	e := c.Events("swap.intended")[0]
	if err := c.Flow.FinishIntent(t.Context(), bridge.Intent{Person: id, Recovery: e.Recovery, Added: e.Added, Removed: e.Removed}); err != nil {
		t.Fatal(err)
	}
	c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
	newOnly(t, c, name, key)
}
