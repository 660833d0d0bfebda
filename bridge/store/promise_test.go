package store

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
)

// INV-7: within ten seconds of a fault's end what it struck is taken up again, and has had the time of a call to Keycloak that waits until its limit; so is
// what a process had at hand that died.
func TestWhatAFaultStruckIsTakenUpWithinTenSeconds(t *testing.T) {
	const promised, call = 10 * time.Second, 5 * time.Second
	if dead := WorkLease + pollEvery; dead > promised {
		t.Errorf("a dead process's job is taken up after %v", dead)
	}
	for name, cause := range map[string]error{
		"keycloak": bridge.Fault(bridge.CodeKeycloakAway, "", nil), "store": bridge.ErrStoreAway, "trail": bridge.Fault(bridge.CodeAuditFull, "", nil),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tries int
				var back time.Time
				var again time.Duration
				p := startWorker(t, 1, func(context.Context, Claimed) (time.Time, error) {
					tries++
					if tries <= 3 {
						back = time.Now() // in the moment after this try
						return time.Time{}, cause
					}
					again = time.Since(back)
					return time.Time{}, nil
				})
				p.add("a")
				pass(time.Minute)
				if again == 0 || again >= promised-call {
					t.Errorf("taken up after %v", again)
				}
			})
		})
	}
}
