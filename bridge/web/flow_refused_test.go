package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// WB-05, SWAP-07: once the new credential was sent, an account out of reach refuses nothing: the swap waits and is finished later.
func TestAnAccountOutOfReachAfterTheWriteIsMadeUpFor(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "somebody")
			_, key := writing(t, c, name)
			id := c.KC.PersonID(name)
			if _, err := flowOn(c, &cutTarget{left: 1, after: true}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: status})
			next, err := c.Flow.RunSwap(t.Context(), id)
			if err != nil || !next.After(c.Clock.Now()) || recovery(t, c, name).State != bridge.Writing || len(c.Events("swap.refused")) != 0 {
				t.Fatalf("next %v, %v, state %s", next, err, recovery(t, c, name).State)
			}
			mend()
			if next, err = c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() {
				t.Fatal(next, err)
			}
			newOnly(t, c, name, key)
		})
	}
}

// SWAP-11: an account out of reach closes no intent, neither does it count as refused.
func TestAnIntentOfAnAccountOutOfReachStaysOpen(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	id := c.KC.PersonID(member(c, "somebody"))
	defer c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusForbidden})()
	err := c.Flow.FinishIntent(t.Context(), bridge.Intent{What: bridge.UndertakingSwap, Person: id, Recovery: "lost", Added: bridge.NewUUID()})
	if err == nil || len(c.Events("swap.refused")) != 0 {
		t.Fatalf("%v, on record: %v", err, c.Events("swap.refused"))
	}
}

// SWAP-11: a swap that another replica finished is put on record, and not done again.
func TestASwapThatAnotherReplicaFinishedIsNotRepeated(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	p := proven(t, c, name)
	key := p.scan()
	p.finish()
	c.Clock.Add(time.Minute)
	if !opensPortal(t, c, name, key) {
		t.Fatal("the new code does not open the portal")
	}
	id, e := c.KC.PersonID(name), c.Events("swap.intended")[0]
	sessions, mails, done := c.KC.Sessions(id), len(c.Mails("")), len(c.Events("swap.done"))
	intent := bridge.Intent{What: bridge.UndertakingSwap, Person: id, Recovery: e.Recovery, Way: bridge.Way(e.Way), Added: e.Added, Removed: e.Removed}
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
		t.Fatal(err)
	}
	if sessions == 0 || c.KC.Sessions(id) != sessions || len(c.Mails("")) != mails || len(c.Events("swap.done")) != done+1 {
		t.Errorf("%d sessions of %d, %d mails of %d", c.KC.Sessions(id), sessions, len(c.Mails("")), mails)
	}
}

// SWAP-07: refused for good before anything was written: nothing is removed, the recovery ends, the field goes to the trail and to the list of
// recoveries that need somebody. SWAP-01: the next key has an id of its own, since Keycloak says nothing about one that it knows, and signs in.
func TestARefusedCredentialRemovesNothing(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{
		http.StatusBadRequest: `{"field":"department","errorMessage":"error-user-attribute-required"}`, http.StatusForbidden: "", http.StatusNotFound: "",
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "somebody")
			p := proven(t, c, name)
			mend := c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: status, Body: body})
			p.confirm(p.code(p.scan()), http.StatusOK)
			lasts := time.Duration(0)
			if status != http.StatusBadRequest { // it may pass, and the person is told nothing else before it is believed
				p.says("Registering")
				lasts = time.Second
			}
			c.Wait(t, "the refusal", func() bool { c.Clock.Add(lasts); return len(c.Events("swap.refused")) > 0 })
			p.open("/recovery", http.StatusOK)
			if status != http.StatusNotFound {
				p.says("your authenticator app still works if you have it")
			}
			p.says("Reference number: " + recovery(t, c, name).Reference)
			oldStill(t, c, name)
			if e := c.Events("swap.refused"); len(e) != 1 || (status == http.StatusBadRequest && e[0].Detail["field"] != "department") {
				t.Errorf("on record: %+v", e)
			}
			if r := recovery(t, c, name); status == http.StatusBadRequest && r.Field != "department" {
				t.Errorf("the record names %q", r.Field)
			}
			mend()
			again := proven(t, c, name)
			key := again.scan()
			again.finish()
			newOnly(t, c, name, key)
			if e := c.Events("swap.intended"); len(e) != 2 || e[0].Added == e[1].Added || e[1].Added != otps(c, name)[0] {
				t.Errorf("intents %+v, then there is %q", e, otps(c, name))
			}
		})
	}
}

// Keycloak away before the swap: one 404 or 403, as something in between answers it, ends no proof either.
func TestOneAnswerEndsNoProof(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := proven(t, c, member(c, "hidden"))
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminUser, Status: status})
		p.open("/enrol", http.StatusForbidden)
		mend()
		p.open("/enrol", http.StatusOK)
	}
	p.finish()
}
