package bridge_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

// TMP-03: neither a temporary code nor a tombstone is an authenticator; what somebody named or made like one is.
func TestOnlyOursIsATemporaryCode(t *testing.T) {
	t.Parallel()
	n := bridge.NewTemporary("一時コード", "", t0)
	mine := bridge.Credential{ID: n.ID, Type: bridge.TypeOTP, HOTP: true, Label: "renamed"}
	like := bridge.Credential{ID: bridge.NewUUID(), Type: bridge.TypeOTP, HOTP: true, Label: n.Label}
	a := bridge.Account{Credentials: []bridge.Credential{{ID: "p", Type: bridge.TypePassword}, like}}
	if _, ok := a.TemporaryCode(); ok || len(a.Authenticators()) != 1 {
		t.Errorf("one that only has our label: temporary %v, %v", ok, a.Authenticators())
	}
	a.Credentials = append(a.Credentials, mine)
	if c, ok := a.TemporaryCode(); !ok || c.ID != n.ID || len(a.Authenticators()) != 1 || len(a.OTPs()) != 2 {
		t.Errorf("ours: %+v %v, %v", c, ok, a.Authenticators())
	}
	if len(n.ID) != len(bridge.NewUUID()) || n.ID == bridge.NewTemporary("", "", t0).ID {
		t.Errorf("id %q", n.ID)
	}
}

// MAIL-11: what a used code opened is objected to for three days, however long its record is kept.
func TestAnObjectionToAUsedCodeIsHeardForThreeDays(t *testing.T) {
	t.Parallel()
	code := bridge.TemporaryCode{
		ID: "c", State: bridge.TemporaryEnded, End: bridge.TemporaryGivenBack, UsedAt: t0, EndedAt: t0, Vetoes: []bridge.Veto{{Hash: "h", Objection: "123456"}},
	}
	_, err := code.Veto("h", "123456", t0.Add(bridge.KeepEnded-time.Second))
	wantCode(t, err, bridge.CodeTooLate)
	_, err = code.Veto("h", "123456", t0.Add(bridge.KeepEnded))
	wantCode(t, err, bridge.CodeLinkInvalid)
}
