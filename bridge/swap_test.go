package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otpbridge/bridge"
)

var t0 = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// account is a model of what Keycloak keeps: every action may be lost, or repeated.
type account struct {
	creds []bridge.Credential
}

func (a *account) do(action bridge.Action) {
	i := slices.IndexFunc(a.creds, func(c bridge.Credential) bool { return c.ID == action.Credential })
	switch action.Kind {
	case bridge.ActionAdd:
		if i < 0 {
			created := time.UnixMilli(action.New.CreatedMillis)
			a.creds = append(a.creds, bridge.Credential{ID: action.New.ID, Type: bridge.TypeOTP, Label: action.New.Label, Created: created})
		}
	case bridge.ActionRemove:
		if i >= 0 {
			a.creds = slices.Delete(a.creds, i, i+1)
		}
	case bridge.ActionMove:
		a.move(i, action.After)
	}
}

func (a *account) move(i int, after string) {
	if i < 0 {
		return
	}
	c := a.creds[i]
	a.creds = slices.Delete(a.creds, i, i+1)
	at := 0
	if after != "" {
		at = slices.IndexFunc(a.creds, func(c bridge.Credential) bool { return c.ID == after }) + 1
	}
	a.creds = slices.Insert(a.creds, at, c)
}

func (a *account) otps() (n int) {
	for _, c := range a.creds {
		if c.Type == bridge.TypeOTP {
			n++
		}
	}
	return n
}

func drawCredentials(t *rapid.T) []bridge.Credential {
	var out []bridge.Credential
	if rapid.Bool().Draw(t, "password") {
		out = append(out, bridge.Credential{ID: "password", Type: bridge.TypePassword, Created: t0.Add(-time.Hour)})
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "otps") {
		out = append(out, bridge.Credential{
			ID: fmt.Sprint("otp", i), Type: bridge.TypeOTP, HOTP: rapid.Bool().Draw(t, "hotp"), Created: t0.Add(-time.Hour),
			Federated: rapid.IntRange(0, 9).Draw(t, "federated") == 0,
		})
	}
	if rapid.Bool().Draw(t, "codes") {
		out = append(out, bridge.Credential{ID: "codes", Type: bridge.TypeRecoveryCodes, Created: t0.Add(-time.Hour)})
	}
	return rapid.Permutation(out).Draw(t, "order")
}

func newSwap(creds []bridge.Credential) bridge.Swap {
	s := bridge.Swap{New: bridge.NewCredential{ID: "new", Label: "new", CreatedMillis: t0.UnixMilli()}}
	for _, c := range creds {
		if c.Type == bridge.TypeOTP && !c.Federated {
			s.Remove = append(s.Remove, c.ID)
		}
	}
	return s
}

// SWAP-06, INV-2: whatever is lost or repeated, and whatever others add meanwhile, the account never has less than one OTP once it had
// one, nothing else is touched, and in the end the new one stands alone right behind the password.
func TestSwapEndsNewOnlyUnderAnyFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		acc := &account{creds: drawCredentials(t)}
		before := slices.Clone(acc.creds)
		had := acc.otps() > 0
		swap := newSwap(acc.creds)
		added := 0
		for range 200 {
			action := bridge.NextAction(swap, acc.creds)
			if action.Kind == bridge.ActionFinish {
				checkNewOnly(t, acc, before, added)
				return
			}
			if rapid.IntRange(0, 2).Draw(t, "fault") == 0 {
				continue // the call was lost before its effect
			}
			if action.Kind == bridge.ActionEndSessions {
				swap.SessionsEnded = rapid.Bool().Draw(t, "noted")
				continue
			}
			acc.do(action)
			if rapid.Bool().Draw(t, "repeat") {
				acc.do(action)
			}
			if rapid.IntRange(0, 19).Draw(t, "foreign") == 0 && added < 2 {
				added++
				acc.creds = append(acc.creds, bridge.Credential{ID: fmt.Sprint("foreign", added), Type: bridge.TypeOTP, Created: t0.Add(time.Minute)})
			}
			if had && acc.otps() == 0 {
				t.Fatalf("no OTP left after %+v", action)
			}
		}
		t.Fatal("the swap does not end")
	})
}

func checkNewOnly(t *rapid.T, acc *account, before []bridge.Credential, added int) {
	i := slices.IndexFunc(acc.creds, func(c bridge.Credential) bool { return c.ID == "new" })
	if i < 0 {
		t.Fatal("finished without the new credential")
	}
	if i > 0 && acc.creds[i-1].Type != bridge.TypePassword {
		t.Fatalf("the new credential stands behind %v", acc.creds[i-1])
	}
	for _, c := range before {
		gone := !slices.ContainsFunc(acc.creds, func(o bridge.Credential) bool { return o.ID == c.ID })
		if want := c.Type == bridge.TypeOTP && !c.Federated; gone != want {
			t.Fatalf("%+v: removed %v, want %v", c, gone, want)
		}
	}
	for n := 1; n <= added; n++ {
		if !slices.ContainsFunc(acc.creds, func(o bridge.Credential) bool { return o.ID == fmt.Sprint("foreign", n) }) {
			t.Fatal("a newer OTP that somebody else added was removed") // SWAP-05
		}
	}
}

// WB-01: nothing is removed before the new credential is seen.
func TestSwapRemovesNothingBeforeTheNewOneIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		creds := drawCredentials(t)
		if a := bridge.NextAction(newSwap(creds), creds); a.Kind != bridge.ActionAdd {
			t.Fatalf("first action is %s", a.Kind)
		}
	})
}

// A run reads the credentials only after the write and at the end: what it reckons in between is what Keycloak keeps.
func TestSwapReckonsWhatIsKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		acc := &account{creds: drawCredentials(t)}
		s := newSwap(acc.creds)
		for range 20 {
			a := bridge.NextAction(s, acc.creds)
			before := slices.Clone(acc.creds)
			reckoned := a.Apply(before)
			acc.do(a)
			switch a.Kind {
			case bridge.ActionFinish:
				return
			case bridge.ActionEndSessions:
				s.SessionsEnded = true
			case bridge.ActionAdd: // always read
				continue
			}
			if !slices.Equal(reckoned, acc.creds) {
				t.Fatalf("%s of %v: reckoned %v, kept %v", a.Kind, before, reckoned, acc.creds)
			}
		}
		t.Fatal("no end")
	})
}

// Issue 5: the password of a directory is listed last, whatever is moved, and no credential can be put behind it: the new one comes first.
func TestSwapPutsNothingBehindADirectorysPassword(t *testing.T) {
	old := bridge.Credential{ID: "old", Type: bridge.TypeOTP, Created: t0.Add(-time.Hour)}
	ours := bridge.Credential{ID: "new", Type: bridge.TypeOTP, Created: t0}
	password := bridge.Credential{Type: bridge.TypePassword, Federated: true}
	s := newSwap([]bridge.Credential{old, password})
	seen := []bridge.Credential{old, ours, password}
	for _, want := range []bridge.Action{
		{Kind: bridge.ActionMove, Credential: "new"}, {Kind: bridge.ActionRemove, Credential: "old"}, {Kind: bridge.ActionEndSessions},
	} {
		got := bridge.NextAction(s, seen)
		if got != want {
			t.Fatalf("%+v, want %+v, with %v", got, want, seen)
		}
		seen = got.Apply(seen)
	}
	s.SessionsEnded = true
	if got := bridge.NextAction(s, []bridge.Credential{ours, password}); got.Kind != bridge.ActionFinish {
		t.Errorf("%+v at the end", got)
	}
}
