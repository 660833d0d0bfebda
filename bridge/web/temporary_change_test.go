package web_test

import (
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// TMP-02, TMP-04: a change in the settings and a temporary code wait for each other, so that nothing of the person's own counts as added under the code,
// and no code goes to an address that is just being taken away.
func TestATemporaryCodeWaitsForAChangeInTheSettings(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner", second("owner"))
	p := owner(t, c, name)
	c.StopWork()
	p.adds("tablet")
	ask := asksTemporary(t, c, name)
	if _, err := c.Flow.AskTemporary(t.Context(), ask); bridge.CodeOf(err) != bridge.CodeChangeOpen {
		t.Fatalf("under a change: %v", err)
	}
	if len(otps(c, name)) != 1 || len(c.Events("temporary.intended")) != 0 {
		t.Error("a code was made all the same")
	}
	if _, err := c.Web.Settings.RunChange(t.Context(), c.KC.PersonID(name)); err != nil || len(otps(c, name)) != 2 {
		t.Fatalf("%v, %d OTPs", err, len(otps(c, name)))
	}
	if _, err := c.Flow.AskTemporary(t.Context(), ask); err != nil {
		t.Errorf("after the change: %v", err)
	}
}

// slowKeys stands still right before a key is drawn, which is after every look at the account.
type slowKeys struct {
	bridge.Authenticator
	before func()
}

func (s slowKeys) NewKey() bridge.Secret {
	s.before()
	return s.Authenticator.NewKey()
}

// Of a code and a change that begin at the same moment, and pass each other's first look, the one that comes to its write first is refused.
func TestATemporaryCodeAndAChangeAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"code", "change"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner")
			id := c.KC.PersonID(name)
			p := owner(t, c, name)
			c.StopWork()
			ask := asksTemporary(t, c, name)
			f := *c.Flow
			f.Codes = slowKeys{f.Codes, func() { p.adds("tablet") }}
			if first == "change" {
				f.Audit = slowAudit{f.Audit, func() {
					if _, err := c.Web.Settings.RunChange(t.Context(), id); err != nil {
						t.Error(err)
					}
				}}
			}
			_, err := f.AskTemporary(t.Context(), ask)
			_, has := accountOf(t, c, name).TemporaryCode()
			if first == "code" && (bridge.CodeOf(err) != bridge.CodeChangeOpen || has) || first == "change" && (err != nil || !has || len(otps(c, name)) != 2) {
				t.Errorf("%v, %d OTPs", err, len(otps(c, name)))
			}
			if e := c.Events("authenticator.refused"); first == "change" && (len(e) != 1 || e[0].Code != bridge.CodeTemporary) {
				t.Errorf("the change: %v", names(c))
			}
			if len(c.Events("authenticator.added")) != 0 {
				t.Error("the change was written beside the code")
			}
		})
	}
}
