package bridge_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otpbridge/bridge"
)

func start(now time.Time) bridge.Start {
	return bridge.Start{
		ID: "r1", Person: "p1", Username: "alice", Way: bridge.WayMail, Reason: bridge.ReasonLost, Asker: "asker", SignedInAt: now.Add(-time.Minute),
		Link: bridge.Link{Hash: "hash", VetoHash: "veto", Objection: "123456", To: "a@example.net", SentAt: now, Expires: now.Add(30 * time.Minute)},
	}
}

func begin(t *testing.T) bridge.Recovery {
	t.Helper()
	r, err := bridge.Begin(bridge.Recovery{}, false, start(t0), t0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func proof(now time.Time) bridge.Proof {
	return bridge.Proof{LinkHash: "hash", Person: "p1", Holder: "holder", SignedInAt: now}
}

var key = bridge.Key{Secret: "SECRET", OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30}}

func prove(t *testing.T) bridge.Recovery {
	t.Helper()
	r, err := begin(t).Prove(proof(t0.Add(time.Minute)), key, t0.Add(2*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t *testing.T, err error, want bridge.Code) {
	t.Helper()
	if got := bridge.CodeOf(err); got != want {
		t.Errorf("code %q, want %q (%v)", got, want, err)
	}
}

// TOK-02, TOK-06, OIDC-09: what a link needs to prove.
func TestProveNeedsTheLinkAFreshSignInAndTheRightPerson(t *testing.T) {
	later := t0.Add(5 * time.Minute)
	tests := map[string]struct {
		change func(*bridge.Proof)
		now    time.Time
		want   bridge.Code
	}{
		"right":                        {func(*bridge.Proof) {}, later, ""},
		"last second of the link":      {func(p *bridge.Proof) { p.SignedInAt = t0.Add(29 * time.Minute) }, t0.Add(30*time.Minute - time.Second), ""},
		"link expired":                 {func(p *bridge.Proof) { p.SignedInAt = t0.Add(29 * time.Minute) }, t0.Add(30 * time.Minute), bridge.CodeLinkInvalid},
		"another link":                 {func(p *bridge.Proof) { p.LinkHash = "other" }, later, bridge.CodeLinkInvalid},
		"no link":                      {func(p *bridge.Proof) { p.LinkHash = "" }, later, bridge.CodeLinkInvalid},
		"the veto link":                {func(p *bridge.Proof) { p.LinkHash = "veto" }, later, bridge.CodeLinkInvalid},
		"another person":               {func(p *bridge.Proof) { p.Person = "p2" }, later, bridge.CodeLinkInvalid},
		"no holder":                    {func(p *bridge.Proof) { p.Holder = "" }, later, bridge.CodeLinkInvalid},
		"signed in before the link":    {func(p *bridge.Proof) { p.SignedInAt = t0 }, later, bridge.CodeStaleSignIn},
		"signed in 15 minutes ago":     {func(p *bridge.Proof) { p.SignedInAt = t0.Add(time.Second) }, t0.Add(15*time.Minute + time.Second), ""},
		"signed in 15:01 minutes ago":  {func(p *bridge.Proof) { p.SignedInAt = t0.Add(time.Second) }, t0.Add(15*time.Minute + 2*time.Second), bridge.CodeStaleSignIn},
		"signed in at the same moment": {func(p *bridge.Proof) { p.SignedInAt = t0.Add(time.Nanosecond) }, later, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := proof(t0.Add(4 * time.Minute))
			tt.change(&p)
			r, err := begin(t).Prove(p, key, tt.now)
			wantCode(t, err, tt.want)
			if (r.State == bridge.Proven) != (tt.want == "") {
				t.Errorf("state %s", r.State)
			}
		})
	}
}

// TOK-07: the newest request wins until there is a proof.
func TestBeginSupersedesOnlyWithoutAProof(t *testing.T) {
	waiting, proven := begin(t), prove(t)
	now := t0.Add(3 * time.Minute)
	writing, err := proven.Write("holder", bridge.Swap{New: bridge.NewCredential{Secret: "SECRET"}}, 1, now)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		old  bridge.Recovery
		now  time.Time
		want bridge.Code
	}{
		"waiting":        {waiting, now, ""},
		"proven":         {proven, now, bridge.CodeActive},
		"proven, lapsed": {proven, t0.Add(13 * time.Minute), ""},
		"writing":        {writing, t0.Add(24 * time.Hour), bridge.CodeTooLate},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(tt.now)
			s.ID = "r2"
			r, err := bridge.Begin(tt.old, true, s, tt.now)
			wantCode(t, err, tt.want)
			if tt.want == "" && (r.ID != "r2" || r.Key != nil || r.Holder != "") {
				t.Errorf("%+v", r)
			}
		})
	}
}

