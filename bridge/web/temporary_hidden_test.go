package web_test

import (
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// thief is what a thief adds at Keycloak's account console.
func thief(c *campus.Campus, id, kind string) {
	factor := fakekc.Credential{ID: "thief", Type: kind, Label: "thief", Data: `{}`, SecretData: `{}`}
	if kind == bridge.TypeOTP {
		factor.Data, factor.SecretData = `{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA1"}`, `{"value":"x"}`
	}
	c.KC.AddCredential(id, factor)
}

func holds(c *campus.Campus, id, credential string) bool {
	for _, have := range c.KC.Credentials(id) {
		if have.ID == credential {
			return true
		}
	}
	return false
}

// uncovered says that the thief's second factor was found out.
func uncovered(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	id := c.KC.PersonID(name)
	if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryChanged || holds(c, id, "thief") {
		t.Errorf("%s, the thief's stands: %v", got.End, holds(c, id, "thief"))
	}
	if len(c.Events("alarm.temporary_changed")) != 1 || c.KC.Sessions(id) != 0 {
		t.Errorf("%d sessions, events %v", c.KC.Sessions(id), names(c))
	}
	tells(t, c, bridge.NoticeTemporaryBack, "owner@mail.example.org", "owner@other.example.net")
	_, err := c.Flow.TemporaryTo(t.Context(), bridge.Viewer{Person: id, SignedInAt: c.Clock.Now()}, asksTemporary(t, c, name).Snapshot)
	if bridge.CodeOf(err) != bridge.CodeDeskOnly {
		t.Errorf("another code is mailed: %v", err)
	}
}

// TMP-04: whoever used a code and added a second factor hides that by nothing: not by giving the code back before the next look, not with the
// objection from the mail.
func TestTheEndOfATemporaryCodeHidesNoChange(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"given back", "vetoed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner", second("owner"))
			p, code := hasCode(t, c, name)
			if !newPerson(t, c).portal(name, typed(code)) {
				t.Fatal("the code does not work")
			}
			thief(c, c.KC.PersonID(name), bridge.TypeOTP)
			if how == "vetoed" {
				mail := c.Mails(bridge.NoticeTemporary)[0]
				p.must(c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection))
			} else {
				p.send("/temporary", http.StatusOK, "do", "end")
			}
			uncovered(t, c, name)
			oldStill(t, c, name)
		})
	}
}

// TMP-04, SWAP-05: nor by a recovery, which leaves passkeys alone; what the recovery wrote stays.
func TestARecoveryHidesNoPasskeyOfATemporaryCode(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner", second("owner"))
	_, code := hasCode(t, c, name)
	if !newPerson(t, c).portal(name, typed(code)) {
		t.Fatal("the code does not work")
	}
	thief(c, c.KC.PersonID(name), "webauthn")
	p := newPerson(t, c)
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	p.redeem(name)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	c.Clock.Add(31 * time.Second)
	uncovered(t, c, name)
	newOnly(t, c, name, key)
}

// A veto does not talk a change down: whatever was added goes on being removed.
func TestAVetoIsNoMilderEndThanAChange(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner", second("owner"))
	id := c.KC.PersonID(name)
	_, code := hasCode(t, c, name)
	if !newPerson(t, c).portal(name, typed(code)) {
		t.Fatal("the code does not work")
	}
	thief(c, id, bridge.TypeOTP)
	c.StopWork()
	if _, err := flowOn(c, &cutTarget{left: 1}).RunTemporary(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := temporaryOf(t, c, name); got.State != bridge.TemporaryEnding || got.End != bridge.TemporaryChanged || !holds(c, id, "thief") {
		t.Fatalf("%s, %s", got.State, got.End)
	}
	mail := c.Mails(bridge.NoticeTemporary)[0]
	if err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); bridge.CodeOf(err) != bridge.CodeTooLate {
		t.Fatal(err)
	}
	if next, err := c.Flow.RunTemporary(t.Context(), id); err != nil {
		t.Fatal(next, err)
	}
	uncovered(t, c, name)
}
