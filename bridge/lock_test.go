package bridge_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

func stoneAnd(more ...bridge.Credential) []bridge.Credential {
	return append([]bridge.Credential{{ID: "pw", Type: bridge.TypePassword}, {ID: "stone", Type: bridge.TypeOTP}}, more...)
}

// WB-13, INV-2: the tombstone stands before anything is removed; then every second factor goes, and nothing else.
func TestALockRemovesEverySecondFactorAndNothingElse(t *testing.T) {
	t.Parallel()
	l := bridge.Lock{Tombstone: bridge.NewCredential{ID: "stone"}, Left: []string{"left"}}
	if a := bridge.NextLock(l, []bridge.Credential{{ID: "old", Type: bridge.TypeOTP}}); a.Kind != bridge.ActionAdd || a.New.ID != "stone" {
		t.Errorf("first %+v", a)
	}
	for _, kind := range []string{bridge.TypeOTP, bridge.TypeRecoveryCodes, "webauthn", "webauthn-passwordless"} {
		if a := bridge.NextLock(l, stoneAnd(bridge.Credential{ID: "old", Type: kind})); a.Kind != bridge.ActionRemove || a.Credential != "old" {
			t.Errorf("%s: %+v", kind, a)
		}
	}
	for _, c := range []bridge.Credential{
		{ID: "old", Type: bridge.TypePasswordHistory}, {ID: "old", Type: "unknown"}, {ID: "old", Type: bridge.TypeOTP, Federated: true},
		{ID: "left", Type: "webauthn"},
	} {
		if a := bridge.NextLock(l, stoneAnd(c)); a.Kind != bridge.ActionEndSessions {
			t.Errorf("%+v: %+v", c, a)
		}
	}
	l.SessionsEnded = true
	if a := bridge.NextLock(l, stoneAnd()); a.Kind != bridge.ActionFinish {
		t.Errorf("last %+v", a)
	}
}

// WB-13: before the proof there is no lock; after it the holder waits for it, and no other recovery makes room for itself meanwhile.
func TestALockBeginsWithTheProof(t *testing.T) {
	t.Parallel()
	now := t0.Add(3 * time.Minute)
	waiting, r := begin(t), prove(t)
	waiting.Reason, r.Reason = bridge.ReasonStolen, bridge.ReasonStolen
	asker := bridge.Viewer{Person: "p1", SignedInAt: now, Holder: "asker", Recovery: "r1"}
	holder := bridge.Viewer{Person: "p1", SignedInAt: now, Holder: "holder", Recovery: "r1"}
	if got := bridge.Next(waiting, true, asker, now); got != bridge.StepWait {
		t.Errorf("before the proof: %s", got)
	}
	if got := bridge.Next(r, true, holder, now); got != bridge.StepLocking {
		t.Errorf("after the proof: %s", got)
	}
	if _, err := r.NewKey("holder", bridge.Key{}, now); bridge.CodeOf(err) != bridge.CodeNotOpen {
		t.Errorf("a key meanwhile: %v", err)
	}
	cancelled, err := r.Cancel("holder", now)
	if err != nil || bridge.Next(cancelled, true, holder, now) != bridge.StepLocking {
		t.Errorf("stopped before the lock began: %v", err)
	}
	if vetoed, err := r.Veto("veto", "123456", now); err != nil || bridge.Next(vetoed, true, holder, now) != bridge.StepEnded {
		t.Errorf("vetoed before the lock began: %v", err)
	}
	r.Lock = &bridge.Lock{}
	begun, err := r.Cancel("holder", now)
	if err != nil || bridge.Next(begun, true, holder, now) != bridge.StepLocking {
		t.Errorf("stopped after the lock began: %v", err)
	}
	s := bridge.Start{ID: "r2", Person: "p1", SignedInAt: now}
	if _, err := bridge.Begin(begun, true, s, now); bridge.CodeOf(err) != bridge.CodeTooLate {
		t.Errorf("another recovery meanwhile: %v", err)
	}
	for _, settled := range []bridge.Lock{{Done: true}, {Refused: bridge.CodeRefusedByAccount}} {
		r.Lock = &settled
		if got := bridge.Next(r, true, holder, now); got != bridge.StepEnrol {
			t.Errorf("afterwards: %s", got)
		}
	}
}

// WB-13: a theft of which nothing came is still one in the next request, whoever asks, and on the administrators' list when its lock was given up; it is withdrawn by
// the browser that reported it, by what was mailed, by an administrator, or by time.
func TestATheftOfWhichNothingCameStaysOne(t *testing.T) {
	t.Parallel()
	now := t0.Add(3 * time.Minute)
	another := func(old bridge.Recovery, why bridge.Reason, now time.Time) bridge.Recovery {
		t.Helper()
		s := start(now)
		s.ID, s.Reason, s.Asker = "r2", why, "thief"
		r, err := bridge.Begin(old, true, s, now)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	reported := begin(t)
	reported.Reason = bridge.ReasonStolen
	refused := prove(t)
	refused.Reason, refused.Lock = bridge.ReasonStolen, &bridge.Lock{Refused: bridge.CodePasswordChanged}
	must := func(r bridge.Recovery, err error) bridge.Recovery {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	day := now.Add(24 * time.Hour)
	for what, tc := range map[string]struct {
		old    bridge.Recovery
		now    time.Time
		stolen bool
	}{
		"superseded":             {another(reported, bridge.ReasonLost, now), now, true},
		"cancelled elsewhere":    {must(reported.Cancel("thief", now)), now, true},
		"superseded, cancelled":  {must(another(reported, bridge.ReasonLost, now).Cancel("thief", now)), now, true},
		"cancelled by who asked": {must(reported.Cancel("asker", now)), now, false},
		"so, and superseded":     {must(another(reported, bridge.ReasonLost, now).Cancel("asker", now)), now, false},
		"vetoed":                 {must(reported.Veto("veto", "123456", now)), now, false},
		"expired":                {reported, day, true},
		"refused":                {reported.Refuse(bridge.CodeDisabled, now), now, true},
		"its lock was refused":   {refused, day, true},
		"three days later":       {reported, now.Add(bridge.KeepEnded), false},
	} {
		r := another(tc.old, bridge.ReasonLost, tc.now)
		if stolen := r.Reason == bridge.ReasonStolen; stolen != tc.stolen {
			t.Errorf("%s: %s", what, r.Reason)
		}
		if again := another(another(r, bridge.ReasonLost, tc.now), bridge.ReasonChanged, tc.now); (again.Reason == bridge.ReasonStolen) != tc.stolen {
			t.Errorf("%s, and once more: %s", what, again.Reason)
		}
		why, seen := r.Attention()
		if want := what == "its lock was refused"; seen != want || r.Unlocked() != want || want && why != bridge.CodePasswordChanged {
			t.Errorf("%s: attention %q %t", what, why, seen)
		}
	}
}