// MAIL-11: only the veto link with its number stops; five wrong numbers kill the veto link, not the recovery.
func TestVetoNeedsItsOwnLinkAndNumber(t *testing.T) {
	r := begin(t)
	_, err := r.Veto("hash", "123456", t0)
	wantCode(t, err, bridge.CodeLinkInvalid)
	for range bridge.MaxObjections {
		r, err = r.Veto("veto", "654321", t0)
		wantCode(t, err, bridge.CodeObjection)
	}
	r, err = r.Veto("veto", "123456", t0)
	wantCode(t, err, bridge.CodeLinkInvalid)
	if r.State != bridge.Waiting {
		t.Errorf("state %s", r.State)
	}
	for name, open := range map[string]bridge.Recovery{"waiting": begin(t), "proven": prove(t)} {
		ended, err := open.Veto("veto", "123456", t0.Add(3*time.Minute))
		if err != nil || ended.End != bridge.EndVetoed || ended.Key != nil {
			t.Errorf("%s: %v %+v", name, err, ended)
		}
	}
}

// ENR-08: five wrong codes erase the key; ENR-07: a step counts once.
func TestWrongCodesEraseTheKey(t *testing.T) {
	r := prove(t)
	now := t0.Add(3 * time.Minute)
	var err error
	for left := bridge.KeyTries - 1; left > 0; left-- {
		r, err = r.Wrong("holder", now)
		wantCode(t, err, bridge.CodeWrongCode)
		var e *bridge.Error
		if !errors.As(err, &e) || e.Left != left {
			t.Errorf("left %+v, want %d", e, left)
		}
	}
	r, err = r.Wrong("holder", now)
	wantCode(t, err, bridge.CodeKeyStopped)
	if !r.Key.Stopped || r.Key.Secret != "" {
		t.Errorf("key %+v", r.Key)
	}
	_, err = r.Write("holder", bridge.Swap{}, 1, now)
	wantCode(t, err, bridge.CodeOldKey)
}

func TestAStepCountsOncePerKey(t *testing.T) {
	r := prove(t)
	now := t0.Add(3 * time.Minute)
	swap := bridge.Swap{New: bridge.NewCredential{Secret: "SECRET"}}
	r, err := r.Write("holder", swap, 7, now)
	wantCode(t, err, "")
	_, err = r.Write("holder", swap, 8, now)
	wantCode(t, err, bridge.CodeTooLate)
	r, err = r.Unwrite(now) // the audit trail could not be written
	wantCode(t, err, "")
	_, err = r.Write("holder", swap, 7, now)
	wantCode(t, err, bridge.CodeUsed)
	_, err = r.Write("holder", swap, 8, now)
	wantCode(t, err, "")
}

