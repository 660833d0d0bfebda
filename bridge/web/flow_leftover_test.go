package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// An administrator ends a swap, or Keycloak refuses it for good, while an earlier try to write is still on its way there: what comes to stand after
// all is taken away a minute later, since nobody counts on it.
func TestWhatComesTooLateIsTakenAway(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(*testing.T, *campus.Campus, bridge.Recovery){
		"ended": func(t *testing.T, c *campus.Campus, r bridge.Recovery) {
			if _, err := c.Flow.Administer(t.Context(), r.Person, r.ID, bridge.AdminCancel); err != nil {
				t.Fatal(err)
			}
		},
		"refused": func(t *testing.T, c *campus.Campus, r bridge.Recovery) {
			defer c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusForbidden})()
			if _, err := c.Flow.RunSwap(t.Context(), r.Person); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
				t.Fatal(err)
			}
			c.Clock.Add(31 * time.Second)
			if next, err := c.Flow.RunSwap(t.Context(), r.Person); err != nil || !next.IsZero() {
				t.Fatal(next, err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "somebody")
			writing(t, c, name)
			var late bridge.Action
			f := flowOn(c, &cutTarget{left: 1})
			f.Target = caught{f.Target, &late}
			id := c.KC.PersonID(name)
			if _, err := f.RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			end(t, c, recovery(t, c, name))
			if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() || recovery(t, c, name).State != bridge.Ended {
				t.Fatal(next, err)
			}
			if err := c.Flow.Target.Do(t.Context(), id, late); err != nil || len(otps(c, name)) != 2 {
				t.Fatal(err)
			}
			c.Second(t)
			c.Clock.Add(time.Minute)
			c.Wait(t, "the late one to go", func() bool { return len(otps(c, name)) == 1 })
			oldStill(t, c, name)
			if e := c.Events("swap.undone"); len(e) != 1 || strings.Join(e[0].Removed, "") != late.New.ID {
				t.Errorf("on record %+v", e)
			}
		})
	}
}

// INV-2: what has become the person's only authenticator meanwhile is not taken away.
func TestWhatComesTooLateStaysWhereItIsNeeded(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	only := otps(c, name)[0]
	payload := fmt.Sprintf(`{"Person":%q,"Recovery":"r","Removed":["gone"]}`, c.KC.PersonID(name))
	if err := c.Flow.RunLeftover(t.Context(), only, []byte(payload)); err != nil || len(otps(c, name)) != 1 {
		t.Errorf("%v, authenticators %v", err, otps(c, name))
	}
}

// A swap that was given up after an hour of 404s may have come to stand all the same: it is looked for as long as they last, for days.
func TestWhatCannotBeSeenIsLookedForLong(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	id, old := c.KC.PersonID(name), otps(c, name)[0]
	late := c.KC.AddCredential(id, fakekc.Credential{Type: bridge.TypeOTP, Data: "{}", SecretData: "{}"})
	since := c.Clock.Now()
	payload := fmt.Appendf(nil, `{"Person":%q,"Recovery":"r","Removed":[%q],"Since":%q}`, id, old, since.Format(time.RFC3339Nano))
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusNotFound})
	for range 3 {
		c.Clock.Add(20 * time.Hour)
		if err := c.Flow.RunLeftover(t.Context(), late, payload); bridge.CodeOf(err) != bridge.CodeKeycloakAway || bridge.PauseOf(err, 0) < time.Minute {
			t.Fatal(err)
		}
	}
	mend()
	if err := c.Flow.RunLeftover(t.Context(), late, payload); err != nil || len(otps(c, name)) != 1 || otps(c, name)[0] != old {
		t.Errorf("%v, authenticators %v", err, otps(c, name))
	}
	defer c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusNotFound})()
	c.Clock.Add(13 * time.Hour)
	if err := c.Flow.RunLeftover(t.Context(), late, payload); err != nil {
		t.Error(err)
	}
}

// Recovery codes that were begun when the store was lost go: nobody has them. Those of a set that another replica has written stay.
func TestLostRecoveryCodesAreTakenBack(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	intent := func(recovery string) bridge.Intent {
		e := c.Events("recovery_codes.intended")
		last := e[len(e)-1]
		return bridge.Intent{
			What: bridge.UndertakingCodes, Person: last.Target, Recovery: recovery, Way: bridge.Way(last.Way), Added: last.Added, Begun: c.Clock.Now(),
		}
	}
	ref := atTheEndBy(t, c, "owner")
	err := c.Flow.AskCodes(t.Context(), ref)
	if _, cut := flowOn(c, &cutTarget{left: 1, after: true}).RunCodes(t.Context(), ref.Recovery); err != nil || !errors.Is(cut, errKilled) {
		t.Fatal(err, cut)
	}
	if err := c.Flow.CodeSets.Delete(t.Context(), ref.Recovery); err != nil {
		t.Fatal(err)
	}
	if err := c.Flow.FinishIntent(t.Context(), intent(ref.Recovery)); err != nil {
		t.Fatal(err)
	}
	if ids, _ := sets(c, "owner"); len(ids) != 0 || len(c.Events("recovery_codes.refused")) != 1 || len(c.Mails(bridge.NoticeCodesBack)) != 1 {
		t.Errorf("sets %v", ids)
	}
	ref = atTheEndBy(t, c, "other")
	if err := c.Flow.AskCodes(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil {
		t.Fatal(err)
	}
	if err := c.Flow.FinishIntent(t.Context(), intent(ref.Recovery)); err != nil || len(c.Events("recovery_codes.done")) != 2 {
		t.Errorf("%v, %d ends", err, len(c.Events("recovery_codes.done")))
	}
	if ids, _ := sets(c, "other"); len(ids) != 1 {
		t.Errorf("sets %v", ids)
	}
}
