package campus_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/storetest"
)

// hooked asks a test before each event and each call of Keycloak.
type hooked struct {
	bridge.Audit
	bridge.SwapTarget
	event  func(e bridge.AuditEvent) error
	action func(a bridge.Action)
}

func (h hooked) Record(ctx context.Context, e bridge.AuditEvent) error {
	if h.event != nil {
		if err := h.event(e); err != nil {
			return err
		}
	}
	return h.Audit.Record(ctx, e)
}

func (h hooked) Do(ctx context.Context, person string, a bridge.Action) error {
	if h.action != nil {
		h.action(a)
	}
	return h.SwapTarget.Do(ctx, person, a)
}

func (h hooked) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	if h.action != nil {
		h.action(bridge.Action{Kind: "look"})
	}
	return h.SwapTarget.Credentials(ctx, person)
}

// noJobs takes jobs that nobody does: the test runs the swap itself.
type noJobs struct{}

func (noJobs) Add(context.Context, bridge.Job) error { return nil }

func (noJobs) Remove(context.Context, string, string) error { return nil }

// handmade is somebody's swap that a test runs by itself.
func handmade(t *testing.T, h hooked) (f *bridge.Flow, s *swapper, id string) {
	t.Helper()
	s = newSwapper(t, storetest.Bolt(t), patient)
	s.seen = func(string) {}
	id = s.person()
	s.begin(t, id)
	flow := *s.flow
	h.Audit, h.SwapTarget = flow.Audit, flow.Target
	flow.Audit, flow.Target, flow.Jobs = h, h, noJobs{}
	return &flow, s, id
}

// An administrator's wish that comes while the intent is put on record is heard: nothing is sent, Keycloak need not even be
// there, and the trail holds the end.
func TestAWishDuringTheIntentIsHeardBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	var flow *bridge.Flow
	var id string
	var events []string
	var actions []bridge.ActionKind
	flow, s, id := handmade(t, hooked{
		event: func(e bridge.AuditEvent) error {
			events = append(events, e.Event)
			if e.Event != "swap.intended" {
				return nil
			}
			_, err := flow.Administer(t.Context(), id, "R-person", bridge.AdminCancel)
			return err
		},
		action: func(a bridge.Action) { actions = append(actions, a.Kind) },
	})
	before := s.otps(id)
	if _, err := flow.RunSwap(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r, err := flow.Recoveries.Get(t.Context(), id)
	if err != nil || r.State != bridge.Ended || r.End != bridge.EndStopped {
		t.Errorf("%v: %s %s", err, r.State, r.End)
	}
	if len(actions) > 0 || !slices.Equal(s.otps(id), before) || !slices.Contains(events, "swap.refused") {
		t.Errorf("asked of Keycloak: %v, on record: %v", actions, events)
	}
}

// SWAP-01, SWAP-08: when the credential is sent, the intent is in the trail and the store says that it may be there.
func TestACredentialIsOnRecordBeforeItIsSent(t *testing.T) {
	t.Parallel()
	var flow *bridge.Flow
	var id string
	intended, sent := false, 0
	flow, _, id = handmade(t, hooked{
		event: func(e bridge.AuditEvent) error {
			intended = intended || e.Event == "swap.intended"
			return nil
		},
		action: func(a bridge.Action) {
			if a.Kind != bridge.ActionAdd {
				return
			}
			sent++
			if r, err := flow.Recoveries.Get(t.Context(), id); err != nil || !intended || !r.Intended || !r.Swap.Sent {
				t.Errorf("sent while the trail has it %t, the record %+v %v", intended, r.Swap, err)
			}
		},
	})
	if _, err := flow.RunSwap(t.Context(), id); err != nil || sent != 1 {
		t.Errorf("sent %d times: %v", sent, err)
	}
}

// Whoever signs in with the new authenticator while the end cannot be put on record is not signed out by every repeat.
func TestSessionsAreEndedOnceHoweverOftenTheEndIsTried(t *testing.T) {
	t.Parallel()
	full := true
	ended := 0
	flow, _, id := handmade(t, hooked{
		event: func(e bridge.AuditEvent) error {
			if e.Event == "swap.done" && full {
				return errors.New("no room")
			}
			return nil
		},
		action: func(a bridge.Action) {
			if a.Kind == bridge.ActionEndSessions {
				ended++
			}
		},
	})
	for range 3 {
		if _, err := flow.RunSwap(t.Context(), id); err == nil {
			t.Error("over without an end in the trail")
		}
	}
	full = false
	_, err := flow.RunSwap(t.Context(), id)
	r, readErr := flow.Recoveries.Get(t.Context(), id)
	if err := errors.Join(err, readErr); err != nil || r.State != bridge.Done || ended != 1 {
		t.Errorf("%v: %s, sessions ended %d times", err, r.State, ended)
	}
}

// SWAP-07: an account that is gone when the credential is sent for the first time ends the recovery when that has lasted for half a minute: nothing can
// have been written. When a process died in between, nobody can know that, and it stays for an administrator.
func TestAnAccountThatIsGoneBeforeTheWrite(t *testing.T) {
	t.Parallel()
	for died, want := range map[bool]bridge.State{false: bridge.Ended, true: bridge.Writing} {
		var s *swapper
		var id string
		stop := died
		flow, s, id := handmade(t, hooked{action: func(a bridge.Action) {
			switch {
			case a.Kind == bridge.ActionAdd && stop:
				panic("the process dies")
			case a.Kind == bridge.ActionAdd:
				s.kc.RemovePerson(id)
			}
		}})
		func() {
			defer func() { _ = recover() }()
			_, _ = flow.RunSwap(t.Context(), id)
		}()
		if died {
			stop = false
			s.kc.RemovePerson(id)
			_, _ = flow.RunSwap(t.Context(), id)
		}
		s.advance(31*time.Second, 0)
		_, _ = flow.RunSwap(t.Context(), id)
		if r, err := flow.Recoveries.Get(t.Context(), id); err != nil || r.State != want {
			t.Errorf("died %t: %s, want %s (%v)", died, r.State, want, err)
		}
	}
}