// The machine under random calls: what must hold in every state, whoever calls what and when.
func TestRecoveryMachineKeepsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := t0
		r, err := bridge.Begin(bridge.Recovery{}, false, start(now), now)
		if err != nil {
			t.Fatal(err)
		}
		proofs := 0
		for range rapid.IntRange(1, 40).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second)
			before := r
			next, err := randomCall(t, r, now)
			if err != nil && bridge.CodeOf(err) != bridge.CodeWrongCode && bridge.CodeOf(err) != bridge.CodeKeyStopped &&
				bridge.CodeOf(err) != bridge.CodeObjection {
				next = before.At(now) // what is not counted is not stored
			}
			r = next
			if before.State == bridge.Waiting && r.State == bridge.Proven {
				proofs++
			}
			checkInvariants(t, before, r, proofs)
		}
	})
}

func randomCall(t *rapid.T, r bridge.Recovery, now time.Time) (bridge.Recovery, error) {
	holder := rapid.SampledFrom([]string{"holder", "asker", ""}).Draw(t, "holder")
	secret := bridge.Secret(rapid.SampledFrom([]string{"SECRET", "OTHER"}).Draw(t, "secret"))
	switch rapid.SampledFrom([]string{"prove", "cancel", "veto", "new", "extend", "wrong", "write", "unwrite", "finish", "resend", "refuse"}).Draw(t, "call") {
	case "prove":
		p := proof(now)
		p.LinkHash = rapid.SampledFrom([]string{"hash", "veto", ""}).Draw(t, "link")
		p.Holder = holder
		return r.Prove(p, key, now)
	case "cancel":
		return r.Cancel(holder, now)
	case "veto":
		return r.Veto("veto", rapid.SampledFrom([]string{"123456", "000000"}).Draw(t, "number"), now)
	case "new":
		return r.NewKey(holder, bridge.Key{Secret: secret}, now)
	case "extend":
		return r.Extend(holder, now)
	case "wrong":
		return r.Wrong(holder, now)
	case "write":
		return r.Write(holder, bridge.Swap{New: bridge.NewCredential{Secret: secret}}, int64(rapid.IntRange(1, 9).Draw(t, "step")), now)
	case "unwrite":
		return r.Unwrite(now)
	case "finish":
		return r.Finish(now)
	case "resend":
		l := start(now).Link
		l.Hash = "hash2"
		return r.Resend(l, now)
	}
	return r.Refuse(bridge.CodeDisabled, now), nil
}

func checkInvariants(t *rapid.T, before, r bridge.Recovery, proofs int) {
	if r.Key != nil && r.State != bridge.Proven && r.State != bridge.Writing {
		t.Fatalf("INV-1: a key in %s", r.State)
	}
	if (r.State == bridge.Proven || r.State == bridge.Writing) && r.Holder == "" {
		t.Fatalf("%s without a holder", r.State)
	}
	if r.State == bridge.Writing && r.Swap == nil {
		t.Fatal("Writing without a swap")
	}
	if proofs > 1 {
		t.Fatal("TOK-06: proven twice")
	}
	if !before.Open() && r.State != before.State {
		t.Fatalf("%s → %s: an end is final", before.State, r.State)
	}
	if before.State == bridge.Writing && r.State == bridge.Ended && r.End != bridge.EndRefused {
		t.Fatalf("Writing ended by %s", r.End)
	}
}

// MAIL-11: a start that finds an objection of which nobody heard yet does not put a new recovery in its place.
func TestAStartForgetsNoObjection(t *testing.T) {
	objected := bridge.Recovery{ID: "r1", Person: "p1", State: bridge.Done, DoneAt: t0, Unsaid: []string{"alarm.objected"}}
	s := bridge.Start{ID: "r2", Person: "p1", Way: bridge.WayDesk, Reason: bridge.ReasonLost, SignedInAt: t0}
	r, err := bridge.Begin(objected, true, s, t0)
	wantCode(t, err, bridge.CodeStoreAway)
	if r.ID != "r1" {
		t.Errorf("%s is stored", r.ID)
	}
	objected.Unsaid = nil
	_, err = bridge.Begin(objected, true, s, t0)
	wantCode(t, err, "")
}
